"""Fills, busts and corrections: each counts once, in whatever order and number they come, also after the end."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.account_event import ControlScope, LatchSet, ScopeKind
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import (
    FillReport,
    OrderReport,
    VenueOrderStatus,
)
from liveexec.engine import inputs
from liveexec.engine.config import EngineConfig
from liveexec.engine.risk_config import RiskConfig
from support.builders import ALPHA_ACCOUNT, SPOT, STRATEGY, parts
from support.engine_harness import EngineHarness, S
from support.venue_words import busted, corrected, fill_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


class TestFills:
    def test_they_move_order_position_and_assets(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "0.4", "44900")
        assert parts(order, "status filled_quantity filled_cost") == (
            OrderStatus.PARTIALLY_FILLED,
            Decimal("0.4"),
            Decimal(17_960),
        )
        harness.fill(order, "0.6", "45000")
        assert order.status is OrderStatus.FILLED
        assert harness.net() == 1
        assets = harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets
        assert assets == {"BTC": Decimal(1), "USDT": Decimal(-44_961)}

    def test_incident_20_the_same_fill_counts_once_however_often_it_is_told(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "0.4")
        for _ in range(3):
            harness.report(fill)
            assert harness.last.records == ()
        assert order.filled_quantity == Decimal("0.4")

    def test_incident_7_a_restart_right_after_a_fill_counts_it_once(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "0.4")
        again = harness.restart()
        again.connect(positions={SPOT: "0.4"}, orders=[again.said(order)])
        again.report(fill)
        assert again.engine.state.ledger.orders[order.order_id].filled_quantity == Decimal("0.4")
        assert again.net() == Decimal("0.4")

    def test_two_equal_fills_under_different_keys_are_both_real(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "0.3")
        harness.fill(order, "0.3")
        assert order.filled_quantity == Decimal("0.6")

    def test_incident_17_what_is_left_follows_from_the_fills(self, harness: EngineHarness) -> None:
        order = harness.working()
        first = harness.fill(order, "0.3")
        harness.fill(order, "0.2")
        assert order.leaves == Decimal("0.5")
        harness.report(busted(first))
        assert order.leaves == Decimal("0.8")
        harness.report(order, VenueOrderStatus.CANCELED)
        assert order.leaves == 0

    def test_incident_18_a_fee_is_taken_from_the_asset_that_it_was_paid_in(self, harness: EngineHarness) -> None:
        order = harness.working()
        report = harness.filled(order, "1", fee=Decimal("0.001"))
        report.fill.fee_asset = "BTC"
        harness.report(report)
        assert harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets["BTC"] == Decimal("0.999")

    def test_a_fill_that_names_the_order_by_either_id_finds_it(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "0.2", client_order_id=None)
        harness.fill(order, "0.2", venue_order_id=None)
        assert order.filled_quantity == Decimal("0.4")

    @pytest.mark.parametrize("status", [VenueOrderStatus.CANCELED, VenueOrderStatus.EXPIRED, VenueOrderStatus.REJECTED])
    def test_terminal_is_not_deaf(self, harness: EngineHarness, status: VenueOrderStatus) -> None:
        order = harness.working()
        harness.report(order, status)
        ended = order.status
        harness.fill(order, "0.4")
        assert parts(order, "status filled_quantity") == (ended, Decimal("0.4"))
        assert harness.net() == Decimal("0.4")
        harness.fill(order, "0.6")
        assert order.status is OrderStatus.FILLED

    def test_a_fill_of_a_rejected_order_may_bring_the_venues_id(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.stop(order)
        harness.fill(order, "0.4")
        assert order.filled_quantity == Decimal("0.4")
        harness.fill(order, "0.1", client_order_id=None)
        assert parts(order, "status filled_quantity") == (OrderStatus.REJECTED, Decimal("0.5"))


class TestOverfill:
    def test_incident_13_it_is_recorded_and_halts_the_instrument(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "1.5")
        assert parts(order, "status filled_quantity is_overfilled") == (OrderStatus.FILLED, Decimal("1.5"), True)
        latches = [event for event in harness.account_events() if isinstance(event, LatchSet)]
        assert [(latch.scope, latch.code) for latch in latches] == [
            (ControlScope(ScopeKind.INSTRUMENT, SPOT), "OVERFILL")
        ]
        assert harness.submit().code == "LATCHED"
        assert harness.submit(instrument_key="BETA:SPOT_PAIR:BTC-USDT").status is OrderStatus.SUBMITTED

    def test_it_latches_once_until_an_operator_clears_it(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "1.5")
        harness.fill(order, "0.5")
        assert harness.events("control:main") == ["LatchSet"]
        scope = ControlScope(ScopeKind.INSTRUMENT, SPOT)
        harness.tell(inputs.ClearLatch(0, scope, "OVERFILL", "operator", "the venue corrected it"))
        assert harness.submit().status is OrderStatus.SUBMITTED

    def test_one_after_the_end_counts_too(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.fill(order, "1.2")
        assert order.is_overfilled
        assert harness.new_events("control:main") == ["LatchSet"]


class TestRepeatedExecution:
    def harness(self) -> EngineHarness:
        risk = RiskConfig(repeated_execution_count=3, repeated_execution_window_ns=60 * S)
        return EngineHarness(EngineConfig(risk=risk)).start()

    def test_incident_4_a_strategy_that_executes_the_same_again_and_again_is_stopped(self) -> None:
        harness = self.harness()
        for _ in range(3):
            harness.fill(harness.working(), "1")
        assert harness.new_events("control:main") == ["LatchSet"]
        assert harness.submit().code == "REPEATED_EXECUTION"
        other = harness.submit(strategy_id="another")
        assert other.status is OrderStatus.SUBMITTED, "the latch is the strategy's"

    def test_it_survives_a_restart(self) -> None:
        harness = self.harness()
        for _ in range(3):
            harness.fill(harness.working(), "1")
        again = harness.restart()
        again.connect(positions={SPOT: "3"})
        assert again.submit().code == "REPEATED_EXECUTION"

    def test_what_is_filled_before_the_first_order_is_checked_counts(self) -> None:
        harness = self.harness()
        orders = [harness.working() for _ in range(3)]
        again = harness.restart()
        again.connect(orders=[harness.said(order) for order in orders])
        for number, order in enumerate(orders):
            again.report(fill_of(order, "1", "45000", number, again.now_ns))
        assert again.submit().code == "REPEATED_EXECUTION"

    def test_many_fills_of_one_order_are_one_execution(self) -> None:
        harness = self.harness()
        order = harness.working()
        for _ in range(10):
            harness.fill(order, "0.1")
        assert harness.events("control:main") == []

    def test_cleared_the_strategy_trades_again(self) -> None:
        harness = self.harness()
        for _ in range(3):
            harness.fill(harness.working(), "1")
        scope = ControlScope(ScopeKind.STRATEGY, STRATEGY)
        harness.tell(inputs.ClearLatch(0, scope, "REPEATED_EXECUTION", "operator", "as meant"))
        assert harness.submit().status is OrderStatus.SUBMITTED


class TestBusts:
    def test_one_takes_its_fill_back_once(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "0.4")
        harness.report(busted(fill))
        assert parts(order, "status filled_quantity") == (OrderStatus.ACCEPTED, 0)
        harness.report(busted(fill))
        assert harness.last.records == ()
        assert harness.net() == 0

    def test_the_fill_does_not_count_again_when_it_is_told_again(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "0.4")
        harness.report(busted(fill))
        harness.report(fill)
        assert order.filled_quantity == 0

    def test_one_that_overtook_its_fill_takes_it_back_when_it_comes(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.filled(order, "0.4")
        harness.report(busted(fill))
        assert harness.last.records == ()
        harness.report(fill)
        assert harness.new_events(order) == ["FillApplied", "FillBusted"]
        assert harness.net() == 0

    def test_after_the_end_it_still_moves_the_position(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "1")
        harness.report(busted(fill))
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, 0)
        assert harness.net() == 0

    def test_one_without_an_original_key_means_its_own(self, harness: EngineHarness) -> None:
        order = harness.working()
        report = busted(harness.fill(order, "0.4"))
        report.original_key = None
        harness.report(report)
        assert order.filled_quantity == 0


class TestCorrections:
    def test_one_counts_in_place_of_its_original(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "0.4")
        harness.report(corrected(fill, "0.3", "44000"))
        assert parts(order, "filled_quantity filled_cost") == (Decimal("0.3"), Decimal(13_200))
        assert harness.net() == Decimal("0.3")

    def test_it_counts_once(self, harness: EngineHarness) -> None:
        order = harness.working()
        report = corrected(harness.fill(order, "0.4"), "0.3")
        harness.report(report)
        harness.report(report)
        assert harness.last.records == ()

    def test_under_the_same_key_it_counts_once_too(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.fill(order, "0.4")
        report = corrected(fill, "0.3", key=fill.fill.key)
        harness.report(report)
        assert order.filled_quantity == Decimal("0.3")
        harness.report(report)
        assert harness.last.records == ()
        harness.report(fill)
        assert order.filled_quantity == Decimal("0.3"), "the original does not come back"

    def test_one_that_overtook_its_original_corrects_it_when_it_comes(self, harness: EngineHarness) -> None:
        order = harness.working()
        fill = harness.filled(order, "0.4")
        harness.report(corrected(fill, "0.3"))
        assert harness.last.records == ()
        harness.report(fill)
        assert harness.new_events(order) == ["FillApplied", "FillCorrected"]
        assert order.filled_quantity == Decimal("0.3")

    def test_a_corrected_fill_can_be_corrected_again_and_busted(self, harness: EngineHarness) -> None:
        order = harness.working()
        first = corrected(harness.fill(order, "0.4"), "0.3")
        harness.report(first)
        second = corrected(first, "0.2")
        harness.report(second)
        assert order.filled_quantity == Decimal("0.2")
        harness.report(busted(second))
        assert (order.filled_quantity, harness.net()) == (0, 0)
        harness.report(first)
        harness.report(second)
        assert order.filled_quantity == 0


class TestReordered:
    @given(st.permutations(range(6)))
    def test_in_any_order_the_outcome_is_the_same_and_telling_it_again_changes_nothing(
        self, sequence: list[int]
    ) -> None:
        harness = EngineHarness().start()
        order = harness.submit()
        made = [harness.filled(order, quantity) for quantity in ("0.2", "0.3", "0.4")]
        spoken: list[FillReport | OrderReport] = [
            *made,
            busted(made[0]),
            corrected(made[1], "0.25"),
            harness.said(order, VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.65")),
        ]
        for index in sequence:
            harness.report(spoken[index])
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.65"))
        assert harness.net() == Decimal("0.65")
        for report in spoken:
            harness.report(report)
            assert harness.last.records == ()
