"""Checked with every child that is spawned: it is due by the schedule that was fixed, and no larger than is visible."""

from decimal import Decimal
from typing import Any

from attrs import define

from liveexec.domain import order_event as ev
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.market import LOT

__all__ = ["SliceChecks"]


@define(eq=False)
class SliceChecks:
    """``before`` is told of each event before ``ledger`` folds it."""

    violations: Violations
    ledger: Ledger

    def before(self, record: Record, order: Order | None, event: Any) -> None:
        """An event is durable, and about to be folded."""
        match event:
            case ev.ScheduleFixed(schedule=schedule) if order is not None and "targets" in schedule:
                targets = [Decimal(lots) * LOT for lots in schedule["targets"]]
                if targets != sorted(targets) or targets[-1] != order.quantity:
                    self.violations.add(11, f"{order.order_id} of {order.quantity} has the schedule {targets}")
            case ev.ChildSpawned(quantity=quantity):
                assert order is not None
                self._check_slice(order, quantity, record.at_ns)
            case _:
                pass

    def after_batch(self, epoch: int) -> None:
        """A batch is folded."""

    def _check_slice(self, parent: Order, quantity: Decimal, at_ns: int) -> None:
        orders = self.ledger.orders
        children = [orders[child] for child in parent.children or () if child in orders]
        out = sum((child.leaves for child in children), ZERO) + parent.filled_quantity + quantity
        schedule = parent.schedule
        if schedule is not None and "targets" in schedule and at_ns < schedule["end_ns"]:
            slot = (at_ns - schedule["start_ns"]) // schedule["interval_ns"]
            due = schedule["targets"][min(slot, len(schedule["targets"]) - 1)] * LOT
            if out > due:
                self.violations.add(11, f"{parent.order_id} has {out} out in slot {slot}, {due} are due")
        percent = (parent.intent.exec_algorithm_params or {}).get("visible_pct")
        if percent is not None and quantity > max(LOT, parent.quantity * Decimal(str(percent)) / 100):
            self.violations.add(11, f"{parent.order_id} of {parent.quantity} shows {quantity}, not {percent} %")
