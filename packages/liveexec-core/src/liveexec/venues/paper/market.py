"""The market that drives paper venues: one source, replayed into many listings, each changed in its own way.

A source is an iterator of events in the order of their times. What a listing makes of it is a documented
transformation, so that one recording gives venues different books: prices move by whole ticks of the listing,
quantities are multiplied and cut to its lot, and prices that don't lie on its ticks are rounded away from the
spread (bids down, asks up; a trade towards the side that it came from), so that rounding never makes a price better
than it was.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Final, Protocol

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, Level
from liveexec.domain.money import MONEY
from liveexec.domain.operation import Side
from liveexec.domain.recorded import MarketEvent, SourceBook, SourceTrade
from liveexec.venues.paper.config import PaperInstrument
from liveexec.venues.paper.exchange import PaperExchange

__all__ = ["Feed", "MarketEvent", "MarketSource", "SourceBook", "SourceTrade"]

#: Distinct prices and quantities of one listing that are worth remembering.
_CACHE: Final = 65_536


class MarketSource(Protocol):
    """Where books and trades come from. Times never fall; a finite source leaves the last books standing."""

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """What the source has books and trades of."""
        ...

    @property
    def start_ns(self) -> int:
        """The time of its first event, UTC nanoseconds."""
        ...

    def events(self) -> Iterator[MarketEvent]:
        """Every event from the start, in the order of their times."""
        ...


class Feed:
    """The way of one source instrument into one listing of one venue."""

    def __init__(self, exchange: PaperExchange, instrument: PaperInstrument, listing: Listing) -> None:
        self._exchange = exchange
        #: The listing.
        self.instrument_id = instrument.instrument_id
        self._book = exchange.books[instrument.instrument_id]
        offset = instrument.tick * instrument.offset_ticks
        ticks, lot, factor = listing.ticks, listing.lot, instrument.depth_factor
        # Recorded prices and sizes repeat: most of a replay is look-ups.
        self._down = lru_cache(_CACHE)(lambda price: ticks.round_down(price + offset))
        self._up = lru_cache(_CACHE)(lambda price: ticks.round_up(price + offset))
        self._size = lru_cache(_CACHE)(lambda quantity: money.floor_to(quantity * factor, lot))

    @property
    def is_untouched(self) -> bool:
        """Whether nothing of the venue's orders is left in the book: then only the latest book matters."""
        return self._book.is_untouched

    def apply(self, event: MarketEvent) -> None:
        """Replay an event into the venue."""
        with localcontext(MONEY):
            if isinstance(event, SourceBook):
                self._exchange.on_book(self._moved(event))
            elif (trade := self._traded(event)) is not None:
                self._exchange.on_trade(self.instrument_id, *trade, event.aggressor, event.time_ns)

    def skip_to(self, book: SourceBook) -> None:
        """Replay the last of several books, of which the others met nothing; only while :attr:`is_untouched`."""
        with localcontext(MONEY):
            self._exchange.show_book(self._moved(book))

    def note(self, events: Iterable[SourceTrade]) -> None:
        """Replay trades that met nothing; only while :attr:`is_untouched`."""
        with localcontext(MONEY):
            tape = self._book.tape
            for event in events:
                if (trade := self._traded(event)) is not None:
                    tape.record(*trade, event.time_ns)

    def _moved(self, book: SourceBook) -> Book:
        bids, asks = self._levels(book.bids, is_bid=True), self._levels(book.asks, is_bid=False)
        return Book(self.instrument_id, bids, asks, book.time_ns, book.time_ns)

    def _traded(self, event: SourceTrade) -> Level | None:
        """Price and quantity as this listing would have printed them; ``None`` where nothing is left of it."""
        quantity = self._size(event.quantity)
        # A seller came down to the bids, so up is away from going further; a buyer the other way round.
        price = self._up(event.price) if event.aggressor is Side.SELL else self._down(event.price)
        return (price, quantity) if quantity > 0 and price > 0 else None

    def _levels(self, levels: tuple[Level, ...], *, is_bid: bool) -> tuple[Level, ...]:
        convert = self._down if is_bid else self._up
        merged: dict[Decimal, Decimal] = {}
        for price, quantity in levels:
            size = self._size(quantity)
            moved = convert(price)
            if size > 0 and moved > 0:
                # Rounding can bring two levels to one price.
                merged[moved] = merged[moved] + size if moved in merged else size
        return tuple(merged.items())
