"""The rows of a run's tables. Each class is a file's schema: its fields are the columns, in their order.

Times are UTC nanoseconds here and ``timestamp[ns, UTC]`` in the files, amounts are ``Decimal`` here and
``decimal128(38, 18)`` there. What a column says stands beside it (:func:`result_columns`), for readers and for the
documentation alike. A file only ever gets further columns, at its end.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import attrs
from attrs import field, frozen

__all__ = [
    "RESULT_TABLES",
    "ColumnKind",
    "EquityPoint",
    "ResultColumn",
    "ResultFill",
    "ResultOrder",
    "ResultPosition",
    "result_columns",
]


class ColumnKind(StrEnum):
    """What a column holds; the value is its type in parquet."""

    TIME = "timestamp[ns, UTC]"
    AMOUNT = "decimal128(38, 18)"
    TEXT = "string"
    FLAG = "bool"


@frozen
class ResultColumn:
    """A column of a file: its name, its type, whether a row may leave it empty, and what it says."""

    name: str
    kind: ColumnKind
    nullable: bool
    says: str


def _time(says: str) -> dict[str, Any]:
    return {"column": (ColumnKind.TIME, says)}


def _amount(says: str) -> dict[str, Any]:
    return {"column": (ColumnKind.AMOUNT, says)}


def _text(says: str) -> dict[str, Any]:
    return {"column": (ColumnKind.TEXT, says)}


def _flag(says: str) -> dict[str, Any]:
    return {"column": (ColumnKind.FLAG, says)}


@frozen(kw_only=True)
class ResultOrder:
    """A row of ``orders.parquet``: an order as it stood at the end, parents and children alike."""

    id: str = field(metadata=_text("order id"))
    timestamp: int = field(metadata=_time("when it was received"))
    side: str | None = field(default=None, metadata=_text("BUY or SELL; the operation's own word elsewhere"))
    price: Decimal | None = field(default=None, metadata=_amount("its limit; empty without one"))
    amount: Decimal = field(metadata=_amount("its quantity, in the listing's units"))
    status: str = field(metadata=_text("its status at the end"))
    order_type: str = field(metadata=_text("MARKET, LIMIT, STOP_MARKET or STOP_LIMIT"))
    time_in_force: str = field(metadata=_text("GTC, IOC, FOK, GTD or DAY"))
    operation: str = field(metadata=_text("trade, bet, swap and so on"))
    operation_id: str = field(metadata=_text("the caller's id of it"))
    parent_id: str | None = field(default=None, metadata=_text("the order that it is a child of"))
    exec_algorithm: str = field(metadata=_text("what worked it, NORMAL for none"))
    strategy_id: str = field(metadata=_text("whose it is"))
    account_id: str | None = field(
        default=None, metadata=_text("where it was sent; empty for a parent and for what was never routed")
    )
    venue: str | None = field(default=None, metadata=_text("the venue it was sent to"))
    instrument_id: str | None = field(default=None, metadata=_text("what it was about: a venue's instrument"))
    product_id: str | None = field(default=None, metadata=_text("the same without the venue"))
    filled_amount: Decimal = field(metadata=_amount("what was filled of it, in the listing's units"))
    average_price: Decimal | None = field(default=None, metadata=_amount("the average price of its fills"))
    updated: int = field(metadata=_time("when it last changed"))
    rejection_reason: str | None = field(default=None, metadata=_text("the code of why it was refused or rejected"))
    message: str | None = field(default=None, metadata=_text("the same in words"))


@frozen(kw_only=True)
class ResultFill:
    """A row of ``fills.parquet``: an execution that counts. What was busted or corrected away is left out."""

    timestamp: int = field(metadata=_time("when the venue says that it was done"))
    order_id: str = field(metadata=_text("the order that was filled"))
    price: Decimal = field(metadata=_amount("its price"))
    quantity: Decimal = field(metadata=_amount("its quantity, in the listing's units"))
    side: str = field(metadata=_text("BUY or SELL; the operation's own word elsewhere"))
    fee: Decimal = field(metadata=_amount("what was paid for it; negative for a rebate"))
    fee_asset: str = field(metadata=_text("what the fee was paid in"))
    fill_id: str = field(metadata=_text("its key, unique in its account"))
    liquidity: str = field(metadata=_text("MAKER, TAKER or UNKNOWN"))
    estimated: bool = field(default=False, metadata=_flag("whether it was derived from a cumulative report"))
    strategy_id: str = field(metadata=_text("whose it is"))
    account_id: str = field(metadata=_text("where it was filled"))
    venue: str = field(metadata=_text("the venue"))
    instrument_id: str = field(metadata=_text("what was traded: a venue's instrument"))


@frozen(kw_only=True)
class ResultPosition:
    """A row of ``positions.parquet``: a strategy's position in one instrument after it changed, and at the end."""

    timestamp: int = field(metadata=_time("when it stood so"))
    quantity: Decimal = field(metadata=_amount("what is held, short below zero"))
    avg_entry_price: Decimal | None = field(
        default=None, metadata=_amount("the average price of what is held; empty when flat")
    )
    current_price: Decimal | None = field(
        default=None, metadata=_amount("the market's price then, where one was known")
    )
    unrealized_pnl: Decimal | None = field(
        default=None, metadata=_amount("what closing it at that price would bring, in settlement_asset")
    )
    realized_pnl: Decimal = field(
        metadata=_amount("what closing parts of it has brought so far, without fees, in settlement_asset")
    )
    settlement_asset: str = field(metadata=_text("what it settles in"))
    strategy_id: str = field(metadata=_text("whose it is"))
    account_id: str = field(metadata=_text("where it is held"))
    venue: str = field(metadata=_text("the venue"))
    instrument_id: str = field(metadata=_text("what is held: a venue's instrument"))


@frozen(kw_only=True)
class EquityPoint:
    """A row of ``equity_curve.parquet``: the whole portfolio, after one instrument's position or price changed."""

    timestamp: int = field(metadata=_time("when it was worth so much"))
    portfolio_value: Decimal = field(
        metadata=_amount("initial value + realized_pnl + unrealized_pnl - fees, in currency")
    )
    realized_pnl: Decimal = field(metadata=_amount("of all positions, in currency"))
    unrealized_pnl: Decimal = field(metadata=_amount("of all positions, at the last prices known, in currency"))
    position: Decimal | None = field(
        default=None, metadata=_amount("the net position in instrument_id over all strategies and accounts")
    )
    price: Decimal | None = field(default=None, metadata=_amount("the last price of instrument_id"))
    fees: Decimal = field(metadata=_amount("paid so far, in currency"))
    currency: str = field(metadata=_text("what the values are in"))
    instrument_id: str | None = field(default=None, metadata=_text("the instrument whose change makes the row"))


#: The files of a run that are tables, by their names.
RESULT_TABLES: Final[dict[str, type[Any]]] = {
    "orders": ResultOrder,
    "fills": ResultFill,
    "positions": ResultPosition,
    "equity_curve": EquityPoint,
}


def result_columns(kind: type[Any]) -> tuple[ResultColumn, ...]:
    """The columns of the file that rows of a class make."""
    found = []
    for attribute in attrs.fields(kind):
        column_kind, says = attribute.metadata["column"]
        found.append(ResultColumn(attribute.name, column_kind, attribute.default is None, says))
    return tuple(found)
