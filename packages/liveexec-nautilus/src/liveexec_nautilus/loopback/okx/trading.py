"""Placing, amending and canceling orders: the same for ``/api/v5/trade/*`` and for the private socket's operations.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-trade. Each order of a request has a verdict of its own.
"""

import itertools
import re
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import is_multiple
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.venues.paper.entry import RejectCode
from liveexec_nautilus.loopback.okx.errors import OkxError, refusal
from liveexec_nautilus.loopback.okx.params import Listings, Params, number, required, word
from liveexec_nautilus.loopback.okx.wire import NO_CLIENT_ID, client_id, number_of, order_id
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.numbers import milliseconds
from liveexec_nautilus.loopback.shared.orders import Order, OrderRequest, Refusal
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["Act", "Row", "Trading", "verdict_of"]

Row = dict[str, object]
Act = Callable[[int, Params], Order]

_SIDES: Final = MappingProxyType({"buy": Side.BUY, "sell": Side.SELL})
#: ``ordType``: (type, time in force, post-only).
_TYPES: Final = MappingProxyType(
    {
        "market": (OrderType.MARKET, TimeInForce.IOC, False),
        "optimal_limit_ioc": (OrderType.MARKET, TimeInForce.IOC, False),
        "limit": (OrderType.LIMIT, TimeInForce.GTC, False),
        "post_only": (OrderType.LIMIT, TimeInForce.GTC, True),
        "fok": (OrderType.LIMIT, TimeInForce.FOK, False),
        "ioc": (OrderType.LIMIT, TimeInForce.IOC, False),
    }
)
#: What this venue does not do: an order that asks for it is refused.
_LEFT_OUT: Final = ("attachAlgoOrds", "pxUsd", "pxVol", "tpTriggerPx", "slTriggerPx", "banAmend", "pxAmendType")
#: Case-sensitive letters and digits, at most 32: a hyphen is neither.
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)


class Trading:
    """The order desk of the venue. Acts return the order that they were about.

    Each raises :class:`~liveexec_nautilus.loopback.okx.errors.OkxError`.
    """

    def __init__(self, floor: Floor, listings: Listings) -> None:
        self._floor = floor
        self._listings = listings
        self._unnamed = itertools.count(1)

    def carry_out(self, user_id: int, act: Act, params: Params) -> Row:
        """One order's verdict: its names, and ``sCode`` 0 or why not."""
        row: Row = {"clOrdId": word(params, "clOrdId"), "ordId": word(params, "ordId"), "tag": word(params, "tag")}
        code, message = "0", ""
        try:
            order = act(user_id, params)
            row |= {"clOrdId": client_id(order), "ordId": order_id(order)}
        except OkxError as error:
            code, message = error.code, error.message
        named = {"reqId": word(params, "reqId")} if act == self.amend else {}
        return row | named | {"ts": milliseconds(self._floor.clock.now_ns()), "sCode": code, "sMsg": message}

    def place(self, user_id: int, params: Params) -> Order:
        """Place an order. A post-only order that would take is taken, and canceled at once."""
        symbol = self._listings.symbol(params)
        request = self._request(symbol, params)
        placed = self._floor.submit(user_id, request)
        if isinstance(placed, Refusal):
            if placed.code != RejectCode.POST_ONLY_WOULD_TAKE:
                raise refusal(placed.code, asset=_paid_with(symbol, request.side))
            placed = self._floor.turn_away(user_id, request, placed.code)
        return placed

    def amend(self, user_id: int, params: Params) -> Order:
        """Change an order's total quantity or price."""
        order = self._open_order(user_id, params, "51503")
        quantity, price = number(params, "newSz"), number(params, "newPx")
        if quantity is None and price is None:
            raise OkxError("51500")
        _refuse_left_out(params)
        quantity = order.quantity if quantity is None else quantity
        price = order.price if price is None else price
        _check_terms(order.symbol, quantity, price)
        if quantity <= order.filled:
            raise OkxError("51000", "newSz")
        refused = self._floor.amend(order, quantity, price, {"reqId": word(params, "reqId")})
        if refused is not None:
            raise refusal(refused.code, asset=_paid_with(order.symbol, order.side), is_amend=True)
        return order

    def cancel(self, user_id: int, params: Params) -> Order:
        """Cancel an order."""
        order = self._open_order(user_id, params, "51400")
        refused = self._floor.cancel(order)
        if refused is not None:
            raise OkxError("51400")
        return order

    def find(self, user_id: int, params: Params) -> Order | None:
        """The account's order that ``ordId`` or ``clOrdId`` names, whatever its state; the venue's id wins."""
        symbol = self._listings.symbol(params)
        identifier, name = word(params, "ordId"), word(params, "clOrdId")
        if not identifier and not name:
            raise OkxError("51003")
        if identifier:
            known = number_of(identifier)
            order = None if known is None else self._floor.find(user_id, number=known)
        else:
            order = self._floor.find(user_id, client_order_id=name)
        return None if order is None or order.symbol is not symbol else order

    def _open_order(self, user_id: int, params: Params, code: str) -> Order:
        order = self.find(user_id, params)
        if order is None or not order.is_open:
            raise OkxError(code)
        return order

    def _request(self, symbol: SymbolConfig, params: Params) -> OrderRequest:
        _refuse_left_out(params)
        is_spot = symbol.kind is ContractKind.SPOT
        mode, side = required(params, "tdMode"), _SIDES.get(required(params, "side"))
        if mode not in {"cash", "cross", "isolated"}:
            raise OkxError("51000", "tdMode")
        if mode == "isolated" or (mode == "cash") is not is_spot:
            raise OkxError("51010")
        if side is None:
            raise OkxError("51000", "side")
        if word(params, "posSide") not in {"", "net"}:
            raise OkxError("51000", "posSide")
        named = required(params, "ordType")
        if named not in _TYPES:
            raise OkxError("51000", "ordType")
        order_type, time_in_force, post_only = _TYPES[named]
        name, tag = word(params, "clOrdId"), word(params, "tag")
        if name and _CLIENT_ID.fullmatch(name) is None:
            raise OkxError("51000", "clOrdId")
        if tag and _TAG.fullmatch(tag) is None:
            raise OkxError("51000", "tag")
        price = number(params, "px") if order_type is OrderType.LIMIT else None
        if order_type is OrderType.LIMIT and price is None:
            raise OkxError("51000", "px")
        quantity = number(params, "sz")
        if quantity is None:
            raise OkxError("51000", "sz")
        target = word(params, "tgtCcy") or ("quote_ccy" if is_spot and price is None and side is Side.BUY else "")
        if is_spot and price is None and side is Side.BUY and target == "quote_ccy":
            quantity = self._bought_for(symbol, quantity)
        _check_terms(symbol, quantity, price)
        return OrderRequest(
            symbol=symbol,
            side=side,
            order_type=order_type,
            quantity=quantity,
            client_order_id=name or f"{NO_CLIENT_ID}{next(self._unnamed)}",
            price=price,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=not is_spot and params.get("reduceOnly") in (True, "true"),
            details={"ordType": named, "tdMode": mode, "tag": tag, "tgtCcy": word(params, "tgtCcy")},
        )

    def _bought_for(self, symbol: SymbolConfig, amount: Decimal) -> Decimal:
        """How much of the base asset an amount of the quote asset buys now, which ``tgtCcy`` of quote_ccy asks for."""
        bought = self._floor.market.bought_for(symbol, amount)
        if bought < symbol.min_quantity:
            raise OkxError("51020")
        return bought


def verdict_of(rows: list[Row]) -> tuple[str, str]:
    """(code, msg) of a request: 0 where all its orders passed, 1 where none did, 2 where some did."""
    failed = [row for row in rows if row["sCode"] != "0"]
    if not failed:
        return "0", ""
    return ("1", "All operations failed") if len(failed) == len(rows) else ("2", "Bulk operation partially succeeded.")


def _paid_with(symbol: SymbolConfig, side: Side) -> str:
    if symbol.kind is ContractKind.SPOT and side is Side.SELL:
        return symbol.base
    return symbol.settlement


def _check_terms(symbol: SymbolConfig, quantity: Decimal, price: Decimal | None) -> None:
    if quantity < symbol.min_quantity:
        raise OkxError("51020")
    if not is_multiple(quantity, symbol.lot):
        raise OkxError("51121")
    if quantity > symbol.max_quantity:
        raise OkxError("51202")
    if price is not None and not is_multiple(price, symbol.tick):
        raise OkxError("51000", "px")


def _refuse_left_out(params: Params) -> None:
    for name in _LEFT_OUT:
        if params.get(name) not in (None, "", [], False, "false"):
            raise OkxError("51000", name)
