"""A book with price and time priority, which remembers the levels that changed.

An iceberg stands with what it shows; when that is filled it shows more, behind the others at its price.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

import attrs
from sortedcontainers import SortedDict

from liveexec_deribit.loopback.orders import Direction, Order

_ZERO = Decimal(0)


@attrs.define(eq=False)
class Level:
    """The orders at one price, oldest first; ``amount`` is what they show."""

    price: Decimal
    orders: dict[str, Order] = attrs.field(factory=dict)
    amount: Decimal = _ZERO


class OrderBook:
    """Resting orders of one instrument. ``change_id`` rises whenever the amount at any price has changed.

    Prices that changed since :meth:`take_changes` was called last are told by it: the notifications come from there.
    """

    def __init__(self, first_change_id: int = 1_000) -> None:
        self.change_id = first_change_id
        self._levels: dict[Direction, SortedDict] = {
            "buy": SortedDict(lambda price: -price),
            "sell": SortedDict(),
        }
        self._orders: dict[str, Order] = {}
        self._changed: set[tuple[Direction, Decimal]] = set()

    def __contains__(self, order: Order) -> bool:
        return order.order_id in self._orders

    def __len__(self) -> int:
        return len(self._orders)

    def orders(self) -> list[Order]:
        """All resting orders, in no particular order."""
        return list(self._orders.values())

    def add(self, order: Order) -> None:
        """Rest what remains of an order behind those at its price."""
        if order.price is None or order in self or order.remaining <= 0:
            raise AssertionError(f"{order.order_id} cannot rest: {order}")
        levels = self._levels[order.direction]
        level = levels.get(order.price)
        if level is None:
            level = levels[order.price] = Level(order.price)
        order.refresh()
        level.orders[order.order_id] = order
        level.amount += order.shown
        self._orders[order.order_id] = order
        self._touch(order.direction, order.price)

    def remove(self, order: Order) -> None:
        """Take a resting order out, before its amounts change."""
        price = self._price_of(order)
        levels = self._levels[order.direction]
        level = levels[price]
        del level.orders[order.order_id]
        del self._orders[order.order_id]
        level.amount -= order.shown
        if not level.orders:
            del levels[price]
        self._touch(order.direction, price)

    def fill(self, order: Order, amount: Decimal, price: Decimal, at_ms: int) -> None:
        """Fill of a resting order what it shows, or a part of it, at its price; a filled one leaves the book."""
        level = self._levels[order.direction][self._price_of(order)]
        if amount > order.shown:
            raise AssertionError(f"{order.order_id}: fill of {amount} with {order.shown} shown")
        level.amount -= order.shown
        shown = order.shown - amount
        order.fill(amount, price, at_ms)
        if order.display_amount is not None:
            order.display_amount = shown
        if order.remaining and not shown:
            order.refresh()
            level.orders[order.order_id] = level.orders.pop(order.order_id)
        level.amount += order.shown
        if not order.remaining:
            del level.orders[order.order_id]
            del self._orders[order.order_id]
            if not level.orders:
                del self._levels[order.direction][level.price]
        self._touch(order.direction, level.price)

    def resize(self, order: Order, amount: Decimal) -> None:
        """Make a resting order smaller where it stands; it keeps its place."""
        level = self._levels[order.direction][self._price_of(order)]
        if not order.filled < amount <= order.amount:
            raise AssertionError(f"{order.order_id}: {order.amount} with {order.filled} filled cannot become {amount}")
        level.amount -= order.shown
        order.amount = amount
        level.amount += order.shown
        self._touch(order.direction, level.price)

    def best(self, direction: Direction) -> Level | None:
        """The best level of a side, if it has any."""
        levels = self._levels[direction]
        return levels.peekitem(0)[1] if levels else None

    def best_price(self, direction: Direction) -> Decimal | None:
        """The best price of a side, if it has any."""
        level = self.best(direction)
        return None if level is None else level.price

    def levels(self, direction: Direction, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        """Prices and amounts of a side, best first."""
        return [(level.price, level.amount) for level in islice(self._levels[direction].values(), depth)]

    def crossing(self, direction: Direction, limit: Decimal | None) -> Iterator[tuple[Order, Decimal]]:
        """Resting orders that an order of this direction would meet up to its limit, in the order it would, and what
        each shows then: an iceberg comes again with more, until nothing is left of it.

        The book must not change before the last of them has been looked at.
        """
        for level in self._levels["sell" if direction == "buy" else "buy"].values():
            if limit is not None and (level.price > limit if direction == "buy" else level.price < limit):
                return
            waiting = deque((order, order.shown, order.remaining) for order in level.orders.values())
            while waiting:
                order, shown, remaining = waiting.popleft()
                yield order, shown
                if order.refresh_amount is not None and remaining > shown:
                    left = remaining - shown
                    waiting.append((order, min(order.refresh_amount, left), left))

    def amount_at(self, direction: Direction, price: Decimal) -> Decimal:
        """The amount that rests at a price."""
        level = self._levels[direction].get(price)
        return _ZERO if level is None else level.amount

    def take_changes(self) -> set[tuple[Direction, Decimal]]:
        """Sides and prices whose amount may have changed since the last call."""
        changed, self._changed = self._changed, set()
        if changed:
            self.change_id += 1
        return changed

    def _price_of(self, order: Order) -> Decimal:
        if order.price is None or order not in self:
            raise AssertionError(f"{order.order_id} does not rest here")
        return order.price

    def _touch(self, direction: Direction, price: Decimal) -> None:
        self._changed.add((direction, price))
