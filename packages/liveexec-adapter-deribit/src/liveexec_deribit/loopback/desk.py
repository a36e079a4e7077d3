"""How orders enter books, trade, change and leave: the steps inside one request."""

from collections.abc import Sequence
from decimal import Decimal

import attrs

from liveexec_deribit.loopback.accounts import Account, UserTrade
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.floor import Floor
from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.matching import Plan, plan, rests, would_take
from liveexec_deribit.loopback.orders import Order, opposite
from liveexec_deribit.loopback.requests import EditRequest
from liveexec_deribit.loopback.triggers import hits, trail


class Desk:
    """Works on the floor's books and accounts; whoever calls it publishes what it changed."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def enter(self, account: Account, market: Market, order: Order, waits: bool) -> tuple[Order, Sequence[UserTrade]]:
        """Take an order that has been checked: into the book, or to wait for its trigger."""
        if waits:
            self._require_funds(account, order)
            order.order_id = self._floor.trigger_number(order)
            trail(order, self._floor.markets, anew=True)
            order.state = "untriggered"
            self._floor.waiting[order.order_id] = order
            self._floor.changed(order)
            return order, ()
        self._price(market, order)
        self._require_funds(account, order)
        planned = self._plan(account, market, order)
        order.order_id = self._floor.number(order.instrument)
        return order, self._execute(market, order, planned)

    def _price(self, market: Market, order: Order) -> None:
        """Give an order the limit that it enters the book with: its own within the band, or the band's."""
        bound = market.bound(order.direction)
        if order.order_type == "market_limit":
            best = market.book.best_price(opposite(order.direction))
            if best is None:
                raise VenueError("other_reject", reason="no_liquidity")
            # What the first price does not fill rests at it.
            order.original_type, order.order_type, order.price = "market_limit", "limit", best
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
            held=self._held_against,
        )

    def _held_against(self, order: Order) -> Decimal:
        """The position that an order reduces; nought or less where it would open one."""
        size = self._floor.account(order.user_id).position(order.instrument).size
        return -size if order.direction == "buy" else size

    def _execute(self, market: Market, order: Order, planned: Plan) -> Sequence[UserTrade]:
        """Carry a plan out: own orders leave, fills happen, and what remains rests or is cancelled."""
        for own in planned.cancelled:
            self.cancel(own, "user_request")
        made = [self._trade(market, order, fill.maker, fill.price, fill.amount) for fill in planned.fills]
        if order.is_open:
            if rests(order.time_in_force):
                if order.order_type == "market":
                    # What the band keeps from filling waits at its edge as a limit order.
                    order.original_type, order.order_type = "market", "limit"
                market.book.add(order)
            else:
                order.close("cancelled", self._floor.clock.now_ms())
        self._floor.changed(order)
        self._floor.effects.market(market)
        if made:
            self._shrink_reducers(market)
        return made

    def _trade(self, market: Market, taker: Order, maker: Order, price: Decimal, amount: Decimal) -> UserTrade:
        now = self._floor.clock.now_ms()
        before = self._floor.open_interest(market)
        market.book.fill(maker, amount, price, now)
        taker.fill(amount, price, now)
        public = market.print(
            trade_id=self._floor.number(market.instrument),
            at_ms=now,
            price=price,
            amount=amount,
            direction=taker.direction,
        )
        own = self._floor.account(taker.user_id).book_fill(taker, public, "T")
        theirs = self._floor.account(maker.user_id).book_fill(maker, public, "M")
        for trade in (own, theirs):
            self._floor.effects.trade(trade)
        self._floor.effects.public.append(public)
        self._floor.changed(maker)
        market.open_interest += self._floor.open_interest(market) - before
        return own

    def edit(
        self,
        account: Account,
        market: Market,
        order: Order,
        amount: Decimal,
        price: Decimal | None,
        request: EditRequest,
    ) -> tuple[Order, Sequence[UserTrade]]:
        """Change an open order; refused, it stays what it was."""
        before = attrs.evolve(order)
        reduce_only = order.reduce_only if request.reduce_only is None else request.reduce_only
        if reduce_only and order.state != "untriggered":
            left = self.reducible(account, order.instrument, order.direction, amount - order.filled)
            amount = order.filled + left
        order.replaced = True
        order.updated_ms = self._floor.clock.now_ms()
        order.amount, order.price = amount, price
        order.post_only = order.post_only if request.post_only is None else request.post_only
        order.reduce_only = reduce_only
        order.reject_post_only = request.reject_post_only
        if request.display_amount is not None:
            order.refresh_amount = request.display_amount
        if order.state == "untriggered":
            order.refresh()
            order.trigger_price = request.trigger_price or order.trigger_price
            if request.trigger_offset is not None:
                order.trigger_offset = request.trigger_offset
                trail(order, self._floor.markets, anew=True)
            self._floor.changed(order)
            return order, ()
        if price == before.price and amount <= before.amount and order.refresh_amount == before.refresh_amount:
            order.amount = before.amount
            market.book.resize(order, amount)
            self._floor.changed(order)
            self._floor.effects.market(market)
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
                order.close("cancelled", self._floor.clock.now_ms(), "edit_post_only_reject")
                self._floor.changed(order)
                self._floor.effects.market(market)
                return order, ()
            # Refused, the order stays what it was, behind the others at its price.
            _restore(order, before)
            market.book.add(order)
            self._floor.effects.market(market)
            raise
        return order, self._execute(market, order, planned)

    def cancel(self, order: Order, reason: str) -> None:
        """Take an open order out."""
        market = self._floor.markets[order.instrument.name]
        if order.state == "untriggered":
            del self._floor.waiting[order.order_id]
        else:
            market.book.remove(order)
            self._floor.effects.market(market)
        order.close("cancelled", self._floor.clock.now_ms(), reason)
        self._floor.changed(order)

    def fire(self) -> None:
        """Send trigger orders whose price was reached into the book, until no more are."""
        while True:
            for waiting in self._floor.waiting.values():
                trail(waiting, self._floor.markets)
            hit = next((order for order in self._floor.waiting.values() if hits(order, self._floor.markets)), None)
            if hit is None:
                return
            del self._floor.waiting[hit.order_id]
            self._trigger(hit)

    def _trigger(self, waiting: Order) -> None:
        market, account = self._floor.markets[waiting.instrument.name], self._floor.account(waiting.user_id)
        now = self._floor.clock.now_ms()
        waiting.triggered = True
        waiting.close("triggered", now)
        self._floor.changed(waiting)
        order = Order(
            order_id=self._floor.number(waiting.instrument),
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
            refresh_amount=waiting.refresh_amount,
            display_amount=waiting.refresh_amount,
            trigger=waiting.trigger,
            trigger_price=waiting.trigger_price,
            triggered=True,
            trigger_order_id=waiting.order_id,
            session_id=waiting.session_id,
        )
        try:
            if order.reduce_only:
                order.amount = self.reducible(account, order.instrument, order.direction, order.amount)
            self._price(market, order)
            self._require_funds(account, order)
            planned = self._plan(account, market, order)
        except VenueError:
            # Nobody waits for an answer: the venue shows the order as rejected.
            order.close("rejected", now)
            self._floor.changed(order)
            return
        self._execute(market, order, planned)

    def _shrink_reducers(self, market: Market) -> None:
        """Reduce-only orders never offer more than the position that they reduce."""
        for order in market.book.orders():
            if not order.reduce_only:
                continue
            most = self._held_against(order)
            if most <= 0:
                self.cancel(order, "risk_mitigation")
            elif order.remaining > most:
                market.book.resize(order, order.filled + most)
                order.updated_ms = self._floor.clock.now_ms()
                self._floor.changed(order)

    @staticmethod
    def reducible(account: Account, instrument: Instrument, direction: str, amount: Decimal) -> Decimal:
        """What of an amount would reduce a position rather than open one; refuses where nothing would."""
        size = account.position(instrument).size
        most = -size if direction == "buy" else size
        if most <= 0:
            raise VenueError("other_reject", reason="reduce_only_without_position")
        return min(amount, most)

    def _require_funds(self, account: Account, order: Order) -> None:
        if account.is_house:
            return
        # An order that is being changed holds something already: that much it may use.
        free = account.available(account.reserve_currency(order)) + account.reservations.of(order.order_id)
        if account.margin_of(order) > free:
            raise VenueError("not_enough_funds")


def _restore(order: Order, kept: Order) -> None:
    """Give an order back what an edit changes."""
    for name in (
        "amount", "price", "post_only", "reduce_only", "reject_post_only", "refresh_amount", "display_amount",
        "replaced", "updated_ms",
    ):  # fmt: skip
        setattr(order, name, getattr(kept, name))
