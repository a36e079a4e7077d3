"""Changes of working orders where the venue makes them at once: accepted, refused, unknown, crossed by fills."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import VenueOrderId
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, NotKnown, Rejected, Sent, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import QueryOrder, SendCancel, SendReplace, TimerKind
from liveexec.engine.inputs import SendVerb
from liveexec.engine.risk_config import RiskConfig
from liveexec.errors import InvalidInput, NotFound
from support.builders import ALPHA, SPOT, make_market_intent, make_order_id, make_order_report, make_replace, parts
from support.engine_harness import EngineHarness


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def changing(harness: EngineHarness, quantity: str = "2", price: str | None = None) -> Order:
    """A working order whose change was sent."""
    order = harness.working()
    harness.replace(order, quantity, price)
    assert order.replace is not None
    return order


class TestSent:
    def test_it_says_the_new_total_and_what_is_filled_of_it(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "0.4")
        harness.replace(order, "2", "44990")
        assert harness.new_events(order) == ["ReplaceRequested"]
        (send,) = harness.effects(SendReplace)
        assert parts(send, "quantity price filled_quantity") == (2, 44_990, Decimal("0.4"))
        assert send.plan.client_order_id == order.client_order_id
        assert send.plan.valid_until_ns > harness.now_ns
        assert parts(order, "quantity price leaves worst_leaves") == (1, 45_000, Decimal("0.6"), Decimal("1.6"))

    def test_what_is_not_named_stays(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.replace(order, price="44990")
        (send,) = harness.effects(SendReplace)
        assert parts(send, "quantity price") == (1, 44_990)

    def test_exposure_is_reserved_at_the_worse_of_old_and_new_until_it_is_settled(self) -> None:
        limits = RiskConfig(max_position_per_instrument={SPOT: Decimal(2)})
        harness = EngineHarness(EngineConfig(risk=limits)).start()
        order = changing(harness, "2")
        assert harness.submit(quantity=Decimal("0.5")).code == "POSITION_LIMIT"
        harness.answer(order, Rejected("-1", "no"), SendVerb.REPLACE)
        assert harness.submit(quantity=Decimal("0.5")).status is OrderStatus.SUBMITTED


class TestAnswered:
    def test_accepted_the_order_stands_changed(self, harness: EngineHarness) -> None:
        order = changing(harness, "2", "44990")
        harness.answer(order, Accepted(order.venue_order_id), SendVerb.REPLACE)
        assert parts(order, "quantity price replace status") == (2, 44_990, None, OrderStatus.ACCEPTED)

    def test_incident_9_accepted_under_another_id_it_is_found_by_both(self, harness: EngineHarness) -> None:
        order = changing(harness)
        first = order.venue_order_id
        harness.answer(order, Accepted(VenueOrderId("V-new")), SendVerb.REPLACE)
        assert order.venue_order_id == "V-new"
        harness.fill(order, "0.3", client_order_id=None)
        harness.fill(order, "0.3", client_order_id=None, venue_order_id=first)
        assert order.filled_quantity == Decimal("0.6")

    def test_incident_21_refused_the_order_works_on_and_is_looked_at(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.answer(order, Rejected("161", "cancelled order can't be modified"), SendVerb.REPLACE)
        assert parts(order, "quantity replace status") == (1, None, OrderStatus.ACCEPTED)
        assert harness.effects(QueryOrder)

    def test_stopped_at_the_gate_the_order_works_on(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.stop(order, SendVerb.REPLACE)
        assert parts(order, "quantity replace status") == (1, None, OrderStatus.ACCEPTED)

    @pytest.mark.parametrize("outcome", [Unknown("timeout"), Sent()])
    def test_a_report_of_the_new_terms_settles_it(self, harness: EngineHarness, outcome: Unknown | Sent) -> None:
        order = changing(harness, "2", "44990")
        harness.answer(order, outcome, SendVerb.REPLACE)
        assert order.replace is not None
        harness.report(order, quantity=Decimal(2), price=Decimal(44_990))
        assert parts(order, "quantity price replace") == (2, 44_990, None)

    def test_a_report_from_when_it_had_these_terms_before_settles_nothing(self, harness: EngineHarness) -> None:
        order = harness.working()
        before = harness.said(order)
        harness.replace(order, "2")
        harness.answer(order, Accepted(None), SendVerb.REPLACE)
        harness.advance(1)
        harness.replace(order, "1")
        harness.report(before)
        assert order.replace is not None
        harness.answer(order, Rejected("-1", "no"), SendVerb.REPLACE)
        assert parts(order, "quantity replace") == (2, None)

    def test_a_late_answer_after_it_was_settled_changes_nothing(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.report(order, quantity=Decimal(2))
        for outcome in (Accepted(None), Rejected("-1", "?"), Unknown("?")):
            harness.answer(order, outcome, SendVerb.REPLACE)
            assert harness.last.records == ()

    def test_sent_and_silent_it_is_asked_about(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.answer(order, Sent(), SendVerb.REPLACE)
        harness.advance(10)
        assert [query.order for query in harness.effects(QueryOrder)] == [order]


class TestUnknown:
    def test_the_old_terms_prove_nothing_before_the_deadline(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.answer(order, Unknown("timeout"), SendVerb.REPLACE)
        assert order.replace_unknown
        assert harness.effects(QueryOrder)
        harness.query(order, harness.said(order))
        assert order.replace is not None

    def test_after_it_they_prove_that_the_change_was_not_made(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.answer(order, Unknown("timeout"), SendVerb.REPLACE)
        harness.query(order, harness.said(order))
        harness.advance(6)
        assert harness.effects(QueryOrder), "it is asked again once the answer can prove something"
        harness.query(order, harness.said(order, venue_time_ns=order.created_at_ns))
        assert parts(order, "quantity replace status") == (1, None, OrderStatus.ACCEPTED)
        assert harness.new_events(order) == ["ReplaceRejected"]

    def test_the_new_terms_settle_it_at_any_time(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.answer(order, Unknown("timeout"), SendVerb.REPLACE)
        harness.query(order, harness.said(order, quantity=Decimal(2)))
        assert parts(order, "quantity replace") == (2, None)

    def test_who_does_not_know_is_asked_again(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.answer(order, Unknown("timeout"), SendVerb.REPLACE)
        harness.query(order, NotKnown())
        harness.advance(2)
        assert harness.effects(QueryOrder)

    def test_after_a_restart_it_is_asked_about(self, harness: EngineHarness) -> None:
        order = changing(harness)
        again = harness.restart()
        same = again.engine.state.ledger.orders[order.order_id]
        assert same.replace_unknown
        again.connect(orders=[again.said(same)])
        assert [query.order for query in again.effects(QueryOrder)] == [same]


class TestCrossedByFills:
    def test_filled_up_to_the_old_quantity_it_is_not_over_while_it_may_grow(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        harness.fill(order, "1")
        assert parts(order, "status worst_leaves") == (OrderStatus.PARTIALLY_FILLED, 1)
        harness.answer(order, Accepted(None), SendVerb.REPLACE)
        assert parts(order, "status quantity leaves") == (OrderStatus.PARTIALLY_FILLED, 2, 1)
        harness.fill(order, "1")
        assert order.status is OrderStatus.FILLED

    def test_refused_what_was_filled_beyond_the_old_quantity_is_an_overfill(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.fill(order, "1.5")
        assert harness.events("control:main") == []
        harness.answer(order, Rejected("-1", "no"), SendVerb.REPLACE)
        assert (order.is_overfilled, harness.events("control:main")) == (True, ["LatchSet"])

    def test_refused_then_it_is_filled(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        harness.fill(order, "1")
        harness.answer(order, Rejected("-1", "order is filled"), SendVerb.REPLACE)
        assert parts(order, "status quantity replace") == (OrderStatus.FILLED, 1, None)
        assert harness.effects(QueryOrder) == []

    @pytest.mark.parametrize(("total", "status"), [("1", OrderStatus.FILLED), ("2", OrderStatus.PARTIALLY_FILLED)])
    def test_the_venues_word_that_it_is_filled_says_which_terms_held(
        self, harness: EngineHarness, total: str, status: OrderStatus
    ) -> None:
        order = changing(harness, "2")
        harness.fill(order, "1")
        harness.report(order, VenueOrderStatus.FILLED, quantity=Decimal(total), filled_quantity=Decimal(total))
        if status is OrderStatus.PARTIALLY_FILLED:
            harness.fill(order, "1")
        assert parts(order, "status quantity replace") == (OrderStatus.FILLED, Decimal(total), None)

    def test_that_word_before_its_fills_waits_for_them(self, harness: EngineHarness) -> None:
        order = changing(harness, "2")
        harness.report(order, VenueOrderStatus.FILLED, quantity=Decimal(1), filled_quantity=Decimal(1))
        assert order.is_open
        harness.fill(order, "1")
        assert parts(order, "status quantity replace") == (OrderStatus.FILLED, 1, None)

    def test_down_to_what_was_filled_meanwhile_it_is_filled(self, harness: EngineHarness) -> None:
        order = changing(harness, "0.5")
        harness.fill(order, "0.5")
        assert order.status is OrderStatus.PARTIALLY_FILLED
        harness.answer(order, Accepted(None), SendVerb.REPLACE)
        assert parts(order, "status quantity") == (OrderStatus.FILLED, Decimal("0.5"))


class TestCrossedByEnds:
    def test_incident_9_the_cancel_half_of_the_venues_own_replace_is_no_cancel(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.report(order, VenueOrderStatus.CANCELED)
        assert order.is_open
        assert harness.effects(QueryOrder)
        harness.answer(order, Accepted(VenueOrderId("V-new")), SendVerb.REPLACE)
        harness.report(order, quantity=Decimal(2))
        assert parts(order, "status quantity venue_order_id") == (OrderStatus.ACCEPTED, 2, "V-new")

    def test_incident_9_nor_is_it_one_when_it_comes_after_the_answer(self, harness: EngineHarness) -> None:
        order = changing(harness)
        half = harness.said(order, VenueOrderStatus.CANCELED)
        harness.answer(order, Accepted(VenueOrderId("V-new")), SendVerb.REPLACE)
        harness.report(half)
        assert parts(order, "status venue_order_id") == (OrderStatus.ACCEPTED, "V-new")

    def test_incident_9_nor_when_fills_were_missing_at_first(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.report(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.3"))
        harness.fill(order, "0.3")
        assert order.is_open
        assert harness.effects(QueryOrder)

    def test_incident_9_nor_when_they_are_still_missing_once_the_change_is_known(self, harness: EngineHarness) -> None:
        order = changing(harness)
        first = order.venue_order_id
        harness.report(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.3"))
        harness.answer(order, Accepted(VenueOrderId("V-new")), SendVerb.REPLACE)
        harness.fill(order, "0.3", venue_order_id=first)
        assert parts(order, "status venue_order_id leaves") == (
            OrderStatus.PARTIALLY_FILLED,
            "V-new",
            Decimal("1.7"),
        )

    def test_an_answer_within_the_deadline_may_have_seen_only_the_first_half(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.query(order, harness.said(order, VenueOrderStatus.CANCELED))
        assert order.is_open
        assert harness.is_armed(TimerKind.UNKNOWN, order)

    def test_asked_after_the_deadline_the_end_is_one(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.advance(6)
        harness.query(order, harness.said(order, VenueOrderStatus.CANCELED))
        assert order.status is OrderStatus.CANCELED

    @pytest.mark.parametrize(
        "outcome", [Accepted(VenueOrderId("V-late")), Rejected("-1", "gone"), Unknown("?"), Sent()]
    )
    def test_an_answer_after_the_end_changes_nothing(
        self, harness: EngineHarness, outcome: Accepted | Rejected | Sent | Unknown
    ) -> None:
        order = changing(harness)
        harness.cancel(order)
        harness.advance(6)
        harness.query(order, harness.said(order, VenueOrderStatus.CANCELED))
        assert order.status is OrderStatus.CANCELED
        harness.answer(order, outcome, SendVerb.REPLACE)
        assert parts(order, "status quantity") == (OrderStatus.CANCELED, 1)

    def test_a_cancel_wished_meanwhile_goes_out_and_ends_the_changed_order(self, harness: EngineHarness) -> None:
        order = changing(harness)
        harness.cancel(order)
        assert harness.effects(SendCancel)
        harness.answer(order, Accepted(None), SendVerb.REPLACE)
        harness.report(order, VenueOrderStatus.CANCELED)
        assert parts(order, "status quantity") == (OrderStatus.CANCELED, 2)


class TestRefused:
    def test_rules_run_on_changes_and_leave_the_order_as_it_was(self) -> None:
        limits = RiskConfig(max_order_quantity={"*": Decimal(1)})
        harness = EngineHarness(EngineConfig(risk=limits)).start()
        order = harness.working()
        harness.replace(order, "2")
        assert harness.new_events(order) == ["ReplaceRequested", "ReplaceRejected"]
        assert harness.effects(SendReplace) == []
        assert parts(order, "quantity replace status") == (1, None, OrderStatus.ACCEPTED)

    @pytest.mark.parametrize(
        ("quantity", "price", "code"),
        [("1.0005", None, "LISTING"), (None, "45000.001", "LISTING"), ("0.4", None, "REPLACE_FILLED")],
    )
    def test_off_grid_or_below_what_is_filled(
        self, harness: EngineHarness, quantity: str | None, price: str | None, code: str
    ) -> None:
        order = harness.working()
        harness.fill(order, "0.4")
        harness.replace(order, quantity, price)
        refused = harness.last.records[0].events[-1]
        assert isinstance(refused, ev.ReplaceRejected)
        assert refused.code == code

    def test_without_a_trace_where_there_is_nothing_to_change(self, harness: EngineHarness) -> None:
        assert isinstance(harness.error(harness.ask(make_replace(make_order_id(99)))), NotFound)
        sent = harness.submit()
        for order, words in (
            (sent, "only a working order can be changed"),
            (changing(harness), "is being changed already"),
        ):
            error = harness.error(harness.replace(order, "3"))
            assert isinstance(error, InvalidInput)
            assert words in str(error)
        gone = harness.working()
        harness.cancel(gone)
        assert "is being canceled" in str(harness.error(harness.replace(gone, "3")))
        harness.report(gone, VenueOrderStatus.CANCELED)
        assert "is CANCELED" in str(harness.error(harness.replace(gone, "3")))

    def test_one_that_changes_nothing_is_a_mistake(self, harness: EngineHarness) -> None:
        order = harness.working()
        for quantity, price in (("1", None), (None, "45000"), ("1.0", "45000.0")):
            assert "changes nothing" in str(harness.error(harness.replace(order, quantity, price)))

    def test_a_market_order_has_no_price_to_change(self, harness: EngineHarness) -> None:
        order = harness.submit(make_market_intent())
        harness.report(order, order_type=order.intent.order_type)
        assert "does not belong to MARKET" in str(harness.error(harness.replace(order, "3", "1")))

    def test_a_parent_is_not_changed(self, harness: EngineHarness) -> None:
        params = {"horizon_secs": 60, "interval_secs": 10}
        parent = harness.submit(make_market_intent(exec_algorithm="TWAP", exec_algorithm_params=params))
        assert "is a parent" in str(harness.error(harness.replace(parent, "3")))

    def test_somebody_elses_order_without_a_name_of_ours_is_not_changed(self, harness: EngineHarness) -> None:
        harness.report(make_order_report(client_order_id=None))
        adopted = next(iter(harness.engine.state.ledger.orders.values()))
        assert isinstance(harness.error(harness.replace(adopted, "3")), InvalidInput)

    def test_an_order_whose_instrument_is_not_listed_any_more_is_not_changed(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.tell(inputs.ListingsUpdate(0, ALPHA, ()))
        assert "is not listed" in str(harness.error(harness.replace(order, "2")))

    def test_a_child_does_not_outgrow_what_its_parent_gave_it(self, harness: EngineHarness) -> None:
        params = {"visible_quantity": "0.2"}
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params=params)
        (child,) = harness.children(parent)
        harness.report(child)
        harness.replace(child, "0.3")
        refused = harness.last.records[0].events[-1]
        assert isinstance(refused, ev.ReplaceRejected)
        assert refused.code == "PARENT_BOUND"


def test_a_late_answer_to_a_change_is_not_taken_for_the_next_one(harness: EngineHarness) -> None:
    order = harness.working()
    harness.replace(order, quantity="2")
    (first,) = harness.effects(SendReplace)
    harness.report(order, quantity=Decimal(2))
    assert order.quantity == 2
    harness.replace(order, quantity="3")
    (second,) = harness.effects(SendReplace)
    harness.answer(order, Accepted(None), SendVerb.REPLACE, plan=first.plan)
    assert (order.quantity, order.replace is not None) == (2, True)
    harness.answer(order, Accepted(None), SendVerb.REPLACE, plan=second.plan)
    assert (order.quantity, order.replace) == (3, None)
