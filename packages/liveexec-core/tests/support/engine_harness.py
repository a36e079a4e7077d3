"""The engine in its world, with short ways to say what callers ask for and what venues answer and report.

from support.engine_harness import EngineHarness
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from attrs import define

from liveexec.domain.account_event import AccountEvent, AccountOpened, ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import InstrumentId, OperationId, venue_of
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent, content_hash
from liveexec.domain.order import Order
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    FillReport,
    NotKnown,
    OrderReport,
    SendOutcome,
    SendPlan,
    VenueOrderStatus,
    VenueReport,
)
from liveexec.domain.record import Record
from liveexec.engine import inputs
from liveexec.engine.effects import Effect, TimerKind
from liveexec.engine.inputs import ControlKind, SendVerb
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError
from support.builders import (
    PRINCIPAL,
    SPOT,
    make_intent,
    make_order_id,
)
from support.engine_world import ACCOUNTS, LISTED, EngineWorld, S
from support.venue_words import fill_of, status_of, venue_order_id_of

__all__ = ["ACCOUNTS", "LISTED", "EngineHarness", "S"]


@define(eq=False)
class EngineHarness(EngineWorld):
    """Drives an engine; what it says is about orders, and filled in from how they stand."""

    # What callers ask for

    def submit(
        self, intent: OrderIntent | None = None, *, operation_id: str | None = None, principal: str = PRINCIPAL,
        **changes: Any,
    ) -> Order:  # fmt: skip
        """Ask for an order, by default to buy one BTC at 45,000 on ALPHA; gives the order, refused or not."""
        intent = intent if intent is not None else make_intent(**changes)
        decision = self.ask(intent, operation_id=operation_id, principal=principal)
        assert decision.error is None, decision.error
        assert decision.order_id is not None
        return self.engine.state.ledger.orders[decision.order_id]

    def ask(
        self, intent: OrderIntent | CancelIntent | ReplaceIntent, *, operation_id: str | None = None,
        principal: str = PRINCIPAL,
    ) -> Decision:  # fmt: skip
        """Ask for an order, a cancel or a change."""
        number = self._number()
        operation = OperationId(operation_id if operation_id is not None else f"caller-{number}")
        digest = content_hash(intent)
        match intent:
            case OrderIntent():
                order_id = make_order_id(number, self.now_ns)
                return self.tell(inputs.SubmitOrder(0, order_id, operation, intent, principal, digest))
            case CancelIntent():
                return self.tell(inputs.CancelOrder(0, operation, intent, principal, digest))
            case ReplaceIntent():
                return self.tell(inputs.ReplaceOrder(0, operation, intent, principal, digest))

    def working(self, **changes: Any) -> Order:
        """An order that its venue has taken."""
        order = self.submit(**changes)
        self.answer(order, Accepted(venue_order_id_of(order)))
        return order

    def cancel(self, order: Order, **changes: Any) -> Decision:
        """Ask for the order's cancel."""
        return self.ask(CancelIntent(order.order_id), **changes)

    def replace(self, order: Order, quantity: str | None = None, price: str | None = None) -> Decision:
        """Ask for other terms."""
        total = Decimal(quantity) if quantity is not None else None
        limit = Decimal(price) if price is not None else None
        return self.ask(ReplaceIntent(order.order_id, total, limit))

    def kill(self, kind: ControlKind, scope: ControlScope | None = None) -> Decision:
        """An operator stops a scope: everything, if none is given."""
        scope = scope if scope is not None else ControlScope(ScopeKind.GLOBAL)
        seed = make_order_id(self._number(), self.now_ns)
        return self.tell(inputs.Kill(0, seed, scope, kind, "operator", "a test"))

    def set_state(self, state: TradingState, scope: ControlScope | None = None) -> Decision:
        """An operator sets a scope's trading state."""
        scope = scope if scope is not None else ControlScope(ScopeKind.GLOBAL)
        return self.tell(inputs.SetTradingState(0, scope, state, "operator", "a test"))

    # What venues say

    def answer(
        self,
        order: Order,
        outcome: SendOutcome,
        verb: SendVerb = SendVerb.SUBMIT,
        attempt: int | None = None,
        plan: SendPlan | None = None,
    ) -> Decision:
        """An adapter answers a request; of several changes, that with this plan."""
        asked = attempt if attempt is not None else order.attempt
        return self.tell(inputs.SendAnswered(0, order.order_id, asked, verb, outcome, plan))

    def stop(self, order: Order, verb: SendVerb = SendVerb.SUBMIT) -> Decision:
        """The send gate stops a request."""
        return self.tell(inputs.SendStopped(0, order.order_id, order.attempt, verb, "the gate is shut"))

    def report(
        self, about: Order | VenueReport, status: VenueOrderStatus = VenueOrderStatus.WORKING, **changes: Any
    ) -> Decision:
        """The venue reports an order's status, or whatever else is handed in."""
        report = self.said(about, status, **changes) if isinstance(about, Order) else about
        return self.tell(inputs.Report(0, report))

    def said(self, order: Order, status: VenueOrderStatus = VenueOrderStatus.WORKING, **changes: Any) -> OrderReport:
        """What the order's venue says of it now; see :func:`support.venue_words.status_of`."""
        return status_of(order, status, **({"venue_time_ns": self.now_ns} | changes))

    def query(
        self, order: Order, answer: OrderReport | Absent | NotKnown | None = None, asked_ago_s: float = 0.0
    ) -> Decision:
        """The venue answers a question about the order; that it is absent, if nothing else is said."""
        answer = answer if answer is not None else Absent(self.now_ns)
        return self.tell(inputs.QueryAnswered(0, order.order_id, self.now_ns - round(asked_ago_s * S), answer))

    def fill(self, order: Order, quantity: str, price: str = "45000", **changes: Any) -> FillReport:
        """The order is filled in part; gives the report, so that it can come again, or be taken back."""
        given = self.filled(order, quantity, price, **changes)
        self.report(given)
        return given

    def filled(self, order: Order, quantity: str, price: str = "45000", **changes: Any) -> FillReport:
        """A fill that is not reported yet, with a key of its own."""
        return fill_of(order, quantity, price, self._number(), self.now_ns, **changes)

    # What to look at

    def events(self, of: Order | str) -> list[str]:
        """The names of everything that became true about an order, or in another stream."""
        return _names_of_events(self.records, of)

    def new_events(self, of: Order | str) -> list[str]:
        """The same of the last decision."""
        return _names_of_events(self.last.records, of)

    def effects[E: Effect](self, kind: type[E]) -> list[E]:
        """The effects of a kind in the last decision."""
        return [effect for effect in self.last.effects if isinstance(effect, kind)]

    def children(self, parent: Order) -> list[Order]:
        """A parent's children, oldest first."""
        return [self.engine.state.ledger.orders[child] for child in parent.children or ()]

    def is_armed(self, kind: TimerKind, order: Order) -> bool:
        """Whether a timer waits for the order."""
        return (kind, order.order_id) in self.timers

    def net(self, instrument_id: InstrumentId = SPOT) -> Decimal:
        """What the instrument's account holds."""
        return self.engine.positions.net(ACCOUNTS[venue_of(instrument_id)], instrument_id)

    def error(self, decision: Decision) -> LiveExecError:
        """Why an input was refused without a trace."""
        assert decision.error is not None
        return decision.error

    def account_events(self) -> list[AccountEvent]:
        """Everything that became true about accounts and controls, beside that the accounts began."""
        events = [event for record in self.records for event in record.events]
        return [event for event in events if isinstance(event, AccountEvent) and not isinstance(event, AccountOpened)]


def _names_of_events(records: Iterable[Record], of: Order | str) -> list[str]:
    stream = of.order_id if isinstance(of, Order) else of
    return [type(event).__name__ for record in records if record.stream == stream for event in record.events]
