"""Reports that no order of ours can be found for: claimed when it gets its name, adopted when none does."""

from decimal import Decimal

import pytest
from attrs import evolve

from liveexec.domain.account_event import ControlScope, DriftSeen, ScopeKind
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import VenueOrderId
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import (
    Accepted,
    AssetKind,
    AssetReport,
    OrderReport,
    Rejected,
    Unknown,
    VenueOrderStatus,
)
from liveexec.engine import fills
from liveexec.engine.effects import FetchFills, SendCancel
from liveexec.engine.inputs import ControlKind, SendVerb
from support.builders import ALPHA_ACCOUNT, SPOT, SPOT_PRODUCT, STRATEGY, make_order_report, parts
from support.engine_harness import EngineHarness
from support.venue_words import busted, fill_of, total_of


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


class TestReportsWithoutOurName:
    """While a submit has no venue id, a report that names only such an id may be about that order."""

    def test_its_status_waits_for_the_answer_that_names_it(self, harness: EngineHarness) -> None:
        order = harness.submit(time_in_force=TimeInForce.IOC)
        gone = harness.said(order, VenueOrderStatus.CANCELED, client_order_id=None)
        harness.report(gone)
        assert harness.last.records == ()
        harness.answer(order, Accepted(gone.venue_order_id))
        assert order.status is OrderStatus.CANCELED
        assert list(harness.engine.state.ledger.orders) == [order.order_id]

    def test_a_fill_that_is_ours_by_another_name_claims_what_waits_under_it(self, harness: EngineHarness) -> None:
        # A change gave the order another id, and its answer was lost.
        order = harness.working()
        harness.replace(order, price="44000")
        harness.answer(order, Unknown("timeout"), SendVerb.REPLACE)
        fill = harness.filled(order, "1", client_order_id=None, venue_order_id=VenueOrderId("V-renamed"))
        harness.report(fill)
        assert harness.net() == 0
        fetched = evolve(fill, client_order_id=order.client_order_id)
        harness.report(fetched)
        assert (harness.net(), order.venue_order_id) == (1, "V-renamed")
        harness.advance(120)
        assert list(harness.engine.state.ledger.orders) == [order.order_id]
        assert harness.net() == 1

    def test_its_fill_waits_for_as_long_as_it_may_be_ours(self, harness: EngineHarness) -> None:
        order = harness.submit()
        fill = harness.fill(order, "0.5", client_order_id=None)
        for _ in range(6):
            harness.advance(5)
        harness.answer(order, Accepted(fill.venue_order_id))
        assert parts(order, "filled_quantity status") == (Decimal("0.5"), OrderStatus.PARTIALLY_FILLED)
        harness.advance(60)
        assert len(harness.engine.state.ledger.orders) == 1

    def test_its_new_name_waits_for_the_answer_to_the_change_that_brings_it(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.replace(order, price="44000")
        renamed = VenueOrderId("V-renamed")
        harness.report(harness.said(order, client_order_id=None, venue_order_id=renamed, price=Decimal(44_000)))
        harness.fill(order, "0.5", client_order_id=None, venue_order_id=renamed)
        assert harness.last.records == (), "it may be the order that is being changed"
        harness.answer(order, Accepted(renamed), SendVerb.REPLACE)
        assert parts(order, "venue_order_id price filled_quantity") == (renamed, 44_000, Decimal("0.5"))
        assert list(harness.engine.state.ledger.orders) == [order.order_id]

    def test_but_not_for_ever(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.fill(order, "0.5", client_order_id=None, venue_order_id="V-foreign")
        harness.advance(59)
        assert harness.net() == 0
        harness.advance(2)
        assert harness.net() == Decimal("0.5")

    def test_nor_once_our_order_is_known_not_to_be_it(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.fill(order, "0.5", client_order_id=None, venue_order_id="V-foreign")
        harness.answer(order, Accepted(VenueOrderId("V-ours")))
        harness.advance(5)
        assert (order.filled_quantity, harness.net()) == (0, Decimal("0.5"))

    def test_one_that_comes_again_waits_no_longer(self, harness: EngineHarness) -> None:
        known = harness.working()
        fill = harness.filled(known, "0.5", client_order_id=None, venue_order_id="V-foreign")
        harness.report(fill)
        harness.advance(4)
        harness.report(fill)
        harness.advance(1)
        assert harness.net() == Decimal("0.5")

    def test_a_bust_without_its_order_is_remembered_for_the_fill(self, harness: EngineHarness) -> None:
        known = harness.working()
        fill = harness.filled(known, "0.5", client_order_id=None, venue_order_id="V-foreign")
        harness.report(busted(fill))
        assert (harness.last.records, harness.last.effects) == ((), ())
        harness.report(fill)
        harness.advance(5)
        assert harness.net() == 0


class TestOthersOrders:
    def test_fills_of_an_adopted_order_belong_to_external_and_latch_nothing(self, harness: EngineHarness) -> None:
        harness.report(make_order_report())
        adopted = next(iter(harness.engine.state.ledger.orders.values()))
        assert parts(adopted, "status strategy_id leaves side") == (OrderStatus.ACCEPTED, "EXTERNAL", 2, Side.SELL)
        for number in range(3):
            harness.report(fill_of(adopted, "1", "46000", number, harness.now_ns))
        assert adopted.status is OrderStatus.FILLED
        assert harness.net() == -3
        assert harness.events("control:main") == []

    def test_of_one_that_was_partly_filled_before_only_the_rest_is_awaited(self, harness: EngineHarness) -> None:
        harness.report(make_order_report(filled_quantity=Decimal("0.5")))
        adopted = next(iter(harness.engine.state.ledger.orders.values()))
        assert adopted.leaves == Decimal("1.5")
        assert harness.effects(FetchFills) == []
        harness.report(make_order_report(VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.5")))
        assert parts(adopted, "status filled_quantity") == (OrderStatus.CANCELED, 0)

    def test_it_waits_for_the_fills_that_came_since(self, harness: EngineHarness) -> None:
        harness.report(make_order_report(filled_quantity=Decimal("0.5")))
        adopted = next(iter(harness.engine.state.ledger.orders.values()))
        harness.report(make_order_report(VenueOrderStatus.CANCELED, filled_quantity=Decimal("0.8")))
        assert adopted.is_open
        harness.report(fill_of(adopted, "0.3", "46000", 1, harness.now_ns, key=FillKey("T")))
        assert parts(adopted, "status filled_quantity") == (OrderStatus.CANCELED, Decimal("0.3"))

    @pytest.mark.parametrize("is_total", [False, True])
    def test_a_fill_that_waits_for_its_order_is_no_drift(self, harness: EngineHarness, *, is_total: bool) -> None:
        known = harness.working()
        if is_total:
            harness.report(total_of(known, "0.3", client_order_id=None, venue_order_id="V-x"))
        else:
            harness.report(
                fill_of(known, "0.3", "45000", 1, harness.now_ns, client_order_id=None, venue_order_id="V-x")
            )
        for _ in range(3):
            harness.advance(1)
            harness.snapshot(orders=[harness.said(known)], positions={SPOT: "0.3"})
        assert harness.account_events() == []
        harness.advance(5)
        assert harness.net() == Decimal("0.3")
        for _ in range(2):
            harness.advance(1)
            harness.snapshot(orders=[harness.said(known)], positions={SPOT: "0.5"})
        assert any(isinstance(event, DriftSeen) for event in harness.account_events()), "that is one"

    def test_what_a_fill_costs_that_waits_for_its_order_is_no_drift_of_a_balance(self) -> None:
        harness = EngineHarness().start()
        harness.connect(balances={"USDT": "100000"})
        known = harness.working()
        harness.report(fill_of(known, "0.3", "45000", 1, harness.now_ns, client_order_id=None, venue_order_id="V-x"))
        for _ in range(3):
            harness.advance(1.2)
            harness.snapshot(orders=[harness.said(known)], positions={SPOT: "0.3"}, balances={"USDT": "86499"})
        assert not any(isinstance(event, DriftSeen) for event in harness.account_events())

    def test_a_fill_of_an_order_that_nobody_knows_is_adopted_when_no_order_claims_it(
        self, harness: EngineHarness
    ) -> None:
        known = harness.working()
        fill = fill_of(known, "0.3", "45000", 1, harness.now_ns, client_order_id=None, venue_order_id="V-foreign")
        harness.report(fill)
        assert harness.net() == 0
        harness.advance(5)
        assert harness.net() == Decimal("0.3")
        strategies = {order.strategy_id for order in harness.engine.state.ledger.orders.values()}
        assert strategies == {STRATEGY, "EXTERNAL"}

    def test_a_fill_that_waits_beside_its_order_does_not_end_it(self, harness: EngineHarness) -> None:
        ours = harness.submit()
        shown = make_order_report(client_order_id=None, filled_quantity=Decimal("0.3"))
        harness.report(harness.filled(ours, "0.3", client_order_id=None, venue_order_id=shown.venue_order_id))
        harness.report(shown)
        harness.answer(ours, Accepted(VenueOrderId("V-ours")))
        harness.advance(6)
        (adopted,) = [each for each in harness.engine.state.ledger.orders.values() if each is not ours]
        assert parts(adopted, "status filled_quantity leaves") == (
            OrderStatus.PARTIALLY_FILLED,
            Decimal("0.3"),
            Decimal("1.7"),
        )

    def test_what_ended_before_it_was_seen_is_nobodys_business(self, harness: EngineHarness) -> None:
        harness.report(make_order_report(VenueOrderStatus.CANCELED))
        assert harness.last.records == ()


class TestFilledBeforeItWasMet:
    @pytest.mark.parametrize(("later_s", "before_s"), [(5, 5), (600, 60)], ids=["at the opening", "long after it"])
    def test_its_fills_are_fetched_from_before(self, harness: EngineHarness, later_s: int, before_s: int) -> None:
        harness.now_ns = opened_ns = harness.engine.state.ledger.opened[ALPHA_ACCOUNT]
        skew_ns = harness.engine.state.config.timing.clock_skew_ns
        harness.now_ns = opened_ns + later_s * 1_000_000_000
        working = make_order_report(client_order_id=None, filled_quantity=Decimal("0.1"), venue_time_ns=harness.now_ns)
        harness.report(working)
        (adopted,) = harness.engine.state.ledger.orders.values()
        harness.report(evolve(working, status=VenueOrderStatus.FILLED, filled_quantity=working.quantity))
        (fetch,) = harness.effects(FetchFills)
        met_ns = adopted.created_at_ns - skew_ns
        assert fetch.since_ns == max(opened_ns, met_ns - before_s * 1_000_000_000)
        assert fetch.since_ns < met_ns

    @pytest.mark.parametrize("ended", [VenueOrderStatus.FILLED, VenueOrderStatus.CANCELED])
    def test_what_had_ended_before_the_account_was_opened_ends_though_its_fills_are_in_the_opening(
        self, harness: EngineHarness, ended: VenueOrderStatus
    ) -> None:
        opened_ns = harness.engine.state.ledger.opened[ALPHA_ACCOUNT]
        # Met in an answer that its venue had kept for too long.
        working = make_order_report(client_order_id=None, filled_quantity=Decimal("0.1"), venue_time_ns=opened_ns - 2)
        harness.report(working)
        (adopted,) = harness.engine.state.ledger.orders.values()
        gone = evolve(working, status=ended, filled_quantity=Decimal("0.5"))
        harness.report(evolve(gone, venue_time_ns=opened_ns))
        assert adopted.is_open, "a fill may be still to come"
        harness.report(evolve(gone, venue_time_ns=opened_ns - 1))
        assert parts(adopted, "status leaves") == (OrderStatus.CANCELED, Decimal(0))
        assert harness.effects(FetchFills) == []


class TestAdoptedAfterItsTime:
    def test_what_waits_under_other_keys_is_its_own_at_once(self, harness: EngineHarness) -> None:
        known = harness.working()
        # Whose a word without our name is nobody knows while this one has no name there.
        doubtful = harness.submit()
        wait_s = harness.engine.state.config.timing.adoption_ns / 1e9
        harness.report(make_order_report(side=Side.BUY, client_order_id=None, venue_time_ns=harness.now_ns))
        harness.advance(wait_s / 2)
        harness.fill(known, "0.3", client_order_id=None, venue_order_id="V-77")
        harness.answer(doubtful, Rejected("NO", "no"), SendVerb.SUBMIT)
        harness.advance(wait_s * 0.6)
        (adopted,) = (each for each in harness.engine.state.ledger.orders.values() if each not in (known, doubtful))
        assert parts(adopted, "status filled_quantity") == (OrderStatus.PARTIALLY_FILLED, Decimal("0.3"))
        assert harness.engine._core.parked == {}


class TestBoundedMemory:
    def test_what_came_too_early_is_remembered_up_to_a_bound(
        self, harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fills, "MOST_REMEMBERED", 2)
        order = harness.working()
        early = [harness.filled(order, "0.1") for _ in range(3)]
        for report in early:
            harness.report(busted(report))
        for report in early:
            harness.report(report)
        assert order.filled_quantity == Decimal("0.1"), "the oldest was forgotten"

    def test_so_are_references_of_assets_and_totals_that_fell(
        self, harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fills, "MOST_REMEMBERED", 2)
        for number in range(4):
            at_ns = harness.now_ns
            harness.report(AssetReport(ALPHA_ACCOUNT, "USDT", Decimal(1), AssetKind.FUNDING, f"f-{number}", at_ns))
            order = harness.working()
            for total in ("0.5", "0.2"):
                harness.report(total_of(order, total, venue_time_ns=harness.now_ns))
        core = harness.engine._core
        assert (len(core.asset_references[ALPHA_ACCOUNT]), len(core.fallen)) == (2, 2)


class TestMetByAFillAlone:
    def met(self, harness: EngineHarness) -> tuple[Order, OrderReport]:
        known = harness.working()
        harness.fill(known, "0.5", client_order_id=None, venue_order_id="V-77")
        harness.advance(5)
        (adopted,) = (each for each in harness.engine.state.ledger.orders.values() if each is not known)
        assert parts(adopted, "status quantity filled_quantity") == (OrderStatus.FILLED, Decimal("0.5"), Decimal("0.5"))
        working = make_order_report(
            side=Side.BUY, client_order_id=None, quantity=Decimal(2), filled_quantity=Decimal("0.5")
        )
        return adopted, working

    def test_shown_working_it_is_what_the_venue_says_and_can_be_cancelled(self, harness: EngineHarness) -> None:
        adopted, working = self.met(harness)
        harness.report(working)
        assert parts(adopted, "status quantity price leaves") == (
            OrderStatus.PARTIALLY_FILLED, Decimal(2), working.price, Decimal("1.5"),
        )  # fmt: skip
        harness.report(working)
        assert harness.last.records == ()
        harness.kill(ControlKind.CANCEL_ALL, ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT))
        assert adopted in [send.order for send in harness.effects(SendCancel)]

    def test_its_reservation_is_that_of_its_rest_and_goes_with_it(self, harness: EngineHarness) -> None:
        adopted, working = self.met(harness)
        before = harness.engine.state.exposure.of_product(SPOT_PRODUCT).buys
        harness.report(working)
        assert harness.engine.state.exposure.of_product(SPOT_PRODUCT).buys - before == Decimal("1.5")
        harness.fill(adopted, "1.5", client_order_id=None, venue_order_id="V-77")
        assert adopted.status is OrderStatus.FILLED
        assert harness.engine.state.exposure.of_product(SPOT_PRODUCT).buys == before

    @pytest.mark.parametrize("is_met_first", [True, False], ids=["a word first", "its time first"])
    def test_a_fill_that_waits_is_not_in_a_word_that_is_older(
        self, harness: EngineHarness, *, is_met_first: bool
    ) -> None:
        known = harness.working()
        # Whose a word without our name is nobody knows while this one has no name there.
        doubtful = harness.submit() if not is_met_first else None
        harness.fill(known, "0.3", client_order_id=None, venue_order_id="V-77")
        harness.report(
            make_order_report(
                side=Side.BUY,
                client_order_id=None,
                quantity=Decimal("0.4"),
                filled_quantity=Decimal("0.1"),
                venue_time_ns=harness.now_ns - 1,
            )
        )
        if doubtful is not None:
            harness.answer(doubtful, Rejected("NO", "no"), SendVerb.SUBMIT)
            harness.advance(5)
        (adopted,) = (each for each in harness.engine.state.ledger.orders.values() if each not in (known, doubtful))
        assert parts(adopted, "status adopted_filled quantity filled_quantity") == (
            OrderStatus.FILLED, Decimal("0.1"), Decimal("0.3"), Decimal("0.3"),
        )  # fmt: skip

    def test_shown_as_large_as_it_was_filled_it_stays_filled(self, harness: EngineHarness) -> None:
        adopted, working = self.met(harness)
        working.quantity = Decimal("0.5")
        harness.report(working)
        assert harness.last.records == ()
        assert adopted.status is OrderStatus.FILLED

    def test_what_it_filled_before_the_account_was_opened_is_not_awaited(self, harness: EngineHarness) -> None:
        adopted, working = self.met(harness)
        working = evolve(working, filled_quantity=Decimal("0.9"))
        harness.report(working)
        assert parts(adopted, "status filled_quantity leaves") == (
            OrderStatus.PARTIALLY_FILLED, Decimal("0.5"), Decimal("1.1"),
        )  # fmt: skip
        harness.report(evolve(working, status=VenueOrderStatus.CANCELED))
        assert parts(adopted, "status leaves") == (OrderStatus.CANCELED, Decimal(0))

    def test_one_that_was_filled_there_and_partly_before_stays_filled(self, harness: EngineHarness) -> None:
        adopted, working = self.met(harness)
        harness.report(evolve(working, quantity=Decimal("0.9"), filled_quantity=Decimal("0.9")))
        assert adopted.status is OrderStatus.FILLED

    def test_shown_as_it_was_before_that_fill_it_stays_filled(self, harness: EngineHarness) -> None:
        adopted, working = self.met(harness)
        (fill,) = (adopted.fills or {}).values()
        stale = evolve(working, filled_quantity=Decimal("1.5"), venue_time_ns=fill.venue_time_ns - 1)
        harness.report(stale)
        assert parts(adopted, "status quantity") == (OrderStatus.FILLED, Decimal("0.5"))

    def test_a_child_of_ours_is_none_of_them(self, harness: EngineHarness) -> None:
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.4"})
        (child,) = harness.children(parent)
        harness.fill(child, "0.4")
        assert not child.is_adopted
        harness.report(harness.said(child, quantity=Decimal(2), filled_quantity=Decimal("0.4")))
        assert parts(child, "status quantity") == (OrderStatus.FILLED, Decimal("0.4"))

    def test_a_restart_knows_it_as_it_is(self, harness: EngineHarness) -> None:
        adopted, working = self.met(harness)
        harness.report(working)
        again = harness.restart().engine.state.ledger.orders[adopted.order_id]
        assert parts(again, "status quantity leaves") == (OrderStatus.PARTIALLY_FILLED, Decimal(2), Decimal("1.5"))
