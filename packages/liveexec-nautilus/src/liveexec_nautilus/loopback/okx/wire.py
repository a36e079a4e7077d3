"""Orders and fills as the venue's messages show them. Everything is text; what is not there is "".

Source: https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-order-details and -ws-order-channel. Fees that are
paid are negative.
"""

from types import MappingProxyType
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.venues.paper.entry import EndCode, RejectCode
from liveexec_nautilus.loopback.okx.account_rows import LEVERAGE
from liveexec_nautilus.loopback.okx.listings import type_of
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain, whole_in
from liveexec_nautilus.loopback.shared.orders import Execution, Order

__all__ = [
    "NO_CLIENT_ID",
    "client_id",
    "fill_row",
    "number_of",
    "order_id",
    "order_message",
    "order_row",
    "trade_id",
]

#: What the floor knows an order by whose client named none; it is not shown.
NO_CLIENT_ID: Final = "unnamed-"

_ORDERS_BEGIN: Final = 2_600_000_000_000_000_000
_TRADES_BEGIN: Final = 1_500_000_000
_STATES: Final = MappingProxyType(
    {
        VenueOrderStatus.FILLED: "filled",
        VenueOrderStatus.CANCELED: "canceled",
        VenueOrderStatus.EXPIRED: "canceled",
        VenueOrderStatus.REJECTED: "canceled",
    }
)
_LIMITS: Final = MappingProxyType({TimeInForce.GTC: "limit", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"})
#: (cancelSource, cancelSourceReason) by why an order ended.
_ENDS: Final = MappingProxyType(
    {
        EndCode.CANCEL_REQUESTED: ("1", "Order canceled by user"),
        EndCode.FOK_NOT_FILLABLE: ("13", "FOK order was canceled due to incompletely filled"),
        EndCode.IOC_REMAINDER: ("14", "IOC order was partially canceled due to incompletely filled"),
        EndCode.NO_LIQUIDITY: ("14", "IOC order was partially canceled due to incompletely filled"),
        EndCode.REDUCE_ONLY: ("9", "Order canceled by the system due to reduce-only"),
        EndCode.SELF_TRADE: ("32", "Self trade prevention"),
        RejectCode.POST_ONLY_WOULD_TAKE: ("31", "The post-only order will take liquidity in maker orders"),
    }
)


def order_id(order: Order) -> str:
    """The venue's id of an order."""
    return str(_ORDERS_BEGIN + order.number)


def number_of(identifier: str) -> int | None:
    """The floor's number in an order id; None where it can't be one of ours."""
    told = whole_in(identifier)
    return None if told is None else told - _ORDERS_BEGIN


def trade_id(trade_number: int) -> str:
    """The venue's id of a trade, the same for both of its sides."""
    return str(_TRADES_BEGIN + trade_number)


def client_id(order: Order) -> str:
    """The client's own id; empty without one."""
    return "" if order.client_order_id.startswith(NO_CLIENT_ID) else order.client_order_id


def order_row(order: Order, last: Execution | None) -> dict[str, object]:
    """An order as REST lists it and the ``orders`` channel tells it; ``last`` is the fill that it is told for."""
    is_spot = order.symbol.kind is ContractKind.SPOT
    shown = last if last is not None else (order.executions[-1] if order.executions else None)
    fees = sum((each.fee for each in order.executions), ZERO)
    source, reason = ("", "") if order.end_code is None else _ENDS[_end_of(order.end_code)]
    gains = sum((each.realized_pnl for each in order.executions), ZERO)
    coin = _fee_coin(order)
    return {
        "accFillSz": plain(order.filled),
        "algoClOrdId": "",
        "algoId": "",
        "attachAlgoClOrdId": "",
        "attachAlgoOrds": [],
        "avgPx": plain(order.average_price) if order.filled else "",
        "cTime": milliseconds(order.created_ns),
        "cancelSource": source,
        "cancelSourceReason": reason,
        "category": "normal",
        "ccy": "",
        "clOrdId": client_id(order),
        "fee": plain(-fees),
        "feeCcy": coin,
        "fillPx": plain(shown.price) if shown else "",
        "fillSz": plain(shown.quantity) if shown else "0",
        "fillTime": milliseconds(shown.time_ns) if shown else "",
        "instId": order.symbol.name,
        "instType": type_of(order.symbol),
        "isTpLimit": "false",
        "lever": "" if is_spot or type_of(order.symbol) == "OPTION" else str(LEVERAGE),
        "linkedAlgoOrd": {"algoId": ""},
        "ordId": order_id(order),
        "ordType": order.details.get("ordType") or _order_type(order),
        "pnl": plain(gains) if not is_spot else "0",
        "posSide": "" if is_spot else "net",
        "px": "" if order.price is None else plain(order.price),
        "pxType": "",
        "pxUsd": "",
        "pxVol": "",
        "quickMgnType": "",
        "rebate": "0",
        "rebateCcy": order.symbol.quote if is_spot else coin,
        "reduceOnly": "true" if order.reduce_only else "false",
        "side": order.side.value.lower(),
        "slOrdPx": "",
        "slTriggerPx": "",
        "slTriggerPxType": "",
        "source": "",
        "state": _state(order),
        "stpId": "",
        "stpMode": "cancel_maker",
        "sz": plain(order.quantity),
        "tag": order.details.get("tag", ""),
        "tdMode": order.details.get("tdMode") or ("cash" if is_spot else "cross"),
        "tgtCcy": order.details.get("tgtCcy", ""),
        "tpOrdPx": "",
        "tpTriggerPx": "",
        "tpTriggerPxType": "",
        "tradeId": trade_id(shown.trade_number) if shown else "",
        "uTime": milliseconds(order.updated_ns),
    }


def order_message(order: Order, execution: Execution | None, amended: str) -> dict[str, object]:
    """An order as the ``orders`` channel tells it: with the fill that it is told for, if any.

    ``amended`` is what became of an amendment (0: it was carried out), empty where it is not told for one.
    """
    row = order_row(order, execution)
    if execution is None:
        row |= {"fillPx": "", "fillSz": "0", "fillTime": "", "tradeId": ""}
    fee = execution.fee if execution is not None else ZERO
    return row | {
        "execType": "" if execution is None else ("M" if execution.is_maker else "T"),
        "fillFee": plain(-fee),
        "fillFeeCcy": "" if execution is None else execution.fee_asset,
        "fillPnl": "0" if execution is None else plain(execution.realized_pnl),
        "fillNotionalUsd": "",
        "notionalUsd": "",
        "lastPx": "" if execution is None else plain(execution.price),
        "amendResult": amended,
        "amendSource": "1" if amended else "",
        "reqId": order.details.get("reqId", "") if amended else "",
        "code": "0",
        "msg": "",
    }


def fill_row(execution: Execution) -> dict[str, object]:
    """A fill as ``/api/v5/trade/fills`` and ``fills-history`` list it."""
    order = execution.order
    rate = order.symbol.maker_fee if execution.is_maker else order.symbol.taker_fee
    return {
        "instType": type_of(order.symbol),
        "instId": order.symbol.name,
        "tradeId": trade_id(execution.trade_number),
        "ordId": order_id(order),
        "clOrdId": client_id(order),
        "billId": str(_ORDERS_BEGIN + 2 * execution.trade_number + int(execution.is_maker)),
        "subType": "1" if order.side is Side.BUY else "2",
        "tag": order.details.get("tag", ""),
        "fillPx": plain(execution.price),
        "fillSz": plain(execution.quantity),
        "fillPnl": plain(execution.realized_pnl),
        "fillTime": milliseconds(execution.time_ns),
        "side": order.side.value.lower(),
        "posSide": "net",
        "execType": "M" if execution.is_maker else "T",
        "feeCcy": execution.fee_asset,
        "fee": plain(-execution.fee),
        "feeRate": plain(-rate),
        "ts": milliseconds(execution.time_ns),
    }


def _end_of(code: str) -> EndCode | RejectCode:
    return RejectCode.POST_ONLY_WOULD_TAKE if code == RejectCode.POST_ONLY_WOULD_TAKE else EndCode(code)


def _state(order: Order) -> str:
    if order.is_open:
        return "partially_filled" if order.filled else "live"
    return _STATES[order.status]


def _order_type(order: Order) -> str:
    """What an order is called that was not placed by this protocol."""
    if order.order_type is OrderType.MARKET:
        return "market"
    if order.post_only:
        return "post_only"
    return _LIMITS[order.time_in_force]


def _fee_coin(order: Order) -> str:
    """The coin that fees are taken in: of a spot buyer what it buys, of everybody else the settlement asset."""
    if order.symbol.kind is ContractKind.SPOT and order.side is Side.BUY:
        return order.symbol.base
    return order.symbol.settlement
