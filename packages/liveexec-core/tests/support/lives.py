"""Orders that live at random: any event that the state table allows, in any order."""

import copy
from collections.abc import Callable
from decimal import Decimal, localcontext
from random import Random

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId, StrategyId, VenueOrderId
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_fold import apply_event
from liveexec.errors import InvariantViolation, TransitionError
from support.builders import (
    NOW_NS,
    make_cancel_requested,
    make_fill,
    make_plan,
    make_replace_requested,
    make_routed,
    make_submit_requested,
)

__all__ = ["next_event"]


#: Most draws fit no status: a few tries make lives that get somewhere.
_DRAWS = 12


def next_event(order: Order, number: int, random: Random) -> OrderEvent | None:
    """An event that may follow, if one of those drawn may; ``number`` makes its keys and ids its own."""
    for _ in range(_DRAWS):
        event = _drawn(order, number, random)
        trial = copy.deepcopy(order)
        try:
            with localcontext(MONEY):
                apply_event(trial, event, NOW_NS)
        except (TransitionError, InvariantViolation):
            continue
        return event
    return None


def _drawn(order: Order, number: int, random: Random) -> OrderEvent:
    order_id: OrderId = order.order_id
    amount = Decimal(random.randint(1, 60)) / 100
    price = Decimal(random.randint(1, 9_000_000)).scaleb(-2)
    venue_order_id = VenueOrderId(f"V-{order_id}-{order.attempt}")
    fills = list((order.fills or {}).values())
    choices: list[Callable[[], OrderEvent]] = [
        lambda: ev.RiskApproved(ev.RiskStage.LEG, price),
        lambda: ev.RiskRefused(ev.RiskStage.LEG, "ORDER_SIZE", "too large", ()),
        make_routed,
        lambda: make_submit_requested(
            order.attempt + 1, plan=make_plan(order_id, order.attempt + 1), quantity=order.quantity, price=order.price
        ),
        lambda: ev.NotSent(order.attempt, "deadline"),
        lambda: ev.SubmitUnknown(order.attempt, "timeout"),
        lambda: ev.Accepted(venue_order_id, NOW_NS),
        lambda: ev.VenueRejected("-2010", "no \0 margin", NOW_NS),
        make_cancel_requested,
        lambda: ev.CancelUnknown("timeout"),
        lambda: ev.CancelRejected("-2011", "unknown order"),
        lambda: make_replace_requested(quantity=amount + 1, price=price, plan=make_plan(order_id)),
        lambda: ev.ReplaceUnknown("timeout"),
        lambda: ev.Replaced(amount + 1, price, None, venue_order_id, NOW_NS),
        lambda: ev.ReplaceRejected("-1", "too late"),
        lambda: ev.Canceled("requested", NOW_NS),
        lambda: ev.Expired("end of day", None),
        lambda: ev.Reattributed(StrategyId(f"strategy-{random.randint(1, 3)}"), "operator", "found"),
        *(
            [
                lambda: ev.FillApplied(
                    make_fill(quantity=amount, price=price, key=f"{order_id}|{number}", fee=price / 1000)
                )
            ]
            * 5
            if order.account_id is not None
            else []
        ),
        *([lambda: ev.FillBusted(random.choice(fills), "erroneous")] if fills else []),
        *(
            [
                lambda: ev.FillCorrected(
                    random.choice(fills), make_fill(quantity=amount, price=price, key=f"{order_id}|{number}")
                )
            ]
            if fills
            else []
        ),
    ]
    return random.choice(choices)()
