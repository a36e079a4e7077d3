"""Checked at the moment a request leaves: that it may, and that it is what was recorded."""

from collections.abc import Callable, Mapping, Sequence

from attrs import define, field

from liveexec.domain.ids import AccountId, InstrumentId, OrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.order import Order
from liveexec.domain.outcome import SendPlan
from liveexec.engine.inputs import ControlKind
from liveexec.engine.scopes import in_scope
from liveexec.plugins.adapter import VenueOrder
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.journal import JournalChecks, Requested
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.kill_switch import KillNote

__all__ = ["RequestChecks"]


@define(eq=False)
class RequestChecks:
    """``kills`` are those that were acknowledged and not released; ``owner`` is the process that owns the shard."""

    violations: Violations
    journal: JournalChecks
    listings: Mapping[InstrumentId, Listing]
    kills: Callable[[], Sequence[KillNote]]
    owner: Callable[[], int]
    excuses: Excuses = field(factory=Excuses)
    _sent: dict[tuple[AccountId, str], None] = field(factory=dict)
    _changed: dict[tuple[OrderId, int], None] = field(factory=dict)

    def left(self, process: int, verb: str, order_id: OrderId | None, *, can_write: bool) -> None:
        """Any request leaves: only the shard's owner may send.

        The one exception is a cancel of somebody whose journal can't write: he can't know better, and it adds no risk.
        """
        is_stale = process != self.owner()
        is_excused = self.excuses.look(Excuse.CANT_WRITE, fits=is_stale and verb == "cancel" and not can_write)
        if is_stale and not is_excused:
            self.violations.add(
                21, f"process {process} sent a {verb} of {order_id or 'an order'}, the owner is process {self.owner()}"
            )

    def submit_left(self, order: VenueOrder, plan: SendPlan) -> None:
        """A new order leaves."""
        add = self.violations.add
        known = self._check_recorded(order, "submit")
        name = (order.account_id, plan.client_order_id)
        requested = self.journal.requested.get(name)
        if requested is None:
            add(1, f"{order.order_id} was sent as {plan.client_order_id} before that was committed")
        elif not _is_as_recorded(requested, order):
            add(1, f"{order.order_id} was sent for {order.quantity} @ {order.price}, recorded is {requested}")
        if known is not None and not known.approved:
            add(1, f"{order.order_id} was sent without an approval")
        if name in self._sent:
            add(2, f"{order.order_id} was sent twice as {plan.client_order_id}")
        self._sent[name] = None
        self._check_kills(known, "submit")

    def replace_left(self, order: VenueOrder) -> None:
        """A change leaves."""
        known = self._check_recorded(order, "replace")
        wishes = self.journal.changes.get(order.order_id, ())
        if not any(_is_as_recorded(wish, order) for wish in wishes):
            self.violations.add(1, f"{order.order_id} was changed to {order.quantity} @ {order.price}, not recorded")
        self._check_kills(known, "replace")

    def _check_recorded(self, order: VenueOrder, verb: str) -> Order | None:
        for fault in self.listings[order.instrument_id].faults(order.quantity, order.price):
            self.violations.add(22, f"{verb} of {order.order_id}: {fault}")
        known = self.journal.ledger.orders.get(order.order_id)
        if known is None:
            self.violations.add(1, f"{order.order_id} was sent before it was committed")
        return known

    def _check_kills(self, order: Order | None, verb: str) -> None:
        kills = self.kills()
        # Flattening lets through what reduces, in the scope that it was asked for.
        flattened = [note.scope for note in kills if note.kind is ControlKind.FLATTEN]
        for note in kills:
            if order is not None and note.scope not in flattened and in_scope(order, note.scope):
                self.violations.add(17, f"a {verb} of {order.order_id} left after the kill of {note.scope}")


def _is_as_recorded(wish: Requested, order: VenueOrder) -> bool:
    return (wish.order_id, wish.quantity, wish.price) == (order.order_id, order.quantity, order.price)
