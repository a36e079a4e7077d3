"""The venue's core: takes orders, edits and cancels, matches them, and keeps accounts. No transport, no JSON."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import attrs

from liveexec_deribit.loopback.accounts import Account, UserTrade
from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import AccountConfig, VenueConfig
from liveexec_deribit.loopback.effects import Effects, Publish
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.instruments import Instrument, default_listing
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.matching import Plan, plan, rests, would_take
from liveexec_deribit.loopback.orders import Order, opposite
from liveexec_deribit.loopback.requests import EditRequest, OrderRequest, check_amount, check_price
from liveexec_deribit.loopback.triggers import hits, trigger_letter

_ZERO = Decimal(0)
_HOUSE = AccountConfig(client_id="", client_secret="", user_id=1, username="market", balances={})


class Exchange:
    """Every market and account. Each public method is one request: what it changed is published when it returns."""

    def __init__(self, config: VenueConfig, clock: VenueClock, publish: Publish) -> None:
        self.config = config
        self.clock = clock
        self.indexes = dict(config.indexes)
        listed = config.instruments
        if listed is None:
            listed = default_listing(datetime.fromtimestamp(clock.now_ms() / 1_000, UTC))
        self.markets = {instrument.name: Market(instrument, self.indexes, config.price_band) for instrument in listed}
        self.accounts = {account.user_id: Account(account, self._mark_of) for account in config.accounts}
        self.house = Account(_HOUSE, self._mark_of, is_house=True)
        self.locked: set[str] = set()
        self._publish = publish
        self._effects = Effects()
        self._numbers: defaultdict[str, int] = defaultdict(lambda: 100_000)
        self._waiting: dict[str, Order] = {}

    def market(self, name: str) -> Market:
        """The market of an instrument that is listed; raises ``invalid_or_unsupported_instrument``."""
        found = self.markets.get(name)
        if found is None:
            raise VenueError("invalid_or_unsupported_instrument")
        return found

    def account(self, user_id: int) -> Account:
        """The account of a user; the house's is user 1."""
        return self.house if user_id == self.house.user_id else self.accounts[user_id]

    def submit(
        self, account: Account, request: OrderRequest, session_id: int | None = None
    ) -> tuple[Order, Sequence[UserTrade]]:
        """Take a new order; returns it and the trades that it made at once."""
        request.check()
        market = self._tradable(request.instrument)
        amount = self._reduced(account, request) if request.reduce_only else request.amount
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
            trigger=request.trigger if request.is_triggered else None,
            trigger_price=request.trigger_price if request.is_triggered else None,
            risk_reducing=request.reduce_only,
            session_id=session_id,
        )
        return self._request(lambda: self._enter(account, market, order, request.is_triggered))

    def edit(self, account: Account, order: Order, request: EditRequest) -> tuple[Order, Sequence[UserTrade]]:
        """Change an open order in place; it keeps its id, and its place in the queue if it only gets smaller."""
        if not order.is_open:
            raise VenueError("already_filled" if order.state == "filled" else "already_closed")
        market = self._tradable(order.instrument)
        amount = order.amount if request.amount is None else request.amount
        price = order.price if request.price is None else request.price
        check_amount(order.instrument, amount)
        if request.price is not None:
            if order.price is None:
                raise VenueError("invalid_arguments", param="price", reason="the order has no limit")
            check_price(order.instrument, request.price)
        if request.trigger_price is not None:
            if order.state != "untriggered":
                raise VenueError("invalid_arguments", param="trigger_price", reason="no trigger order")
            check_price(order.instrument, request.trigger_price, error="trigger_price_wrong_tick")
        if amount <= order.filled:
            raise VenueError("invalid_amount", filled_amount=order.filled)
        return self._request(lambda: self._edit(account, market, order, amount, price, request))

    def cancel(self, orders: Sequence[Order], reason: str = "user_request") -> None:
        """Cancel open orders; those that are closed already are left alone."""
        self._request(lambda: self._cancel_all(orders, reason))

    def set_index(self, name: str, price: Decimal) -> None:
        """Move an index, and whatever triggers on it."""
        if name not in self.indexes:
            raise VenueError("not_found", index_name=name)
        self.indexes[name] = price
        self._effects.indexes.add(name)
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
        self._request(lambda: self._effects.locks.append((index, is_locked)))

    def set_active(self, market: Market, *, is_active: bool) -> None:
        """Open or close an instrument; closing cancels what rests there."""
        market.is_active = is_active
        self._effects.states.append((market.instrument, "started" if is_active else "closed"))
        orders = [] if is_active else [*market.book.orders(), *self._waiting_in(market)]
        self._request(lambda: self._cancel_all(orders, "settlement"))

    def _request[T](self, work: Callable[[], T]) -> T:
        """Do the work of one request, fire what it triggered, and publish all of it."""
        try:
            done = work()
            self._fire()
        finally:
            effects, self._effects = self._effects, Effects()
            for name, market in effects.markets.items():
                effects.levels[name] = market.book.take_changes()
            self._publish(effects)
        return done

    def _enter(self, account: Account, market: Market, order: Order, waits: bool) -> tuple[Order, Sequence[UserTrade]]:
        if waits:
            self._require_funds(account, order)
            order.order_id = self._trigger_order_id(order)
            order.state = "untriggered"
            self._waiting[order.order_id] = order
            self._changed(order)
            return order, ()
        self._price(market, order)
        self._require_funds(account, order)
        planned = self._plan(account, market, order)
        order.order_id = self._number(order.instrument)
        return order, self._execute(market, order, planned)

    def _price(self, market: Market, order: Order) -> None:
        """Give an order the limit that it enters the book with: its own within the band, or the band's."""
        bound = market.bound(order.direction)
        if order.order_type.endswith("market"):
            order.price = bound
            return
        assert order.price is not None
        if order.instrument.kind == "future":
            order.price = min(order.price, bound) if order.direction == "buy" else max(order.price, bound)
        if not order.post_only or not would_take(market.book, order.direction, order.price):
            return
        if order.reject_post_only:
            raise VenueError("post_only_reject")
        best = market.book.best_price(opposite(order.direction))
        assert best is not None
        tick = order.instrument.tick_at(best)
        order.price = best - tick if order.direction == "buy" else best + tick
        if order.price <= 0:
            raise VenueError("price_too_low")

    def _plan(self, account: Account, market: Market, order: Order) -> Plan:
        return plan(
            market.book,
            direction=order.direction,
            limit=order.price,
            amount=order.remaining,
            user_id=account.user_id,
            self_trading=account.self_trading,
            time_in_force=order.time_in_force,
        )

    def _execute(self, market: Market, order: Order, planned: Plan) -> Sequence[UserTrade]:
        """Carry a plan out: own orders leave, fills happen, and what remains rests or is cancelled."""
        for own in planned.cancelled:
            self._cancel(own, "user_request")
        made = [self._trade(market, order, fill.maker, fill.price, fill.amount) for fill in planned.fills]
        if order.is_open:
            if rests(order.time_in_force):
                if order.order_type == "market":
                    # What the band keeps from filling waits at its edge as a limit order.
                    order.original_type, order.order_type = "market", "limit"
                market.book.add(order)
            else:
                order.close("cancelled", self.clock.now_ms())
        self._changed(order)
        self._effects.market(market)
        self._shrink_reducers(market)
        return made

    def _trade(self, market: Market, taker: Order, maker: Order, price: Decimal, amount: Decimal) -> UserTrade:
        now = self.clock.now_ms()
        before = self._open_interest(market)
        market.book.fill(maker, amount, price, now)
        taker.fill(amount, price, now)
        public = market.print(
            trade_id=self._number(market.instrument), at_ms=now, price=price, amount=amount, direction=taker.direction
        )
        own = self.account(taker.user_id).book_fill(taker, public, "T")
        theirs = self.account(maker.user_id).book_fill(maker, public, "M")
        for trade in (own, theirs):
            self._effects.trade(trade)
        self._effects.public.append(public)
        self._changed(maker)
        market.open_interest += self._open_interest(market) - before
        return own

    def _edit(
        self,
        account: Account,
        market: Market,
        order: Order,
        amount: Decimal,
        price: Decimal | None,
        request: EditRequest,
    ) -> tuple[Order, Sequence[UserTrade]]:
        before = attrs.evolve(order)
        order.replaced = True
        order.updated_ms = self.clock.now_ms()
        order.amount, order.price = amount, price
        order.post_only = order.post_only if request.post_only is None else request.post_only
        order.reduce_only = order.reduce_only if request.reduce_only is None else request.reduce_only
        order.reject_post_only = request.reject_post_only
        if order.state == "untriggered":
            order.trigger_price = request.trigger_price or order.trigger_price
            self._changed(order)
            return order, ()
        if price == before.price and amount <= before.amount:
            order.amount = before.amount
            market.book.resize(order, amount)
            self._changed(order)
            self._effects.market(market)
            return order, ()
        edited = attrs.evolve(order)
        _restore(order, before)
        market.book.remove(order)
        _restore(order, edited)
        try:
            self._price(market, order)
            self._require_funds(account, order)
            planned = self._plan(account, market, order)
        except VenueError as refused:
            if refused.message == "post_only_reject":
                order.close("cancelled", self.clock.now_ms(), "edit_post_only_reject")
                self._changed(order)
                self._effects.market(market)
                return order, ()
            # Refused, the order stays what it was, behind the others at its price.
            _restore(order, before)
            market.book.add(order)
            self._effects.market(market)
            raise
        return order, self._execute(market, order, planned)

    def _cancel(self, order: Order, reason: str) -> None:
        market = self.markets[order.instrument.name]
        if order.state == "untriggered":
            del self._waiting[order.order_id]
        else:
            market.book.remove(order)
            self._effects.market(market)
        order.close("cancelled", self.clock.now_ms(), reason)
        self._changed(order)

    def _cancel_all(self, orders: Sequence[Order], reason: str) -> None:
        for order in orders:
            if order.is_open:
                self._cancel(order, reason)

    def _touch(self, markets: Sequence[Market]) -> None:
        for market in markets:
            self._effects.market(market)

    def _fire(self) -> None:
        """Send trigger orders whose price was reached into the book, until no more are."""
        while True:
            hit = next((order for order in self._waiting.values() if hits(order, self.markets)), None)
            if hit is None:
                return
            del self._waiting[hit.order_id]
            self._trigger(hit)

    def _trigger(self, waiting: Order) -> None:
        market, account = self.markets[waiting.instrument.name], self.account(waiting.user_id)
        now = self.clock.now_ms()
        waiting.triggered = True
        waiting.close("triggered", now)
        self._changed(waiting)
        order = Order(
            order_id=self._number(waiting.instrument),
            user_id=waiting.user_id,
            instrument=waiting.instrument,
            direction=waiting.direction,
            order_type="limit" if waiting.order_type.endswith("limit") else "market",
            amount=waiting.amount,
            price=waiting.price,
            time_in_force=waiting.time_in_force,
            label=waiting.label,
            created_ms=now,
            updated_ms=now,
            post_only=waiting.post_only,
            reject_post_only=waiting.reject_post_only,
            reduce_only=waiting.reduce_only,
            trigger=waiting.trigger,
            trigger_price=waiting.trigger_price,
            triggered=True,
            trigger_order_id=waiting.order_id,
            session_id=waiting.session_id,
        )
        try:
            if order.reduce_only:
                order.amount = self._reducible(account, order.instrument, order.direction, order.amount)
            self._price(market, order)
            self._require_funds(account, order)
            planned = self._plan(account, market, order)
        except VenueError:
            # Nobody waits for an answer: the venue shows the order as rejected.
            order.close("rejected", now)
            self._changed(order)
            return
        self._execute(market, order, planned)

    def _shrink_reducers(self, market: Market) -> None:
        """Reduce-only orders never offer more than the position that they reduce."""
        for order in market.book.orders():
            if not order.reduce_only:
                continue
            position = self.account(order.user_id).position(order.instrument)
            most = -position.size if order.direction == "buy" else position.size
            if most <= 0:
                self._cancel(order, "risk_mitigation")
            elif order.remaining > most:
                market.book.resize(order, order.filled + most)
                order.updated_ms = self.clock.now_ms()
                self._changed(order)

    def _reduced(self, account: Account, request: OrderRequest) -> Decimal:
        return self._reducible(account, request.instrument, request.direction, request.amount)

    @staticmethod
    def _reducible(account: Account, instrument: Instrument, direction: str, amount: Decimal) -> Decimal:
        size = account.position(instrument).size
        most = -size if direction == "buy" else size
        if most <= 0:
            raise VenueError("other_reject", reason="reduce_only_without_position")
        return min(amount, most)

    def _require_funds(self, account: Account, order: Order) -> None:
        if account.is_house:
            return
        if account.margin_of(order) > account.available(account.reserve_currency(order)):
            raise VenueError("not_enough_funds")

    def _tradable(self, instrument: Instrument) -> Market:
        market = self.market(instrument.name)
        if not market.is_active or instrument.expiration_ms <= self.clock.now_ms():
            raise VenueError("book_closed")
        if instrument.index_name in self.locked:
            raise VenueError("locked_by_admin")
        return market

    def _waiting_in(self, market: Market) -> list[Order]:
        return [order for order in self._waiting.values() if order.instrument is market.instrument]

    def _open_interest(self, market: Market) -> Decimal:
        """Half of what everybody holds, long and short together."""
        if market.instrument.kind == "spot":
            return _ZERO
        everybody = [self.house, *self.accounts.values()]
        held = (account.positions.get(market.instrument.name) for account in everybody)
        return sum((abs(position.size) for position in held if position is not None), _ZERO) / 2

    def _changed(self, order: Order) -> None:
        self.account(order.user_id).note(order)
        self._effects.order(order)

    def _mark_of(self, instrument: Instrument) -> Decimal:
        return self.markets[instrument.name].mark_price

    def _number(self, instrument: Instrument) -> str:
        """The next id of a currency: a bare number for bitcoin, with the currency before it for the others."""
        self._numbers[instrument.currency] += 1
        number = self._numbers[instrument.currency]
        return str(number) if instrument.currency == "BTC" else f"{instrument.currency}-{number}"

    def _trigger_order_id(self, order: Order) -> str:
        self._numbers["triggers"] += 1
        kind = "SL" if order.order_type.startswith("stop") else "TP"
        side = "B" if order.direction == "buy" else "S"
        prefix = "" if order.instrument.currency == "BTC" else f"{order.instrument.currency}-"
        return f"{prefix}{kind}{trigger_letter(order)}{side}-{self._numbers['triggers']}"


def _restore(order: Order, kept: Order) -> None:
    """Give an order back what an edit changes."""
    for name in ("amount", "price", "post_only", "reduce_only", "reject_post_only", "replaced", "updated_ms"):
        setattr(order, name, getattr(kept, name))
