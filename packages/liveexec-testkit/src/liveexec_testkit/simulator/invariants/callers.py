"""Checked with every result that a caller gets: that it is durable."""

from attrs import define

from liveexec.domain.result import ExecutionResult
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["CallerChecks"]


@define(eq=False)
class CallerChecks:
    """``told`` is called with each result, at the moment a caller has it."""

    violations: Violations
    journal: JournalChecks

    def told(self, result: ExecutionResult) -> None:
        """A caller got a result: what it says must follow from what is in the journal by now."""
        known = self.journal.ledger.orders.get(result.order_id)
        if known is None:
            self.violations.add(19, f"a caller was told of {result.order_id}, which is not durable")
            return
        missing = [fill.key for fill in result.fills if not self._is_known(fill.key)]
        if missing:
            self.violations.add(19, f"a caller was told of the fill {missing[0]}, which is not durable")
        elif known.is_open and not result.status.is_open:
            self.violations.add(
                19, f"a caller was told that {result.order_id} is {result.status}: it is {known.status}"
            )

    def _is_known(self, key: str) -> bool:
        return key in self.journal.ever
