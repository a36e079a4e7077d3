"""Fills: rows of ``fills``."""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, ZERO
from liveexec.presentation.cells import Cell, Tone, flag
from liveexec.presentation.formatting import Places, Precision, by_asset
from liveexec.presentation.table_view import Column, Kind, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = ["fills_view"]


def _busted(row: PlainRow, _: Places | None) -> Cell:
    return flag(row["busted"], "busted", Tone.BAD)


def _estimated(row: PlainRow, _: Places | None) -> Cell:
    return flag(row["estimated"], "estimated", Tone.WARNING)


_COLUMNS: Final = (
    column("applied_at", "time (UTC)", As.TIME),
    column("order_id", "order", As.ID, priority=1),
    column("account_id", "account", As.ID, priority=7, min_width=8),
    column("strategy_id", "strategy", As.ID, priority=6, min_width=8),
    column("venue", "venue", priority=2),
    column("canonical_id", "instrument", As.INSTRUMENT, listed=False),
    column("product_id", "product", As.INSTRUMENT),
    column("side", "side"),
    column("quantity", "quantity", As.QUANTITY),
    column("price", "price", As.PRICE),
    column("fee", "fee", As.AMOUNT, priority=3),
    column("fee_asset", "in", priority=3),
    column("liquidity", "liquidity", priority=5),
    RowColumn(Column("busted", "busted", Kind.FLAG, priority=1), _busted),
    RowColumn(Column("estimated", "estimated", Kind.FLAG, priority=4), _estimated),
    column("venue_time", "venue time (UTC)", As.TIME, listed=False),
    column("fill_key", "fill key", As.ID, listed=False),
)


def fills_view(rows: Iterable[PlainRow], precision: Precision) -> TableView:
    """A list of fills, in the order of the rows; the footer sums the fees by the asset they were paid in."""
    found = list(rows)
    return table_of(
        "fills",
        "Fills",
        _COLUMNS,
        found,
        precision,
        footer=_footer(found),
        nothing="no fills",
    )


def _footer(rows: list[PlainRow]) -> str | None:
    if not rows:
        return None
    fees: dict[str, Decimal] = {}
    with localcontext(MONEY):
        for row in rows:
            if not row["busted"]:
                fees[row["fee_asset"]] = fees.get(row["fee_asset"], ZERO) + row["fee"]
    return f"{counted(len(rows), 'fill')}, fees {by_asset(fees) or 'none'}"
