"""One input's turn: what it makes true, folded at once, and what has to be done about it, collected in order."""

from typing import Final

from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import AccountEvent
from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.record import CONTROL_STREAM_PREFIX, Event, Record
from liveexec.engine.core import EngineCore
from liveexec.engine.effects import ArmTimer, DisarmTimer, Effect, TimerKind
from liveexec.engine.oms import NAMING_EVENTS
from liveexec.errors import LiveExecError

__all__ = ["Decision", "Turn"]

# Events that change what an order may still cost: its reservation is taken out before and put back after.
_MOVES_EXPOSURE: Final = frozenset(
    {
        ev.RiskApproved,
        ev.RiskRefused,
        ev.NotSent,
        ev.VenueRejected,
        ev.FillApplied,
        ev.FillBusted,
        ev.FillCorrected,
        ev.Canceled,
        ev.ReplaceRequested,
        ev.Replaced,
        ev.ReplaceRejected,
        ev.Expired,
        ev.Adopted,
        ev.Reattributed,
        ev.ParentFinished,
        ev.Adjusted,
    }
)
# Events of a child after which its parent's algorithm is asked what follows.
_STIRS_PARENT: Final = _MOVES_EXPOSURE - {ev.RiskApproved, ev.ReplaceRequested}


def _brings_terms(before: Order | None) -> bool:
    """A first attempt sends what is reserved already; that of an emulated replace brings other terms."""
    return before is not None and before.replace is not None


@define(eq=False)
class Decision:
    """What one input led to: records to make durable, and effects to carry out after that.

    ``order_id`` is the order that was asked for; ``repeated`` says that the operation was known before. ``error`` is
    set when the input was refused without anything becoming true; records and effects are empty then.
    """

    records: tuple[Record, ...] = ()
    effects: tuple[Effect, ...] = ()
    order_id: OrderId | None = None
    repeated: bool = False
    error: LiveExecError | None = None


@define(eq=False)
class Turn:
    """The handling of one input. Everything that the engine makes true goes through ``emit``."""

    core: EngineCore
    at_ns: int
    cause: str
    effects: list[Effect] = field(factory=list)
    #: Parents whose algorithm has to be asked, with the child that stirred it.
    stirred: dict[OrderId, OrderId] = field(factory=dict)
    #: By stream, in the order in which they were first touched: the sequence of the first event, and all of them.
    _streams: dict[str, tuple[int, list[Event]]] = field(factory=dict)

    def emit(self, order_id: OrderId, event: OrderEvent) -> Order:
        """An event of an order is true from now on."""
        core = self.core
        state = core.state
        ledger = state.ledger
        before = ledger.orders.get(order_id)
        told = self._streams.get(order_id)
        if told is None:
            self._streams[order_id] = (before.last_sequence + 1 if before is not None else 1, [event])
        else:
            told[1].append(event)
        kind = type(event)
        if kind not in _MOVES_EXPOSURE and not (kind is ev.SubmitRequested and _brings_terms(before)):
            order = ledger.apply_order_event(order_id, event, self.at_ns)
        else:
            parent = None
            if before is not None:
                if before.approved:
                    state.exposure.release(before)
                if before.parent_id is not None:
                    parent = ledger.orders.get(before.parent_id)
                    if parent is not None and parent.approved:
                        state.exposure.release(parent)
            order = ledger.apply_order_event(order_id, event, self.at_ns)
            if order.approved:
                state.exposure.reserve(order)
            if parent is not None and parent.approved:
                state.exposure.reserve(parent)
            if order.parent_id is not None and kind in _STIRS_PARENT:
                self.stirred[order.parent_id] = order_id
        if kind in NAMING_EVENTS:
            core.oms.note(order, event)
        return order

    def emit_account(self, stream: str, event: AccountEvent) -> None:
        """An event of an account is true from now on."""
        ledger = self.core.state.ledger
        told = self._streams.get(stream)
        if told is None:
            self._streams[stream] = (ledger.next_sequence(stream), [event])
        else:
            told[1].append(event)
        ledger.apply_account_event(stream, event, self.at_ns)

    def emit_control(self, event: AccountEvent) -> None:
        """An event that concerns more than one account is true from now on."""
        self.emit_account(f"{CONTROL_STREAM_PREFIX}{self.core.state.config.shard}", event)

    def do(self, effect: Effect) -> None:
        """Have the shell carry something out, once this turn's events are durable."""
        self.effects.append(effect)

    def wake(self, kind: TimerKind, subject: str, at_ns: int) -> None:
        """Arm a timer."""
        self.effects.append(ArmTimer((kind, subject), at_ns))

    def disarm(self, kind: TimerKind, subject: str) -> None:
        """Take a timer back."""
        self.effects.append(DisarmTimer((kind, subject)))

    def decision(self, order_id: OrderId | None = None, *, repeated: bool = False) -> Decision:
        """Everything of this turn, a record per stream in the order in which the streams were first touched."""
        records = [
            Record(stream, sequence, tuple(events), self.cause, self.at_ns)
            for stream, (sequence, events) in self._streams.items()
        ]
        return Decision(tuple(records), tuple(self.effects), order_id, repeated)
