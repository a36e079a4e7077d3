"""Clocks: what time it is for the engine, and how long to wait for a time to come.

Engine time is UTC nanoseconds. On a scaled clock it runs faster than the wall (a replayed market), so waiting for it
takes less real time; leases and socket timeouts stay on the monotonic clock and are never scaled.
"""

import time
from typing import Protocol

from attrs import define, field

__all__ = ["Clock", "ScaledClock", "VirtualClock", "WallClock"]


class Clock(Protocol):
    """Engine time. It may repeat a value and is never ahead of what it says later."""

    def now_ns(self) -> int:
        """Engine time now, UTC nanoseconds."""

    def seconds_until(self, at_ns: int) -> float:
        """Real seconds until engine time reaches ``at_ns``; zero when it has."""


@define
class WallClock:
    """The machine's UTC clock, held back when it is set back."""

    _last_ns: int = 0

    def now_ns(self) -> int:
        self._last_ns = max(self._last_ns, time.time_ns())
        return self._last_ns

    def seconds_until(self, at_ns: int) -> float:
        return max(0.0, (at_ns - self.now_ns()) / 1e9)


@define
class ScaledClock:
    """Engine time that started at ``start_ns`` when the monotonic clock read ``anchor_ns``, ``speed`` times as fast.

    Two processes with the same anchor have the same time, since the monotonic clock is the machine's.
    """

    start_ns: int
    anchor_ns: int
    speed: float

    def now_ns(self) -> int:
        return self.start_ns + int((time.monotonic_ns() - self.anchor_ns) * self.speed)

    def seconds_until(self, at_ns: int) -> float:
        return max(0.0, (at_ns - self.now_ns()) / 1e9 / self.speed)


@define
class VirtualClock:
    """Time that somebody moves by hand: replay, tests, the simulator. Waiting for a time takes none."""

    time_ns: int = field(default=0)

    def now_ns(self) -> int:
        return self.time_ns

    def seconds_until(self, at_ns: int) -> float:  # noqa: ARG002  (virtual time does not pass while one waits)
        return 0.0

    def advance_to(self, at_ns: int) -> None:
        """Move forward to a time; a time in the past changes nothing."""
        self.time_ns = max(self.time_ns, at_ns)
