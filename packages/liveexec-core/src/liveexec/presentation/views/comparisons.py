"""Comparisons: what we hold against what a venue, or another place that must agree, says."""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Final

from attrs import frozen

from liveexec.domain.money import MONEY
from liveexec.presentation import cells
from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import Places, Precision
from liveexec.presentation.table_view import Column, Kind, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = ["Comparison", "differences_view", "verification_view"]


@frozen
class Comparison:
    """One thing that both sides know: what kind (fills, position, asset), at which account, and both amounts.

    ``None`` is what a side does not know at all. ``canonical_id`` gives a position its places.
    """

    kind: str
    account_id: str
    subject: str
    ours: Decimal | None
    theirs: Decimal | None
    canonical_id: str | None = None

    @property
    def is_equal(self) -> bool:
        return self.ours == self.theirs


def _verdict(row: PlainRow, _: Places | None) -> Cell:
    if row["is_equal"]:
        return Cell("equal", True, "true", tone=Tone.GOOD)
    return Cell("DIFFERENT", False, "false", tone=Tone.BAD)


def _difference(row: PlainRow, places: Places | None) -> Cell:
    ours, theirs = row["ours"], row["theirs"]
    if row["is_equal"] or ours is None or theirs is None:
        return cells.EMPTY
    with localcontext(MONEY):
        return cells.amount(ours - theirs, places.quantity if places else None, Tone.BAD)


_COLUMNS: Final = (
    column("kind", "what", priority=1),
    column("account_id", "account", As.ID),
    column("subject", "of", As.INSTRUMENT),
    column("ours", "ours", As.QUANTITY),
    column("theirs", "the venue's", As.QUANTITY),
    RowColumn(Column("difference", "difference", Kind.AMOUNT, priority=2), _difference),
    RowColumn(Column("is_equal", "verdict", Kind.FLAG), _verdict),
    column("canonical_id", "instrument", As.INSTRUMENT, listed=False),
)


def verification_view(comparisons: Iterable[Comparison], precision: Precision) -> TableView:
    """Ours against the venues' books, line by line; the footer says in words how it came out."""
    found = list(comparisons)
    rows = [
        {
            "kind": each.kind,
            "account_id": each.account_id,
            "subject": each.subject,
            "ours": each.ours,
            "theirs": each.theirs,
            "is_equal": each.is_equal,
            "canonical_id": each.canonical_id,
        }
        for each in found
    ]
    return table_of(
        "verification",
        "Verification",
        _COLUMNS,
        rows,
        precision,
        footer=_outcome(found),
        nothing="nothing was compared",
    )


def _outcome(comparisons: list[Comparison]) -> str | None:
    if not comparisons:
        return None
    different = sum(1 for each in comparisons if not each.is_equal)
    return f"{len(comparisons)} compared, {counted(different, 'difference') if different else 'no difference'}"


_DIFFERENCE_COLUMNS: Final = (
    column("shard", "shard", As.ID, priority=1),
    column("table", "table"),
    column("key", "row", As.ID),
    column("column", "column"),
    column("journal", "journal says", min_width=12, folds=True),
    column("stored", "table says", min_width=12, folds=True),
)


def differences_view(rows: Iterable[PlainRow]) -> TableView:
    """Where the tables say something else than the fold of the journal.

    Each row names ``shard``, ``table``, ``key`` of the row, ``column``, and both values as text.
    """
    found = list(rows)
    return table_of(
        "differences",
        "Differences between the journal and the tables",
        _DIFFERENCE_COLUMNS,
        found,
        {},
        footer=counted(len(found), "difference") if found else None,
        nothing="no difference",
    )
