"""ICEBERG: a limit order of which only a small part is shown at a time."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from attrs import frozen

from liveexec.domain import money
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithm import Action, ChildView, Finish, FixSchedule, ParentView, Spawn, WakeAt
from liveexec.engine.algorithms import family
from liveexec.engine.algorithms.parameters import ParameterReader

__all__ = ["Iceberg", "IcebergParameters"]

_SMALLEST: Final = Decimal("1E-18")
_PERCENT: Final = Decimal(100)
_GIVEN_BACK: Final = (OrderStatus.REJECTED, OrderStatus.CANCELED)


@frozen
class IcebergParameters:
    """What ICEBERG was asked for: one of both ways to say how much is shown."""

    visible_pct: Decimal | None
    visible_quantity: Decimal | None
    max_rejects: int


class Iceberg:
    """One resting slice at a time; the next when the visible one is filled.

    Parameters: ``visible_pct`` (percent of the quantity) or ``visible_quantity``, ``max_rejects`` (slices in a row that
    came back without a fill before it gives up, 3). Takes LIMIT orders, GTC, DAY or GTD; post-only slices if the order
    is. What is shown is rounded down to the lot and at least the minimum quantity. The last slice takes a rest along
    that would be too small by itself. When a slice expires, the parent does.
    """

    name = "ICEBERG"
    wants_market = False

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> IcebergParameters:
        """See :class:`liveexec.engine.algorithm.ExecutionAlgorithm`."""
        reader = ParameterReader(self.name, params, intent)
        pct = visible = None
        if reader.has("visible_pct"):
            pct = reader.number("visible_pct", _SMALLEST, _PERCENT)
        if reader.has("visible_quantity"):
            visible = reader.number("visible_quantity", _SMALLEST, intent.quantity)
        if reader.has("visible_pct") == reader.has("visible_quantity"):
            reader.fault("visible_pct", "give either visible_pct or visible_quantity")
        max_rejects = reader.whole("max_rejects", 1, 100, family.DEFAULT_MAX_REJECTS)
        times = (TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD)
        reader.check_intent((OrderType.LIMIT,), times, post_only=True)
        reader.finish()
        return IcebergParameters(pct, visible, max_rejects)

    def start(self, view: ParentView) -> Sequence[Action]:
        """Fix how much is shown and send the first slice."""
        refusal = family.size_refusal(view)
        if refusal:
            return refusal
        visible = _visible(view)
        return [FixSchedule({"visible": money.plain(visible)}), *self._next_actions(view, visible)]

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        """Show the next slice if none is out."""
        if view.schedule is None:
            return self.start(view)
        return self._next_actions(view, Decimal(view.schedule["visible"]))

    def on_child(self, view: ParentView, _child: ChildView) -> Sequence[Action]:
        """The same as when the timer rings: everything follows from the view."""
        return self.on_timer(view)

    def on_market(self, _view: ParentView) -> Sequence[Action]:
        """The slices rest at their limit whatever the market does."""
        return ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        """Cancel what is open and end when it is gone."""
        return family.wind_down(view, Resolution.CANCELED, None, f"canceled; {family.progress(view)}")

    def _next_actions(self, view: ParentView, visible: Decimal) -> list[Action]:
        if view.is_canceling:
            return family.wind_down(view, Resolution.CANCELED, None, f"canceled; {family.progress(view)}")
        if view.filled >= view.quantity:
            return family.wind_down(view, Resolution.FILLED, None, family.progress(view))
        if any(child.status is OrderStatus.EXPIRED for child in view.children):
            return family.wind_down(view, Resolution.EXPIRED, None, f"its time ended with {family.progress(view)}")
        refusals = family.unfilled_in_a_row(view.children, _GIVEN_BACK)
        if refusals >= cast(IcebergParameters, view.params).max_rejects:
            return family.given_up(view, refusals)
        if family.any_open(view):
            return []
        quantity = family.fitted(view, visible)
        if not quantity:
            reason = f"the rest is too small to be traded; {family.progress(view)}"
            return [Finish(Resolution.CANCELED, "REST_BELOW_MINIMUM", reason)]
        retry_ns = family.retry_at_ns(view, _GIVEN_BACK)
        if view.now_ns < retry_ns:
            return [WakeAt(retry_ns)]
        intent = view.order.intent
        return [Spawn(quantity, OrderType.LIMIT, view.limit_price, intent.time_in_force, intent.post_only)]


def _visible(view: ParentView) -> Decimal:
    params = cast(IcebergParameters, view.params)
    visible = params.visible_quantity
    if visible is None:
        assert params.visible_pct is not None
        visible = money.divide(view.quantity * params.visible_pct, _PERCENT)
    return max(money.floor_to(visible, view.lot), view.min_quantity)
