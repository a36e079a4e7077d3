"""Larkspur's market data over a connection of its own, so that quotes never hold up a fill."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Final, Self

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.errors import AdapterError
from liveexec_larkspur import wire
from liveexec_larkspur.config import LarkspurSection
from liveexec_larkspur.mapping import bar_of, book_of, symbol_of
from liveexec_larkspur.stream import opened

__all__ = ["Market"]

_log = structlog.get_logger(__name__)

#: Trades that wait to be read; the oldest give way.
_MOST_TRADES: Final = 10_000
_LOST: Final = (WebSocketException, OSError, EOFError)


class Market:
    """Books and trades of some instruments, until the session ends. Of an instrument's books only the latest waits."""

    def __init__(self, section: LarkspurSection, instruments: Sequence[InstrumentId]) -> None:
        self._section = section
        self._symbols = [symbol_of(each) for each in instruments]
        self._books: dict[InstrumentId, Book] = {}
        self._trades: deque[TradeBar] = deque(maxlen=_MOST_TRADES)
        self._changed = asyncio.Event()
        self._error: AdapterError | None = None
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Book | TradeBar:
        if self._task is None and self._error is None:
            await self._open()
        while self._error is None:
            if self._trades:
                return self._trades.popleft()
            if self._books:
                return self._books.pop(next(iter(self._books)))
            self._changed.clear()
            await self._changed.wait()
        raise self._error

    async def close(self, error: AdapterError) -> None:
        """The session is over, and this with it."""
        self._end(error)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._socket is not None:
            with contextlib.suppress(*_LOST):
                await self._socket.close()

    async def _open(self) -> None:
        self._socket = await opened(f"{self._section.stream_url}/v1/market", self._section.answer_timeout_s)
        try:
            await self._socket.send(msgspec.json.encode({"op": "subscribe", "symbols": self._symbols}).decode())
        except _LOST as error:
            raise AdapterError(f"the market data was lost: {type(error).__name__}") from error
        self._task = asyncio.create_task(self._listen(self._socket), name="larkspur-market")

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            while self._error is None:
                async with asyncio.timeout(self._section.silence_s):
                    text = await socket.recv()
                self._hear(text)
        except TimeoutError:
            self._end(AdapterError(f"the market data was silent for {self._section.silence_s:g} s"))
            socket.transport.abort()
        except _LOST as error:
            self._end(AdapterError(f"the market data was lost: {type(error).__name__}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and ends the stream
            # A defect of ours must not leave market data that stands still and looks alive.
            _log.exception("reading_failed", venue="LARKSPUR")
            self._end(AdapterError(f"reading failed: {type(error).__name__}"))
            socket.transport.abort()

    def _hear(self, text: str | bytes) -> None:
        """Read one message. A quote that can't be read is one that another replaces soon."""
        try:
            match msgspec.json.decode(text, type=wire.Head).type:
                case "book":
                    book = book_of(msgspec.json.decode(text, type=wire.Book))
                    self._books[book.instrument_id] = book
                case "trade":
                    self._trades.append(bar_of(msgspec.json.decode(text, type=wire.Trade)))
                case _:
                    return
        except ValueError as error:
            _log.warning("quote_not_readable", venue="LARKSPUR", error=str(error))
            return
        self._changed.set()

    def _end(self, error: AdapterError) -> None:
        if self._error is None:
            self._error = error
            self._changed.set()
