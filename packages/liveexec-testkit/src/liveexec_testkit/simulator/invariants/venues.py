"""Checked with everything that happens at a venue: that no intent has two live orders there."""

from collections.abc import Sequence

from attrs import define, field

from liveexec.domain.ids import OrderId
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.venue_truth import TrueOrder

__all__ = ["VenueChecks"]


@define(eq=False)
class VenueChecks:
    """The venues' orders by ours; ``changed`` is told of each that did."""

    violations: Violations
    orders: dict[OrderId, list[TrueOrder]] = field(factory=dict)

    def changed(self, order: TrueOrder) -> None:
        """Something happened to an order at its venue."""
        if order.order_id is None:
            return
        known = self.orders.setdefault(order.order_id, [])
        if order not in known:
            known.append(order)
        working = [each.venue_order_id for each in known if each.leaves]
        if len(working) > 1:
            self.violations.add(2, f"{order.order_id} works as {' and '.join(working)}")

    def of(self, order_id: OrderId) -> Sequence[TrueOrder]:
        """What the venues have of one of our orders."""
        return self.orders.get(order_id, ())
