"""The order endpoints of USD-M futures."""

from collections.abc import Callable
from typing import Final

import msgspec
from attrs import evolve

from liveexec_nautilus.loopback.binance.errors import BinanceError, mandatory
from liveexec_nautilus.loopback.binance.futures import trading, wire
from liveexec_nautilus.loopback.binance.futures.registry import Call, endpoint
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.shared.orders import Order

__all__: list[str] = []

_ORDER: Final = "/fapi/v1/order"
_BATCH: Final = "/fapi/v1/batchOrders"
_MOST_PLACED, _MOST_CANCELED = 5, 10
_ABSENT: Final = BinanceError(-2013, "Order does not exist.")
_RESPONSES: Final = frozenset({"ACK", "RESULT"})


def _told(order: Order) -> dict[str, object]:
    """An order as queries tell it: with the time it was placed at."""
    return wire.order_wire(order) | {"time": wire.ms(order.created_ns)}


def _place(call: Call) -> dict[str, object]:
    wanted = call.parameters.one_of("newOrderRespType", _RESPONSES, BinanceError(-1130, "Invalid data."), "ACK")
    return trading.acknowledged(trading.place(call), accepted_only=wanted == "ACK")


@endpoint("POST", _ORDER, security="SIGNED", weight=0, counts_order=True)
def place(call: Call) -> object:
    """New order."""
    return _place(call)


@endpoint("POST", "/fapi/v1/order/test", security="SIGNED", weight=0)
def check(call: Call) -> object:
    """A new order that is looked at and not placed."""
    trading.checked(call)
    return {}


@endpoint("PUT", _ORDER, security="SIGNED", counts_order=True)
def modify(call: Call) -> object:
    """Modify an order."""
    return trading.acknowledged(trading.modify(call))


@endpoint("DELETE", _ORDER, security="SIGNED")
def cancel(call: Call) -> object:
    """Cancel an order."""
    return trading.acknowledged(trading.cancel(call))


@endpoint("GET", _ORDER, security="SIGNED")
def query(call: Call) -> object:
    """An order, open or not (-2013)."""
    return _told(trading.find(call, _ABSENT))


@endpoint("GET", "/fapi/v1/openOrder", security="SIGNED")
def query_open(call: Call) -> object:
    """An order that is open (-2013)."""
    order = trading.find(call, _ABSENT)
    if not order.is_open:
        raise _ABSENT
    return _told(order)


@endpoint("GET", "/fapi/v1/openOrders", security="SIGNED")
def open_orders(call: Call) -> object:
    """Every open order, of one symbol or all."""
    symbol = call.optional_symbol()
    name = None if symbol is None else symbol.name
    return [_told(order) for order in call.venue.floor.orders_of(call.user_id, name, open_only=True)]


@endpoint("DELETE", "/fapi/v1/allOpenOrders", security="SIGNED")
def cancel_all(call: Call) -> object:
    """Cancel every open order of a symbol."""
    for order in call.venue.floor.orders_of(call.user_id, call.symbol().name, open_only=True):
        call.venue.floor.cancel(order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


@endpoint("GET", "/fapi/v1/allOrders", security="SIGNED", weight=5)
def all_orders(call: Call) -> object:
    """A symbol's orders, from an id or in a span of time (``startTime`` and ``endTime``, ms)."""
    orders = call.venue.floor.orders_of(call.user_id, call.symbol().name)
    first = call.parameters.integer("orderId")
    if first is not None:
        orders = [order for order in orders if order.number >= first]
    since, until = call.parameters.integer("startTime"), call.parameters.integer("endTime")
    orders = [order for order in orders if _within(wire.ms(order.created_ns), since, until)]
    return [_told(order) for order in _page(orders, call.parameters.limit(500, 1_000), from_start=first is not None)]


@endpoint("GET", "/fapi/v1/userTrades", security="SIGNED", weight=5)
def user_trades(call: Call) -> object:
    """A symbol's fills, of one order, from an id, or in a span of time."""
    fills = call.venue.floor.executions_of(call.user_id, call.symbol().name)
    parameters = call.parameters
    number, first = parameters.integer("orderId"), parameters.integer("fromId")
    since, until = parameters.integer("startTime"), parameters.integer("endTime")
    if number is not None:
        fills = [fill for fill in fills if fill.order.number == number]
    if first is not None:
        fills = [fill for fill in fills if fill.trade_number >= first]
    fills = [fill for fill in fills if _within(wire.ms(fill.time_ns), since, until)]
    from_start = first is not None or since is not None
    return [wire.trade_wire(fill) for fill in _page(fills, parameters.limit(500, 1_000), from_start=from_start)]


@endpoint("POST", _BATCH, security="SIGNED", weight=5, counts_order=True)
def place_batch(call: Call) -> object:
    """Up to five new orders, each with an answer or an error of its own."""
    return _each(call, _orders_of(call, "batchOrders", _MOST_PLACED), _place)


@endpoint("PUT", _BATCH, security="SIGNED", weight=5, counts_order=True)
def modify_batch(call: Call) -> object:
    """Up to five modified orders."""
    return _each(
        call, _orders_of(call, "batchOrders", _MOST_PLACED), lambda one: trading.acknowledged(trading.modify(one))
    )


@endpoint("DELETE", _BATCH, security="SIGNED")
def cancel_batch(call: Call) -> object:
    """Up to ten orders of a symbol canceled, by ``orderIdList`` or ``origClientOrderIdList``."""
    symbol = call.symbol().name
    by_number = "orderIdList" in call.parameters
    listed = _list_of(call, "orderIdList" if by_number else "origClientOrderIdList", _MOST_CANCELED)
    field = "orderId" if by_number else "origClientOrderId"
    wanted = [{"symbol": symbol, field: name} for name in listed]
    return _each(call, wanted, lambda one: trading.acknowledged(trading.cancel(one)))


def _each(
    call: Call, wanted: list[dict[str, object]], act: Callable[[Call], dict[str, object]]
) -> list[dict[str, object]]:
    answers = []
    for given in wanted:
        try:
            answers.append(act(evolve(call, parameters=Parameters(given))))
        except BinanceError as error:
            answers.append(error.wire())
    return answers


def _orders_of(call: Call, name: str, most: int) -> list[dict[str, object]]:
    listed = _list_of(call, name, most)
    if not all(isinstance(each, dict) for each in listed):
        raise mandatory(name)
    return [each for each in listed if isinstance(each, dict)]


def _list_of(call: Call, name: str, most: int) -> list[object]:
    try:
        listed: object = msgspec.json.decode(call.parameters.text(name))
    except msgspec.DecodeError:
        raise mandatory(name) from None
    if not isinstance(listed, list) or not listed:
        raise mandatory(name)
    if len(listed) > most:
        raise BinanceError(-4082, "Invalid number of batch place orders.")
    return listed


def _within(time_ms: int, since: int | None, until: int | None) -> bool:
    return (since is None or time_ms >= since) and (until is None or time_ms <= until)


def _page[T](rows: list[T], most: int, *, from_start: bool) -> list[T]:
    """The first rows of a page that begins somewhere, the latest ones otherwise."""
    return rows[:most] if from_start else rows[-most:]
