"""Snapshots: the venue's truth against ours. What is missing here is taken in once, what differs is shown."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.account_event import (
    AssetMoved,
    ControlScope,
    DriftSeen,
    PositionChanged,
    ScopeKind,
    StateChanged,
    TradingState,
)
from liveexec.domain.ids import ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, AssetKind, AssetReport, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.effects import QueryOrder, SendCancel, SendSubmit
from liveexec.engine.inputs import Phase
from liveexec.engine.turn import Decision
from liveexec.errors import NotFound
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA_ACCOUNT,
    LINEAR,
    SPOT,
    SPOT_AT_BETA,
    STRATEGY,
    make_manifest,
    make_market_intent,
    make_order_report,
    parts,
)
from support.engine_harness import EngineHarness, S
from support.venue_words import busted, fill_of, venue_order_id_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


class TestOpening:
    def test_what_an_account_holds_at_first_is_externals(self) -> None:
        harness = EngineHarness()
        harness.connect(positions={LINEAR: "-2"}, balances={"USDT": "1000", "BTC": "0"})
        opened = [event for event in harness.account_events() if isinstance(event, PositionChanged)]
        moved = [event for event in harness.account_events() if isinstance(event, AssetMoved)]
        assert [parts(event, "strategy_id instrument_id quantity kind") for event in opened] == [
            ("EXTERNAL", LINEAR, Decimal(-2), "OPENING")
        ]
        assert [parts(event, "asset amount kind") for event in moved] == [("USDT", 1_000, "DEPOSIT")]
        assert harness.net(LINEAR) == -2

    @pytest.mark.parametrize(("ago_s", "counts"), [(1, False), (0, True)])
    def test_a_payment_from_before_it_is_in_it_however_late_it_is_told(self, ago_s: int, counts: bool) -> None:
        harness = EngineHarness()
        harness.connect(balances={"USDT": "1000"})
        opened_ns = harness.now_ns
        harness.advance(5)
        at_ns = opened_ns - ago_s * S
        harness.report(AssetReport(ALPHA_ACCOUNT, "USDT", Decimal(7), AssetKind.FUNDING, "f-1", at_ns))
        assert harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets["USDT"] == (1_007 if counts else 1_000)

    def test_it_is_valued_at_the_venues_average_else_at_the_mark(self) -> None:
        harness = EngineHarness().start(BETA_ACCOUNT)
        harness.connect(positions={LINEAR: "2"})
        opened = [event for event in harness.account_events() if isinstance(event, PositionChanged)]
        assert [event.price for event in opened] == [45_000]

    def test_it_is_taken_once(self) -> None:
        harness = EngineHarness()
        harness.connect(positions={LINEAR: "2"}, balances={"USDT": "1000"})
        harness.snapshot(positions={LINEAR: "2"}, balances={"USDT": "1000"})
        assert harness.last.records == ()
        again = harness.restart()
        again.connect(positions={LINEAR: "2"}, balances={"USDT": "1000"})
        assert [record for record in again.records if record.stream == ALPHA_ACCOUNT] == harness.records

    def test_an_account_that_was_empty_and_traded_is_not_opened_again(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        harness.snapshot(positions={SPOT: "1"}, balances={"BTC": "1"})
        assert harness.last.records == ()
        again = harness.restart()
        again.connect(positions={SPOT: "1"}, balances={"BTC": "1"})
        assert again.net() == 1

    def test_the_first_deposit_of_an_empty_account_counts_once(self, harness: EngineHarness) -> None:
        deposit = AssetReport(ALPHA_ACCOUNT, "USDT", Decimal(1000), AssetKind.DEPOSIT, "deposit-1", harness.now_ns)
        harness.report(deposit)
        harness.snapshot(balances={"USDT": "1000"})
        assert harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets == {"USDT": Decimal(1000)}

    def test_what_comes_before_the_first_snapshot_is_in_it(self) -> None:
        harness = EngineHarness()
        harness.tell(inputs.ListingsUpdate(0, ALPHA, (harness.listing(SPOT), harness.listing(LINEAR))))
        resting = make_order_report(filled_quantity=Decimal("0.5"))
        harness.report(resting)
        assert harness.last.records == ()
        harness.snapshot(orders=[resting], positions={SPOT: "-0.5"})
        (adopted,) = harness.engine.state.ledger.orders.values()
        assert parts(adopted, "leaves filled_quantity") == (Decimal("1.5"), 0)
        assert harness.net() == Decimal("-0.5")

    def test_incident_20_fills_from_before_it_are_in_it(self) -> None:
        harness = EngineHarness()
        resting = make_order_report(filled_quantity=Decimal("0.5"))
        harness.connect(orders=[resting], positions={SPOT: "-0.5"})
        (adopted,) = harness.engine.state.ledger.orders.values()
        before_ns, harness.now_ns = harness.now_ns - 1, harness.now_ns + 10 * S
        for order in (adopted, EngineHarness().start().working()):
            fill = fill_of(order, "0.5", "46000", 1, before_ns, client_order_id=None, venue_order_id="V-old")
            harness.report(fill)
        harness.report(fill_of(adopted, "0.5", "46000", 2, before_ns))
        harness.advance(10)
        assert harness.net() == Decimal("-0.5")
        harness.report(fill_of(adopted, "0.25", "46000", 3, harness.now_ns))
        assert harness.net() == Decimal("-0.75")

    def test_a_position_in_what_is_not_listed_is_left_out(self) -> None:
        harness = EngineHarness()
        harness.connect(positions={SPOT_AT_BETA: "3"})
        assert harness.account_events() == []

    def test_balances_are_the_venues_last_word(self, harness: EngineHarness) -> None:
        harness.snapshot(balances={"USDT": "1000"})
        assert harness.engine.state.balances[ALPHA_ACCOUNT, "USDT"].available == 1_000
        harness.snapshot(balances={"USDT": "900"})
        assert harness.engine.state.balances[ALPHA_ACCOUNT, "USDT"].available == 900


class TestOrders:
    def test_what_only_the_venue_has_is_adopted_under_an_id_that_every_process_makes(
        self, harness: EngineHarness
    ) -> None:
        harness.snapshot(orders=[make_order_report()])
        (adopted,) = harness.engine.state.ledger.orders.values()
        assert harness.events(adopted) == ["Adopted"]
        other = EngineHarness().start()
        other.now_ns += 12_345
        other.snapshot(orders=[make_order_report()])
        assert list(other.engine.state.ledger.orders) == [adopted.order_id]

    def test_incident_20_a_second_time_it_adds_nothing(self, harness: EngineHarness) -> None:
        working = harness.working()
        harness.fill(working, "0.5")
        harness.advance(1)
        said = [make_order_report(), harness.said(working)]
        harness.snapshot(orders=said, positions={SPOT: "0.5"})
        assert harness.last.records != ()
        harness.snapshot(orders=said, positions={SPOT: "0.5"})
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_what_only_we_have_is_asked_about_and_ends_by_nothing_less(self, harness: EngineHarness) -> None:
        working, unknown = harness.working(), harness.submit()
        harness.answer(unknown, Unknown("timeout"))
        harness.advance(1)
        harness.snapshot()
        assert [query.order for query in harness.effects(QueryOrder)] == [working, unknown]
        assert (working.status, unknown.status) == (OrderStatus.ACCEPTED, OrderStatus.UNKNOWN)

    def test_one_that_cut_off_pages_proves_no_more_than_another(self, harness: EngineHarness) -> None:
        working = harness.working()
        harness.advance(1)
        harness.snapshot(complete=False)
        assert working.status is OrderStatus.ACCEPTED

    @pytest.mark.parametrize("by", ["client_order_id", "venue_order_id"])
    def test_an_order_is_matched_by_either_name(self, harness: EngineHarness, by: str) -> None:
        working = harness.working()
        harness.advance(1)
        unnamed: dict[str, Any] = {"client_order_id": None, "venue_order_id": None}
        del unnamed[by]
        harness.snapshot(orders=[harness.said(working, **unnamed)])
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_an_unknown_order_that_it_shows_is_accepted(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.answer(order, Unknown("timeout"))
        harness.advance(1)
        harness.snapshot(orders=[harness.said(order)])
        assert parts(order, "status venue_order_id") == (OrderStatus.ACCEPTED, venue_order_id_of(order))

    def test_it_says_nothing_of_what_was_sent_after_it_was_asked_for(self, harness: EngineHarness) -> None:
        harness.advance(5)
        order = harness.submit()
        harness.snapshot(asked_ago_s=1)
        assert harness.effects(QueryOrder) == []
        harness.answer(order, Accepted(venue_order_id_of(order)))
        harness.snapshot(asked_ago_s=0)
        assert harness.effects(QueryOrder) == [], "the same instant is not after"

    def test_one_that_was_sent_before_it_was_asked_for_is_asked_about_though_its_venue_dates_it_earlier(
        self, harness: EngineHarness
    ) -> None:
        harness.advance(5)
        working = harness.working()
        harness.advance(1)
        # The venue's clock is behind, or its answer is one that it kept.
        harness.snapshot(asked_ago_s=2, began_ago_s=0.5)
        assert [query.order for query in harness.effects(QueryOrder)] == [working]

    def test_one_that_it_leaves_out_is_asked_about_though_a_fill_came_after_it_was_asked_for(
        self, harness: EngineHarness
    ) -> None:
        order = harness.working()
        harness.advance(1)
        harness.report(harness.filled(order, "0.4"))
        harness.snapshot(positions={SPOT: "0.4"}, asked_ago_s=0.5)
        assert [query.order for query in harness.effects(QueryOrder)] == [order]

    def test_one_that_ended_here_and_works_there_is_canceled(self, harness: EngineHarness) -> None:
        order = harness.working()
        taken_back, later = harness.filled(order, "0.4"), harness.filled(order, "0.6")
        working = harness.said(order, filled_quantity=Decimal("0.6"))
        # The bust came before the second fill, but is told after it.
        for report in (taken_back, later, busted(taken_back)):
            harness.report(report)
        assert parts(order, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.6"))
        harness.advance(1)
        harness.snapshot(orders=[working], positions={SPOT: "0.6"}, asked_ago_s=2)
        assert harness.effects(SendCancel) == [], "older than the end"
        harness.snapshot(orders=[working], positions={SPOT: "0.6"})
        assert [send.order for send in harness.effects(SendCancel)] == [order]

    def test_one_that_is_behind_its_fills_fetches_them(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.advance(1)
        harness.snapshot(orders=[harness.said(order, filled_quantity=Decimal("0.5"))], positions={SPOT: "0.5"})
        assert [type(effect).__name__ for effect in harness.last.effects] == ["FetchFills", "ArmTimer"]

    def test_a_second_attempt_is_not_ended_by_what_it_shows_of_the_first(self, harness: EngineHarness) -> None:
        order = harness.working(instrument_key=SPOT_AT_BETA)
        stale = harness.said(order)
        harness.replace(order, "2")
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.advance(1)
        harness.snapshot(account_id=BETA_ACCOUNT, orders=[stale])
        assert parts(order, "status attempt") == (OrderStatus.SUBMITTED, 2)

    def test_what_it_filled_while_we_were_away_counts_and_leaves_the_rest(self, harness: EngineHarness) -> None:
        resting = make_order_report(filled_quantity=Decimal("0.5"))
        fetched = fill_of(EngineHarness().start().working(side=Side.SELL), "0.5", "46000", 1, harness.now_ns)
        fetched.client_order_id, fetched.venue_order_id = None, resting.venue_order_id
        harness.report(fetched)
        harness.snapshot(orders=[resting], positions={SPOT: "-0.5"})
        (adopted,) = harness.engine.state.ledger.orders.values()
        assert parts(adopted, "filled_quantity leaves status") == (
            Decimal("0.5"),
            Decimal("1.5"),
            OrderStatus.PARTIALLY_FILLED,
        )
        assert harness.net() == Decimal("-0.5")
        assert harness.engine._core.parked == {}

    def test_a_foreign_order_without_a_name_can_not_be_tracked(self, harness: EngineHarness) -> None:
        harness.snapshot(orders=[make_order_report(client_order_id=None, venue_order_id=None)])
        assert harness.last.records == ()

    def test_one_known_by_our_name_only_gets_the_venues_when_it_is_told(self, harness: EngineHarness) -> None:
        named = make_order_report(client_order_id=ClientOrderId("web-1"), venue_order_id=None)
        harness.snapshot(orders=[named])
        (adopted,) = harness.engine.state.ledger.orders.values()
        named.venue_order_id = VenueOrderId("V-1")
        harness.report(named)
        assert adopted.venue_order_id == "V-1"
        assert len(harness.engine.state.ledger.orders) == 1


class TestDrift:
    def differing(self, harness: EngineHarness, times: int, quantity: str = "2") -> None:
        for _ in range(times):
            harness.advance(1)
            harness.snapshot(positions={SPOT: quantity})

    def test_a_difference_seen_once_is_none_yet(self, harness: EngineHarness) -> None:
        self.differing(harness, 1)
        assert harness.last.records == ()

    def test_two_in_quick_succession_are_both_ahead_of_fills_that_come_late(self, harness: EngineHarness) -> None:
        order = harness.working()
        for _ in range(2):
            harness.advance(0.2)
            harness.snapshot(orders=[harness.said(order)], positions={SPOT: "0.2"})
        harness.fill(order, "0.2")
        self.differing(harness, 2, "0.2")
        assert harness.account_events() == []

    def test_seen_again_when_nothing_can_be_on_its_way_any_more_it_is_one(self, harness: EngineHarness) -> None:
        harness.snapshot(positions={SPOT: "2"})
        harness.advance(0.5)
        harness.snapshot(positions={SPOT: "2"})
        assert harness.account_events() == []
        harness.advance(0.5)
        harness.snapshot(positions={SPOT: "2"})
        assert [type(event) for event in harness.account_events()] == [DriftSeen, StateChanged]

    def test_incident_10_seen_again_it_is_shown_and_the_instrument_only_reduces(self, harness: EngineHarness) -> None:
        self.differing(harness, 2)
        (drift, state) = harness.account_events()
        assert isinstance(drift, DriftSeen)
        assert parts(drift, "subject ours theirs") == (f"position:{SPOT}", 0, 2)
        assert isinstance(state, StateChanged)
        assert parts(state, "state principal") == (TradingState.REDUCING, "reconciler")
        assert harness.net() == 0, "nothing is invented to make it fit"
        assert harness.submit(make_market_intent()).code == "TRADING_STATE"

    def test_it_is_shown_once(self, harness: EngineHarness) -> None:
        self.differing(harness, 4)
        assert len(harness.account_events()) == 2

    def test_another_difference_each_time_is_a_market_at_work(self, harness: EngineHarness) -> None:
        for quantity in ("2", "3", "4"):
            self.differing(harness, 1, quantity)
        assert harness.account_events() == []

    def test_one_that_went_away_is_forgotten(self, harness: EngineHarness) -> None:
        self.differing(harness, 1)
        self.differing(harness, 1, "0")
        self.differing(harness, 1)
        assert harness.account_events() == []

    def test_what_moved_after_the_question_is_not_compared(self, harness: EngineHarness) -> None:
        order = harness.working()
        for _ in range(3):
            harness.advance(2)
            harness.fill(order, "0.1")
            harness.snapshot(positions={SPOT: str(order.filled_quantity - Decimal("0.1"))}, asked_ago_s=1)
        assert harness.account_events() == []

    def test_a_position_that_the_venue_has_no_longer_differs_too(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        self.differing(harness, 2, "0")
        assert [parts(event, "ours theirs") for event in harness.account_events() if isinstance(event, DriftSeen)] == [
            (1, 0)
        ]

    @pytest.mark.parametrize(
        ("instrument_id", "theirs", "drifts"),
        [(SPOT, {}, 0), (SPOT, {SPOT: "2"}, 1), (LINEAR, {}, 1)],
        ids=["a pair that is not named", "a pair that is named", "a contract that is not named"],
    )
    def test_a_venue_that_tells_spot_holdings_as_balances_alone_says_nothing_of_pairs_by_leaving_them_out(
        self, instrument_id: InstrumentId, theirs: dict[InstrumentId, str], drifts: int
    ) -> None:
        manifests = {ALPHA: make_manifest(spot_positions=False)}
        harness = EngineHarness(manifests=manifests).start()
        harness.market(instrument_id)
        harness.fill(harness.working(instrument_key=instrument_id), "1")
        for _ in range(3):
            harness.advance(1)
            harness.snapshot(positions=theirs)
        assert len([event for event in harness.account_events() if isinstance(event, DriftSeen)]) == drifts

    def test_it_holds_after_a_restart(self, harness: EngineHarness) -> None:
        self.differing(harness, 2)
        again = harness.restart()
        again.connect(positions={SPOT: "2"})
        again.market()
        assert again.submit(make_market_intent()).code == "TRADING_STATE"
        assert len(again.account_events()) == 2

    def test_a_halted_instrument_stays_halted(self, harness: EngineHarness) -> None:
        scope = ControlScope(ScopeKind.INSTRUMENT, SPOT)
        harness.set_state(TradingState.HALTED, scope)
        self.differing(harness, 2)
        assert harness.engine.state.ledger.state_of(scope) is TradingState.HALTED

    def test_one_that_changes_is_shown_anew_once_it_stays(self, harness: EngineHarness) -> None:
        self.differing(harness, 2)
        self.differing(harness, 3, "3")
        shown = [parts(event, "ours theirs") for event in harness.account_events() if isinstance(event, DriftSeen)]
        assert shown == [(0, 2), (0, 3)]

    def test_fills_since_then_move_both_and_make_no_other(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        self.differing(harness, 2, "3")
        harness.fill(harness.submit(side=Side.SELL), "0.5")
        self.differing(harness, 3, "2.5")
        assert len([event for event in harness.account_events() if isinstance(event, DriftSeen)]) == 1


class TestDriftAccepted:
    SUBJECT = f"position:{SPOT}"

    def drifting(self, harness: EngineHarness, quantity: str = "2") -> None:
        for _ in range(2):
            harness.advance(1)
            harness.snapshot(positions={SPOT: quantity})

    def accept(self, harness: EngineHarness, subject: str = SUBJECT) -> Decision:
        return harness.tell(inputs.AcceptDrift(0, ALPHA_ACCOUNT, subject, "operator", "they are right"))

    def test_ours_is_what_the_venue_says_and_the_instrument_trades_again(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        self.drifting(harness)
        self.accept(harness)
        assert [type(event).__name__ for event in harness.account_events()[-3:]] == [
            "DriftAccepted", "PositionChanged", "StateChanged",
        ]  # fmt: skip
        assert harness.net() == 2
        ledger = harness.engine.state.ledger
        assert {key[1]: each.quantity for key, each in ledger.positions.items()} == {STRATEGY: 1, "EXTERNAL": 1}
        assert harness.submit(make_market_intent()).is_open
        self.drifting(harness)
        assert ledger.drifts == {}

    @pytest.mark.parametrize("theirs", ["0", "0.25", "-1"])
    def test_no_profit_comes_of_it(self, harness: EngineHarness, theirs: str) -> None:
        harness.fill(harness.working(), "1")
        book = harness.engine.state.ledger.books[ALPHA_ACCOUNT]
        before = dict(book.assets)
        self.drifting(harness, theirs)
        self.accept(harness)
        assert harness.net() == Decimal(theirs)
        assert (book.positions[SPOT].realized_pnl, book.assets) == (0, before)

    def test_one_that_is_not_known_can_not_be(self, harness: EngineHarness) -> None:
        assert isinstance(harness.error(self.accept(harness)), NotFound)

    def test_one_of_an_instrument_that_is_gone_can_not_be_valued(self, harness: EngineHarness) -> None:
        self.drifting(harness)
        harness.tell(inputs.ListingsUpdate(0, ALPHA, ()))
        error = harness.error(self.accept(harness))
        assert "is not listed now" in str(error)
        assert len(harness.engine.state.ledger.drifts) == 1

    @pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
    def test_what_an_operator_stopped_stays_so(self, harness: EngineHarness, state: TradingState) -> None:
        scope = ControlScope(ScopeKind.INSTRUMENT, SPOT)
        self.drifting(harness)
        harness.set_state(state, scope)
        self.accept(harness)
        assert harness.engine.state.ledger.state_of(scope) is state

    def test_accepted_after_a_restart_it_is_the_same(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        self.drifting(harness)
        again = harness.restart()
        self.accept(again)
        assert again.net() == 2


class TestBalances:
    def told(self, harness: EngineHarness, times: int, **balances: str) -> None:
        for _ in range(times):
            harness.advance(1)
            harness.snapshot(balances=balances)

    def drifts(self, harness: EngineHarness) -> list[object]:
        return [
            parts(event, "subject ours theirs") for event in harness.account_events() if isinstance(event, DriftSeen)
        ]

    @pytest.fixture
    def harness(self) -> EngineHarness:
        harness = EngineHarness()
        harness.connect(balances={"USDT": "1000"})
        return harness

    def test_a_difference_that_stays_is_a_drift_and_stops_nothing(self, harness: EngineHarness) -> None:
        self.told(harness, 1, USDT="900")
        assert self.drifts(harness) == []
        self.told(harness, 3, USDT="900")
        assert self.drifts(harness) == [("balance:USDT", Decimal(1_000), Decimal(900))]
        assert harness.engine.state.ledger.states == {}

    def test_what_the_venue_rounds_is_none(self, harness: EngineHarness) -> None:
        self.told(harness, 3, USDT="1000.0005")
        assert self.drifts(harness) == []

    def test_a_movement_that_is_reported_later_is_none(self, harness: EngineHarness) -> None:
        self.told(harness, 1, USDT="900")
        harness.report(AssetReport(ALPHA_ACCOUNT, "USDT", Decimal(-100), AssetKind.FUNDING, "f-1", harness.now_ns))
        self.told(harness, 3, USDT="900")
        assert self.drifts(harness) == []

    def test_an_asset_that_the_venue_does_not_name_is_not_compared(self, harness: EngineHarness) -> None:
        self.told(harness, 3)
        assert self.drifts(harness) == []

    def test_what_an_open_position_settles_in_is_compared_when_it_is_closed(self, harness: EngineHarness) -> None:
        harness.market(LINEAR)
        opened = harness.working(instrument_key=LINEAR)
        harness.fill(opened, "1")
        for _ in range(3):
            harness.advance(1)
            harness.snapshot(balances={"USDT": "900"}, positions={LINEAR: "1"})
        assert self.drifts(harness) == []
        harness.fill(harness.working(instrument_key=LINEAR, side=Side.SELL), "1")
        self.told(harness, 2, USDT="900")
        assert self.drifts(harness) == [("balance:USDT", Decimal(999), Decimal(900))]

    def test_accepted_ours_is_what_the_venue_says(self, harness: EngineHarness) -> None:
        self.told(harness, 2, USDT="900")
        harness.tell(inputs.AcceptDrift(0, ALPHA_ACCOUNT, "balance:USDT", "operator", "a fee that nobody told"))
        assert harness.engine.state.ledger.books[ALPHA_ACCOUNT].assets["USDT"] == 900
        self.told(harness, 3, USDT="900")
        assert len(self.drifts(harness)) == 1


class TestPhases:
    def test_only_active_takes_risk(self, harness: EngineHarness) -> None:
        for phase, taken in ((Phase.DOWN, False), (Phase.RECONCILING, False), (Phase.ACTIVE, True)):
            harness.phase(phase)
            assert harness.submit().is_open is taken

    def test_incident_12_a_session_that_comes_back_sends_nothing_that_was_decided_before(
        self, harness: EngineHarness
    ) -> None:
        harness.submit()
        harness.working()
        harness.phase(Phase.DOWN)
        harness.phase(Phase.ACTIVE)
        assert harness.effects(SendSubmit) == []
