"""Checked with what waits: an execution that a session was told of counts, or counts no longer, within its bound."""

from collections.abc import Iterator

from attrs import define, field

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import OrderId
from liveexec.domain.outcome import FillAction, FillReport
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["EvidenceChecks"]


@define(eq=False)
class EvidenceChecks:
    """``waits`` tells what of a venue's words is not in the journal yet."""

    journal: JournalChecks
    excuses: Excuses = field(factory=Excuses)
    _undone: dict[tuple[str, FillKey], None] = field(factory=dict)

    def waits(self, venue: SimVenue) -> Iterator[tuple[str, OrderId]]:
        """What is open, with the order that it is about."""
        for report, order_id in list(venue.sessions.executions_heard.items()):
            is_untold = report.original_key is not None and report.original_key not in self.journal.ever
            if self.excuses.look(Excuse.ORIGINAL_UNTOLD, fits=is_untold):
                # What it takes back was not told: the next comparison brings that, and the end of the run checks both.
                continue
            what = self._unsettled(venue, report)
            if what is None:
                del venue.sessions.executions_heard[report]
            else:
                yield what, order_id

    def _unsettled(self, venue: SimVenue, report: FillReport) -> str | None:
        undone = report.original_key if report.action is not FillAction.TRADE else None
        if undone is not None:
            self._undone[venue.account_id, undone] = None
            if (venue.account_id, undone) in self.journal.fills:
                return f"still counts {undone}, which was taken back"
        if report.action is FillAction.BUST or (venue.account_id, report.fill.key) in self._undone:
            return None
        is_counted = report.fill.key in self.journal.ever
        return None if is_counted else f"does not count {report.fill.key}, which was told"
