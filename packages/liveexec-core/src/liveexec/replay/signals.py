"""From recorded signals to the intents that a replay sends."""

from collections.abc import Sequence

from liveexec.domain.signal import Signal
from liveexec.replay.parts import TimedIntent

__all__ = ["intents_of"]


def intents_of(signals: Sequence[Signal]) -> tuple[TimedIntent, ...]:
    """Each signal as the order that it asks for, in the order of their times; those of one time stay in theirs."""
    ordered = sorted(signals, key=lambda signal: signal.time_ns)
    return tuple(TimedIntent(signal.time_ns, signal.intent()) for signal in ordered)
