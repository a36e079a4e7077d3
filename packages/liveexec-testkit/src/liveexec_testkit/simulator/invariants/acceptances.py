"""Checked with each drift that an operator accepts: ours becomes what the venue says, by exactly the difference."""

from decimal import Decimal
from typing import Any

from attrs import define, field

from liveexec.domain.account_event import AssetMoved, DriftAccepted, PositionChange, PositionChanged
from liveexec.domain.ids import AccountId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["AcceptanceChecks"]


@define(eq=False)
class AcceptanceChecks:
    """``before`` is told of each event before ``ledger`` folds it, ``after_batch`` when a batch is folded."""

    violations: Violations
    ledger: Ledger
    #: What is still to be changed.
    _owed: dict[tuple[AccountId, str], Decimal] = field(factory=dict)

    def before(self, _: Record, order: Order | None, event: Any) -> None:  # noqa: ARG002  (what every watcher is told)
        """An event is durable, and about to be folded."""
        match event:
            case DriftAccepted(account_id=account_id, subject=subject, theirs=theirs):
                drift = self.ledger.drifts.get((account_id, subject))
                if drift is None or drift.theirs != theirs:
                    self.violations.add(12, f"{account_id}: {theirs} is accepted as {subject}, which does not drift so")
                else:
                    self._owe(account_id, subject, drift.theirs - drift.ours)
            case PositionChanged(kind=PositionChange.ACCEPTED):
                self._owe(event.account_id, f"position:{event.instrument_id}", -event.quantity)
            case AssetMoved() if event.reference.startswith("accepted:"):
                self._owe(event.account_id, f"balance:{event.asset}", -event.amount)
            case _:
                pass

    def after_batch(self, _: int) -> None:
        """A batch is folded: what was accepted in it is changed."""
        for (account_id, subject), amount in self._owed.items():
            if amount:
                self.violations.add(12, f"{account_id}: {subject} is accepted, and {amount} of it did not change")
        self._owed.clear()

    def _owe(self, account_id: AccountId, subject: str, amount: Decimal) -> None:
        self._owed[account_id, subject] = self._owed.get((account_id, subject), ZERO) + amount
