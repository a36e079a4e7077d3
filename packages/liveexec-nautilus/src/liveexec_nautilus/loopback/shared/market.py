"""What a loopback venue tells everybody: its tape, its mark prices and its books."""

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext

from liveexec.domain.ids import VenueName
from liveexec.domain.market import Level
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.operation import Side
from liveexec.venues.paper.exchange import PaperExchange
from liveexec_nautilus.loopback.shared.books import PublishedBook
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.events import BookChanged, FloorEvent, MarkMoved, PublicTrade
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["PublicMarket"]


class PublicMarket:
    """The public side of one venue. What changes is told to ``tell`` at once; trades are numbered from
    ``first_number`` on."""

    def __init__(
        self,
        venue: VenueName,
        symbols: Mapping[str, SymbolConfig],
        exchange: PaperExchange,
        clock: VenueClock,
        tell: Callable[[FloorEvent], None],
        first_number: int,
    ) -> None:
        self._venue, self._symbols, self._exchange, self._clock, self._tell = venue, symbols, exchange, clock, tell
        self.trades: list[PublicTrade] = []
        self.marks: dict[str, Decimal] = {}
        self._books = {name: PublishedBook() for name in symbols}
        self._by_instrument = {symbol.instrument_id(venue): symbol for symbol in symbols.values()}
        self._trade_count = first_number
        self._latest_trade: str | None = None

    def print_trade(self, symbol: str, side: Side, price: Decimal, quantity: Decimal) -> None:
        """The tape shows a trade of others; nobody's order is touched."""
        listed, now_ns = self._symbols[symbol], self._clock.now_ns()
        self._exchange.on_trade(listed.instrument_id(self._venue), price, quantity, None, now_ns)
        self.publish_trade(PublicTrade(listed, self.trade_number(None), price, quantity, side, now_ns))

    def set_mark(self, symbol: str, price: Decimal | None) -> None:
        """Fix the mark price; ``None`` lets it follow the book again."""
        if price is None:
            self.marks.pop(symbol, None)
        else:
            self.marks[symbol] = price
        self._tell(MarkMoved(self._symbols[symbol], self.mark(symbol), self._clock.now_ns()))

    def mark(self, symbol: str) -> Decimal:
        """The mark price: what was set, the middle of the book, the last trade, or the opening price."""
        if symbol in self.marks:
            return self.marks[symbol]
        bids, asks = self.book(symbol, 1)
        if bids and asks:
            with localcontext(MONEY):
                return (bids[0][0] + asks[0][0]) / 2
        last = self.last_trade(symbol)
        return last.price if last is not None else self._symbols[symbol].opening_price

    def last_trade(self, symbol: str) -> PublicTrade | None:
        """The latest trade of a symbol."""
        return next((trade for trade in reversed(self.trades) if trade.symbol.name == symbol), None)

    def book(self, symbol: str, depth: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Bids and asks, best first, at most ``depth`` each."""
        book = self._books[symbol]
        return book.bids[:depth], book.asks[:depth]

    def bought_for(self, symbol: SymbolConfig, amount: Decimal) -> Decimal:
        """How much of the base asset an amount of the quote asset buys now, in whole lots."""
        bought, left = ZERO, amount
        with localcontext(MONEY):
            for price, offered in self._books[symbol.name].asks:
                # Whole lots are counted, since an amount through a price is rarely a finite number.
                part = min(offered, left // (price * symbol.lot) * symbol.lot)
                bought, left = bought + part, left - part * price
                if part < offered:
                    break
        return bought

    def book_update(self, symbol: str) -> int:
        """The number of the latest change of a book."""
        return self._books[symbol].update

    def trade_number(self, trade_id: str | None) -> int:
        """The number of the engine's trade: both of its sides come one after the other and share it."""
        if trade_id is None or trade_id != self._latest_trade:
            self._trade_count += 1
        self._latest_trade = trade_id
        return self._trade_count

    def publish_trade(self, trade: PublicTrade) -> None:
        """Put a trade on the tape."""
        self.trades.append(trade)
        self._tell(trade)

    def publish_books(self) -> None:
        """Tell of every book that changed since the last time."""
        for instrument_id, book in self._exchange.books.items():
            symbol = self._by_instrument[instrument_id]
            published = self._books[symbol.name]
            if published.changes == book.changes:
                continue
            moved = published.refresh(book, self._exchange.now_ns)
            if moved is not None:
                self._tell(BookChanged(symbol, published.update, *moved, self._exchange.now_ns))
