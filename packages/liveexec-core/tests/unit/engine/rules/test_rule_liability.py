"""LIABILITY: the most that may be lost on one selection, whichever way it ends. GBP counts 1.25."""

from decimal import Decimal

import pytest

from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Side
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk_config import RiskConfig
from support.builders import ODDS, make_bet_intent, make_intent
from support.risk_world import RiskWorld, codes_of

REFUSED = ["LIABILITY"]
BACK, LAY = Side.BACK, Side.LAY


def bet(side: Side, stake: str, odds: str = "3") -> OrderIntent:
    return make_bet_intent(side=side, quantity=Decimal(stake), odds=Decimal(odds))


@pytest.fixture
def world() -> RiskWorld:
    return RiskWorld(RiskConfig(max_liability=Decimal(125)))


@pytest.mark.parametrize(
    ("intent", "codes"),
    [
        (bet(BACK, "100"), []),
        (bet(BACK, "100.01"), REFUSED),
        (bet(LAY, "50"), []),
        (bet(LAY, "50.01"), REFUSED),
        (bet(LAY, "100", "2"), []),
        (bet(LAY, "100.01", "2"), REFUSED),
    ],
)
def test_a_backer_risks_the_stake_and_a_layer_stake_times_odds_less_one(
    world: RiskWorld, intent: OrderIntent, codes: list[str]
) -> None:
    assert codes_of(world.leg(intent)) == codes


def test_matched_bets_count_in_both_outcomes(world: RiskWorld) -> None:
    world.hold(ODDS, "60", "3")
    assert codes_of(world.leg(bet(BACK, "40"))) == []
    assert codes_of(world.leg(bet(BACK, "40.01"))) == REFUSED
    # Backing 60 at 3 wins 120, so laying may lose 220 at 3 if the selection wins.
    assert codes_of(world.leg(bet(LAY, "110"))) == []
    assert codes_of(world.leg(bet(LAY, "110.01"))) == REFUSED


def test_open_bets_of_the_same_outcome_count_and_offsetting_ones_do_not_help(world: RiskWorld) -> None:
    world.works(intent=bet(BACK, "60"))
    world.works(intent=bet(LAY, "40"))
    assert codes_of(world.leg(bet(BACK, "40"))) == []
    assert codes_of(world.leg(bet(BACK, "40.01"))) == REFUSED
    assert codes_of(world.leg(bet(LAY, "10"))) == []
    assert codes_of(world.leg(bet(LAY, "10.01"))) == REFUSED


def test_a_bet_that_does_not_make_the_worse_result_worse_passes_beyond_the_limit(world: RiskWorld) -> None:
    world.hold(ODDS, "200", "3")
    assert codes_of(world.leg(bet(LAY, "100"))) == []
    assert codes_of(world.leg(bet(BACK, "1"))) == REFUSED


def test_a_change_counts_only_what_it_adds(world: RiskWorld) -> None:
    order = world.works(intent=bet(BACK, "90"))
    assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "100", "3"))) == []
    assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "100.01", "3"))) == REFUSED


def test_it_is_asked_before_the_route_where_the_account_is_plain(world: RiskWorld) -> None:
    assert codes_of(world.parent(bet(BACK, "100"))) == []
    assert codes_of(world.parent(bet(BACK, "100.01"))) == REFUSED
    world.state.venue_accounts = {}
    assert codes_of(world.parent(bet(BACK, "100.01"))) == []
    assert codes_of(world.leg(bet(BACK, "100.01"), account_id=None)) == ["LISTING", *REFUSED]


def test_a_change_of_odds_counts_for_a_layer(world: RiskWorld) -> None:
    order = world.works(intent=bet(LAY, "50"))
    assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "50", "2.9"))) == []
    assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "50", "3.05"))) == REFUSED


def test_without_the_odds_of_an_open_bet_nothing_is_valued(world: RiskWorld) -> None:
    order = world.works(intent=bet(LAY, "1"))
    world.state.exposure.release(order)
    order.price = order.reserve_price = None
    world.state.exposure.reserve(order)
    assert codes_of(world.leg(bet(BACK, "1"))) == REFUSED


def test_without_a_rate_no_bet_is_valued(world: RiskWorld) -> None:
    del world.state.rates["GBP"]
    assert codes_of(world.leg(bet(BACK, "1"))) == REFUSED


def test_trades_have_no_liability(world: RiskWorld) -> None:
    assert world.codes(make_intent(quantity=Decimal(100))) == []
