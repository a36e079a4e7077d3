"""Holdings: what is open by strategy and account, and what closed positions brought, whatever happens to orders."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import StrategyId, product_of
from liveexec.domain.operation import Side
from liveexec.engine.holdings import Holdings, held_between, worst_net
from support.builders import (
    ALPHA_ACCOUNT,
    LINEAR,
    ODDS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    STRATEGY,
    make_fill,
)
from support.risk_world import RiskWorld

OTHER = StrategyId("other")
NOBODY = StrategyId("nobody")
LINEAR_PRODUCT = product_of(LINEAR)


@pytest.fixture
def world() -> RiskWorld:
    return RiskWorld()


@pytest.fixture
def holdings() -> Holdings:
    return Holdings()


class TestOpen:
    def test_a_product_is_summed_over_venues_by_strategy_and_over_all(
        self, world: RiskWorld, holdings: Holdings
    ) -> None:
        world.hold(SPOT, "2")
        world.hold(SPOT_AT_BETA, "-0.5")
        world.hold(SPOT, "1", strategy_id=OTHER)
        world.hold(LINEAR, "7")
        holdings.refresh(world.state)
        assert holdings.net_of(STRATEGY, SPOT_PRODUCT) == Decimal("1.5")
        assert holdings.net_of(OTHER, SPOT_PRODUCT) == 1
        assert holdings.net_of(NOBODY, SPOT_PRODUCT) == 0
        assert holdings.nets == {SPOT_PRODUCT: Decimal("2.5"), LINEAR_PRODUCT: 7}
        assert list(holdings.accounts.open[ALPHA_ACCOUNT]) == [SPOT, LINEAR]

    def test_what_the_ledger_adds_later_is_taken_in(self, world: RiskWorld, holdings: Holdings) -> None:
        holdings.refresh(world.state)
        assert holdings.nets == {}
        world.hold(SPOT, "2")
        holdings.refresh(world.state)
        world.hold(SPOT_AT_BETA, "1")
        holdings.refresh(world.state)
        holdings.refresh(world.state)
        assert holdings.net_of(STRATEGY, SPOT_PRODUCT) == holdings.nets[SPOT_PRODUCT] == 3

    def test_a_fill_is_seen_and_so_is_a_late_one(self, world: RiskWorld, holdings: Holdings) -> None:
        order = world.works(quantity=Decimal(2))
        holdings.refresh(world.state)
        world.apply(order, ev.FillApplied(make_fill(1, quantity=Decimal(1))))
        holdings.refresh(world.state)
        assert holdings.net_of(STRATEGY, SPOT_PRODUCT) == holdings.nets[SPOT_PRODUCT] == 1
        world.apply(order, ev.Canceled("asked", None))
        holdings.refresh(world.state)
        world.apply(order, ev.FillApplied(make_fill(2, quantity=Decimal(1))))
        holdings.refresh(world.state)
        assert holdings.net_of(STRATEGY, SPOT_PRODUCT) == holdings.nets[SPOT_PRODUCT] == 2

    def test_an_order_that_changes_hands_takes_its_position_along(self, world: RiskWorld, holdings: Holdings) -> None:
        order = world.works(quantity=Decimal(2))
        world.apply(order, ev.FillApplied(make_fill(1, quantity=Decimal(1))))
        holdings.refresh(world.state)
        world.apply(order, ev.Reattributed(OTHER, "operator", "it was theirs"))
        holdings.refresh(world.state)
        assert holdings.net_of(STRATEGY, SPOT_PRODUCT) == 0
        assert holdings.net_of(OTHER, SPOT_PRODUCT) == 1

    def test_another_ledger_starts_anew(self, holdings: Holdings) -> None:
        first, second = RiskWorld(), RiskWorld()
        first.hold(SPOT, "2")
        holdings.refresh(first.state)
        second.hold(LINEAR, "1")
        holdings.refresh(second.state)
        assert list(holdings.strategies[STRATEGY].open) == [LINEAR_PRODUCT]
        assert list(holdings.nets) == [LINEAR_PRODUCT]


class TestBrought:
    def test_a_closed_position_is_out_of_the_way_with_what_it_brought(
        self, world: RiskWorld, holdings: Holdings
    ) -> None:
        world.hold(LINEAR, "2", "44000")
        holdings.refresh(world.state)
        world.hold(LINEAR, "-2", "45000")
        holdings.refresh(world.state)
        scope = holdings.strategies[STRATEGY]
        assert scope.brought == {"USDT": 2_000}
        assert not scope.open
        assert holdings.accounts.brought == {"USDT": 2_000}
        assert not holdings.accounts.open
        assert holdings.nets == {}

    def test_one_that_opens_again_counts_once(self, world: RiskWorld, holdings: Holdings) -> None:
        world.hold(LINEAR, "2", "44000")
        world.hold(LINEAR, "-2", "45000")
        holdings.refresh(world.state)
        world.hold(LINEAR, "1", "45000")
        holdings.refresh(world.state)
        assert holdings.strategies[STRATEGY].brought == {"USDT": 2_000}
        world.hold(LINEAR, "-1", "44500")
        holdings.refresh(world.state)
        assert holdings.strategies[STRATEGY].brought == {"USDT": 1_500}

    def test_fills_close_and_open_it_again(self, world: RiskWorld, holdings: Holdings) -> None:
        brought = []
        for number, (side, price) in enumerate(
            ((Side.BUY, 44_000), (Side.SELL, 45_000), (Side.BUY, 45_000), (Side.SELL, 44_500))
        ):
            order = world.works(side=side)
            fill = make_fill(number, side=side, quantity=Decimal(1), price=Decimal(price), fee=Decimal(0))
            world.apply(order, ev.FillApplied(fill))
            holdings.refresh(world.state)
            brought.append(holdings.strategies[STRATEGY].brought["USDT"])
        assert brought == [0, 1_000, 1_000, 500]

    def test_fees_count_in_their_own_asset(self, world: RiskWorld, holdings: Holdings) -> None:
        for number, side in enumerate((Side.BUY, Side.SELL)):
            order = world.works(side=side)
            fill = make_fill(number, side=side, quantity=Decimal(1), fee=Decimal("0.001"), fee_asset="BTC")
            world.apply(order, ev.FillApplied(fill))
        holdings.refresh(world.state)
        assert holdings.strategies[STRATEGY].brought == {"BTC": Decimal("-0.002"), "USDT": 0}

    def test_strategies_that_offset_each_other_are_open_while_the_account_is_flat(
        self, world: RiskWorld, holdings: Holdings
    ) -> None:
        world.hold(LINEAR, "1", "44000")
        world.hold(LINEAR, "-1", "45000", strategy_id=OTHER)
        holdings.refresh(world.state)
        assert holdings.net_of(STRATEGY, LINEAR_PRODUCT) == 1
        assert holdings.net_of(OTHER, LINEAR_PRODUCT) == -1
        assert holdings.accounts.brought == {"USDT": 1_000}
        assert not holdings.accounts.open

    def test_bets_are_open_while_their_stakes_are_even(self, world: RiskWorld, holdings: Holdings) -> None:
        world.hold(ODDS, "10", "3")
        world.hold(ODDS, "-10", "2")
        holdings.refresh(world.state)
        (position,) = holdings.accounts.open[next(iter(holdings.accounts.open))].values()
        assert not position.quantity
        assert position.cost == 10


class TestNets:
    @pytest.mark.parametrize(
        ("low", "high", "buys", "sells", "expected"),
        [(2, 2, 3, 1, 5), (-2, -2, 3, 1, 3), (2, 2, 0, 9, 7), (0, 0, 0, 0, 0), (1, 4, 1, 1, 5), (-4, 1, 1, 1, 5)],
    )
    def test_the_worst_net_is_reached_when_one_side_fills_alone(
        self, low: int, high: int, buys: int, sells: int, expected: int
    ) -> None:
        assert worst_net(Decimal(low), Decimal(high), Decimal(buys), Decimal(sells)) == expected

    def test_an_account_may_hold_what_either_side_says(self, world: RiskWorld) -> None:
        def between() -> list[Decimal]:
            return list(held_between(world.state, ALPHA_ACCOUNT, LINEAR))

        assert between() == [0, 0]
        world.hold(LINEAR, "2")
        assert between() == [2, 2]
        world.drifts(LINEAR, "2", "5")
        world.hold(LINEAR, "1")
        assert between() == [3, 6]
