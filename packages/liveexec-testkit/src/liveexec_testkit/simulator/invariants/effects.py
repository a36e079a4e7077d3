"""Checked with every effect that is carried out: effects follow in the order in which they were decided, once each."""

from collections import deque

from attrs import define, field

from liveexec.domain.order import PendingCancel
from liveexec.engine.effects import ArmTimer, Effect, SendCancel, TimerKind
from liveexec.engine.turn import Decision
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["EffectChecks"]


@define(eq=False)
class EffectChecks:
    """``decided`` is told of each decision, ``carried_out`` of each effect.

    What takes risk away (wished cancels, and the timers that repeat them) may overtake while the journal can't write.
    """

    violations: Violations
    _waiting: dict[int, deque[Effect]] = field(factory=dict)
    _epochs: dict[int, int] = field(factory=dict)

    def decided(self, epoch: int, decision: Decision) -> None:
        """The engine of an epoch decided something."""
        self._waiting.setdefault(epoch, deque()).extend(decision.effects)
        for effect in decision.effects:
            self._epochs[id(effect)] = epoch

    def carried_out(self, effect: Effect) -> None:
        """An effect is carried out."""
        epoch = self._epochs.pop(id(effect), None)
        if epoch is None:
            self.violations.add(8, f"{type(effect).__name__} is carried out again, or was never decided")
            return
        waiting = self._waiting[epoch]
        if waiting[0] is effect:
            waiting.popleft()
        elif _takes_risk_away(effect):
            waiting.remove(effect)
        else:
            self.violations.add(8, f"{type(effect).__name__} overtakes {type(waiting[0]).__name__}, decided before it")


def _takes_risk_away(effect: Effect) -> bool:
    match effect:
        case SendCancel(order):
            return order.cancel is not PendingCancel.NONE
        case ArmTimer((kind, _)):
            return kind is TimerKind.CANCEL
        case _:
            return False
