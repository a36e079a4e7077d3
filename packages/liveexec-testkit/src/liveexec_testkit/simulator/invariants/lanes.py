"""Checked with every request to a venue that limits them: nothing else leaves while a cancel waits that could have."""

from attrs import define, field

from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order
from liveexec.engine.effects import Effect, SendCancel, SendReplace, SendSubmit
from liveexec.engine.turn import Decision
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["LaneChecks"]

#: What waits for less is only on its way out.
_AT_ONCE_NS = 2_000_000


@define(eq=False)
class LaneChecks:
    """``decided`` is told of each decision of a process, ``carried_out`` of each effect, ``left`` of each request that
    leaves a process."""

    violations: Violations
    excuses: Excuses = field(factory=Excuses)
    #: Cancels that a process carried out and that have not left, since when.
    _waiting: dict[tuple[int, OrderId], tuple[Order, int]] = field(factory=dict)
    #: Other requests of an order that have not left, and hold its cancel up.
    _before: dict[tuple[int, OrderId], int] = field(factory=dict)
    #: Which process decided what.
    _deciders: dict[int, int] = field(factory=dict)

    def decided(self, process: int, decision: Decision) -> None:
        """A process decided something."""
        for effect in decision.effects:
            if isinstance(effect, SendSubmit | SendReplace | SendCancel):
                self._deciders[id(effect)] = process

    def carried_out(self, effect: Effect, now_ns: int) -> None:
        """An effect is carried out."""
        process = self._deciders.pop(id(effect), 0)
        match effect:
            case SendSubmit(order) | SendReplace(order):
                name = (process, order.order_id)
                self._before[name] = self._before.get(name, 0) + 1
            case SendCancel(order) if order.is_open and not self._before.get((process, order.order_id)):
                self._waiting.setdefault((process, order.order_id), (order, now_ns))
            case _:
                pass

    def left(
        self,
        adapter: SimAdapter,
        verb: str,
        order_id: OrderId | None,
        now_ns: int,
        spare_ns: int = 0,
        *,
        due_at_ns: int = -1,
    ) -> None:
        """A request leaves. A token that is enough for anything else was enough for a cancel before, unless after a
        bucket of cancels it was due to whoever else waits, at ``due_at_ns`` last; ``spare_ns`` says for how long there
        was one."""
        if verb == "cancel" and order_id is not None:
            waited = self._waiting.pop((adapter.process, order_id), None)
            if waited is not None and adapter.venue.kind.is_limited and not adapter.venue.kind.per_account:
                self._check_cancel(adapter, *waited, now_ns, spare_ns)
            return
        if order_id is not None and self._before.get((adapter.process, order_id)):
            self._before[adapter.process, order_id] -= 1
        is_due = due_at_ns >= 0 and now_ns - due_at_ns <= _AT_ONCE_NS
        if is_due or not adapter.venue.kind.is_limited or adapter.venue.kind.per_account:
            # Where nonces demand it one request waits for the other.
            return
        for (process, name), (order, since_ns) in list(self._waiting.items()):
            if process != adapter.process or order.account_id != adapter.venue.account_id:
                continue
            if self._is_in_doubt(adapter, order, since_ns):
                del self._waiting[process, name]
                continue
            # Until then a request of the same order had no answer.
            waits_ns = now_ns - max(since_ns, adapter.wire.ended_ns(order))
            if waits_ns > _AT_ONCE_NS and not adapter.wire.is_under_way(order):
                told = f"a {verb} leaves for {adapter.venue.kind.name}, and the cancel of {name} waits"
                self.violations.add(25, f"{told} for {waits_ns} ns")

    def _check_cancel(self, adapter: SimAdapter, order: Order, since_ns: int, now_ns: int, spare_ns: int) -> None:
        """A cancel leaves: it need not have waited for longer than for its token."""
        could_ns = now_ns - max(since_ns, adapter.wire.ended_ns(order), adapter.frozen_ns)
        if not self._is_in_doubt(adapter, order, since_ns) and min(could_ns, spare_ns) > _AT_ONCE_NS:
            told = f"the cancel of {order.order_id} leaves after {could_ns} ns, for {spare_ns} ns there was a token"
            self.violations.add(25, told)

    def _is_in_doubt(self, adapter: SimAdapter, order: Order, since_ns: int) -> bool:
        """Without a session a cancel stays here, and so does one whose order has ended."""
        return self.excuses.look(Excuse.LANE_IN_DOUBT, fits=since_ns < adapter.doubted_at_ns or not order.is_open)
