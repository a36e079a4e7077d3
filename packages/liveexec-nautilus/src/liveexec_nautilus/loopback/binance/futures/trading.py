"""Orders of USD-M futures: what a new one has to be; placing, modifying and canceling, over REST and WebSocket alike.

Left out and refused with the venue's own codes: conditional types (``STOP…``, ``TAKE_PROFIT…``, trailing), which the
venue takes at its algo endpoints, hedge mode, ``closePosition``, ``priceMatch``, and self-trade prevention other than
EXPIRE_MAKER.
"""

import itertools
import re
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, is_multiple
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec_nautilus.loopback.binance.errors import BinanceError, mandatory, refused
from liveexec_nautilus.loopback.binance.futures import wire
from liveexec_nautilus.loopback.binance.futures.registry import Call
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.shared.orders import Order, OrderRequest, Refusal
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["acknowledged", "cancel", "checked", "find", "modify", "place"]

_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_TYPES: Final = {"LIMIT": OrderType.LIMIT, "MARKET": OrderType.MARKET}
_CONDITIONAL: Final = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
_TIMES: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTX": TimeInForce.GTC,
    "GTD": TimeInForce.GTD,
}
#: A GTD order lives at least this long.
_LEAST_GOOD_MS: Final = 600_000
_NS_PER_MS: Final = 1_000_000
_MADE_UP: Final = itertools.count(1)


def place(call: Call) -> Order:
    """Place the order that the parameters describe."""
    request = checked(call)
    if request.time_in_force is TimeInForce.FOK and call.venue.floor.takeable(call.user_id, request) < request.quantity:
        message = "Due to the order could not be filled immediately, the FOK order has been rejected."
        raise BinanceError(-5021, message)
    outcome = call.venue.floor.submit(call.user_id, request)
    if isinstance(outcome, Refusal):
        raise refused(outcome)
    return outcome


def find(call: Call, error: BinanceError) -> Order:
    """The order that ``orderId`` or ``origClientOrderId`` names (``error`` where there is none)."""
    symbol, parameters = call.symbol(), call.parameters
    number, client_order_id = parameters.integer("orderId"), parameters.optional("origClientOrderId")
    if number is None and client_order_id is None:
        raise mandatory("orderId")
    order = call.venue.floor.find(call.user_id, number=number, client_order_id=client_order_id)
    if order is None or order.symbol is not symbol:
        raise error
    return order


def cancel(call: Call) -> Order:
    """Cancel the order that the parameters name (-2011)."""
    order = find(call, BinanceError(-2011, "Unknown order sent."))
    refusal = call.venue.floor.cancel(order)
    if refusal is not None:
        raise refused(refusal)
    return order


def modify(call: Call) -> Order:
    """Give an order a new quantity and price.

    As the venue has it, an order is canceled instead when the new quantity is no more than what has filled, and when
    a post-only order would trade at its new price.
    """
    order = find(call, BinanceError(-2013, "Order does not exist."))
    parameters = call.parameters
    if not order.is_open:
        raise BinanceError(-2013, "Order does not exist.")
    if order.order_type is not OrderType.LIMIT:
        raise BinanceError(-5025, "Only limit order is supported.")
    if _SIDES.get(parameters.text("side")) is not order.side:
        raise BinanceError(-1117, "Invalid side.")
    quantity, price = _quantity(call, order.symbol), _price(parameters, order.symbol)
    if (quantity, price) == (order.quantity, order.price):
        raise BinanceError(-5027, "No need to modify the order.")
    if quantity <= order.filled:
        return cancel(call)
    refusal = call.venue.floor.amend(order, quantity, price)
    if refusal is not None and refusal.code == "POST_ONLY_WOULD_TAKE":
        return cancel(call)
    if refusal is not None:
        raise refused(refusal)
    return order


def acknowledged(order: Order, *, accepted_only: bool = False) -> dict[str, object]:
    """The answer to a new, modified or canceled order; ``accepted_only`` is ``newOrderRespType=ACK``, which tells
    nothing of what the order did at once."""
    told = order_wire_of(order)
    if accepted_only:
        nothing = wire.quantity_text(order.symbol, Decimal(0))
        told |= {"status": "NEW", "executedQty": nothing, "cumQty": nothing, "cumQuote": "0.00000", "avgPrice": "0.00"}
    return told


def order_wire_of(order: Order) -> dict[str, object]:
    """An order with the sum that answers to requests have besides."""
    return wire.order_wire(order) | {"cumQty": wire.quantity_text(order.symbol, order.filled)}


def checked(call: Call) -> OrderRequest:
    """What the parameters describe, as far as it can be checked without the book."""
    parameters, symbol = call.parameters, call.symbol()
    side = _SIDES[parameters.one_of("side", _SIDES, BinanceError(-1117, "Invalid side."))]
    kind = _order_type(parameters)
    _refuse_unoffered(parameters)
    client_order_id = parameters.optional("newClientOrderId") or f"loopback-{next(_MADE_UP)}"
    if _CLIENT_ID.fullmatch(client_order_id) is None:
        raise BinanceError(-4015, "Client order id is not valid.")
    quantity = _quantity(call, symbol)
    price = None
    times, word = TimeInForce.GTC, "GTC"
    if kind is OrderType.LIMIT:
        word = parameters.one_of("timeInForce", _TIMES, BinanceError(-1115, "Invalid timeInForce."))
        times, price = _TIMES[word], _price(parameters, symbol)
        _check_notional(symbol, quantity, price, reduce_only=parameters.flag("reduceOnly"))
    elif "price" in parameters:
        raise BinanceError(-1106, "Parameter 'price' sent when not required.")
    return OrderRequest(
        symbol=symbol,
        side=side,
        order_type=kind,
        quantity=quantity,
        client_order_id=client_order_id,
        price=price,
        time_in_force=times,
        expire_at_ns=_good_till_ns(call) if times is TimeInForce.GTD else None,
        post_only=word == "GTX",
        reduce_only=parameters.flag("reduceOnly"),
    )


def _order_type(parameters: Parameters) -> OrderType:
    asked = parameters.text("type")
    if asked in _CONDITIONAL:
        raise BinanceError(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    if asked not in _TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    return _TYPES[asked]


def _refuse_unoffered(parameters: Parameters) -> None:
    if (parameters.optional("positionSide") or "BOTH") != "BOTH":
        raise BinanceError(-4061, "Order's position side does not match user's setting.")
    for name in ("stopPrice", "activationPrice", "callbackRate"):
        if name in parameters:
            raise BinanceError(-1106, f"Parameter '{name}' sent when not required.")
    if (parameters.optional("priceMatch") or "NONE") != "NONE":
        raise BinanceError(-5037, "Invalid price match")
    if (parameters.optional("selfTradePreventionMode") or wire.SELF_TRADE_PREVENTION) != wire.SELF_TRADE_PREVENTION:
        raise BinanceError(-5039, "Invalid self trade prevention mode")
    if parameters.flag("closePosition"):
        raise BinanceError(-1130, "Data sent for parameter 'closePosition' is not valid.")


def _quantity(call: Call, symbol: SymbolConfig) -> Decimal:
    quantity = call.parameters.decimal("quantity")
    if quantity is None:
        raise mandatory("quantity")
    if quantity <= 0:
        raise BinanceError(-4003, "Quantity less than or equal to zero.")
    if not is_multiple(quantity, symbol.lot):
        raise BinanceError(-1111, "Precision is over the maximum defined for this asset.")
    if quantity < symbol.min_quantity:
        raise BinanceError(-4004, "Quantity less than min quantity.")
    if quantity > symbol.max_quantity:
        raise BinanceError(-4005, "Quantity greater than max quantity.")
    return quantity


def _price(parameters: Parameters, symbol: SymbolConfig) -> Decimal:
    price = parameters.decimal("price")
    if price is None:
        raise mandatory("price")
    if price <= 0:
        raise BinanceError(-4001, "Price less than 0.")
    if not is_multiple(price, symbol.tick):
        finest = Decimal(1).scaleb(-wire.price_places(symbol))
        if not is_multiple(price, finest):
            raise BinanceError(-1111, "Precision is over the maximum defined for this asset.")
        raise BinanceError(-4014, "Price not increased by tick size.")
    return price


def _check_notional(symbol: SymbolConfig, quantity: Decimal, price: Decimal, *, reduce_only: bool) -> None:
    with localcontext(MONEY):
        is_small = symbol.min_notional is not None and quantity * price < symbol.min_notional
    if is_small and not reduce_only:
        message = f"Order's notional must be no smaller than {symbol.min_notional} (unless you choose reduce only)."
        raise BinanceError(-4164, message)


def _good_till_ns(call: Call) -> int:
    good_till_ms = call.parameters.integer("goodTillDate")
    if good_till_ms is None:
        raise mandatory("goodTillDate")
    if good_till_ms <= call.venue.clock.now_ms() + _LEAST_GOOD_MS:
        raise BinanceError(-1130, "Data sent for parameter 'goodTillDate' is not valid.")
    return good_till_ms * _NS_PER_MS
