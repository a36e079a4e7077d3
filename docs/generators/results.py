"""The files of a run, from the classes of their rows."""

from typing import Any

from generators.markdown import code, prose, table
from liveexec.storage.results.rows import RESULT_TABLES, result_columns

__all__ = ["result_tables"]


def result_tables() -> str:
    """A section for each file that is a table: what a row is, and its columns."""
    return "\n\n".join(_section(name, kind) for name, kind in RESULT_TABLES.items())


def _section(name: str, kind: type[Any]) -> str:
    rows = [
        (code(each.name), code(each.kind), "may be empty" if each.nullable else "", each.says)
        for each in result_columns(kind)
    ]
    return "\n\n".join(
        (f"### {name}.parquet", prose(kind.__doc__), table(("column", "type", "", "what it says"), rows))
    )
