"""Trading states, kill and latches: what they stop, what they let pass, and what flattening sends."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, FlattenEnded, ScopeKind, TradingState
from liveexec.domain.ids import child_order_id
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, Rejected, Unknown, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.config import JournalLoss
from liveexec.engine.effects import SendCancel, SendSubmit
from liveexec.engine.inputs import ControlKind, Phase, SendVerb
from liveexec.engine.risk_config import RiskConfig
from liveexec.errors import NotFound
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    LINEAR,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    STRATEGY,
    make_market_intent,
    make_order_id,
    make_order_report,
    parts,
)
from support.engine_harness import EngineHarness, S
from support.venue_words import venue_order_id_of

EVERYTHING = ControlScope(ScopeKind.GLOBAL)
#: Scopes that an order of STRATEGY at ALPHA's spot market lies in, and those it does not.
AROUND = (
    EVERYTHING,
    ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT),
    ControlScope(ScopeKind.STRATEGY, STRATEGY),
    ControlScope(ScopeKind.VENUE, ALPHA),
    ControlScope(ScopeKind.INSTRUMENT, SPOT),
)
ELSEWHERE = (
    ControlScope(ScopeKind.ACCOUNT, "BETA-1"),
    ControlScope(ScopeKind.STRATEGY, "another"),
    ControlScope(ScopeKind.VENUE, BETA),
    ControlScope(ScopeKind.INSTRUMENT, SPOT_AT_BETA),
)


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def canceled(harness: EngineHarness) -> list[Order]:
    """The orders whose cancel went out with the last input."""
    return [send.order for send in harness.effects(SendCancel)]


class TestStates:
    @pytest.mark.parametrize("scope", AROUND, ids=str)
    def test_halted_stops_new_orders_in_its_scope_and_no_cancels(
        self, harness: EngineHarness, scope: ControlScope
    ) -> None:
        order = harness.working()
        harness.set_state(TradingState.HALTED, scope)
        assert harness.new_events("control:main") == ["StateChanged"]
        assert not harness.submit().is_open
        harness.cancel(order)
        assert canceled(harness) == [order]

    @pytest.mark.parametrize("scope", ELSEWHERE, ids=str)
    def test_elsewhere_it_stops_nothing(self, harness: EngineHarness, scope: ControlScope) -> None:
        harness.set_state(TradingState.HALTED, scope)
        assert harness.submit().is_open

    @pytest.mark.parametrize("scope", AROUND, ids=str)
    def test_reducing_lets_pass_what_reduces(self, harness: EngineHarness, scope: ControlScope) -> None:
        harness.fill(harness.working(), "1")
        harness.set_state(TradingState.REDUCING, scope)
        assert harness.submit().code == "TRADING_STATE"
        assert harness.submit(side=Side.SELL, quantity=Decimal(2)).code == "TRADING_STATE"
        assert harness.submit(side=Side.SELL, quantity=Decimal("0.6")).is_open
        assert harness.submit(side=Side.SELL, quantity=Decimal("0.6")).code == "TRADING_STATE", "more than is left"

    def test_the_strictest_of_all_scopes_holds_until_it_is_lifted(self, harness: EngineHarness) -> None:
        harness.set_state(TradingState.HALTED, AROUND[1])
        harness.set_state(TradingState.REDUCING, AROUND[0])
        harness.set_state(TradingState.ACTIVE, AROUND[0])
        assert not harness.submit().is_open
        harness.set_state(TradingState.ACTIVE, AROUND[1])
        assert harness.submit().is_open

    def test_changes_of_working_orders_are_stopped_as_well(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.set_state(TradingState.HALTED)
        harness.replace(order, "2")
        assert harness.new_events(order) == ["ReplaceRequested", "ReplaceRejected"]

    def test_a_halted_venue_leaves_a_product_the_others(self, harness: EngineHarness) -> None:
        harness.set_state(TradingState.HALTED, ControlScope(ScopeKind.VENUE, ALPHA))
        assert harness.submit(make_market_intent(instrument_key=SPOT_PRODUCT)).instrument_id == SPOT_AT_BETA


class TestKill:
    def test_a_block_stops_new_orders_and_leaves_the_others(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.kill(ControlKind.BLOCK)
        assert canceled(harness) == []
        assert order.is_open
        assert harness.submit().code == "TRADING_STATE"

    @pytest.mark.parametrize("scope", AROUND, ids=str)
    def test_incident_22_cancel_all_cancels_everything_in_its_scope(
        self, harness: EngineHarness, scope: ControlScope
    ) -> None:
        mine = [harness.working(), harness.working()]
        other = harness.working(instrument_key=SPOT_AT_BETA, strategy_id="another")
        harness.kill(ControlKind.CANCEL_ALL, scope)
        assert canceled(harness) == (mine if scope is not EVERYTHING else [*mine, other])
        assert not harness.submit().is_open

    @pytest.mark.parametrize("scope", ELSEWHERE, ids=str)
    def test_elsewhere_it_cancels_nothing(self, harness: EngineHarness, scope: ControlScope) -> None:
        harness.working()
        harness.kill(ControlKind.CANCEL_ALL, scope)
        assert canceled(harness) == []

    def test_what_is_in_flight_is_canceled_when_it_arrives(self, harness: EngineHarness) -> None:
        order = harness.submit()
        harness.kill(ControlKind.CANCEL_ALL)
        assert canceled(harness) == []
        harness.answer(order, Accepted(venue_order_id_of(order)))
        assert canceled(harness) == [order]

    def test_somebody_elses_orders_are_in_its_scope_too(self, harness: EngineHarness) -> None:
        harness.report(make_order_report())
        harness.kill(ControlKind.CANCEL_ALL, ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT))
        assert [order.strategy_id for order in canceled(harness)] == ["EXTERNAL"]

    @pytest.mark.parametrize("scope", AROUND, ids=str)
    def test_a_parent_stops_with_its_children(self, harness: EngineHarness, scope: ControlScope) -> None:
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.4"})
        (child,) = harness.children(parent)
        harness.report(child)
        harness.kill(ControlKind.CANCEL_ALL, scope)
        assert canceled(harness) == [child]
        harness.report(child, VenueOrderStatus.CANCELED)
        harness.advance(10)
        assert not parent.is_open
        assert harness.invariants.sent == {(child.order_id, 1): None}

    def test_lifted_trading_goes_on(self, harness: EngineHarness) -> None:
        harness.kill(ControlKind.CANCEL_ALL)
        harness.set_state(TradingState.ACTIVE)
        assert harness.submit().is_open

    def test_again_it_cancels_what_still_stands(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.kill(ControlKind.CANCEL_ALL)
        harness.answer(order, Unknown("timeout"), SendVerb.CANCEL)
        harness.advance(2)
        assert canceled(harness) == [order], "the wish is repeated without being asked again"
        harness.kill(ControlKind.CANCEL_ALL)
        assert order.is_open


class TestFlatten:
    def test_with_nothing_open_the_position_is_closed_at_once(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1.5")
        harness.kill(ControlKind.FLATTEN)
        (send,) = harness.effects(SendSubmit)
        assert parts(send.order, "quantity strategy_id account_id") == (Decimal("1.5"), "FLATTEN", ALPHA_ACCOUNT)
        assert parts(send.order.intent, "side order_type instrument_key") == (Side.SELL, OrderType.MARKET, SPOT)
        harness.fill(send.order, "1.5")
        assert harness.net() == 0

    def test_open_orders_go_first(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        resting = harness.working(price=Decimal(44_000))
        harness.kill(ControlKind.FLATTEN)
        assert canceled(harness) == [resting]
        assert harness.effects(SendSubmit) == []
        harness.fill(resting, "0.25")
        assert harness.effects(SendSubmit) == []
        harness.report(resting, VenueOrderStatus.CANCELED)
        (send,) = harness.effects(SendSubmit)
        assert send.quantity == Decimal("1.25"), "what filled meanwhile is closed too"

    def test_an_unknown_order_is_waited_for(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        unknown = harness.submit()
        harness.answer(unknown, Unknown("timeout"))
        harness.kill(ControlKind.FLATTEN)
        assert harness.effects(SendSubmit) == []
        harness.advance(6)
        harness.market()
        harness.query(unknown)
        assert [send.quantity for send in harness.effects(SendSubmit)] == [1]

    def test_a_short_is_bought_back_reduce_only_where_that_is_known(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(instrument_key=LINEAR, side=Side.SELL), "1")
        harness.kill(ControlKind.FLATTEN)
        (send,) = harness.effects(SendSubmit)
        assert parts(send.order.intent, "side reduce_only quantity") == (Side.BUY, True, 1)

    def test_the_ids_of_its_orders_derive_from_the_kills(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        seed = make_order_id(harness._numbers + 1, harness.now_ns)
        harness.kill(ControlKind.FLATTEN)
        assert [send.order.order_id for send in harness.effects(SendSubmit)] == [
            child_order_id(child_order_id(seed, 1), 1)
        ]

    @pytest.mark.parametrize(
        ("scope", "closed"),
        [
            (EVERYTHING, {SPOT: 1, SPOT_AT_BETA: 2}),
            (ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT), {SPOT: 1}),
            (ControlScope(ScopeKind.VENUE, BETA), {SPOT_AT_BETA: 2}),
            (ControlScope(ScopeKind.INSTRUMENT, SPOT), {SPOT: 1}),
            (ControlScope(ScopeKind.STRATEGY, STRATEGY), {SPOT: 1}),
            (ControlScope(ScopeKind.STRATEGY, "another"), {SPOT_AT_BETA: 2}),
        ],
        ids=str,
    )
    def test_it_closes_what_lies_in_its_scope(
        self, harness: EngineHarness, scope: ControlScope, closed: dict[str, int]
    ) -> None:
        harness.fill(harness.working(), "1")
        other = harness.working(instrument_key=SPOT_AT_BETA, strategy_id="another", quantity=Decimal(2))
        harness.fill(other, "2")
        harness.kill(ControlKind.FLATTEN, scope)
        sends = harness.effects(SendSubmit)
        assert {send.order.instrument_id: send.quantity for send in sends} == closed
        owners = {send.order.strategy_id for send in sends}
        assert owners == ({scope.name} if scope.kind is ScopeKind.STRATEGY else {"FLATTEN"})

    @pytest.mark.parametrize(
        "limits",
        [
            {"live": True, "max_position_per_instrument": {SPOT: Decimal(0)}},
            {"max_order_quantity": {"*": Decimal("0.5")}, "max_order_notional": {"*": Decimal(1)}},
            {"max_orders_per_second": 1, "duplicate_window_ns": S},
        ],
        ids=["no position allowed", "larger than an order may be", "too many orders"],
    )
    def test_what_bounds_new_risk_holds_nobody_in_a_position(
        self, harness: EngineHarness, limits: dict[str, Any]
    ) -> None:
        harness.fill(harness.working(), "1.5")
        assert (ControlScope(ScopeKind.INSTRUMENT, SPOT), "OVERFILL") in harness.engine.state.ledger.latches
        config = evolve(harness.config, risk=RiskConfig(**limits))
        harness.tell(inputs.ConfigUpdate(0, config, "hash", "operator", "stricter"))
        assert harness.submit(side=Side.SELL, quantity=Decimal(1)).status is OrderStatus.REJECTED
        harness.kill(ControlKind.FLATTEN)
        (send,) = harness.effects(SendSubmit)
        assert send.quantity == Decimal("1.5")

    def test_a_halt_of_a_wider_scope_holds_it_back(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        harness.set_state(TradingState.HALTED)
        harness.kill(ControlKind.FLATTEN, ControlScope(ScopeKind.INSTRUMENT, SPOT))
        assert harness.effects(SendSubmit) == []

    def test_flat_there_is_nothing_to_send(self, harness: EngineHarness) -> None:
        harness.kill(ControlKind.FLATTEN)
        assert harness.effects(SendSubmit) == []
        assert harness.submit().code == "TRADING_STATE"

    def test_less_than_a_lot_is_left(self, harness: EngineHarness) -> None:
        order = harness.working()
        harness.fill(order, "0.0004")
        harness.report(order, VenueOrderStatus.CANCELED)
        harness.kill(ControlKind.FLATTEN)
        assert harness.effects(SendSubmit) == []
        ended = [event for record in harness.records for event in record.events if isinstance(event, FlattenEnded)]
        assert {str(each.account_id): each.reason for each in ended} == {
            ALPHA_ACCOUNT: f"left as less than a lot or not listed: 0.0004 {SPOT}",
            BETA_ACCOUNT: "it holds nothing",
        }

    def test_a_parent_ends_before_its_position_is_closed(self, harness: EngineHarness) -> None:
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.4"})
        (child,) = harness.children(parent)
        harness.report(child)
        harness.kill(ControlKind.FLATTEN)
        harness.fill(child, "0.1")
        harness.report(child, VenueOrderStatus.CANCELED)
        assert not parent.is_open
        assert [send.quantity for send in harness.effects(SendSubmit)] == [Decimal("0.1")]

    def test_refused_at_the_venue_it_stays_recorded_and_is_not_repeated(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        harness.kill(ControlKind.FLATTEN)
        (send,) = harness.effects(SendSubmit)
        harness.answer(send.order, Rejected("-1", "market closed"))
        harness.advance(30)
        assert send.order.status is OrderStatus.REJECTED
        assert harness.net() == 1


class TestFlattenWaits:
    """What waits to be flattened outlives what keeps it waiting."""

    def waiting(self, harness: EngineHarness) -> list[str]:
        return [str(each.account_id) for each in harness.engine.state.ledger.flattenings.values()]

    def test_for_an_account_that_is_not_trusted_and_closes_the_others_at_once(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        harness.fill(harness.working(instrument_key=SPOT_AT_BETA), "1")
        harness.phase(Phase.RECONCILING)
        harness.kill(ControlKind.FLATTEN)
        assert [send.order.instrument_id for send in harness.effects(SendSubmit)] == [SPOT_AT_BETA]
        assert self.waiting(harness) == [ALPHA_ACCOUNT]
        harness.phase(Phase.ACTIVE)
        assert [send.order.instrument_id for send in harness.effects(SendSubmit)] == [SPOT]
        assert self.waiting(harness) == []

    def test_a_restart_goes_on_with_it_and_sends_it_once(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        resting = harness.working(price=Decimal(44_000))
        harness.kill(ControlKind.FLATTEN)
        again = harness.restart()
        assert self.waiting(again) == [ALPHA_ACCOUNT]
        again.connect(orders=[again.said(resting)], positions={SPOT: "1"})
        again.market()
        assert again.effects(SendSubmit) == []
        again.report(resting, VenueOrderStatus.CANCELED)
        (send,) = again.effects(SendSubmit)
        assert parts(send, "quantity") == (Decimal(1),)
        once_more = again.restart()
        assert self.waiting(once_more) == []

    @pytest.mark.parametrize("kind", [ControlKind.BLOCK, ControlKind.CANCEL_ALL])
    def test_until_an_operator_says_something_else_of_the_scope(
        self, harness: EngineHarness, kind: ControlKind
    ) -> None:
        harness.fill(harness.working(), "1")
        resting = harness.working(price=Decimal(44_000))
        harness.kill(ControlKind.FLATTEN)
        harness.kill(kind)
        assert self.waiting(harness) == []
        harness.report(resting, VenueOrderStatus.CANCELED)
        assert harness.effects(SendSubmit) == []

    def test_no_account_that_is_not_here_is_waited_for(self, harness: EngineHarness) -> None:
        harness.kill(ControlKind.FLATTEN, ControlScope(ScopeKind.ACCOUNT, "GAMMA-1"))
        assert self.waiting(harness) == []

    def test_until_the_scope_trades_again(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        resting = harness.working(price=Decimal(44_000))
        harness.kill(ControlKind.FLATTEN)
        harness.set_state(TradingState.ACTIVE, ControlScope(ScopeKind.VENUE, ALPHA))
        assert self.waiting(harness) == [ALPHA_ACCOUNT], "another scope"
        harness.set_state(TradingState.ACTIVE)
        harness.report(resting, VenueOrderStatus.CANCELED)
        assert harness.effects(SendSubmit) == []


class TestJournalLost:
    def lost(self, harness: EngineHarness, name: str = "*") -> None:
        config = evolve(harness.config, on_journal_loss={name: JournalLoss.CANCEL_RISK_ADDING})
        harness.tell(inputs.ConfigUpdate(0, config, "hash", "operator", "a test"))
        harness.tell(inputs.JournalLost(0, make_order_id(777)))

    def test_orders_stay_unless_something_else_is_wanted(self, harness: EngineHarness) -> None:
        harness.working()
        harness.tell(inputs.JournalLost(0, make_order_id(777)))
        assert (harness.last.records, harness.last.effects) == ((), ())

    def test_what_may_take_risk_goes_on_the_accounts_that_want_it(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        adding, reducing = harness.working(), harness.working(side=Side.SELL, quantity=Decimal("0.5"))
        elsewhere = harness.working(instrument_key=SPOT_AT_BETA)
        self.lost(harness, ALPHA_ACCOUNT)
        assert canceled(harness) == [adding]
        assert (reducing.cancel, elsewhere.cancel) == (PendingCancel.NONE, PendingCancel.NONE)
        self.lost(harness, ALPHA_ACCOUNT)
        assert canceled(harness) == [], "wished already"

    def test_more_than_is_held_does_not_only_reduce(self, harness: EngineHarness) -> None:
        harness.fill(harness.working(), "1")
        sales = [harness.working(side=Side.SELL, quantity=Decimal("0.6")) for _ in range(2)]
        self.lost(harness)
        assert canceled(harness) == sales

    def test_what_others_placed_stays(self, harness: EngineHarness) -> None:
        harness.report(make_order_report())
        (theirs,) = harness.engine.state.ledger.orders.values()
        ours = harness.working()
        self.lost(harness)
        assert canceled(harness) == [ours]
        assert theirs.is_open

    def test_a_parent_goes_with_its_child(self, harness: EngineHarness) -> None:
        parent = harness.submit(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "0.4"})
        (child,) = harness.children(parent)
        harness.report(child)
        self.lost(harness)
        harness.report(child, VenueOrderStatus.CANCELED)
        harness.advance(10)
        assert not parent.is_open
        assert harness.children(parent) == [child]


class TestKillRepeated:
    def test_every_kill_of_an_order_is_an_operation_of_its_own(self, harness: EngineHarness) -> None:
        harness.working()
        harness.kill(ControlKind.CANCEL_ALL)
        harness.kill(ControlKind.CANCEL_ALL)
        events = [event for record in harness.records for event in record.events]
        wishes = [event.operation_id for event in events if isinstance(event, ev.CancelRequested)]
        assert len(wishes) == len(set(wishes)) == 2


class TestLatches:
    def test_only_one_that_is_set_can_be_cleared(self, harness: EngineHarness) -> None:
        decision = harness.tell(inputs.ClearLatch(0, EVERYTHING, "OVERFILL", "operator", "?"))
        assert isinstance(harness.error(decision), NotFound)

    @pytest.mark.parametrize("kind", [ControlKind.CANCEL_ALL, ControlKind.BLOCK])
    def test_a_kill_clears_none(self, harness: EngineHarness, kind: ControlKind) -> None:
        harness.fill(harness.working(), "1.5")
        harness.kill(kind)
        harness.set_state(TradingState.ACTIVE)
        assert harness.submit().code == "LATCHED"


class TestWhoAsked:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda harness: harness.set_state(TradingState.HALTED),
            lambda harness: harness.kill(ControlKind.BLOCK),
        ],
    )
    def test_it_is_recorded_with_the_reason(
        self, harness: EngineHarness, ask: Callable[[EngineHarness], object]
    ) -> None:
        ask(harness)
        (changed,) = harness.account_events()
        assert parts(changed, "principal reason") == ("operator", "a test")
