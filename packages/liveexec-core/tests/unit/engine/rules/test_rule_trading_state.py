"""TRADING_STATE: halted scopes stop, reducing scopes let through only what reduces."""

from decimal import Decimal

import pytest

from liveexec.domain.account_event import ScopeKind, TradingState
from liveexec.domain.ids import StrategyId
from liveexec.domain.operation import Side
from liveexec.domain.order_event import RiskStage
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
    make_intent,
)
from support.risk_world import RiskWorld, codes_of

REFUSED = ["TRADING_STATE"]
OTHER = StrategyId("other")


@pytest.fixture
def world() -> RiskWorld:
    return RiskWorld()


class TestHalted:
    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            (ScopeKind.GLOBAL, ""),
            (ScopeKind.STRATEGY, STRATEGY),
            (ScopeKind.ACCOUNT, ALPHA_ACCOUNT),
            (ScopeKind.VENUE, ALPHA),
            (ScopeKind.INSTRUMENT, SPOT),
        ],
    )
    def test_an_order_in_the_scope_is_refused(self, world: RiskWorld, kind: ScopeKind, name: str) -> None:
        world.sets(TradingState.HALTED, kind, name)
        assert codes_of(world.leg(make_intent())) == REFUSED
        world.sets(TradingState.ACTIVE, kind, name)
        assert codes_of(world.leg(make_intent())) == []

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            (ScopeKind.STRATEGY, OTHER),
            (ScopeKind.ACCOUNT, BETA_ACCOUNT),
            (ScopeKind.VENUE, BETA),
            (ScopeKind.INSTRUMENT, SPOT_AT_BETA),
        ],
    )
    def test_an_order_beside_the_scope_passes(self, world: RiskWorld, kind: ScopeKind, name: str) -> None:
        world.sets(TradingState.HALTED, kind, name)
        assert world.codes(make_intent()) == []

    def test_a_product_order_is_held_against_what_is_known_of_it(self, world: RiskWorld) -> None:
        routed = make_intent(instrument_key=SPOT_PRODUCT)
        world.sets(TradingState.HALTED, ScopeKind.VENUE, ALPHA)
        assert codes_of(world.parent(routed)) == []
        assert codes_of(world.leg(routed, listing=world.state.listings[SPOT])) == REFUSED
        assert codes_of(world.leg(routed, listing=world.state.listings[SPOT_AT_BETA])) == []

    def test_even_a_reducing_order_is_refused(self, world: RiskWorld) -> None:
        world.hold(LINEAR, "2")
        world.sets(TradingState.HALTED)
        assert world.codes(make_intent(side=Side.SELL, instrument_key=LINEAR)) == REFUSED


class TestReducing:
    @pytest.mark.parametrize(
        ("held", "side", "quantity", "codes"),
        [
            ("2", Side.SELL, "2", []),
            ("2", Side.SELL, "2.001", REFUSED),
            ("2", Side.BUY, "0.001", REFUSED),
            ("-2", Side.BUY, "2", []),
            ("-2", Side.BUY, "2.001", REFUSED),
            ("-2", Side.SELL, "0.001", REFUSED),
            ("0", Side.SELL, "0.001", REFUSED),
        ],
    )
    def test_only_what_reduces_the_accounts_net_passes(
        self, world: RiskWorld, held: str, side: Side, quantity: str, codes: list[str]
    ) -> None:
        if held != "0":
            world.hold(LINEAR, held)
        world.sets(TradingState.REDUCING)
        assert world.codes(make_intent(side=side, quantity=Decimal(quantity), instrument_key=LINEAR)) == codes

    @pytest.mark.parametrize(("quantity", "codes"), [("0.5", []), ("0.501", REFUSED)])
    def test_open_orders_of_the_same_side_come_first(self, world: RiskWorld, quantity: str, codes: list[str]) -> None:
        world.hold(LINEAR, "2")
        world.works(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal("1.5"))
        world.works(instrument_key=LINEAR, side=Side.BUY, quantity=Decimal(9))
        world.sets(TradingState.REDUCING)
        assert world.codes(make_intent(side=Side.SELL, quantity=Decimal(quantity), instrument_key=LINEAR)) == codes

    def test_the_smaller_of_two_views_of_the_net_is_what_can_be_reduced(self, world: RiskWorld) -> None:
        world.hold(LINEAR, "2")
        world.drifts(LINEAR, "2", "1")
        world.sets(TradingState.REDUCING, ScopeKind.INSTRUMENT, LINEAR)
        assert world.codes(make_intent(side=Side.SELL, quantity=Decimal(1), instrument_key=LINEAR)) == []
        assert world.codes(make_intent(side=Side.SELL, quantity=Decimal("1.001"), instrument_key=LINEAR)) == REFUSED

    def test_a_drift_moves_along_with_the_fills_since(self, world: RiskWorld) -> None:
        world.hold(LINEAR, "2")
        world.drifts(LINEAR, "2", "1")
        world.hold(LINEAR, "3")
        world.sets(TradingState.REDUCING, ScopeKind.INSTRUMENT, LINEAR)
        assert world.codes(make_intent(side=Side.SELL, quantity=Decimal(4), instrument_key=LINEAR)) == []
        assert world.codes(make_intent(side=Side.SELL, quantity=Decimal(5), instrument_key=LINEAR)) == REFUSED

    def test_a_strategys_scope_asks_for_the_strategys_own_net(self, world: RiskWorld) -> None:
        world.hold(LINEAR, "2")
        world.hold(LINEAR, "-2", strategy_id=OTHER)
        world.sets(TradingState.REDUCING, ScopeKind.STRATEGY, STRATEGY)
        assert world.codes(make_intent(side=Side.SELL, quantity=Decimal(2), instrument_key=LINEAR)) == []
        assert world.codes(make_intent(side=Side.SELL, quantity=Decimal(3), instrument_key=LINEAR)) == REFUSED
        assert world.codes(make_intent(side=Side.SELL, instrument_key=LINEAR, strategy_id=OTHER)) == []

    def test_a_child_is_among_its_parents_quantity_already(self, world: RiskWorld) -> None:
        world.hold(LINEAR, "2")
        parent = world.runs(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(2))
        world.sets(TradingState.REDUCING, ScopeKind.STRATEGY, STRATEGY)
        slice_of_it = make_intent(side=Side.SELL, quantity=Decimal(1), instrument_key=LINEAR)
        assert codes_of(world.leg(slice_of_it, parent=parent)) == []
        assert codes_of(world.leg(slice_of_it)) == REFUSED

    def test_a_change_of_an_order_counts_only_what_it_adds(self, world: RiskWorld) -> None:
        world.hold(LINEAR, "2")
        order = world.works(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(1))
        world.sets(TradingState.REDUCING)
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "2", "45000"))) == []
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "2.001", "45000"))) == REFUSED
