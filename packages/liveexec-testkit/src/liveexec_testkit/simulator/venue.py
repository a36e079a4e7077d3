"""A simulated venue: its truth, the sessions that hear of it, what it was earlier, and what happens there by itself."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Final

from attrs import evolve

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book
from liveexec.domain.outcome import FillAction, FillReport, OrderReport, VenueOrderStatus
from liveexec_testkit.simulator.account_history import AccountHistory
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.market import PRODUCTS, account_at, instrument_at, listings_at, visible_book
from liveexec_testkit.simulator.stream import Stream
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue_activity import VenueActivity
from liveexec_testkit.simulator.venue_kind import SKEW_NS, VISIBILITY_LAG_NS, VenueKind
from liveexec_testkit.simulator.venue_sessions import VenueSessions
from liveexec_testkit.simulator.venue_truth import TrueOrder, VenueTruth

__all__ = ["SimVenue"]

_MS: Final = 1_000_000
#: How often a question meets a gap, in a run that has gaps at all.
_DISTURBED: Final = 0.04


class SimVenue:
    """A venue that outlives every process that trades there. ``changed`` is called with each order that changed."""

    def __init__(
        self,
        kind: VenueKind,
        loop: SimLoop,
        faults: Faults,
        trace: Trace,
        seed: int,
        changed: Callable[[TrueOrder], None],
    ) -> None:
        self.kind = kind
        self.loop, self.faults, self.trace = loop, faults, trace
        self.account_id = account_at(kind.name)
        self.random = Random(f"{seed} {kind.name}")
        self.skew_ns = self.random.randrange(-SKEW_NS, SKEW_NS + 1) if faults.fires(Fault.CLOCK_SKEW) else 0
        self.banned_until_ns = 0
        #: Until when it answers no question.
        self.mute_until_ns = 0
        #: From when on, and until when, what it takes is shown to nobody, on its own clock.
        self._hides_from_ns = self._hides_until_ns = 0
        #: Requests on their way that it will take too late.
        self.belated = 0
        #: Whether what it takes now it takes too late.
        self.takes_late = False
        #: Requests on their way here, as (order id, what they would do): they may still take effect.
        self.travelling: dict[int, tuple[str, str]] = {}
        self._changed = changed
        prices = {instrument_at(kind.name, product): Decimal(price) for product, (_, price) in PRODUCTS.items()}
        # Nothing happens before it begins: whom the truth is told to comes after it.
        self.truth = VenueTruth(
            self.account_id,
            listings_at(kind.name),
            prices,
            self.now_ns,
            self.random,
            self._say,
            self._note,
            kind.renames,
            kind.fee_asset,
            kind.drops_refused,
        )
        self.sessions = VenueSessions(kind.name, self.account_id, loop, faults, trace, self.truth.find)
        self.history = AccountHistory(self.truth, faults, self.random)
        self.activity = VenueActivity(
            kind, loop, faults, trace, self.random, self.truth, self.history, self.sessions, self._book
        )
        self.activity.begin()

    def now_ns(self) -> int:
        """The venue's own time, UTC nanoseconds."""
        return WALL_NS + self.loop.now_ns + self.skew_ns

    @property
    def is_banned(self) -> bool:
        """Whether it takes nothing from us for a while."""
        return self.loop.now_ns < self.banned_until_ns

    def pause(self, most_ms: int) -> Awaitable[None]:
        """What to wait for while something takes its time, which is no longer than this."""
        return self.loop.pause(self.random.randrange(100_000, most_ms * _MS + 1))

    def open_session(self, process: int) -> Stream:
        """A process connects; what it had before is gone."""
        return self.sessions.open(process, map(self._book, self.truth.prices))

    def fall_behind(self, for_ns: int) -> None:
        """What shows its orders lags behind what takes them: no word of an order that comes now, nor an answer about
        it, for a while."""
        now_ns = self.now_ns()
        if now_ns >= self._hides_until_ns:
            self._hides_from_ns = now_ns
        self._hides_until_ns = max(self._hides_until_ns, now_ns + for_ns)
        self.sessions.hold_back(for_ns)

    def hides(self, order: TrueOrder) -> bool:
        """Whether an order is too young to be shown; no longer than the manifest says, whatever came after it."""
        now_ns = self.now_ns()
        is_young = now_ns - order.taken_at_ns < VISIBILITY_LAG_NS
        return is_young and self._hides_from_ns <= order.taken_at_ns and now_ns < self._hides_until_ns

    def disturb(self) -> None:
        """Somebody asks: a bad time to leave something out of what it tells."""
        if (
            self.faults.has(Fault.GAP)
            and self.random.random() < _DISTURBED
            and self.faults.fires(Fault.GAP, surely=True)
        ):
            self.sessions.interrupt("a sequence number was left out while it was asked")

    def _say(self, report: OrderReport | FillReport) -> None:
        if self.kind.is_anonymous and report.client_order_id is not None:
            report = evolve(report, client_order_id=None)
        self.trace.add(self.kind.name, _shown(report))
        self.sessions.tell(report)
        if isinstance(report, FillReport) and report.action is FillAction.TRADE:
            self.activity.undo_soon(report)

    def _note(self, order: TrueOrder) -> None:
        if order.status is not VenueOrderStatus.WORKING:
            # Until its end is told, and lost; an end that is not told at all follows from a refusal that is.
            self.sessions.ends_heard.setdefault(order.venue_order_id, self.kind.drops_refused)
        order.came_late = order.came_late or self.takes_late
        self.history.remember()
        self._changed(order)

    def _book(self, instrument_id: InstrumentId) -> Book:
        price = self.truth.prices[instrument_id]
        return visible_book(instrument_id, price, WALL_NS + self.loop.now_ns, self.now_ns())


def _shown(report: OrderReport | FillReport) -> str:
    name = f"{report.venue_order_id} ({report.client_order_id or 'foreign'})"
    if isinstance(report, FillReport):
        return f"{name}: {report.action} {report.fill.quantity} @ {report.fill.price} [{report.fill.key}]"
    return f"{name}: {report.status} {report.side} {report.filled_quantity}/{report.quantity} @ {report.price}"
