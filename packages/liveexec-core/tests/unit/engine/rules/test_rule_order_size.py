"""ORDER_SIZE and ORDER_VALUE: how large a single order may be."""

from decimal import Decimal

import pytest

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

SIZE, VALUE = ["ORDER_SIZE"], ["ORDER_VALUE"]


def sized(**limits: int) -> RiskWorld:
    keys = {"spot": SPOT, "product": SPOT_PRODUCT, "any": "*"}
    return RiskWorld(RiskConfig(max_order_quantity={keys[name]: Decimal(limit) for name, limit in limits.items()}))


class TestQuantity:
    @pytest.mark.parametrize(("quantity", "codes"), [("2", []), ("2.00001", SIZE)])
    def test_the_limit_itself_passes(self, quantity: str, codes: list[str]) -> None:
        assert sized(spot=2).codes(make_intent(quantity=Decimal(quantity))) == codes

    def test_an_instruments_limit_is_for_what_enters_its_book(self) -> None:
        world = sized(spot=2, any=50)
        sliced = make_intent(quantity=Decimal(40), exec_algorithm="TWAP")
        assert codes_of(world.parent(sliced)) == []
        assert codes_of(world.leg(make_intent(quantity=Decimal(3)))) == SIZE
        assert codes_of(world.parent(make_intent(quantity=Decimal(60), exec_algorithm="TWAP"))) == SIZE

    def test_a_products_limit_is_for_what_a_caller_asks_for(self) -> None:
        world = sized(product=5, any=100)
        assert codes_of(world.parent(make_intent(instrument_key=SPOT_PRODUCT, quantity=Decimal(6)))) == SIZE
        assert codes_of(world.parent(make_intent(quantity=Decimal(6), exec_algorithm="TWAP"))) == SIZE
        assert codes_of(world.parent(make_intent(instrument_key=LINEAR, quantity=Decimal(6)))) == []

    def test_an_instrument_that_is_not_named_falls_to_any(self) -> None:
        world = sized(spot=2, any=1)
        assert codes_of(world.leg(make_intent(instrument_key=SPOT_AT_BETA, quantity=Decimal(2)))) == SIZE

    def test_what_nothing_limits_passes(self) -> None:
        assert sized(spot=2).codes(make_intent(instrument_key=LINEAR, quantity=Decimal(500))) == []

    def test_a_change_is_held_against_its_whole_quantity(self) -> None:
        world = sized(spot=2)
        order = world.works(quantity=Decimal(2))
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "2", "45000"))) == []
        assert codes_of(world.verdict(world.replacing(RiskStage.LEG, order, "2.5", "45000"))) == SIZE


class TestValue:
    @pytest.mark.parametrize(
        ("limit", "codes"),
        [(90_000, []), (89_999, VALUE)],
    )
    def test_the_limit_itself_passes(self, limit: int, codes: list[str]) -> None:
        world = RiskWorld(RiskConfig(max_order_notional={"*": Decimal(limit)}))
        assert world.codes(make_intent(quantity=Decimal(2))) == codes

    @pytest.mark.parametrize(
        ("intent", "value"),
        [
            (make_market_intent(quantity=Decimal(2)), 90_002),
            (make_market_intent(quantity=Decimal(2), side=Side.SELL), 89_998),
            (make_intent(instrument_key=MULTIPLIED, quantity=Decimal(2), price=Decimal(5_000)), 500_000),
            (make_intent(instrument_key=INVERSE, quantity=Decimal(200)), 200),
            (make_bet_intent(quantity=Decimal(10)), "12.5"),
            (make_bet_intent(quantity=Decimal(10), side=Side.LAY, odds=Decimal(3)), 25),
        ],
        ids=["market buy", "market sell", "multiplied", "inverse", "back", "lay"],
    )
    def test_it_is_the_notional_in_the_reporting_asset(self, intent: OrderIntent, value: int | str) -> None:
        exactly = RiskWorld(RiskConfig(max_order_notional={"*": Decimal(value)}))
        assert exactly.codes(intent) == []
        below = RiskWorld(RiskConfig(max_order_notional={"*": Decimal(value) - Decimal("0.01")}))
        assert below.codes(intent) == VALUE

    def test_what_nothing_prices_is_refused(self) -> None:
        world = RiskWorld(RiskConfig(max_order_notional={"*": Decimal(10**9)}))
        world.state.market.books.clear()
        assert world.codes(make_market_intent()) == VALUE
        assert world.codes(make_intent()) == []

    def test_what_no_rate_values_is_refused(self) -> None:
        world = RiskWorld(RiskConfig(max_order_notional={"*": Decimal(10**9)}))
        del world.state.rates["GBP"]
        assert world.codes(make_bet_intent(instrument_key=ODDS)) == VALUE

    def test_an_instrument_without_a_limit_needs_no_price(self) -> None:
        world = RiskWorld(RiskConfig(max_order_notional={LINEAR: Decimal(1)}))
        world.state.market.books.clear()
        assert world.codes(make_market_intent()) == []


class TestLive:
    @pytest.mark.parametrize(
        ("limits", "codes"),
        [
            ({}, ["ORDER_SIZE"]),
            ({"max_order_quantity": {LINEAR: Decimal(5)}}, ["ORDER_SIZE"]),
            ({"max_order_quantity": {SPOT: Decimal(5)}}, []),
            ({"max_order_quantity": {SPOT_PRODUCT: Decimal(5)}}, []),
            ({"max_order_quantity": {"*": Decimal(5)}}, []),
            ({"max_order_notional": {SPOT: Decimal(10**6)}}, []),
        ],
    )
    def test_an_instrument_without_a_size_is_not_traded(
        self, limits: dict[str, dict[str, Decimal]], codes: list[str]
    ) -> None:
        config = RiskConfig(live=True, max_position_per_instrument={"*": Decimal(100)}, **limits)  # type: ignore[arg-type] # by name
        assert RiskWorld(config).codes(make_intent()) == codes
