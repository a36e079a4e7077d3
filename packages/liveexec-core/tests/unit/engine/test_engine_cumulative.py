"""Venues that tell only totals: the engine makes the increments, whatever order the totals come in."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.fill import cumulative_fill_key
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from support.builders import SPOT, SPOT_AT_BETA, parts
from support.engine_harness import EngineHarness
from support.venue_words import total_of, venue_order_id_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def tell(harness: EngineHarness, order: Order, quantity: str, average: str = "45000", ago_s: int = 0) -> None:
    """The venue says how much is filled by now, or was so many seconds ago."""
    at_ns = harness.now_ns - ago_s * 1_000_000_000
    harness.report(total_of(order, quantity, average, venue_time_ns=at_ns))


class TestRising:
    def test_each_total_brings_its_increment_at_the_price_that_makes_the_average(self, harness: EngineHarness) -> None:
        order = harness.working()
        tell(harness, order, "0.4", "45000")
        tell(harness, order, "1", "45060")
        assert parts(order, "status filled_quantity filled_cost") == (OrderStatus.FILLED, 1, 45_060)
        assert [fill.price for fill in (order.fills or {}).values()] == [45_000, 45_100]
        assert sum(fill.fee for fill in (order.fills or {}).values()) == Decimal("0.001")
        assert all(fill.estimated for fill in (order.fills or {}).values())

    def test_the_total_reached_names_the_increment(self, harness: EngineHarness) -> None:
        order = harness.working()
        tell(harness, order, "0.4")
        tell(harness, order, "1")
        name = venue_order_id_of(order)
        keys = [cumulative_fill_key(SPOT, name, Side.BUY, Decimal(total)) for total in ("0.4", "1")]
        assert list(order.fills or {}) == keys

    def test_the_same_total_again_changes_nothing(self, harness: EngineHarness) -> None:
        order = harness.working()
        tell(harness, order, "0.4")
        harness.advance(1)
        tell(harness, order, "0.4")
        assert harness.last.records == ()

    def test_an_average_that_the_venue_rounded_is_no_correction(self, harness: EngineHarness) -> None:
        order = harness.working()
        tell(harness, order, "0.3", "45000.333333333333333333")
        tell(harness, order, "0.3", "45000.33333333")
        assert harness.last.records == ()

    def test_a_total_that_can_not_be_reached_by_a_further_fill_replaces_what_was_told(
        self, harness: EngineHarness
    ) -> None:
        order = harness.working()
        tell(harness, order, "0.5", "45000")
        tell(harness, order, "0.6", "10000")
        assert parts(order, "filled_quantity filled_cost") == (Decimal("0.6"), 6_000)
        assert all(fill.price > 0 for fill in (order.fills or {}).values())


class TestFalling:
    def test_a_total_that_fell_takes_back_the_newest_and_keeps_the_rest(self, harness: EngineHarness) -> None:
        order = harness.working()
        for total in ("0.2", "0.5", "0.9"):
            tell(harness, order, total)
        tell(harness, order, "0.4")
        assert order.filled_quantity == Decimal("0.4")
        assert harness.new_events(order) == ["FillBusted", "FillBusted", "FillApplied"]
        assert harness.net() == Decimal("0.4")

    def test_to_nothing_it_takes_everything_back(self, harness: EngineHarness) -> None:
        order = harness.working()
        tell(harness, order, "1")
        tell(harness, order, "0")
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, 0)

    def test_what_was_taken_back_can_be_filled_again(self, harness: EngineHarness) -> None:
        order = harness.working()
        tell(harness, order, "0.5")
        harness.advance(1)
        tell(harness, order, "0.2")
        harness.advance(1)
        tell(harness, order, "0.5", "45010")
        assert parts(order, "filled_quantity filled_cost") == (Decimal("0.5"), 22_505)
        assert list(order.fills or {})[-1].endswith(f"cum=0.5@{harness.now_ns}")

    def test_an_older_total_that_comes_late_is_no_fall(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.advance(5)
        tell(harness, order, "0.5")
        tell(harness, order, "0.2", ago_s=3)
        assert order.filled_quantity == Decimal("0.5")
        assert harness.last.records == ()

    def test_an_older_total_that_comes_after_a_fall_is_no_fill(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.advance(5)
        tell(harness, order, "0.2", ago_s=4)
        tell(harness, order, "0.5", ago_s=2)
        tell(harness, order, "0.2", ago_s=1)
        tell(harness, order, "0.5", ago_s=2)
        assert order.filled_quantity == Decimal("0.2")


class TestCorrected:
    def test_another_average_corrects_the_newest_increment(self, harness: EngineHarness) -> None:
        order = harness.working()
        tell(harness, order, "0.5", "45000")
        tell(harness, order, "1", "45000")
        tell(harness, order, "1", "45010")
        assert harness.new_events(order) == ["FillCorrected"]
        assert parts(order, "filled_quantity filled_cost") == (1, 45_010)
        assert [fill.price for fill in (order.fills or {}).values()] == [45_000, 45_020]


class TestAttempts:
    def test_a_new_attempt_begins_its_count_at_zero(self, harness: EngineHarness) -> None:
        order = harness.working(instrument_key=SPOT_AT_BETA)
        tell(harness, order, "0.3")
        harness.replace(order, "1", "44990")
        harness.report(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.3"))
        assert order.attempt == 2
        tell(harness, order, "0.2", "44990")
        assert order.filled_quantity == Decimal("0.5")
        tell(harness, order, "0.7", "44990")
        assert parts(order, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_a_total_of_an_attempt_that_is_over_takes_nothing_from_the_next(self, harness: EngineHarness) -> None:
        order = harness.working(instrument_key=SPOT_AT_BETA)
        tell(harness, order, "0.3")
        first = total_of(order, "0.3", venue_time_ns=harness.now_ns)
        harness.replace(order, "1", "44990")
        harness.report(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.3"))
        harness.advance(1)
        tell(harness, order, "0.2", "44990")
        harness.report(first)
        assert order.filled_quantity == Decimal("0.5")
        assert harness.last.records == ()


class TestOthersOrders:
    def test_a_total_of_an_order_that_nobody_knows_is_adopted_in_time(self, harness: EngineHarness) -> None:
        known = harness.working()
        harness.report(total_of(known, "0.3", client_order_id=None, venue_order_id="V-foreign"))
        harness.advance(5)
        assert harness.net() == Decimal("0.3")


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_whatever_totals_come_in_whatever_order_the_newest_counts(totals: list[int], random: Random) -> None:
    harness = EngineHarness().start()
    order = harness.working()
    harness.advance(20)
    spoken = [
        total_of(order, str(Decimal(total) / 1000), venue_time_ns=harness.now_ns - (20 - at) * 1_000_000_000)
        for at, total in enumerate(totals)
    ]
    for report in spoken:
        harness.report(report)
    assert order.filled_quantity == Decimal(totals[-1]) / 1000
    random.shuffle(spoken)
    for report in spoken:
        harness.report(report)
    assert order.filled_quantity == Decimal(totals[-1]) / 1000
