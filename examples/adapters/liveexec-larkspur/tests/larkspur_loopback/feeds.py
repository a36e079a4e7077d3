"""Who is told of what: sessions of reports, numbered, and subscribers of market data."""

import asyncio
import json
from typing import Any

from larkspur_loopback import documents
from larkspur_loopback.exchange import Event, Exchange, Fill
from larkspur_loopback.faults import Faults
from liveexec_testkit.conformance.scripts import DuplicateReports, LoseReports, ReorderReports, UnknownFields

__all__ = ["Feeds", "ReportFeed"]

#: Messages that wait for a reader here; a test that leaves more unread has gone wrong.
_CAPACITY = 100_000
_FIRST_NUMBER = 17


class ReportFeed:
    """One session's messages."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.last = _FIRST_NUMBER
        self.queue: asyncio.Queue[str] = asyncio.Queue(_CAPACITY)


class Feeds:
    """Hands out what the exchange tells."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange, self._faults = exchange, faults
        self.reports: set[ReportFeed] = set()
        self.market: dict[asyncio.Queue[str], frozenset[str]] = {}
        exchange.tell, exchange.show = self.tell, self.show

    def tell(self, key: str, events: list[Event]) -> None:
        """Number and send what happened to an account at one request."""
        if self._faults.lasting(LoseReports) is not None:
            return
        ordered = events[::-1] if self._faults.lasting(ReorderReports) is not None else events
        copies = 2 if self._faults.lasting(DuplicateReports) is not None else 1
        for feed in self._of(key):
            for event in ordered:
                feed.last += 1
                text = self.text({**documents.message(event), "seq": feed.last})
                for _ in range(copies):
                    feed.queue.put_nowait(text)

    def send_garbage(self, key: str) -> None:
        """A numbered message that is cut off in the middle."""
        for feed in self._of(key):
            feed.last += 1
            feed.queue.put_nowait(f'{{"type": "fill", "seq": {feed.last}, "fill": {{"id": "T')

    def show(self, symbol: str, trades: list[Fill]) -> None:
        """Send a pair's trades and its book as it is now."""
        told = [{"type": "trade", **documents.trade(each)} for each in trades]
        book = documents.book(symbol, self._exchange.books[symbol], self._exchange.now_us())
        for queue, symbols in self.market.items():
            if symbol in symbols:
                for each in [*told, book]:
                    queue.put_nowait(self.text(each))

    def text(self, document: dict[str, Any]) -> str:
        """A message as it is sent."""
        is_newer = self._faults.lasting(UnknownFields) is not None
        return json.dumps(documents.with_more_fields(document) if is_newer else document)

    def _of(self, key: str) -> list[ReportFeed]:
        return [feed for feed in self.reports if feed.key == key]
