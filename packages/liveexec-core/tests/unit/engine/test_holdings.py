"""Holdings: positions by strategy and product, whatever the ledger adds."""

from decimal import Decimal

from liveexec.domain.ids import StrategyId
from liveexec.engine.holdings import Holdings, net_of
from support.builders import LINEAR, SPOT, SPOT_AT_BETA, SPOT_PRODUCT, STRATEGY
from support.risk_world import RiskWorld

OTHER = StrategyId("other")


def test_a_product_is_summed_over_venues_and_strategies() -> None:
    world = RiskWorld()
    world.hold(SPOT, "2")
    world.hold(SPOT_AT_BETA, "-0.5")
    world.hold(SPOT, "1", strategy_id=OTHER)
    world.hold(LINEAR, "7")
    holdings = Holdings()
    holdings.refresh(world.state.ledger)
    assert net_of(holdings.of_strategy(STRATEGY, SPOT_PRODUCT)) == Decimal("1.5")
    assert net_of(holdings.of_strategy(OTHER, SPOT_PRODUCT)) == 1
    assert net_of(holdings.of_strategy(StrategyId("nobody"), SPOT_PRODUCT)) == 0


def test_what_the_ledger_adds_later_is_taken_in() -> None:
    world, holdings = RiskWorld(), Holdings()
    holdings.refresh(world.state.ledger)
    assert net_of(holdings.of_strategy(STRATEGY, SPOT_PRODUCT)) == 0
    world.hold(SPOT, "2")
    holdings.refresh(world.state.ledger)
    world.hold(SPOT_AT_BETA, "1")
    holdings.refresh(world.state.ledger)
    holdings.refresh(world.state.ledger)
    assert net_of(holdings.of_strategy(STRATEGY, SPOT_PRODUCT)) == 3


def test_a_change_of_a_known_position_is_seen_at_once() -> None:
    world, holdings = RiskWorld(), Holdings()
    world.hold(SPOT, "2")
    holdings.refresh(world.state.ledger)
    world.hold(SPOT, "-5")
    assert net_of(holdings.of_strategy(STRATEGY, SPOT_PRODUCT)) == -3


def test_another_ledger_starts_anew() -> None:
    first, second, holdings = RiskWorld(), RiskWorld(), Holdings()
    first.hold(SPOT, "2")
    holdings.refresh(first.state.ledger)
    second.hold(LINEAR, "1")
    holdings.refresh(second.state.ledger)
    assert list(holdings.by_strategy[STRATEGY]) == ["PERPETUAL:BTC-USDT@LIN"]
