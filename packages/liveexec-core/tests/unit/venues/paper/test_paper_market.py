"""Market sources and what listings make of them."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from liveexec.errors import ConfigurationError
from liveexec.venues.paper.exchange import PaperExchange
from liveexec.venues.paper.market import Feed, MarketEvent, SourceBook, SourceTrade
from liveexec.venues.paper.synthetic import SyntheticInstrument, SyntheticMarket
from support.paper import SPOT, dec, facts, instrument, levels, venue_config

SOURCE = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")


def _fed(**changes: object) -> tuple[PaperExchange, Feed]:
    listed = instrument(SPOT, source=SOURCE, **changes)
    exchange = PaperExchange(venue_config(instruments=(listed,)))
    return exchange, Feed(exchange, listed, exchange.books[SPOT].listing)


def _book(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> SourceBook:
    return SourceBook(SOURCE, 5_000, bids, asks)


def test_a_listing_like_the_source_shows_its_book() -> None:
    exchange, feed = _fed()
    feed.apply(_book(levels((99, 3)), levels((101, 4))))
    book = exchange.visible_book(SPOT, 6_000)
    assert (book.bids, book.asks, book.venue_time_ns) == (levels((99, 3)), levels((101, 4)), 5_000)


def test_prices_move_by_ticks_and_sizes_are_cut_to_the_lot() -> None:
    exchange, feed = _fed(tick=dec("0.5"), offset_ticks=3, depth_factor=dec("0.3"))
    feed.apply(_book(levels((99, 10), (98, 3)), levels((101, 4))))
    book = exchange.visible_book(SPOT, 6_000)
    # 0.3 of 3 is less than a lot, so that level is not there.
    assert (book.bids, book.asks) == (levels(("100.5", 3)), levels(("102.5", 1)))


def test_prices_off_the_ticks_are_rounded_away_from_the_spread_and_merged() -> None:
    exchange, feed = _fed()
    feed.apply(_book(levels(("99.7", 1), ("99.2", 2), (98, 4)), levels(("100.1", 1), ("100.9", 2))))
    book = exchange.visible_book(SPOT, 6_000)
    assert (book.bids, book.asks) == (levels((99, 3), (98, 4)), levels((101, 3)))


@pytest.mark.parametrize(("aggressor", "price"), [(Side.SELL, 100), (Side.BUY, 99), (None, 99)])
def test_a_print_off_the_ticks_is_rounded_towards_where_it_came_from(aggressor: Side | None, price: int) -> None:
    exchange, feed = _fed()
    feed.apply(SourceTrade(SOURCE, 5_000, dec("99.4"), dec(2), aggressor))
    exchange.advance(10_000_000_000)
    (bar,) = exchange.recent_trades(SPOT)
    assert facts(bar.last_price, bar.quantity) == (price, 2)


def test_a_print_of_less_than_a_lot_is_left_out() -> None:
    exchange, feed = _fed(depth_factor=dec("0.4"))
    feed.apply(SourceTrade(SOURCE, 5_000, dec(99), dec(2), Side.BUY))
    exchange.advance(10_000_000_000)
    assert exchange.recent_trades(SPOT) == ()


_decimals = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(1_000), places=2)
_levels = st.lists(st.tuples(_decimals, _decimals), max_size=5, unique_by=lambda level: level[0])


@given(
    bids=_levels,
    asks=_levels,
    tick=st.sampled_from(["0.01", "0.5", "1", "7"]),
    lot=st.sampled_from(["0.01", "1"]),
    offset=st.integers(-5, 5),
    factor=st.sampled_from(["0.1", "0.6", "1", "2"]),
)
def test_whatever_comes_in_lies_on_the_grid_and_is_no_better_than_it_was(
    bids: list[Level], asks: list[Level], tick: str, lot: str, offset: int, factor: str
) -> None:
    exchange, feed = _fed(
        tick=dec(tick), lot=dec(lot), min_quantity=dec(lot), offset_ticks=offset, depth_factor=dec(factor)
    )
    feed.apply(_book(tuple(sorted(bids, reverse=True)), tuple(sorted(asks))))
    book = exchange.visible_book(SPOT, 6_000)
    for shown in (book.bids, book.asks):
        assert all(money.is_multiple(price, dec(tick)) and price > 0 for price, _ in shown)
        assert all(money.is_multiple(quantity, dec(lot)) and quantity > 0 for _, quantity in shown)
        assert len({price for price, _ in shown}) == len(shown)
    moved = dec(tick) * offset
    assert list(book.bids) == sorted(book.bids, reverse=True)
    assert list(book.asks) == sorted(book.asks)
    if book.bids:
        assert book.bids[0][0] <= max(price for price, _ in bids) + moved
    if book.asks:
        assert book.asks[0][0] >= min(price for price, _ in asks) + moved
    for shown, source in ((book.bids, bids), (book.asks, asks)):
        assert sum(q for _, q in shown) <= sum(q for _, q in source) * dec(factor)


def _synthetic(seed: int = 7) -> SyntheticMarket:
    items = (
        SyntheticInstrument(SOURCE, dec(60_000), dec("0.01"), dec("0.00001"), dec("0.5"), spread_ticks=10),
        SyntheticInstrument(
            InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN"), dec(59_990), dec("0.1"), dec("0.001"), dec(2)
        ),
    )
    return SyntheticMarket(items, seed=seed, start_ns=1_000, step_ns=1_000_000)


def _first(events: Iterator[MarketEvent], count: int = 4_000) -> list[MarketEvent]:
    return list(islice(events, count))


def _plain(events: list[MarketEvent]) -> list[object]:
    return [
        (e.time_ns, e.bids, e.asks) if isinstance(e, SourceBook) else (e.time_ns, e.price, e.quantity, e.aggressor)
        for e in events
    ]


def test_a_seed_gives_the_same_market_again_and_another_seed_another() -> None:
    market = _synthetic()
    first = _plain(_first(market.events()))
    assert first == _plain(_first(market.events()))
    assert first == _plain(_first(_synthetic().events()))
    assert first != _plain(_first(_synthetic(seed=8).events()))


def test_synthetic_books_are_sane_and_their_prints_hit_the_touch() -> None:
    books: dict[InstrumentId, SourceBook] = {}
    latest_ns = 0
    prints = 0
    for event in _first(_synthetic().events()):
        assert event.time_ns >= latest_ns
        latest_ns = event.time_ns
        if isinstance(event, SourceBook):
            books[event.instrument_id] = event
            assert len(event.bids) == len(event.asks) == 5
            assert event.bids[0][0] < event.asks[0][0]
            assert list(event.bids) == sorted(event.bids, reverse=True)
            assert list(event.asks) == sorted(event.asks)
            assert all(price > 0 and quantity > 0 for price, quantity in event.bids + event.asks)
        else:
            prints += 1
            book = books[event.instrument_id]
            touch = book.asks[0] if event.aggressor is Side.BUY else book.bids[0]
            assert event.price == touch[0]
            assert 0 < event.quantity <= touch[1]
    assert prints > 100


def test_a_synthetic_price_stays_near_its_start() -> None:
    item = SyntheticInstrument(SOURCE, dec(1_000), dec("0.1"), dec(1), dec(10), move_ticks=1_000)
    market = SyntheticMarket([item], seed=1, start_ns=0)
    mids = [event.bids[0][0] for event in _first(market.events(), 20_000) if isinstance(event, SourceBook)]
    assert min(mids) > 400
    assert max(mids) < 2_100


def test_every_fault_of_a_synthetic_market_is_named() -> None:
    bad = SyntheticInstrument(InstrumentId("nonsense"), dec(0), dec("NaN"), dec(1), dec(-1), spread_ticks=0)
    with pytest.raises(ConfigurationError) as caught:
        SyntheticMarket([bad], seed=1, start_ns=0, step_ns=1)
    paths = [fault.path for fault in caught.value.faults]
    assert paths == [
        "instruments[0].instrument_id",
        "instruments[0].start_price",
        "instruments[0].tick",
        "instruments[0].level_quantity",
        "instruments[0].spread_ticks",
        "step_ns",
    ]
