"""The order endpoints of Spot."""

from typing import Final

from attrs import evolve

from liveexec.domain.money import ZERO
from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.binance.spot import layouts, trading, wire, words
from liveexec_nautilus.loopback.binance.spot.registry import Call, Told, endpoint
from liveexec_nautilus.loopback.binance.spot.sbe import encode
from liveexec_nautilus.loopback.shared.orders import Order

__all__: list[str] = []

_ORDER: Final = "/api/v3/order"
_UNKNOWN: Final = BinanceError(-2011, "Unknown order sent.")
_ABSENT: Final = BinanceError(-2013, "Order does not exist.")
_RESPONSES: Final = frozenset({"ACK", "RESULT", "FULL"})
#: ``cancelReplaceStatus`` of the schema.
_DONE, _FAILED, _LEFT = 0, 1, 2
_STATUS: Final = {_DONE: "SUCCESS", _FAILED: "FAILURE", _LEFT: "NOT_ATTEMPTED"}


@endpoint("POST", _ORDER, security="SIGNED", counts_order=True)
def place(call: Call) -> object:
    """New order."""
    return wire.placed(trading.place(call), _wanted(call))


@endpoint("POST", "/api/v3/order/test", security="SIGNED")
def check(call: Call) -> object:
    """A new order that is looked at and not placed."""
    trading.checked(call)
    return Told({}, layouts.ORDER_TESTED, {})


@endpoint("GET", _ORDER, security="SIGNED", weight=4)
def query(call: Call) -> object:
    """An order, open or not (-2013)."""
    order = trading.find(call, _ABSENT)
    return Told(wire.order_json(order), layouts.ORDER, wire.order_values(order))


@endpoint("DELETE", _ORDER, security="SIGNED")
def cancel(call: Call) -> object:
    """Cancel an order."""
    return wire.canceled(trading.cancel(call, trading.find(call, _UNKNOWN)))


@endpoint("PUT", "/api/v3/order/amend/keepPriority", security="SIGNED", weight=4)
def amend(call: Call) -> object:
    """Lower an order's quantity."""
    order = trading.reduce(call)
    told = {
        "transactTime": words.millis(order.updated_ns),
        "executionId": order.number + order.amendments,
        "amendedOrder": {
            "symbol": order.symbol.name,
            "orderId": order.number,
            "orderListId": -1,
            "origClientOrderId": order.client_order_id,
            "clientOrderId": order.client_order_id,
            "price": words.amount(order.price or ZERO),
            "qty": words.amount(order.quantity),
            "executedQty": words.amount(order.filled),
            "preventedQty": words.amount(ZERO),
            "quoteOrderQty": words.amount(ZERO),
            "cumulativeQuoteQty": words.amount(order.filled_value),
            "status": wire.order_status(order),
            "timeInForce": wire.time_in_force(order),
            "type": wire.order_type(order),
            "side": order.side.value,
            "workingTime": words.millis(order.created_ns),
            "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    }
    values = wire.order_values(order) | {
        "executionId": order.number + order.amendments,
        "origClientOrderId": order.client_order_id,
        "listStatus": [],
        "relatedOrders": [],
    }
    return Told(told, layouts.AMENDED, values)


@endpoint("POST", "/api/v3/order/cancelReplace", security="SIGNED", counts_order=True)
def cancel_replace(call: Call) -> object:
    """Cancel an order and place another: with STOP_ON_FAILURE only where the cancel succeeds (-2022, -2021)."""
    parameters = call.parameters
    modes = {"STOP_ON_FAILURE", "ALLOW_FAILURE"}
    mode = parameters.one_of("cancelReplaceMode", modes, BinanceError(-1100, "Invalid cancelReplaceMode."))
    request = {name: value for name, value in parameters.given().items() if name != "newClientOrderId"}
    request["newClientOrderId"] = parameters.sent("cancelNewClientOrderId")
    try:
        named = {"number": "cancelOrderId", "client_order_id": "cancelOrigClientOrderId"}
        order = trading.find(call, _UNKNOWN, **named)
        gone: Told | BinanceError = wire.canceled(trading.cancel(evolve(call, parameters=Parameters(request)), order))
    except BinanceError as error:
        gone = error
    made: Told | BinanceError | None = None
    if isinstance(gone, Told) or mode == "ALLOW_FAILURE":
        try:
            made = wire.placed(trading.place(call), _wanted(call))
        except BinanceError as error:
            made = error
    if isinstance(gone, Told) and isinstance(made, Told):
        told = {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": gone.json,
            "newOrderResponse": made.json,
        }
        values = {
            "cancelResult": _DONE,
            "newOrderResult": _DONE,
            "cancelResponse": gone.sbe(),
            "newOrderResponse": made.sbe(),
        }
        return Told(told, layouts.CANCEL_REPLACED, values)
    raise _replace_failed(gone, made)


@endpoint("GET", "/api/v3/openOrders", security="SIGNED", weight=6)
def open_orders(call: Call) -> object:
    """Every open order, of one symbol or all."""
    symbol = call.optional_symbol()
    name = None if symbol is None else symbol.name
    return _told(call.venue.floor.orders_of(call.user_id, name, open_only=True))


@endpoint("DELETE", "/api/v3/openOrders", security="SIGNED")
def cancel_all(call: Call) -> object:
    """Cancel every open order of a symbol (-2011 where there is none)."""
    orders = call.venue.floor.orders_of(call.user_id, call.symbol().name, open_only=True)
    if not orders:
        raise _UNKNOWN
    told = [wire.canceled(trading.cancel(call, order)) for order in orders]
    return Told(
        [each.json for each in told],
        layouts.CANCELED_ALL,
        {"responses": [{"response": each.sbe()} for each in told]},
    )


@endpoint("GET", "/api/v3/allOrders", security="SIGNED", weight=20)
def all_orders(call: Call) -> object:
    """A symbol's orders, from an id or in a span of time (``startTime`` and ``endTime``, ms)."""
    orders = call.venue.floor.orders_of(call.user_id, call.symbol().name)
    first = call.parameters.integer("orderId")
    if first is not None:
        orders = [order for order in orders if order.number >= first]
    orders = [order for order in orders if _within(call, words.millis(order.created_ns))]
    most = call.parameters.limit(500, 1_000)
    return _told(orders[:most] if first is not None else orders[-most:])


@endpoint("GET", "/api/v3/myTrades", security="SIGNED", weight=20)
def my_trades(call: Call) -> object:
    """A symbol's fills, of one order, from an id, or in a span of time."""
    fills = call.venue.floor.executions_of(call.user_id, call.symbol().name)
    number, first = call.parameters.integer("orderId"), call.parameters.integer("fromId")
    if number is not None:
        fills = [fill for fill in fills if fill.order.number == number]
    if first is not None:
        fills = [fill for fill in fills if fill.trade_number >= first]
    fills = [fill for fill in fills if _within(call, words.millis(fill.time_ns))]
    most = call.parameters.limit(500, 1_000)
    from_start = first is not None or "startTime" in call.parameters
    page = fills[:most] if from_start else fills[-most:]
    values = {"trades": [wire.trade_values(fill) for fill in page]}
    return Told([wire.trade_json(fill) for fill in page], layouts.ACCOUNT_TRADES, values)


def _wanted(call: Call) -> str:
    """FULL unless the request wants less."""
    error = BinanceError(-1100, "Illegal newOrderRespType.")
    return call.parameters.one_of("newOrderRespType", _RESPONSES, error, "FULL")


def _replace_failed(gone: Told | BinanceError, made: Told | BinanceError | None) -> BinanceError:
    """-2022 where nothing succeeded, -2021 where one half did; the halves are in the error's data."""
    results = [_DONE if isinstance(each, Told) else _LEFT if each is None else _FAILED for each in (gone, made)]
    halves = [each.wire() if isinstance(each, BinanceError) else each and each.json for each in (gone, made)]
    written = [_half(each) for each in (gone, made)]
    data = {
        "cancelResult": _STATUS[results[0]],
        "newOrderResult": _STATUS[results[1]],
        "cancelResponse": halves[0],
        "newOrderResponse": halves[1],
    }
    values = {
        "cancelResult": results[0],
        "newOrderResult": results[1],
        "cancelResponse": written[0],
        "newOrderResponse": written[1],
    }
    binary = encode(layouts.CANCEL_REPLACED, values)
    if _DONE in results:
        return BinanceError(-2021, "Order cancel-replace partially failed.", 409, data, binary)
    return BinanceError(-2022, "Order cancel-replace failed.", data=data, binary=binary)


def _half(told: Told | BinanceError | None) -> bytes:
    if told is None:
        return b""
    if isinstance(told, Told):
        return told.sbe()
    return encode(layouts.ERROR, {"code": told.code, "msg": told.message})


def _told(orders: list[Order]) -> Told:
    values = {"orders": [wire.order_values(order) for order in orders]}
    return Told([wire.order_json(order) for order in orders], layouts.ORDERS, values)


def _within(call: Call, time_ms: int) -> bool:
    since, until = call.parameters.integer("startTime"), call.parameters.integer("endTime")
    return (since is None or time_ms >= since) and (until is None or time_ms <= until)
