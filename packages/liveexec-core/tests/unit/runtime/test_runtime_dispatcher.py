"""The dispatcher: effects become requests, in order where order counts; every answer or silence becomes an input."""

import asyncio
import math
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, evolve, field

from liveexec.domain.ids import AccountId, OrderId, VenueOrderId
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    FillReport,
    NotKnown,
    Rejected,
    SendOutcome,
    SendPlan,
    Sent,
    Unknown,
)
from liveexec.domain.venue import Ordering
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import (
    ArmTimer,
    DisarmTimer,
    FetchFills,
    PrepareOrder,
    QueryOrder,
    SendCancel,
    SendReplace,
    SendSubmit,
    TimerKey,
    TimerKind,
)
from liveexec.engine.inputs import (
    EngineInput,
    PlanPrepared,
    QueryAnswered,
    Report,
    SendAnswered,
    SendStopped,
    SendVerb,
)
from liveexec.engine.requests import ref_of
from liveexec.engine.state import EngineState
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.dispatcher import Dispatcher
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.send_gate import SendGate
from liveexec.runtime.timers import Timers
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    events_to,
    make_fill,
    make_intent,
    make_listing,
    make_manifest,
    make_order,
    make_order_id,
    make_order_report,
    make_plan,
)
from support.runtime_parts import ScriptedVenue, turns, until, within

ACCEPTED = Accepted()


class Unanswered(Exception):
    """What a vendor's library might raise."""


@define(eq=False)
class Desk:
    """A dispatcher with an open gate before a scripted venue. ``told`` is what the engine would hear."""

    answer_timeout_s: float = 3_600.0
    venue: ScriptedVenue = field(factory=ScriptedVenue)
    clock: VirtualClock = field(factory=lambda: VirtualClock(NOW_NS))
    connected: bool = True
    told: list[EngineInput] = field(factory=list)
    rang: list[TimerKey] = field(factory=list)
    metrics: Metrics = field(factory=Metrics)
    #: Who asked for a slot (account, cancel), and what those who ask next have to wait for.
    slots: list[tuple[AccountId, bool]] = field(factory=list)
    waits: "list[asyncio.Future[None]]" = field(factory=list)
    state: EngineState = field(init=False)
    gate: SendGate = field(init=False)
    dispatcher: Dispatcher = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.state = EngineState(EngineConfig())
        self.state.listings[SPOT] = make_listing(SPOT)
        self.state.manifests[ALPHA] = make_manifest()
        self.gate = SendGate(
            self.clock, self.state, lambda _: self.connected, lambda _: 0, 3_600 * 10**9, lease_until_s=math.inf
        )
        self.dispatcher = Dispatcher(
            self.state,
            self.gate,
            Timers(self.clock, self.rang.append),
            self.clock,
            self.metrics,
            adapter_of=lambda _: self.venue if self.connected else None,
            slot=self._slot,
            tell=self.told.append,
            answer_timeout_s=self.answer_timeout_s,
            fills_grace_s=0.0,
        )

    def _slot(self, account_id: AccountId, cancel: bool) -> Coroutine[Any, Any, None] | None:
        self.slots.append((account_id, cancel))
        return _wait(self.waits.pop(0)) if self.waits else None

    def order(self, number: int = 1, status: OrderStatus = OrderStatus.SUBMITTED, **changes: Any) -> Order:
        """An order in memory."""
        order = make_order(*events_to(status), order_id=make_order_id(number))
        for name, value in changes.items():
            setattr(order, name, value)
        self.state.ledger.orders[order.order_id] = order
        return order

    def submit(self, order: Order) -> None:
        plan = make_plan(order.order_id)
        self.dispatcher.carry_out(SendSubmit(order, 1, plan, order.quantity, order.price, NOW_NS, None))

    def cancel(self, order: Order) -> None:
        self.dispatcher.carry_out(SendCancel(order, ref_of(order)))

    def replace(self, order: Order) -> None:
        self.dispatcher.carry_out(
            SendReplace(order, ref_of(order), make_plan(), Decimal(2), Decimal(44_000), Decimal("0.5"), NOW_NS)
        )

    def prepare(self, order: Order) -> None:
        self.dispatcher.carry_out(PrepareOrder(order, 1, order.quantity, order.price, NOW_NS + 5, None))

    def query(self, order: Order) -> None:
        self.dispatcher.carry_out(QueryOrder(order, ref_of(order), NOW_NS))

    def fetch(self, order: Order, filled: str = "1") -> None:
        self.dispatcher.carry_out(FetchFills(ALPHA_ACCOUNT, SPOT, order.order_id, Decimal(filled), 77))

    @property
    def methods(self) -> list[str]:
        """What the venue was asked, in order."""
        return [name for name, _ in self.venue.asked]

    @property
    def outcomes(self) -> list[tuple[OrderId, SendVerb, SendOutcome]]:
        return [(each.order_id, each.verb, each.outcome) for each in self.told if isinstance(each, SendAnswered)]

    @property
    def stops(self) -> list[tuple[SendVerb, str]]:
        return [(each.verb, each.reason) for each in self.told if isinstance(each, SendStopped)]

    @property
    def answers(self) -> list[Any]:
        return [each.answer for each in self.told if isinstance(each, QueryAnswered)]


async def _wait(future: "asyncio.Future[None]") -> None:
    await future


def a_future() -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().create_future()


@pytest.fixture
async def desk() -> Desk:
    return Desk()


# Requests


async def test_what_a_venue_answers_at_once_costs_no_turn_of_the_loop(desk: Desk) -> None:
    order = desk.order()
    desk.venue.answer("submit", ACCEPTED)
    desk.submit(order)
    assert desk.outcomes == [(order.order_id, SendVerb.SUBMIT, ACCEPTED)]
    assert desk.dispatcher.in_flight == 0


async def test_a_submit_tells_the_venue_the_order_and_its_plan(desk: Desk) -> None:
    order = desk.order()
    order.intent = make_intent(post_only=True, quantity=Decimal(9), details={"text": "a"})
    plan = make_plan(order.order_id)
    desk.dispatcher.carry_out(SendSubmit(order, 1, plan, Decimal("0.25"), Decimal(44_000), NOW_NS, None))
    ((_, (sent, planned)),) = desk.venue.asked
    assert isinstance(sent, VenueOrder)
    assert planned is plan
    assert (sent.order_id, sent.account_id, sent.instrument_id) == (order.order_id, ALPHA_ACCOUNT, SPOT)
    assert (sent.quantity, sent.price, sent.post_only) == (Decimal("0.25"), Decimal(44_000), True)
    assert sent.details == {"text": "a"}
    assert sent.details is not order.intent.details
    (told,) = desk.told
    assert isinstance(told, SendAnswered)
    assert (told.attempt, told.outcome) == (1, Sent())


async def test_a_cancel_names_the_order_and_a_replace_its_new_terms(desk: Desk) -> None:
    order = desk.order(status=OrderStatus.ACCEPTED)
    desk.replace(order)
    desk.cancel(order)
    (_, (ref, new_terms, plan, filled)), (_, cancel_ref) = desk.venue.asked
    assert (ref.venue_order_id, cancel_ref.venue_order_id) == ("V-1", "V-1")
    assert (new_terms.quantity, new_terms.price, filled) == (Decimal(2), Decimal(44_000), Decimal("0.5"))
    assert plan.client_order_id == order.client_order_id
    assert [verb for _, verb, _ in desk.outcomes] == [SendVerb.REPLACE, SendVerb.CANCEL]


@pytest.mark.parametrize("outcome", [Sent(), ACCEPTED, Rejected("-2010", "insufficient balance"), Unknown("who knows")])
async def test_every_outcome_is_told_as_it_is(desk: Desk, outcome: SendOutcome) -> None:
    desk.venue.answer("submit", outcome)
    desk.submit(desk.order())
    assert [told for _, _, told in desk.outcomes] == [outcome]


async def test_an_adapter_that_cannot_replace_what_its_manifest_offers_refuses_in_so_many_words(desk: Desk) -> None:
    class Plain(ScriptedVenue):
        pass

    venue = ScriptedVenue()
    plain = _without_replace(venue)
    desk.venue = plain
    desk.replace(desk.order(status=OrderStatus.ACCEPTED))
    ((_, _, outcome),) = desk.outcomes
    assert isinstance(outcome, Rejected)
    assert outcome.code == "NO_REPLACE"


# Order


async def test_requests_of_one_order_follow_each_other(desk: Desk) -> None:
    order = desk.order()
    answer = desk.venue.wait_with("submit")
    desk.submit(order)
    desk.cancel(order)
    desk.replace(order)
    await turns()
    assert desk.methods == ["submit"]
    assert desk.dispatcher.in_flight == 3
    answer.set_result(ACCEPTED)
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.methods == ["submit", "cancel", "replace"]
    assert [verb for _, verb, _ in desk.outcomes] == [SendVerb.SUBMIT, SendVerb.CANCEL, SendVerb.REPLACE]


async def test_requests_of_different_orders_run_side_by_side(desk: Desk) -> None:
    first, second = desk.order(1), desk.order(2)
    answers = [desk.venue.wait_with("submit"), desk.venue.wait_with("submit")]
    desk.submit(first)
    desk.submit(second)
    assert desk.methods == ["submit", "submit"]
    answers[1].set_result(ACCEPTED)
    await until(lambda: desk.dispatcher.in_flight == 1)
    answers[0].set_result(Sent())
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert [order for order, _, _ in desk.outcomes] == [second.order_id, first.order_id]


async def test_where_the_venue_needs_it_requests_of_an_account_follow_each_other(desk: Desk) -> None:
    desk.state.manifests[ALPHA] = evolve(make_manifest(), ordering=Ordering.PER_ACCOUNT)
    other_account = AccountId("ALPHA-2")
    orders = [desk.order(1), desk.order(2), desk.order(3, account_id=other_account)]
    answer = desk.venue.wait_with("submit")
    for order in orders:
        desk.submit(order)
    await turns()
    sent = [given[0].order_id for _, given in desk.venue.asked]
    assert sent == [orders[0].order_id, orders[2].order_id]
    answer.set_result(Sent())
    await until(lambda: desk.dispatcher.in_flight == 0)
    sent = [given[0].order_id for _, given in desk.venue.asked]
    assert sent == [orders[0].order_id, orders[2].order_id, orders[1].order_id]


async def test_a_request_after_an_unanswered_one_goes_once_that_is_given_up() -> None:
    desk = Desk(answer_timeout_s=0.0)
    order = desk.order()
    desk.venue.wait_with("submit")
    desk.submit(order)
    desk.cancel(order)
    await turns()
    desk.dispatcher.expire()
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.methods == ["submit", "cancel"]
    assert [outcome for _, _, outcome in desk.outcomes] == [Unknown("no answer in time"), Sent()]


async def test_nothing_is_kept_of_what_was_answered(desk: Desk) -> None:
    for number in range(1, 20):
        order = desk.order(number)
        answer = desk.venue.wait_with("submit")
        desk.submit(order)
        desk.cancel(order)
        answer.set_result(Sent())
        await until(lambda: desk.dispatcher.in_flight == 0)
    await turns()
    in_flight = desk.dispatcher._in_flight
    assert (len(in_flight._tails), len(in_flight._deadlines), len(in_flight)) == (0, 0, 0)


# Silence and failure


async def test_silence_becomes_unknown_once_the_time_to_answer_is_over() -> None:
    desk = Desk(answer_timeout_s=0.0)
    desk.venue.wait_with("submit")
    desk.submit(desk.order())
    desk.dispatcher.expire()
    await until(lambda: desk.told)
    assert [outcome for _, _, outcome in desk.outcomes] == [Unknown("no answer in time")]


async def test_an_answer_in_time_is_not_given_up(desk: Desk) -> None:
    answer = desk.venue.wait_with("submit")
    desk.submit(desk.order())
    desk.dispatcher.expire()
    await turns()
    answer.set_result(ACCEPTED)
    await until(lambda: desk.told)
    assert [outcome for _, _, outcome in desk.outcomes] == [ACCEPTED]


async def test_waiting_for_its_turn_is_not_silence_of_the_venue() -> None:
    desk = Desk(answer_timeout_s=0.0)
    desk.state.manifests[ALPHA] = evolve(make_manifest(), ordering=Ordering.PER_ACCOUNT)
    first, second = desk.order(1), desk.order(2)
    desk.venue.wait_with("submit")
    desk.submit(first)
    desk.submit(second)
    await turns()
    desk.dispatcher.expire()
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.methods == ["submit", "submit"]
    assert desk.outcomes == [
        (first.order_id, SendVerb.SUBMIT, Unknown("no answer in time")),
        (second.order_id, SendVerb.SUBMIT, Sent()),
    ]


async def test_waiting_for_the_rate_limit_is_not_silence_of_the_venue() -> None:
    desk = Desk(answer_timeout_s=0.0)
    desk.waits.append(room := a_future())
    desk.submit(desk.order())
    await turns()
    desk.dispatcher.expire()
    await turns()
    assert desk.told == []
    room.set_result(None)
    await until(lambda: desk.told)
    assert [outcome for _, _, outcome in desk.outcomes] == [Sent()]


@pytest.mark.parametrize("request_", ["submit", "cancel", "replace"])
@pytest.mark.parametrize(
    "error", [Unanswered("500 from the venue"), ConnectionResetError("reset"), TimeoutError(), KeyError("orderId")]
)
async def test_whatever_is_raised_proves_nothing(desk: Desk, request_: str, error: Exception) -> None:
    desk.venue.answer(request_, error)
    order = desk.order(status=OrderStatus.ACCEPTED)
    {"submit": desk.submit, "cancel": desk.cancel, "replace": desk.replace}[request_](order)
    ((_, verb, outcome),) = desk.outcomes
    assert verb == request_.upper()
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith(type(error).__name__)


async def test_an_adapter_that_raises_before_it_waits_proves_nothing_either(desk: Desk) -> None:
    def broken(order: VenueOrder, plan: SendPlan) -> Coroutine[Any, Any, SendOutcome]:
        raise Unanswered("not even asked")

    desk.venue.submit = broken  # type: ignore[method-assign]  # an adapter's method need not be "async def"
    desk.submit(desk.order())
    assert [outcome for _, _, outcome in desk.outcomes] == [Unknown("Unanswered: not even asked")]


async def test_an_answer_that_is_no_outcome_proves_nothing(desk: Desk) -> None:
    desk.venue.answer("submit", {"status": "ok", "apiKey": "s3cret"})
    desk.submit(desk.order())
    assert [outcome for _, _, outcome in desk.outcomes] == [Unknown("the adapter answered with dict")]


# The gate


@pytest.mark.parametrize("request_", ["submit", "cancel", "replace"])
async def test_what_the_gate_stops_is_told_as_such_and_nothing_is_sent(desk: Desk, request_: str) -> None:
    order = desk.order(status=OrderStatus.ACCEPTED)
    desk.gate.fenced = True
    {"submit": desk.submit, "cancel": desk.cancel, "replace": desk.replace}[request_](order)
    assert desk.stops == [(SendVerb(request_.upper()), "another process owns the shard")]
    assert desk.venue.asked == []
    (told,) = desk.told
    assert isinstance(told, SendStopped)
    assert (told.order_id, told.attempt) == (order.order_id, 1)
    assert desk.metrics.stopped(request_.upper())._value.get() == 1


async def test_the_gate_is_asked_when_its_turn_has_come_and_not_before(desk: Desk) -> None:
    order = desk.order()
    desk.waits.append(room := a_future())
    desk.submit(order)
    await turns()
    order.cancel = PendingCancel.REQUESTED
    room.set_result(None)
    await until(lambda: desk.told)
    assert desk.stops == [(SendVerb.SUBMIT, "canceled before it was sent")]
    assert desk.venue.asked == []


async def test_a_session_that_is_lost_while_a_request_waits_lets_nothing_out(desk: Desk) -> None:
    desk.waits.append(room := a_future())
    desk.cancel(desk.order(status=OrderStatus.ACCEPTED))
    await turns()
    desk.connected = False
    room.set_result(None)
    await until(lambda: desk.told)
    assert desk.stops == [(SendVerb.CANCEL, "no session with the venue")]


async def test_cancels_that_are_repeated_while_one_waits_are_one_and_it_has_the_latest_name(desk: Desk) -> None:
    room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    desk.waits.append(room)
    order = desk.order(status=OrderStatus.ACCEPTED)
    for name in ("first", "second", "third"):
        ref = evolve(ref_of(order), venue_order_id=VenueOrderId(name))
        desk.dispatcher.carry_out(SendCancel(order, ref))
    await turns()
    assert desk.venue.count("cancel") == 0
    room.set_result(None)
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert [ref.venue_order_id for name, ref in desk.venue.asked if name == "cancel"] == ["third"]
    desk.cancel(order)
    await until(lambda: desk.venue.count("cancel") == 2)


async def test_a_cancel_that_waited_until_its_order_ended_stays_here(desk: Desk) -> None:
    room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    desk.waits.append(room)
    order = desk.order(status=OrderStatus.ACCEPTED)
    desk.cancel(order)
    order.status = OrderStatus.CANCELED
    room.set_result(None)
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.venue.count("cancel") == 0
    assert desk.told == []
    # What a venue shows open although it ended here has to go.
    desk.cancel(order)
    await until(lambda: desk.venue.count("cancel") == 1)


async def test_cancels_ask_for_the_cancels_lane_and_others_do_not(desk: Desk) -> None:
    order = desk.order(status=OrderStatus.ACCEPTED)
    desk.submit(order)
    desk.replace(order)
    desk.cancel(order)
    desk.query(order)
    assert [cancel for _, cancel in desk.slots] == [False, False, True, False]
    assert {account for account, _ in desk.slots} == {ALPHA_ACCOUNT}


async def test_requests_and_outcomes_are_counted(desk: Desk) -> None:
    desk.venue.answer("submit", ACCEPTED, Unanswered("x"))
    desk.submit(desk.order(1))
    desk.submit(desk.order(2))
    sample = desk.metrics.registry.get_sample_value
    for outcome in ("Accepted", "Unknown"):
        assert sample("liveexec_sends_total", {"verb": "SUBMIT", "outcome": outcome}) == 1
    assert sample("liveexec_sent_to_answered_seconds_count") == 2


# Questions


async def test_a_question_is_asked_once_at_a_time_for_an_order(desk: Desk) -> None:
    first, second = desk.order(1, OrderStatus.UNKNOWN), desk.order(2, OrderStatus.UNKNOWN)
    answer = desk.venue.wait_with("order")
    desk.query(first)
    desk.query(first)
    desk.query(second)
    assert desk.methods == ["order", "order"]
    answer.set_result(Absent(NOW_NS))
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.answers == [NotKnown(), Absent(NOW_NS)]
    desk.query(first)
    assert desk.venue.count("order") == 3


async def test_an_answer_carries_the_time_before_the_question_left(desk: Desk) -> None:
    desk.waits.append(room := a_future())
    report = make_order_report()
    answer = desk.venue.wait_with("order")
    order = desk.order(status=OrderStatus.UNKNOWN)
    desk.query(order)
    await turns()
    desk.clock.advance_to(NOW_NS + 10)
    room.set_result(None)
    await until(lambda: desk.venue.asked)
    desk.clock.advance_to(NOW_NS + 99)
    answer.set_result(report)
    await until(lambda: desk.told)
    (told,) = desk.told
    assert isinstance(told, QueryAnswered)
    assert (told.order_id, told.asked_at_ns, told.answer) == (order.order_id, NOW_NS + 10, report)


async def test_without_a_session_nobody_knows(desk: Desk) -> None:
    desk.connected = False
    desk.query(desk.order(status=OrderStatus.UNKNOWN))
    assert desk.answers == [NotKnown("no session with the venue")]
    assert desk.venue.asked == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Unanswered("503"), "Unanswered: 503"), ({"found": 1}, "the adapter answered with dict")],
)
async def test_a_question_that_fails_is_not_known_and_asked_again_later(
    desk: Desk, answer: object, reason: str
) -> None:
    order = desk.order(status=OrderStatus.UNKNOWN)
    desk.venue.answer("order", answer)
    desk.query(order)
    assert desk.answers == [NotKnown(reason)]
    desk.query(order)
    assert desk.venue.count("order") == 2


async def test_a_question_without_an_answer_is_given_up() -> None:
    desk = Desk(answer_timeout_s=0.0)
    order = desk.order(status=OrderStatus.UNKNOWN)
    desk.venue.wait_with("order")
    desk.query(order)
    desk.dispatcher.expire()
    await until(lambda: desk.told)
    assert desk.answers == [NotKnown("no answer in time")]
    desk.query(order)
    assert desk.venue.count("order") == 2


async def test_questions_do_not_wait_behind_requests_of_their_order(desk: Desk) -> None:
    order = desk.order()
    desk.venue.wait_with("submit")
    desk.submit(order)
    desk.query(order)
    assert desk.methods == ["submit", "order"]
    desk.dispatcher.close()
    await until(lambda: desk.dispatcher.in_flight == 0)


# Plans


async def test_a_plan_that_the_adapter_makes_is_told(desk: Desk) -> None:
    plan = make_plan(refs={"nonce": "7"})
    desk.venue.answer("prepare", plan)
    order = desk.order(status=OrderStatus.PENDING)
    desk.prepare(order)
    (told,) = desk.told
    assert isinstance(told, PlanPrepared)
    assert (told.order_id, told.attempt, told.plan) == (order.order_id, 1, plan)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Unanswered("no nonce"), "Unanswered: no nonce"), ("plan", "the adapter answered with str")],
)
async def test_a_plan_that_cannot_be_made_says_why(desk: Desk, answer: object, reason: str) -> None:
    desk.venue.answer("prepare", answer)
    desk.prepare(desk.order(status=OrderStatus.PENDING))
    (told,) = desk.told
    assert isinstance(told, PlanPrepared)
    assert (told.plan, told.reason) == (None, reason)


async def test_a_plan_without_a_session_is_not_made(desk: Desk) -> None:
    desk.connected = False
    desk.prepare(desk.order(status=OrderStatus.PENDING))
    (told,) = desk.told
    assert isinstance(told, PlanPrepared)
    assert (told.plan, told.reason) == (None, "no session with the venue")


async def test_a_plan_that_takes_too_long_is_given_up_and_said_so() -> None:
    desk = Desk(answer_timeout_s=0.0)
    desk.venue.wait_with("prepare")
    desk.prepare(desk.order(status=OrderStatus.PENDING))
    desk.dispatcher.expire()
    await until(lambda: desk.told)
    (told,) = desk.told
    assert isinstance(told, PlanPrepared)
    assert (told.plan, told.reason) == (None, "no answer in time")


# Fills that are missing


def fill_report(number: int) -> FillReport:
    return FillReport(ALPHA_ACCOUNT, None, None, make_fill(number))


async def test_missing_fills_are_fetched_once_at_a_time_and_told_as_reports(desk: Desk) -> None:
    order = desk.order(status=OrderStatus.ACCEPTED)
    found = [fill_report(1), fill_report(2)]
    desk.venue.answer("fills", found)
    desk.fetch(order)
    desk.fetch(order)
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.venue.asked == [("fills", (ALPHA_ACCOUNT, 77))]
    assert [told.report for told in desk.told if isinstance(told, Report)] == found
    desk.fetch(order)
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.venue.count("fills") == 2


async def test_fills_that_came_meanwhile_are_not_fetched(desk: Desk) -> None:
    order = desk.order(status=OrderStatus.PARTIALLY_FILLED)
    desk.fetch(order, filled="0.5")
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.venue.asked == []


async def test_nothing_is_fetched_without_a_session_or_for_an_order_that_left_memory(desk: Desk) -> None:
    order = desk.order(status=OrderStatus.ACCEPTED)
    desk.connected = False
    desk.fetch(order)
    await until(lambda: desk.dispatcher.in_flight == 0)
    desk.connected = True
    desk.state.ledger.orders.clear()
    desk.fetch(order)
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.venue.asked == []
    assert desk.told == []


async def test_a_fetch_that_fails_or_hangs_may_be_asked_for_again() -> None:
    desk = Desk(answer_timeout_s=0.0)
    order = desk.order(status=OrderStatus.ACCEPTED)
    desk.venue.answer("fills", Unanswered("429"))
    desk.fetch(order)
    await until(lambda: desk.dispatcher.in_flight == 0)
    desk.venue.wait_with("fills")
    desk.fetch(order)
    await until(lambda: desk.venue.count("fills") == 2)
    desk.dispatcher.expire()
    await until(lambda: desk.dispatcher.in_flight == 0)
    desk.venue.answer("fills", [fill_report(1)])
    desk.fetch(order)
    await until(lambda: desk.told)
    assert desk.venue.count("fills") == 3


# Timers, and the end


async def test_timers_are_armed_and_taken_back(desk: Desk) -> None:
    kept, gone = (TimerKind.CANCEL, "kept"), (TimerKind.CANCEL, "gone")
    desk.dispatcher.carry_out(ArmTimer(kept, NOW_NS + 5))
    desk.dispatcher.carry_out(ArmTimer(gone, NOW_NS + 5))
    desk.dispatcher.carry_out(DisarmTimer(gone))
    desk.clock.advance_to(NOW_NS + 5)
    await until(lambda: desk.rang)
    assert desk.rang == [kept]


async def test_settling_waits_for_what_is_in_flight(desk: Desk) -> None:
    await within(desk.dispatcher.settle(0.0))
    answer = desk.venue.wait_with("submit")
    desk.submit(desk.order())
    settling = asyncio.create_task(desk.dispatcher.settle(3_600.0))
    await turns()
    assert not settling.done()
    answer.set_result(ACCEPTED)
    await within(settling)
    assert desk.dispatcher.in_flight == 0


async def test_settling_waits_no_longer_than_it_may(desk: Desk) -> None:
    desk.venue.wait_with("submit")
    desk.submit(desk.order())
    await within(desk.dispatcher.settle(0.0))
    assert desk.dispatcher.in_flight == 1
    desk.dispatcher.close()
    await until(lambda: desk.dispatcher.in_flight == 0)


async def test_closing_ends_what_is_in_flight_and_sends_nothing_of_what_waits(desk: Desk) -> None:
    order, other = desk.order(1), desk.order(2, OrderStatus.UNKNOWN)
    desk.venue.wait_with("submit")
    desk.venue.wait_with("order")
    desk.submit(order)
    desk.cancel(order)
    desk.query(other)
    desk.waits.append(a_future())
    desk.submit(desk.order(3))
    await turns()
    desk.dispatcher.close()
    await until(lambda: desk.dispatcher.in_flight == 0)
    assert desk.methods == ["submit", "order"]
    assert desk.outcomes == [(order.order_id, SendVerb.SUBMIT, Unknown("closing"))]


def _without_replace(venue: ScriptedVenue) -> Any:
    """The same venue as an adapter that does not offer Replaces."""

    class Plain:
        manifest, accounts = venue.manifest, venue.accounts

    return Plain()
