"""The market that a replay goes through: chunks of time, each with the rows of every instrument, not decoded yet.

Most recorded books are never looked at: an order meets the last one before it. So a row's numbers become Decimals when
somebody asks for that row. A chunk holds what happened in one stretch of time; the next one begins after it
ends. Within a stream times never fall; of equal times, streams come in the order in which the chunk names them.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from attrs import define, field

from liveexec.domain.ids import InstrumentId
from liveexec.venues.paper.market import MarketEvent, MarketSource, SourceBook

__all__ = ["EventMarket", "MarketChunk", "ReplayMarket", "Rows", "events_of"]

#: Events of a source that become one chunk.
_CHUNK_EVENTS: Final = 8_192


class Rows(Protocol):
    """Books or trades of one instrument within a chunk, in the order of their times."""

    @property
    def instrument_id(self) -> InstrumentId: ...

    @property
    def is_trades(self) -> bool:
        """Whether these are trades; books otherwise."""
        ...

    @property
    def times_ns(self) -> Sequence[int]:
        """The time of every row, UTC nanoseconds, never falling."""
        ...

    def event(self, index: int) -> MarketEvent:
        """A row, decoded."""
        ...


@define(eq=False)
class MarketChunk:
    """All rows of one stretch of time, none of the streams without any."""

    streams: tuple[Rows, ...]

    @property
    def start_ns(self) -> int:
        """The time of the first row."""
        return min(rows.times_ns[0] for rows in self.streams)

    @property
    def end_ns(self) -> int:
        """The time of the last row."""
        return max(rows.times_ns[-1] for rows in self.streams)


class ReplayMarket(Protocol):
    """Where a replay's books and trades come from."""

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """What there are books and trades of."""
        ...

    def chunks(self) -> Iterator[MarketChunk]:
        """Everything from the start, none of them without rows; each call begins again."""
        ...


def events_of(chunks: Iterable[MarketChunk]) -> Iterator[MarketEvent]:
    """Every row, decoded, in the order in which a replay goes through them."""
    for chunk in chunks:
        for _, order, index in heapq.merge(*(_keys(order, rows) for order, rows in enumerate(chunk.streams))):
            yield chunk.streams[order].event(index)


def _keys(order: int, rows: Rows) -> Iterator[tuple[int, int, int]]:
    for index, time_ns in enumerate(rows.times_ns):
        yield time_ns, order, index


@define(eq=False)
class _DecodedRows:
    """Rows that are events already."""

    instrument_id: InstrumentId
    is_trades: bool
    times_ns: list[int] = field(factory=list)
    _events: list[MarketEvent] = field(factory=list)

    def add(self, event: MarketEvent) -> None:
        self.times_ns.append(event.time_ns)
        self._events.append(event)

    def event(self, index: int) -> MarketEvent:
        return self._events[index]


class EventMarket:
    """A market of events that are decoded already, for sources that have no rows. ``until_ns`` ends an endless one:
    the first event after it is not replayed any more.

    Of equal times, all trades come before all books, as in a recording, where a book shows what its trades left; with
    ``books_first`` each instrument's book comes before its trades, as a synthetic market tells them.
    """

    def __init__(self, source: MarketSource, *, until_ns: int | None = None, books_first: bool = False) -> None:
        self._source, self._until_ns, self._books_first = source, until_ns, books_first

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return self._source.instruments

    def chunks(self) -> Iterator[MarketChunk]:
        """The source's events, some thousands at a time; events of one time are never parted."""
        batch: list[MarketEvent] = []
        for event in self._source.events():
            if self._until_ns is not None and event.time_ns > self._until_ns:
                break
            if len(batch) >= _CHUNK_EVENTS and event.time_ns > batch[-1].time_ns:
                yield self._chunk_of(batch)
                batch = []
            batch.append(event)
        if batch:
            yield self._chunk_of(batch)

    def _chunk_of(self, events: Sequence[MarketEvent]) -> MarketChunk:
        names = self._source.instruments
        trades = {name: _DecodedRows(name, is_trades=True) for name in names}
        books = {name: _DecodedRows(name, is_trades=False) for name in names}
        for event in events:
            (books if isinstance(event, SourceBook) else trades)[event.instrument_id].add(event)
        streams = (
            [rows for name in names for rows in (books[name], trades[name])]
            if self._books_first
            else [*trades.values(), *books.values()]
        )
        return MarketChunk(tuple(rows for rows in streams if rows.times_ns))
