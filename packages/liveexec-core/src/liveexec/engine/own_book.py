"""The prices at which an account's own orders may be resting, so that no new order trades with them."""

import heapq
from decimal import Decimal
from typing import Final

from attrs import define, field

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.money import value_key

__all__ = ["OwnBook"]

#: A side is swept of prices without orders when more than this many and more than half of its prices are so.
_STALE_PRICES: Final = 64


@define(eq=False)
class _Side:
    """One side of one book: how many orders may rest at a price (by its key), and the prices with the best on top of
    the heap.

    In the heap buys stand at their negated price. An order's events take its price out and put it back, so a price
    without orders stays until it comes to the top or too many have gathered.
    """

    sign: int
    counts: dict[str, int] = field(factory=dict)
    heap: list[Decimal] = field(factory=list)
    empty: int = 0

    def add(self, price: Decimal) -> None:
        key = value_key(price)
        count = self.counts.get(key)
        if count is None:
            heapq.heappush(self.heap, price if self.sign < 0 else -price)
            count = 0
        elif not count:
            self.empty -= 1
        self.counts[key] = count + 1

    def remove(self, price: Decimal) -> None:
        key = value_key(price)
        self.counts[key] = count = self.counts[key] - 1
        if not count:
            self.empty += 1
            if self.empty > _STALE_PRICES and self.empty * 2 > len(self.heap):
                self._sweep()

    def best(self) -> Decimal | None:
        heap, counts = self.heap, self.counts
        while heap:
            price = heap[0] if self.sign < 0 else -heap[0]
            key = value_key(price)
            if counts[key]:
                return price
            heapq.heappop(heap)
            del counts[key]
            self.empty -= 1
        return None

    def _sweep(self) -> None:
        self.counts = {key: count for key, count in self.counts.items() if count}
        self.heap = [entry for entry in self.heap if self._key(entry) in self.counts]
        heapq.heapify(self.heap)
        self.empty = 0

    def _key(self, entry: Decimal) -> str:
        """The key of the price that an entry of the heap stands for."""
        return value_key(entry if self.sign < 0 else -entry)


@define(eq=False)
class OwnBook:
    """Own limit prices by account, instrument and side. Amortised O(log n) in the prices of one side."""

    _sides: dict[tuple[AccountId, InstrumentId, int], _Side] = field(factory=dict)

    def add(self, account_id: AccountId, instrument_id: InstrumentId, sign: int, price: Decimal) -> None:
        """One more order of a side (+1 buys, -1 sells) may rest at a price."""
        key = (account_id, instrument_id, sign)
        side = self._sides.get(key)
        if side is None:
            side = self._sides[key] = _Side(sign)
        side.add(price)

    def remove(self, account_id: AccountId, instrument_id: InstrumentId, sign: int, price: Decimal) -> None:
        """One order less; it was added before."""
        self._sides[account_id, instrument_id, sign].remove(price)

    def best(self, account_id: AccountId, instrument_id: InstrumentId, sign: int) -> Decimal | None:
        """The best own price of a side: the highest buy or the lowest sell; ``None`` when there is no order."""
        key = (account_id, instrument_id, sign)
        side = self._sides.get(key)
        if side is None:
            return None
        price = side.best()
        if price is None:
            del self._sides[key]
        return price
