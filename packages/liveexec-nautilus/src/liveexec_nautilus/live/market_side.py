"""Market data of one venue: what the node streams of it, to whoever reads, and what was traded before."""

import time
from collections.abc import Sequence

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import TradeBar
from liveexec.errors import AdapterError
from liveexec_nautilus.live.asking import Asking
from liveexec_nautilus.live.listings import VenueListings
from liveexec_nautilus.live.mapping import book_of, quote_book, trade_bars
from liveexec_nautilus.live.protocol import BookTold, QuoteTold, TradeTold
from liveexec_nautilus.live.streams import MarketStream

__all__ = ["MarketSide"]


class MarketSide:
    """The readers of one session."""

    def __init__(self, listings: VenueListings, asking: Asking) -> None:
        self._listings, self._asking = listings, asking
        self._streams: list[MarketStream] = []

    def stream(self) -> MarketStream:
        """A stream of everything that the node is told to watch, until the session ends."""
        stream = MarketStream()
        self._streams.append(stream)
        return stream

    async def recent(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        """What was traded lately, as the venue lists it: sums of seconds, oldest first.

        Raises:
            AdapterError: the venue does not tell.
        """
        answer = await self._asking.ask("trades", self._listings.symbol_of(instrument_id))
        return trade_bars(answer.trades, instrument_id)

    def heard(self, told: QuoteTold | BookTold | TradeTold) -> None:
        """Hand it to every reader.

        Raises:
            InvalidInput: it can't be read.
        """
        if not self._streams or told.instrument not in self._listings:
            return
        instrument_id = self._listings.instrument_id(told.instrument)
        for stream in self._streams:
            match told:
                case QuoteTold():
                    stream.book(quote_book(told, instrument_id, time.time_ns()))
                case BookTold():
                    stream.book(book_of(told, instrument_id, time.time_ns()))
                case TradeTold():
                    for bar in trade_bars([told], instrument_id):
                        stream.bar(bar)

    def end(self, error: AdapterError) -> None:
        """The session is over: whoever reads is told."""
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.lose(error)
