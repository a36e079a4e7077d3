"""STALE_MARKET and PRICE_COLLAR: no order on a price that is missing, old, absurd or far away."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.engine.risk_config import RiskConfig
from support.builders import ODDS, SPOT, make_bet_intent, make_intent, make_market_intent
from support.risk_world import RiskWorld, codes_of

SECOND = 1_000_000_000
STALE, COLLAR = "STALE_MARKET", "PRICE_COLLAR"


class TestStaleMarket:
    @pytest.mark.parametrize(("age_ns", "codes"), [(SECOND, []), (SECOND + 1, [STALE])])
    def test_a_market_order_needs_a_recent_book(self, age_ns: int, codes: list[str]) -> None:
        world = RiskWorld(RiskConfig(max_market_age_ns=SECOND))
        world.state.now_ns += age_ns
        assert world.codes(make_market_intent()) == codes
        assert world.codes(make_intent()) == []

    @pytest.mark.parametrize(
        "book",
        [
            None,
            {"bids": [], "asks": [("45001", "5")]},
            {"bids": [("45001", "5")], "asks": [("45001", "5")]},
            {"bids": [("44999", "0")], "asks": [("45001", "5")]},
            {"bids": [("44999", "5")], "asks": [("Infinity", "5")]},
        ],
        ids=["missing", "one-sided", "locked", "empty level", "not finite"],
    )
    def test_an_absurd_book_prices_nothing(self, book: dict[str, Any] | None) -> None:
        world = RiskWorld(RiskConfig(max_market_age_ns=SECOND))
        world.state.market.books.clear()
        if book is not None:
            world.book(SPOT, **book)
        verdict = world.leg(make_market_intent())
        assert codes_of(verdict)[0] == STALE

    def test_a_limit_order_needs_the_market_only_for_its_collar(self) -> None:
        world = RiskWorld(RiskConfig(price_tolerance=Decimal("0.1")))
        world.state.market.books.clear()
        assert codes_of(world.leg(make_intent())) == [STALE, COLLAR]

    def test_the_latest_book_counts_not_one_that_was_sane_before(self) -> None:
        world = RiskWorld(RiskConfig(max_market_age_ns=SECOND))
        assert world.codes(make_market_intent()) == []
        world.book(SPOT, "45002", "45001")
        assert world.codes(make_market_intent()) == [STALE]
        world.book(SPOT)
        assert world.codes(make_market_intent()) == []


class TestPriceCollar:
    @pytest.mark.parametrize(
        ("intent", "codes"),
        [
            (make_intent(price=Decimal(49_501)), []),
            (make_intent(price=Decimal("49501.11")), [COLLAR]),
            (make_intent(price=Decimal(40_501)), []),
            (make_intent(price=Decimal("40500.89")), [COLLAR]),
            (make_intent(side=Side.SELL, price=Decimal("40499.10")), []),
            (make_intent(side=Side.SELL, price=Decimal("40499.09")), [COLLAR]),
            (make_intent(side=Side.SELL, price=Decimal("49498.90")), []),
            (make_intent(side=Side.SELL, price=Decimal("49498.91")), [COLLAR]),
        ],
    )
    def test_the_limit_lies_within_the_tolerance_of_the_touch(self, intent: OrderIntent, codes: list[str]) -> None:
        assert RiskWorld(RiskConfig(price_tolerance=Decimal("0.1"))).codes(intent) == codes

    @pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
    @pytest.mark.parametrize(("quantity", "codes"), [(5, []), (6, [COLLAR])])
    def test_a_market_order_is_priced_where_its_quantity_would_reach(
        self, side: Side, quantity: int, codes: list[str]
    ) -> None:
        world = RiskWorld(RiskConfig(price_tolerance=Decimal("0.1")))
        world.book(SPOT, bids=[("45000", "5"), ("40000", "5")], asks=[("45001", "5"), ("50000", "5")])
        assert world.codes(make_market_intent(side=side, quantity=Decimal(quantity))) == codes

    def test_odds_are_held_against_the_selections_book(self) -> None:
        world = RiskWorld(RiskConfig(price_tolerance=Decimal("0.1")))
        world.book(ODDS, "3.45", "3.5")
        assert world.codes(make_bet_intent(odds=Decimal("3.5"))) == []
        assert world.codes(make_bet_intent(odds=Decimal("4.5"))) == [COLLAR]

    def test_an_operation_without_a_price_has_none_to_compare(self) -> None:
        world = RiskWorld(RiskConfig(price_tolerance=Decimal("0.1"), max_market_age_ns=SECOND))
        world.state.market.books.clear()
        supply = make_intent(operation=Operation.SUPPLY, side=Side.SUPPLY, order_type=OrderType.MARKET, price=None)
        assert codes_of(world.leg(supply)) == []
