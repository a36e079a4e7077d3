"""Public topics: ``orderbook.N.SYMBOL``, ``publicTrade.SYMBOL`` and ``tickers.SYMBOL`` of one category's path.

Source: https://bybit-exchange.github.io/docs/v5/websocket/public. A topic tells a snapshot when it is subscribed to;
books and contracts' tickers then tell what changed, the others themselves again.
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import define

from liveexec.domain.market import Level
from liveexec.domain.money import ZERO
from liveexec_nautilus.loopback.bybit.listings import Category, category_of, wire_name
from liveexec_nautilus.loopback.bybit.market_data import MarketData, rows
from liveexec_nautilus.loopback.bybit.params import Listings
from liveexec_nautilus.loopback.bybit.wire import side_word, trade_id
from liveexec_nautilus.loopback.shared.events import BookChanged, FloorEvent, MarkMoved, PublicTrade
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.numbers import plain, whole_in
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["PublicStreams"]

Publish = Callable[[Session, str, object], None]
Levels = tuple[Level, ...]

#: The depths that each category has.
_DEPTHS: Final = {
    "spot": {1, 50, 200, 1_000},
    "linear": {1, 50, 200, 1_000},
    "inverse": {1, 50, 200, 1_000},
    "option": {25, 100},
}
_NS_PER_MS: Final = 1_000_000


@define
class _Shown:
    """A book topic as its subscribers have it. Updates are numbered from 1, which is the venue's word for a restart."""

    bids: Levels
    asks: Levels
    update: int = 1


class PublicStreams:
    """The public topics of all categories, and what their subscribers were told last."""

    def __init__(self, floor: Floor, listings: Listings, market: MarketData, publish: Publish) -> None:
        self._floor = floor
        self._listings = listings
        self._market = market
        self._publish = publish
        self._books: dict[tuple[str, int], _Shown] = {}
        self._tickers: dict[str, dict[str, object]] = {}

    def category_of_topic(self, topic: str, categories: Iterable[Category]) -> Category | None:
        """The first of these categories that has such a topic."""
        return next((category for category in categories if self.is_topic(category, topic)), None)

    def is_topic(self, category: Category, topic: str) -> bool:
        """Whether this category has such a topic."""
        family, _, rest = topic.partition(".")
        match family:
            case "orderbook":
                depth, _, name = rest.partition(".")
                has_depth = whole_in(depth) in _DEPTHS[category]
                return has_depth and self._listings.named(category, name) is not None
            case "publicTrade" if category == "option":
                return bool(self._listings.based_on(category, rest))
            case "publicTrade" | "tickers":
                return self._listings.named(category, rest) is not None
        return False

    def open(self, session: Session, category: Category, topic: str) -> None:
        """Tell a new subscriber how things stand; trades begin with the next one."""
        family, _, rest = topic.partition(".")
        if family == "orderbook":
            depth, _, name = rest.partition(".")
            symbol = self._listings.named(category, name)
            assert symbol is not None
            shown = self._book(symbol, int(depth))
            self._tell_book(session, topic, "snapshot", symbol, shown, shown.bids, shown.asks)
        elif family == "tickers":
            symbol = self._listings.named(category, rest)
            assert symbol is not None
            self._tell_ticker(session, topic, "snapshot", self._ticker(symbol))

    def on_event(self, event: FloorEvent, sessions: Iterable[Session]) -> None:
        """Tell whoever of these subscribed to what this event changes."""
        if isinstance(event, BookChanged):
            self._book_changed(event.symbol, sessions)
            self._ticker_changed(event.symbol, sessions)
        elif isinstance(event, PublicTrade):
            self._traded(event, sessions)
            self._ticker_changed(event.symbol, sessions)
        elif isinstance(event, MarkMoved):
            self._ticker_changed(event.symbol, sessions)

    def _book_changed(self, symbol: SymbolConfig, sessions: Iterable[Session]) -> None:
        for (name, depth), shown in self._books.items():
            if name != symbol.name:
                continue
            bids, asks = self._floor.market.book(name, depth)
            moved_bids, moved_asks = _moved(shown.bids, bids), _moved(shown.asks, asks)
            if not moved_bids and not moved_asks:
                continue
            shown.bids, shown.asks, shown.update = bids, asks, shown.update + 1
            topic = f"orderbook.{depth}.{wire_name(symbol)}"
            # The topic with one level is always whole.
            kind, told = ("snapshot", (bids, asks)) if depth == 1 else ("delta", (moved_bids, moved_asks))
            for session in sessions:
                if _listens(session, topic, symbol):
                    self._tell_book(session, topic, kind, symbol, shown, *told)

    def _book(self, symbol: SymbolConfig, depth: int) -> _Shown:
        shown = self._books.get((symbol.name, depth))
        if shown is None:
            shown = self._books[symbol.name, depth] = _Shown(*self._floor.market.book(symbol.name, depth))
        return shown

    def _tell_book(
        self, session: Session, topic: str, kind: str, symbol: SymbolConfig, shown: _Shown, bids: Levels, asks: Levels
    ) -> None:
        now_ms = self._floor.clock.now_ms()
        data = {
            "s": wire_name(symbol),
            "b": rows(bids),
            "a": rows(asks),
            "u": shown.update,
            "seq": self._floor.market.book_update(symbol.name),
        }
        self._publish(session, topic, {"topic": topic, "type": kind, "ts": now_ms, "data": data, "cts": now_ms})

    def _traded(self, trade: PublicTrade, sessions: Iterable[Session]) -> None:
        symbol = trade.symbol
        topic = f"publicTrade.{symbol.base if category_of(symbol) == 'option' else wire_name(symbol)}"
        data = {
            "T": trade.time_ns // _NS_PER_MS,
            "s": wire_name(symbol),
            "S": side_word(trade.aggressor),
            "v": plain(trade.quantity),
            "p": plain(trade.price),
            "L": "PlusTick",
            "i": trade_id(trade.trade_number),
            "BT": False,
            "RPI": False,
            "seq": trade.trade_number,
        }
        message = {"topic": topic, "type": "snapshot", "ts": self._floor.clock.now_ms(), "data": [data]}
        for session in sessions:
            if _listens(session, topic, symbol):
                self._publish(session, topic, message)

    def _ticker(self, symbol: SymbolConfig) -> dict[str, object]:
        shown = self._tickers.get(symbol.name)
        if shown is None:
            shown = self._tickers[symbol.name] = self._market.ticker_message(symbol)
        return shown

    def _ticker_changed(self, symbol: SymbolConfig, sessions: Iterable[Session]) -> None:
        before = self._tickers.get(symbol.name)
        if before is None:
            return  # nobody ever asked
        now = self._tickers[symbol.name] = self._market.ticker_message(symbol)
        changed = {name: value for name, value in now.items() if before[name] != value}
        if not changed:
            return
        topic = f"tickers.{wire_name(symbol)}"
        by_change = category_of(symbol) in {"linear", "inverse"}
        data = {"symbol": now["symbol"], **changed} if by_change else now
        for session in sessions:
            if _listens(session, topic, symbol):
                self._tell_ticker(session, topic, "delta" if by_change else "snapshot", data)

    def _tell_ticker(self, session: Session, topic: str, kind: str, data: dict[str, object]) -> None:
        now_ms = self._floor.clock.now_ms()
        self._publish(session, topic, {"topic": topic, "type": kind, "data": data, "cs": now_ms, "ts": now_ms})


def _listens(session: Session, topic: str, symbol: SymbolConfig) -> bool:
    """Whether a session subscribed to this topic of the symbol's category: its notes tell which it meant."""
    return topic in session.topics and session.notes[topic] == category_of(symbol)


def _moved(before: Levels, after: Levels) -> Levels:
    """The levels that differ, with what they hold now; what is gone or out of sight holds nothing."""
    old, new = dict(before), dict(after)
    gone = [(price, ZERO) for price in old if price not in new]
    return (*(level for level in after if old.get(level[0]) != level[1]), *gone)
