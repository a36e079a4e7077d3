"""What a session with a paper venue delivers: its reports, bounded and in order, and its market data, latest wins."""

import asyncio
from collections import deque
from collections.abc import Sequence
from random import Random

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.errors import AdapterError
from liveexec.venues.paper.clock import Clock
from liveexec.venues.paper.config import Latency
from liveexec.venues.paper.exchange import PaperExchange

__all__ = ["MarketStream", "ReportStream", "Session"]


class ReportStream:
    """Reports of one session, in the order in which they happened, each after its latency.

    When ``capacity`` reports wait to be read it is full, and the session has to be given up: what followed would have
    a hole that nobody could see. A lost session raises its error, a closed one ends.
    """

    def __init__(self, clock: Clock, latency: Latency, draw: Random, capacity: int) -> None:
        self._clock = clock
        self._delay_ns, self._jitter_ns = latency.report_ns, latency.jitter_ns
        self._draw = draw
        self._capacity = capacity
        self._waiting: deque[tuple[int, VenueReport]] = deque()
        self._arrived = asyncio.Event()
        self._is_over = False
        self._error: AdapterError | None = None

    @property
    def is_over(self) -> bool:
        """Whether the session is lost or closed."""
        return self._is_over

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another report."""
        return len(self._waiting) >= self._capacity

    def announce_gap(self, accounts: Sequence[AccountId], reason: str) -> None:
        """Begin with a gap on each account."""
        for account_id in accounts:
            self._waiting.append((0, Gap(account_id, reason)))
        self._arrived.set()

    def push(self, report: VenueReport, at_ns: int) -> None:
        """Something happened at ``at_ns``; it is delivered when its latency is over, and never before what was pushed
        earlier."""
        if self._is_over:
            return
        if self._delay_ns or self._jitter_ns:
            at_ns += self._delay_ns + self._draw.randint(0, self._jitter_ns)
            self._waiting.append((at_ns, report))
        else:
            self._waiting.append((0, report))
        self._arrived.set()

    def lose(self, error: AdapterError) -> None:
        """The session is gone, and with it what was on its way."""
        if not self._is_over:
            self._error = error
            self.close()

    def close(self) -> None:
        """No more reports; what waits is dropped."""
        self._is_over = True
        self._waiting.clear()
        self._arrived.set()

    def __aiter__(self) -> "ReportStream":
        return self

    async def __anext__(self) -> VenueReport:
        while True:
            if self._waiting:
                due_ns, report = self._waiting[0]
                if due_ns and due_ns > self._clock.now_ns():
                    await self._clock.sleep_until_ns(due_ns)
                    continue
                self._waiting.popleft()
                return report
            if self._is_over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()


class MarketStream:
    """Books and trade bars of some instruments: of books only the latest, of bars those that the tape still has.

    ``at_ns`` of a book is market time when it is handed over.

    Raises:
        AdapterError: an instrument is not listed here.
    """

    def __init__(self, clock: Clock, exchange: PaperExchange, instruments: Sequence[InstrumentId]) -> None:
        missing = [name for name in instruments if name not in exchange.books]
        if missing:
            raise AdapterError(f"{exchange.config.venue} does not list {', '.join(missing)}")
        self._clock = clock
        self._exchange = exchange
        self._books = {name: exchange.books[name] for name in instruments}
        # What has been handed over: the count of changes of each book, the number of the next bar of each tape.
        self._shown = dict.fromkeys(self._books, 0)
        self._read = {name: book.tape.closed for name, book in self._books.items()}
        #: Bars, and the names of books that changed; a book is read when its turn comes.
        self._ready: deque[TradeBar | InstrumentId] = deque()
        self._changed = asyncio.Event()
        self._is_over = False
        self._error: AdapterError | None = None

    @property
    def is_over(self) -> bool:
        """Whether the session is lost or closed."""
        return self._is_over

    def wake(self) -> None:
        """Something may have changed."""
        self._changed.set()

    def lose(self, error: AdapterError) -> None:
        """The session is gone."""
        if not self._is_over:
            self._error = error
            self.close()

    def close(self) -> None:
        """No more market data."""
        self._is_over = True
        self._changed.set()

    def __aiter__(self) -> "MarketStream":
        return self

    async def __anext__(self) -> Book | TradeBar:
        while not self._is_over:
            if self._ready:
                ready = self._ready.popleft()
                if isinstance(ready, TradeBar):
                    return ready
                self._shown[ready] = self._books[ready].changes
                return self._exchange.visible_book(ready, self._clock.now_ns())
            self._changed.clear()
            self._collect()
            if not self._ready:
                await self._changed.wait()
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    def _collect(self) -> None:
        for name, book in self._books.items():
            closed = book.tape.closed
            if closed > self._read[name]:
                self._ready.extend(book.tape.since(self._read[name]))
                self._read[name] = closed
            if book.changes > self._shown[name]:
                self._ready.append(name)


class Session:
    """One session of an adapter: its reports and its market streams, which end together."""

    def __init__(self, reports: ReportStream) -> None:
        self.reports = reports
        self._markets: list[MarketStream] = []

    @property
    def is_over(self) -> bool:
        """Whether the session is lost or closed."""
        return self.reports.is_over

    def open_market(self, stream: MarketStream) -> None:
        """Let a market stream live as long as the session."""
        self._markets = [market for market in self._markets if not market.is_over]
        self._markets.append(stream)

    def wake(self) -> None:
        """A book may have changed."""
        for market in self._markets:
            market.wake()

    def push(self, report: VenueReport, at_ns: int) -> None:
        """See :meth:`ReportStream.push`; when nobody reads, the session is lost."""
        if self.reports.is_full:
            self.lose(AdapterError("the queue of reports is full: nobody reads it, so the session is given up"))
            return
        self.reports.push(report, at_ns)

    def lose(self, error: AdapterError) -> None:
        """The session broke."""
        self.reports.lose(error)
        for market in self._markets:
            market.lose(error)

    def close(self) -> None:
        """The session was closed on purpose."""
        self.reports.close()
        for market in self._markets:
            market.close()
