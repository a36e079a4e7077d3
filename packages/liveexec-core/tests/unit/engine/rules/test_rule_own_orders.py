"""SELF_MATCH and REDUCE_ONLY: an order against the account's own orders and position."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import AccountId, StrategyId, VenueOrderId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk_config import RiskConfig
from support.builders import (
    LINEAR,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    make_bet_intent,
    make_intent,
    make_market_intent,
    make_replace_requested,
)
from support.risk_world import RiskWorld, codes_of

MATCH, ENLARGES = ["SELF_MATCH"], ["REDUCE_ONLY"]
OTHER = StrategyId("other")


@pytest.fixture
def world() -> RiskWorld:
    return RiskWorld(RiskConfig(self_match=True))


class TestSelfMatch:
    @pytest.mark.parametrize(
        ("intent", "codes"),
        [
            (make_intent(price=Decimal("45099.99")), []),
            (make_intent(price=Decimal(45_100)), MATCH),
            (make_intent(price=Decimal(45_200)), MATCH),
            (make_intent(side=Side.SELL, price=Decimal("44900.01")), []),
            (make_intent(side=Side.SELL, price=Decimal(44_900)), MATCH),
            (make_intent(side=Side.SELL, price=Decimal(44_800)), MATCH),
            (make_intent(instrument_key=SPOT_AT_BETA, price=Decimal(45_200)), []),
            (make_intent(instrument_key=LINEAR, price=Decimal(45_200)), []),
            (make_intent(strategy_id=OTHER, price=Decimal(45_100)), MATCH),
        ],
    )
    def test_a_price_that_meets_an_own_order_is_refused(
        self, world: RiskWorld, intent: OrderIntent, codes: list[str]
    ) -> None:
        world.works(side=Side.SELL, price=Decimal(45_100))
        world.works(side=Side.SELL, price=Decimal(45_300))
        world.works(side=Side.BUY, price=Decimal(44_900))
        assert world.codes(intent) == codes

    def test_another_account_at_the_venue_is_another_owner(self, world: RiskWorld) -> None:
        world.works(side=Side.SELL, price=Decimal(45_100))
        crossing = make_intent(price=Decimal(45_200))
        assert codes_of(world.leg(crossing, account_id=AccountId("ALPHA-2"))) == []

    def test_an_ended_order_is_out_of_the_way(self, world: RiskWorld) -> None:
        order = world.works(side=Side.SELL, price=Decimal(45_100))
        world.apply(order, ev.SubmitUnknown(1, "timeout"))
        assert world.codes(make_intent(price=Decimal(45_100))) == MATCH
        world.apply(order, ev.Canceled("asked", NOW_NS))
        assert world.codes(make_intent(price=Decimal(45_100))) == []

    def test_both_prices_of_a_pending_change_are_in_the_way(self, world: RiskWorld) -> None:
        order = world.works(side=Side.SELL, price=Decimal(45_100))
        world.apply(order, ev.Accepted(VenueOrderId("V-1"), NOW_NS), make_replace_requested(price=Decimal(45_050)))
        assert world.codes(make_intent(price=Decimal(45_050))) == MATCH
        world.apply(order, ev.Replaced(Decimal(1), Decimal(45_200), None, None, NOW_NS))
        assert world.codes(make_intent(price=Decimal(45_150))) == []

    def test_a_change_is_held_against_the_other_side(self, world: RiskWorld) -> None:
        world.works(side=Side.SELL, price=Decimal(45_100))
        order = world.works(side=Side.BUY, price=Decimal(44_900))
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "1", "45099"))) == []
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "1", "45100"))) == MATCH

    @pytest.mark.parametrize(("quantity", "codes"), [(5, []), (6, MATCH)])
    def test_a_market_order_is_held_against_what_it_would_reach(
        self, world: RiskWorld, quantity: int, codes: list[str]
    ) -> None:
        world.book(SPOT, asks=[("45001", "5"), ("45100", "5")])
        world.works(side=Side.SELL, price=Decimal(45_100))
        assert world.codes(make_market_intent(quantity=Decimal(quantity))) == codes

    def test_where_nothing_is_visible_any_own_order_is_too_near(self, world: RiskWorld) -> None:
        world.works(side=Side.SELL, price=Decimal(45_100))
        world.state.market.books.clear()
        assert world.codes(make_market_intent()) == MATCH
        assert world.codes(make_market_intent(side=Side.SELL)) == []

    def test_a_stop_meets_nothing_before_it_is_triggered(self, world: RiskWorld) -> None:
        world.works(side=Side.SELL, price=Decimal(45_100))
        stop = make_intent(order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(45_100), price=Decimal(45_200))
        assert world.codes(stop) == []

    @pytest.mark.parametrize(
        ("side", "odds", "codes"),
        [
            (Side.BACK, "3.5", MATCH),
            (Side.BACK, "3.4", MATCH),
            (Side.BACK, "3.55", []),
            (Side.LAY, "3.6", []),
            (Side.LAY, "4", MATCH),
        ],
    )
    def test_a_back_meets_a_lay_of_equal_or_higher_odds(
        self, world: RiskWorld, side: Side, odds: str, codes: list[str]
    ) -> None:
        for own_side, own_odds in ((Side.LAY, "3.5"), (Side.BACK, "4")):
            world.works(intent=make_bet_intent(side=own_side, odds=Decimal(own_odds)))
        assert codes_of(world.leg(make_bet_intent(side=side, odds=Decimal(odds)))) == codes

    def test_an_operation_without_a_counterparty_meets_nobody(self, world: RiskWorld) -> None:
        world.works(side=Side.SELL, price=Decimal(45_100))
        supply = make_intent(operation=Operation.SUPPLY, side=Side.SUPPLY, order_type=OrderType.MARKET, price=None)
        assert codes_of(world.leg(supply)) == []

    def test_it_is_off_unless_configured(self) -> None:
        world = RiskWorld()
        world.works(side=Side.SELL, price=Decimal(45_100))
        assert world.codes(make_intent(price=Decimal(45_100))) == []


class TestReduceOnly:
    @pytest.mark.parametrize(
        ("held", "side", "quantity", "codes"),
        [
            ("2", Side.SELL, "2", []),
            ("2", Side.SELL, "2.001", ENLARGES),
            ("2", Side.BUY, "0.001", ENLARGES),
            ("-2", Side.BUY, "2", []),
            ("0", Side.SELL, "1", ENLARGES),
        ],
    )
    def test_it_never_enlarges_the_accounts_net(self, held: str, side: Side, quantity: str, codes: list[str]) -> None:
        world = RiskWorld()
        if held != "0":
            world.hold(LINEAR, held)
        intent = make_intent(instrument_key=LINEAR, side=side, quantity=Decimal(quantity), reduce_only=True)
        assert world.codes(intent) == codes

    def test_the_net_is_the_accounts_not_the_strategys(self) -> None:
        world = RiskWorld()
        world.hold(LINEAR, "2", strategy_id=OTHER)
        assert world.codes(make_intent(instrument_key=LINEAR, side=Side.SELL, reduce_only=True)) == []

    def test_open_orders_of_the_same_side_come_first(self) -> None:
        world = RiskWorld()
        world.hold(LINEAR, "2")
        world.works(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal("1.5"))
        half = make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal("0.5"), reduce_only=True)
        assert world.codes(half) == []
        more = make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal("0.501"), reduce_only=True)
        assert world.codes(more) == ENLARGES

    def test_an_order_without_the_flag_may_enlarge(self) -> None:
        assert RiskWorld().codes(make_intent(instrument_key=LINEAR, side=Side.SELL)) == []
