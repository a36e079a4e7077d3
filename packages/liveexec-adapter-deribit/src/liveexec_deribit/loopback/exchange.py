"""The venue's core: takes orders, edits and cancels, matches them, and keeps accounts. No transport, no JSON."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from liveexec_deribit.loopback import settling
from liveexec_deribit.loopback.accounts import Account, UserTrade
from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import VenueConfig
from liveexec_deribit.loopback.desk import Desk
from liveexec_deribit.loopback.effects import Publish
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.floor import Floor
from liveexec_deribit.loopback.instruments import NEVER_MS
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.orders import Order
from liveexec_deribit.loopback.requests import (
    EditRequest,
    OrderRequest,
    check_amount,
    check_display,
    check_offset,
    check_price,
)

_DAY_MS: Final = 24 * 3_600 * 1_000
_SETTLEMENT_MS: Final = 8 * 3_600 * 1_000


class Exchange(Floor):
    """Every market and account. Each public method is one request: what it changed is published when it returns."""

    def __init__(self, config: VenueConfig, clock: VenueClock, publish: Publish) -> None:
        super().__init__(config, clock)
        self._publish = publish
        self._desk = Desk(self)
        self._session_ends_ms = _next_settlement_ms(clock.now_ms())

    def submit(
        self, account: Account, request: OrderRequest, session_id: int | None = None
    ) -> tuple[Order, Sequence[UserTrade]]:
        """Take a new order; returns it and the trades that it made at once."""
        request.check()
        market = self.tradable(request.instrument)
        amount = (
            self._desk.reducible(account, request.instrument, request.direction, request.amount)
            if request.reduce_only
            else request.amount
        )
        now = self.clock.now_ms()
        order = Order(
            order_id="",
            user_id=account.user_id,
            instrument=request.instrument,
            direction=request.direction,
            order_type=request.order_type,
            amount=amount,
            price=request.price,
            time_in_force=request.time_in_force,
            label=request.label,
            created_ms=now,
            updated_ms=now,
            post_only=request.post_only,
            reject_post_only=request.reject_post_only,
            reduce_only=request.reduce_only,
            refresh_amount=request.display_amount,
            display_amount=request.display_amount,
            trigger=request.trigger if request.is_triggered else None,
            trigger_price=request.trigger_price if request.is_triggered and not request.is_trailing else None,
            trigger_offset=request.trigger_offset if request.is_trailing else None,
            risk_reducing=request.reduce_only,
            session_id=session_id,
        )
        return self._request(lambda: self._desk.enter(account, market, order, request.is_triggered))

    def edit(self, account: Account, order: Order, request: EditRequest) -> tuple[Order, Sequence[UserTrade]]:
        """Change an open order in place; it keeps its id, and its place in the queue if it only gets smaller."""
        if not order.is_open:
            raise VenueError("already_filled" if order.state == "filled" else "already_closed")
        market = self.tradable(order.instrument)
        amount = order.amount if request.amount is None else request.amount
        price = order.price if request.price is None else request.price
        check_amount(order.instrument, amount)
        if request.price is not None:
            if order.price is None:
                raise VenueError("invalid_arguments", param="price", reason="the order has no limit")
            check_price(order.instrument, request.price)
        if request.trigger_price is not None:
            if order.state != "untriggered" or order.trigger_offset is not None:
                raise VenueError("invalid_arguments", param="trigger_price", reason="no stop-loss or take-profit order")
            check_price(order.instrument, request.trigger_price, error="trigger_price_wrong_tick")
        if request.trigger_offset is not None:
            if order.trigger_offset is None or order.state != "untriggered":
                raise VenueError("invalid_arguments", param="trigger_offset", reason="no trailing stop")
            check_offset(request.trigger_offset)
        if request.display_amount is not None:
            if order.price is None:
                raise VenueError("invalid_arguments", param="display_amount", reason="the order has no limit")
            check_display(order.instrument, amount, request.display_amount)
        if amount <= order.filled:
            raise VenueError("invalid_amount", filled_amount=order.filled)
        return self._request(lambda: self._desk.edit(account, market, order, amount, price, request))

    def cancel(self, orders: Sequence[Order], reason: str = "user_request") -> None:
        """Cancel open orders; those that are closed already are left alone."""
        self._request(lambda: self._cancel_all(orders, reason))

    def set_index(self, name: str, price: Decimal) -> None:
        """Move an index, and whatever triggers on it."""
        if name not in self.indexes:
            raise VenueError("not_found", index_name=name)
        self.indexes[name] = price
        self.effects.indexes.add(name)
        touched = [market for market in self.markets.values() if market.instrument.index_name == name]
        self._request(lambda: self._touch(touched))

    def set_mark(self, market: Market, price: Decimal | None) -> None:
        """Fix an instrument's mark price; None lets it follow the book again."""
        market.mark_override = price
        self._request(lambda: self._touch([market]))

    def set_locked(self, index: str, *, is_locked: bool) -> None:
        """Lock or unlock everything on an index (``platform_state``)."""
        if index not in self.indexes:
            raise VenueError("not_found", index_name=index)
        (self.locked.add if is_locked else self.locked.discard)(index)
        self._request(lambda: self.effects.locks.append((index, is_locked)))

    def set_active(self, market: Market, *, is_active: bool) -> None:
        """Open or close an instrument; closing cancels what rests there."""
        market.is_active = is_active
        self.effects.states.append((market.instrument, "started" if is_active else "closed"))
        orders = (
            []
            if is_active
            else [
                *market.book.orders(),
                *(order for order in self.waiting.values() if order.instrument is market.instrument),
            ]
        )
        self._request(lambda: self._cancel_all(orders, "settlement"))

    def deliver(self, market: Market, index: Decimal | None = None) -> None:
        """End an instrument at its index, or at this one: orders are cancelled, positions become money."""
        if market.instrument.expiration_ms == NEVER_MS:
            raise VenueError("invalid_args_for_instrument", reason="it never expires")
        self.set_active(market, is_active=False)
        price, now = market.index_price if index is None else index, self.clock.now_ms()
        self._book([each for each in self._everybody() if settling.deliver(each, market, price, now)])

    def settle(self) -> None:
        """Settle the session of every future."""
        futures = [market for market in self.markets.values() if market.instrument.kind == "future"]
        now = self.clock.now_ms()
        settled = [each for each in self._everybody() for market in futures if settling.settle(each, market, now)]
        self._book(settled)

    def pay_funding(self, market: Market, rate: Decimal) -> None:
        """Let the longs of a perpetual pay the shorts this part of their value; the other way round if negative."""
        if market.instrument.kind != "future" or market.instrument.expiration_ms != NEVER_MS:
            raise VenueError("invalid_args_for_instrument", reason="it is no perpetual")
        self._book([each for each in self._everybody() if settling.pay_funding(each, market, rate)])

    def move(self, account: Account, currency: str, amount: Decimal, kind: settling.Movement) -> None:
        """An amount comes in or goes out, other than by trading."""
        settling.move(account, currency, amount, kind, self.clock.now_ms())
        self._book([account])

    def expire(self) -> None:
        """End what is over: sessions and ``good_til_day`` orders at 08:00 UTC, instruments at their expiration."""
        now = self.clock.now_ms()
        for market in list(self.markets.values()):
            if market.is_active and market.instrument.expiration_ms <= now:
                self.deliver(market)
        if now < self._session_ends_ms:
            return
        self._session_ends_ms = _next_settlement_ms(now)
        self.settle()
        orders = [order for account in self._everybody() for order in account.open_orders()]
        self.cancel([order for order in orders if order.time_in_force == "good_til_day"], "settlement")

    def _everybody(self) -> Sequence[Account]:
        return [self.house, *self.accounts.values()]

    def _book(self, accounts: Sequence[Account]) -> None:
        """What these accounts have was changed by no order of theirs."""
        self._request(lambda: self.effects.accounts.update(each.user_id for each in accounts))

    def _request[T](self, work: Callable[[], T]) -> T:
        """Do the work of one request, fire what it triggered, and publish all of it."""
        try:
            done = work()
            self._desk.fire()
        finally:
            self._publish(self.take_effects())
        return done

    def _cancel_all(self, orders: Sequence[Order], reason: str) -> None:
        for order in orders:
            if order.is_open:
                self._desk.cancel(order, reason)

    def _touch(self, markets: Sequence[Market]) -> None:
        for market in markets:
            self.effects.market(market)


def _next_settlement_ms(now_ms: int) -> int:
    """The next 08:00 UTC, when the venue settles and its trading session ends."""
    return (now_ms - _SETTLEMENT_MS) // _DAY_MS * _DAY_MS + _DAY_MS + _SETTLEMENT_MS
