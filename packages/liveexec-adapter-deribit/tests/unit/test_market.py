"""Books kept by their changes, quotes, and trades summed up."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deribit_support import payloads
from liveexec.domain.ids import InstrumentId
from liveexec_deribit import wire
from liveexec_deribit.market import BookKeeper, quote_book, summed_trades
from liveexec_deribit.rpc import MalformedMessage, decoded

PERPETUAL = InstrumentId("DERIBIT:PERPETUAL:BTC-USD@INV")


def change(
    change_id: int, after: int | None, bids: list[Any], asks: list[Any], kind: str = "change"
) -> wire.BookChange:
    payload = {
        "type": kind,
        "instrument_name": "BTC-PERPETUAL",
        "timestamp": payloads.NOW_MS,
        "change_id": change_id,
        "prev_change_id": after,
        "bids": bids,
        "asks": asks,
    }
    return decoded(wire.BookChange, payloads.raw(payload), "it")


def snapshot(change_id: int = 1) -> wire.BookChange:
    bids = [["new", 100.5, 10], ["new", 100, 20], ["new", 99.5, 30]]
    return change(change_id, None, bids, [["new", 101, 5], ["new", 102, 7]], "snapshot")


def test_a_snapshot_and_its_changes() -> None:
    keeper = BookKeeper(PERPETUAL, 2)
    assert not keeper.is_whole
    assert keeper.apply(snapshot())
    book = keeper.book(5)
    assert book.bids == ((Decimal("100.5"), 10), (Decimal(100), 20))
    assert book.asks == ((Decimal(101), 5), (Decimal(102), 7))
    assert (book.at_ns, book.venue_time_ns) == (5, payloads.NOW_MS * 1_000_000)
    assert keeper.apply(change(2, 1, [["delete", 100.5, 0], ["change", 100, 25]], [["new", 100.5, 1]]))
    assert keeper.book(6).bids == ((Decimal(100), 25), (Decimal("99.5"), 30))
    assert keeper.book(6).best_ask == Decimal("100.5")


def test_a_missing_change_takes_the_book_away_until_the_next_snapshot() -> None:
    keeper = BookKeeper(PERPETUAL, 10)
    assert not keeper.apply(change(2, 1, [], []))
    keeper.apply(snapshot())
    assert not keeper.apply(change(4, 3, [["new", 90, 1]], []))
    assert not keeper.is_whole
    assert not keeper.apply(change(5, 4, [], []))
    assert keeper.apply(snapshot(9))
    assert keeper.book(0).best_bid == Decimal("100.5")


def test_an_entry_that_makes_no_sense_takes_the_book_away() -> None:
    keeper = BookKeeper(PERPETUAL, 10)
    keeper.apply(snapshot())
    with pytest.raises(MalformedMessage):
        keeper.apply(change(2, 1, [["move", 1, 1]], []))
    assert not keeper.is_whole


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), max_size=60))
def test_a_book_is_what_its_changes_come_to(entries: list[tuple[int, int]]) -> None:
    keeper = BookKeeper(PERPETUAL, 100)
    keeper.apply(change(0, None, [], [], "snapshot"))
    known: dict[int, int] = {}
    for number, (price, amount) in enumerate(entries):
        action = "delete" if not amount else "change" if price in known else "new"
        keeper.apply(change(number + 1, number, [[action, price, amount]], [[action, price + 100, amount]]))
        known[price] = amount
    levels = sorted((price, amount) for price, amount in known.items() if amount)
    assert list(keeper.book(0).asks) == [(price + 100, amount) for price, amount in levels]
    assert list(keeper.book(0).bids) == levels[::-1]


def test_a_quote_is_a_book_of_one_level() -> None:
    payload = {"instrument_name": "BTC-PERPETUAL", "timestamp": 5, "best_bid_price": 1, "best_bid_amount": 2}
    book = quote_book(decoded(wire.Quote, payloads.raw(payload), "it"), PERPETUAL, 7)
    assert (book.bids, book.asks, book.at_ns, book.venue_time_ns) == (((1, 2),), (), 7, 5_000_000)


def test_trades_are_summed_up_by_the_second() -> None:
    told = [
        wire.PublicTrade(str(number), "BTC-PERPETUAL", at_ms, Decimal(price), Decimal(amount), trade_seq=number)
        for number, (at_ms, price, amount) in enumerate([(2_500, 12, 1), (1_000, 10, 2), (1_999, 11, 4), (1_999, 9, 1)])
    ]
    first, last = summed_trades(told, PERPETUAL)
    assert (first.start_ns, first.end_ns) == (1_000_000_000, 2_000_000_000)
    assert (first.quantity, first.cost, first.last_price, first.count) == (7, 73, 9, 3)
    assert (last.start_ns, last.quantity, last.cost) == (2_000_000_000, 1, 12)
    assert list(summed_trades([], PERPETUAL)) == []
