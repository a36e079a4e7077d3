"""The send gate: the last look before bytes leave. Synchronous, so that nothing can change between look and send."""

import time
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import assert_never

from attrs import define, field

from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OrderId
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.order import Order, PendingCancel
from liveexec.engine.effects import SendReplace, SendSubmit
from liveexec.engine.exposure import product_of_key
from liveexec.engine.holdings import held_between
from liveexec.engine.netting import closes
from liveexec.engine.scopes import in_scope
from liveexec.engine.state import EngineState
from liveexec.runtime.clock import Clock

__all__ = ["SendGate"]


@define(eq=False)
class SendGate:
    """Says why a request must not leave now; ``None`` lets it pass.

    ``lease_until_s`` is on the monotonic clock: a process whose loop lags past it stops by itself. ``is_connected`` and
    ``active_since_ns`` tell how the order's session stands, the latter since when it is trusted. ``killed`` scopes
    are closed from the moment an operator's kill is acknowledged until its decision holds in the engine.
    ``max_price_age_ns`` bounds the age of the book that a decision was based on. While ``can_write`` says that the
    journal can't, cancels alone leave; ``outlasts_lease`` says that they do so past the end of a lease that could not
    be renewed for the same reason.
    """

    clock: Clock
    state: EngineState
    is_connected: Callable[[Order], bool]
    active_since_ns: Callable[[Order], int | None]
    max_price_age_ns: int
    lease_until_s: float = 0.0
    fenced: bool = False
    killed: dict[int, ControlScope] = field(factory=dict)
    can_write: Callable[[], bool] = field(default=lambda: True)
    outlasts_lease: Callable[[], bool] = field(default=lambda: False)

    def stops_submit(self, effect: SendSubmit) -> str | None:
        """Whether a new order must stay here. What it stops was provably not sent."""
        order = effect.order
        if not order.is_open:
            # Resolved by an operator, or filled by an earlier attempt's late fill, while it waited for its turn.
            return "it ended before it was sent"
        if order.cancel is not PendingCancel.NONE:
            return "canceled before it was sent"
        now_ns = self.clock.now_ns()
        if now_ns > effect.plan.valid_until_ns:
            return "its deadline passed before it was sent"
        if effect.book_at_ns is not None and now_ns - effect.book_at_ns > self.max_price_age_ns:
            return "the price that it was decided on is too old"
        reason = self._stops(order, effect.decided_at_ns)
        if reason is None and order.parent_id is not None:
            return self._exceeds_parent(order.parent_id)
        return reason

    def stops_replace(self, effect: SendReplace) -> str | None:
        """Whether a change must stay here; the order works on as it is."""
        if not effect.order.is_open:
            return "it ended before the change was sent"
        if effect.order.cancel is not PendingCancel.NONE:
            return "canceled before the change was sent"
        if self.clock.now_ns() > effect.plan.valid_until_ns:
            return "its deadline passed before it was sent"
        return self._stops(effect.order, effect.decided_at_ns)

    def stops_cancel(self, order: Order) -> str | None:
        """Whether a cancel must stay here: only when this process may not speak for the shard, or has no session."""
        if self.fenced:
            return "another process owns the shard"
        if time.monotonic() >= self.lease_until_s and not self.outlasts_lease():
            return "the lease ran out"
        return None if self.is_connected(order) else "no session with the venue"

    def _stops(self, order: Order, decided_at_ns: int) -> str | None:
        if (reason := self.stops_cancel(order)) is not None:
            return reason
        if not self.can_write():
            return "the journal can't write"
        since_ns = self.active_since_ns(order)
        if since_ns is None:
            return "the account is not reconciled"
        if decided_at_ns < since_ns:
            # Decided for a session that is gone: what the venue did meanwhile was not known then.
            return "decided before the session was reconciled"
        if any(in_scope(order, scope) for scope in self.killed.values()):
            return "killed by an operator"
        assert order.instrument_id is not None
        state, scope = self.state.trading_state(
            account_id=order.account_id,
            strategy_id=order.strategy_id,
            venue=self.state.listings[order.instrument_id].venue
            if order.instrument_id in self.state.listings
            else None,
            instrument_id=order.instrument_id,
        )
        match state:
            case TradingState.ACTIVE:
                return None
            case TradingState.REDUCING:
                # It was approved before: what is held, or on its way, may be another now.
                reduces = self._reduces(order, of_strategy=scope.kind is ScopeKind.STRATEGY)
                return None if reduces else f"{scope} may only be reduced, and this does more"
            case TradingState.HALTED:
                return f"{scope} is halted"
            case unknown:
                assert_never(unknown)

    def _reduces(self, order: Order, *, of_strategy: bool) -> bool:
        """Whether the order, which is reserved already, can only reduce what is held with all that works beside it."""
        state, side = self.state, order.intent.side
        assert order.account_id is not None
        assert order.instrument_id is not None
        if side is None:
            return False
        with localcontext(MONEY):
            if of_strategy:
                position = state.ledger.positions.get((order.account_id, order.strategy_id, order.instrument_id))
                low = high = position.quantity if position is not None else ZERO
                working = state.exposure.of_strategy(order.strategy_id, product_of_key(order.instrument_id))
            else:
                low, high = held_between(state, order.account_id, order.instrument_id)
                working = state.exposure.of_instrument(order.account_id, order.instrument_id)
            return closes(side.sign, low, high, working.side(side.sign))

    def _exceeds_parent(self, parent_id: OrderId) -> str | None:
        orders = self.state.ledger.orders
        parent = orders.get(parent_id)
        if parent is None:
            return "its parent is not in memory"
        with localcontext(MONEY):
            live: Decimal = sum((orders[child].leaves for child in parent.children or () if child in orders), ZERO)
            exceeds = parent.filled_quantity + live > parent.quantity
        return "children would exceed their parent" if exceeds else None
