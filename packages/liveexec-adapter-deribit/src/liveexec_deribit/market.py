"""Market data: books kept by their changes, trades summed up."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, Level, TradeBar
from liveexec.domain.money import MONEY, ZERO
from liveexec_deribit import wire
from liveexec_deribit.rpc import MalformedMessage, checked, to_ns

__all__ = ["BookKeeper", "quote_book", "summed_trades"]

_SECOND_NS: Final = 1_000_000_000
_ACTIONS: Final = ("new", "change", "delete")


class _Levels:
    """One side of a book: amounts by price, and the prices in rising order."""

    def __init__(self) -> None:
        self.amounts: dict[Decimal, Decimal] = {}
        self.prices: list[Decimal] = []

    def apply(self, entries: Iterable[wire.BookEntry]) -> None:
        for action, price, amount in entries:
            if action not in _ACTIONS or not price.is_finite() or not amount.is_finite() or amount < 0:
                raise MalformedMessage(f"a book's entry {action[:20]!r} makes no sense")
            if action == "delete" or not amount:
                if self.amounts.pop(price, None) is not None:
                    del self.prices[bisect_left(self.prices, price)]
                continue
            if price not in self.amounts:
                insort(self.prices, price)
            self.amounts[price] = amount

    def top(self, depth: int, *, highest: bool) -> tuple[Level, ...]:
        prices = self.prices[: -depth - 1 : -1] if highest else self.prices[:depth]
        return tuple((price, self.amounts[price]) for price in prices)


class BookKeeper:
    """The book of one instrument, kept by its changes. A change that does not follow the last one leaves a hole:
    the book is gone until the next snapshot."""

    def __init__(self, instrument_id: InstrumentId, depth: int) -> None:
        self._instrument_id, self._depth = instrument_id, depth
        self._bids, self._asks = _Levels(), _Levels()
        self._change_id: int | None = None
        self._venue_time_ns = 0

    @property
    def is_whole(self) -> bool:
        """Whether the book is known."""
        return self._change_id is not None

    def apply(self, told: wire.BookChange) -> bool:
        """Take a snapshot or a change; false if a change is missing before it, and the book with it.

        Raises:
            MalformedMessage: it makes no sense; the book is gone.
        """
        is_snapshot = told.type == "snapshot" or (not told.type and told.prev_change_id is None)
        if not is_snapshot and (self._change_id is None or told.prev_change_id != self._change_id):
            self.forget()
            return False
        if is_snapshot:
            self._bids, self._asks = _Levels(), _Levels()
        self._change_id = None
        self._bids.apply(told.bids)
        self._asks.apply(told.asks)
        self._venue_time_ns = to_ns(told.timestamp, "a book's timestamp")
        self._change_id = told.change_id
        return True

    def forget(self) -> None:
        """What is known is not to be trusted any more."""
        self._change_id = None
        self._bids, self._asks = _Levels(), _Levels()

    def book(self, at_ns: int) -> Book:
        """The best levels as they stand; ``at_ns`` is when they came here."""
        bids, asks = self._bids.top(self._depth, highest=True), self._asks.top(self._depth, highest=False)
        return Book(self._instrument_id, bids, asks, at_ns, self._venue_time_ns)


def quote_book(told: wire.Quote, instrument_id: InstrumentId, at_ns: int) -> Book:
    """The best price of both sides as a book of one level.

    Raises:
        MalformedMessage: a number in it is none.
    """
    return Book(
        instrument_id,
        _level(told.best_bid_price, told.best_bid_amount),
        _level(told.best_ask_price, told.best_ask_amount),
        at_ns,
        to_ns(told.timestamp, "a quote's timestamp"),
    )


def _level(price: Decimal | None, amount: Decimal | None) -> tuple[Level, ...]:
    if price is None or amount is None or not amount:
        return ()
    return ((checked(price, "a quote's price"), checked(amount, "a quote's amount")),)


def summed_trades(
    trades: Sequence[wire.PublicTrade], instrument_id: InstrumentId, interval_ns: int = _SECOND_NS
) -> Iterator[TradeBar]:
    """Trades summed up by intervals of the clock, oldest first; an interval without trades has no bar.

    Raises:
        MalformedMessage: a number in one of them is none.
    """
    bar: TradeBar | None = None
    for each in sorted(trades, key=lambda trade: (trade.timestamp, trade.trade_seq)):
        at_ns = to_ns(each.timestamp, "a trade's timestamp")
        price, amount = checked(each.price, "a trade's price"), checked(each.amount, "a trade's amount")
        if bar is not None and at_ns >= bar.end_ns:
            yield bar
            bar = None
        if bar is None:
            start_ns = at_ns - at_ns % interval_ns
            bar = TradeBar(instrument_id, start_ns, start_ns + interval_ns, ZERO, ZERO, price, 0)
        bar.quantity = MONEY.add(bar.quantity, amount)
        bar.cost = MONEY.add(bar.cost, MONEY.multiply(amount, price))
        bar.last_price = price
        bar.count += 1
    if bar is not None:
        yield bar
