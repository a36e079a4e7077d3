"""What Spot streams: market data by symbol as JSON, and an account's events as JSON or SBE.

An account's position tells what its assets are once the request that moved them is done.
"""

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.spot import layouts, wire, words
from liveexec_nautilus.loopback.binance.spot.market_data import levels
from liveexec_nautilus.loopback.binance.spot.sbe import Layout, encode
from liveexec_nautilus.loopback.binance.venue import Message
from liveexec_nautilus.loopback.shared.events import (
    BalanceMoved,
    BookChanged,
    OrderChange,
    OrderChanged,
    PublicTrade,
)
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.orders import Execution, Order
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["UserEvent", "best_prices", "book_messages", "ended", "trade_messages", "user_events"]

_DEPTHS: Final = (5, 10, 20)
_SPEEDS: Final = ("", "@100ms")
_EXECUTION: Final = {
    OrderChange.NEW: "NEW",
    OrderChange.TRADE: "TRADE",
    OrderChange.AMENDED: "REPLACED",
    OrderChange.CANCELED: "CANCELED",
    OrderChange.EXPIRED: "EXPIRED",
}


@frozen
class UserEvent:
    """An event of an account's stream in both encodings; ``topic`` is what faults know it by."""

    topic: str
    json: dict[str, object]
    layout: Layout
    values: dict[str, Any]

    def written(self, subscription_id: int, *, as_sbe: bool) -> object:
        """The event for one subscription."""
        if as_sbe:
            return encode(self.layout, self.values | {"subscriptionId": subscription_id})
        return {"subscriptionId": subscription_id, "event": self.json}


def best_prices(floor: Floor, symbol: SymbolConfig) -> Iterator[Message]:
    """The best bid and ask; nothing while a side has none."""
    bids, asks = floor.market.book(symbol.name, 1)
    if bids and asks:
        told: dict[str, object] = {
            "u": floor.market.book_update(symbol.name),
            "s": symbol.name,
            "b": words.amount(bids[0][0]),
            "B": words.amount(bids[0][1]),
            "a": words.amount(asks[0][0]),
            "A": words.amount(asks[0][1]),
        }
        yield f"{symbol.name.lower()}@bookTicker", told


def book_messages(floor: Floor, event: BookChanged) -> Iterator[Message]:
    """What a changed book is told as: best prices, differences, partial books."""
    symbol, name = event.symbol, event.symbol.name.lower()
    yield from best_prices(floor, symbol)
    bids, asks = floor.market.book(symbol.name, max(_DEPTHS))
    for speed in _SPEEDS:
        yield (
            f"{name}@depth{speed}",
            {
                "e": "depthUpdate",
                "E": words.millis(event.time_ns),
                "s": symbol.name,
                "U": event.update,
                "u": event.update,
                "b": levels(event.bids),
                "a": levels(event.asks),
            },
        )
        for depth in _DEPTHS:
            part = {"lastUpdateId": event.update, "bids": levels(bids[:depth]), "asks": levels(asks[:depth])}
            yield f"{name}@depth{depth}{speed}", part


def trade_messages(event: PublicTrade) -> Iterator[Message]:
    """What a public trade is told as."""
    name, at_ms, number = event.symbol.name.lower(), words.millis(event.time_ns), event.trade_number
    head: dict[str, object] = {
        "E": at_ms,
        "s": event.symbol.name,
        "p": words.amount(event.price),
        "q": words.amount(event.quantity),
        "T": at_ms,
        "m": event.aggressor is Side.SELL,
        "M": True,
    }
    yield f"{name}@trade", {"e": "trade", "t": number, **head}
    yield f"{name}@aggTrade", {"e": "aggTrade", "a": number, "f": number, "l": number, **head}


def user_events(floor: Floor, event: OrderChanged | BalanceMoved) -> Iterator[UserEvent]:
    """What an account's stream tells: for an order its report, then the assets that it may have moved."""
    if isinstance(event, BalanceMoved):
        yield _balance_update(event)
        yield _position(floor, event.user_id, {event.asset}, event.time_ns)
        return
    order = event.order
    yield _report(order, event.change, event.execution)
    yield _position(floor, order.user_id, {order.symbol.base, order.symbol.quote}, order.updated_ns)


def ended(at_ns: int) -> UserEvent:
    """The account's stream is over."""
    told: dict[str, object] = {"e": "eventStreamTerminated", "E": words.millis(at_ns)}
    return UserEvent("eventStreamTerminated", told, layouts.STREAM_ENDED, {"eventTime": words.micros(at_ns)})


def _report(order: Order, change: OrderChange, execution: Execution | None) -> UserEvent:
    is_canceled = change is OrderChange.CANCELED
    client_id = order.details.get(wire.CANCEL_ID, order.client_order_id) if is_canceled else order.client_order_id
    original = order.client_order_id if client_id != order.client_order_id else ""
    reason = wire.expiry_reason(order)
    status = "NEW" if change is OrderChange.NEW else wire.order_status(order)
    #: One for each thing that happens to an order.
    number = order.number * 1_000 + len(order.executions) + order.amendments + (not order.is_open)
    nothing = words.amount(ZERO)
    told: dict[str, object] = {
        "e": "executionReport",
        "E": words.millis(order.updated_ns),
        "s": order.symbol.name,
        "c": client_id,
        "S": order.side.value,
        "o": wire.order_type(order),
        "f": wire.time_in_force(order),
        "q": words.amount(order.quantity),
        "p": words.amount(order.price or ZERO),
        "P": nothing,
        "F": nothing,
        "g": -1,
        "C": original,
        "x": _EXECUTION[change],
        "X": status,
        "r": "NONE",
        "i": order.number,
        "l": nothing if execution is None else words.amount(execution.quantity),
        "z": words.amount(order.filled),
        "L": nothing if execution is None else words.amount(execution.price),
        "n": "0" if execution is None else words.amount(execution.fee),
        "N": None if execution is None else execution.fee_asset,
        "T": words.millis(order.updated_ns),
        "t": -1 if execution is None else execution.trade_number,
        "I": number,
        "w": order.is_open,
        "m": execution is not None and execution.is_maker,
        "M": False,
        "O": words.millis(order.created_ns),
        "Z": words.amount(order.filled_value),
        "Y": nothing if execution is None else words.amount(execution.value),
        "Q": nothing,
        "W": words.millis(order.created_ns),
        "V": "EXPIRE_MAKER",
    }
    if reason is not None:
        told["eR"] = reason
    values = wire.order_values(order) | {
        "eventTime": words.micros(order.updated_ns),
        "commissionExponent": words.EXPONENT,
        "orderCreationTime": words.micros(order.created_ns),
        "icebergQty": 0,
        "stopPrice": 0,
        "executionType": words.EXECUTION_TYPE[_EXECUTION[change]],
        "orderStatus": words.ORDER_STATUS[status],
        "tradeId": None if execution is None else execution.trade_number,
        "executionId": number,
        "lastQty": 0 if execution is None else words.mantissa(execution.quantity),
        "lastPrice": 0 if execution is None else words.mantissa(execution.price),
        "quoteQty": 0 if execution is None else words.mantissa(execution.value),
        "commission": 0 if execution is None else words.mantissa(execution.fee),
        "isWorking": order.is_open,
        "isMaker": execution is not None and execution.is_maker,
        "isBestMatch": 0,
        "matchType": 1,
        "clientOrderId": client_id,
        "origClientOrderId": original,
        "commissionAsset": None if execution is None else execution.fee_asset,
    }
    return UserEvent("executionReport", told, layouts.EXECUTION_REPORT, values)


def _position(floor: Floor, user_id: int, assets: set[str], at_ns: int) -> UserEvent:
    rows = wire.balance_rows(floor, user_id, assets)
    told = {
        "e": "outboundAccountPosition",
        "E": words.millis(at_ns),
        "u": words.millis(at_ns),
        "B": [{"a": asset, "f": words.amount(free), "l": words.amount(locked)} for asset, free, locked in rows],
    }
    values = {
        "eventTime": words.micros(at_ns),
        "updateTime": words.micros(at_ns),
        "balances": [
            {
                "exponent": words.EXPONENT,
                "free": words.mantissa(free),
                "locked": words.mantissa(locked),
                "asset": asset,
            }
            for asset, free, locked in rows
        ],
    }
    return UserEvent("outboundAccountPosition", told, layouts.ACCOUNT_POSITION, values)


def _balance_update(event: BalanceMoved) -> UserEvent:
    at_ms = words.millis(event.time_ns)
    told: dict[str, object] = {
        "e": "balanceUpdate",
        "E": at_ms,
        "a": event.asset,
        "d": words.amount(event.amount),
        "T": at_ms,
    }
    values = {
        "eventTime": words.micros(event.time_ns),
        "clearTime": words.micros(event.time_ns),
        "qtyExponent": words.EXPONENT,
        "freeQtyDelta": words.mantissa(event.amount),
        "asset": event.asset,
    }
    return UserEvent("balanceUpdate", told, layouts.BALANCE_UPDATE, values)
