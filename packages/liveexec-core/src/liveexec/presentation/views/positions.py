"""Positions: by product over all venues, and by venue, account or strategy; and what accounts' assets changed by.

Sums are exact. Results add up within one settlement asset only, so a product that settles in two has a line for each.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Any, Final

import msgspec
from attrs import evolve

from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.position import Position
from liveexec.presentation import cells
from liveexec.presentation.cells import Cell
from liveexec.presentation.formatting import Places, Precision, by_asset, exact_text
from liveexec.presentation.table_view import Column, Kind, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = ["PositionsBy", "assets_view", "positions_by_view", "product_positions_view"]


class PositionsBy(StrEnum):
    """What positions are listed by."""

    VENUE = "venue"
    ACCOUNT = "account"
    STRATEGY = "strategy"


_KEYS: Final = {
    PositionsBy.VENUE: "venue",
    PositionsBy.ACCOUNT: "account_id",
    PositionsBy.STRATEGY: "strategy_id",
}
_OVER: Final = "all"


def _repeated(key: str, make: Callable[[object], Cell]) -> Callable[[PlainRow, Places | None], Cell]:
    """A cell that people read in a group's first line only; programs get it in each."""

    def cell(row: PlainRow, _: Places | None) -> Cell:
        made = make(row[key])
        return evolve(made, text="", short=None) if row["is_part"] else made

    return cell


def _venue_or_all(row: PlainRow, _: Places | None) -> Cell:
    return cells.text(row["venue"]) if row["is_part"] else Cell(_OVER, None, "")


_PRODUCT_COLUMNS: Final = (
    RowColumn(Column("product_id", "product", Kind.ID), _repeated("product_id", cells.instrument)),
    RowColumn(Column("venue", "venue"), _venue_or_all),
    column("quantity", "quantity", As.QUANTITY),
    column("cost", "cost", As.DERIVED, priority=4),
    column("realized_pnl", "realized", As.PROFIT, priority=1),
    column("unrealized_pnl", "unrealized", As.PROFIT, priority=2),
    RowColumn(Column("settlement_asset", "in", priority=3), _repeated("settlement_asset", cells.text)),
    column("updated_at", "updated (UTC)", As.TIME, priority=5),
)


def product_positions_view(rows: Iterable[PlainRow], precision: Precision) -> TableView:
    """Positions by product: a line for the sum over all venues, then one for each venue.

    Takes rows of ``product_positions``, whose ``venue_positions`` hold each venue's part by its name. In
    machine-readable output the sums are the lines without a venue.
    """
    found = list(rows)
    return table_of(
        "positions",
        "Positions",
        _PRODUCT_COLUMNS,
        [line for row in found for line in _lines(row)],
        precision,
        footer=counted(len(found), "product") if found else None,
        nothing="no positions",
    )


def _lines(row: PlainRow) -> Iterable[PlainRow]:
    yield {**row, "is_part": False}
    parts: Mapping[str, Mapping[str, Any]] = row["venue_positions"]
    for venue, part in sorted(parts.items()):
        amounts = {name: _amount(part[name]) for name in ("quantity", "cost", "realized_pnl", "unrealized_pnl")}
        yield {**row, **amounts, "venue": venue, "updated_at": None, "is_part": True}


def _amount(value: Any) -> Decimal | None:
    # Amounts are text in JSONB, so that no reader makes floats of them.
    return Decimal(value) if value is not None else None


def _fees(row: PlainRow, _: Places | None) -> Cell:
    amounts = {asset: Decimal(amount) for asset, amount in row["fees"].items()}
    made = cells.document({asset: exact_text(amount) for asset, amount in amounts.items()})
    return evolve(made, text=by_asset(amounts))


_LINE_COLUMNS: Final = (
    column("canonical_id", "instrument", As.INSTRUMENT, listed=False),
    column("product_id", "product", As.INSTRUMENT),
    column("quantity", "quantity", As.QUANTITY),
    column("average_price", "average", As.AVERAGE, priority=2),
    column("current_price", "price", As.PRICE, priority=4),
    column("cost", "cost", As.DERIVED, priority=6),
    column("realized_pnl", "realized", As.PROFIT, priority=1),
    column("unrealized_pnl", "unrealized", As.PROFIT, priority=3),
    column("settlement_asset", "in", priority=3),
    RowColumn(Column("fees", "fees", Kind.DOCUMENT, priority=5, min_width=12), _fees),
    column("updated_at", "updated (UTC)", As.TIME, priority=7),
)
_GROUP_COLUMNS: Final = {
    PositionsBy.VENUE: (column("venue", "venue"),),
    PositionsBy.ACCOUNT: (column("account_id", "account", As.ID), column("venue", "venue", priority=3)),
    PositionsBy.STRATEGY: (column("strategy_id", "strategy", As.ID), column("venue", "venue", priority=1)),
}


def positions_by_view(rows: Iterable[PlainRow], by: PositionsBy, precision: Precision) -> TableView:
    """Positions by venue, account or strategy, and instrument: sums of rows of ``unified_positions``."""
    groups: dict[tuple[str, str], list[PlainRow]] = {}
    for row in rows:
        groups.setdefault((row[_KEYS[by]], row["canonical_id"]), []).append(row)
    lines = [_summed(members) for _, members in sorted(groups.items())]
    return table_of(
        "positions",
        f"Positions by {by}",
        (*_GROUP_COLUMNS[by], *_LINE_COLUMNS),
        lines,
        precision,
        footer=counted(len(lines), "position") if lines else None,
        nothing="no positions",
    )


def _summed(rows: Sequence[PlainRow]) -> PlainRow:
    latest = max(rows, key=lambda row: row["updated_at"])
    if len(rows) == 1:
        return latest
    with localcontext(MONEY):
        summed = {name: sum((row[name] for row in rows), ZERO) for name in ("quantity", "cost", "realized_pnl")}
        terms = msgspec.convert(latest["terms"], ContractTerms)
        position = Position(InstrumentId(latest["canonical_id"]), terms, summed["quantity"], summed["cost"])
        unrealized = [row["unrealized_pnl"] for row in rows if row.get("unrealized_pnl") is not None]
        return {
            **latest,
            **summed,
            "average_price": position.average_price,
            "unrealized_pnl": sum(unrealized, ZERO) if len(unrealized) == len(rows) else None,
            "fees": _summed_fees(rows),
        }


def _summed_fees(rows: Sequence[PlainRow]) -> dict[str, str]:
    fees: dict[str, Decimal] = {}
    for row in rows:
        for asset, amount in row["fees"].items():
            fees[asset] = fees.get(asset, ZERO) + Decimal(amount)
    return {asset: exact_text(amount) for asset, amount in fees.items()}


_ASSET_COLUMNS: Final = (
    column("account_id", "account", As.ID),
    column("asset", "asset"),
    column("amount", "change", As.AMOUNT),
    column("updated_at", "updated (UTC)", As.TIME, priority=1),
)


def assets_view(rows: Iterable[PlainRow]) -> TableView:
    """What each account's assets changed by since the first event: rows of ``account_assets``."""
    found = sorted(rows, key=lambda row: (row["account_id"], row["asset"]))
    return table_of("assets", "Assets", _ASSET_COLUMNS, found, {}, nothing="no assets moved")
