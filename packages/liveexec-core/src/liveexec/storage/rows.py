"""What the row of each domain value is: pure functions from values to columns, and back where recovery needs it.

A row is a mapping of column names to values; columns that are NULL are left out. The PostgreSQL writer, the twin in
memory and the comparison of folds with rows share these functions, so that "fold = row" can be checked by value.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from liveexec.domain.account_event import AssetMoved
from liveexec.domain.ids import AccountId, InstrumentId, StrategyId, instrument_name, is_instrument_id
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.intent import OrderIntent
from liveexec.domain.money import MONEY, round_places, shortest
from liveexec.domain.operation import Operation
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.position import Position
from liveexec.domain.stored import FillRow, OperationRow, RefRow

__all__ = [
    "ORDER_DOCUMENTS",
    "Row",
    "asset_move_row",
    "fill_row",
    "operation_row",
    "position_of",
    "position_row",
    "ref_row",
    "row_of",
    "storable_text",
]

Row = dict[str, object]

#: Columns of an order's row that hold JSON.
ORDER_DOCUMENTS: Final = ("flags", "exec_algorithm_params", "expected_deltas", "metadata")

_DETAILS: Final = (
    "contract_address",
    "source_token",
    "target_token",
    "max_slippage",
    "max_gas_price_gwei",
    "asset",
    "source_venue",
    "target_venue",
    "odds",
    "selection",
)


def row_of(order: Order) -> Row:
    """The row of an order in ``unified_orders``: the fold of its events and nothing else.

    Not in it: ``shard``, ``venue_type`` (a label of the venue), ``routing`` (kept from the routing decision),
    ``average_price`` (generated), and what no event tells (``gas_used``, ``gas_price_gwei``).
    """
    intent, plan = order.intent, order.plan
    row: Row = {
        "order_id": order.order_id,
        "created_at": order.created_at_ns,
        "updated_at": order.updated_at_ns,
        "last_sequence": order.last_sequence,
        "attempt": order.attempt,
        "is_open": order.is_open,
        "status": order.status,
        "strategy_id": order.strategy_id,
        "operation": intent.operation,
        "operation_id": order.operation_id,
        "principal": order.principal,
        "order_type": intent.order_type,
        "time_in_force": intent.time_in_force,
        "flags": _flags(order, intent),
        "quantity": order.quantity,
        "exec_algorithm": intent.exec_algorithm,
        "filled_quantity": order.filled_quantity,
        "filled_cost": order.filled_cost,
    }
    key = order.instrument_id or intent.instrument_key
    if key is not None:
        row |= _instrument_columns(key)
    if plan is not None:
        row["client_order_id"] = plan.client_order_id
        if plan.refs is not None and "tx_hash" in plan.refs:
            row["tx_hash"] = plan.refs["tx_hash"]
    # One by one rather than in a loop: this runs for every order in every batch.
    if order.account_id is not None:
        row["account_id"] = order.account_id
    if order.parent_id is not None:
        row["parent_order_id"] = order.parent_id
    if order.ordinal is not None:
        row["ordinal"] = order.ordinal
    if intent.side is not None:
        row["side"] = intent.side
    if order.price is not None:
        row["price"] = order.price
    if order.venue_order_id is not None:
        row["venue_order_id"] = order.venue_order_id
    if order.code is not None:
        row["rejection_reason"] = storable_text(order.code)
    if order.message is not None:
        row["error_message"] = storable_text(order.message)
    _add_options(row, intent)
    if intent.operation is not Operation.TRADE:
        _add_details(row, order, intent)
    return row


def _add_options(row: Row, intent: OrderIntent) -> None:
    """What any operation may be asked with, and few orders are."""
    if intent.trigger_price is not None:
        row["trigger_price"] = intent.trigger_price
    if intent.expire_at_ns is not None:
        row["expire_at"] = intent.expire_at_ns
    if intent.atomic_group_id is not None:
        row["atomic_group_id"] = intent.atomic_group_id
        row["sequence_in_group"] = intent.sequence_in_group
    if intent.exec_algorithm_params is not None:
        row["exec_algorithm_params"] = _document(intent.exec_algorithm_params)
    if intent.expected_deltas is not None:
        row["expected_deltas"] = _document(intent.expected_deltas)
    if intent.metadata is not None:
        row["metadata"] = _document(intent.metadata)


def _add_details(row: Row, order: Order, intent: OrderIntent) -> None:
    for name in _DETAILS:
        value = getattr(intent, name)
        if value is not None:
            row[name] = value
    if intent.operation is Operation.BET and order.price is not None:
        row["potential_payout"] = round_places(MONEY.multiply(order.quantity, order.price))


def _flags(order: Order, intent: OrderIntent) -> Row:
    flags: Row = {}
    if intent.post_only:
        flags["post_only"] = True
    if intent.reduce_only:
        flags["reduce_only"] = True
    if intent.details:
        flags["details"] = _document(intent.details)
    if order.is_parent:
        flags["parent"] = True
    if order.cancel is not PendingCancel.NONE:
        flags["pending_cancel"] = order.cancel.value
    if order.replace is not None:
        flags["pending_replace"] = "UNKNOWN" if order.replace_unknown else "REQUESTED"
    if order.is_overfilled:
        flags["overfilled"] = True
    return flags


@lru_cache(maxsize=16_384)
def _instrument_columns(key: str) -> dict[str, object]:
    if not is_instrument_id(key):
        return {"product_id": key}
    name = instrument_name(key)
    return {"canonical_id": key, "product_id": name.product_id, "venue": name.venue}


def _document(value: object) -> object:
    """A document as JSON gives it back, so that it compares with a stored one (tuples are lists, amounts text)."""
    return msgspec.json.decode(msgspec.json.encode(value))


def storable_text(text: str) -> str:
    """What a venue said, without the NUL that PostgreSQL's text can't hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def fill_row(found: FillRow) -> Row:
    """A row of ``fills``."""
    fill = found.fill
    return {
        "account_id": found.account_id,
        "fill_key": fill.key,
        "order_id": found.order_id,
        "strategy_id": found.strategy_id,
        **_instrument_columns(fill.instrument_id),
        "side": fill.side,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "liquidity": fill.liquidity,
        "estimated": fill.estimated,
        "busted": found.busted,
        "venue_time": fill.venue_time_ns,
        "applied_at": found.at_ns,
    }


def operation_row(found: OperationRow) -> Row:
    """A row of ``operations``."""
    return {
        "principal": found.principal,
        "operation_id": found.operation_id,
        "kind": found.kind,
        "content_hash": found.content_hash,
        "order_id": found.order_id,
        "created_at": found.at_ns,
    }


def ref_row(found: RefRow) -> Row:
    """A row of ``order_refs``."""
    account_id, kind, reference = found.key
    return {
        "account_id": account_id,
        "kind": kind,
        "reference": reference,
        "order_id": found.order_id,
        "attempt": found.attempt,
    }


def asset_move_row(event: AssetMoved, at_ns: int) -> Row:
    """A row of ``asset_moves``."""
    return {
        "account_id": event.account_id,
        "reference": event.reference,
        "asset": event.asset,
        "amount": event.amount,
        "kind": event.kind,
        "venue_time": event.venue_time_ns,
        "applied_at": at_ns,
    }


def position_row(
    account_id: AccountId, strategy_id: StrategyId | None, position: Position, mark: Decimal | None
) -> Row:
    """A row of ``unified_positions``, or of ``account_positions`` when it belongs to no strategy.

    ``mark`` is the market's price; what is derived from it is a view and rounded to what the column holds. Called
    within the exact context (:data:`liveexec.domain.money.MONEY`).
    """
    terms = position.terms
    row: Row = {
        "account_id": account_id,
        "strategy_id": strategy_id,
        **_instrument_columns(position.instrument_id),
        "quantity": position.quantity,
        "cost": position.cost,
        "average_price": position.average_price,
        "realized_pnl": position.realized_pnl,
        "settlement_asset": terms.settlement_asset,
        "fees": {asset: str(amount) for asset, amount in position.fees.items()},
        "terms": _terms_document(terms),
        "updated_at": position.updated_at_ns,
    }
    if mark is not None:
        row["current_price"] = round_places(mark)
        row["unrealized_pnl"] = round_places(position.unrealized_pnl(mark))
    return {name: value for name, value in row.items() if value is not None}


@lru_cache(maxsize=16_384)
def _terms_document(terms: ContractTerms) -> Mapping[str, Any]:
    document: Mapping[str, Any] = msgspec.to_builtins(terms)
    return document


def position_of(row: Mapping[str, Any]) -> Position:
    """The position that a row was made of."""
    return Position(
        instrument_id=InstrumentId(row["canonical_id"]),
        terms=msgspec.convert(row["terms"], ContractTerms),
        quantity=shortest(row["quantity"]),
        cost=shortest(row["cost"]),
        realized_pnl=shortest(row["realized_pnl"]),
        fees={asset: Decimal(amount) for asset, amount in sorted(row["fees"].items())},
        updated_at_ns=row["updated_at"],
    )
