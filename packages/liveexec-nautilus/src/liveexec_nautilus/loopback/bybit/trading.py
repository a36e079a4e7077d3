"""Placing, amending and canceling orders: the same for ``/v5/order/*`` and for the trade socket's operations.

Source: https://bybit-exchange.github.io/docs/v5/order/create-order, amend-order, cancel-order and their batches.
"""

import itertools
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, is_multiple
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.venues.paper.entry import RejectCode
from liveexec_nautilus.loopback.bybit.errors import BybitError, refusal, unknown_order
from liveexec_nautilus.loopback.bybit.listings import category_of, wire_name
from liveexec_nautilus.loopback.bybit.params import Listings, Params, number, word
from liveexec_nautilus.loopback.bybit.wire import (
    NO_LINK_ID,
    number_of,
    order_id,
)
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain
from liveexec_nautilus.loopback.shared.orders import Order, OrderRequest, Refusal
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["Trading"]

_SIDES: Final = MappingProxyType({"Buy": Side.BUY, "Sell": Side.SELL})
_TYPES: Final = MappingProxyType({"Limit": OrderType.LIMIT, "Market": OrderType.MARKET})
_TIMES_IN_FORCE: Final = MappingProxyType(
    {"": TimeInForce.GTC, "GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK, "PostOnly": None}
)
#: What this venue does not do: an order that asks for it is refused whole.
_LEFT_OUT: Final = ("triggerPrice", "takeProfit", "stopLoss", "tpLimitPrice", "slLimitPrice", "orderIv")
_LONGEST_LINK_ID: Final = 45
_MOST_IN_A_BATCH: Final = 20


class Trading:
    """The order desk of the venue. Every method takes a request's parameters and returns its ``result``.

    Each raises :class:`~liveexec_nautilus.loopback.bybit.errors.BybitError`.
    """

    def __init__(self, floor: Floor, listings: Listings) -> None:
        self._floor = floor
        self._listings = listings
        self._unnamed = itertools.count(1)

    def create(self, user_id: int, params: Params) -> dict[str, object]:
        """Place an order. What becomes of it is told on the streams: the answer only says that it was taken."""
        symbol = self._listings.symbol(params)
        request = self._request(symbol, params)
        placed = self._floor.submit(user_id, request)
        if isinstance(placed, Refusal):
            if placed.code != RejectCode.POST_ONLY_WOULD_TAKE:
                raise refusal(placed.code, placed.message, is_spot=_is_spot(symbol))
            placed = self._floor.turn_away(user_id, request, placed.code)
        return _named(placed)

    def amend(self, user_id: int, params: Params) -> dict[str, object]:
        """Change an order's total quantity or price."""
        order = self._open_order(user_id, params)
        quantity, price = number(params, "qty"), number(params, "price")
        self._refuse_left_out(params)
        if quantity in {None, order.quantity} and price in {None, order.price}:
            raise BybitError(10001, "order not modified")
        quantity = order.quantity if quantity is None else quantity
        price = order.price if price is None else price
        _check_terms(order.symbol, quantity, price)
        refused = self._floor.amend(order, quantity, price)
        if refused is not None:
            raise refusal(refused.code, refused.message, is_spot=_is_spot(order.symbol))
        return _named(order)

    def cancel(self, user_id: int, params: Params) -> dict[str, object]:
        """Cancel an order."""
        order = self._open_order(user_id, params)
        refused = self._floor.cancel(order)
        if refused is not None:
            raise refusal(refused.code, refused.message, is_spot=_is_spot(order.symbol))
        return _named(order)

    def cancel_all(self, user_id: int, params: Params) -> dict[str, object]:
        """Cancel what fits ``symbol``, ``baseCoin`` or ``settleCoin``; contracts must name one of them."""
        category = self._listings.category(params)
        named = any(word(params, name) for name in ("symbol", "baseCoin", "settleCoin"))
        if category in {"linear", "inverse"} and not named:
            raise BybitError(10001, "params error: symbol, baseCoin or settleCoin is needed")
        chosen = {symbol.name for symbol in self._listings.chosen(params)}
        orders = [each for each in self._floor.orders_of(user_id, open_only=True) if each.symbol.name in chosen]
        for order in orders:
            self._floor.cancel(order)
        return {"list": [_named(order) for order in orders], "success": "1"}

    def batch(
        self, user_id: int, params: Params, act: Callable[[int, Params], dict[str, object]]
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Carry out each element of ``request`` for itself: the result, and ``retExtInfo`` with each one's verdict."""
        category, requests = self._listings.category(params), params.get("request")
        if not isinstance(requests, list) or not 1 <= len(requests) <= _MOST_IN_A_BATCH:
            raise BybitError(10001, f"params error: request must hold 1 to {_MOST_IN_A_BATCH} orders")
        results: list[dict[str, object]] = []
        verdicts: list[dict[str, object]] = []
        for request in requests:
            each: dict[str, object] = {"category": category, **request} if isinstance(request, dict) else {}
            shown = {"category": category, "symbol": word(each, "symbol")}
            try:
                done = act(user_id, each)
                verdicts.append({"code": 0, "msg": "OK"})
            except BybitError as error:
                done = {"orderId": "", "orderLinkId": word(each, "orderLinkId")}
                verdicts.append({"code": error.code, "msg": error.message})
            created = {"createAt": milliseconds(self._floor.clock.now_ns())} if act == self.create else {}
            results.append({**shown, **done, **created})
        return {"list": results}, {"list": verdicts}

    def find(self, user_id: int, params: Params) -> Order | None:
        """The account's order that ``orderId`` or ``orderLinkId`` names, whatever its state."""
        identifier, link_id = word(params, "orderId"), word(params, "orderLinkId")
        if identifier:
            found = number_of(identifier)
            order = None if found is None else self._floor.find(user_id, number=found)
        else:
            order = self._floor.find(user_id, client_order_id=link_id)
        category, name = word(params, "category"), word(params, "symbol")
        if order is None or (category and category_of(order.symbol) != category):
            return None
        return None if name and wire_name(order.symbol) != name else order

    def _open_order(self, user_id: int, params: Params) -> Order:
        symbol = self._listings.symbol(params)
        if not word(params, "orderId") and not word(params, "orderLinkId"):
            raise BybitError(10001, "params error: orderId or orderLinkId is required")
        order = self.find(user_id, params)
        if order is None or not order.is_open:
            raise unknown_order(is_spot=_is_spot(symbol))
        return order

    def _request(self, symbol: SymbolConfig, params: Params) -> OrderRequest:
        self._refuse_left_out(params)
        is_spot = _is_spot(symbol)
        side, order_type = _SIDES.get(word(params, "side")), _TYPES.get(word(params, "orderType"))
        named_time = word(params, "timeInForce")
        if side is None:
            raise BybitError(10001, "params error: side invalid")
        if order_type is None:
            raise BybitError(170116) if is_spot else BybitError(10001, "params error: orderType invalid")
        if named_time not in _TIMES_IN_FORCE:
            raise BybitError(170115) if is_spot else BybitError(10001, "params error: timeInForce invalid")
        if word(params, "positionIdx") not in {"", "0"}:
            raise BybitError(10001, "position idx not match position mode")
        link_id = word(params, "orderLinkId")
        if len(link_id) > _LONGEST_LINK_ID:
            raise BybitError(10001, "params error: orderLinkId is too long")
        price = number(params, "price") if order_type is OrderType.LIMIT else None
        if order_type is OrderType.LIMIT and price is None:
            raise BybitError(170130) if is_spot else BybitError(10001, "params error: price invalid")
        quantity = number(params, "qty")
        if quantity is None:
            raise BybitError(170130) if is_spot else BybitError(10001, "Qty invalid")
        if is_spot and price is None and side is Side.BUY and word(params, "marketUnit") != "baseCoin":
            quantity = self._bought_for(symbol, quantity)
        _check_terms(symbol, quantity, price)
        last = self._floor.market.last_trade(symbol.name)
        return OrderRequest(
            symbol=symbol,
            side=side,
            order_type=order_type,
            quantity=quantity,
            client_order_id=link_id or f"{NO_LINK_ID}{next(self._unnamed)}",
            price=price,
            time_in_force=_TIMES_IN_FORCE[named_time] or TimeInForce.GTC,
            post_only=named_time == "PostOnly",
            reduce_only=params.get("reduceOnly") in (True, "true"),
            details={"lastPriceOnCreated": plain(symbol.opening_price if last is None else last.price)},
        )

    def _bought_for(self, symbol: SymbolConfig, amount: Decimal) -> Decimal:
        """How much of the base coin an amount of the quote coin buys now: what a spot market buy means by ``qty``."""
        bought = self._floor.market.bought_for(symbol, amount)
        if not bought:
            raise BybitError(170140)
        return bought

    def _refuse_left_out(self, params: Params) -> None:
        asked = [name for name in _LEFT_OUT if _is_asked(params, name)]
        if asked:
            raise BybitError(10001, f"params error: this venue has no {', '.join(asked)}")


def _is_asked(params: Params, name: str) -> bool:
    """Whether a parameter asks for something: it is there and not zero."""
    return word(params, name) not in {"", "0", "0.0", "0.00"}


def _is_spot(symbol: SymbolConfig) -> bool:
    return symbol.kind is ContractKind.SPOT


def _named(order: Order) -> dict[str, object]:
    link_id = "" if order.client_order_id.startswith(NO_LINK_ID) else order.client_order_id
    return {"orderId": order_id(order), "orderLinkId": link_id}


def _check_terms(symbol: SymbolConfig, quantity: Decimal, price: Decimal | None) -> None:
    """What is wrong with an order's numbers, each in the category's own code."""
    is_spot = _is_spot(symbol)
    if not is_multiple(quantity, symbol.lot):
        raise BybitError(170137) if is_spot else BybitError(10001, "Qty invalid")
    if quantity < symbol.min_quantity or quantity > symbol.max_quantity:
        bound = "minimum" if quantity < symbol.min_quantity else "maximum"
        raise (
            BybitError(170136)
            if is_spot
            else BybitError(10001, f"The number of contracts exceeds {bound} limit allowed")
        )
    if price is None:
        return
    if not is_multiple(price, symbol.tick):
        raise BybitError(170134) if is_spot else BybitError(110003)
    if symbol.min_notional is not None and MONEY.multiply(quantity, price) < symbol.min_notional:
        raise BybitError(170140) if is_spot else BybitError(110094)
