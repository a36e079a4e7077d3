"""Books: what they say, what a sweep of them costs, and that absurd ones are known as such."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from support.builders import make_book, parts
from support.strategies import amounts

ASKS = [("101", "1"), ("102", "2"), ("104", "4")]
BIDS = [("100", "1"), ("99", "2"), ("97", "4")]


def test_sides_touch_and_middle() -> None:
    book = make_book(bids=BIDS, asks=ASKS)
    assert parts(book, "best_bid best_ask mid") == (100, 101, Decimal("100.5"))
    assert [book.touch(Side.BUY), book.touch(Side.SELL)] == [Decimal(101), Decimal(100)]
    assert [book.near(Side.BUY), book.near(Side.SELL)] == [Decimal(100), Decimal(101)]


def test_an_empty_side_has_neither_price_nor_middle() -> None:
    book = make_book(asks=[])
    assert (book.best_ask, book.mid, book.touch(Side.BUY), book.near(Side.SELL)) == (None, None, None, None)
    assert not book.is_sane
    assert book.sweep(Side.BUY, Decimal(1)).average_price is None


@pytest.mark.parametrize(
    ("side", "quantity", "limit", "taken", "cost", "worst"),
    [
        (Side.BUY, "2", None, "2", "203", "102"),
        (Side.BUY, "100", None, "7", "721", "104"),
        (Side.BUY, "100", "102", "3", "305", "102"),
        (Side.BUY, "1", "100.99", "0", "0", None),
        (Side.SELL, "2", None, "2", "199", "99"),
        (Side.SELL, "5", "98", "3", "298", "99"),
        (Side.SELL, "0", None, "0", "0", None),
    ],
)
def test_a_sweep_takes_the_best_levels_first_and_none_beyond_its_limit(
    side: Side, quantity: str, limit: str | None, taken: str, cost: str, worst: str | None
) -> None:
    sweep = make_book(bids=BIDS, asks=ASKS).sweep(side, Decimal(quantity), Decimal(limit) if limit else None)
    assert parts(sweep, "quantity cost") == (Decimal(taken), Decimal(cost))
    assert sweep.worst_price == (Decimal(worst) if worst else None)


@given(st.lists(st.tuples(amounts(2, 1_000), amounts(4, 100)), min_size=1, max_size=6), amounts(4, 500))
def test_a_sweep_costs_what_its_parts_cost(levels: list[Level], quantity: Decimal) -> None:
    asks = sorted(levels)
    sweep = make_book(asks=asks).sweep(Side.BUY, quantity)
    assert sweep.quantity == min(quantity, sum(available for _, available in asks))
    assert sweep.average_price is not None
    assert asks[0][0] - Decimal("1e-18") <= sweep.average_price <= (sweep.worst_price or 0) + Decimal("1e-18")


@pytest.mark.parametrize("bad", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-1"])
@pytest.mark.parametrize("side", ["bids", "asks"])
@pytest.mark.parametrize("position", [0, 1])
def test_a_book_with_an_absurd_number_is_not_sane_and_never_raises(bad: str, side: str, position: int) -> None:
    levels = BIDS if side == "bids" else ASKS
    for level in ((bad, "1"), (levels[position][0], bad)):
        sides = {"bids": BIDS, "asks": ASKS, side: [*levels[:position], level, *levels[position + 1 :]]}
        assert not make_book(bids=sides["bids"], asks=sides["asks"]).is_sane


def test_a_book_is_sane_until_it_is_crossed_or_locked() -> None:
    assert make_book(bids=BIDS, asks=ASKS).is_sane
    assert not make_book(bid="101", ask="101").is_sane
    assert not make_book(bid="102", ask="101").is_sane
