"""An execution algorithm with defects, as a plugin may have: it asks for too much, and finishes too early."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.engine.algorithm import Action, ChildView, Finish, ParentView, Spawn
from liveexec.engine.algorithms import family

__all__ = ["GREEDY", "GreedyAlgorithm"]

GREEDY: Final = "GREEDY"


class GreedyAlgorithm:
    """Spawns everything twice, or (with ``{"hasty": true}``) finishes at its first word from an open child."""

    name = GREEDY
    wants_market = False

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> object:  # noqa: ARG002  (takes anything)
        return bool((params or {}).get("hasty"))

    def start(self, view: ParentView) -> Sequence[Action]:
        """One child too many, unless it is hasty."""
        spawn = Spawn(view.quantity, OrderType.LIMIT, view.limit_price, TimeInForce.GTC)
        return [spawn, Finish(Resolution.CANCELED, None, "done")] if view.params else [spawn, spawn]

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        """Nothing is due."""
        return self.start(view) if not view.children else ()

    def on_child(self, view: ParentView, child: ChildView) -> Sequence[Action]:  # noqa: ARG002  (all children count)
        """The end, once nothing is open."""
        return () if family.any_open(view) else family.wind_down(view, Resolution.CANCELED, None, "done")

    def on_market(self, view: ParentView) -> Sequence[Action]:  # noqa: ARG002  (the market is not looked at)
        """Nothing follows."""
        return ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        """Whoever wants it gone gets that."""
        return family.wind_down(view, Resolution.CANCELED, None, "canceled")
