"""The sessions with a simulated venue: what is told in them, and what of it anybody heard."""

from collections.abc import Callable, Iterable

from liveexec.domain.ids import AccountId, OrderId, VenueName
from liveexec.domain.market import Book
from liveexec.domain.outcome import AssetReport, FillReport, OrderRef, OrderReport
from liveexec_testkit.simulator.faults import Faults
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.stream import Stream
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue_truth import TrueOrder

__all__ = ["VenueSessions"]


class VenueSessions:
    """The session of each process that is connected. ``find`` gives the order that a report is about."""

    def __init__(
        self,
        venue: VenueName,
        account_id: AccountId,
        loop: SimLoop,
        faults: Faults,
        trace: Trace,
        find: Callable[[OrderRef], TrueOrder | None],
    ) -> None:
        self._venue, self._account_id = venue, account_id
        self._loop, self._faults, self._trace = loop, faults, trace
        self._find = find
        self._streams: dict[int, Stream] = {}
        #: Whether nobody hears what happens.
        self.is_muted = False
        #: Payments that the venue told of, which it repeats when somebody connects.
        self.payments: list[AssetReport] = []
        #: Whether the word that an order ended reached whoever listened.
        self.ends_heard: dict[str, bool] = {}
        #: Whether the word that an order works reached whoever listened.
        self.works_heard: dict[str, bool] = {}
        #: Executions of our orders that whoever listened was told of, under our names, and that may be news.
        self.executions_heard: dict[FillReport, OrderId] = {}
        #: How many of them were ever told; of how many the session ended before anybody took them in.
        self.executions_told = self.executions_untaken = 0
        #: Called when every session was dropped.
        self.on_lost: Callable[[], None] = lambda: None

    @property
    def is_heard(self) -> bool:
        """Whether anybody has a session here."""
        return any(stream.is_open for stream in self._streams.values())

    @property
    def reports_travelling(self) -> int:
        """How many reports are on their way to somebody who may still hear them."""
        return sum(stream.travelling for stream in self._streams.values() if stream.is_open)

    def open(self, process: int, books: Iterable[Book]) -> Stream:
        """A process connects, and is shown the books; what it had before is gone."""
        self.close(process, "connected anew")
        stream = Stream(self._venue, self._account_id, self._loop, self._faults, self._trace)
        self._streams[process] = stream
        for book in books:
            stream.quote(book)
        for payment in self.payments[-3:]:
            stream.say(payment)
        return stream

    def close(self, process: int, reason: str) -> None:
        """A session ends."""
        if (stream := self._streams.pop(process, None)) is not None:
            for report in stream.lose(reason):
                # What was on its way to it may be told by the next comparison but one, where the venue shows it late.
                if isinstance(report, FillReport) and self.executions_heard.pop(report, None) is not None:
                    self.executions_untaken += 1
                elif isinstance(report, OrderReport) and report.venue_order_id is not None:
                    by_name = self.works_heard if report.status.is_open else self.ends_heard
                    by_name[report.venue_order_id] = False

    def drop(self) -> None:
        """Every session ends."""
        for process in list(self._streams):
            self.close(process, "the connection was reset")
        self.on_lost()

    def interrupt(self, reason: str) -> None:
        """Every session is told that it missed something."""
        for stream in self._streams.values():
            stream.gap(reason)

    def hold_back(self, for_ns: int) -> None:
        """What is said from now on arrives later than that."""
        for stream in self._streams.values():
            stream.hold_back(for_ns)

    def quote(self, book: Book) -> None:
        """Everybody sees a book."""
        for stream in self._streams.values():
            stream.quote(book)

    def tell_payment(self, payment: AssetReport) -> None:
        """Everybody is told of a payment."""
        for stream in self._streams.values():
            stream.say(payment)

    def tell(self, report: OrderReport | FillReport) -> None:
        """Everybody is told what happened to an order, and it is noted whether the word will arrive."""
        heard = [stream.say(report) for stream in self._streams.values()] if not self.is_muted else []
        is_heard = bool(heard) and all(heard)
        if isinstance(report, FillReport):
            if is_heard and report.client_order_id is not None:
                self._note_execution(report)
        elif report.venue_order_id is not None:
            by_name = self.works_heard if report.status.is_open else self.ends_heard
            by_name[report.venue_order_id] = is_heard

    def _note_execution(self, report: FillReport) -> None:
        found = self._find(
            OrderRef(self._account_id, report.fill.instrument_id, report.client_order_id, report.venue_order_id)
        )
        if found is not None and found.order_id is not None and not found.came_late:
            self.executions_heard[report] = found.order_id
            self.executions_told += 1
