"""Who trades with whom: pure functions over the liquidity of one listing. They change nothing but queue positions.

Price before time. At one price, displayed quantity that was there before a resting order trades before it
(``PaperOrder.ahead``), the rest of it after.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from attrs import define

from liveexec.domain.ids import AccountId
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.venues.paper.book import DisplayedSide, InstrumentBook, RestingSide
from liveexec.venues.paper.config import SelfTradePolicy
from liveexec.venues.paper.truth import PaperOrder

__all__ = ["Match", "TakePlan", "crossed", "plan_take", "traded_through"]

#: How much of its account's position an order can close now.
Closable = Callable[[PaperOrder], Decimal]
#: How much of a resting order may fill now: its leaves, or less for a reduce-only order.
Fillable = Callable[[PaperOrder], Decimal]
#: (price, quantity, resting order); displayed liquidity where there is no order.
Match = tuple[Decimal, Decimal, PaperOrder | None]


@define(eq=False)
class TakePlan:
    """What an aggressive order would trade, before any of it happens.

    ``own`` are the resting orders of its own account that it met; ``is_stopped`` tells that the first of them ended
    it, as every policy but CANCEL_RESTING has it.
    """

    matches: list[Match]
    quantity: Decimal
    own: list[PaperOrder]
    is_stopped: bool

    @classmethod
    def nothing(cls) -> "TakePlan":
        """The plan of an order that meets nothing."""
        return cls([], ZERO, [], is_stopped=False)


def plan_take(
    book: InstrumentBook,
    *,
    side: Side,
    quantity: Decimal,
    limit: Decimal | None,
    account_id: AccountId,
    policy: SelfTradePolicy,
    closable: Closable,
) -> TakePlan:
    """Walk both kinds of liquidity, best price first, as far as ``limit`` and ``quantity`` go."""
    displayed, resting = book.displayed_for(side), book.resting_for(side)
    if resting:
        return _plan_merged(displayed, resting, side, quantity, limit, account_id, policy, closable)
    matches: list[Match] = []
    left = quantity
    for price, offered in displayed.offered():
        if limit is not None and (price > limit if side is Side.BUY else price < limit):
            break
        taken = min(left, offered)
        matches.append((price, taken, None))
        left -= taken
        if not left:
            break
    return TakePlan(matches, quantity - left, [], is_stopped=False)


def _plan_merged(
    displayed: DisplayedSide,
    resting: RestingSide,
    side: Side,
    quantity: Decimal,
    limit: Decimal | None,
    account_id: AccountId,
    policy: SelfTradePolicy,
    closable: Closable,
) -> TakePlan:
    plan = TakePlan.nothing()
    offers = dict(displayed.offered())
    # What reduce-only makers may still close, as the plan's own matches use it up.
    closed: dict[AccountId, Decimal] = {}
    left = quantity
    for price in sorted({*offers, *resting.prices_to(limit)}, reverse=side is Side.SELL):
        if not left or (limit is not None and (price > limit if side is Side.BUY else price < limit)):
            break
        offered, drawn = offers.get(price, ZERO), ZERO
        for maker in resting.at(price).values():
            before = min(left, max((maker.ahead or ZERO) - drawn, ZERO), offered - drawn)
            if before:
                plan.matches.append((price, before, None))
                drawn += before
                left -= before
            if not left:
                break
            if maker.account_id == account_id:
                plan.own.append(maker)
                if policy is SelfTradePolicy.CANCEL_RESTING:
                    continue
                plan.is_stopped = True
                plan.quantity = quantity - left
                return plan
            used = closed.get(maker.account_id, ZERO)
            most = min(maker.leaves, max(closable(maker) - used, ZERO)) if maker.reduce_only else maker.leaves
            taken = min(left, most)
            if taken:
                plan.matches.append((price, taken, maker))
                closed[maker.account_id] = used + taken
                left -= taken
        rest = min(left, offered - drawn)
        if rest:
            plan.matches.append((price, rest, None))
            left -= rest
    plan.quantity = quantity - left
    return plan


def crossed(
    resting: RestingSide, against: DisplayedSide, fillable: Fillable
) -> Iterator[tuple[PaperOrder, Decimal, Decimal]]:
    """The replayed book came through resting orders: (order, quantity, price of the displayed level).

    Who displays a crossing price would have traded with the order that was there first, at the order's price. The
    caller books each one before it asks for the next.
    """
    levels = against.offered()
    level = next(levels, None)
    if level is None:
        return
    price, offered = level
    for order in resting.orders_to(price):
        assert order.price is not None
        wanted = fillable(order)
        while wanted and (price <= order.price if order.side is Side.BUY else price >= order.price):
            quantity = min(wanted, offered)
            yield order, quantity, price
            wanted -= quantity
            offered -= quantity
            if not offered:
                level = next(levels, None)
                if level is None:
                    return
                price, offered = level


def traded_through(
    resting: RestingSide, price: Decimal, quantity: Decimal, fillable: Fillable
) -> Iterator[tuple[PaperOrder, Decimal]]:
    """The recording printed a trade that hit this side: (order, quantity) of what it would have hit here.

    Orders at better prices would have been first; orders at its price wait until what is ahead of them has traded.
    No more than the printed quantity fills. Queue positions at the price move up. The caller books each one before it
    asks for the next.
    """
    left = quantity
    for order in resting.orders_to(price):
        if order.price == price:
            if order.ahead is None:
                continue
            reaching = left - order.ahead
            order.ahead = max(-reaching, ZERO)
        else:
            reaching = left
        filled = min(fillable(order), reaching)
        if filled > 0:
            left -= filled
            yield order, filled
        if not left:
            return
