"""Checked a few times a second: what waits for something is settled within its bound, as long as nothing hinders it.

Nothing hinders while the session is trusted, the journal writes, and no fault has struck for a while; time counts
from the last of these moments.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from attrs import define, field

from liveexec.domain.ids import OrderId, VenueName
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.runtime.journal import JournalState
from liveexec.runtime.sessions import SessionState
from liveexec.runtime.shard import ShardRuntime
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["QuietChecks"]

#: Beyond the deadline: skew, visibility and the time of some questions, with room to spare.
_BOUND_NS: Final = 800_000_000
#: A rate limit makes everybody wait.
_LIMITED_BOUND_NS: Final = 2_100_000_000
#: So much sooner shows what has ended at its venue.
_SOONER_NS: Final = 300_000_000
_ENDED: Final = "is open here"


@define(eq=False)
class QuietChecks:
    """``look`` is called again and again with the shard that runs, if one does."""

    violations: Violations
    venues: list[SimVenue]
    #: How long after a decision a request may leave.
    deadline_ns: int
    #: Orders that an operator ended, and whether their venues could be asked for a cancel then.
    resolved: Mapping[OrderId, bool] = field(factory=dict)
    #: What else waits of a venue.
    more: Callable[[SimVenue], Iterable[tuple[str, OrderId]]] = lambda _: ()
    _since: dict[tuple[str, OrderId], int] = field(factory=dict)
    _calm_since: dict[VenueName, int] = field(factory=dict)
    _shard: ShardRuntime | None = None

    def look(self, shard: ShardRuntime | None, now_ns: int, struck_at_ns: int) -> None:
        """Compare how long everything has waited with its bound; a fault struck last at ``struck_at_ns``."""
        if shard is None or shard is not self._shard or shard.journal.state is not JournalState.WRITING:
            self._shard = shard
            self._since.clear()
            self._calm_since.clear()
            return
        for session in shard.sessions:
            if session.state is not SessionState.ACTIVE:
                self._calm_since.pop(session.venue, None)
            else:
                self._calm_since.setdefault(session.venue, now_ns)
        waiting: dict[tuple[str, OrderId], int] = {}
        for venue in self.venues:
            calm_ns = self._calm_since.get(venue.kind.name)
            if calm_ns is None:
                continue
            more_ns = _LIMITED_BOUND_NS if venue.kind.is_limited else _BOUND_NS
            open_ends = [(14, *each) for each in _waits(venue, shard, self.resolved)]
            open_ends += [(16, *each) for each in self.more(venue)]
            for number, what, order_id in open_ends:
                since_ns = waiting[what, order_id] = self._since.get((what, order_id), now_ns)
                waited_ns = now_ns - max(since_ns, calm_ns, struck_at_ns)
                # What has ended waits for no deadline: it was told, or a question tells.
                if waited_ns > more_ns - (_SOONER_NS if what.startswith(_ENDED) else -self.deadline_ns):
                    told = f"{order_id} {what}, {waited_ns / 1e9:.1f} s after anything hindered it"
                    self.violations.add(number, told)
        self._since = waiting


def _waits(venue: SimVenue, shard: ShardRuntime, resolved: Mapping[OrderId, bool]) -> Iterator[tuple[str, OrderId]]:
    for order in shard.engine.orders.open_orders(venue.account_id):
        if not order.is_parent and (what := _unsettled(order)) is not None:
            yield what, order.order_id
    orders = shard.engine.state.ledger.orders
    for true in venue.truth.orders:
        if true.order_id is None:
            continue
        if true.status is not VenueOrderStatus.WORKING:
            shown = orders.get(true.order_id)
            is_shown = shown is not None and shown.is_open and shown.venue_order_id == true.venue_order_id
            if is_shown and venue.sessions.ends_heard.get(true.venue_order_id):
                # One that is being changed may have ended as the first half of that.
                here = _ENDED if shown is not None and shown.replace is None else "is being changed here"
                yield f"{here}, and {true.status} at {venue.kind.name}", true.order_id
            continue
        ended = orders.get(true.order_id)
        if ended is None or ended.is_open:
            continue
        # What was taken too late, or given up by an operator, is cancelled once when it is heard of, and should that be
        # lost, when it is compared again.
        is_done = true.is_cancel_asked or not venue.sessions.works_heard.get(true.venue_order_id)
        is_done = is_done or not resolved.get(true.order_id, True)
        if not is_done or not (true.came_late or true.order_id in resolved):
            yield f"is {ended.status} here, and works at {venue.kind.name}", true.order_id


def _unsettled(order: Order) -> str | None:
    if order.status in (OrderStatus.UNKNOWN, OrderStatus.SUBMITTED, OrderStatus.PENDING):
        return f"is {order.status}"
    if order.cancel is not PendingCancel.NONE:
        return "waits for its cancel"
    return "waits for its change" if order.replace is not None else None
