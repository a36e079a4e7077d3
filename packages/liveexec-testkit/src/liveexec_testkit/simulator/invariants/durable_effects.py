"""Checked with every effect that is carried out: what it follows from is durable by then.

The one exception takes risk away while the journal can't write: wished cancels, and the timers that repeat them.
"""

from collections.abc import Callable

from attrs import define, field

from liveexec.domain.ids import OrderId
from liveexec.domain.order import PendingCancel
from liveexec.engine.effects import ArmTimer, Effect, SendCancel, TimerKind
from liveexec.engine.turn import Decision
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["DurableEffectChecks"]


@define(eq=False)
class _Wait:
    """What an effect waits for: so many records of its epoch, unless its journal can't write."""

    epoch: int
    records: int
    is_stalled: Callable[[], bool]


@define(eq=False)
class DurableEffectChecks:
    """``decided`` is told of each decision, ``committed`` of records that are durable, ``carried_out`` of effects."""

    violations: Violations
    #: Orders whose cancels left before anything recorded asked for them, since nothing could be recorded.
    early: dict[OrderId, None] = field(factory=dict)
    excuses: Excuses = field(factory=Excuses)
    _waiting: dict[int, _Wait] = field(factory=dict)
    _decided: dict[int, int] = field(factory=dict)
    _durable: dict[int, int] = field(factory=dict)

    def decided(self, epoch: int, decision: Decision, is_stalled: Callable[[], bool]) -> None:
        """An engine decided something."""
        records = self._decided[epoch] = self._decided.get(epoch, 0) + len(decision.records)
        for effect in decision.effects:
            self._waiting[id(effect)] = _Wait(epoch, records, is_stalled)

    def committed(self, epoch: int, records: int) -> None:
        """So many more records of an epoch are durable."""
        self._durable[epoch] = self._durable.get(epoch, 0) + records

    def carried_out(self, effect: Effect) -> None:
        """An effect is carried out."""
        wait = self._waiting.pop(id(effect), None)
        is_due = wait is None or self._durable.get(wait.epoch, 0) >= wait.records
        is_excused = not is_due and wait is not None and _takes_risk_away(effect) and wait.is_stalled()
        self.excuses.look(Excuse.EARLY_EFFECT, fits=is_excused)
        if is_due:
            return
        if not is_excused:
            self.violations.add(1, f"{type(effect).__name__} is carried out before what it follows from is durable")
        elif isinstance(effect, SendCancel):
            self.early[effect.order.order_id] = None


def _takes_risk_away(effect: Effect) -> bool:
    match effect:
        case SendCancel(order):
            return order.cancel is not PendingCancel.NONE
        case ArmTimer((kind, _)):
            return kind is TimerKind.CANCEL
        case _:
            return False
