"""Orders of Spot: what a new one has to be; placing, amending, replacing and canceling, over REST and WebSocket alike.

Left out and refused with the venue's own codes: stop and take-profit orders, quantities in the quote asset
(``quoteOrderQty``), icebergs, order lists, pegged orders, and self-trade prevention other than EXPIRE_MAKER.
"""

import itertools
import re
from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, is_multiple
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec_nautilus.loopback.binance.errors import BinanceError, mandatory, refused
from liveexec_nautilus.loopback.binance.spot import wire
from liveexec_nautilus.loopback.binance.spot.registry import Call
from liveexec_nautilus.loopback.shared.orders import Order, OrderRequest, Refusal
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["REJECTED", "cancel", "checked", "find", "place", "reduce"]

#: -2010 is what every new order that the matching engine refuses is told, each with a sentence of its own.
REJECTED: Final = -2010
_SENTENCES: Final[Mapping[str, tuple[int, str]]] = {
    "DUPLICATE_CLIENT_ID": (REJECTED, "Duplicate order sent."),
    "INSUFFICIENT_BALANCE": (REJECTED, "Account has insufficient balance for requested action."),
    "POST_ONLY_WOULD_TAKE": (REJECTED, "Order would immediately match and take."),
    "INVALID_ORDER": (-1013, "Unsupported order combination"),
    "ORDER_CLOSED": (-2011, "Unknown order sent."),
    "UNKNOWN_ORDER": (-2011, "Unknown order sent."),
}
_CLIENT_ID: Final = re.compile(r"[a-zA-Z0-9-_]{1,36}", re.ASCII)
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_TYPES: Final = {"LIMIT": OrderType.LIMIT, "LIMIT_MAKER": OrderType.LIMIT, "MARKET": OrderType.MARKET}
_TIMES: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_UNOFFERED: Final = ("stopPrice", "trailingDelta", "icebergQty", "pegPriceType", "pegOffsetValue", "pegOffsetType")
_MADE_UP: Final = itertools.count(1)


def place(call: Call) -> Order:
    """Place the order that the parameters describe (-2010 where the matching engine refuses it)."""
    outcome = call.venue.floor.submit(call.user_id, checked(call))
    if isinstance(outcome, Refusal):
        raise refused(outcome, _SENTENCES)
    return outcome


def find(
    call: Call, error: BinanceError, *, number: str = "orderId", client_order_id: str = "origClientOrderId"
) -> Order:
    """The order that these parameters name (``error`` where there is none)."""
    symbol, parameters = call.symbol(), call.parameters
    asked = parameters.integer(number), parameters.optional(client_order_id)
    if asked == (None, None):
        raise BinanceError(-1102, f"Param '{client_order_id}' or '{number}' must be sent, but both were empty/null!")
    order = call.venue.floor.find(call.user_id, number=asked[0], client_order_id=asked[1])
    if order is None or order.symbol is not symbol:
        raise error
    return order


def cancel(call: Call, order: Order) -> Order:
    """Cancel an order (-2011); the cancel has a client id of its own."""
    if order.is_open:
        order.details[wire.CANCEL_ID] = _client_id(call, "newClientOrderId")
    refusal = call.venue.floor.cancel(order)
    if refusal is not None:
        raise refused(refusal, _SENTENCES)
    return order


def reduce(call: Call) -> Order:
    """Lower an order's quantity, which keeps its place in the queue (``order/amend/keepPriority``, -2038)."""
    order = find(call, BinanceError(-2013, "Order does not exist."))
    quantity = _quantity(call, order.symbol, "newQty")
    if not order.is_open:
        raise BinanceError(-2038, "The request is not valid for an order in this state.")
    if quantity >= order.quantity:
        raise BinanceError(-2038, "Order amend (quantity increase) is not supported.")
    if quantity <= order.filled:
        raise BinanceError(-2038, "The requested quantity is below the executed quantity.")
    refusal = call.venue.floor.amend(order, quantity, order.price)
    if refusal is not None:
        raise refused(refusal, _SENTENCES)
    return order


def checked(call: Call) -> OrderRequest:
    """What the parameters describe, as far as it can be checked without the book."""
    parameters, symbol = call.parameters, call.symbol()
    side = _SIDES[parameters.one_of("side", _SIDES, BinanceError(-1117, "Invalid side."))]
    word = parameters.one_of("type", _TYPES, BinanceError(-1116, "Invalid orderType."))
    for name in _UNOFFERED:
        if name in parameters:
            raise BinanceError(-1106, f"Parameter '{name}' sent when not required.")
    if "quoteOrderQty" in parameters:
        raise BinanceError(REJECTED, "Quote order qty market orders are not support for this symbol.")
    if (parameters.optional("selfTradePreventionMode") or "EXPIRE_MAKER") != "EXPIRE_MAKER":
        raise BinanceError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    quantity = _quantity(call, symbol, "quantity")
    price, times = None, TimeInForce.GTC
    if word == "LIMIT":
        times = _TIMES[parameters.one_of("timeInForce", _TIMES, BinanceError(-1115, "Invalid timeInForce."))]
    elif "timeInForce" in parameters:
        raise BinanceError(-1106, "Parameter 'timeInForce' sent when not required.")
    if word == "MARKET" and "price" in parameters:
        raise BinanceError(-1106, "Parameter 'price' sent when not required.")
    if word != "MARKET":
        price = _price(call, symbol)
        _check_notional(symbol, quantity, price)
    return OrderRequest(
        symbol=symbol,
        side=side,
        order_type=_TYPES[word],
        quantity=quantity,
        client_order_id=_client_id(call, "newClientOrderId"),
        price=price,
        time_in_force=times,
        post_only=word == "LIMIT_MAKER",
    )


def _client_id(call: Call, name: str) -> str:
    asked = call.parameters.optional(name) or f"loopback-{next(_MADE_UP)}"
    if _CLIENT_ID.fullmatch(asked) is None:
        message = f"Illegal characters found in parameter '{name}'; legal range is '^[a-zA-Z0-9-_]{{1,36}}$'."
        raise BinanceError(-1100, message)
    return asked


def _quantity(call: Call, symbol: SymbolConfig, name: str) -> Decimal:
    quantity = call.parameters.decimal(name)
    if quantity is None:
        raise mandatory(name)
    if quantity <= 0 or not is_multiple(quantity, symbol.lot) or not _fits(quantity, symbol):
        raise BinanceError(-1013, "Filter failure: LOT_SIZE")
    return quantity


def _fits(quantity: Decimal, symbol: SymbolConfig) -> bool:
    return symbol.min_quantity <= quantity <= symbol.max_quantity


def _price(call: Call, symbol: SymbolConfig) -> Decimal:
    price = call.parameters.decimal("price")
    if price is None:
        raise mandatory("price")
    if price <= 0 or not is_multiple(price, symbol.tick):
        raise BinanceError(-1013, "Filter failure: PRICE_FILTER")
    return price


def _check_notional(symbol: SymbolConfig, quantity: Decimal, price: Decimal) -> None:
    with localcontext(MONEY):
        is_small = symbol.min_notional is not None and quantity * price < symbol.min_notional
    if is_small:
        raise BinanceError(-1013, "Filter failure: NOTIONAL")
