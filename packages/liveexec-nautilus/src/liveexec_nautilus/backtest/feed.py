"""The market on its way into the simulated venues, and what of it the engine is shown.

The venues get every row of a chunk, some thousand at a time. The engine is shown, whenever it asks, the latest book of
each listing and every second of trades that ended: both are looked up by their times, so nothing here runs per row
either. What it is shown of a book is what was given to the venue, read back from the venue's own numbers.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import define, frozen

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, Level, TradeBar
from liveexec.replay.agenda import NEVER
from liveexec.replay.market import MarketChunk, Rows
from liveexec.venues.paper.config import PaperInstrument
from liveexec_nautilus.backtest.arrow import pa, pc
from liveexec_nautilus.backtest.grid import Grid, Prints
from liveexec_nautilus.backtest.instruments import SimulatedInstrument
from liveexec_nautilus.backtest.layout import SimulatedVenue
from liveexec_nautilus.backtest.wrangling import depths, empty_depth, ticks_of
from liveexec_nautilus.vendor_backtest import BookOrder, OrderBookDepth

__all__ = ["Batch", "Feeds", "ListingFeed"]

SECOND_NS: Final = 1_000_000_000
#: Rows that are in the backtest engine at a time: few enough to stay in the processor's caches.
BATCH_ROWS: Final = 10_000


@define(eq=False)
class _OpenSecond:
    """Trades of one second, in ticks and lots."""

    second: int
    lots: int
    product: int
    last_tick: int
    count: int


@frozen(eq=False)
class Batch:
    """Rows of one stretch of time: ``data`` gives them, stream by stream, each as data of the library's."""

    start_ns: int
    end_ns: int
    data: Iterator[list[Any]]


class ListingFeed:
    """One listing: ``instruments`` is what it is simulated as, one for each account at its venue."""

    def __init__(self, source: PaperInstrument, instruments: Sequence[SimulatedInstrument]) -> None:
        self._instruments = tuple(instruments)
        listing = instruments[0].listing
        self.instrument_id = listing.instrument_id
        self._grid = Grid(source, listing)
        self._times_ns: Sequence[int] = ()
        self._depths: list[OrderBookDepth] = []
        #: How many of the batch's books are past.
        self._past = 0
        self._latest: OrderBookDepth | None = None
        self._shown: OrderBookDepth | None = None
        self._seconds: deque[_OpenSecond] = deque()
        self._trades = 0

    def open(self, rows: Rows) -> Callable[[int, int], list[list[Any]]]:
        """A chunk's rows, rounded: what gives those from one row to another as data for each instrument."""
        if rows.is_trades:
            prints = self._grid.trades(rows)
            self._sum_up(prints)
            times_ns = prints.times_ns.to_pylist()

            def trades(start: int, end: int) -> list[list[Any]]:
                # Rows that leave nothing of their quantity are no trades here.
                first = bisect_left(times_ns, rows.times_ns[start])
                last = bisect_right(times_ns, rows.times_ns[end - 1])
                found = ticks_of(prints.part(first, last), self._grid, self._instruments, self._trades)
                self._trades += last - first
                return list(found)

            return trades
        bids, asks = self._grid.books(rows)

        def books(start: int, end: int) -> list[list[Any]]:
            self._times_ns = rows.times_ns[start:end]
            times_ns = pa.array(self._times_ns, pa.int64())
            found = depths(times_ns, bids.part(start, end), asks.part(start, end), self._grid, self._instruments)
            self._depths, self._past = found[0], 0
            return list(found)

        return books

    def empty_at(self, at_ns: int) -> list[OrderBookDepth]:
        """An empty book for each of the instruments."""
        return [empty_depth(at_ns, each) for each in self._instruments]

    def close(self) -> None:
        """The batch is over: its last book stays the latest."""
        if self._depths:
            self._latest = self._depths[-1]
        self._times_ns, self._depths, self._past = (), [], 0

    def book(self, at_ns: int) -> Book | None:
        """The book that holds now, if it has changed since this was last asked."""
        past = bisect_right(self._times_ns, at_ns, self._past)
        if past:
            self._past = past
            self._latest = self._depths[past - 1]
        latest = self._latest
        if latest is None or latest is self._shown:
            return None
        self._shown = latest
        time_ns = latest.ts_init
        return Book(self.instrument_id, _levels(latest.bids), _levels(latest.asks), time_ns, time_ns)

    def bars(self, at_ns: int) -> Iterator[TradeBar]:
        """The seconds of trades that ended since this was last asked, oldest first."""
        tick, lot = self._grid.tick, self._grid.lot
        while self._seconds and (self._seconds[0].second + 1) * SECOND_NS <= at_ns:
            ended = self._seconds.popleft()
            start_ns = ended.second * SECOND_NS
            yield TradeBar(
                self.instrument_id,
                start_ns,
                start_ns + SECOND_NS,
                ended.lots * lot,
                ended.product * (tick * lot),
                ended.last_tick * tick,
                ended.count,
            )

    def next_change_ns(self, after_ns: int) -> int:
        """When the first book after a time comes, or a second of trades ends; ``NEVER`` within this chunk."""
        index = bisect_right(self._times_ns, after_ns, self._past)
        book_ns = self._times_ns[index] if index < len(self._times_ns) else NEVER
        ends = ((each.second + 1) * SECOND_NS for each in self._seconds)
        return min(book_ns, next((end_ns for end_ns in ends if end_ns > after_ns), NEVER))

    def _sum_up(self, prints: Prints) -> None:
        if not len(prints.times_ns):
            return
        seconds = pc.divide(prints.times_ns, SECOND_NS)
        table = pa.table({"second": seconds, "lots": prints.lots, "product": _products(prints), "tick": prints.ticks})
        summed = table.group_by("second", use_threads=False).aggregate(
            [("lots", "sum"), ("product", "sum"), ("tick", "last"), ("tick", "count")]
        )
        for row in summed.to_pylist():
            found = _OpenSecond(
                row["second"], row["lots_sum"], int(row["product_sum"]), row["tick_last"], row["tick_count"]
            )
            if self._seconds and self._seconds[-1].second == found.second:
                # The second goes on from the chunk before.
                begun = self._seconds[-1]
                begun.lots += found.lots
                begun.product += found.product
                begun.last_tick = found.last_tick
                begun.count += found.count
            else:
                self._seconds.append(found)


class Feeds:
    """Every listing that the market feeds, by what feeds it."""

    def __init__(self, venues: Iterable[SimulatedVenue]) -> None:
        found: dict[InstrumentId, tuple[PaperInstrument, list[SimulatedInstrument]]] = {}
        for venue in venues:
            for source, instrument in zip(venue.sources, venue.instruments, strict=True):
                found.setdefault(source.instrument_id, (source, []))[1].append(instrument)
        self._by_source: dict[InstrumentId, list[ListingFeed]] = {}
        for source, instruments in found.values():
            if source.source is not None:
                self._by_source.setdefault(source.source, []).append(ListingFeed(source, instruments))
        self._feeds = [feed for feeds in self._by_source.values() for feed in feeds]
        self._by_listing = {feed.instrument_id: feed for feed in self._feeds}
        #: Books and trades that were loaded.
        self.events = 0
        self._shown_ns = -1

    def batches(self, chunk: MarketChunk, rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """A chunk's data, at most so many rows at a time as long as their times differ; stream by stream in the order
        in which the chunk names them. Each batch is to be taken whole before the next one is asked for."""
        streams = [each for each in chunk.streams if len(each.times_ns)]
        opened = [[feed.open(each) for feed in self._by_source.get(each.instrument_id, ())] for each in streams]
        for spans, start_ns, end_ns in _cuts([each.times_ns for each in streams], rows):
            for feed in self._feeds:
                feed.close()
            self.events += sum(end - start for start, end in spans)
            self._shown_ns = -1
            yield Batch(start_ns, end_ns, _data_of(opened, spans))

    def beginning(self, at_ns: int) -> Iterator[list[OrderBookDepth]]:
        """What comes before everything else: the library does not begin with trades of what has no book."""
        for feed in self._feeds:
            yield feed.empty_at(at_ns)

    def refresh(self, at_ns: int) -> list[Book | TradeBar]:
        """What changed since this was last asked."""
        if at_ns == self._shown_ns:
            return []
        self._shown_ns = at_ns
        changed: list[Book | TradeBar] = []
        for feed in self._feeds:
            changed.extend(feed.bars(at_ns))
            book = feed.book(at_ns)
            if book is not None:
                changed.append(book)
        return changed

    def next_change_ns(self, instruments: Iterable[InstrumentId], after_ns: int) -> int:
        """When something of any of these listings changes next; ``NEVER`` within this chunk."""
        feeds = (self._by_listing.get(name) for name in instruments)
        return min((feed.next_change_ns(after_ns) for feed in feeds if feed is not None), default=NEVER)


def _data_of(
    opened: Sequence[Sequence[Callable[[int, int], list[list[Any]]]]], spans: Sequence[tuple[int, int]]
) -> Iterator[list[Any]]:
    for givers, (start, end) in zip(opened, spans, strict=True):
        if end > start:
            for give in givers:
                yield from give(start, end)


def _cuts(times_ns: Sequence[Sequence[int]], rows: int) -> Iterator[tuple[list[tuple[int, int]], int, int]]:
    """Stretches of time in which no stream has more than its share of the rows: what each has in it, its first time and
    its last one. Rows of one time are never parted."""
    share = max(1, rows // max(1, len(times_ns)))
    starts = [0] * len(times_ns)
    while True:
        going_on = [(times, start) for times, start in zip(times_ns, starts, strict=True) if start < len(times)]
        if not going_on:
            return
        start_ns = min(times[start] for times, start in going_on)
        end_ns = min(times[min(start + share, len(times)) - 1] for times, start in going_on)
        ends = [bisect_right(times, end_ns, start) for times, start in zip(times_ns, starts, strict=True)]
        yield list(zip(starts, ends, strict=True)), start_ns, end_ns
        starts = ends


def _levels(orders: Sequence[BookOrder]) -> tuple[Level, ...]:
    return tuple([(order.price.as_decimal(), order.size.as_decimal()) for order in orders])


def _products(prints: Prints) -> Any:
    """Ticks times lots, in a type that their sum can't leave."""
    try:
        return pc.multiply_checked(prints.ticks, prints.lots).cast(pa.decimal128(19, 0))
    except pa.ArrowInvalid:
        pairs = zip(prints.ticks.to_pylist(), prints.lots.to_pylist(), strict=True)
        return pa.array([Decimal(tick) * lots for tick, lots in pairs], pa.decimal128(38, 0))
