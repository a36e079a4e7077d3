"""Cancels: in every status, before the order left, against fills, unknown, refused; the wish stays until the end."""

from decimal import Decimal

import pytest

from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, Rejected, Sent, Unknown, VenueOrderStatus
from liveexec.engine.effects import ArmTimer, QueryOrder, SendCancel, TimerKind
from liveexec.engine.inputs import Phase, SendVerb
from liveexec.errors import NotFound
from support.builders import make_cancel, make_order_id, make_order_report, parts
from support.engine_harness import EngineHarness
from support.venue_words import venue_order_id_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def is_asked_for(harness: EngineHarness, order: Order) -> bool:
    """Whether the last input made a cancel of the order go out."""
    return [effect.order for effect in harness.effects(SendCancel)] == [order]


class TestWorkingOrders:
    def test_the_wish_is_recorded_and_the_venue_is_asked(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        assert harness.new_events(order) == ["CancelRequested"]
        (send,) = harness.effects(SendCancel)
        assert (send.ref.client_order_id, send.ref.venue_order_id) == (order.client_order_id, order.venue_order_id)
        assert parts(order, "status cancel") == (OrderStatus.ACCEPTED, PendingCancel.REQUESTED)

    @pytest.mark.parametrize("outcome", [Accepted(None), Sent()])
    def test_a_taken_request_is_no_end_the_report_is(self, harness: EngineHarness, outcome: Accepted | Sent) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.answer(order, outcome, SendVerb.CANCEL)
        assert order.is_open
        harness.report(order, VenueOrderStatus.CANCELED)
        assert order.status is OrderStatus.CANCELED
        assert not harness.is_armed(TimerKind.CANCEL, order)

    def test_a_fill_that_meets_it_is_no_error(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.fill(order, "1")
        assert order.status is OrderStatus.FILLED
        harness.answer(order, Rejected("-2011", "unknown order"), SendVerb.CANCEL)
        assert order.status is OrderStatus.FILLED
        assert not harness.is_armed(TimerKind.CANCEL, order)

    def test_incident_8_refused_it_ends_nothing_and_the_order_is_asked_about(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.answer(order, Rejected("-2011", "too many requests"), SendVerb.CANCEL)
        assert parts(order, "status cancel") == (OrderStatus.ACCEPTED, PendingCancel.REQUESTED)
        assert harness.effects(QueryOrder)

    def test_unknown_it_is_repeated_for_as_long_as_the_order_lives(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.answer(order, Unknown("timeout"), SendVerb.CANCEL)
        assert order.cancel is PendingCancel.UNKNOWN
        for _ in range(3):
            due_s = (harness.timers[TimerKind.CANCEL, order.order_id] - harness.now_ns) / 1e9
            harness.advance(due_s)
            assert is_asked_for(harness, order)
            harness.answer(order, Unknown("timeout"), SendVerb.CANCEL)
        assert order.status is OrderStatus.ACCEPTED, "no retry makes a terminal status"

    def test_one_that_is_never_answered_is_repeated_too(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.advance(10)
        assert is_asked_for(harness, order)

    def test_asked_for_twice_it_goes_out_once(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.cancel(order)
        assert harness.new_events(order) == ["CancelRequested"]
        assert harness.effects(SendCancel) == []

    def test_stopped_at_the_gate_it_goes_out_again_later(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.stop(order, SendVerb.CANCEL)
        assert order.is_open
        harness.advance(2)
        assert is_asked_for(harness, order)

    def test_late_answers_about_ended_orders_change_nothing(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        harness.report(order, VenueOrderStatus.CANCELED)
        for outcome in (Accepted(None), Sent(), Rejected("-1", "gone"), Unknown("timeout")):
            harness.answer(order, outcome, SendVerb.CANCEL)
            assert harness.last.records == ()

    def test_of_somebody_elses_order_it_goes_out_under_the_venues_id(self, harness: EngineHarness) -> None:
        harness.report(make_order_report(client_order_id=None))
        adopted = next(iter(harness.engine.state.ledger.orders.values()))
        harness.cancel(adopted)
        (send,) = harness.effects(SendCancel)
        assert (send.ref.client_order_id, send.ref.venue_order_id) == (None, "V-77")


class TestInFlight:
    def test_it_waits_and_what_the_gate_stops_is_canceled(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        assert harness.effects(SendCancel) == []
        harness.stop(order)
        assert parts(order, "status message") == (OrderStatus.CANCELED, "the gate is shut")

    def test_accepted_meanwhile_the_order_is_canceled_at_once(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.answer(order, Accepted(venue_order_id_of(order)))
        assert is_asked_for(harness, order)

    def test_reported_meanwhile_too(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.report(order)
        assert is_asked_for(harness, order)
        harness.answer(order, Accepted(order.venue_order_id))
        assert harness.effects(SendCancel) == [], "it goes out once"

    def test_a_fill_is_a_sign_of_life_as_well(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.fill(order, "0.25")
        assert is_asked_for(harness, order)

    def test_a_fill_that_completes_the_order_is_not(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.fill(order, "1")
        assert harness.effects(SendCancel) == []

    def test_sent_the_wish_waits_for_the_report(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.answer(order, Sent())
        assert harness.effects(SendCancel) == []
        harness.report(order)
        assert is_asked_for(harness, order)

    def test_rejected_there_is_nothing_left_to_cancel(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.answer(order, Rejected("-1", "no"))
        assert order.status is OrderStatus.REJECTED
        assert harness.effects(SendCancel) == []


class TestUnknownOrders:
    def test_the_venue_is_asked_to_cancel_what_it_may_have(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Unknown("timeout"))
        harness.cancel(order)
        assert is_asked_for(harness, order)
        harness.answer(order, Rejected("-2011", "unknown order"), SendVerb.CANCEL)
        assert order.status is OrderStatus.UNKNOWN, "a venue that may not see the order yet proves nothing"

    def test_it_is_repeated_when_the_order_turns_up(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.answer(order, Unknown("timeout"))
        assert harness.effects(SendCancel) == []
        harness.query(order, harness.said(order))
        assert parts(order, "status cancel") == (OrderStatus.ACCEPTED, PendingCancel.REQUESTED)
        assert is_asked_for(harness, order)

    def test_a_fill_shows_that_it_is_there(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.answer(order, Unknown("timeout"))
        harness.fill(order, "0.5")
        assert is_asked_for(harness, order)

    def test_proved_absent_it_is_canceled(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.answer(order, Unknown("timeout"))
        harness.advance(6)
        harness.query(order)
        assert order.status is OrderStatus.CANCELED


class TestEndedOrders:
    @pytest.mark.parametrize("status", [VenueOrderStatus.CANCELED, VenueOrderStatus.EXPIRED, VenueOrderStatus.REJECTED])
    def test_it_is_no_error_and_the_caller_sees_how_the_order_ended(
        self, harness: EngineHarness, status: VenueOrderStatus
    ) -> None:
        order = harness.working()
        harness.report(order, status)
        decision = harness.cancel(order)
        assert (decision.order_id, decision.records, decision.effects) == (order.order_id, (), ())

    def test_there_has_to_be_such_an_order(self, harness: EngineHarness) -> None:
        error = harness.error(harness.ask(make_cancel(make_order_id(99))))
        assert isinstance(error, NotFound)


class TestSessions:
    def test_what_was_wished_while_it_was_down_is_repeated_once_it_is_back(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.phase(Phase.DOWN)
        harness.cancel(order)
        harness.stop(order, SendVerb.CANCEL)
        harness.phase(Phase.RECONCILING)
        harness.phase(Phase.ACTIVE)
        assert is_asked_for(harness, order)

    def test_after_a_restart_too(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.cancel(order)
        again = harness.restart()
        again.connect(orders=[again.said(order)])
        (send,) = again.effects(SendCancel)
        assert send.order.order_id == order.order_id
        assert [effect.key[0] for effect in again.effects(ArmTimer)] == [TimerKind.CANCEL]

    def test_one_still_in_flight_is_not_asked_for_when_the_session_comes_up(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.phase(Phase.ACTIVE)
        assert harness.effects(SendCancel) == []


def test_a_cancel_timer_of_an_ended_order_does_nothing(harness: EngineHarness) -> None:
    order = harness.working()
    harness.cancel(order)
    harness.timers[TimerKind.CANCEL, order.order_id] += 1
    harness.fill(order, "1")
    harness.timers[TimerKind.CANCEL, order.order_id] = harness.now_ns + 1
    harness.advance(1)
    assert (harness.last.records, harness.last.effects) == ((), ())


def test_leaves_are_what_was_not_filled_when_it_ended(harness: EngineHarness) -> None:
    order = harness.working()
    harness.fill(order, "0.4")
    harness.cancel(order)
    harness.report(order, VenueOrderStatus.CANCELED)
    assert parts(order, "status filled_quantity leaves") == (OrderStatus.CANCELED, Decimal("0.4"), 0)
