"""JSON for programs: stable keys, amounts as text (no reader's floats touch them), times twice.

A time column ``created_at`` gives ``created_at`` in ISO 8601 and ``created_at_ns`` in UTC nanoseconds. What is not
there is ``null``. A table is an array of objects, a record one object, a report an object of both by name.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, assert_never

from liveexec.presentation.cells import Cell
from liveexec.presentation.formatting import exact_text
from liveexec.presentation.table_view import Column, Kind, Layout, Report, Row, TableView

__all__ = ["json_text"]


def json_text(shown: TableView | Report, *, indent: int | None = 2) -> str:
    """The view as one JSON document, ASCII only, ending with a line feed."""
    document: Any = (
        {name: _document(view) for name, view in shown.by_name().items()}
        if isinstance(shown, Report)
        else _document(shown)
    )
    return json.dumps(document, indent=indent, default=_plain, allow_nan=False) + "\n"


def _document(view: TableView) -> Any:
    objects = [_object(view.columns, row) for row in view.rows]
    return objects[0] if view.layout is Layout.RECORD and len(objects) == 1 else objects


def _object(columns: tuple[Column, ...], row: Row) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=True):
        match column.kind:
            case Kind.AMOUNT:
                fields[column.id] = None if cell.value is None else cell.exact
            case Kind.TIME:
                fields[column.id] = None if cell.value is None else cell.text
                fields[f"{column.id}_ns"] = cell.value
            case Kind.TEXT | Kind.ID | Kind.COUNT | Kind.FLAG | Kind.DOCUMENT:
                fields[column.id] = _value(cell)
            case _:
                assert_never(column.kind)
    return fields


def _value(cell: Cell) -> Any:
    # Records mix kinds in one place (a log's fields), so amounts may stand anywhere.
    return cell.exact if isinstance(cell.value, Decimal) else cell.value


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return exact_text(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} can't be written as JSON")
