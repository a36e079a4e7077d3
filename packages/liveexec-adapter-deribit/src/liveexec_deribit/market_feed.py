"""A stream of books and trades over a connection of its own, so that quotes never hold up a fill.

Of a book only the latest state waits to be read; it is put together when its turn comes. Trades are summed up per
message, and the oldest bars give way when nobody reads.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.errors import AdapterError
from liveexec_deribit import wire
from liveexec_deribit.config import DeribitSection
from liveexec_deribit.connection import Connection
from liveexec_deribit.market import BookKeeper, quote_book, summed_trades
from liveexec_deribit.names import symbol_of
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import Frame, MalformedMessage, decoded

__all__ = ["MarketFeed"]

_log = structlog.get_logger(__name__)

#: Bars that wait to be read.
_MOST_BARS: Final = 3_600
#: Channels of one request: a request may not be longer than 32 kB (error -32600).
_CHANNELS_AT_ONCE: Final = 300


class MarketFeed:
    """Books and trade bars of some instruments, from when the first is asked for until the session ends."""

    def __init__(self, section: DeribitSection, instruments: Sequence[InstrumentId], pace: Pace) -> None:
        self._section, self._pace = section, pace
        self._ids = {symbol_of(each): each for each in instruments}
        depth = section.book_depth
        self._keepers = {symbol: BookKeeper(each, depth) for symbol, each in self._ids.items()}
        self._quotes: dict[str, Book] = {}
        #: Instruments whose book changed since it was read, and when.
        self._changed: dict[str, int] = {}
        self._bars: deque[TradeBar] = deque(maxlen=_MOST_BARS)
        self._news = asyncio.Event()
        self._error: AdapterError | None = None
        self._connection: Connection | None = None
        self._renewals: set[asyncio.Task[None]] = set()

    def __aiter__(self) -> "MarketFeed":
        return self

    async def __anext__(self) -> Book | TradeBar:
        if self._connection is None and self._error is None:
            await self._open()
        while self._error is None:
            if self._bars:
                return self._bars.popleft()
            while self._changed:
                symbol = next(iter(self._changed))
                if (book := self._book_of(symbol, self._changed.pop(symbol))) is not None:
                    return book
            self._news.clear()
            await self._news.wait()
        raise self._error

    async def close(self) -> None:
        """The session is over, and this with it."""
        self.end(AdapterError("the session was closed"))
        if self._connection is not None:
            await self._connection.close()

    def end(self, error: AdapterError) -> None:
        """Whoever reads is told."""
        self._error = self._error or error
        self._news.set()

    def notified(self, channel: str, data: msgspec.Raw) -> None:
        """A channel has news."""
        try:
            if channel.startswith("book."):
                self._take_book(decoded(wire.BookChange, data, "a book's change"), channel)
            elif channel.startswith("quote."):
                quote = decoded(wire.Quote, data, "a quote")
                if (instrument_id := self._ids.get(quote.instrument_name)) is not None:
                    self._quotes[quote.instrument_name] = quote_book(quote, instrument_id, time.time_ns())
                    self._mark(quote.instrument_name)
            elif channel.startswith("trades."):
                self._take_trades(decoded(list[wire.PublicTrade], data, "trades"))
        except MalformedMessage as error:
            self.unreadable(error)
            # What was in it is missing from the book.
            self._renew(channel)

    def unreadable(self, error: MalformedMessage) -> None:
        """Quotes come again: what can't be read is told, and no more."""
        _log.error("deribit_market_unreadable", venue=self._section.venue, error=str(error))

    def answered_late(self, method: str, frame: Frame) -> None:
        """Nothing here is waited for that matters later."""

    def lost(self, error: AdapterError) -> None:
        """The connection is gone."""
        self.end(error)

    async def _open(self) -> None:
        section = self._section
        timeout_s = float(section.request_timeout_s)
        self._connection = await Connection.open(section.endpoints.websocket, self, timeout_s=timeout_s)
        await self._connection.keep_alive(section.heartbeat_s)
        books = "quote.{}" if section.market_data == "quote" else "book.{}.100ms"
        channels = [form.format(symbol) for symbol in self._ids for form in (books, "trades.{}.100ms")]
        for start in range(0, len(channels), _CHANNELS_AT_ONCE):
            await self._subscribe(channels[start : start + _CHANNELS_AT_ONCE])

    async def _subscribe(self, channels: Sequence[str]) -> None:
        assert self._connection is not None
        await self._pace.turn()
        got = await self._connection.call("public/subscribe", {"channels": list(channels)}, list[str])
        if missing := sorted(set(channels) - set(got)):
            _log.warning("deribit_channels_missing", venue=self._section.venue, channels=missing[:20])

    def _take_book(self, told: wire.BookChange, channel: str) -> None:
        keeper = self._keepers.get(told.instrument_name)
        if keeper is None:
            return
        was_whole = keeper.is_whole
        if keeper.apply(told):
            self._mark(told.instrument_name)
        elif was_whole:
            _log.warning("deribit_book_hole", venue=self._section.venue, instrument=told.instrument_name)
            self._renew(channel)

    def _take_trades(self, told: Sequence[wire.PublicTrade]) -> None:
        by_symbol: dict[str, list[wire.PublicTrade]] = {}
        for each in told:
            by_symbol.setdefault(each.instrument_name, []).append(each)
        for symbol, trades in by_symbol.items():
            if (instrument_id := self._ids.get(symbol)) is not None:
                self._bars.extend(summed_trades(trades, instrument_id))
        self._news.set()

    def _book_of(self, symbol: str, at_ns: int) -> Book | None:
        if self._section.market_data == "quote":
            return self._quotes.get(symbol)
        keeper = self._keepers[symbol]
        return keeper.book(at_ns) if keeper.is_whole else None

    def _mark(self, symbol: str) -> None:
        self._changed[symbol] = time.time_ns()
        self._news.set()

    def _renew(self, channel: str) -> None:
        """Subscribe anew, which brings a snapshot."""
        symbol = channel.split(".")[1]
        if not channel.startswith("book.") or symbol not in self._keepers:
            return
        self._keepers[symbol].forget()
        task = asyncio.create_task(self._renewed(channel), name="deribit-book-renewal")
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    async def _renewed(self, channel: str) -> None:
        assert self._connection is not None
        try:
            await self._pace.turn()
            await self._connection.call("public/unsubscribe", {"channels": [channel]}, list[str])
            await self._subscribe([channel])
        except AdapterError as error:
            self._connection.lose(AdapterError(f"{channel} could not be subscribed to anew: {error}"))
