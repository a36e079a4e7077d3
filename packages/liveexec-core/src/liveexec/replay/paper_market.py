"""A replayed market on its way into paper venues: what orders could meet is replayed row by row, the rest skipped.

An instrument's stream is *awake* while something of ours is left in one of its books: an order that rests, or a level
that offers less than it displays since some of it was taken. Then every row is replayed. Otherwise no row changes
anything but the next one: only the last book before somebody looks is decoded, and trades are summed up.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import cast

from liveexec.domain.ids import InstrumentId
from liveexec.replay.agenda import NEVER
from liveexec.replay.market import MarketChunk, Rows
from liveexec.venues.paper.market import Feed, SourceBook, SourceTrade

__all__ = ["PaperMarket"]


class _Cursor:
    """How far the rows of one stream were replayed. ``rank`` orders streams of one time."""

    __slots__ = ("_is_trades", "_next", "_rows", "_times", "next_ns", "rank")

    def __init__(self, rows: Rows, rank: int) -> None:
        self._rows, self._times, self.rank = rows, rows.times_ns, rank
        self._is_trades = rows.is_trades
        self._next = 0
        self.next_ns = self._times[0]

    def take(self, feeds: Sequence[Feed]) -> None:
        """Replay the next row."""
        event = self._rows.event(self._next)
        self._move(self._next + 1)
        for feed in feeds:
            feed.apply(event)

    def skip(self, feeds: Sequence[Feed], at_ns: int) -> None:
        """Come to a time past rows that meet nothing."""
        end = bisect_right(self._times, at_ns, self._next)
        if end == self._next:
            return
        if self._is_trades:
            trades = [cast(SourceTrade, self._rows.event(index)) for index in range(self._next, end)]
            for feed in feeds:
                feed.note(trades)
        else:
            book = cast(SourceBook, self._rows.event(end - 1))
            for feed in feeds:
                feed.skip_to(book)
        self._move(end)

    def _move(self, index: int) -> None:
        self._next = index
        self.next_ns = self._times[index] if index < len(self._times) else NEVER


class _Stream:
    """One instrument of the source, and every listing that it feeds."""

    __slots__ = ("cursors", "feeds", "is_watched")

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.feeds = feeds
        self.cursors: list[_Cursor] = []
        self.is_watched = False

    @property
    def is_awake(self) -> bool:
        return self.is_watched or not all(feed.is_untouched for feed in self.feeds)

    def skip(self, at_ns: int) -> None:
        """Come to a time, which costs as much as one book and the trades; nothing if it is there already."""
        for cursor in self.cursors:
            if cursor.next_ns <= at_ns:
                cursor.skip(self.feeds, at_ns)


class PaperMarket:
    """The streams of a market, chunk after chunk. ``feeds`` are the listings that each source instrument feeds.

    :attr:`next_ns` is when the next row comes that has to be replayed by itself; :meth:`step` replays it. ``events``
    counts rows, replayed or skipped; ``stepped`` those that were replayed one by one. With ``every_row`` nothing ever
    sleeps.
    """

    def __init__(self, feeds: Mapping[InstrumentId, Sequence[Feed]], *, every_row: bool = False) -> None:
        self._streams = {source: _Stream(tuple(each)) for source, each in feeds.items()}
        self._of_listing = {feed.instrument_id: stream for stream in self._streams.values() for feed in stream.feeds}
        self._every_row = every_row
        self._awake: list[_Stream] = []
        self._sort_out(())
        #: The listings that are kept awake.
        self.watched: frozenset[InstrumentId] = frozenset()
        self.events = self.stepped = 0

    def open(self, chunk: MarketChunk) -> None:
        """Begin with a chunk; the one before has to be replayed or skipped to its end by now."""
        for stream in self._streams.values():
            stream.cursors = []
        for rank, rows in enumerate(chunk.streams):
            self.events += len(rows.times_ns)
            if rows.instrument_id in self._streams:
                self._streams[rows.instrument_id].cursors.append(_Cursor(rows, rank))

    @property
    def next_ns(self) -> int:
        """When the next row comes that may meet something; a time that never comes for none."""
        earliest = NEVER
        for stream in self._awake:
            for cursor in stream.cursors:
                earliest = min(earliest, cursor.next_ns)
        return earliest

    def step(self) -> None:
        """Replay the row of :attr:`next_ns`."""
        stream, cursor = min(
            ((stream, cursor) for stream in self._awake for cursor in stream.cursors),
            key=lambda found: (found[1].next_ns, found[1].rank),
        )
        cursor.take(stream.feeds)
        self.stepped += 1
        if not stream.is_awake:
            self._awake.remove(stream)

    def skip(self, at_ns: int) -> None:
        """Bring every stream that sleeps to a time; one that is awake was stepped there."""
        for stream in self._streams.values():
            stream.skip(at_ns)

    def touched(self, instrument_id: InstrumentId) -> None:
        """Something was done in a listing's book, after its stream came to that time."""
        stream = self._of_listing.get(instrument_id)
        if stream is not None and stream not in self._awake and stream.is_awake:
            self._awake.append(stream)

    def watch(self, listings: frozenset[InstrumentId]) -> None:
        """Keep the streams of these listings awake, whatever is in their books; they are at the present time."""
        if listings == self.watched:
            return
        self.watched = listings
        self._sort_out([self._of_listing[name] for name in listings if name in self._of_listing])

    def _sort_out(self, watched: Sequence[_Stream]) -> None:
        for stream in self._streams.values():
            stream.is_watched = self._every_row or stream in watched
        self._awake = [stream for stream in self._streams.values() if stream.is_awake]
