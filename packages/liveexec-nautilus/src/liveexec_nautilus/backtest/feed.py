"""The market on its way into the simulated venues, and what of it the engine is shown.

The venues get every row of a chunk. The engine is shown, whenever it asks, the latest book of each listing and every
second of trades that ended: both are looked up by their times, so nothing here runs per row either. What it is shown of
a book is what was given to the venue, read back from the venue's own numbers.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import define

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, Level, TradeBar
from liveexec.replay.agenda import NEVER
from liveexec.replay.market import MarketChunk, Rows
from liveexec.venues.paper.config import PaperInstrument
from liveexec_nautilus.backtest.arrow import pa, pc
from liveexec_nautilus.backtest.grid import Grid, Prints
from liveexec_nautilus.backtest.instruments import SimulatedInstrument
from liveexec_nautilus.backtest.layout import SimulatedVenue
from liveexec_nautilus.backtest.wrangling import depths, ticks_of
from liveexec_nautilus.vendor_backtest import BookOrder, OrderBookDepth

__all__ = ["Feeds", "ListingFeed"]

SECOND_NS: Final = 1_000_000_000


@define(eq=False)
class _OpenSecond:
    """Trades of one second, in ticks and lots."""

    second: int
    lots: int
    product: int
    last_tick: int
    count: int


class ListingFeed:
    """One listing: ``instruments`` is what it is simulated as, one for each account at its venue."""

    def __init__(self, source: PaperInstrument, instruments: Sequence[SimulatedInstrument]) -> None:
        self._instruments = tuple(instruments)
        listing = instruments[0].listing
        self.instrument_id = listing.instrument_id
        self._grid = Grid(source, listing)
        self._times_ns: Sequence[int] = ()
        self._depths: list[OrderBookDepth] = []
        #: How many of the chunk's books are past.
        self._past = 0
        self._latest: OrderBookDepth | None = None
        self._shown: OrderBookDepth | None = None
        self._seconds: deque[_OpenSecond] = deque()
        self._trades = 0

    def load(self, rows: Rows) -> Iterator[list[Any]]:
        """A chunk's rows as data for each instrument."""
        if rows.is_trades:
            prints = self._grid.trades(rows)
            self._sum_up(prints)
            yield from ticks_of(prints, self._grid, self._instruments, self._trades)
            self._trades += len(prints.times_ns)
            return
        bids, asks = self._grid.books(rows)
        self._times_ns = rows.times_ns
        found = depths(pa.array(rows.times_ns, pa.int64()), bids, asks, self._grid, self._instruments)
        self._depths, self._past = found[0], 0
        yield from found

    def close(self) -> None:
        """The chunk is over: its last book stays the latest."""
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

    def load(self, chunk: MarketChunk) -> Iterator[list[Any]]:
        """A chunk's data, stream by stream in the order in which the chunk names them."""
        for feed in self._feeds:
            feed.close()
        for rows in chunk.streams:
            self.events += len(rows.times_ns)
            for feed in self._by_source.get(rows.instrument_id, ()):
                yield from feed.load(rows)

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


def _levels(orders: Sequence[BookOrder]) -> tuple[Level, ...]:
    return tuple([(order.price.as_decimal(), order.size.as_decimal()) for order in orders])


def _products(prints: Prints) -> Any:
    """Ticks times lots, in a type that their sum can't leave."""
    try:
        return pc.multiply_checked(prints.ticks, prints.lots).cast(pa.decimal128(19, 0))
    except pa.ArrowInvalid:
        pairs = zip(prints.ticks.to_pylist(), prints.lots.to_pylist(), strict=True)
        return pa.array([Decimal(tick) * lots for tick, lots in pairs], pa.decimal128(38, 0))
