"""Resting orders: the queue they wait in, and what of the recording fills them."""

import pytest

from liveexec.domain.fill import Liquidity
from liveexec.domain.operation import Side
from support.paper import ALICE, BOB, Floor, dec, levels

BIDS = levels((99, 10), (98, 20), (97, 30))
ASKS = levels((101, 10), (102, 20), (103, 30))


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.show(BIDS, ASKS)
    return floor


def test_a_print_at_the_price_fills_only_after_what_was_ahead_has_traded(floor: Floor) -> None:
    order = floor.buy(5, 99)
    floor.print_trade(99, 8, Side.SELL)
    assert floor.filled(order) == 0
    floor.print_trade(99, 4, Side.SELL)
    assert floor.fills_of(order) == [(2, 99)]
    floor.print_trade(99, 10, Side.SELL)
    assert floor.fills_of(order) == [(2, 99), (3, 99)]


def test_a_print_on_the_other_side_does_not_fill(floor: Floor) -> None:
    order = floor.buy(5, 99)
    floor.print_trade(99, 100, Side.BUY)
    floor.print_trade(101, 100, Side.BUY)
    floor.print_trade(99, 100, None)
    assert floor.filled(order) == 0


def test_a_print_through_the_price_fills_whatever_the_queue(floor: Floor) -> None:
    order = floor.buy(5, 99)
    floor.print_trade(98, 3, Side.SELL)
    assert floor.fills_of(order) == [(3, 99)]


def test_an_order_better_than_the_book_has_nothing_ahead(floor: Floor) -> None:
    order = floor.buy(5, 100)
    floor.print_trade(100, 2, Side.SELL)
    assert floor.fills_of(order) == [(2, 100)]
    assert floor.fills[0].liquidity is Liquidity.MAKER
    assert floor.fills[0].fee == dec("0.2")


def test_a_decrease_counts_as_cancels_behind_until_less_is_shown_than_was_ahead(floor: Floor) -> None:
    order = floor.buy(5, 99)
    floor.show(levels((99, 4), (98, 20)), ASKS)
    floor.print_trade(99, 4, Side.SELL)
    assert floor.filled(order) == 0
    floor.print_trade(99, 1, Side.SELL)
    assert floor.filled(order) == 1


def test_an_increase_is_behind(floor: Floor) -> None:
    order = floor.buy(5, 99)
    floor.show(levels((99, 50), (98, 20)), ASKS)
    floor.print_trade(99, 12, Side.SELL)
    assert floor.filled(order) == 2


def test_an_order_beyond_the_visible_book_joins_when_its_price_comes_into_sight(floor: Floor) -> None:
    order = floor.buy(5, 90)
    floor.print_trade(90, 100, Side.SELL)
    assert floor.filled(order) == 0
    floor.show(levels((91, 10), (90, 7)), ASKS)
    floor.print_trade(90, 8, Side.SELL)
    assert floor.filled(order) == 1


def test_an_order_beyond_the_visible_book_fills_when_the_market_prints_through_it(floor: Floor) -> None:
    order = floor.buy(5, 90)
    floor.print_trade(89, 100, Side.SELL)
    assert floor.filled(order) == 5


def test_one_print_fills_no_more_than_it_traded_over_several_orders(floor: Floor) -> None:
    first, second, third = floor.buy(5, 100), floor.buy(5, 99), floor.buy(5, 100, account=BOB)
    floor.print_trade(99, 8, Side.SELL)
    assert [floor.filled(order) for order in (first, third, second)] == [5, 3, 0]


def test_time_decides_at_one_price(floor: Floor) -> None:
    first, second = floor.buy(3, 100), floor.buy(3, 100, account=BOB)
    floor.print_trade(100, 4, Side.SELL)
    assert (floor.filled(first), floor.filled(second)) == (3, 1)


def test_a_later_order_also_waits_for_what_joined_in_between(floor: Floor) -> None:
    first = floor.buy(3, 99)
    floor.show(levels((99, 16), (98, 20)), ASKS)
    second = floor.buy(3, 99, account=BOB)
    floor.print_trade(99, 14, Side.SELL)
    assert (floor.filled(first), floor.filled(second)) == (3, 0)
    floor.print_trade(99, 7, Side.SELL)
    assert (floor.filled(first), floor.filled(second)) == (3, 2)


def test_a_book_that_comes_through_the_price_fills_at_the_price_of_the_order(floor: Floor) -> None:
    order = floor.buy(8, 99)
    floor.show(levels((96, 10)), levels((97, 3), (98, 2), (100, 50)))
    assert floor.fills_of(order) == [(3, 99), (2, 99)]
    assert all(fill.liquidity is Liquidity.MAKER for fill in floor.fills)
    assert floor.status(order).filled_quantity == 5


def test_a_crossing_level_is_used_up_once(floor: Floor) -> None:
    order = floor.buy(8, 99)
    for _ in range(3):
        floor.show(levels((96, 10)), levels((97, 3), (100, 50)))
    assert floor.filled(order) == 3
    assert floor.filled(floor.buy(9, 97, account=BOB)) == 0


def test_the_better_price_is_served_first_when_the_book_comes_through(floor: Floor) -> None:
    low, high = floor.sell(5, 102), floor.sell(5, 101, account=BOB)
    floor.show(levels((103, 7)), levels((104, 9)))
    assert floor.fills_of(high) == [(5, 101)]
    assert floor.fills_of(low) == [(2, 102)]


def test_orders_of_two_accounts_trade_with_each_other(floor: Floor) -> None:
    maker = floor.sell(5, 100, account=BOB)
    taker = floor.buy(8, 101)
    assert floor.fills_of(taker) == [(5, 100), (3, 101)]
    assert floor.fills_of(maker) == [(5, 100)]
    ours, theirs = floor.fills[1], floor.fills[0]
    # One trade id serves both sides; the keys differ by order and side.
    assert ours.key.rsplit("|", 1)[1] == theirs.key.rsplit("|", 1)[1]
    assert ours.key != theirs.key
    assert (floor.position(ALICE), floor.position(BOB)) == (8, -5)


def test_displayed_quantity_that_was_there_first_trades_first(floor: Floor) -> None:
    maker = floor.sell(5, 101, account=BOB)
    taker = floor.buy(12, 101)
    assert floor.fills_of(taker) == [(10, 101), (2, 101)]
    assert floor.filled(maker) == 2


def test_displayed_quantity_that_came_later_trades_later(floor: Floor) -> None:
    maker = floor.sell(5, 100, account=BOB)
    floor.show(levels((98, 20)), levels((100, 4), (101, 10)))
    taker = floor.buy(7, 100)
    assert floor.fills_of(taker) == [(5, 100), (2, 100)]
    assert floor.filled(maker) == 5


def test_taking_displayed_quantity_moves_the_orders_behind_it_up(floor: Floor) -> None:
    maker = floor.sell(5, 101, account=BOB)
    floor.buy(10, 101)
    floor.print_trade(101, 2, Side.BUY)
    assert floor.filled(maker) == 2


def test_a_canceled_order_fills_no_more(floor: Floor) -> None:
    order = floor.buy(5, 100)
    floor.cancel(order)
    floor.print_trade(90, 100, Side.SELL)
    assert floor.filled(order) == 0
    assert floor.ends() == [(order, "CANCELED", "CANCEL_REQUESTED")]
