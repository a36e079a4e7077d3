"""Orders that end before their fills have arrived, and answers to questions about orders."""

from decimal import Decimal

import pytest

from liveexec.domain.ids import VenueOrderId
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import (
    AssetKind,
    AssetReport,
    Gap,
    NotKnown,
    Unknown,
    VenueOrderStatus,
)
from liveexec.engine.effects import FetchFills, SendCancel
from liveexec.engine.inputs import Phase
from support.builders import ALPHA_ACCOUNT, NOW_NS, parts
from support.engine_harness import EngineHarness


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


class TestEndsBeforeItsFills:
    def test_a_cancel_waits_for_every_fill_that_the_venue_counts(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.report(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.4"))
        assert order.status is OrderStatus.ACCEPTED
        (fetch,) = harness.effects(FetchFills)
        assert parts(fetch, "order_id filled_quantity") == (order.order_id, Decimal("0.4"))
        assert fetch.since_ns < order.created_at_ns, "clocks may differ"
        harness.fill(order, "0.1")
        assert order.is_open
        harness.fill(order, "0.3")
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.4"))

    def test_incident_16_filled_before_its_fills_is_no_end_by_itself(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.report(order, VenueOrderStatus.FILLED, filled_quantity=Decimal(1))
        assert order.status is OrderStatus.ACCEPTED
        assert harness.effects(FetchFills)
        harness.fill(order, "1")
        assert order.status is OrderStatus.FILLED

    def test_filled_as_the_first_word_names_the_order_and_fetches(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.report(order, VenueOrderStatus.FILLED, filled_quantity=Decimal(1))
        assert order.venue_order_id is not None
        assert harness.effects(FetchFills)
        harness.fill(order, "1")
        assert order.status is OrderStatus.FILLED

    def test_a_working_report_that_is_ahead_fetches_what_is_missing(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.report(order, filled_quantity=Decimal("0.4"))
        assert harness.effects(FetchFills)
        harness.fill(order, "0.4")
        harness.report(order, filled_quantity=Decimal("0.4"))
        assert harness.last.effects == ()

    def test_filled_for_less_than_was_asked_it_is_over_all_the_same(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "0.4")
        harness.report(order, VenueOrderStatus.FILLED, quantity=Decimal("0.4"))
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.4"))

    def test_incident_15_fills_that_the_stream_left_out_are_asked_for_even_after_the_end(
        self, harness: EngineHarness
    ) -> None:
        order = harness.working()
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.report(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.4"))
        assert harness.effects(FetchFills)

    def test_an_end_that_waits_is_forgotten_when_fills_complete_the_order(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.report(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.4"))
        harness.fill(order, "1")
        assert order.status is OrderStatus.FILLED
        assert harness.engine._core.endings == {}

    def test_expired_keeps_the_venues_reason(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.report(order, VenueOrderStatus.EXPIRED, message="end of session")
        assert parts(order, "status message") == (OrderStatus.EXPIRED, "end of session")

    def test_no_cancel_goes_to_an_order_whose_first_word_is_that_it_ended(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.cancel(order)
        harness.report(order, VenueOrderStatus.CANCELED)
        assert order.status is OrderStatus.CANCELED
        assert harness.effects(SendCancel) == []


class TestAnswersToQuestions:
    def test_one_that_calls_the_order_by_an_id_that_is_new_here_is_about_the_order_that_was_asked_about(
        self, harness: EngineHarness
    ) -> None:
        order = harness.submit()
        harness.answer(order, Unknown("timeout"))
        harness.query(order, harness.said(order, client_order_id=None, venue_order_id=VenueOrderId("V-7")))
        assert parts(order, "status venue_order_id") == (OrderStatus.ACCEPTED, "V-7")

    def test_not_knowing_proves_nothing_and_is_asked_again(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Unknown("timeout"))
        harness.query(order, NotKnown("maintenance"))
        assert order.status is OrderStatus.UNKNOWN
        assert harness.timers


class TestAssets:
    def moved(self, amount: str = "-0.5", reference: str = "funding-1") -> AssetReport:
        return AssetReport(ALPHA_ACCOUNT, "USDT", Decimal(amount), AssetKind.FUNDING, reference, NOW_NS)

    def test_a_movement_counts_once_by_its_reference(self, harness: EngineHarness) -> None:
        for _ in range(2):
            harness.report(self.moved())
        harness.report(self.moved(reference="funding-2"))
        assert harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets["USDT"] == Decimal(-1)

    def test_what_moved_before_the_first_snapshot_is_in_it(self) -> None:
        harness = EngineHarness()
        harness.report(self.moved("25", "deposit-1"))
        harness.connect(balances={"USDT": "1000"})
        assert harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets["USDT"] == 1_000


class TestGap:
    def test_incident_14_after_one_nothing_adds_risk_until_the_account_is_reconciled(
        self, harness: EngineHarness
    ) -> None:
        harness.report(Gap(ALPHA_ACCOUNT, "sequence 7 is missing"))
        assert harness.submit().code == "NO_ROUTE"
        harness.phase(Phase.ACTIVE)
        assert harness.submit().status is OrderStatus.SUBMITTED
