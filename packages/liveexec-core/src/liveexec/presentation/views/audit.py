"""The audit log: what operators did, and what is wrong with the log itself."""

from collections.abc import Iterable
from typing import Final

from liveexec.presentation import cells
from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import Places
from liveexec.presentation.table_view import Column, Kind, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = ["audit_findings_view", "audit_view"]


def _details(row: PlainRow, _: Places | None) -> Cell:
    details = row["details"]
    # Few actions have any, and a column of empty documents says nothing.
    if not details:
        return cells.EMPTY
    # We write no others, but a log that somebody tampered with has to be shown as well.
    return cells.document(details) if isinstance(details, dict) else cells.text(str(details))


def _hash(key: str) -> RowColumn:
    return RowColumn(
        Column(key, key.replace("_", " "), Kind.ID, listed=False), lambda row, _: cells.identifier(row[key].hex())
    )


_COLUMNS: Final = (
    column("recorded_at", "time (UTC)", As.TIME),
    column("shard", "shard", As.ID, priority=3),
    column("sequence", "no.", As.COUNT, priority=2),
    column("principal", "who"),
    column("action", "what"),
    column("subject", "of", As.ID, priority=1, min_width=12, folds=True),
    column("reason", "why", min_width=12, folds=True),
    RowColumn(Column("details", "details", Kind.DOCUMENT, priority=4, min_width=12, folds=True), _details),
    column("position", "position", As.COUNT, listed=False),
    _hash("previous_hash"),
    _hash("hash"),
)


def audit_view(rows: Iterable[PlainRow]) -> TableView:
    """Rows of ``audit_log`` in the order in which they are handed in: who did what, when and why."""
    found = list(rows)
    return table_of(
        "audit",
        "Audit log",
        _COLUMNS,
        found,
        {},
        footer=counted(len(found), "action") if found else None,
        nothing="nobody did anything",
    )


def _problem(row: PlainRow, _: Places | None) -> Cell:
    return cells.text(str(row["problem"]), Tone.BAD)


_FINDING_COLUMNS: Final = (
    column("shard", "shard", As.ID, priority=1),
    column("sequence", "row", As.COUNT),
    column("position", "position", As.COUNT),
    RowColumn(Column("problem", "problem"), _problem),
    column("detail", "what is wrong", min_width=24, folds=True),
)


def audit_findings_view(rows: Iterable[PlainRow], verified: int, shards: int) -> TableView:
    """What is wrong with the audit log, and how much of it was looked at.

    Each row names ``shard``, ``sequence`` in its chain and ``position`` in the journal (``None`` where there is none),
    ``problem`` and ``detail``.
    """
    found = list(rows)
    extent = f"{counted(verified, 'row')} of {counted(shards, 'shard')} verified"
    return table_of(
        "audit_findings",
        "Audit log",
        _FINDING_COLUMNS,
        found,
        {},
        footer=f"{extent}, {counted(len(found), 'finding')}" if found else None,
        nothing=extent,
    )
