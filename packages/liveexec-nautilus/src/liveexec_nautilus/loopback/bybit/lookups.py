"""What an account asks of itself: orders, executions, positions and the wallet.

Methods take the account's user id and a request's parameters and return its ``result``; each may raise
:class:`~liveexec_nautilus.loopback.bybit.errors.BybitError`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from liveexec_nautilus.loopback.bybit.account_rows import LEVERAGE, position_row, wallet_row
from liveexec_nautilus.loopback.bybit.errors import BybitError
from liveexec_nautilus.loopback.bybit.params import Listings, Params, page_size, word
from liveexec_nautilus.loopback.bybit.trading import Trading
from liveexec_nautilus.loopback.bybit.wire import execution_row, order_row
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.holdings import Holding, holdings
from liveexec_nautilus.loopback.shared.numbers import whole_in
from liveexec_nautilus.loopback.shared.orders import Execution, Order

__all__ = ["Lookups"]

_NS_PER_MS: Final = 1_000_000


class Lookups:
    """The venue's answers about one account."""

    def __init__(self, floor: Floor, listings: Listings, trading: Trading) -> None:
        self._floor = floor
        self._listings = listings
        self._trading = trading

    def open_orders(self, user_id: int, params: Params) -> dict[str, object]:
        """``/v5/order/realtime``: open orders; the closed ones too with ``openOnly=1`` or by an order's own name."""
        category = self._listings.category(params)
        named = any(word(params, each) for each in ("symbol", "baseCoin", "settleCoin", "orderId", "orderLinkId"))
        if category == "linear" and not named:
            raise BybitError(10001, "params error: symbol, settleCoin or baseCoin is needed")
        closed_too = word(params, "openOnly") in {"1", "2"}
        return self._order_page(user_id, params, lambda order: order.is_open or closed_too, default=20)

    def order_history(self, user_id: int, params: Params) -> dict[str, object]:
        """``/v5/order/history``: orders that are over, newest first."""
        return self._order_page(user_id, params, lambda order: not order.is_open, default=20)

    def executions(self, user_id: int, params: Params) -> dict[str, object]:
        """``/v5/execution/list``: fills, newest first."""
        category = self._listings.category(params)
        order = self._trading.find(user_id, params) if _names_order(params) else None
        chosen = {symbol.name for symbol in self._listings.chosen(params)}
        found = [
            each
            for each in reversed(self._floor.executions_of(user_id))
            if each.order.symbol.name in chosen
            and _in_span(each.time_ns, params)
            and (each.order is order or not _names_order(params))
            and word(params, "execType") in {"", "Trade"}
        ]
        page, cursor = _page(found, params, default=50, most=100)
        return {"nextPageCursor": cursor, "category": category, "list": [self.execution(each) for each in page]}

    def positions(self, user_id: int, params: Params) -> dict[str, object]:
        """``/v5/position/list``: a named symbol's position even where it is flat, otherwise those that are not."""
        category = self._listings.category(params)
        named = word(params, "symbol")
        if category == "spot" or (category == "linear" and not named and not word(params, "settleCoin")):
            raise BybitError(10001, "params error: symbol or settleCoin is needed")
        rows = []
        for symbol in self._listings.chosen(params):
            position = self._floor.position(user_id, symbol.name)
            if named or position.quantity:
                rows.append(position_row(symbol, position, self._floor.market.mark(symbol.name)))
        return {"list": rows, "nextPageCursor": "", "category": category}

    def wallet(self, user_id: int, params: Params) -> dict[str, object]:
        """``/v5/account/wallet-balance`` of a unified account, all coins or those that ``coin`` names."""
        if word(params, "accountType") != "UNIFIED":
            raise BybitError(10001, "accountType only support UNIFIED.")
        named = set(filter(None, word(params, "coin").split(",")))
        coins = [coin for coin in self.coins(user_id) if not named or coin.asset in named]
        return {"list": [wallet_row(coins)]}

    # What streams tell too

    def order(self, order: Order) -> dict[str, object]:
        """An order as REST lists it."""
        return order_row(order, self._floor.market.mark(order.symbol.name))

    def execution(self, execution: Execution) -> dict[str, object]:
        """A fill as REST lists it."""
        return execution_row(execution, self._floor.market.mark(execution.order.symbol.name))

    def coins(self, user_id: int) -> list[Holding]:
        """Every coin that the account has or had."""
        return holdings(self._floor, user_id, LEVERAGE)

    def _order_page(
        self, user_id: int, params: Params, shown: Callable[[Order], bool], *, default: int
    ) -> dict[str, object]:
        category = self._listings.category(params)
        if _names_order(params):
            order = self._trading.find(user_id, params)
            found = [] if order is None else [order]
        else:
            chosen = {symbol.name for symbol in self._listings.chosen(params)}
            found = [
                each
                for each in reversed(self._floor.orders_of(user_id))
                if each.symbol.name in chosen and shown(each) and _in_span(each.created_ns, params)
            ]
        if word(params, "orderFilter") not in {"", "Order"}:
            found = []  # conditional orders, of which there are none
        status = word(params, "orderStatus")
        if status:
            found = [each for each in found if self.order(each)["orderStatus"] == status]
        page, cursor = _page(found, params, default=default, most=50)
        return {"list": [self.order(each) for each in page], "nextPageCursor": cursor, "category": category}


def _names_order(params: Params) -> bool:
    return bool(word(params, "orderId") or word(params, "orderLinkId"))


def _in_span(time_ns: int, params: Params) -> bool:
    """Whether a time lies between ``startTime`` and ``endTime`` where they are given."""
    start, end = word(params, "startTime"), word(params, "endTime")
    time_ms = time_ns // _NS_PER_MS
    since, until = whole_in(start or "0"), whole_in(end or str(time_ms))
    if since is None or until is None:
        raise BybitError(10001, "params error: startTime or endTime is no number")
    return since <= time_ms <= until


def _page[T](found: Sequence[T], params: Params, *, default: int, most: int) -> tuple[Sequence[T], str]:
    """A page of what was found and the cursor of the next one, empty on the last."""
    given, size = word(params, "cursor"), page_size(params, default, most)
    start = whole_in(given or "0")
    if start is None or start < 0:
        raise BybitError(10001, "params error: cursor invalid")
    end = start + size
    return found[start:end], (str(end) if end < len(found) else "")
