"""What algorithms say about a parent's children: how large the next may be, how often it was refused, how it ends."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from liveexec.domain import money
from liveexec.domain.money import ZERO
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithm import Action, CancelChild, ChildView, Finish, ParentView

__all__ = [
    "CHILD_REJECTS",
    "DEFAULT_MAX_REJECTS",
    "RETRY_NS",
    "any_open",
    "fitted",
    "given_up",
    "progress",
    "retry_at_ns",
    "size_refusal",
    "unfilled_in_a_row",
    "wind_down",
]

#: How long after a child that came back without a fill the next is tried.
RETRY_NS: Final = 1_000_000_000
#: After so many spawns in a row that came back without a fill a parent gives up.
DEFAULT_MAX_REJECTS: Final = 3
CHILD_REJECTS: Final = "CHILD_REJECTS"


def fitted(view: ParentView, quantity: Decimal) -> Decimal:
    """The largest child of at most this quantity that may be spawned now; zero when none may.

    It is on the lot, at least the minimum, and never more than is unallocated. A rest that would be too small to be
    traded by itself is taken along.
    """
    unallocated = view.unallocated
    child = money.floor_to(min(quantity, unallocated), view.lot)
    if child < view.min_quantity:
        return ZERO
    rest = unallocated - child
    return child if rest == 0 or rest >= view.min_quantity else money.floor_to(unallocated, view.lot)


def size_refusal(view: ParentView) -> list[Action]:
    """The parent's end when its quantity can't be traded at all; empty when it can."""
    quantity = money.plain(view.quantity)
    if not money.is_multiple(view.quantity, view.lot):
        reason = f"{quantity} is not a multiple of the lot {money.plain(view.lot)}"
        return [Finish(Resolution.REJECTED, "QUANTITY_OFF_LOT", reason)]
    if view.quantity < view.min_quantity:
        reason = f"{quantity} is below the minimum {money.plain(view.min_quantity)}"
        return [Finish(Resolution.REJECTED, "QUANTITY_BELOW_MINIMUM", reason)]
    return []


def any_open(view: ParentView) -> bool:
    """Whether a child may still fill; one whose fate is unknown may."""
    return any(child.is_open for child in view.children)


def unfilled_in_a_row(children: Sequence[ChildView], statuses: Sequence[OrderStatus]) -> int:
    """How many spawns in a row, the latest included, ended in one of these statuses without any fill.

    Children of one spawn (a slice that the router split) share their time and count once.
    """
    times: dict[int, None] = {}
    for child in reversed(children):
        if child.filled_quantity or child.status not in statuses:
            times.pop(child.created_at_ns, None)
            break
        times[child.created_at_ns] = None
    return len(times)


def retry_at_ns(view: ParentView, statuses: Sequence[OrderStatus]) -> int:
    """When a child may be spawned again after one that ended in one of these statuses without any fill; else zero.

    It also keeps spawns apart in time, by which they are counted.
    """
    latest = view.children[-1] if view.children else None
    if latest is None or latest.filled_quantity or latest.status not in statuses:
        return 0
    return latest.created_at_ns + RETRY_NS


def given_up(view: ParentView, refusals: int) -> list[Action]:
    """The end of a parent whose children come back again and again."""
    resolution = Resolution.CANCELED if view.filled else Resolution.REJECTED
    latest = view.children[-1].code
    why = f" (the latest: {latest})" if latest else ""
    reason = f"{refusals} spawns in a row came back without a fill{why}; {progress(view)}"
    return wind_down(view, resolution, CHILD_REJECTS, reason)


def wind_down(view: ParentView, resolution: Resolution, code: str | None, reason: str) -> list[Action]:
    """Cancel what is open; once nothing is, finish: filled if everything is filled, else as said."""
    if any_open(view):
        return [CancelChild(child.ordinal) for child in view.children if child.is_open and not child.is_canceling]
    if view.filled >= view.quantity:
        return [Finish(Resolution.FILLED, None, progress(view))]
    return [Finish(resolution, code, reason)]


def progress(view: ParentView) -> str:
    """How far the parent came, in words."""
    return f"{money.plain(view.filled)} of {money.plain(view.quantity)} filled"
