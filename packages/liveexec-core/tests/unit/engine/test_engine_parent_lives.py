"""What crosses a parent's way: cancels, fills that come late or are taken back, lost sessions and restarts."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.ids import child_order_id
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.effects import SendCancel, SendSubmit, TimerKind
from liveexec.engine.inputs import Phase
from support.builders import (
    ALPHA,
    BETA,
    BETA_ACCOUNT,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    parts,
)
from support.engine_harness import EngineHarness, S
from support.parent_orders import book_again, fill_slices, iceberg, restarted, split, twap
from support.venue_words import busted, venue_order_id_of

CANCELED = VenueOrderStatus.CANCELED


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


class TestCancel:
    def test_its_children_go_and_then_it_does(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        (child,) = harness.children(parent)
        harness.answer(child, Accepted(venue_order_id_of(child)))
        harness.cancel(parent)
        assert [send.order for send in harness.effects(SendCancel)] == [child]
        assert parent.is_open
        harness.fill(child, "0.1")
        assert len(harness.children(parent)) == 1, "no slice follows the wish"
        harness.report(child, CANCELED)
        assert parts(parent, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.1"))

    def test_with_nothing_open_it_ends_at_once(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        fill_slices(harness, parent)
        harness.cancel(parent)
        assert parts(parent, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.2"))
        assert not harness.is_armed(TimerKind.ALGORITHM, parent)

    def test_an_unknown_child_keeps_it_open(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        (child,) = harness.children(parent)
        harness.answer(child, Unknown("timeout"))
        harness.cancel(parent)
        assert parent.is_open
        harness.advance(6)
        harness.query(child)
        assert (child.status, parent.status) == (OrderStatus.CANCELED, OrderStatus.CANCELED)

    def test_a_child_that_fills_meanwhile_fills_it(self, harness: EngineHarness) -> None:
        parent = iceberg(harness, visible="1")
        (child,) = harness.children(parent)
        harness.cancel(parent)
        harness.fill(child, "1")
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_while_its_venue_is_not_known_it_waits(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        harness.report(harness.children(parent)[0])
        harness.tell(inputs.ListingsUpdate(0, ALPHA, ()))
        harness.cancel(parent)
        assert parent.is_open
        harness.connect(ALPHA, orders=[harness.said(child) for child in harness.children(parent)])
        assert [send.order for send in harness.effects(SendCancel)] == harness.children(parent)

    def test_once_ended_there_is_nothing_to_cancel(self, harness: EngineHarness) -> None:
        parent = iceberg(harness, visible="1")
        harness.fill(harness.children(parent)[0], "1")
        assert harness.cancel(parent).records == ()


class TestLateFills:
    def test_a_childs_fill_after_the_end_counts_in_parent_and_position(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        (child,) = harness.children(parent)
        harness.answer(child, Accepted(venue_order_id_of(child)))
        late = harness.filled(child, "0.4")
        harness.cancel(parent)
        harness.report(child, CANCELED)
        assert parent.status is OrderStatus.CANCELED
        harness.report(late)
        assert parts(parent, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.4"))
        assert harness.net() == Decimal("0.4")
        assert len(harness.children(parent)) == 1

    def test_one_that_completes_it_fills_it(self, harness: EngineHarness) -> None:
        parent = iceberg(harness, visible="1")
        (child,) = harness.children(parent)
        late = harness.filled(child, "1")
        harness.cancel(parent)
        harness.report(child, CANCELED)
        harness.report(late)
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_one_whose_rest_was_given_out_again_makes_the_next_slice_smaller(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        (first,) = harness.children(parent)
        late = harness.filled(first, "0.2")
        harness.report(first, CANCELED)
        book_again(harness, 10)
        harness.report(late)
        for _ in range(5):
            fill_slices(harness, parent)
            book_again(harness, 10)
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_a_bust_of_a_childs_fill_is_made_up_for_while_it_works(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        (first,) = harness.children(parent)
        fill = harness.fill(first, "0.4")
        harness.report(busted(fill))
        assert parent.filled_quantity == 0
        for _ in range(3):
            child = harness.children(parent)[-1]
            harness.fill(child, str(child.quantity))
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_after_the_end_it_is_not(self, harness: EngineHarness) -> None:
        parent = iceberg(harness, visible="1")
        fill = harness.fill(harness.children(parent)[0], "1")
        harness.report(busted(fill))
        assert parts(parent, "status filled_quantity") == (OrderStatus.CANCELED, 0)
        assert len(harness.children(parent)) == 1


class TestSessions:
    def test_slices_due_while_the_venue_is_away_are_missed_not_refused(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        fill_slices(harness, parent)
        harness.phase(Phase.DOWN)
        harness.advance(25)
        assert len(harness.children(parent)) == 1
        harness.market()
        harness.phase(Phase.ACTIVE)
        assert len(harness.children(parent)) == 2, "it goes on at once"
        for _ in range(4):
            fill_slices(harness, parent)
            book_again(harness, 10)
        assert parts(parent, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_one_venue_away_does_not_hold_up_a_product(self, harness: EngineHarness) -> None:
        parent = twap(harness, instrument_key=SPOT_PRODUCT)
        fill_slices(harness, parent)
        harness.phase(Phase.DOWN)
        book_again(harness, 10)
        assert harness.children(parent)[-1].account_id == BETA_ACCOUNT


class TestRestart:
    def test_it_goes_on_from_its_schedule_its_children_and_the_time(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        fill_slices(harness, parent)
        book_again(harness, 10)
        fill_slices(harness, parent)
        harness.now_ns += 12 * S
        again = harness.restart()
        same = again.engine.state.ledger.orders[parent.order_id]
        assert again.effects(SendSubmit) == []
        again.connect(ALPHA, positions={SPOT: "0.4"})
        again.market()
        again.advance(2)
        assert again.children(same)[-1].ordinal == 3
        assert again.children(same)[-1].order_id == child_order_id(parent.order_id, 3)
        for _ in range(4):
            fill_slices(again, same)
            book_again(again, 10)
        assert parts(same, "status filled_quantity") == (OrderStatus.FILLED, 1)

    def test_the_other_venues_session_does_not_wake_it_before_its_own(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        fill_slices(harness, parent)
        harness.now_ns += 12 * S
        again = harness.restart()
        same = again.engine.state.ledger.orders[parent.order_id]
        for venue in (ALPHA, BETA):
            again.tell(inputs.ListingsUpdate(0, venue, tuple(again.listing(each) for each in (SPOT, SPOT_AT_BETA))))
        again.phase(Phase.ACTIVE, BETA_ACCOUNT)
        again.advance(8)
        assert len(again.children(same)) == 1
        again.connect(ALPHA, positions={SPOT: "0.2"})
        again.market()
        again.advance(1)
        assert [child.status for child in again.children(same)[1:]] == [OrderStatus.SUBMITTED]

    def test_a_slice_that_was_in_flight_is_unknown_and_not_sent_again(self, harness: EngineHarness) -> None:
        parent = twap(harness)
        again = harness.restart()
        same = again.engine.state.ledger.orders[parent.order_id]
        (child,) = again.children(same)
        assert child.status is OrderStatus.UNKNOWN
        again.connect(ALPHA)
        book_again(again, 5)
        assert len(again.children(same)) == 1

    def test_a_wished_cancel_is_still_wished(self, harness: EngineHarness) -> None:
        parent = iceberg(harness)
        (child,) = harness.children(parent)
        harness.answer(child, Accepted(venue_order_id_of(child)))
        harness.cancel(parent)
        again = harness.restart()
        again.connect(ALPHA, orders=[harness.said(child)])
        again.report(again.engine.state.ledger.orders[child.order_id], CANCELED)
        assert again.engine.state.ledger.orders[parent.order_id].status is OrderStatus.CANCELED

    def test_a_split_whose_legs_ended_while_it_was_away_ends(self) -> None:
        harness, order = split()
        again = harness.restart()
        for venue in (ALPHA, BETA):
            again.connect(venue)
        again.advance(6)
        same = again.engine.state.ledger.orders[order.order_id]
        for child in again.children(same):
            again.query(child)
        assert parts(same, "status code") == (OrderStatus.REJECTED, "CHILD_REJECTS")

    @settings(max_examples=30)
    @given(st.lists(st.sampled_from(["fill", "half", "none", "restart", "wait"]), min_size=4, max_size=14))
    def test_whenever_it_is_restarted_the_whole_is_worked_once(self, script: list[str]) -> None:
        harness = EngineHarness().start()
        order_id = twap(harness).order_id
        for step in script:
            parent = harness.engine.state.ledger.orders[order_id]
            match step:
                case "fill":
                    fill_slices(harness, parent)
                case "half":
                    fill_slices(harness, parent, "0.5")
                case "none":
                    fill_slices(harness, parent, "0")
                case "restart":
                    harness = restarted(harness, order_id)
                case _:
                    book_again(harness, 7)
        parent = harness.engine.state.ledger.orders[order_id]
        for _ in range(12):
            fill_slices(harness, parent)
            book_again(harness, 10)
        # What its last slice did not get is not sent again.
        assert parent.status is (OrderStatus.FILLED if parent.filled_quantity == 1 else OrderStatus.EXPIRED)
        assert harness.net() == parent.filled_quantity <= 1
