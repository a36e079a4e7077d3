"""Orders and executions as the venue's messages show them. Numbers are text, times milliseconds.

Sources: https://bybit-exchange.github.io/docs/v5/order/open-order, order/execution and the private streams of both.
REST and streams show the same thing with slightly different fields.
"""

import uuid
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.venues.paper.entry import EndCode, RejectCode
from liveexec_nautilus.loopback.bybit.listings import category_of, wire_name
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain, whole_in
from liveexec_nautilus.loopback.shared.orders import Execution, Order
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = [
    "NO_LINK_ID",
    "exec_id",
    "execution_message",
    "execution_row",
    "number_of",
    "order_id",
    "order_message",
    "order_row",
    "side_word",
    "trade_id",
]

#: What the floor knows an order by whose client named none; it is not shown.
NO_LINK_ID: Final = "unnamed-"

_ORDER_SPACE: Final = 0x5C1AB0E5_0000_4000_8000_0000_0000_0000
_TRADE_SPACE: Final = 0x7AADE000_0000_4000_8000_0000_0000_0000
_SPOT_BASE: Final = 1_700_000_000_000_000_000
_SIDES: Final = MappingProxyType({Side.BUY: "Buy", Side.SELL: "Sell"})
_TIMES_IN_FORCE: Final = MappingProxyType({TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"})
#: (cancelType, rejectReason) by why an order ended.
_ENDS: Final = MappingProxyType(
    {
        EndCode.CANCEL_REQUESTED: ("CancelByUser", "EC_PerCancelRequest"),
        EndCode.FOK_NOT_FILLABLE: ("UNKNOWN", "EC_NoEnoughQtyToFill"),
        EndCode.IOC_REMAINDER: ("UNKNOWN", "EC_CancelForNoFullFill"),
        EndCode.NO_LIQUIDITY: ("UNKNOWN", "EC_NoImmediateQtyToFill"),
        EndCode.REDUCE_ONLY: ("CancelByReduceOnly", "EC_NoError"),
        EndCode.SELF_TRADE: ("UNKNOWN", "EC_BySelfMatch"),
    }
)


def order_id(order: Order) -> str:
    """The venue's id: a UUID for contracts and options, a number for spot."""
    if category_of(order.symbol) == "spot":
        return str(_SPOT_BASE + order.number)
    return str(uuid.UUID(int=_ORDER_SPACE | order.number))


def number_of(identifier: str) -> int | None:
    """The floor's number in an order id; None where it can't be one of ours."""
    told = whole_in(identifier)
    if told is not None:
        return told - _SPOT_BASE if told > _SPOT_BASE else None
    try:
        number = uuid.UUID(identifier).int
    except ValueError:
        return None
    return number ^ _ORDER_SPACE if number & _ORDER_SPACE == _ORDER_SPACE else None


def trade_id(trade_number: int) -> str:
    """A trade as the market sees it."""
    return str(uuid.UUID(int=_TRADE_SPACE | trade_number))


def exec_id(execution: Execution) -> str:
    """One side of a trade as its owner sees it."""
    return str(uuid.UUID(int=_TRADE_SPACE | int(execution.is_maker) + 1 << 48 | execution.trade_number))


def side_word(side: Side) -> str:
    """``Buy`` or ``Sell``."""
    return _SIDES[side]


def order_row(order: Order, last_price: Decimal) -> dict[str, object]:
    """An order as ``/v5/order/realtime`` and ``/v5/order/history`` list it."""
    status, cancel_type, reason = _state(order)
    fees = sum((each.fee for each in order.executions), ZERO)
    price = ZERO if order.price is None else order.price
    return {
        "orderId": order_id(order),
        "orderLinkId": _link_id(order),
        "blockTradeId": "",
        "symbol": wire_name(order.symbol),
        "price": plain(price),
        "qty": plain(order.quantity),
        "side": side_word(order.side),
        "isLeverage": "" if category_of(order.symbol) != "spot" else "0",
        "positionIdx": 0,
        "orderStatus": status,
        "cancelType": cancel_type,
        "rejectReason": reason,
        "avgPrice": plain(order.average_price) if order.filled else "",
        "leavesQty": plain(order.leaves) if order.is_open else "0",
        "leavesValue": plain(MONEY.multiply(order.leaves, price)) if order.is_open else "0",
        "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.filled_value),
        "cumExecFee": plain(fees),
        "timeInForce": _time_in_force(order),
        "orderType": "Market" if order.order_type is OrderType.MARKET else "Limit",
        "stopOrderType": "",
        "orderIv": "",
        "triggerPrice": "0",
        "takeProfit": "0",
        "stopLoss": "0",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "lastPriceOnCreated": order.details.get("lastPriceOnCreated", plain(last_price)),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": False,
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "tpslMode": "",
        "tpLimitPrice": "0",
        "slLimitPrice": "0",
        "placeType": "",
        "createdTime": milliseconds(order.created_ns),
        "updatedTime": milliseconds(order.updated_ns),
    }


def order_message(order: Order, last_price: Decimal) -> dict[str, object]:
    """An order as the ``order`` stream tells it."""
    row = order_row(order, last_price)
    del row["isLeverage"]
    return row | {
        "category": category_of(order.symbol),
        "avgPrice": row["avgPrice"] or "0",
        "feeCurrency": _fee_coin(order),
        "createType": "CreateByUser",
    }


def execution_row(execution: Execution, mark: Decimal) -> dict[str, object]:
    """A fill as ``/v5/execution/list`` lists it."""
    order = execution.order
    price = ZERO if order.price is None else order.price
    is_contract = order.symbol.kind is not ContractKind.SPOT
    return {
        "symbol": wire_name(order.symbol),
        "orderId": order_id(order),
        "orderLinkId": _link_id(order),
        "side": side_word(order.side),
        "orderPrice": plain(price),
        "orderQty": plain(order.quantity),
        "leavesQty": plain(_leaves_after(execution)),
        "createType": "CreateByUser" if is_contract else "",
        "orderType": "Market" if order.order_type is OrderType.MARKET else "Limit",
        "stopOrderType": "UNKNOWN" if is_contract else "",
        "execFee": plain(execution.fee),
        "execId": exec_id(execution),
        "execPrice": plain(execution.price),
        "execQty": plain(execution.quantity),
        "execType": "Trade",
        "execValue": plain(_value(order.symbol, execution.quantity, execution.price)),
        "execTime": milliseconds(execution.time_ns),
        "feeCurrency": execution.fee_asset,
        "isMaker": execution.is_maker,
        "feeRate": plain(order.symbol.maker_fee if execution.is_maker else order.symbol.taker_fee),
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(mark),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": plain(_closed(execution)) if is_contract else "",
        "seq": execution.trade_number,
    }


def execution_message(execution: Execution, mark: Decimal) -> dict[str, object]:
    """A fill as the ``execution`` stream tells it."""
    return execution_row(execution, mark) | {"category": category_of(execution.order.symbol), "isLeverage": "0"}


def _state(order: Order) -> tuple[str, str, str]:
    """(orderStatus, cancelType, rejectReason)"""
    is_spot = order.symbol.kind is ContractKind.SPOT
    if order.end_code == RejectCode.POST_ONLY_WOULD_TAKE:
        # Spot calls it rejected, contracts cancelled.
        return ("Rejected" if is_spot else "Cancelled"), "UNKNOWN", "EC_PostOnlyWillTakeLiquidity"
    if order.status is VenueOrderStatus.WORKING:
        return ("PartiallyFilled" if order.filled else "New"), "UNKNOWN", "EC_NoError"
    if order.status is VenueOrderStatus.FILLED:
        return "Filled", "UNKNOWN", "EC_NoError"
    cancel_type, reason = _ENDS[EndCode(order.end_code or EndCode.CANCEL_REQUESTED)]
    # Only spot tells a cancel of an order with fills from one without.
    return ("PartiallyFilledCanceled" if is_spot and order.filled else "Cancelled"), cancel_type, reason


def _link_id(order: Order) -> str:
    return "" if order.client_order_id.startswith(NO_LINK_ID) else order.client_order_id


def _time_in_force(order: Order) -> str:
    if order.post_only:
        return "PostOnly"
    return "IOC" if order.order_type is OrderType.MARKET else _TIMES_IN_FORCE[order.time_in_force]


def _fee_coin(order: Order) -> str:
    """The coin that fees are taken in: of a spot buyer what it buys, of everybody else the settlement coin."""
    if order.executions:
        return order.executions[-1].fee_asset
    if order.symbol.kind is ContractKind.SPOT and order.side is Side.BUY:
        return order.symbol.base
    return order.symbol.settlement


def _value(symbol: SymbolConfig, quantity: Decimal, price: Decimal) -> Decimal:
    if symbol.kind is ContractKind.INVERSE:
        return divide(quantity, price)
    return MONEY.multiply(quantity, price)


def _leaves_after(execution: Execution) -> Decimal:
    order = execution.order
    done = ZERO
    for each in order.executions:
        done = MONEY.add(done, each.quantity)
        if each is execution:
            break
    return MONEY.subtract(order.quantity, done)


def _closed(execution: Execution) -> Decimal:
    """How much of a fill closed what was held before it."""
    with localcontext(MONEY):
        before = execution.position - execution.quantity * execution.order.side.sign
    is_closing = before and (before > 0) != (execution.order.side is Side.BUY)
    return min(abs(before), execution.quantity) if is_closing else ZERO
