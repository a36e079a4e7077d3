"""A real engine on virtual time, between venues that do what the test says; every input is followed by every check.

ALPHA replaces atomically; BETA can't replace, so there the engine emulates it. Both list the same products.

from support.engine_harness import EngineHarness
"""

import copy
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from liveexec.domain.account_event import AccountEvent, ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import AccountId, InstrumentId, OperationId, OrderId, VenueName, venue_of
from liveexec.domain.instrument import Listing
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent, content_hash
from liveexec.domain.order import Order
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    BalanceReport,
    FillReport,
    NotKnown,
    OrderReport,
    PositionReport,
    SendOutcome,
    VenueOrderStatus,
    VenueReport,
)
from liveexec.domain.record import Record
from liveexec.domain.stored import StoredRecord
from liveexec.domain.venue import AdapterManifest, ReplaceMode
from liveexec.engine import inputs
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import ArmTimer, DisarmTimer, Effect, TimerKey, TimerKind
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import ControlKind, EngineInput, Phase, SendVerb
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError
from liveexec.runtime.families import names_of
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    LINEAR,
    NOW_NS,
    PRINCIPAL,
    SPOT,
    SPOT_AT_BETA,
    TERMS,
    make_book,
    make_intent,
    make_listing,
    make_manifest,
    make_order_id,
)
from support.engine_invariants import EngineInvariants, encoded_effect, encoded_record
from support.venue_words import fill_of, status_of, venue_order_id_of

__all__ = ["ACCOUNTS", "LISTED", "EngineHarness", "S"]

S: Final = 1_000_000_000
ACCOUNTS: Final[Mapping[VenueName, AccountId]] = {ALPHA: ALPHA_ACCOUNT, BETA: BETA_ACCOUNT}
LISTED: Final[Mapping[VenueName, Sequence[InstrumentId]]] = {ALPHA: (SPOT, LINEAR), BETA: (SPOT_AT_BETA,)}


@define(eq=False)
class EngineHarness:
    """Drives an engine. ``tell`` takes any input; everything else is a shorter way to say one.

    ``timers`` are what the engine armed; :meth:`advance` lets time pass and rings them. ``outbox`` are its other
    effects, which nobody carries out but the test. ``records`` are all that became true, ``last`` is the last decision.
    """

    config: EngineConfig = field(factory=EngineConfig)
    manifests: dict[VenueName, AdapterManifest] = field(
        factory=lambda: {ALPHA: make_manifest(), BETA: make_manifest(BETA, replace=ReplaceMode.NONE)}
    )
    now_ns: int = NOW_NS
    engine: ExecutionEngine = field(init=False)
    invariants: EngineInvariants = field(factory=EngineInvariants)
    timers: dict[TimerKey, int] = field(factory=dict)
    outbox: list[Effect] = field(factory=list)
    records: list[Record] = field(factory=list)
    trace: list[bytes] = field(factory=list)
    last: Decision = field(factory=Decision)
    _numbers: int = 0

    def __attrs_post_init__(self) -> None:
        self.engine = self._engine()

    # The world

    def start(self, *accounts: AccountId, price: int = 45_000) -> "EngineHarness":
        """Connect these accounts (all), with nothing in them, and show a book around the price everywhere."""
        for venue, account_id in ACCOUNTS.items():
            if not accounts or account_id in accounts:
                self.connect(venue)
        for instrument_id in (each for listed in LISTED.values() for each in listed):
            self.market(instrument_id, str(price - 1), str(price + 1))
        return self

    def connect(self, venue: VenueName = ALPHA, **snapshot: Any) -> None:
        """The venue's session comes up and is reconciled."""
        self.tell(inputs.ListingsUpdate(0, venue, tuple(self.listing(each) for each in LISTED[venue])))
        self.phase(Phase.RECONCILING, ACCOUNTS[venue])
        self.snapshot(account_id=ACCOUNTS[venue], **snapshot)
        self.phase(Phase.ACTIVE, ACCOUNTS[venue])

    def listing(self, instrument_id: InstrumentId) -> Listing:
        """The listing that the venues show; a lot of a thousandth keeps numbers short."""
        return make_listing(
            instrument_id,
            terms=TERMS[instrument_id],
            lot=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            min_notional=None,
        )

    def market(self, instrument_id: InstrumentId = SPOT, bid: str = "44999", ask: str = "45001", **book: Any) -> None:
        """A book arrives."""
        self.tell(
            inputs.MarketUpdate(0, make_book(instrument_id, bid, ask, at_ns=self.now_ns, **book)),
        )

    def phase(self, phase: Phase, account_id: AccountId = ALPHA_ACCOUNT) -> Decision:
        """The account's session changes."""
        return self.tell(inputs.AccountPhase(0, account_id, phase))

    def snapshot(
        self,
        *,
        account_id: AccountId = ALPHA_ACCOUNT,
        orders: Sequence[OrderReport] = (),
        positions: Mapping[InstrumentId, str] | None = None,
        balances: Mapping[str, str] | None = None,
        asked_ago_s: float = 0.0,
        complete: bool = True,
    ) -> Decision:
        """What reconciliation fetched of an account."""
        held = (positions or {}).items()
        funds = (balances or {}).items()
        return self.tell(
            inputs.AccountSnapshot(
                0,
                account_id,
                self.now_ns - round(asked_ago_s * S),
                orders,
                complete,
                [PositionReport(account_id, each, Decimal(much), None, self.now_ns) for each, much in held],
                [BalanceReport(account_id, each, Decimal(much), Decimal(much), self.now_ns) for each, much in funds],
            )
        )

    def tell(self, given: EngineInput) -> Decision:
        """Hand the engine an input at the present time, take note of what it does, and check what must hold."""
        given.at_ns = self.now_ns
        self.last = decision = self.engine.handle(given)
        for effect in decision.effects:
            if isinstance(effect, ArmTimer):
                self.timers[effect.key] = effect.at_ns
            elif isinstance(effect, DisarmTimer):
                self.timers.pop(effect.key, None)
            else:
                self.outbox.append(effect)
        self.records += decision.records
        self.trace += [encoded_record(record) for record in decision.records]
        self.trace += [encoded_effect(effect) for effect in decision.effects]
        if isinstance(given, inputs.Forget):
            self.invariants.forget(self.engine)
        self.invariants.check(self.engine, decision)
        return decision

    def advance(self, seconds: float) -> None:
        """Let time pass, ringing what comes due on the way, in order."""
        until_ns = self.now_ns + round(seconds * S)
        while self.timers and min(self.timers.values()) <= until_ns:
            key = min(self.timers, key=lambda each: (self.timers[each], each))
            self.now_ns = max(self.now_ns, self.timers.pop(key))
            self.tell(inputs.TimerRang(0, key))
        self.now_ns = until_ns

    def restart(self) -> "EngineHarness":
        """The process stops here, and another begins with what the journal holds: nobody is connected yet."""
        other = EngineHarness(
            self.config, self.manifests, self.now_ns, invariants=self.invariants, records=self.records,
            trace=self.trace, numbers=self._numbers,
        )  # fmt: skip
        other.engine = other._engine(self.invariants.mirror)
        other.engine.index(self.names())
        other.tell(inputs.Recovered(0))
        return other

    def names(self) -> dict[OrderId, list[tuple[str, str]]]:
        """Every name that orders had at their venues, as recovery reads them from the journal."""
        streams: dict[str, list[StoredRecord]] = {}
        for position, record in enumerate(self.records, 1):
            streams.setdefault(record.stream, []).append(StoredRecord(position, 1, record))
        return names_of(streams)

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
        self, order: Order, outcome: SendOutcome, verb: SendVerb = SendVerb.SUBMIT, attempt: int | None = None
    ) -> Decision:
        """An adapter answers a request."""
        asked = attempt if attempt is not None else order.attempt
        return self.tell(inputs.SendAnswered(0, order.order_id, asked, verb, outcome))

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
        stream = of.order_id if isinstance(of, Order) else of
        return [type(event).__name__ for record in self.records if record.stream == stream for event in record.events]

    def new_events(self, of: Order | str) -> list[str]:
        """The same of the last decision."""
        stream = of.order_id if isinstance(of, Order) else of
        return [
            type(event).__name__
            for record in self.last.records
            if record.stream == stream
            for event in record.events
        ]  # fmt: skip

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
        """Everything that became true about accounts and controls."""
        return [
            event
            for record in self.records
            if not record.stream.startswith("ORD-")
            for event in record.events
            if isinstance(event, AccountEvent)
        ]

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _engine(self, recorded: Any = None) -> ExecutionEngine:
        engine = ExecutionEngine(
            self.config,
            rules=BUILT_IN_RULES,
            policies=BUILTIN_POLICIES,
            algorithms=BUILTIN_ALGORITHMS,
            manifests=self.manifests,
            venue_accounts={venue: (account_id,) for venue, account_id in ACCOUNTS.items()},
            ledger=copy.deepcopy(recorded) if recorded is not None else None,
        )
        engine.state.now_ns = self.now_ns
        return engine
