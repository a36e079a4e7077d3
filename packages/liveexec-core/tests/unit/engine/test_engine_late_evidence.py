"""Evidence that comes late, and comes again: what moved meanwhile is no difference, what was taken back stays so."""

from decimal import Decimal

from support.builders import SPOT
from support.engine_harness import EngineHarness
from support.venue_words import total_of


def test_a_position_that_moved_after_the_question_is_no_drift_however_often_it_is_shown() -> None:
    harness = EngineHarness().start()
    order = harness.working()
    harness.advance(5)
    harness.fill(order, "0.1")
    for asked_ago_s in (3, 2, 1):
        harness.snapshot(positions={SPOT: "0"}, asked_ago_s=asked_ago_s)
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
