"""Checked with each session that a new life of a shard opens: what was in flight when the last one ended is in doubt,
and what never left is known not to have."""

from attrs import define, field

from liveexec.domain.order_state import OrderStatus
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["RestartChecks"]


@define(eq=False)
class RestartChecks:
    """``connects`` is called when a process opens a session with a venue."""

    violations: Violations
    journal: JournalChecks
    #: The epochs whose beginning was looked at.
    _begun: dict[int, None] = field(factory=dict)

    def connects(self, epoch: int) -> None:
        """A process of an epoch opens a session; nothing that it asked for itself can be in flight before its first."""
        if epoch in self._begun or not epoch:
            return
        self._begun[epoch] = None
        for order in self.journal.ledger.orders.values():
            if order.is_parent or not order.is_open:
                continue
            if order.status is OrderStatus.SUBMITTED:
                self.violations.add(14, f"{order.order_id} was in flight in another life, and nobody doubts that it is")
            elif order.replace is not None and order.replace.atomic and not order.replace_unknown:
                self.violations.add(14, f"{order.order_id} was being changed in another life, and nobody doubts that")
