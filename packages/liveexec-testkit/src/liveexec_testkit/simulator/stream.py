"""A session's stream of reports: in order and complete, unless a fault delays, repeats, reorders or loses them.

What a session was to be told while it is gone is lost with it; the venue's truth is not.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import Context
from typing import Final

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.errors import AdapterError
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.trace import Trace

__all__ = ["Stream"]

_MS: Final = 1_000_000


class Stream:
    """What one session hears, from its connection to its end."""

    def __init__(self, venue: str, account_id: AccountId, loop: SimLoop, faults: Faults, trace: Trace) -> None:
        self._venue, self._account_id = venue, account_id
        self._loop, self._faults, self._trace = loop, faults, trace
        self._context = Context()
        self._reports: deque[VenueReport] = deque()
        #: Reports that will arrive, if the session lasts, and that nobody has taken yet, each once.
        self._untaken: dict[int, VenueReport] = {}
        self._books: deque[Book | TradeBar] = deque()
        self._arrived = asyncio.Event()
        self._quoted = asyncio.Event()
        self._not_before_ns = 0
        self._silent_until_ns = 0
        self._error: str | None = None
        #: Reports that were sent and are not here yet.
        self.travelling = 0
        self._on_gap: Callable[[], None] = lambda: None

    @property
    def is_open(self) -> bool:
        """Whether anybody may still hear something."""
        return self._error is None

    def say(self, report: VenueReport) -> bool:
        """Send a report on its way; whether it will arrive, if the session lasts."""
        if self._error is not None:
            return False
        faults, now_ns = self._faults, self._loop.now_ns
        if faults.fires(Fault.SILENT_STREAM):
            self._silent_until_ns = now_ns + faults.between(Fault.SILENT_STREAM, 50 * _MS, 800 * _MS)
            self._trace.add(self._venue, "goes silent, with a healthy stream")
        if (now_ns < self._silent_until_ns and not faults.healed) or faults.fires(Fault.REPORT_LOST):
            self._trace.add(self._venue, f"report lost: {_shown(report)}")
            return False
        delay_ns = 300_000
        if faults.fires(Fault.REPORT_LATE):
            delay_ns += faults.between(Fault.REPORT_LATE, 5 * _MS, 700 * _MS)
        at_ns = max(now_ns + delay_ns, self._not_before_ns)
        if faults.fires(Fault.REPORT_OVERTAKES):
            # This one is held back alone; what follows it arrives before it.
            at_ns += faults.between(Fault.REPORT_OVERTAKES, 1 * _MS, 300 * _MS)
        else:
            self._not_before_ns = at_ns
        self._send(report, at_ns - now_ns)
        if faults.fires(Fault.REPORT_TWICE):
            self._send(report, at_ns - now_ns + faults.between(Fault.REPORT_TWICE, 0, 400 * _MS))
        self._untaken[id(report)] = report
        return True

    def hold_back(self, for_ns: int) -> None:
        """What is said from now on arrives later than that."""
        self._not_before_ns = max(self._not_before_ns, self._loop.now_ns + for_ns)

    def gap(self, reason: str) -> None:
        """Tell that something was missed, after what was said before it."""
        at_ns = max(self._loop.now_ns + 300_000, self._not_before_ns)
        self._send(Gap(self._account_id, reason), at_ns - self._loop.now_ns)

    def quote(self, update: Book | TradeBar) -> None:
        """Market data arrives."""
        self._books.append(update)
        self._quoted.set()

    def lose(self, reason: str) -> Sequence[VenueReport]:
        """The session is gone, with everything that was on its way: that."""
        if self._error is not None:
            return ()
        self._error = reason
        self._reports.clear()
        self._arrived.set()
        self._quoted.set()
        return tuple(self._untaken.values())

    def on_gap(self, told: Callable[[], None]) -> None:
        """Whom to tell when a gap was taken in."""
        self._on_gap = told

    async def reports(self) -> AsyncIterator[VenueReport]:
        """Everything that arrives, until the session is lost."""
        while True:
            while self._reports:
                report = self._reports.popleft()
                self._untaken.pop(id(report), None)
                yield report
                if isinstance(report, Gap):
                    # Whoever asks for more has taken it in.
                    self._on_gap()
            if self._error is not None:
                raise AdapterError(self._error)
            self._arrived.clear()
            await self._arrived.wait()

    async def books(self, instruments: frozenset[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        """Market data of these, until the session is lost."""
        while True:
            while self._books:
                update = self._books.popleft()
                if update.instrument_id in instruments:
                    yield update
            if self._error is not None:
                raise AdapterError(self._error)
            self._quoted.clear()
            await self._quoted.wait()

    def _send(self, report: VenueReport, delay_ns: int) -> None:
        self.travelling += 1
        # In no process's context: what is on its way arrives whoever dies meanwhile.
        self._loop.call_after_ns(delay_ns, self._arrive, report, context=self._context)

    def _arrive(self, report: VenueReport) -> None:
        self.travelling -= 1
        if self._error is None:
            self._reports.append(report)
            self._arrived.set()


def _shown(report: VenueReport) -> str:
    return type(report).__name__
