"""Plugins: what is installed, what it registers, and why something was refused."""

from collections.abc import Iterable
from typing import Final

from attrs import asdict, frozen

from liveexec.presentation import cells
from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import Places
from liveexec.presentation.table_view import Column, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = ["PluginRow", "plugins_view"]


@frozen
class PluginRow:
    """A plugin that was found; ``api`` is ``None`` where it was not imported, ``refused`` where it was loaded."""

    distribution: str
    version: str
    api: str | None
    registers: str
    refused: str | None


def _state(row: PlainRow, _: Places | None) -> Cell:
    refused = row["refused"]
    return cells.text(refused, Tone.BAD) if refused else cells.text("loaded", Tone.GOOD)


_COLUMNS: Final = (
    column("distribution", "distribution", As.ID),
    column("version", "version"),
    column("api", "API", priority=2),
    RowColumn(Column("state", "state", folds=True), _state),
    column("registers", "registers", folds=True),
)


def plugins_view(rows: Iterable[PluginRow]) -> TableView:
    """The plugins in the order in which they are loaded, ours first."""
    listed = [asdict(row) for row in rows]
    footer = counted(len(listed), "plugin")
    return table_of("plugins", "Plugins", _COLUMNS, listed, {}, nothing="no plugins", footer=footer)
