"""ALLOWED_INSTRUMENT and LISTING: what may be traded, and what the venue takes."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.operation import OrderType, Side
from liveexec.engine.risk_config import RiskConfig
from support.builders import (
    LINEAR,
    NOW_NS,
    ODDS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_bet_intent,
    make_intent,
    make_listing,
    make_market_intent,
    make_order,
)
from support.risk_world import RiskWorld, codes_of


class TestAllowedInstrument:
    @pytest.mark.parametrize(
        ("allowed", "key", "codes"),
        [
            ({SPOT}, SPOT, []),
            ({SPOT_PRODUCT}, SPOT, []),
            ({SPOT_AT_BETA}, SPOT, ["ALLOWED_INSTRUMENT"]),
            ({LINEAR}, SPOT, ["ALLOWED_INSTRUMENT"]),
            (set(), SPOT, ["ALLOWED_INSTRUMENT"]),
            ({SPOT_PRODUCT}, SPOT_PRODUCT, []),
            ({SPOT}, SPOT_PRODUCT, []),
            ({LINEAR}, SPOT_PRODUCT, ["ALLOWED_INSTRUMENT"]),
        ],
    )
    def test_the_instrument_or_its_product_must_be_listed(self, allowed: set[str], key: str, codes: list[str]) -> None:
        world = RiskWorld(RiskConfig(allowed_instruments=frozenset(allowed)))
        assert codes_of(world.parent(make_intent(instrument_key=key))) == codes

    def test_each_leg_of_a_product_order_is_looked_up_again(self) -> None:
        world = RiskWorld(RiskConfig(allowed_instruments=frozenset({SPOT})))
        routed = make_intent(instrument_key=SPOT_PRODUCT)
        assert codes_of(world.leg(routed, listing=world.state.listings[SPOT])) == []
        assert codes_of(world.leg(routed, listing=world.state.listings[SPOT_AT_BETA])) == ["ALLOWED_INSTRUMENT"]

    def test_without_a_list_everything_is_allowed(self) -> None:
        assert RiskWorld().codes(make_intent()) == []


class TestListing:
    @pytest.mark.parametrize(
        ("intent", "codes"),
        [
            ({}, []),
            ({"price": Decimal("45000.01")}, []),
            ({"price": Decimal("45000.001")}, ["LISTING"]),
            ({"quantity": Decimal("0.00012")}, []),
            ({"quantity": Decimal("0.000121")}, ["LISTING"]),
            ({"quantity": Decimal("0.00011")}, ["LISTING"]),
            ({"quantity": Decimal(9000)}, []),
            ({"quantity": Decimal("9000.00001")}, ["LISTING"]),
        ],
        ids=[
            "fits",
            "on tick",
            "off tick",
            "on lot",
            "off lot",
            "below the smallest notional",
            "largest",
            "too large",
        ],
    )
    def test_what_the_venue_would_refuse_is_refused_here(self, intent: dict[str, Any], codes: list[str]) -> None:
        world = RiskWorld()
        assert codes_of(world.parent(make_intent(**intent))) == codes
        routed = make_intent(**({"instrument_key": SPOT_PRODUCT} | intent))
        assert codes_of(world.leg(routed, listing=world.state.listings[SPOT])) == codes

    @pytest.mark.parametrize(("quantity", "codes"), [("0.00012", []), ("0.00011", ["LISTING"])])
    def test_a_market_order_is_held_against_the_smallest_notional_at_the_touch(
        self, quantity: str, codes: list[str]
    ) -> None:
        assert RiskWorld().codes(make_market_intent(quantity=Decimal(quantity))) == codes

    def test_a_market_order_without_a_market_is_not(self) -> None:
        world = RiskWorld()
        world.state.market.books.clear()
        assert world.codes(make_market_intent(quantity=Decimal("0.00011"))) == []

    def test_a_trigger_lies_on_tick_too(self) -> None:
        stop = make_intent(order_type=OrderType.STOP_LIMIT, trigger_price=Decimal("46000.001"))
        assert RiskWorld().codes(stop) == ["LISTING"]

    @pytest.mark.parametrize(("expiry_ns", "codes"), [(NOW_NS + 1, []), (NOW_NS, ["LISTING"])])
    def test_an_expired_instrument_takes_nothing(self, expiry_ns: int, codes: list[str]) -> None:
        world = RiskWorld()
        world.state.listings[SPOT] = make_listing(SPOT, expiry_ns=expiry_ns)
        assert world.codes(make_intent()) == codes

    @pytest.mark.parametrize(("odds", "codes"), [("3.5", []), ("3.51", ["LISTING"]), ("1001", ["LISTING"])])
    def test_odds_lie_on_their_ladder(self, odds: str, codes: list[str]) -> None:
        assert RiskWorld().codes(make_bet_intent(instrument_key=ODDS, odds=Decimal(odds))) == codes

    @pytest.mark.parametrize(
        ("intent", "codes"),
        [
            ({"quantity": Decimal(10_000)}, []),
            ({"quantity": Decimal("0.000121")}, ["LISTING"]),
            ({"price": Decimal("45000.001")}, ["LISTING"]),
            ({"side": Side.SELL, "order_type": OrderType.MARKET, "price": None}, []),
        ],
        ids=["larger than one order may be", "off lot", "off tick", "no price"],
    )
    def test_a_parent_lies_on_the_grid_of_its_slices(self, intent: dict[str, Any], codes: list[str]) -> None:
        assert codes_of(RiskWorld().parent(make_intent(exec_algorithm="TWAP", **intent))) == codes

    def test_a_slice_is_held_against_everything(self) -> None:
        world = RiskWorld()
        parent = world.runs(quantity=Decimal(10_000))
        too_large = make_intent(quantity=Decimal("9000.00001"))
        assert codes_of(world.leg(too_large, parent=parent, order=make_order(intent=too_large))) == ["LISTING"]
