"""ExposureBook: what open orders may still do, at the level where each of them counts."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import StrategyId, VenueOrderId
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_event import Resolution
from liveexec.engine.exposure import ExposureBook, Working, price_sign, product_of_key, worst_price
from support.builders import (
    ALPHA_ACCOUNT,
    LINEAR,
    NOW_NS,
    ODDS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    STRATEGY,
    make_adopted,
    make_bet_intent,
    make_fill,
    make_intent,
    make_market_intent,
    make_order,
    make_order_id,
    make_replace_requested,
)
from support.risk_world import BETFAIR_ACCOUNT, RiskWorld

OTHER = StrategyId("other")
ACCEPTED = ev.Accepted(VenueOrderId("V-1"), NOW_NS)


def amounts(working: Working) -> tuple[object, ...]:
    return (working.buys, working.sells, working.buy_cost, working.sell_cost, working.orders)


@pytest.fixture
def world() -> RiskWorld:
    return RiskWorld()


@pytest.fixture
def book(world: RiskWorld) -> ExposureBook:
    return world.state.exposure


class TestPlainOrders:
    def test_a_plain_order_counts_at_both_levels(self, world: RiskWorld, book: ExposureBook) -> None:
        world.works(quantity=Decimal(2), price=Decimal(44_000))
        expected = (2, 0, 88_000, 0, 1)
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == expected
        assert amounts(book.of_strategy(STRATEGY, SPOT_PRODUCT)) == expected
        assert amounts(book.of_product(SPOT_PRODUCT)) == expected
        assert (book.open_orders, book.open_by_strategy) == (1, {STRATEGY: 1})

    def test_both_sides_and_strategies_add_up_apart(self, world: RiskWorld, book: ExposureBook) -> None:
        world.works(quantity=Decimal(2), price=Decimal(44_000))
        world.works(quantity=Decimal(3), price=Decimal(46_000), side=Side.SELL, strategy_id=OTHER)
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == (2, 3, 88_000, 138_000, 2)
        assert amounts(book.of_strategy(OTHER, SPOT_PRODUCT)) == (0, 3, 0, 138_000, 1)
        assert book.of_product(SPOT_PRODUCT).side(1) == 2
        assert book.of_product(SPOT_PRODUCT).side(-1) == 3
        assert book.open_by_strategy == {STRATEGY: 1, OTHER: 1}

    def test_a_routed_product_order_counts_where_it_went_and_for_its_product(
        self, world: RiskWorld, book: ExposureBook
    ) -> None:
        world.works(instrument_key=SPOT_PRODUCT, instrument_id=SPOT, quantity=Decimal(2))
        assert book.of_instrument(ALPHA_ACCOUNT, SPOT).buys == 2
        assert book.of_product(SPOT_PRODUCT).buys == 2

    def test_fills_take_away_and_the_last_one_drops_the_entries(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works(quantity=Decimal(2), price=Decimal(45_000))
        world.apply(order, ev.FillApplied(make_fill(1, quantity=Decimal("0.5"))))
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == (Decimal("1.5"), 0, 67_500, 0, 1)
        world.apply(order, ev.FillApplied(make_fill(2, quantity=Decimal("1.5"))))
        assert (book.accounts, book.strategies, book.products) == ({}, {}, {})
        assert (book.open_orders, book.open_by_strategy) == (0, {})

    def test_an_order_of_unknown_fate_keeps_its_reservation(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works(quantity=Decimal(2))
        world.apply(order, ev.SubmitUnknown(1, "timeout"))
        assert book.of_instrument(ALPHA_ACCOUNT, SPOT).buys == 2
        world.apply(order, ev.NotSent(1, "proved absent"))
        assert book.accounts == {}

    def test_a_late_fill_of_an_ended_order_changes_nothing_here(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works(quantity=Decimal(2))
        world.apply(order, ACCEPTED, ev.Canceled("asked", NOW_NS), ev.FillApplied(make_fill(1)))
        assert (book.accounts, book.products, book.open_orders) == ({}, {}, 0)

    def test_an_order_that_nothing_prices_is_counted_as_such(self, book: ExposureBook, world: RiskWorld) -> None:
        order = make_order(intent=make_market_intent(quantity=Decimal(2)))
        order.approved = True
        book.reserve(order)
        place = book.of_product(SPOT_PRODUCT)
        assert amounts(place) == (2, 0, 0, 0, 1)
        assert place.unpriced == 1
        book.release(order)
        assert book.products == {}

    def test_a_changed_strategy_takes_its_orders_along(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works(quantity=Decimal(2))
        world.apply(order, ev.Reattributed(OTHER, "operator", "it was theirs"))
        assert list(book.strategies) == [OTHER]
        assert book.open_by_strategy == {OTHER: 1}

    def test_an_adopted_order_counts_for_nobody_here_with_what_it_has_left(self, book: ExposureBook) -> None:
        ledger = RiskWorld().state.ledger
        order = ledger.apply_order_event(make_order_id(7), make_adopted(), NOW_NS)
        book.reserve(order)
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == (0, 2, 0, 92_000, 1)
        assert amounts(book.of_strategy(StrategyId("EXTERNAL"), SPOT_PRODUCT)) == (0, 2, 0, 92_000, 1)

    def test_what_has_no_side_is_not_counted(self, book: ExposureBook) -> None:
        transfer = make_order(
            intent=make_intent(
                operation=Operation.TRANSFER,
                instrument_key=None,
                side=None,
                order_type=OrderType.MARKET,
                price=None,
                asset="USDC",
                source_venue="ALPHA",
                target_venue="BETA",
            )
        )
        book.reserve(transfer)
        assert (book.accounts, book.strategies, book.products) == ({}, {}, {})


class TestReplaces:
    def test_a_pending_change_counts_at_the_larger_quantity_and_the_higher_price(
        self, world: RiskWorld, book: ExposureBook
    ) -> None:
        order = world.works(quantity=Decimal(3), price=Decimal(45_000))
        world.apply(order, ACCEPTED, make_replace_requested(quantity=Decimal(2), price=Decimal(46_000)))
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == (3, 0, 138_000, 0, 1)
        world.apply(order, ev.ReplaceUnknown("timeout"))
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == (3, 0, 138_000, 0, 1)

    def test_a_rejected_change_leaves_the_order_as_it_was(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works(quantity=Decimal(3), price=Decimal(45_000))
        world.apply(order, ACCEPTED, make_replace_requested(quantity=Decimal(9)), ev.ReplaceRejected("NO", "no"))
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == (3, 0, 135_000, 0, 1)

    def test_a_confirmed_change_counts_as_the_venue_stated_it(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works(quantity=Decimal(3), price=Decimal(45_000))
        world.apply(
            order,
            ACCEPTED,
            make_replace_requested(quantity=Decimal(5), price=Decimal(46_000)),
            ev.Replaced(Decimal(5), Decimal(46_000), None, None, NOW_NS),
        )
        assert amounts(book.of_instrument(ALPHA_ACCOUNT, SPOT)) == (5, 0, 230_000, 0, 1)

    def test_both_prices_may_be_resting_meanwhile(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works(quantity=Decimal(3), price=Decimal(45_000), side=Side.SELL)
        world.apply(order, ACCEPTED, make_replace_requested(price=Decimal(44_000)))
        assert book.own.best(ALPHA_ACCOUNT, SPOT, -1) == 44_000
        world.apply(order, ev.ReplaceRejected("NO", "no"))
        assert book.own.best(ALPHA_ACCOUNT, SPOT, -1) == 45_000


class TestFamilies:
    def test_a_parent_counts_what_it_has_not_filled_and_its_children_where_they_are(
        self, world: RiskWorld, book: ExposureBook
    ) -> None:
        parent = world.runs(quantity=Decimal(10), price=Decimal(45_000))
        assert book.accounts == {}
        assert amounts(book.of_strategy(STRATEGY, SPOT_PRODUCT)) == (10, 0, 450_000, 0, 1)
        child = world.spawns(parent, quantity=Decimal(4), price=Decimal(45_000))
        assert book.of_strategy(STRATEGY, SPOT_PRODUCT).buys == 10
        assert book.of_instrument(ALPHA_ACCOUNT, SPOT).buys == 4
        assert book.open_orders == 1
        book.release(parent)
        world.apply(child, ev.FillApplied(make_fill(1, quantity=Decimal(1))))
        book.reserve(parent)
        assert book.of_strategy(STRATEGY, SPOT_PRODUCT).buys == 9
        assert book.of_instrument(ALPHA_ACCOUNT, SPOT).buys == 3

    def test_a_parent_of_a_product_counts_for_the_product(self, world: RiskWorld, book: ExposureBook) -> None:
        parent = world.runs(instrument_key=SPOT_PRODUCT, quantity=Decimal(10))
        assert book.of_product(SPOT_PRODUCT).buys == 10
        world.spawns(parent, instrument_key=SPOT_AT_BETA, quantity=Decimal(4))
        assert book.of_product(SPOT_PRODUCT).buys == 10

    def test_a_finished_parent_is_gone(self, world: RiskWorld, book: ExposureBook) -> None:
        parent = world.runs(quantity=Decimal(10))
        world.apply(parent, ev.ParentFinished(Resolution.CANCELED, None, "asked"))
        assert (book.strategies, book.products) == ({}, {})


class TestOwnPrices:
    def test_a_stop_rests_nowhere_before_it_is_triggered(self, world: RiskWorld, book: ExposureBook) -> None:
        world.works(order_type=OrderType.STOP_LIMIT, trigger_price=Decimal(46_000), price=Decimal(46_100))
        assert book.own.best(ALPHA_ACCOUNT, SPOT, 1) is None

    def test_a_backer_takes_odds_as_a_seller_takes_prices(self, world: RiskWorld, book: ExposureBook) -> None:
        bet = make_bet_intent()
        order = make_order(intent=bet)
        order.account_id, order.instrument_id, order.approved = BETFAIR_ACCOUNT, ODDS, True
        book.reserve(order)
        assert book.own.best(BETFAIR_ACCOUNT, ODDS, -1) == Decimal("3.5")
        assert book.own.best(BETFAIR_ACCOUNT, ODDS, 1) is None
        assert [price_sign(side) for side in (Side.BUY, Side.SELL, Side.BACK, Side.LAY)] == [1, -1, -1, 1]


class TestTouched:
    def test_it_is_when_an_order_of_the_account_last_changed(self, world: RiskWorld, book: ExposureBook) -> None:
        order = world.works()
        assert book.touched == {ALPHA_ACCOUNT: NOW_NS}
        world.state.now_ns += 5
        world.apply(order, ACCEPTED, ev.Canceled("asked", None))
        assert book.touched == {ALPHA_ACCOUNT: NOW_NS + 5}


def test_the_product_of_a_key() -> None:
    assert product_of_key(SPOT) == SPOT_PRODUCT
    assert product_of_key(SPOT_PRODUCT) == SPOT_PRODUCT
    assert product_of_key(LINEAR) == "PERPETUAL:BTC-USDT@LIN"


@pytest.mark.parametrize(
    ("price", "reserve", "replace", "expected"),
    [
        (10, None, None, 10),
        (None, 11, None, 11),
        (10, 11, None, 11),
        (12, 11, None, 12),
        (10, 11, 13, 13),
        (10, 11, 9, 11),
    ],
)
def test_the_worst_price_is_the_highest_that_is_known(
    price: int | None, reserve: int | None, replace: int | None, expected: int
) -> None:
    order = make_order(intent=make_intent())
    order.price = Decimal(price) if price is not None else None
    order.reserve_price = Decimal(reserve) if reserve is not None else None
    order.replace = make_replace_requested(price=Decimal(replace)) if replace is not None else None
    assert worst_price(order) == expected
