"""What waits for the worst moment: right when a process hears of a commit, and what had to wait for it leaves."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from random import Random
from typing import Final

from attrs import define, field

from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order
from liveexec.domain.order_event import ChildSpawned, ReplaceRequested, SubmitRequested
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.store import STEP_NS
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["Lurking"]

#: A turn of the loop.
_TURN_NS: Final = 1_000
#: Within which time after a venue was lost somebody acts.
_SOON_NS: Final = 60_000_000


@define(eq=False)
class Lurking:
    """Holds back acts, of which one at a time gets its moment. ``random`` says how near to it."""

    loop: SimLoop
    random: Random
    _acts: list[Callable[[], None]] = field(factory=list)
    _crash: Callable[[], None] | None = None
    _freeze: Callable[[], None] | None = None
    _context: Context = field(factory=Context)

    def wait(self, act: Callable[[], None]) -> None:
        """Have an act wait."""
        self._acts.append(act)

    def wait_to_crash(self, crash: Callable[[], None]) -> None:
        """Have a process die in the middle of something."""
        self._crash = crash

    def wait_to_freeze(self, freeze: Callable[[], None]) -> None:
        """Have a process stop between a commit and what had to wait for it."""
        self._freeze = freeze

    def committed(self, batch: AppendBatch, orders: Mapping[OrderId, Order], venues: Sequence[SimVenue]) -> None:
        """The store has a batch; its process hears of it a step later."""
        _provoke(batch, orders, venues)
        self._act_after(STEP_NS + self.random.randrange(-4, 6) * _TURN_NS)
        if self._crash is not None:
            crash, self._crash = self._crash, None
            self.loop.call_after_ns(self.random.randrange(3 * STEP_NS), crash, context=self._context)
        if self._freeze is not None and any(_asks_to_send(record) for record in batch.records):
            freeze, self._freeze = self._freeze, None
            self.loop.call_after_ns(self.random.randrange(STEP_NS), freeze, context=self._context)

    def asked(self, batch: AppendBatch, orders: Mapping[OrderId, Order], venues: Sequence[SimVenue]) -> None:
        """A batch is on its way to the store: what a venue does now is heard before its process hears of it."""
        _provoke(batch, orders, venues)
        for record in batch.records:
            parent = orders.get(OrderId(record.stream))
            if parent is not None and any(isinstance(event, ChildSpawned) for event in record.events):
                for venue in venues:
                    venue.activity.provoke(parent.children or ())

    def venue_lost(self) -> None:
        """A venue is away: a bad time as well."""
        self._act_after(self.random.randrange(_SOON_NS))

    def let_go(self) -> None:
        """Nothing waits any more."""
        while self._acts:
            self._acts.pop(0)()

    def _act_after(self, delay_ns: int) -> None:
        if self._acts:
            self.loop.call_after_ns(delay_ns, self._acts.pop(0), context=self._context)


def _asks_to_send(record: Record) -> bool:
    return any(isinstance(event, SubmitRequested | ReplaceRequested) for event in record.events)


def _provoke(batch: AppendBatch, orders: Mapping[OrderId, Order], venues: Sequence[SimVenue]) -> None:
    """Tell the venues of each child that is about to leave, with the parent's other children."""
    for record in batch.records:
        order = orders.get(OrderId(record.stream))
        parent = orders.get(order.parent_id) if order is not None and order.parent_id is not None else None
        if parent is not None and any(isinstance(event, SubmitRequested) for event in record.events):
            for venue in venues:
                venue.activity.provoke([each for each in parent.children or () if each != record.stream])
