"""What an execution algorithm sees and what it answers: the protocol that the engine calls and plugins implement.

Algorithms are stateless. Everything they decide follows from the view: the parameters, the schedule that was fixed
(and journaled) at the start, the children, and the time. After a crash the engine rebuilds the view from the journal
and calls ``on_timer``; the algorithm goes on as if nothing had happened.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from attrs import define

from liveexec.domain.ids import OrderId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus

__all__ = [
    "Action",
    "CancelChild",
    "ChildView",
    "ExecutionAlgorithm",
    "Finish",
    "FixSchedule",
    "ParentView",
    "Spawn",
    "WakeAt",
]


@define(eq=False)
class ChildView:
    """A child as its parent's algorithm sees it.

    ``leaves`` is what may still be filled: zero when terminal, the whole rest while UNKNOWN (such a child counts as
    live). ``created_at_ns`` is the engine time at which it was spawned. ``is_canceling``: its cancel is wished already.
    ``code`` says why it was refused, where that is known.
    """

    ordinal: int
    quantity: Decimal
    filled_quantity: Decimal
    leaves: Decimal
    is_open: bool
    order_id: OrderId
    status: OrderStatus
    created_at_ns: int
    is_canceling: bool = False
    code: str | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused, here or by the venue, or stopped before it was sent, without any fill."""
        return self.status is OrderStatus.REJECTED and not self.filled_quantity


@define(eq=False)
class ParentView:
    """A parent with everything its algorithm may decide by.

    ``quantity`` and ``limit_price`` are the parent's current terms, ``params`` what the algorithm's ``parse`` made,
    ``schedule`` what it fixed (``None`` before that). ``children`` are those it spawned, by rising ordinal; early
    ones that ended may be missing, open ones never. ``lot`` and ``min_quantity`` bound every child. ``bars`` are recent
    trades of the instrument, or of one that speaks for the product. Times are engine time in UTC nanoseconds.
    """

    order: Order
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    params: object
    schedule: dict[str, Any] | None
    children: Sequence[ChildView]
    now_ns: int
    started_at_ns: int
    lot: Decimal
    min_quantity: Decimal
    book: Book | None
    bars: Sequence[TradeBar]

    @property
    def filled(self) -> Decimal:
        """What all children filled, also those that left memory."""
        return self.order.filled_quantity

    @property
    def live(self) -> Decimal:
        """What the children may still fill."""
        return sum((child.leaves for child in self.children if child.is_open), ZERO)

    @property
    def unallocated(self) -> Decimal:
        """What neither is filled nor may be filled by a live child; never negative."""
        left = self.quantity - self.filled - self.live
        return left if left > 0 else ZERO

    @property
    def is_canceling(self) -> bool:
        """Whether somebody wants the parent gone."""
        return self.order.cancel is not PendingCancel.NONE


@define(eq=False)
class FixSchedule:
    """Journal what was decided once and for all, as JSON values; the view carries it from then on."""

    schedule: dict[str, Any]


@define(eq=False)
class Spawn:
    """A further child of this quantity, on the parent's lot. The engine numbers, routes and checks it.

    A GTD child expires when its parent does.
    """

    quantity: Decimal
    order_type: OrderType
    price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool = False


@define(eq=False)
class CancelChild:
    """Ask for the cancel of a child."""

    ordinal: int


@define(eq=False)
class WakeAt:
    """Call ``on_timer`` at this time. A parent has one timer: a later wish moves it."""

    at_ns: int


@define(eq=False)
class Finish:
    """The parent spawns no more and ends like this. Only said when no child is open."""

    resolution: Resolution
    code: str | None
    reason: str


Action = FixSchedule | Spawn | CancelChild | WakeAt | Finish


class ExecutionAlgorithm(Protocol):
    """How a parent becomes children over time.

    The engine sees to it that filled and live children together never exceed the parent; an algorithm must respect
    that bound as well. Calls may come early, late, repeated or after a restart: the answer follows from the view.
    """

    @property
    def name(self) -> str:
        """What an intent's ``exec_algorithm`` says."""

    @property
    def wants_market(self) -> bool:
        """Whether ``on_market`` is called for the parent's books and bars."""

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> object:
        """Check the parameters against the intent and make the object that views carry.

        Raises:
            InvalidInput: with every fault.
        """

    def start(self, view: ParentView) -> Sequence[Action]:
        """The parent was approved."""

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        """The timer rang, or the engine restarted."""

    def on_child(self, view: ParentView, child: ChildView) -> Sequence[Action]:
        """A child changed: it filled, ended, or became known."""

    def on_market(self, view: ParentView) -> Sequence[Action]:
        """A book or a bar of the parent arrived."""

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        """Somebody wants the parent gone."""
