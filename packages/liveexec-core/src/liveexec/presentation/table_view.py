"""Tables as values: what is shown, formatted once, for every way to show it.

A :class:`TableView` says nothing of terminals or documents; the renderers say nothing of orders.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from attrs import evolve, field, frozen
from attrs.converters import optional

from liveexec.presentation.cells import Cell
from liveexec.presentation.formatting import single_line
from liveexec.presentation.renderers import html

__all__ = ["ALWAYS", "Align", "Column", "Kind", "Layout", "Report", "TableView"]

#: The priority of a column that no narrow terminal hides.
ALWAYS: Final = 0


class Kind(StrEnum):
    """What a column holds, which decides its alignment and how programs get it."""

    TEXT = "text"
    ID = "id"
    AMOUNT = "amount"
    COUNT = "count"
    TIME = "time"
    FLAG = "flag"
    DOCUMENT = "document"


class Align(StrEnum):
    """Where a column's text stands."""

    LEFT = "left"
    RIGHT = "right"


class Layout(StrEnum):
    """Whether rows stand below each other, or each row is a list of its fields."""

    TABLE = "table"
    RECORD = "record"


@frozen
class Column:
    """A column. ``id`` is the stable key of machine-readable output, ``title`` what people see.

    Where there is little room, columns with a higher ``priority`` number are hidden first. Text may be cut down to
    ``min_width`` characters (``None``: it is shown whole), or goes on in the next line if it ``folds``. A column that
    is not ``listed`` appears in machine-readable output only.
    """

    id: str
    title: str
    kind: Kind = Kind.TEXT
    priority: int = ALWAYS
    min_width: int | None = None
    folds: bool = False
    listed: bool = True

    @property
    def align(self) -> Align:
        return Align.RIGHT if self.kind in (Kind.AMOUNT, Kind.COUNT) else Align.LEFT


Row = tuple[Cell, ...]


@frozen
class TableView:
    """A table: its name for programs and title for people, columns, rows of cells, a caption above, a footer below.

    ``nothing`` is what people read when there are no rows.
    """

    name: str
    title: str = field(converter=single_line)
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str | None = field(default=None, converter=optional(single_line))
    footer: str | None = field(default=None, converter=optional(single_line))
    layout: Layout = Layout.TABLE
    nothing: str = "nothing to show"

    def __attrs_post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.name}: a row has {len(row)} cells for {len(self.columns)} columns")

    def sorted_by(self, column_id: str, *, descending: bool = False) -> "TableView":
        """The same table with its rows in the order of a column; empty cells come last either way."""
        index = self.index_of(column_id)
        filled = [row for row in self.rows if row[index].value is not None]
        empty = [row for row in self.rows if row[index].value is None]
        filled.sort(key=lambda row: row[index].sort_key, reverse=descending)
        return evolve(self, rows=(*filled, *empty))

    def index_of(self, column_id: str) -> int:
        """Where a column stands.

        Raises:
            KeyError: there is no such column.
        """
        for index, column in enumerate(self.columns):
            if column.id == column_id:
                return index
        raise KeyError(f"{self.name} has no column {column_id!r}")

    def column_cells(self, index: int) -> Iterable[Cell]:
        """The cells of a column, from top to bottom."""
        return (row[index] for row in self.rows)

    def shown(self) -> list[int]:
        """The columns that people see: listed, and with something in them unless they always stand."""
        return [
            index
            for index, column in enumerate(self.columns)
            if column.listed
            and (column.priority == ALWAYS or any(not cell.is_empty for cell in self.column_cells(index)))
        ]

    def _repr_html_(self) -> str:
        return html.table_html(self)


@frozen
class Report:
    """Several tables that belong together, by their names (an order with its timeline, route, children and fills)."""

    name: str
    views: tuple[TableView, ...]

    def __attrs_post_init__(self) -> None:
        names = [view.name for view in self.views]
        if len(set(names)) != len(names):
            raise ValueError(f"report {self.name}: two tables have one name ({', '.join(names)})")

    @classmethod
    def of(cls, name: str, views: Sequence[TableView]) -> "Report":
        """A report of the views."""
        return cls(name, tuple(views))

    def by_name(self) -> Mapping[str, TableView]:
        """The tables by their names, in order."""
        return {view.name: view for view in self.views}

    def _repr_html_(self) -> str:
        return "\n".join(html.table_html(view) for view in self.views)
