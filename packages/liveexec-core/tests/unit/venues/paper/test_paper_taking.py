"""Aggressive orders against the replayed book: what they take, and that nothing displayed is taken twice."""

from decimal import Decimal

import pytest

from liveexec.domain.fill import Liquidity
from liveexec.domain.market import Level
from liveexec.domain.operation import TimeInForce
from support.paper import BOB, Floor, dec, facts, levels

BIDS = levels((99, 10), (98, 20), (97, 30))
ASKS = levels((101, 10), (102, 20), (103, 30))


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.show(BIDS, ASKS)
    return floor


def test_a_market_order_walks_the_levels_from_the_best(floor: Floor) -> None:
    order = floor.buy(35)
    assert floor.fills_of(order) == [(10, 101), (20, 102), (5, 103)]
    assert floor.status(order).status == "FILLED"
    assert all(fill.liquidity is Liquidity.TAKER for fill in floor.fills)


def test_a_seller_walks_the_bids_downwards(floor: Floor) -> None:
    order = floor.sell(15)
    assert floor.fills_of(order) == [(10, 99), (5, 98)]


def test_what_a_market_order_does_not_find_is_canceled(floor: Floor) -> None:
    order = floor.buy(100)
    assert floor.filled(order) == 60
    assert floor.ends() == [(order, "CANCELED", "NO_LIQUIDITY")]


def test_a_market_order_on_an_empty_book_is_canceled_whole() -> None:
    floor = Floor()
    order = floor.buy(1)
    assert floor.fills == []
    assert floor.ends() == [(order, "CANCELED", "NO_LIQUIDITY")]


def test_a_limit_order_takes_up_to_its_price_and_rests_with_what_is_left(floor: Floor) -> None:
    order = floor.buy(35, 102)
    assert floor.fills_of(order) == [(10, 101), (20, 102)]
    report = floor.status(order)
    assert facts(report.status, report.quantity, report.filled_quantity) == ("WORKING", 35, 30)


def test_an_ioc_order_gives_up_what_is_left(floor: Floor) -> None:
    order = floor.buy(35, 102, time_in_force=TimeInForce.IOC)
    assert floor.filled(order) == 30
    assert floor.ends() == [(order, "CANCELED", "IOC_REMAINDER")]


@pytest.mark.parametrize(("quantity", "price"), [(31, 102), (61, None)])
def test_a_fok_order_that_is_not_fillable_does_nothing(floor: Floor, quantity: int, price: int | None) -> None:
    order = floor.buy(quantity, price, time_in_force=TimeInForce.FOK)
    assert floor.fills == []
    assert floor.ends() == [(order, "CANCELED", "FOK_NOT_FILLABLE")]


def test_a_fok_order_that_is_fillable_fills_at_once(floor: Floor) -> None:
    order = floor.buy(30, 102, time_in_force=TimeInForce.FOK)
    assert floor.filled(order) == 30
    assert floor.status(order).status == "FILLED"


def test_what_was_taken_from_a_level_is_not_there_for_the_next_order(floor: Floor) -> None:
    floor.buy(7)
    order = floor.buy(7, account=BOB)
    assert floor.fills_of(order) == [(3, 101), (4, 102)]


def test_a_book_that_shows_the_same_again_offers_nothing_new(floor: Floor) -> None:
    floor.buy(10, 101)
    floor.show(BIDS, ASKS)
    order = floor.buy(5, 101, time_in_force=TimeInForce.IOC)
    assert floor.fills_of(order) == []


@pytest.mark.parametrize(
    ("shown_next", "offered"),
    [
        pytest.param(10, 2, id="unchanged: the rest"),
        pytest.param(15, 7, id="an increase is new liquidity"),
        pytest.param(6, 2, id="a decrease works off what was taken"),
        pytest.param(2, 2, id="a decrease by all that was taken leaves what is shown"),
        pytest.param(1, 1, id="never more than is shown"),
        pytest.param(None, 0, id="the level is gone"),
    ],
)
def test_what_a_level_offers_after_eight_of_ten_were_taken(floor: Floor, shown_next: int | None, offered: int) -> None:
    floor.buy(8, 101)
    floor.show(BIDS, levels((101, shown_next), (102, 20)) if shown_next else levels((102, 20)))
    order = floor.buy(50, 101, time_in_force=TimeInForce.IOC)
    assert floor.filled(order) == offered


def test_a_level_that_left_the_book_and_came_back_is_new(floor: Floor) -> None:
    floor.buy(10, 101)
    floor.show(BIDS, levels((102, 20)))
    floor.show(BIDS, ASKS)
    assert floor.filled(floor.buy(50, 101, time_in_force=TimeInForce.IOC)) == 10


def test_several_changes_never_offer_more_than_the_recording_added(floor: Floor) -> None:
    taken = Decimal(0)
    for shown in (10, 8, 8, 9, 3, 5):
        floor.show(BIDS, levels((101, shown)))
        taken += floor.filled(floor.buy(50, 101, time_in_force=TimeInForce.IOC))
    # 10 at first, then one more at 9 and two more at 5.
    assert taken == 13


def test_the_published_book_is_net_of_what_was_taken_and_shows_what_rests(floor: Floor) -> None:
    floor.buy(4, 101)
    floor.buy(5, 99)
    floor.sell(6, 105)
    book = floor.exchange.visible_book(floor.fills[0].instrument_id, 5_000)
    assert book.bids == levels((99, 15), (98, 20), (97, 30))
    assert book.asks == levels((101, 6), (102, 20), (103, 30), (105, 6))
    assert (book.at_ns, book.venue_time_ns) == (5_000, 1_000)


def test_taker_fees_are_paid_in_the_quote_asset(floor: Floor) -> None:
    floor.buy(10, 101)
    (fill,) = floor.fills
    assert (fill.fee, fill.fee_asset) == (dec("2.02"), "USDT")


@pytest.mark.parametrize(("bids", "filled"), [((), 0), (levels((99, 10)), 10)])
def test_one_sided_and_empty_books_are_taken_as_they_are(bids: tuple[Level, ...], filled: int) -> None:
    floor = Floor()
    floor.show(bids, ())
    assert floor.filled(floor.sell(10, 99, time_in_force=TimeInForce.IOC)) == filled
