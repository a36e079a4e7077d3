"""The public channels: books, tickers, trades, marks, indexes and funding.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel and its neighbours. What is
about things that never happen here (``instruments``, ``status``, ``opt-summary``) is taken and stays silent.
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import define

from liveexec.domain.market import Level
from liveexec.domain.money import ZERO
from liveexec_nautilus.loopback.okx.channels import BOOK_DEPTHS, INCREMENTAL_BOOKS, Subscription
from liveexec_nautilus.loopback.okx.listings import family_of
from liveexec_nautilus.loopback.okx.market_data import MarketData, checksum, levels, trade_row
from liveexec_nautilus.loopback.okx.params import Listings
from liveexec_nautilus.loopback.shared.events import BookChanged, FloorEvent, MarkMoved, PublicTrade
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["PublicChannels"]

Publish = Callable[[Session, str, object], None]
Subscribers = Iterable[tuple[Session, Subscription]]
Levels = tuple[Level, ...]

_SNAPSHOT: Final = -1


@define
class _Shown:
    """A book as the subscribers of one channel have it."""

    bids: Levels
    asks: Levels
    sequence: int


class PublicChannels:
    """What anybody is told, and which books were told last."""

    def __init__(self, floor: Floor, listings: Listings, market: MarketData, publish: Publish) -> None:
        self._floor = floor
        self._listings = listings
        self._market = market
        self._publish = publish
        self._books: dict[tuple[str, str], _Shown] = {}

    def open(self, session: Session, subscription: Subscription) -> None:
        """Tell a new subscriber how things stand; trades begin with the next one."""
        channel, symbol = subscription.channel, self._listings.named(subscription.instrument)
        if channel == "index-tickers":
            self._tell(session, subscription, [self._market.index_row(subscription.instrument)])
        if symbol is None:
            return
        if channel in BOOK_DEPTHS:
            shown = self._book(symbol, channel)
            self._tell_book(session, subscription, shown, shown.bids, shown.asks, _SNAPSHOT)
        elif channel == "tickers":
            self._tell(session, subscription, [self._market.ticker_row(symbol)])
        elif channel == "mark-price":
            self._tell(session, subscription, [self._market.mark_row(symbol)])
        elif channel == "funding-rate":
            self._tell(session, subscription, [self._market.funding_row(symbol)])

    def on_event(self, event: FloorEvent, subscribers: Callable[[], Subscribers]) -> None:
        """Tell whoever subscribed to what this event changes."""
        if isinstance(event, BookChanged):
            told = list(subscribers())
            self._book_changed(event.symbol, told)
            self._tell_rows(event.symbol, told, "tickers")
        elif isinstance(event, PublicTrade):
            told = list(subscribers())
            for session, subscription in told:
                if subscription.channel == "trades" and subscription.fits(event.symbol):
                    self._tell(session, subscription, [trade_row(event) | {"count": "1"}])
            self._tell_rows(event.symbol, told, "tickers")
        elif isinstance(event, MarkMoved):
            self._tell_rows(event.symbol, list(subscribers()), "mark-price", "index-tickers")

    def _tell_rows(self, symbol: SymbolConfig, subscribers: Subscribers, *channels: str) -> None:
        for session, subscription in subscribers:
            channel = subscription.channel
            if channel not in channels:
                continue
            if channel == "index-tickers":
                if subscription.instrument == family_of(symbol):
                    self._tell(session, subscription, [self._market.index_row(subscription.instrument)])
            elif subscription.fits(symbol):
                row = self._market.ticker_row if channel == "tickers" else self._market.mark_row
                self._tell(session, subscription, [row(symbol)])

    def _book_changed(self, symbol: SymbolConfig, subscribers: Subscribers) -> None:
        told = list(subscribers)
        for (name, channel), shown in self._books.items():
            if name != symbol.name:
                continue
            bids, asks = self._floor.market.book(name, BOOK_DEPTHS[channel])
            moved_bids, moved_asks = _moved(shown.bids, bids), _moved(shown.asks, asks)
            if not moved_bids and not moved_asks:
                continue
            before = shown.sequence
            shown.bids, shown.asks, shown.sequence = bids, asks, before + 1
            incremental = channel in INCREMENTAL_BOOKS
            told_bids, told_asks = (moved_bids, moved_asks) if incremental else (bids, asks)
            for session, subscription in told:
                if subscription.channel == channel and subscription.fits(symbol):
                    self._tell_book(session, subscription, shown, told_bids, told_asks, before)

    def _book(self, symbol: SymbolConfig, channel: str) -> _Shown:
        shown = self._books.get((symbol.name, channel))
        if shown is None:
            bids, asks = self._floor.market.book(symbol.name, BOOK_DEPTHS[channel])
            shown = self._books[symbol.name, channel] = _Shown(bids, asks, self._floor.market.book_update(symbol.name))
        return shown

    def _tell_book(
        self,
        session: Session,
        subscription: Subscription,
        shown: _Shown,
        bids: Levels,
        asks: Levels,
        previous: int,
    ) -> None:
        row: dict[str, object] = {
            "asks": levels(asks),
            "bids": levels(bids),
            "ts": str(self._floor.clock.now_ms()),
            "seqId": shown.sequence,
        }
        message: dict[str, object] = {"arg": _arg(subscription)}
        if subscription.channel in INCREMENTAL_BOOKS:
            message["action"] = "snapshot" if previous == _SNAPSHOT else "update"
            row |= {"checksum": checksum(shown.bids, shown.asks), "prevSeqId": previous}
        elif subscription.channel == "books5":
            row["instId"] = subscription.instrument
        self._publish(session, subscription.channel, message | {"data": [row]})

    def _tell(self, session: Session, subscription: Subscription, rows: list[dict[str, object]]) -> None:
        self._publish(session, subscription.channel, {"arg": _arg(subscription), "data": rows})


def _arg(subscription: Subscription) -> dict[str, object]:
    return dict(subscription.arg)


def _moved(before: Levels, after: Levels) -> Levels:
    """The levels that differ, with what they hold now; what is gone or out of sight holds nothing."""
    old, new = dict(before), dict(after)
    gone = [(price, ZERO) for price in old if price not in new]
    return (*(level for level in after if old.get(level[0]) != level[1]), *gone)
