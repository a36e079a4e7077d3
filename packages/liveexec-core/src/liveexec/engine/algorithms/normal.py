"""NORMAL: no algorithm. An order that the router split becomes a parent all the same, and this ends it."""

from collections.abc import Mapping, Sequence
from typing import Any

from liveexec.domain.intent import OrderIntent
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithm import Action, ChildView, ParentView
from liveexec.engine.algorithms import family
from liveexec.engine.algorithms.parameters import ParameterReader

__all__ = ["Normal"]


class Normal:
    """Waits for the legs that the engine spawned at once, and says how the order ended. Takes no parameters.

    What a leg leaves unfilled is not sent again: the order ends as its legs did.
    """

    name = "NORMAL"
    wants_market = False

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> None:
        """See :class:`liveexec.engine.algorithm.ExecutionAlgorithm`."""
        ParameterReader(self.name, params, intent).finish()

    def start(self, _view: ParentView) -> Sequence[Action]:
        """The legs are spawned by the engine, from the route."""
        return ()

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        """End when all legs have."""
        if view.is_canceling:
            return self.on_cancel(view)
        if not view.children or family.any_open(view):
            return ()
        resolution, code = _ending(view)
        return family.wind_down(view, resolution, code, f"all legs ended; {family.progress(view)}")

    def on_child(self, view: ParentView, _child: ChildView) -> Sequence[Action]:
        """End when all legs have."""
        return self.on_timer(view)

    def on_market(self, _view: ParentView) -> Sequence[Action]:
        """The legs are at their venues; there is nothing to decide."""
        return ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        """Cancel the open legs and end when they are gone."""
        return family.wind_down(view, Resolution.CANCELED, None, f"canceled; {family.progress(view)}")


def _ending(view: ParentView) -> tuple[Resolution, str | None]:
    if all(child.is_refused for child in view.children):
        return Resolution.REJECTED, family.CHILD_REJECTS
    if any(child.status is OrderStatus.EXPIRED for child in view.children):
        return Resolution.EXPIRED, None
    return Resolution.CANCELED, None
