"""The schema, from :mod:`liveexec.storage.schema`."""

import re
from typing import Any, Final

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

from generators.markdown import code, table
from liveexec.storage.schema import metadata
from liveexec.storage.schema_names import PROJECTED_TABLES
from liveexec.storage.schema_objects import PRODUCT_VIEW

__all__ = ["table_sections"]

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not type it
_VIEW: Final = re.compile(r"CREATE VIEW (\w+)")


def table_sections() -> str:
    """A section for each table: what it is, its columns, its keys and indexes; then the view."""
    found = _VIEW.match(PRODUCT_VIEW)
    if found is None:
        raise LookupError("the view has no name")
    view = f"### {found.group(1)}\n\nA view:\n\n```sql\n{PRODUCT_VIEW}\n```"
    return "\n\n".join([*(_section(each) for each in metadata.tables.values()), view])


def _section(found: Table) -> str:
    rows = [(code(column.name), _type(column), _notes(column)) for column in found.columns]
    key = ", ".join(code(column.name) for column in found.primary_key.columns)
    indexes = sorted(found.indexes, key=lambda index: str(index.name))
    parts = [
        f"### {found.name}",
        "A projection of the journal." if found.name in PROJECTED_TABLES else "Not made anew from the journal.",
        table(("column", "type", ""), rows),
        f"Primary key: {key}.",
    ]
    if indexes:
        parts.append("Indexes: " + "; ".join(_index(index) for index in indexes) + ".")
    return "\n\n".join(parts)


def _index(index: Any) -> str:
    columns = ", ".join(code(column.name) for column in index.columns)
    where = index.dialect_options["postgresql"]["where"]
    return f"{columns} where {code(where)}" if where is not None else columns


def _type(column: Column[Any]) -> str:
    return str(column.type.compile(_DIALECT)).replace(' COLLATE "C"', "").lower()


def _notes(column: Column[Any]) -> str:
    if column.computed is not None:
        return f"generated: {code(column.computed.sqltext)}"
    return "" if column.nullable else "not null"
