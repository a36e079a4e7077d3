"""Checked with every request to a venue that limits them: nothing else leaves while a cancel waits that could have."""

from attrs import define, field

from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order
from liveexec.engine.effects import Effect, SendCancel, SendReplace, SendSubmit
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["LaneChecks"]

#: What waits for less is only on its way out.
_AT_ONCE_NS = 2_000_000


@define(eq=False)
class LaneChecks:
    """``carried_out`` is told of each effect, ``left`` of each request that leaves a process."""

    violations: Violations
    #: Cancels that were carried out and have not left, since when.
    _waiting: dict[OrderId, tuple[Order, int]] = field(factory=dict)
    #: Other requests of an order that have not left, and hold its cancel up.
    _before: dict[OrderId, int] = field(factory=dict)

    def carried_out(self, effect: Effect, now_ns: int) -> None:
        """An effect is carried out."""
        match effect:
            case SendSubmit(order) | SendReplace(order):
                self._before[order.order_id] = self._before.get(order.order_id, 0) + 1
            case SendCancel(order) if order.is_open and not self._before.get(order.order_id):
                self._waiting.setdefault(order.order_id, (order, now_ns))
            case _:
                pass

    def left(self, adapter: SimAdapter, verb: str, order_id: OrderId | None, now_ns: int) -> None:
        """A request leaves. A token that is enough for anything else was enough for a cancel before."""
        if verb == "cancel" and order_id is not None:
            self._waiting.pop(order_id, None)
            return
        if order_id is not None and self._before.get(order_id):
            self._before[order_id] -= 1
        if not adapter.venue.kind.is_limited or adapter.venue.kind.per_account:
            # Where nonces demand it one request waits for the other.
            return
        for name, (order, since_ns) in list(self._waiting.items()):
            if order.account_id != adapter.venue.account_id:
                continue
            if since_ns < adapter.doubted_at_ns or not order.is_open:
                # Without a session it stays here, and so does one whose order has ended.
                del self._waiting[name]
                continue
            # Until then a request of the same order had no answer.
            waits_ns = now_ns - max(since_ns, adapter.ended_ns(order))
            if waits_ns > _AT_ONCE_NS and not adapter.is_under_way(order):
                told = f"a {verb} leaves for {adapter.venue.kind.name}, and the cancel of {name} waits"
                self.violations.add(25, f"{told} for {waits_ns} ns")
