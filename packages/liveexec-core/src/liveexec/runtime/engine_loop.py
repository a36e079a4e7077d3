"""The engine's loop: inputs in, one at a time, by priority; decisions to the journal; effects out when durable.

This is the one way of the data. It runs as a callback of the event loop, not as a task, so that serving an input costs
no switch. What the engine decides is ahead of what is durable; whatever leaves this module is not.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from liveexec.domain.outcome import AssetReport, BalanceReport, Gap, SettlementReport
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import AccountSnapshot, EngineInput, Report
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError, OutcomeUnknown
from liveexec.runtime.clock import Clock
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.hydrator import Hydrator, ref_of_report
from liveexec.runtime.inbox import Done, Inbox, Pending, Priority
from liveexec.runtime.journal import Journal

__all__ = ["EngineLoop"]

#: Inputs served before the event loop gets its turn: long enough to fill a batch, short enough to stay responsive.
_MAX_SERVED: Final = 64
#: Decisions that may wait to become durable; beyond them inputs wait in their bounded queues.
_MAX_BACKLOG: Final = 4_096
#: Inputs that may be about what has left memory.
_MAY_WAIT: Final = frozenset({Report, AccountSnapshot})


class EngineLoop:
    """Feeds the engine. ``on_durable(position, decision)`` is called for each decision once it is durable, in order;
    ``on_defect`` when the engine itself failed, after which nothing is served any more."""

    def __init__(
        self,
        engine: ExecutionEngine,
        journal: Journal,
        hydrator: Hydrator,
        inbox: Inbox,
        clock: Clock,
        *,
        on_durable: Callable[[int, Decision], None],
        on_defect: Callable[[Exception], None],
    ) -> None:
        self._engine, self._journal, self._hydrator, self._inbox, self._clock = engine, journal, hydrator, inbox, clock
        self._on_durable, self._on_defect = on_durable, on_defect
        self._loop = asyncio.get_running_loop()
        self._scheduled = False
        self._stopped: LiveExecError | None = None
        self._now_ns = engine.state.now_ns

    def tell(
        self,
        priority: Priority,
        given: EngineInput,
        done: Done | None = None,
        failed: Callable[[LiveExecError], None] | None = None,
        decided: Callable[[], object] | None = None,
    ) -> None:
        """Queue an input; ``done`` is called when its decision is durable, or refused without becoming anything;
        ``decided`` as soon as the engine has decided, before anything follows from it.

        Once stopped nothing is taken: ``failed`` is called at once.

        Raises:
            Busy: too many intents wait.
        """
        if self._stopped is not None:
            if failed is not None:
                failed(self._stopped)
            return
        waits = done is not None or failed is not None or decided is not None
        self._inbox.put(priority, given, Pending(done, failed, decided) if waits else None)
        if not self._scheduled:
            self.wake()

    def wake(self) -> None:
        """Serve what waits at the next turn of the event loop."""
        if not self._scheduled and self._stopped is None:
            self._scheduled = True
            self._loop.call_soon(self._serve)

    def stop(self, error: LiveExecError) -> None:
        """Serve nothing any more; everybody who waits is told that the outcome is unknown."""
        self._stopped = error
        for _, pending in self._inbox.clear():
            if pending is not None and pending.failed is not None:
                pending.failed(error)

    def _serve(self) -> None:
        self._scheduled = False
        for _ in range(_MAX_SERVED):
            if self._stopped is not None or (self._journal.backlog >= _MAX_BACKLOG and not self._is_urgent):
                return
            item = self._inbox.pop()
            if item is None:
                return
            given, pending = item
            try:
                if type(given) not in _MAY_WAIT or not self._has_to_wait(given, pending):
                    self._decide(given, pending)
            except Exception as defect:  # noqa: BLE001  (any failure here halts: half a decision must not go on)
                if pending is not None and pending.failed is not None:
                    pending.failed(LiveExecError(f"the engine failed, and nothing was recorded: {defect}"))
                self._on_defect(defect)
                return
        if self._inbox:
            self.wake()

    @property
    def _is_urgent(self) -> bool:
        """Whether an operator asks for something while the journal can't write: a kill does not wait for it."""
        return self._journal.is_stalled and self._inbox.depth(Priority.CONTROL) > 0

    def _decide(self, given: EngineInput, pending: Pending | None) -> None:
        self._now_ns = max(self._now_ns, self._clock.now_ns())
        given.at_ns = self._now_ns
        decision = self._engine.handle(given)
        reach(FailPoint.DECIDED)
        if pending is not None and pending.decided is not None:
            pending.decided()
        if decision.error is not None:
            if pending is not None and pending.done is not None:
                pending.done(decision)
            return
        if not decision.records and not decision.effects and pending is None:
            return
        self._journal.append(
            decision,
            partial(self._durable, pending),
            pending.failed if pending is not None and pending.failed is not None else _ignore,
        )

    def _durable(self, pending: Pending | None, position: int, decision: Decision) -> None:
        try:
            self._on_durable(position, decision)
        except Exception as error:
            if pending is not None and pending.failed is not None:
                pending.failed(OutcomeUnknown(f"it is recorded, but what had to follow failed: {error}"))
            raise
        if pending is not None and pending.done is not None:
            pending.done(decision)
            reach(FailPoint.TOLD)

    def _has_to_wait(self, given: EngineInput, pending: Pending | None) -> bool:
        """Whether what the input is about has to be looked up first, or waits behind reports for which it is."""
        if self._inbox.served is Priority.RESUMED:
            return False
        if isinstance(given, Report):
            return not given.looked_up and self._report_has_to_wait(given)
        if isinstance(given, AccountSnapshot):
            return self._snapshot_has_to_wait(given, pending)
        return False

    def _report_has_to_wait(self, given: Report) -> bool:
        report = given.report
        if isinstance(report, Gap | SettlementReport | BalanceReport):
            return False
        if isinstance(report, AssetReport):
            self._inbox.set_aside()
            self._hydrator.hold_asset(
                report.account_id, report.reference, lambda known: self._resume_asset(given, known)
            )
            return True
        ref = ref_of_report(report)
        if self._engine.knows(ref) and not self._hydrator.is_held(ref):
            return False
        self._inbox.set_aside()
        self._hydrator.hold([ref], lambda: self._resume(Report(0, report, looked_up=True)))
        return True

    def _snapshot_has_to_wait(self, given: AccountSnapshot, pending: Pending | None) -> bool:
        """A snapshot comes after the reports before it, and may name orders that have ended here and left memory."""
        refs = list(map(ref_of_report, given.open_orders))
        is_new = self._engine.is_new_account(given.account_id)
        if not is_new and self._hydrator.is_asset_held(given.account_id):
            # Compared without a payment that it tells of, it would show a drift. A new account begins with all of them.
            self._inbox.set_aside()
            self._hydrator.hold_behind_assets(
                given.account_id, lambda: self._hydrator.hold(refs, lambda: self._resume(given, pending))
            )
            return True
        if not self._hydrator.is_busy and all(map(self._engine.knows, refs)):
            return False
        self._inbox.set_aside()
        # All of them, since one that is in memory now may have left it when the others are there.
        self._hydrator.hold(refs, lambda: self._resume(given, pending))
        return True

    def _resume(self, given: EngineInput, pending: Pending | None = None) -> None:
        self._inbox.resume(given, pending)
        self.wake()

    def _resume_asset(self, given: Report, known: bool) -> None:
        if known:
            self._inbox.drop()
        else:
            self._resume(Report(0, given.report, looked_up=True))


def _ignore(_: LiveExecError) -> None:
    """Nobody waits for this decision."""
