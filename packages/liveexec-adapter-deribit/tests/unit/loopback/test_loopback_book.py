"""The book: price and time priority, amounts that add up, and changes that are told."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec_deribit.loopback.book import OrderBook
from liveexec_deribit.loopback.instruments import default_listing
from liveexec_deribit.loopback.orders import Direction, Order
from loopback_support.exchanges import STEADY, make_desk

PERPETUAL = make_desk().perpetual
PRICES = st.integers(1, 6).map(Decimal)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["buy", "sell"]), PRICES, st.integers(1, 9)),
        st.tuples(st.just("remove"), st.integers(0, 50)),
        st.tuples(st.just("fill"), st.integers(0, 50), st.integers(1, 9)),
        st.tuples(st.just("resize"), st.integers(0, 50), st.integers(1, 9)),
    ),
    max_size=60,
)


def make_order(number: int, direction: Direction, price: Decimal, amount: int, shown: int | None = None) -> Order:
    return Order(
        order_id=str(number),
        user_id=1,
        instrument=PERPETUAL,
        direction=direction,
        order_type="limit",
        amount=Decimal(amount),
        price=price,
        time_in_force="good_til_cancelled",
        label="",
        created_ms=0,
        updated_ms=0,
        refresh_amount=None if shown is None else Decimal(shown),
    )


@STEADY
@given(OPERATIONS)
def test_a_book_is_what_a_plain_list_of_orders_says(operations: Sequence[tuple[Any, ...]]) -> None:
    book, resting = OrderBook(), list[Order]()
    told: dict[tuple[Direction, Decimal], Decimal] = {}
    for number, operation in enumerate(operations):
        before = book.change_id
        match operation:
            case ("add", direction, price, amount):
                order = make_order(number, direction, price, amount)
                book.add(order)
                resting.append(order)
            case ("remove", which) if which < len(resting):
                book.remove(resting.pop(which))
            case ("fill", which, amount) if which < len(resting):
                order = resting[which]
                assert order.price is not None
                book.fill(order, min(Decimal(amount), order.remaining), order.price, 1)
                if not order.remaining:
                    resting.remove(order)
            case ("resize", which, amount) if which < len(resting):
                order = resting[which]
                if order.filled < amount <= order.amount:
                    book.resize(order, Decimal(amount))
            case _:
                continue
        changed = book.take_changes()
        assert book.change_id == before + bool(changed)
        for side, price in changed:
            told[side, price] = book.amount_at(side, price)
    for side in ("buy", "sell"):
        mine = [order for order in resting if order.direction == side]
        sums: dict[Decimal, Decimal] = {}
        for order in mine:
            assert order.price is not None
            sums[order.price] = sums.get(order.price, Decimal(0)) + order.remaining
        expected = sorted(sums.items(), reverse=side == "buy")
        assert book.levels(side) == expected
        # Whoever follows the changes alone knows the same book.
        assert sorted(((price, amount) for (s, price), amount in told.items() if s == side and amount),
                      reverse=side == "buy") == expected  # fmt: skip
        against: Direction = "sell" if side == "buy" else "buy"
        met = list(book.crossing(against, None))
        expected_met = sorted(mine, key=lambda each: (_distance(each), resting.index(each)))
        assert met == [(each, each.remaining) for each in expected_met]
    assert len(book) == len(resting)


def _distance(order: Order) -> Decimal:
    assert order.price is not None
    return -order.price if order.direction == "buy" else order.price


def test_an_iceberg_shows_a_part_and_goes_behind_the_others_with_the_next() -> None:
    book, price = OrderBook(), Decimal(5)
    iceberg, other = make_order(1, "sell", price, 8, shown=3), make_order(2, "sell", price, 4)
    book.add(iceberg)
    book.add(other)
    assert book.levels("sell") == [(5, 7)]
    assert [(order.order_id, shown) for order, shown in book.crossing("buy", None)] == [
        ("1", 3), ("2", 4), ("1", 3), ("1", 2),
    ]  # fmt: skip
    with pytest.raises(AssertionError, match="fill of 4 with 3 shown"):
        book.fill(iceberg, Decimal(4), price, 1)
    book.fill(iceberg, Decimal(2), price, 1)
    assert (iceberg.shown, book.amount_at("sell", price)) == (1, 5)
    assert next(book.crossing("buy", None)) == (iceberg, 1)
    book.fill(iceberg, Decimal(1), price, 1)
    assert (iceberg.shown, book.amount_at("sell", price)) == (3, 7)
    assert next(book.crossing("buy", None)) == (other, 4)
    book.resize(iceberg, Decimal(5))
    assert (iceberg.shown, book.amount_at("sell", price)) == (2, 6)
    book.remove(iceberg)
    assert book.levels("sell") == [(5, 4)]


@STEADY
@given(
    st.lists(st.tuples(st.integers(1, 40), st.none() | st.integers(1, 12)), min_size=1, max_size=6),
    st.lists(st.integers(1, 30), max_size=12),
)
def test_icebergs_fill_in_whole_and_levels_are_what_their_orders_show(
    resting: Sequence[tuple[int, int | None]], takes: Sequence[int]
) -> None:
    book, price = OrderBook(), Decimal(5)
    orders = [make_order(number, "sell", price, amount, shown) for number, (amount, shown) in enumerate(resting)]
    for order in orders:
        book.add(order)
    for wanted in takes:
        left = Decimal(wanted)
        for order, shown in list(book.crossing("buy", None)):
            taken = min(left, shown)
            if taken:
                book.fill(order, taken, price, 1)
            left -= taken
        assert book.amount_at("sell", price) == sum(order.shown for order in orders)
        assert all(order.shown <= (order.refresh_amount or order.remaining) for order in orders)
    assert sum(order.filled for order in orders) == min(sum(takes), sum(amount for amount, _ in resting))
    assert sum(shown for _, shown in book.crossing("buy", None)) == sum(order.remaining for order in orders)


def test_a_book_refuses_what_cannot_rest_and_what_does_not() -> None:
    book = OrderBook()
    order = make_order(1, "buy", Decimal(5), 2)
    book.add(order)
    with pytest.raises(AssertionError, match="cannot rest"):
        book.add(order)
    book.remove(order)
    with pytest.raises(AssertionError, match="does not rest here"):
        book.remove(order)
    with pytest.raises(AssertionError, match="fill of 3 with 2 left"):
        order.fill(Decimal(3), Decimal(5), 1)


def test_ticks_follow_the_price() -> None:
    now = make_desk().exchange.clock.now_ms()
    assert now == 1_779_278_400_000
    option = next(
        each
        for each in default_listing(datetime.fromtimestamp(now / 1_000, UTC))
        if each.kind == "option" and each.inverse
    )
    assert option.name == "BTC-26JUN26-100000-C"
    assert [option.is_on_tick(Decimal(price)) for price in ("0.0049", "0.005", "0.0051", "0.0055")] == [
        True,
        True,
        False,
        True,
    ]
