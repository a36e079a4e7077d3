"""Positions over all venues: by account and strategy, by product, valued at the market where there is one."""

from decimal import Decimal

import pytest

from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from support.builders import (
    ALPHA_ACCOUNT,
    BETA_ACCOUNT,
    LINEAR,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    STRATEGY,
    make_book,
)
from support.engine_harness import EngineHarness


@pytest.fixture
def harness() -> EngineHarness:
    return EngineHarness().start()


def filled(harness: EngineHarness, instrument_id: str, quantity: str, price: str = "45000", **changes: object) -> Order:
    order = harness.working(instrument_key=instrument_id, quantity=Decimal(quantity), **changes)
    harness.fill(order, quantity, price)
    return order


class TestPositions:
    def test_they_come_by_account_strategy_and_instrument(self, harness: EngineHarness) -> None:
        filled(harness, SPOT_AT_BETA, "1")
        filled(harness, SPOT, "1", strategy_id="another")
        filled(harness, SPOT, "1")
        keys = [(view.account_id, view.strategy_id, view.venue) for view in harness.engine.positions.positions()]
        assert keys == [
            (ALPHA_ACCOUNT, "another", "ALPHA"),
            (ALPHA_ACCOUNT, STRATEGY, "ALPHA"),
            (BETA_ACCOUNT, STRATEGY, "BETA"),
        ]

    def test_of_one_strategy_if_asked(self, harness: EngineHarness) -> None:
        filled(harness, SPOT, "1", strategy_id="another")
        filled(harness, SPOT, "2")
        (view,) = harness.engine.positions.positions(STRATEGY)
        assert view.position.quantity == 2

    def test_they_are_valued_at_the_mid(self, harness: EngineHarness) -> None:
        filled(harness, SPOT, "2", "44000")
        harness.market(SPOT, "45099", "45101")
        (view,) = harness.engine.positions.positions()
        assert (view.current_price, view.unrealized_pnl) == (45_100, 2_200)

    def test_without_a_price_they_have_no_value(self, harness: EngineHarness) -> None:
        filled(harness, SPOT, "2")
        del harness.engine.state.market.books[SPOT]
        (view,) = harness.engine.positions.positions()
        assert (view.current_price, view.unrealized_pnl) == (None, None)


class TestProducts:
    def test_the_sum_over_venues_says_what_lies_where(self, harness: EngineHarness) -> None:
        filled(harness, SPOT, "2", "44000")
        filled(harness, SPOT_AT_BETA, "0.5", "44000", side=Side.SELL)
        filled(harness, LINEAR, "1", "44000")
        spot = next(view for view in harness.engine.positions.by_product() if view.product_id == SPOT_PRODUCT)
        assert spot.quantity == Decimal("1.5")
        assert spot.venue_positions == {"ALPHA": Decimal(2), "BETA": Decimal("-0.5")}
        assert spot.unrealized_pnl == 1_500
        assert [view.product_id for view in harness.engine.positions.by_product()] == [
            "PERPETUAL:BTC-USDT@LIN",
            SPOT_PRODUCT,
        ]

    def test_one_venue_without_a_price_leaves_the_whole_without_value(self, harness: EngineHarness) -> None:
        filled(harness, SPOT, "2")
        filled(harness, SPOT_AT_BETA, "1")
        del harness.engine.state.market.books[SPOT_AT_BETA]
        (spot,) = harness.engine.positions.by_product()
        assert (spot.quantity, spot.unrealized_pnl) == (3, None)

    def test_what_was_realized_adds_up(self, harness: EngineHarness) -> None:
        for instrument_id in (SPOT, SPOT_AT_BETA):
            filled(harness, instrument_id, "1", "44000")
            filled(harness, instrument_id, "1", "44100", side=Side.SELL)
        (spot,) = harness.engine.positions.by_product(STRATEGY)
        assert (spot.quantity, spot.realized_pnl, spot.unrealized_pnl) == (0, 200, 0)


class TestNet:
    def test_it_is_the_accounts_over_all_strategies(self, harness: EngineHarness) -> None:
        filled(harness, SPOT, "2")
        filled(harness, SPOT, "0.5", strategy_id="another", side=Side.SELL)
        assert harness.engine.positions.net(ALPHA_ACCOUNT, SPOT) == Decimal("1.5")
        assert harness.engine.positions.net(BETA_ACCOUNT, SPOT) == 0

    def test_a_book_moves_no_position(self, harness: EngineHarness) -> None:
        filled(harness, SPOT, "2")
        before = harness.engine.positions.net(ALPHA_ACCOUNT, SPOT)
        harness.market(SPOT, str(make_book().best_bid), "46000")
        assert harness.engine.positions.net(ALPHA_ACCOUNT, SPOT) == before
