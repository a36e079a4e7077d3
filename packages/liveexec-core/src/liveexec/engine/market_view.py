"""The engine's picture of the market: the latest book of each instrument, and recent trades summed up."""

from collections import deque
from decimal import Decimal
from typing import Final

from attrs import define, field

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, TradeBar

__all__ = ["MAX_BARS", "MarketView"]

#: Bars kept per instrument: at one a second, a little over an hour.
MAX_BARS: Final = 4_096


@define(eq=False)
class MarketView:
    """What is known of the market now. Only the engine updates it, from its inputs."""

    books: dict[InstrumentId, Book] = field(factory=dict)
    bars: dict[InstrumentId, deque[TradeBar]] = field(factory=dict)
    #: Rises with every update: what was worked out from the market holds while it stays.
    version: int = 0

    def update(self, update: Book | TradeBar) -> None:
        """Take the latest book, or one more bar."""
        self.version += 1
        if isinstance(update, Book):
            self.books[update.instrument_id] = update
            return
        bars = self.bars.get(update.instrument_id)
        if bars is None:
            bars = self.bars[update.instrument_id] = deque(maxlen=MAX_BARS)
        bars.append(update)

    def book(self, instrument_id: InstrumentId) -> Book | None:
        """The latest book of an instrument, however old."""
        return self.books.get(instrument_id)

    def fresh_book(self, instrument_id: InstrumentId, now_ns: int, max_age_ns: int) -> Book | None:
        """The latest book if it is sane and not older than ``max_age_ns``."""
        book = self.books.get(instrument_id)
        if book is None or now_ns - book.at_ns > max_age_ns or not book.is_sane:
            return None
        return book

    def mark_price(self, instrument_id: InstrumentId) -> Decimal | None:
        """The price that positions are valued at: the mid, else the last trade; ``None`` when neither is known."""
        book = self.books.get(instrument_id)
        if book is not None and (mid := book.mid) is not None:
            return mid
        bars = self.bars.get(instrument_id)
        return bars[-1].last_price if bars else None
