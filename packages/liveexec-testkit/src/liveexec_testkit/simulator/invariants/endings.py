"""Checked when everything has come to rest: how each order ended here is how it ended at its venue."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from liveexec.domain.ids import EXTERNAL, OrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.venue_truth import TrueOrder

__all__ = ["wrong_endings"]

#: How an order ended here that its venue ended so, with something left.
_UNFILLED: Final = {
    VenueOrderStatus.CANCELED: OrderStatus.CANCELED,
    VenueOrderStatus.EXPIRED: OrderStatus.EXPIRED,
    # A fill was taken back after the end.
    VenueOrderStatus.FILLED: OrderStatus.CANCELED,
}


def wrong_endings(
    ledger: Ledger,
    at_venues: Callable[[OrderId], Sequence[TrueOrder]],
    resolved: Collection[OrderId] = (),
    excuses: Excuses | None = None,
) -> Iterator[str]:
    """What ended otherwise than its venue says; how ``resolved`` orders did an operator said."""
    excuses = excuses if excuses is not None else Excuses()
    for order in ledger.orders.values():
        if order.is_open or order.is_parent or order.strategy_id == EXTERNAL:
            continue
        true = at_venues(order.order_id)
        is_resolved = excuses.look(Excuse.RESOLVED_END, fits=order.order_id in resolved)
        # A venue that takes an order too late, against its word: how it is called does not matter then.
        came_late = excuses.look(Excuse.CAME_LATE, fits=any(each.came_late for each in true))
        if not is_resolved and not came_late:
            fault = _fault(order, true)
            if fault is not None:
                yield f"{order.order_id} is {order.status}, {fault}"


def _fault(order: Order, true: Sequence[TrueOrder]) -> str | None:
    if not true:
        is_right = order.status in (OrderStatus.REJECTED, OrderStatus.CANCELED) and not order.filled_quantity
        return None if is_right else "and its venue never had it"
    if order.status is OrderStatus.REJECTED:
        return "and its venue took it"
    if order.filled_quantity >= order.quantity:
        return None if order.status is OrderStatus.FILLED else f"and {order.filled_quantity} of it are filled"
    last = true[-1]
    if last.status is VenueOrderStatus.WORKING:
        return f"and {last.venue_order_id} works"
    expected = _UNFILLED[last.status]
    return None if order.status is expected else f"its venue says {last.status}"
