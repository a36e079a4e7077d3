"""Changes of working orders where the venue has none: cancel, wait for the end, then a new attempt for what is left."""

from decimal import Decimal

import pytest

from liveexec.domain.ids import ClientOrderId
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, OrderReport, Rejected, SendPlan, Unknown, VenueOrderStatus
from liveexec.domain.venue import ReplaceMode
from liveexec.engine import inputs
from liveexec.engine.effects import PrepareOrder, QueryOrder, SendCancel, SendReplace, SendSubmit, TimerKind
from liveexec.engine.inputs import SendVerb
from support.builders import BETA, BETA_ACCOUNT, SPOT_AT_BETA, make_manifest, parts
from support.engine_harness import EngineHarness
from support.venue_words import busted, fill_of, venue_order_id_of

CANCELED = VenueOrderStatus.CANCELED


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def changing(harness: EngineHarness, quantity: str | None = "2", price: str | None = None, filled: str = "0") -> Order:
    """A working order at BETA, filled so far, whose change was asked for."""
    order = harness.working(instrument_key=SPOT_AT_BETA)
    if Decimal(filled):
        harness.fill(order, filled)
    harness.replace(order, quantity, price)
    return order


def resent(harness: EngineHarness, quantity: str = "2", price: str | None = None, filled: str = "0") -> Order:
    """The same when the first attempt is gone and the second is on its way."""
    order = changing(harness, quantity, price, filled)
    harness.report(order, CANCELED)
    assert order.attempt == 2
    return order


def about_the_first(harness: EngineHarness, order: Order, status: VenueOrderStatus, **changes: object) -> OrderReport:
    """What the venue says of the first attempt, after the second was made."""
    first = ClientOrderId(f"lx{order.order_id[4:]}")
    names = {"client_order_id": first, "venue_order_id": f"V-{order.order_id[-6:]}-1"}
    return harness.said(order, status, **(names | changes))


class TestInTwoHalves:
    def test_the_first_is_a_cancel_and_nothing_is_sent_before_the_end(self, harness: EngineHarness) -> None:
        order = changing(harness, "2", "44990")
        assert harness.new_events(order) == ["ReplaceRequested"]
        assert harness.effects(SendCancel)
        assert harness.effects(SendReplace) == []
        harness.answer(order, Accepted(None), SendVerb.CANCEL)
        assert harness.effects(SendSubmit) == []
        assert parts(order, "status cancel attempt") == (OrderStatus.ACCEPTED, PendingCancel.NONE, 1)

    def test_the_second_goes_out_for_what_is_left_under_a_new_name(self, harness: EngineHarness) -> None:
        order = changing(harness, "2", "44990", filled="0.4")
        harness.report(order, CANCELED)
        (send,) = harness.effects(SendSubmit)
        assert parts(send, "attempt quantity price") == (2, Decimal("1.6"), 44_990)
        assert send.plan.client_order_id == f"lx{order.order_id[4:]}-2"
        assert parts(order, "status quantity price leaves venue_order_id") == (
            OrderStatus.SUBMITTED,
            2,
            44_990,
            Decimal("1.6"),
            None,
        )
        assert not harness.is_armed(TimerKind.CANCEL, order)

    def test_fills_in_between_make_it_less(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        harness.fill(order, "0.3")
        harness.report(order, CANCELED, filled_quantity=Decimal("0.5"))
        assert harness.effects(SendSubmit) == [], "a fill that the venue counts has not arrived"
        harness.fill(order, "0.2")
        (send,) = harness.effects(SendSubmit)
        assert send.quantity == Decimal("1.5")

    def test_fills_of_both_attempts_add_up(self, harness: EngineHarness) -> None:
        order = resent(harness, "2", filled="0.4")
        harness.answer(order, Accepted(venue_order_id_of(order)))
        assert order.status is OrderStatus.PARTIALLY_FILLED
        harness.fill(order, "1.6")
        assert parts(order, "status filled_quantity") == (OrderStatus.FILLED, 2)

    def test_the_venue_counts_the_second_attempt_from_zero(self, harness: EngineHarness) -> None:
        order = resent(harness, "2", filled="0.4")
        harness.report(order, CANCELED, filled_quantity=Decimal("0.3"), venue_order_id=venue_order_id_of(order))
        assert order.is_open, "three tenths of the second attempt are still to come"
        harness.fill(order, "0.3")
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.7"))

    def test_a_bust_of_the_first_attempts_fill_does_not_keep_the_second_waiting(self, harness: EngineHarness) -> None:
        order = harness.working(instrument_key=SPOT_AT_BETA)
        fill = harness.fill(order, "0.4")
        harness.replace(order, "2")
        harness.report(order, CANCELED)
        harness.report(order, filled_quantity=Decimal(0))
        harness.report(busted(fill))
        harness.report(order, CANCELED, filled_quantity=Decimal(0))
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, 0)

    def test_it_can_be_done_again(self, harness: EngineHarness) -> None:
        order = resent(harness, "2")
        harness.answer(order, Accepted(venue_order_id_of(order)))
        harness.replace(order, "3")
        harness.report(order, CANCELED)
        (send,) = harness.effects(SendSubmit)
        assert (send.attempt, send.plan.client_order_id) == (3, f"lx{order.order_id[4:]}-3")


class TestCrossedByTheEnd:
    def test_filled_up_to_the_new_quantity_nothing_is_sent(self, harness: EngineHarness) -> None:
        order = changing(harness, "0.5", filled="0.4")
        harness.fill(order, "0.2")
        harness.report(order, CANCELED)
        assert harness.effects(SendSubmit) == []
        assert parts(order, "status filled_quantity replace") == (OrderStatus.CANCELED, Decimal("0.6"), None)

    def test_filled_up_to_the_old_quantity_the_growth_still_goes_out(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        harness.fill(order, "1")
        assert order.is_open
        harness.report(order, VenueOrderStatus.FILLED)
        (send,) = harness.effects(SendSubmit)
        assert parts(send, "attempt quantity") == (2, 1)

    def test_filled_and_not_to_grow_it_is_filled(self, harness: EngineHarness) -> None:
        order = changing(harness, None, "44990")
        harness.fill(order, "1")
        assert parts(order, "status quantity price replace") == (OrderStatus.FILLED, 1, 45_000, None)

    def test_a_refused_cancel_is_asked_about_and_the_end_lets_the_second_half_follow(
        self, harness: EngineHarness
    ) -> None:
        order = changing(harness, "2")
        harness.answer(order, Rejected("-2011", "unknown order"), SendVerb.CANCEL)
        assert harness.effects(QueryOrder)
        harness.query(order, harness.said(order, CANCELED))
        assert [send.attempt for send in harness.effects(SendSubmit)] == [2]

    def test_refused_for_good_the_order_works_on_and_the_cancel_is_repeated(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        harness.answer(order, Rejected("-1", "busy"), SendVerb.CANCEL)
        harness.query(order, harness.said(order))
        assert parts(order, "status quantity") == (OrderStatus.ACCEPTED, 1)
        harness.advance(10)
        assert harness.effects(SendCancel)


class TestUnknown:
    def test_an_unknown_cancel_makes_no_cancel_of_the_change(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        harness.answer(order, Unknown("timeout"), SendVerb.CANCEL)
        assert order.cancel is PendingCancel.NONE
        harness.advance(2)
        assert harness.effects(SendCancel)
        harness.report(order, CANCELED)
        assert [send.attempt for send in harness.effects(SendSubmit)] == [2]

    def test_an_unknown_second_half_is_one_order_of_unknown_fate(self, harness: EngineHarness) -> None:
        order = resent(harness, "2", filled="0.4")
        harness.answer(order, Unknown("timeout"))
        assert parts(order, "status worst_leaves") == (OrderStatus.UNKNOWN, Decimal("1.6"))
        harness.query(order)
        assert order.status is OrderStatus.UNKNOWN, "asked too early"
        harness.advance(6)
        harness.query(order)
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.4"))

    def test_a_refused_or_stopped_second_half_is_a_canceled_order(self, harness: EngineHarness) -> None:
        order = resent(harness, "2", filled="0.4")
        harness.answer(order, Rejected("-1", "margin"))
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.4"))
        order = resent(harness, "2")
        harness.stop(order)
        assert order.status is OrderStatus.CANCELED

    def test_after_a_restart_the_first_half_is_asked_for_again(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        again = harness.restart()
        same = again.engine.state.ledger.orders[order.order_id]
        again.connect(BETA, orders=[again.said(same)])
        assert [send.order for send in again.effects(SendCancel)] == [same]
        again.report(same, CANCELED)
        assert [send.attempt for send in again.effects(SendSubmit)] == [2]


class TestCanceledMeanwhile:
    def test_nothing_is_sent_again(self, harness: EngineHarness) -> None:
        order = changing(harness, "2", filled="0.4")
        harness.cancel(order)
        harness.report(order, CANCELED)
        assert order.status is OrderStatus.CANCELED
        assert harness.effects(SendSubmit) == []

    def test_in_flight_the_second_half_is_annihilated(self, harness: EngineHarness) -> None:
        order = resent(harness, "2")
        harness.cancel(order)
        assert harness.effects(SendCancel) == []
        harness.stop(order)
        assert order.status is OrderStatus.CANCELED


class TestReportsAboutTheFirstAttempt:
    @pytest.mark.parametrize("status", [CANCELED, VenueOrderStatus.EXPIRED, VenueOrderStatus.REJECTED])
    def test_incident_9_that_it_ended_is_no_end_of_the_second(
        self, harness: EngineHarness, status: VenueOrderStatus
    ) -> None:
        order = resent(harness, "2")
        for changes in ({}, {"venue_order_id": None}, {"client_order_id": None}):
            harness.report(about_the_first(harness, order, status, **changes))
            assert parts(order, "status venue_order_id") == (OrderStatus.SUBMITTED, None)
        harness.answer(order, Accepted(venue_order_id_of(order)))
        harness.report(about_the_first(harness, order, status))
        assert order.status is OrderStatus.ACCEPTED

    def test_a_late_answer_to_a_question_about_it_is_not_either(self, harness: EngineHarness) -> None:
        order = resent(harness, "2")
        harness.query(order, about_the_first(harness, order, CANCELED))
        assert order.status is OrderStatus.SUBMITTED

    def test_that_it_works_does_not_accept_the_second(self, harness: EngineHarness) -> None:
        order = resent(harness, "2")
        harness.report(about_the_first(harness, order, VenueOrderStatus.WORKING))
        assert order.status is OrderStatus.SUBMITTED

    def test_a_late_answer_to_its_cancel_is_nobodys(self, harness: EngineHarness) -> None:
        order = resent(harness, "2")
        harness.answer(order, Rejected("-2011", "unknown order"), SendVerb.CANCEL, attempt=1)
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_a_late_fill_of_it_counts(self, harness: EngineHarness) -> None:
        order = resent(harness, "2", filled="0.4")
        late = fill_of(order, "0.1", "45000", 99, harness.now_ns)
        late.client_order_id, late.venue_order_id = None, about_the_first(harness, order, CANCELED).venue_order_id
        harness.report(late)
        assert order.filled_quantity == Decimal("0.5")


class TestPreparedByTheAdapter:
    """A venue whose names can't be derived: its adapter makes the plan of each attempt."""

    @pytest.fixture
    def harness(self) -> EngineHarness:
        harness = EngineHarness()
        harness.manifests[BETA] = make_manifest(BETA, replace=ReplaceMode.NONE, client_id=None)
        harness = EngineHarness(manifests=harness.manifests)
        return harness.start()

    def prepared(self, harness: EngineHarness, order: Order, attempt: int = 1) -> None:
        plan = SendPlan(ClientOrderId(f"nonce-{attempt}"), harness.now_ns + 1, {"nonce": str(attempt)})
        harness.tell(inputs.PlanPrepared(0, order.order_id, attempt, plan))

    def changing(self, harness: EngineHarness) -> Order:
        order = harness.submit(instrument_key=SPOT_AT_BETA)
        self.prepared(harness, order)
        harness.answer(order, Accepted(venue_order_id_of(order)))
        harness.replace(order, "2")
        return order

    def test_the_second_half_is_prepared_and_then_sent(self, harness: EngineHarness) -> None:
        order = self.changing(harness)
        assert harness.effects(SendCancel)
        harness.report(order, CANCELED)
        assert [prepare.attempt for prepare in harness.effects(PrepareOrder)] == [2]
        self.prepared(harness, order, 2)
        assert [(send.attempt, send.plan.client_order_id) for send in harness.effects(SendSubmit)] == [(2, "nonce-2")]
        assert parts(order, "status quantity") == (OrderStatus.SUBMITTED, 2)

    def test_one_that_can_not_be_prepared_leaves_a_canceled_order(self, harness: EngineHarness) -> None:
        order = self.changing(harness)
        harness.report(order, CANCELED)
        harness.tell(inputs.PlanPrepared(0, order.order_id, 2, None, "no gas"))
        assert parts(order, "status message") == (OrderStatus.CANCELED, "not prepared: no gas")

    def test_canceled_before_it_was_prepared_it_is_over(self, harness: EngineHarness) -> None:
        order = self.changing(harness)
        harness.report(order, CANCELED)
        harness.cancel(order)
        assert order.status is OrderStatus.CANCELED
        assert harness.effects(SendCancel) == [], "there is nothing at the venue"
        self.prepared(harness, order, 2)
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_the_names_of_every_attempt_find_the_order(self, harness: EngineHarness) -> None:
        order = self.changing(harness)
        first = order.venue_order_id
        harness.report(order, CANCELED)
        self.prepared(harness, order, 2)
        for names in ({"client_order_id": "nonce-1", "venue_order_id": None}, {"venue_order_id": first}):
            harness.fill(order, "0.1", **names)
        assert order.filled_quantity == Decimal("0.2")
        assert order.account_id == BETA_ACCOUNT
