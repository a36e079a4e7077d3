"""An engine and venues that are honest but hard to hear: acks lost and late, reports repeated, reordered and missing.

Hypothesis chooses what happens; after every step everything in :mod:`support.engine_invariants` holds. At the end the
faults heal, and the engine must have come to the venues' truth: the same orders, fills and positions.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import SendOutcome, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.effects import FetchFills, QueryOrder, SendCancel, SendReplace, SendSubmit
from liveexec.engine.inputs import Phase, SendVerb
from support.builders import ALPHA, ALPHA_ACCOUNT, BETA, BETA_ACCOUNT, SPOT, SPOT_AT_BETA, make_intent
from support.engine_harness import EngineHarness
from support.model_venue import ModelVenue, VenueSide

_Request = SendSubmit | SendCancel | SendReplace

_LOTS: Final = st.integers(1, 20).map(lambda lots: Decimal(lots) / 10)
#: Which of what waits: an index into any list.
_PICKS: Final = st.integers(0, 9)
_SIDES: Final = st.sampled_from([Side.BUY, Side.SELL])
_PRICE: Final = Decimal(45_000)
_LISTED: Final = {ALPHA: SPOT, BETA: SPOT_AT_BETA}


class EngineAndVenues(RuleBasedStateMachine):
    """ALPHA changes orders at once and gives them other ids; BETA can't change any."""

    def __init__(self) -> None:
        super().__init__()
        self.venues: dict[AccountId, ModelVenue] = {
            ALPHA_ACCOUNT: ModelVenue(ALPHA_ACCOUNT, renames=True),
            BETA_ACCOUNT: ModelVenue(BETA_ACCOUNT),
        }
        self.harness = EngineHarness().start()
        self.requests: list[_Request] = []
        #: Requests that were given up on here, and may still arrive there until their deadline.
        self.travelling: list[_Request] = []
        self.answers: list[inputs.SendAnswered] = []
        #: What is asked, and when the question left.
        self.questions: list[tuple[QueryOrder, int]] = []
        self.fetches: list[FetchFills] = []

    # What callers do

    @rule(quantity=_LOTS, at=st.sampled_from([SPOT, SPOT_AT_BETA]), side=_SIDES)
    def submit(self, quantity: Decimal, at: InstrumentId, side: Side) -> None:
        self.harness.submit(make_intent(instrument_key=at, quantity=quantity, side=side))
        self._drain()

    @rule(quantity=_LOTS, visible=st.sampled_from(["0.1", "0.3"]))
    def work_an_iceberg(self, quantity: Decimal, visible: str) -> None:
        params = {"visible_quantity": str(min(Decimal(visible), quantity))}
        self.harness.submit(quantity=quantity, exec_algorithm="ICEBERG", exec_algorithm_params=params)
        self._drain()

    @precondition(lambda self: self._open())
    @rule(pick=_PICKS)
    def cancel(self, pick: int) -> None:
        self.harness.cancel(_one_of(self._open(), pick))
        self._drain()

    @precondition(lambda self: self._open())
    @rule(pick=_PICKS, quantity=_LOTS)
    def replace(self, pick: int, quantity: Decimal) -> None:
        # A change and the state that it changes are told apart by their times.
        self.harness.advance(0.001)
        if self._open():
            self.harness.replace(_one_of(self._open(), pick), str(quantity))
        self._drain()

    # What becomes of requests

    @precondition(lambda self: self.requests)
    @rule(pick=_PICKS, fate=st.sampled_from(["heard", "heard", "heard", "ack lost", "lost", "late"]))
    def send(self, pick: int, fate: str) -> None:
        request = _one_of(self._first_of_each_order(), pick)
        self.requests.remove(request)
        if self._is_stopped(request):
            return
        if fate == "heard":
            self._answer(request, self._arrive(request))
            return
        if fate == "ack lost":
            self._arrive(request)
        elif fate == "late":
            self.travelling.append(request)
        self._answer(request, Unknown("timeout"))

    @precondition(lambda self: self.travelling)
    @rule(pick=_PICKS)
    def arrive_late(self, pick: int) -> None:
        request = _one_of(self.travelling, pick)
        self.travelling.remove(request)
        if isinstance(request, SendCancel) or request.plan.valid_until_ns >= self.harness.now_ns:
            self._arrive(request)

    @precondition(lambda self: self.answers)
    @rule(pick=_PICKS)
    def hear_an_answer(self, pick: int) -> None:
        self._tell(self.answers.pop(pick % len(self.answers)))

    @precondition(lambda self: self.questions)
    @rule(pick=_PICKS)
    def answer_a_question(self, pick: int) -> None:
        query, asked_at_ns = self.questions.pop(pick % len(self.questions))
        answer = self._venue_of(query.order).answer(query.ref, self.harness.now_ns)
        self._tell(inputs.QueryAnswered(0, query.order.order_id, asked_at_ns, answer))

    @precondition(lambda self: self.fetches)
    @rule()
    def fetch_fills(self) -> None:
        self._deliver_executions(self.fetches.pop(0).account_id)

    # What venues do

    @precondition(lambda self: self._working())
    @rule(pick=_PICKS, share=st.sampled_from(["0.5", "1"]))
    def trade(self, pick: int, share: str) -> None:
        venue, order = _one_of(self._working(), pick)
        quantity = max((order.leaves * Decimal(share)).quantize(Decimal("0.1")), Decimal("0.1"))
        venue.fill(order, min(quantity, order.leaves), _PRICE, self.harness.now_ns)

    @precondition(lambda self: self._filled())
    @rule(pick=_PICKS)
    def bust(self, pick: int) -> None:
        venue, order = _one_of(self._filled(), pick)
        venue.bust(order, order.fills[-1])

    @precondition(lambda self: any(venue.said for venue in self.venues.values()))
    @rule(pick=_PICKS, again=st.booleans())
    def hear_a_report(self, pick: int, again: bool) -> None:
        said = _one_of([venue.said for venue in self.venues.values() if venue.said], pick)
        index = pick % len(said)
        self._tell(inputs.Report(0, said[index] if again else said.pop(index)))

    # What happens to the engine

    @rule(seconds=st.sampled_from([0.2, 1, 3, 6]))
    def wait(self, seconds: float) -> None:
        self.harness.advance(seconds)
        self._drain()

    @rule()
    def reconcile(self) -> None:
        for venue in self.venues.values():
            self._snapshot(venue)

    @rule()
    def crash(self) -> None:
        """What had left may still arrive, but nobody hears of it; another process begins with the journal."""
        self.travelling += [request for request in self.requests if not self._was_wished_away(request)]
        for waiting in (self.requests, self.answers, self.questions, self.fetches):
            waiting.clear()
        self.harness = self.harness.restart()
        for name, venue in ((ALPHA, self.venues[ALPHA_ACCOUNT]), (BETA, self.venues[BETA_ACCOUNT])):
            venue.said.clear()
            self._connect(name, venue)
        self.harness.market(SPOT)
        self.harness.market(SPOT_AT_BETA)
        self._drain()

    def teardown(self) -> None:
        """The faults heal: everything arrives, every question is answered, and both sides agree."""
        for _ in range(40):
            self._heal()
            if not self._is_restless():
                break
        for venue in self.venues.values():
            self._snapshot(venue)
            self._heal()
        self._check_agreement()

    # How it is done

    def _connect(self, name: VenueName, venue: ModelVenue) -> None:
        self.harness.tell(inputs.ListingsUpdate(0, name, (self.harness.listing(_LISTED[name]),)))
        self._deliver_executions(venue.account_id)
        self._snapshot(venue)
        self.harness.phase(Phase.ACTIVE, venue.account_id)

    def _snapshot(self, venue: ModelVenue) -> None:
        self.harness.snapshot(account_id=venue.account_id, orders=venue.open_orders(), positions=venue.positions())
        self._drain()

    def _deliver_executions(self, account_id: AccountId) -> None:
        for report in self.venues[account_id].executions():
            self._tell(inputs.Report(0, report))

    def _tell(self, given: inputs.EngineInput) -> None:
        self.harness.tell(given)
        self._drain()

    def _drain(self) -> None:
        """Take up what the engine asks for."""
        for effect in self.harness.outbox:
            match effect:
                case SendSubmit() | SendCancel() | SendReplace():
                    self.requests.append(effect)
                case QueryOrder():
                    self.questions.append((effect, self.harness.now_ns))
                case FetchFills():
                    self.fetches.append(effect)
                case _:
                    raise AssertionError(f"nobody carries out {effect}")
        self.harness.outbox.clear()

    def _first_of_each_order(self) -> list[_Request]:
        first: dict[str, _Request] = {}
        for request in self.requests:
            first.setdefault(request.order.order_id, request)
        return list(first.values())

    def _is_stopped(self, request: _Request) -> bool:
        """The send gate: what was wished away or is too late does not leave."""
        if isinstance(request, SendCancel):
            return False
        if not self._was_wished_away(request) and request.plan.valid_until_ns >= self.harness.now_ns:
            return False
        attempt = request.attempt if isinstance(request, SendSubmit) else request.order.attempt
        verb = SendVerb.SUBMIT if isinstance(request, SendSubmit) else SendVerb.REPLACE
        self._tell(inputs.SendStopped(0, request.order.order_id, attempt, verb, "the gate is shut"))
        return True

    def _was_wished_away(self, request: _Request) -> bool:
        return not isinstance(request, SendCancel) and request.order.cancel is not PendingCancel.NONE

    def _arrive(self, request: _Request) -> SendOutcome:
        venue, now_ns = self._venue_of(request.order), self.harness.now_ns
        match request:
            case SendSubmit():
                return venue.submit(request, now_ns)
            case SendCancel():
                return venue.cancel(request.ref, now_ns)
            case SendReplace():
                return venue.replace(request, now_ns)

    def _answer(self, request: _Request, outcome: SendOutcome) -> None:
        verbs = {SendSubmit: SendVerb.SUBMIT, SendCancel: SendVerb.CANCEL, SendReplace: SendVerb.REPLACE}
        attempt = request.attempt if isinstance(request, SendSubmit) else request.order.attempt
        self.answers.append(inputs.SendAnswered(0, request.order.order_id, attempt, verbs[type(request)], outcome))

    def _heal(self) -> None:
        while self.requests:
            self.send(0, "heard")
        while self.travelling:
            self.arrive_late(0)
        while self.answers:
            self.hear_an_answer(0)
        for venue in self.venues.values():
            while venue.said:
                self._tell(inputs.Report(0, venue.said.pop(0)))
        while self.fetches:
            self.fetch_fills()
        while self.questions:
            self.answer_a_question(0)
        self.wait(3)

    def _is_restless(self) -> bool:
        """Whether anything is on its way, or in doubt."""
        if self.requests or self.answers or self.questions or self.fetches:
            return True
        orders = list(self.harness.engine.orders.open_orders())
        in_doubt = (OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
        return any(
            order.status in in_doubt or order.cancel is not PendingCancel.NONE or order.replace is not None
            for order in orders
        )

    def _check_agreement(self) -> None:
        ours = self.harness.engine.state.ledger.orders
        known = {key: order for key, (order, _) in self.harness.invariants.client_ids.items()}
        for venue in self.venues.values():
            for side in venue.orders:
                assert (venue.account_id, side.client_order_id) in known, "somebody else's order"
        for order in ours.values():
            if order.account_id is None or not order.attempt:
                continue
            names = [client for (account_id, client), owner in known.items() if owner == order.order_id]
            sides = [side for side in self._venue_of(order).orders if side.client_order_id in names]
            assert order.filled_quantity == sum((side.filled for side in sides), ZERO)
            assert order.is_open == any(side.status is VenueOrderStatus.WORKING for side in sides), order
            assert order.leaves == sum((side.leaves for side in sides), ZERO)
        for venue in self.venues.values():
            for instrument_id, quantity in venue.positions().items():
                assert self.harness.net(instrument_id) == Decimal(quantity)

    def _venue_of(self, order: Order) -> ModelVenue:
        assert order.account_id is not None
        return self.venues[order.account_id]

    def _open(self) -> list[Order]:
        return [order for order in self.harness.engine.orders.open_orders() if order.attempt]

    def _working(self) -> list[tuple[ModelVenue, VenueSide]]:
        return [(venue, order) for venue in self.venues.values() for order in venue.orders if order.leaves]

    def _filled(self) -> list[tuple[ModelVenue, VenueSide]]:
        return [(venue, order) for venue in self.venues.values() for order in venue.orders if order.fills]


def _one_of[T](choices: Sequence[T], pick: int) -> T:
    return choices[pick % len(choices)]


TestEngineAndVenues = EngineAndVenues.TestCase
TestEngineAndVenues.settings = settings(max_examples=60, stateful_step_count=40)
