"""An order book with price and time priority."""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from attrs import define
from sortedcontainers import SortedDict

__all__ = ["Book", "Order", "Side"]

Side = Literal["buy", "sell"]


@define(eq=False)
class Order:
    """An order as the exchange works it; ``owner`` is the key of its account."""

    id: str
    owner: str
    client_id: str
    symbol: str
    side: Side
    type: Literal["limit", "market"]
    tif: Literal["gtc", "ioc", "fok"]
    quantity: Decimal
    price: Decimal | None
    updated_us: int
    filled: Decimal = Decimal(0)
    status: Literal["open", "filled", "canceled"] = "open"
    reason: str | None = None
    is_forgotten: bool = False

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled


class Book:
    """The resting orders of one pair."""

    def __init__(self) -> None:
        # Prices of bids are kept negative, so that the best of either side comes first.
        self._sides: dict[Side, SortedDict[Decimal, deque[Order]]] = {"buy": SortedDict(), "sell": SortedDict()}

    def rest(self, order: Order) -> None:
        """Queue up behind whoever is there at that price."""
        assert order.price is not None
        self._sides[order.side].setdefault(_key(order.side, order.price), deque()).append(order)

    def remove(self, order: Order) -> None:
        """Leave the queue."""
        assert order.price is not None
        queues, key = self._sides[order.side], _key(order.side, order.price)
        queues[key].remove(order)
        if not queues[key]:
            del queues[key]

    def met_by(self, side: Side, limit: Decimal | None) -> Iterator[Order]:
        """The resting orders that an order of this side trades with, best first."""
        opposite: Side = "sell" if side == "buy" else "buy"
        for key, queue in self._sides[opposite].items():
            if limit is not None and key > _key(opposite, limit):
                return
            yield from queue

    def levels(self, side: Side, depth: int = 20) -> list[tuple[Decimal, Decimal]]:
        """The visible levels of a side, best first: (price, quantity)."""
        levels = list(self._sides[side].items())[:depth]
        return [(abs(key), sum((each.leaves for each in queue), Decimal(0))) for key, queue in levels]


def _key(side: Side, price: Decimal) -> Decimal:
    return -price if side == "buy" else price
