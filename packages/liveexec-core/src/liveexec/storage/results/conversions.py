"""From orders, fills and positions to the rows of a run's files: of a host's memory, or read from its tables.

The tables' rows and those of :mod:`liveexec.storage.rows` have the same columns, so that a live run and a replay go the
same way.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from liveexec.domain import money
from liveexec.domain.ids import AccountId, StrategyId
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.position import Position
from liveexec.domain.stored import FillRow
from liveexec.storage.results.rows import ResultFill, ResultOrder, ResultPosition
from liveexec.storage.rows import fill_row, position_row, row_of

__all__ = ["fill_of", "fill_of_row", "order_of", "order_of_row", "position_at", "position_of_row"]


def order_of(order: Order) -> ResultOrder:
    """An order in memory."""
    return order_of_row(row_of(order))


def order_of_row(row: Mapping[str, Any]) -> ResultOrder:
    """A row of ``unified_orders``."""
    filled, cost = money.shortest(row["filled_quantity"]), row["filled_cost"]
    return ResultOrder(
        id=row["order_id"],
        timestamp=row["created_at"],
        side=_text(row.get("side")),
        price=_amount(row.get("price")),
        amount=money.shortest(row["quantity"]),
        status=str(row["status"]),
        order_type=str(row["order_type"]),
        time_in_force=str(row["time_in_force"]),
        operation=str(row["operation"]),
        operation_id=row["operation_id"],
        parent_id=row.get("parent_order_id"),
        exec_algorithm=row["exec_algorithm"],
        strategy_id=row["strategy_id"],
        account_id=row.get("account_id"),
        venue=row.get("venue"),
        instrument_id=row.get("canonical_id"),
        product_id=row.get("product_id"),
        filled_amount=filled,
        average_price=money.shortest(money.divide(cost, filled)) if filled else None,
        updated=row["updated_at"],
        rejection_reason=row.get("rejection_reason"),
        message=row.get("error_message"),
    )


def fill_of(found: FillRow) -> ResultFill:
    """A fill in memory, with whose it is."""
    return fill_of_row(fill_row(found))


def fill_of_row(row: Mapping[str, Any]) -> ResultFill:
    """A row of ``fills`` that was not busted."""
    return ResultFill(
        timestamp=row["venue_time"],
        order_id=row["order_id"],
        price=money.shortest(row["price"]),
        quantity=money.shortest(row["quantity"]),
        side=str(row["side"]),
        fee=money.shortest(row["fee"]),
        fee_asset=row["fee_asset"],
        fill_id=row["fill_key"],
        liquidity=str(row["liquidity"]),
        estimated=row["estimated"],
        strategy_id=row["strategy_id"],
        account_id=row["account_id"],
        venue=row["venue"],
        instrument_id=row["canonical_id"],
    )


def position_at(
    at_ns: int, account_id: AccountId, strategy_id: StrategyId, position: Position, mark: Decimal | None
) -> ResultPosition:
    """A strategy's position in memory, at a moment and the market's price then."""
    with localcontext(MONEY):
        return position_of_row(position_row(account_id, strategy_id, position, mark), at_ns)


def position_of_row(row: Mapping[str, Any], at_ns: int | None = None) -> ResultPosition:
    """A row of ``unified_positions``, as of ``at_ns`` or of when it last changed."""
    return ResultPosition(
        timestamp=row["updated_at"] if at_ns is None else at_ns,
        quantity=money.shortest(row["quantity"]),
        avg_entry_price=_amount(row.get("average_price")),
        current_price=_amount(row.get("current_price")),
        unrealized_pnl=_amount(row.get("unrealized_pnl")),
        realized_pnl=money.shortest(row["realized_pnl"]),
        settlement_asset=row["settlement_asset"],
        strategy_id=row["strategy_id"],
        account_id=row["account_id"],
        venue=row["venue"],
        instrument_id=row["canonical_id"],
    )


def _amount(value: Decimal | None) -> Decimal | None:
    return money.shortest(value) if value is not None else None


def _text(value: object) -> str | None:
    return str(value) if value is not None else None
