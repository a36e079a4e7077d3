"""Checked with the cancels that a lost journal sets off: only where they are wanted, only of ours, and only of what may
take more risk."""

from collections.abc import Callable
from typing import Any

from attrs import define

from liveexec.domain import order_event as ev
from liveexec.domain.ids import EXTERNAL, AccountId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["LossChecks"]


@define(eq=False)
class LossChecks:
    """``before`` is told of each event before ``ledger`` folds it. ``is_complete`` says whether everything that is told
    of an account has its order at once, as far as anybody can know."""

    violations: Violations
    ledger: Ledger
    is_wanted: bool
    is_complete: Callable[[AccountId], bool]

    def before(self, _: Record, order: Order | None, event: Any) -> None:
        """An event is durable, and about to be folded."""
        if not isinstance(event, ev.CancelRequested) or event.principal != "journal":
            return
        assert order is not None
        add, name = self.violations.add, order.order_id
        if not self.is_wanted:
            add(17, f"{name} is cancelled since the journal can't be written, and that was not wanted")
        if order.strategy_id == EXTERNAL:
            add(17, f"{name} is cancelled since the journal can't be written, and is somebody else's")
        elif (
            order.account_id is not None
            and not order.is_parent
            and self.is_complete(order.account_id)
            and self._only_reduces(order)
        ):
            add(17, f"{name} only reduces, and is cancelled since the journal can't be written")

    def after_batch(self, epoch: int) -> None:
        """A batch is folded."""

    def _only_reduces(self, order: Order) -> bool:
        """Whether all that is open of the order's side can only bring what its account holds nearer to zero."""
        side, account_id, instrument_id = order.intent.side, order.account_id, order.instrument_id
        if side is None or account_id is None or instrument_id is None:
            return False
        net = self.ledger.net_quantity(account_id, instrument_id)
        drift = self.ledger.drifts.get((account_id, f"position:{instrument_id}"))
        other = net + drift.theirs - drift.ours if drift is not None else net
        held = -max(net, other) if side.sign > 0 else min(net, other)
        working = sum(
            (
                each.worst_leaves
                for each in self.ledger.orders.values()
                if each.is_open
                and each.approved
                and not each.is_parent
                and (each.account_id, each.instrument_id, each.intent.side) == (account_id, instrument_id, side)
            ),
            ZERO,
        )
        return working <= held
