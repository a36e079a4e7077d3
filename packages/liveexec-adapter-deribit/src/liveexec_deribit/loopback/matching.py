"""How an incoming order meets a book: fills, self-trade prevention, and what its time in force leaves of it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

import attrs

from liveexec_deribit.loopback.book import OrderBook
from liveexec_deribit.loopback.config import SelfTradingMode
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.orders import Direction, Order, TimeInForce, opposite

_ZERO = Decimal(0)


@attrs.frozen
class Fill:
    """One match: the resting order, the price it rested at, and the amount."""

    maker: Order
    price: Decimal
    amount: Decimal


@attrs.frozen
class Plan:
    """What an order would do to a book: fills in their order, of icebergs maybe several, and own resting orders that
    leave first."""

    fills: Sequence[Fill]
    cancelled: Sequence[Order]

    @property
    def amount(self) -> Decimal:
        """How much it would fill."""
        return sum((fill.amount for fill in self.fills), _ZERO)


def plan(
    book: OrderBook,
    *,
    direction: Direction,
    limit: Decimal | None,
    amount: Decimal,
    user_id: int,
    self_trading: SelfTradingMode,
    time_in_force: TimeInForce,
    held: Callable[[Order], Decimal],
) -> Plan:
    """See what an order would do, without doing it.

    Meeting an own order either cancels that one (``cancel_maker``) or refuses the incoming order whole with 10003
    ``order_overlap`` (``reject_taker``), before anything is filled (``private/set_self_trading_config``). A
    ``fill_or_kill`` order that cannot fill whole fills nothing and cancels nothing. ``held`` tells the position that a
    resting order reduces: reduce-only orders of one account fill up to it together.
    """
    fills: list[Fill] = []
    cancelled: dict[str, Order] = {}
    left = amount
    given: defaultdict[int, Decimal] = defaultdict(Decimal)
    for maker, shown in book.crossing(direction, limit):
        if left <= 0:
            break
        if maker.user_id == user_id:
            if self_trading == "reject_taker":
                raise VenueError("order_overlap")
            cancelled[maker.order_id] = maker
            continue
        assert maker.price is not None  # what rests has a price
        taken = min(left, shown)
        if maker.reduce_only:
            taken = min(taken, held(maker) - given[maker.user_id])
            if taken <= 0:
                continue
        given[maker.user_id] += taken
        fills.append(Fill(maker, maker.price, taken))
        left -= taken
    if time_in_force == "fill_or_kill" and left > 0:
        return Plan((), ())
    return Plan(fills, tuple(cancelled.values()))


def would_take(book: OrderBook, direction: Direction, limit: Decimal) -> bool:
    """Whether an order at this limit would fill at once, at least in part."""
    best = book.best_price(opposite(direction))
    return best is not None and (best <= limit if direction == "buy" else best >= limit)


def rests(time_in_force: TimeInForce) -> bool:
    """Whether what is not filled at once goes into the book."""
    return time_in_force in {"good_til_cancelled", "good_til_day"}
