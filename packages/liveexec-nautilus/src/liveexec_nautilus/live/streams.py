"""What one session of a venue tells on its way to whoever reads it: reports in order, market data latest first."""

import asyncio
from collections import deque
from typing import Final

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import VenueReport
from liveexec.errors import AdapterError

__all__ = ["MarketStream", "ReportStream"]

#: Bars that wait to be read; the oldest give way.
_MOST_BARS: Final = 3_600


class ReportStream:
    """Bounded and in order. When ``capacity`` reports wait the session is over: what followed would have a hole that
    nobody could see. A lost session raises its error, a closed one ends; what waits then is dropped, since the gap
    that the next session begins with covers it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[VenueReport] = deque()
        self._arrived = asyncio.Event()
        self._error: AdapterError | None = None
        self.is_over = False

    def push(self, report: VenueReport) -> None:
        """Something was reported."""
        if self.is_over:
            return
        if len(self._waiting) >= self._capacity:
            self.lose(AdapterError(f"{self._capacity} reports wait to be read"))
            return
        self._waiting.append(report)
        self._arrived.set()

    def lose(self, error: AdapterError) -> None:
        """The session is gone."""
        if not self.is_over:
            self._error = error
            self.close()

    def close(self) -> None:
        """No more reports."""
        self.is_over = True
        self._waiting.clear()
        self._arrived.set()

    def __aiter__(self) -> "ReportStream":
        return self

    async def __anext__(self) -> VenueReport:
        while True:
            if self._waiting:
                return self._waiting.popleft()
            if self._error is not None:
                raise self._error
            if self.is_over:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()


class MarketStream:
    """Books and bars. Of the books of an instrument only the latest waits."""

    def __init__(self) -> None:
        self._books: dict[InstrumentId, Book] = {}
        self._bars: deque[TradeBar] = deque(maxlen=_MOST_BARS)
        self._news = asyncio.Event()
        self._error: AdapterError | None = None

    def book(self, book: Book) -> None:
        """A book changed."""
        # Anew at the end, so that a busy instrument does not starve the others.
        self._books.pop(book.instrument_id, None)
        self._books[book.instrument_id] = book
        self._news.set()

    def bar(self, bar: TradeBar) -> None:
        """Something was traded; trades of the same second are one bar while they wait."""
        last = self._bars[-1] if self._bars else None
        if last is not None and last.instrument_id == bar.instrument_id and last.start_ns == bar.start_ns:
            last.quantity += bar.quantity
            last.cost += bar.cost
            last.last_price = bar.last_price
            last.count += bar.count
        else:
            self._bars.append(bar)
        self._news.set()

    def lose(self, error: AdapterError) -> None:
        """Whoever reads is told."""
        self._error = self._error or error
        self._news.set()

    def __aiter__(self) -> "MarketStream":
        return self

    async def __anext__(self) -> Book | TradeBar:
        while self._error is None:
            if self._bars:
                return self._bars.popleft()
            if self._books:
                return self._books.pop(next(iter(self._books)))
            self._news.clear()
            await self._news.wait()
        raise self._error
