"""Chunks become batches, and seconds of trades become bars, whole and in order."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import Side
from liveexec.replay.market import EventMarket, MarketChunk
from liveexec.venues.paper.market import SourceTrade
from liveexec_nautilus.backtest.feed import Feeds, _cuts
from liveexec_nautilus.backtest.layout import lay_out
from support.nautilus_replays import SECOND_NS, SOURCE, START_NS, market, venues

from support.scripted_venues import Events  # isort: skip


@given(st.lists(st.lists(st.integers(0, 30), min_size=1).map(sorted), min_size=1, max_size=4), st.integers(1, 40))
def test_cuts_take_every_row_once_and_part_no_moment(times: list[list[int]], rows: int) -> None:
    taken: list[list[int]] = [[] for _ in times]
    ends = [-1]
    for spans, start, end in _cuts(times, rows):
        part = [stream[first:last] for stream, (first, last) in zip(times, spans, strict=True)]
        assert min(each[0] for each in part if each) == start
        assert all(ends[-1] < each <= end for stream in part for each in stream)
        for number, each in enumerate(part):
            taken[number] += each
        ends.append(end)
    assert taken == times
    assert all(before < after for before, after in pairwise(ends))


def chunk_of(trades: list[tuple[int, int, int]]) -> MarketChunk:
    """Trades as (milliseconds, ticks, lots)."""
    events = [
        SourceTrade(SOURCE, START_NS + ms * 1_000_000, ticks * Decimal("0.1"), lots * Decimal("0.001"), Side.BUY)
        for ms, ticks, lots in trades
    ]
    (chunk,) = EventMarket(Events(events)).chunks()
    return chunk


@given(
    st.lists(
        st.tuples(st.integers(0, 4_000), st.integers(600_000, 600_100), st.integers(1, 10**6)), min_size=1, max_size=30
    ).map(sorted),
    st.integers(1, 10),
)
def test_bars_are_the_sums_of_their_seconds(trades: list[tuple[int, int, int]], rows: int) -> None:
    feeds = Feeds(lay_out(venues()[1:]))  # moves prices by three ticks
    bars: list[TradeBar] = []
    for batch in feeds.batches(chunk_of(trades), rows):
        for _ in batch.data:
            pass
        bars += [each for each in feeds.refresh(batch.end_ns) if isinstance(each, TradeBar)]
        assert all(bar.end_ns <= batch.end_ns for bar in bars)
    bars += [each for each in feeds.refresh(START_NS + 10 * SECOND_NS) if isinstance(each, TradeBar)]
    seconds = sorted({ms // 1_000 for ms, _, _ in trades})
    assert [(bar.start_ns - START_NS) // SECOND_NS for bar in bars] == seconds
    for bar, second in zip(bars, seconds, strict=True):
        part = [(ticks + 3, lots) for ms, ticks, lots in trades if ms // 1_000 == second]
        assert bar.count == len(part)
        assert bar.quantity == sum(lots for _, lots in part) * Decimal("0.001")
        assert bar.cost == sum(ticks * lots for ticks, lots in part) * Decimal("0.0001")
        assert bar.last_price == part[-1][0] * Decimal("0.1")
    assert feeds.events == len(trades)


def test_a_book_is_shown_once_and_as_of_its_time() -> None:
    feeds = Feeds(lay_out(venues()[1:]))
    (chunk, *_) = market(2).chunks()
    shown: list[Book] = []
    for batch in feeds.batches(chunk):
        for _ in batch.data:
            pass
        for at_ns in (START_NS + 50_000_000, START_NS + 90_000_000, START_NS + 1_000_000_000):
            shown += [each for each in feeds.refresh(at_ns) if isinstance(each, Book)]
    assert [book.at_ns - START_NS for book in shown] == [0, 1_000_000_000]
    (source,) = [rows for rows in chunk.streams if not rows.is_trades]
    first = source.event(0)
    assert not isinstance(first, SourceTrade)
    assert shown[0].bids == tuple((price + Decimal("0.3"), quantity) for price, quantity in first.bids)


def test_sums_that_leave_sixty_four_bits_are_exact() -> None:
    trades = [(0, 9_000_000_000, 9_000_000_000), (1, 9_000_000_000, 9_000_000_000)]
    feeds = Feeds(lay_out(venues()[1:]))
    for batch in feeds.batches(chunk_of(trades)):
        for _ in batch.data:
            pass
    (bar,) = feeds.refresh(START_NS + SECOND_NS)
    assert isinstance(bar, TradeBar)
    assert bar.cost == 2 * (9_000_000_003 * 9_000_000_000) * Decimal("0.0001")
