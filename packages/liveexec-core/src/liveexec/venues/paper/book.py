"""The two kinds of liquidity of a paper venue: what the replayed market displays, and the orders that rest here.

**Displayed liquidity is filled once.** What is taken from a displayed level is remembered by its price and subtracted
from what the level offers. When the recorded quantity of that price changes, an increase is new liquidity; a decrease
first works off what was taken here, since whoever took it in the recording met the same queue from its front. When
the price leaves the visible book, what was taken from it is forgotten. So a level offers at most what it displays,
and what it offers grows only by what the recording adds. Recorded trades change no level: the next recorded book
shows what they left.

**Resting orders queue in price-time order**, behind the displayed quantity of their price (``PaperOrder.ahead``).
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from operator import neg
from typing import Final

from sortedcontainers import SortedDict

from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, Level
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.venues.paper.tape import TradeTape
from liveexec.venues.paper.truth import PaperOrder

__all__ = ["DisplayedSide", "InstrumentBook", "Queue", "RestingSide"]

#: Orders of one price by sequence: a dict keeps the order of arrival and gives any of them up at once.
Queue = dict[int, PaperOrder]

_NO_QUEUE: Final[Queue] = {}


class DisplayedSide:
    """One side of the replayed book, best level first, net of what was taken from it here."""

    __slots__ = ("_displayed", "_is_bid", "_levels", "_taken")

    def __init__(self, side: Side) -> None:
        self._is_bid = side is Side.BUY
        self._levels: tuple[Level, ...] = ()
        self._displayed: dict[Decimal, Decimal] = {}
        self._taken: dict[Decimal, Decimal] = {}

    def refresh(self, levels: tuple[Level, ...]) -> None:
        """The recording shows these levels now: distinct prices, best first, quantities above zero."""
        shown = dict(levels)
        if self._taken:
            self._taken = {
                price: left
                for price, taken in self._taken.items()
                if price in shown and (left := taken - max(self._displayed[price] - shown[price], ZERO)) > 0
            }
        self._levels, self._displayed = levels, shown

    def take(self, price: Decimal, quantity: Decimal) -> None:
        """This much of a displayed level was filled here."""
        taken = self._taken.get(price, ZERO) + quantity
        assert taken <= self._displayed[price], f"took {taken} of {self._displayed[price]} displayed at {price}"
        self._taken[price] = taken

    def offered(self) -> Iterator[Level]:
        """What can be taken, best level first."""
        taken = self._taken
        for level in self._levels:
            if level[0] not in taken:
                yield level
            elif (left := level[1] - taken[level[0]]) > 0:
                yield level[0], left

    def offered_at(self, price: Decimal) -> Decimal:
        """What can be taken at a price; zero where nothing is displayed."""
        return self._displayed.get(price, ZERO) - self._taken.get(price, ZERO)

    @property
    def is_taken_from(self) -> bool:
        """Whether a level offers less than it displays."""
        return bool(self._taken)

    @property
    def reach(self) -> Decimal | None:
        """The worst price that is displayed: up to it, what is shown is all there is.

        ``None`` for an empty side, which reaches everywhere: nothing is displayed at any price.
        """
        return self._levels[-1][0] if self._levels else None

    def ahead_at(self, price: Decimal) -> Decimal | None:
        """What an order that joins this price has to wait for; ``None`` beyond the reach of the visible book."""
        reach = self.reach
        if reach is not None and (price < reach if self._is_bid else price > reach):
            return None
        return self.offered_at(price)


class RestingSide:
    """The resting orders of one side: prices best first, orders of one price in the order of their arrival."""

    __slots__ = ("_is_bid", "_queues")

    def __init__(self, side: Side) -> None:
        self._is_bid = side is Side.BUY
        self._queues: SortedDict[Decimal, Queue] = SortedDict(neg) if self._is_bid else SortedDict()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def add(self, order: PaperOrder) -> None:
        """Join the end of the queue at the order's price."""
        assert order.price is not None
        queue = self._queues.get(order.price)
        if queue is None:
            queue = self._queues[order.price] = {}
        queue[order.sequence] = order

    def remove(self, order: PaperOrder) -> None:
        """Leave the queue; KeyError when the order does not rest here."""
        assert order.price is not None
        queue = self._queues[order.price]
        del queue[order.sequence]
        if not queue:
            del self._queues[order.price]

    def at(self, price: Decimal) -> Queue:
        """The orders at a price, first come first."""
        found: Queue = self._queues.get(price, _NO_QUEUE)
        return found

    def prices_to(self, limit: Decimal | None) -> list[Decimal]:
        """Prices with orders from the best to ``limit`` (inclusive); all of them without one."""
        return list(self._queues) if limit is None else list(self._queues.irange(maximum=limit))

    def orders_to(self, limit: Decimal | None) -> list[PaperOrder]:
        """Orders from the best price to ``limit`` (inclusive) in price-time priority.

        A list of its own, so that orders may leave while the caller walks it.
        """
        return [order for price in self.prices_to(limit) for order in self._queues[price].values()]

    def levels(self, depth: int) -> list[Level]:
        """The best prices with the sum of what rests there."""
        return [
            (price, sum((order.leaves for order in self._queues[price].values()), ZERO))
            for price in self._queues.islice(0, depth)
        ]

    def requeue(self, displayed: DisplayedSide) -> None:
        """The replayed book changed: nothing that left its levels can still be ahead of an order.

        A decrease that the trades don't explain is taken for cancels behind the order, until less is displayed than
        was ahead of it. An order whose price comes into sight joins behind what is displayed there.
        """
        for order in self.orders_to(displayed.reach):
            assert order.price is not None
            offered = displayed.offered_at(order.price)
            if order.ahead is None or order.ahead > offered:
                order.ahead = offered

    def drawn_from(self, price: Decimal, quantity: Decimal) -> None:
        """Displayed quantity of this price was taken, from its front: orders that rest there move up."""
        for order in self.at(price).values():
            if order.ahead:
                order.ahead = max(order.ahead - quantity, ZERO)


class InstrumentBook:
    """All liquidity of one listing: displayed and resting, both sides, and the trades that the recording printed."""

    __slots__ = ("asks", "bids", "buys", "changed_at_ns", "changes", "listing", "sells", "tape", "updated_at_ns")

    def __init__(self, listing: Listing, tape: TradeTape) -> None:
        self.listing = listing
        self.bids, self.asks = DisplayedSide(Side.BUY), DisplayedSide(Side.SELL)
        self.buys, self.sells = RestingSide(Side.BUY), RestingSide(Side.SELL)
        self.tape = tape
        #: Rises with everything that may change what the book shows.
        self.changes = 0
        #: When it last did.
        self.changed_at_ns = 0
        #: When the recording last showed it.
        self.updated_at_ns = 0

    def change(self, at_ns: int) -> None:
        """Note that what the book shows may have changed."""
        self.changes += 1
        self.changed_at_ns = at_ns

    def update(self, at_ns: int) -> None:
        """Note that the recording showed the book."""
        self.change(at_ns)
        self.updated_at_ns = at_ns

    @property
    def is_untouched(self) -> bool:
        """Whether it is as recorded: nothing rests here, and nothing of what is displayed was taken."""
        return not (self.buys or self.sells or self.bids.is_taken_from or self.asks.is_taken_from)

    def displayed_for(self, taker: Side) -> DisplayedSide:
        """The displayed side that an aggressive order of this side takes from."""
        return self.asks if taker is Side.BUY else self.bids

    def resting_for(self, taker: Side) -> RestingSide:
        """The resting orders that an aggressive order of this side takes from."""
        return self.sells if taker is Side.BUY else self.buys

    def queue_of(self, side: Side) -> tuple[RestingSide, DisplayedSide]:
        """Where an order of this side rests, and the displayed levels that it queues behind."""
        return (self.buys, self.bids) if side is Side.BUY else (self.sells, self.asks)

    def visible(self, depth: int, at_ns: int) -> Book:
        """The book as the venue publishes it: displayed levels net of what was taken, and what rests here."""
        return Book(
            instrument_id=self.listing.instrument_id,
            bids=_merged(self.bids.offered(), self.buys, depth, descending=True),
            asks=_merged(self.asks.offered(), self.sells, depth, descending=False),
            at_ns=at_ns,
            venue_time_ns=self.updated_at_ns,
        )


def _merged(displayed: Iterator[Level], resting: RestingSide, depth: int, *, descending: bool) -> tuple[Level, ...]:
    if not resting:
        return tuple(islice(displayed, depth))
    amounts = dict(displayed)
    for price, quantity in resting.levels(depth):
        amounts[price] = amounts.get(price, ZERO) + quantity
    return tuple(sorted(amounts.items(), reverse=descending)[:depth])
