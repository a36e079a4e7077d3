"""Questions about orders of unknown fate: what proves absence, what does not, and that silence is asked again."""

from decimal import Decimal

import pytest

from liveexec.domain.ids import ClientOrderId
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, NotKnown, Rejected, SendPlan, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.config import EngineConfig, Timing
from liveexec.engine.effects import QueryOrder, SendCancel, TimerKind
from liveexec.engine.inputs import SendVerb
from support.builders import ALPHA, make_manifest, make_order_id, parts
from support.engine_harness import EngineHarness, S
from support.venue_words import venue_order_id_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def unknown(harness: EngineHarness) -> Order:
    """An order that may or may not be at the venue, now."""
    order = harness.submit()
    harness.answer(order, Unknown("connection reset"))
    return order


class TestTheQuestion:
    def test_it_is_asked_at_once_and_says_from_when_an_answer_proves_absence(self) -> None:
        timing = Timing(send_deadline_ns=3 * S, clock_skew_ns=S)
        manifest = make_manifest(visibility_lag_ns=2 * S)
        harness = EngineHarness(EngineConfig(timing=timing), {ALPHA: manifest, "BETA": make_manifest("BETA")}).start()  # type: ignore[dict-item, arg-type]  # plain names will do
        order = unknown(harness)
        (query,) = harness.effects(QueryOrder)
        assert query.order is order
        assert query.not_before_ns == harness.now_ns + 6 * S
        assert parts(query.ref, "client_order_id venue_order_id") == (order.client_order_id, None)

    def test_it_can_be_asked_when_the_instrument_is_not_listed_any_more(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.tell(inputs.ListingsUpdate(0, ALPHA, ()))
        harness.answer(order, Unknown("connection reset"))
        assert harness.effects(QueryOrder)


class TestAbsence:
    @pytest.mark.parametrize("after_s", [0.0, 5.0, 5.499])
    def test_asked_too_early_it_proves_nothing_and_is_asked_again_in_time(
        self, harness: EngineHarness, after_s: float
    ) -> None:
        order = unknown(harness)
        harness.now_ns += round(after_s * S)
        harness.query(order)
        assert order.status is OrderStatus.UNKNOWN
        assert harness.timers[TimerKind.UNKNOWN, order.order_id] == order.created_at_ns + round(5.5 * S)
        harness.advance(6)
        assert harness.effects(QueryOrder)

    def test_what_counts_is_when_the_question_left_not_when_the_answer_came(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        harness.now_ns += 60 * S
        harness.query(order, asked_ago_s=58)
        assert order.status is OrderStatus.UNKNOWN
        harness.query(order, asked_ago_s=54.5)
        assert parts(order, "status code") == (OrderStatus.REJECTED, "NOT_SENT")

    def test_a_venue_that_takes_late_requests_proves_it_once_none_can_arrive(self) -> None:
        manifests = EngineHarness().manifests | {ALPHA: make_manifest(request_expiry=False)}
        harness = EngineHarness(EngineConfig(timing=Timing(late_arrival_ns=20 * S)), manifests).start()
        order = unknown(harness)
        (query,) = harness.effects(QueryOrder)
        assert query.not_before_ns == order.created_at_ns + round(25.5 * S)
        harness.now_ns += 25 * S
        harness.query(order)
        assert order.status is OrderStatus.UNKNOWN
        harness.now_ns += S
        harness.query(order)
        assert parts(order, "status code") == (OrderStatus.REJECTED, "NOT_SENT")

    def test_a_venue_that_finds_no_order_by_our_name_proves_nothing_by_not_knowing_it(self) -> None:
        manifests = EngineHarness().manifests | {ALPHA: make_manifest(query_by_client_id=False)}
        harness = EngineHarness(manifests=manifests).start()
        order = unknown(harness)
        harness.now_ns += 3_600 * S
        harness.query(order)
        assert order.status is OrderStatus.UNKNOWN
        assert harness.is_armed(TimerKind.UNKNOWN, order)
        harness.query(order, harness.said(order))
        assert order.status is OrderStatus.ACCEPTED

    def test_names_that_the_adapter_gave_it_are_enough(self) -> None:
        manifests = EngineHarness().manifests | {ALPHA: make_manifest(query_by_client_id=False, client_id=None)}
        harness = EngineHarness(manifests=manifests).start()
        order = harness.submit()
        plan = SendPlan(ClientOrderId("n-1"), harness.now_ns + 5 * S, {"number": "17"})
        harness.tell(inputs.PlanPrepared(0, order.order_id, 1, plan))
        harness.answer(order, Unknown("connection reset"))
        harness.now_ns += 60 * S
        harness.query(order)
        assert parts(order, "status code") == (OrderStatus.REJECTED, "NOT_SENT")

    def test_a_visibility_lag_makes_the_proof_later(self) -> None:
        manifests = {ALPHA: make_manifest(visibility_lag_ns=30 * S), **EngineHarness().manifests}
        manifests[ALPHA] = make_manifest(visibility_lag_ns=30 * S)
        harness = EngineHarness(manifests=manifests).start()
        order = unknown(harness)
        harness.now_ns += 35 * S
        harness.query(order)
        assert order.status is OrderStatus.UNKNOWN
        harness.now_ns += S
        harness.query(order)
        assert order.status is OrderStatus.REJECTED

    def test_incident_2_a_working_order_that_a_source_does_not_show_stays_tracked(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.now_ns += 60 * S
        harness.query(order)
        assert order.status is OrderStatus.ACCEPTED
        assert harness.is_armed(TimerKind.UNKNOWN, order)

    def test_incident_16_nor_does_it_end_one_that_is_partly_filled(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        harness.fill(order, "0.5")
        harness.now_ns += 60 * S
        harness.query(order)
        assert parts(order, "status leaves") == (OrderStatus.PARTIALLY_FILLED, Decimal("0.5"))

    def test_incident_1_an_order_that_was_taken_after_all_is_canceled_when_it_turns_up(
        self, harness: EngineHarness
    ) -> None:
        order = unknown(harness)
        harness.now_ns += 60 * S
        harness.query(order)
        assert order.status is OrderStatus.REJECTED
        harness.report(order)
        assert [send.ref.venue_order_id for send in harness.effects(SendCancel)] == [venue_order_id_of(order)]
        harness.fill(order, "0.25", client_order_id=None)
        assert harness.net() == Decimal("0.25"), "whatever it filled counts"

    def test_what_is_left_of_it_is_canceled_too_when_a_fill_is_what_turns_up(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        harness.now_ns += 60 * S
        harness.query(order)
        harness.fill(order, "0.25")
        assert [send.ref.venue_order_id for send in harness.effects(SendCancel)] == [venue_order_id_of(order)]
        harness.fill(order, "0.25")
        assert harness.effects(SendCancel) == [], "it goes out once"
        assert harness.net() == Decimal("0.5")

    def test_nothing_is_canceled_when_the_fill_that_turns_up_is_all_of_it(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        harness.now_ns += 60 * S
        harness.query(order)
        harness.fill(order, "1")
        assert harness.effects(SendCancel) == []
        assert harness.net() == Decimal(1)

    def test_whose_cancel_was_wished_is_canceled_as_well_when_it_turns_up(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        harness.cancel(order)
        harness.now_ns += 60 * S
        harness.query(order)
        assert parts(order, "status code") == (OrderStatus.CANCELED, "NOT_SENT")
        harness.report(order)
        assert [send.ref.venue_order_id for send in harness.effects(SendCancel)] == [venue_order_id_of(order)]


class TestOtherAnswers:
    @pytest.mark.parametrize(
        ("said", "status"),
        [
            (VenueOrderStatus.WORKING, OrderStatus.ACCEPTED),
            (VenueOrderStatus.CANCELED, OrderStatus.CANCELED),
            (VenueOrderStatus.EXPIRED, OrderStatus.EXPIRED),
            (VenueOrderStatus.REJECTED, OrderStatus.REJECTED),
        ],
    )
    def test_the_venues_word_settles_it_at_any_time(
        self, harness: EngineHarness, said: VenueOrderStatus, status: OrderStatus
    ) -> None:
        order = unknown(harness)
        harness.query(order, harness.said(order, said))
        assert order.status is status

    def test_filled_waits_for_its_fills(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        harness.query(order, harness.said(order, VenueOrderStatus.FILLED, filled_quantity=Decimal(1)))
        assert order.is_open
        harness.fill(order, "1")
        assert order.status is OrderStatus.FILLED

    def test_who_does_not_know_is_asked_for_as_long_as_it_takes(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        for _ in range(5):
            harness.query(order, NotKnown("down"))
            harness.advance(2)
            assert harness.effects(QueryOrder)
        assert order.status is OrderStatus.UNKNOWN

    def test_an_answer_about_an_ended_or_forgotten_order_is_nobodys(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "1")
        harness.query(order)
        assert (harness.last.records, harness.last.effects) == ((), ())
        harness.tell(inputs.QueryAnswered(0, make_order_id(99), 0, NotKnown()))
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_a_rejection_that_contradicts_a_sign_of_life_is_asked_about(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.report(order)
        harness.answer(order, Rejected("-1", "no"))
        harness.query(order, harness.said(order))
        assert order.status is OrderStatus.ACCEPTED


class TestSessions:
    def test_incident_2_a_session_that_comes_back_asks_about_everything_unknown(self, harness: EngineHarness) -> None:
        orders = [unknown(harness) for _ in range(2)]
        harness.phase(inputs.Phase.DOWN)
        harness.phase(inputs.Phase.ACTIVE)
        assert [query.order for query in harness.effects(QueryOrder)] == orders

    def test_a_timer_of_an_order_that_ended_asks_nothing(self, harness: EngineHarness) -> None:
        order = unknown(harness)
        harness.query(order, NotKnown())
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.advance(5)
        assert harness.effects(QueryOrder) == []


def test_an_unknown_cancel_of_an_unknown_order_is_repeated_until_one_of_them_is_known(harness: EngineHarness) -> None:
    order = unknown(harness)
    harness.cancel(order)
    harness.answer(order, Unknown("timeout"), SendVerb.CANCEL)
    harness.advance(2)
    assert harness.effects(SendCancel)
    harness.answer(order, Accepted(None), SendVerb.CANCEL)
    harness.report(order, VenueOrderStatus.CANCELED)
    assert order.status is OrderStatus.CANCELED
