"""EXPOSURE_LIMIT: gross notional in all, at a venue and in an asset."""

from decimal import Decimal

import pytest

from liveexec.domain.ids import StrategyId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Side
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk_config import RiskConfig
from support.builders import (
    INVERSE,
    LINEAR,
    MULTIPLIED,
    ODDS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_bet_intent,
    make_intent,
    make_market_intent,
)
from support.risk_world import RiskWorld, codes_of

REFUSED = ["EXPOSURE_LIMIT"]
OTHER = StrategyId("other")
BTC = 45_000


def limited(total: int | None = None, **by_name: int) -> RiskWorld:
    venues = {name: Decimal(limit) for name, limit in by_name.items() if name in ("ALPHA", "BETA", "BETFAIR")}
    assets = {name: Decimal(limit) for name, limit in by_name.items() if name not in venues}
    return RiskWorld(
        RiskConfig(
            max_total_notional=Decimal(total) if total is not None else None,
            max_notional_per_venue=venues,
            max_notional_per_asset=assets,
        )
    )


def buys(quantity: str, key: str = SPOT, price: str = "45000") -> OrderIntent:
    return make_intent(instrument_key=key, quantity=Decimal(quantity), price=Decimal(price))


class TestTotal:
    @pytest.mark.parametrize(("quantity", "codes"), [("1", []), ("1.00001", REFUSED)])
    def test_positions_and_open_orders_of_all_kinds_add_up_gross(self, quantity: str, codes: list[str]) -> None:
        world = limited(BTC * 8 + 1_000)
        world.hold(SPOT, "1")
        world.hold(SPOT_AT_BETA, "-1", strategy_id=OTHER)
        world.works(instrument_key=SPOT, side=Side.BUY, quantity=Decimal(1), price=Decimal(BTC))
        world.works(instrument_key=SPOT, side=Side.SELL, quantity=Decimal(1), price=Decimal(BTC))
        world.runs(instrument_key=SPOT_PRODUCT, quantity=Decimal(3), price=Decimal(BTC), strategy_id=OTHER)
        world.hold(INVERSE, "1000")
        assert codes_of(world.parent(buys(quantity))) == codes

    def test_an_order_counts_at_its_worst_price(self) -> None:
        world = limited(BTC)
        assert codes_of(world.parent(buys("1"))) == []
        assert codes_of(world.parent(buys("1", price="45000.01"))) == REFUSED
        resting_sale = make_intent(side=Side.SELL, price=Decimal(50_000))
        assert codes_of(world.parent(resting_sale)) == REFUSED
        assert codes_of(world.parent(make_market_intent())) == REFUSED

    def test_a_reducing_order_passes_beyond_the_limit(self) -> None:
        world = limited(BTC)
        world.hold(SPOT, "3")
        assert codes_of(world.parent(make_intent(side=Side.SELL, quantity=Decimal(3)))) == []
        assert codes_of(world.parent(make_intent(side=Side.SELL, quantity=Decimal("3.00001")))) == REFUSED
        assert codes_of(world.parent(buys("0.00012"))) == REFUSED
        closing = make_intent(instrument_key=SPOT_PRODUCT, side=Side.SELL, quantity=Decimal(3))
        assert codes_of(world.parent(closing)) == []

    def test_an_operators_order_that_closes_the_accounts_net_passes(self) -> None:
        world = limited(BTC)
        world.hold(LINEAR, "3")
        flattens = make_intent(
            instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(3), strategy_id=StrategyId("FLATTEN")
        )
        assert codes_of(world.parent(flattens)) == []

    def test_a_change_counts_only_the_value_it_adds(self) -> None:
        world = limited(BTC * 3)
        order = world.works(quantity=Decimal(3), price=Decimal(BTC))
        assert codes_of(world.verdict(world.replacing(RiskStage.PARENT, order, "3", "45000"))) == []
        assert codes_of(world.verdict(world.replacing(RiskStage.PARENT, order, "3", "44000"))) == []
        assert codes_of(world.verdict(world.replacing(RiskStage.PARENT, order, "3", "45001"))) == REFUSED

    def test_what_can_not_be_valued_refuses_but_what_reduces(self) -> None:
        world = limited(10**12)
        world.hold(MULTIPLIED, "1")
        world.hold(SPOT, "1")
        del world.state.market.books[MULTIPLIED]
        assert codes_of(world.parent(buys("1"))) == REFUSED
        assert codes_of(world.parent(make_intent(side=Side.SELL, quantity=Decimal(1)))) == []
        del world.state.market.books[SPOT]
        assert codes_of(world.parent(make_market_intent())) == REFUSED

    def test_bets_count_what_they_may_lose(self) -> None:
        world = limited(100)
        world.hold(ODDS, "-20", "3")
        laid = make_bet_intent(side=Side.LAY, quantity=Decimal(20), odds=Decimal(3))
        assert codes_of(world.parent(laid)) == []
        more = make_bet_intent(side=Side.LAY, quantity=Decimal("20.01"), odds=Decimal(3))
        assert codes_of(world.parent(more)) == REFUSED


class TestVenue:
    @pytest.mark.parametrize(("quantity", "codes"), [("1", []), ("1.00001", REFUSED)])
    def test_only_what_is_at_the_venue_counts(self, quantity: str, codes: list[str]) -> None:
        world = limited(ALPHA=BTC * 4)
        world.hold(SPOT, "-1")
        world.hold(SPOT_AT_BETA, "50")
        world.works(instrument_key=LINEAR, quantity=Decimal(2), price=Decimal(BTC))
        assert world.codes(buys(quantity)) == codes
        assert world.codes(buys("100", SPOT_AT_BETA)) == []

    def test_children_count_where_they_are_and_parents_do_not(self) -> None:
        world = limited(ALPHA=BTC * 3)
        parent = world.runs(quantity=Decimal(100), price=Decimal(BTC))
        world.spawns(parent, quantity=Decimal(2), price=Decimal(BTC))
        assert codes_of(world.leg(buys("1"), parent=parent)) == []
        assert codes_of(world.leg(buys("1.00001"), parent=parent)) == REFUSED

    def test_a_reducing_order_passes_beyond_the_limit(self) -> None:
        world = limited(ALPHA=1)
        world.hold(LINEAR, "2")
        closing = make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(2))
        assert world.codes(closing) == []
        assert world.codes(make_intent(instrument_key=LINEAR, side=Side.SELL, quantity=Decimal(3))) == REFUSED

    def test_the_bookmakers_venue_counts_liabilities(self) -> None:
        world = limited(BETFAIR=50)
        world.works(intent=make_bet_intent(side=Side.LAY, quantity=Decimal(10), odds=Decimal(3)))
        assert world.codes(make_bet_intent(quantity=Decimal(20))) == []
        assert world.codes(make_bet_intent(quantity=Decimal("20.01"))) == REFUSED


class TestAsset:
    @pytest.mark.parametrize(("quantity", "codes"), [("1", []), ("1.00001", REFUSED)])
    def test_everything_with_the_same_underlying_counts_wherever_it_is(self, quantity: str, codes: list[str]) -> None:
        world = limited(BTC=BTC * 5 + 1_000)
        world.hold(SPOT_AT_BETA, "2")
        world.hold(LINEAR, "-1")
        world.hold(INVERSE, "1000")
        world.works(instrument_key=SPOT_AT_BETA, quantity=Decimal(1), price=Decimal(BTC))
        world.hold(MULTIPLIED, "50")
        assert world.codes(buys(quantity)) == codes

    def test_another_underlying_is_not_limited(self) -> None:
        world = limited(BTC=1)
        assert world.codes(buys("1", MULTIPLIED, "5000")) == []
