"""Some thousand rows of the market on their way into the backtest engine: all of them, or those that can matter.

While no order of ours is open, most books are replaced before anything meets them. What was taken from a level counts
until the library next looks at that level and finds another quantity there; it looks when an order or a recorded trade
meets the level, and at no other time. So what an order meets is decided by all trades, the book that stood when each of
them came, and the latest book: every other book can be left out without a trace.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from liveexec.domain.recorded import SourceBook
from liveexec.replay.market import Rows
from liveexec_nautilus.backtest.grid import Grid, Ladder, Prints
from liveexec_nautilus.backtest.instruments import SimulatedInstrument
from liveexec_nautilus.backtest.wrangling import depths, depths_of, ticks_of
from liveexec_nautilus.vendor_backtest import OrderBookDepth

__all__ = ["Batch", "BookStream", "Stream", "TradeStream"]

#: Data of the library's, a list for each instrument that a listing is simulated as.
Data = Sequence[Sequence[Any]]
#: Told the times of books and the books, as the first of the instruments has them.
Shows = Callable[[Sequence[int], Sequence[OrderBookDepth]], None]


class TradeStream:
    """A chunk's trades for one listing. Rows that leave nothing of their quantity are no trades here."""

    def __init__(
        self, rows: Rows, prints: Prints, grid: Grid, instruments: Sequence[SimulatedInstrument], first: int
    ) -> None:
        self._rows, self._prints, self._grid, self._instruments = rows, prints, grid, instruments
        self._times_ns: Sequence[int] = prints.times_ns.to_pylist()
        #: The number of the chunk's first trade.
        self._first = first
        self._start = 0
        self._data: Data = ()

    @property
    def times_ns(self) -> Sequence[int]:
        """The times of what counts."""
        return self._times_ns

    def begin(self, start: int, end: int) -> None:
        """Make the data of some rows, which the next calls give."""
        times = self._rows.times_ns
        self._start = bisect_left(self._times_ns, times[start])
        last = bisect_right(self._times_ns, times[end - 1])
        part = self._prints.part(self._start, last)
        self._data = ticks_of(part, self._grid, self._instruments, self._first + self._start)

    def between(self, after_ns: int, until_ns: int) -> Data:
        """Those after a time up to another."""
        first = bisect_right(self._times_ns, after_ns, self._start) - self._start
        last = bisect_right(self._times_ns, until_ns, self._start) - self._start
        return [each[first:last] for each in self._data]


class BookStream:
    """A chunk's books for one listing. ``trades`` are those of the same listing; ``is_first`` says that books come
    before trades of their time."""

    def __init__(self, rows: Rows, grid: Grid, instruments: Sequence[SimulatedInstrument], show: Shows) -> None:
        self._rows, self._grid, self._instruments, self._show = rows, grid, instruments, show
        self._start = self._end = 0
        self._met: list[int] = []

    def begin(self, start: int, end: int, trades: Sequence[int], *, is_first: bool) -> None:
        """Make the data of some rows when it is asked for. ``trades`` are the times of what these books are met by."""
        self._start, self._end = start, end
        times = self._rows.times_ns
        bisect = bisect_right if is_first else bisect_left
        first, last = bisect_left(trades, times[start]), bisect_right(trades, times[end - 1])
        before = (bisect(times, time_ns, start, end) - 1 for time_ns in trades[first:last])
        #: Rows that stood when a trade came.
        self._met = sorted({index for index in before if index >= start})
        for name in ("_every", "_some"):
            self.__dict__.pop(name, None)

    def between(self, after_ns: int, until_ns: int) -> Data:
        """All books after a time up to another."""
        first, last = self._rows_between(after_ns, until_ns)
        if first == last:
            return ()
        found = [each[first - self._start : last - self._start] for each in self._every]
        self._show(self._rows.times_ns[first:last], found[0])
        return found

    def needed(self, after_ns: int, until_ns: int, at_ns: int) -> Data:
        """Of the books after a time up to another those that a trade met, and the latest, which is given as of
        ``at_ns``."""
        first, last = self._rows_between(after_ns, until_ns)
        if first == last:
            return ()
        latest = last - 1
        book = self._rows.event(latest)
        assert isinstance(book, SourceBook)
        given = depths_of(book, at_ns, self._grid, self._instruments)
        self._show([self._rows.times_ns[latest]], [given[0]])
        start, end = bisect_left(self._met, first), bisect_left(self._met, last)
        if start == end:
            return [[each] for each in given]
        return [[*met[start:end], each] for met, each in zip(self._some, given, strict=True)]

    def _rows_between(self, after_ns: int, until_ns: int) -> tuple[int, int]:
        times = self._rows.times_ns
        first = bisect_right(times, after_ns, self._start, self._end)
        return first, bisect_right(times, until_ns, first, self._end)

    @cached_property
    def _ladders(self) -> tuple[Ladder, Ladder]:
        """Both sides of all rows of the chunk."""
        return self._grid.books(self._rows)

    @cached_property
    def _every(self) -> Data:
        bids, asks = (side.part(self._start, self._end) for side in self._ladders)
        return depths(self._rows.times_ns[self._start : self._end], bids, asks, self._grid, self._instruments)

    @cached_property
    def _some(self) -> Data:
        bids, asks = (side.taken(self._met) for side in self._ladders)
        times = self._rows.times_ns
        return depths([times[index] for index in self._met], bids, asks, self._grid, self._instruments)


Stream = TradeStream | BookStream


class Batch:
    """Rows of one stretch of time, given piece by piece; streams come in the order in which their chunk names them.

    ``latest`` gives the books that stand already as of another time, for a piece that has nothing else at its end.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        start_ns: int,
        end_ns: int,
        latest: Callable[[int], Iterator[OrderBookDepth]],
    ) -> None:
        self._streams, self._latest = streams, latest
        self.start_ns, self.end_ns = start_ns, end_ns
        #: Up to when everything was given.
        self.given_ns = -1

    @property
    def is_over(self) -> bool:
        """Whether everything was given."""
        return self.given_ns >= self.end_ns

    def rest(self) -> Iterator[Sequence[Any]]:
        """Every row that was not given yet."""
        after_ns, self.given_ns = self.given_ns, self.end_ns
        for stream in self._streams:
            yield from stream.between(after_ns, self.end_ns)

    def needed(self, until_ns: int) -> Iterator[Sequence[Any]]:
        """What matters of the rows up to a time while no order is open. The last of it is of that time, as long as it
        is within the batch and there was a book at all: the backtest engine's clock then comes to that time."""
        after_ns, until_ns = self.given_ns, min(until_ns, self.end_ns)
        self.given_ns = max(after_ns, until_ns)
        books = False
        for stream in self._streams:
            if isinstance(stream, TradeStream):
                yield from stream.between(after_ns, until_ns)
            else:
                found = stream.needed(after_ns, until_ns, until_ns)
                books = books or bool(found)
                yield from found
        if not books:
            yield list(self._latest(until_ns))
