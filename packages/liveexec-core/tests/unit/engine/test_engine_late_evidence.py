"""Evidence that comes late, and comes again: what moved meanwhile is no difference, what was taken back stays so."""

from decimal import Decimal

from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from support.builders import SPOT, parts
from support.engine_harness import EngineHarness
from support.venue_words import busted, total_of


def test_a_position_that_moved_after_the_question_is_no_drift_however_often_it_is_shown() -> None:
    harness = EngineHarness().start()
    order = harness.working()
    harness.advance(5)
    harness.fill(order, "0.1")
    for shown_ago_s in (3, 5, 7):
        # A venue that shows again and again what was before the fill, and says so.
        harness.snapshot(positions={SPOT: "0"}, asked_ago_s=shown_ago_s, began_ago_s=0)
        harness.advance(2)
    assert harness.account_events() == []
    assert harness.net() == Decimal("0.1")


def test_a_total_that_was_reached_again_and_taken_back_again_counts_no_third_time() -> None:
    harness = EngineHarness().start()
    order = harness.working()
    harness.report(total_of(order, "0.5", "45000", venue_time_ns=harness.now_ns))
    harness.advance(1)
    at_ns = harness.now_ns
    for quantity in ("0.3", "0.5", "0.3"):
        harness.report(total_of(order, quantity, "45000", venue_time_ns=at_ns))
    harness.report(total_of(order, "0.5", "45000", venue_time_ns=at_ns))
    assert order.filled_quantity == Decimal("0.3")
    assert harness.net() == Decimal("0.3")


class TestABustThatOvertookItsFill:
    """The fill and the bust come to nothing, and what the order is stays what it was."""

    def test_an_open_order_stays_open_although_the_fill_would_have_completed_it(self) -> None:
        harness = EngineHarness().start()
        order = harness.working()
        fill = harness.filled(order, "1")
        harness.report(busted(fill))
        harness.report(fill)
        assert harness.new_events(order) == ["FillApplied", "FillBusted"]
        assert parts(order, "status filled_quantity leaves") == (OrderStatus.ACCEPTED, 0, 1)
        harness.report(fill)
        assert harness.last.records == ()
        again = harness.restart().engine.state.ledger.orders[order.order_id]
        assert again.status is OrderStatus.ACCEPTED

    def test_one_that_had_ended_stays_ended(self) -> None:
        harness = EngineHarness().start()
        order = harness.working()
        harness.report(order, VenueOrderStatus.CANCELED)
        fill = harness.filled(order, "1")
        harness.report(busted(fill))
        harness.report(fill)
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, 0)

    def test_a_bust_after_its_fill_ends_what_the_venue_works_no_longer(self) -> None:
        harness = EngineHarness().start()
        order = harness.working()
        fill = harness.fill(order, "1")
        harness.report(busted(fill))
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, 0)
