"""An execution algorithm whose children rest side by side, as a plugin may have: the next while those before work."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_event import Resolution
from liveexec.engine.algorithm import Action, ChildView, ParentView, Spawn, WakeAt
from liveexec.engine.algorithms import family

__all__ = ["LADDER", "LadderAlgorithm", "goes_up_no_more"]

LADDER: Final = "LADDER"
_RUNGS: Final = 4
#: How far apart they are, and after how long no further one is put up.
_APART_NS: Final = 60_000_000
_SPAN_NS: Final = 1_500_000_000


def goes_up_no_more(parent: Order, now_ns: int) -> bool:
    """Whether a ladder puts up no rung any more, however many of them are refused."""
    return now_ns >= parent.created_at_ns + _SPAN_NS + _APART_NS


class LadderAlgorithm:
    """Puts a quarter of its quantity at its limit, a moment later another, and so on; what is given back goes up again
    until its time is over."""

    name = LADDER
    wants_market = False

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> object:  # noqa: ARG002  (takes anything)
        return None

    def start(self, view: ParentView) -> Sequence[Action]:
        """The first rung."""
        return family.size_refusal(view) or self.on_timer(view)

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        """The next rung, if it is due; the end, if nothing is up and none is to come."""
        if view.is_canceling:
            return self.on_cancel(view)
        rung = family.fitted(view, view.quantity / _RUNGS)
        if not rung and family.any_open(view):
            return ()
        if not rung or view.now_ns >= view.started_at_ns + _SPAN_NS:
            is_up = family.any_open(view)
            return () if is_up else family.wind_down(view, Resolution.CANCELED, None, "its time is over")
        due_ns = view.children[-1].created_at_ns + _APART_NS if view.children else view.now_ns
        if view.now_ns < due_ns:
            return [WakeAt(due_ns)]
        spawn = Spawn(rung, OrderType.LIMIT, view.limit_price, TimeInForce.GTC)
        return [spawn, WakeAt(view.now_ns + _APART_NS)]

    def on_child(self, view: ParentView, child: ChildView) -> Sequence[Action]:  # noqa: ARG002  (all children count)
        """The same: everything follows from the view."""
        return self.on_timer(view)

    def on_market(self, view: ParentView) -> Sequence[Action]:  # noqa: ARG002  (the market is not looked at)
        """The rungs stay where they are."""
        return ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        """Whoever wants it gone gets that."""
        return family.wind_down(view, Resolution.CANCELED, None, "canceled")
