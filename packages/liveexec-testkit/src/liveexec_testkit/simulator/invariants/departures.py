"""Checked at the moment a request leaves: when it may, for which session, on what price, and whether its venue's rate
limit has room for it."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from attrs import define, field

from liveexec.domain.ids import OrderId
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.outcome import SendPlan
from liveexec.engine.effects import SendCancel, SendSubmit
from liveexec.engine.turn import Decision
from liveexec.plugins.adapter import VenueOrder
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.process import Process

__all__ = ["STALLED_NS", "DepartureChecks"]

#: A journal whose batch has no answer after a second stalls; it is looked at four times a second.
STALLED_NS: Final = 1_400_000_000
#: By then an engine has heard of what its session has.
_TOLD_NS: Final = 20_000_000


@define(eq=False)
class DepartureChecks:
    """``decided`` is told of each decision, the others of each request that leaves a process."""

    violations: Violations
    journal: JournalChecks
    now_ns: Callable[[], int]
    #: How old the price may be that an order was routed on.
    max_price_age_ns: int
    #: Orders whose cancels may leave unrecorded, since nothing could be recorded.
    early: Collection[OrderId] = ()
    excuses: Excuses = field(factory=Excuses)
    #: The time of the book that an attempt was decided on.
    _books: dict[tuple[int, OrderId, int], int | None] = field(factory=dict)
    #: Cancels that were decided and have not left, by order.
    _cancels: dict[OrderId, int] = field(factory=dict)

    def decided(self, process: Process, decision: Decision) -> None:
        """An engine decided something."""
        for effect in decision.effects:
            if isinstance(effect, SendSubmit) and effect.attempt == 1:
                self._check_session(process, effect)
            if isinstance(effect, SendSubmit):
                # The last word counts: a host whose decisions never became durable may have decided the same child.
                # A process that lost its shard may decide the same child again, on its own old book.
                self._books[process.number, effect.order.order_id, effect.attempt] = effect.book_at_ns
            elif isinstance(effect, SendCancel):
                order_id = effect.order.order_id
                self._cancels[order_id] = self._cancels.get(order_id, 0) + 1

    def _check_session(self, process: Process, effect: SendSubmit) -> None:
        """A plain order is decided on for a session that is there, and was compared with its venue."""
        for adapter in process.adapters:
            is_its = adapter.venue.account_id == effect.order.account_id and not adapter.venue.kind.prepares
            if is_its and adapter.doubted_at_ns and not adapter.is_compared:
                doubted_ns = self.now_ns() - adapter.doubted_at_ns
                if doubted_ns > _TOLD_NS:
                    self.violations.add(
                        23, f"{effect.order.order_id} goes to {adapter.venue.kind.name}, in doubt for {doubted_ns} ns"
                    )

    def submit_left(self, process: Process, adapter: SimAdapter, order: VenueOrder, plan: SendPlan) -> None:
        """A new order leaves."""
        add, name = self.violations.add, order.order_id
        self._check_moment(process, adapter, order, plan)
        requested = self.journal.requested.get((order.account_id, plan.client_order_id))
        known = self.journal.ledger.orders.get(name)
        if requested is None or known is None:
            # Said elsewhere: it was not recorded at all.
            return
        if requested.at_ns < adapter.doubted_at_ns + WALL_NS and adapter.is_open:
            add(23, f"{name} was sent, and was decided before the session with {adapter.venue.kind.name}")
        book_at_ns = self._books.get((process.number, name, requested.attempt))
        if book_at_ns is not None and WALL_NS + self.now_ns() - book_at_ns > self.max_price_age_ns:
            add(23, f"{name} was sent on a price that is {WALL_NS + self.now_ns() - book_at_ns} ns old")
        shard = process.shard
        seen = shard.view.ledger.orders.get(name) if shard is not None else None
        if shard is not None and (seen is None or seen.attempt < requested.attempt):
            add(1, f"{name} was sent before readers could see why")
        if shard is not None and known.parent_id is not None:
            self._check_family(shard.engine.state.ledger.orders, name, known.parent_id)

    def _check_family(self, orders: Mapping[OrderId, Order], name: OrderId, parent_id: OrderId) -> None:
        """Whatever a venue did to its other children, as far as the process knows: this one need not have left."""
        if (parent := orders.get(parent_id)) is None:
            return
        live = sum((orders[child].leaves for child in parent.children or () if child in orders), ZERO)
        if parent.filled_quantity + live > parent.quantity:
            told = f"{name} was sent, its parent has {parent.filled_quantity} + {live} of {parent.quantity}"
            self.violations.add(11, told)

    def replace_left(self, process: Process, adapter: SimAdapter, order: VenueOrder, plan: SendPlan) -> None:
        """A change leaves."""
        self._check_moment(process, adapter, order, plan)

    def cancel_left(self, order_id: OrderId, *, can_write: bool) -> None:
        """A cancel leaves: once for each time that it was decided, and for a reason that is recorded."""
        left = self._cancels.get(order_id, 0) - 1
        self._cancels[order_id] = left
        if left < 0:
            self.violations.add(1, f"{order_id}: more cancels leave than were decided")
        order = self.journal.ledger.orders.get(order_id)
        if order is None or not order.is_open or not can_write:
            return
        # The first half of an emulated change; it may leave late, when its order was filled meanwhile.
        is_half = order_id in self.journal.changes
        if order.cancel is PendingCancel.NONE and not is_half and order_id not in self.early:
            self.violations.add(1, f"a cancel of {order_id} leaves, and nothing recorded asks for it")

    def _check_moment(self, process: Process, adapter: SimAdapter, order: VenueOrder, plan: SendPlan) -> None:
        add, name, now_ns = self.violations.add, order.order_id, self.now_ns()
        if WALL_NS + now_ns > plan.valid_until_ns:
            add(23, f"{name} was sent {WALL_NS + now_ns - plan.valid_until_ns} ns after its deadline")
        known = self.journal.ledger.orders.get(name)
        if known is not None and known.cancel is not PendingCancel.NONE:
            add(23, f"{name} was sent after its cancel was wished")
        if known is not None and not known.is_open:
            add(23, f"{name} was sent after it had ended as {known.status}")
        is_excused = self.excuses.look(Excuse.SESSION_GONE, fits=not adapter.is_open)
        if not adapter.is_compared and not is_excused:
            add(23, f"{name} was sent before {order.account_id} was reconciled")
        asked_at_ns = process.store.asked_at_ns
        if asked_at_ns and now_ns - asked_at_ns > STALLED_NS:
            add(23, f"{name} was sent while the journal could not write")
