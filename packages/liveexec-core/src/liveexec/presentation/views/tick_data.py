"""Recorded ticks: how files were laid out, and what signals would read of them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from attrs import frozen

from liveexec.domain import money
from liveexec.presentation import cells
from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import Places
from liveexec.presentation.table_view import Column, Kind, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = ["PlannedRead", "RewrittenFile", "layout_view", "reading_view"]

_SHARE_PLACES: Final = 2
_FOLDER: Final = "data_type-"


@frozen
class RewrittenFile:
    """A tick file that was laid out, or was so already."""

    instrument_id: str
    kind: str
    rows: int
    groups_before: int
    groups: int
    bytes_before: int
    bytes: int
    is_new: bool


@frozen
class PlannedRead:
    """What would be read of a tick file; ``groups`` are those that would be read, and all."""

    day: str
    instrument_id: str
    kind: str
    windows: int
    groups: tuple[int, int] | None
    footer_bytes: int
    bytes: int | None
    size: int
    is_laid_out: bool | None


def _state(row: PlainRow, _: Places | None) -> Cell:
    return cells.text("laid out", Tone.GOOD) if row["is_new"] else cells.text("was so already", Tone.MUTED)


def _data(row: PlainRow, _: Places | None) -> Cell:
    """The name of the folder that such files are in, without what all of them have."""
    kind = row["kind"]
    shown = cells.text(kind.removeprefix(_FOLDER))
    return Cell(shown.text, kind, kind)


_DATA: Final = RowColumn(Column("kind", "data"), _data)
_LAYOUT_COLUMNS: Final = (
    column("instrument_id", "instrument", As.INSTRUMENT),
    _DATA,
    column("rows", "rows", As.COUNT, priority=2),
    column("groups_before", "groups before", As.COUNT, priority=4),
    column("groups", "groups", As.COUNT),
    column("bytes_before", "bytes before", As.COUNT, priority=3),
    column("bytes", "bytes", As.COUNT),
    RowColumn(Column("state", "state"), _state),
)


def layout_view(files: Iterable[RewrittenFile]) -> TableView:
    """The files of a day, in their order."""
    rows = [
        {
            "instrument_id": each.instrument_id,
            "kind": each.kind,
            "rows": each.rows,
            "groups_before": each.groups_before,
            "groups": each.groups,
            "bytes_before": each.bytes_before,
            "bytes": each.bytes,
            "is_new": each.is_new,
        }
        for each in files
    ]
    new = sum(1 for row in rows if row["is_new"])
    footer = f"{counted(new, 'file')} laid out and verified, {len(rows) - new} left as they were"
    return table_of("layout", "Layout", _LAYOUT_COLUMNS, rows, {}, footer=footer, nothing="no tick files")


def _share(row: PlainRow, _: Places | None) -> Cell:
    if row["read"] is None:
        return cells.EMPTY
    return cells.amount(_percent(row["read"], row["size"]), _SHARE_PLACES)


def _groups(row: PlainRow, _: Places | None) -> Cell:
    return cells.text(row["groups"])


_READING_COLUMNS: Final = (
    column("day", "day", priority=2),
    column("instrument_id", "instrument", As.INSTRUMENT),
    _DATA,
    column("windows", "windows", As.COUNT),
    RowColumn(Column("groups", "row groups"), _groups),
    column("layout", "layout", priority=3),
    column("footer_bytes", "footer", As.COUNT, priority=4),
    column("bytes", "columns", As.COUNT, priority=4),
    column("read", "bytes read", As.COUNT),
    column("size", "of", As.COUNT),
    RowColumn(Column("share", "percent", Kind.AMOUNT), _share),
)


def reading_view(reads: Iterable[PlannedRead], signals: int, unchanged: int) -> TableView:
    """What a set of signals would read; ``unchanged`` intervals had no signal in them."""
    found = list(reads)
    rows = [
        {
            "day": each.day,
            "instrument_id": each.instrument_id,
            "kind": each.kind,
            "windows": each.windows,
            "groups": f"{each.groups[0]} of {each.groups[1]}" if each.groups is not None else None,
            "layout": {True: "minutes", False: "as recorded", None: None}[each.is_laid_out],
            "footer_bytes": each.footer_bytes,
            "bytes": each.bytes,
            "read": each.bytes + each.footer_bytes if each.bytes is not None else None,
            "size": each.size,
        }
        for each in found
    ]
    known = [(each.bytes + each.footer_bytes, each.size) for each in found if each.bytes is not None]
    read, size = sum(each for each, _ in known), sum(each for _, each in known)
    said = [counted(signals, "signal")]
    if unchanged:
        said.append(f"{counted(unchanged, 'interval')} without a change skipped")
    if size:
        said.append(f"{read} of {size} bytes, {cells.amount(_percent(read, size), _SHARE_PLACES).text} %")
    if len(known) < len(rows):
        said.append("the store cuts rows out itself: what it reads of them only it knows")
    return table_of(
        "reading", "What would be read", _READING_COLUMNS, rows, {}, footer=", ".join(said), nothing="nothing to read"
    )


def _percent(read: int, size: int) -> Decimal:
    return money.divide(Decimal(100 * read), Decimal(size), _SHARE_PLACES) if size else money.ZERO
