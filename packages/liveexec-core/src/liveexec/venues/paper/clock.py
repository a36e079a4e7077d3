"""Market time: wall time for a live demo, or recorded time that runs as fast as one likes."""

import asyncio
import time
from fractions import Fraction
from typing import Final, Protocol

from attrs import frozen

__all__ = ["Clock", "ClockAnchor", "FollowedClock", "PaperClock"]

SECOND_NS: Final = 1_000_000_000
#: The finest share of a nanosecond that a speed is kept to.
_FINEST: Final = 1_000_000


class Clock(Protocol):
    """What a paper venue needs of time, so that a virtual clock can stand in for a real one."""

    def now_ns(self) -> int:
        """Market time, UTC nanoseconds; never falls."""
        ...

    def seconds_until(self, at_ns: int) -> float:
        """Real seconds until market time reaches ``at_ns``; zero when it has."""
        ...

    async def sleep_until_ns(self, at_ns: int) -> None:
        """Wait until market time has reached ``at_ns``; return at once when it has."""
        ...


@frozen
class ClockAnchor:
    """The moment from which a clock counts, on three clocks: any process of this machine can follow from it.

    ``monotonic_ns`` is Linux's CLOCK_MONOTONIC, which all processes share and nobody sets; ``wall_ns`` is for systems
    whose monotonic clock is a process's own. ``speed`` is market seconds per second as a fraction.
    """

    market_ns: int
    monotonic_ns: int
    wall_ns: int
    speed: str


class _Telling(Protocol):
    def now_ns(self) -> int: ...

    def seconds_until(self, at_ns: int) -> float: ...


class FollowedClock:
    """Somebody else's clock, which tells the time and how many real seconds it is until another."""

    def __init__(self, clock: _Telling) -> None:
        self._clock = clock

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def seconds_until(self, at_ns: int) -> float:
        return self._clock.seconds_until(at_ns)

    async def sleep_until_ns(self, at_ns: int) -> None:
        while self._clock.now_ns() < at_ns:  # noqa: ASYNC110 -- such a clock wakes nobody, one has to look again
            await asyncio.sleep(self._clock.seconds_until(at_ns))


class PaperClock:
    """Market time from an anchor: ``anchor_market_ns`` was at ``anchor_monotonic_ns`` and runs at ``speed``."""

    def __init__(self, anchor_market_ns: int, anchor_monotonic_ns: int, speed: Fraction | int = 1) -> None:
        self._speed = Fraction(speed).limit_denominator(_FINEST)
        if self._speed <= 0:
            raise ValueError(f"a clock's speed must be above zero, not {speed}")
        self._market_ns, self._monotonic_ns = anchor_market_ns, anchor_monotonic_ns
        self._numerator, self._denominator = self._speed.numerator, self._speed.denominator

    @classmethod
    def starting_at(cls, market_ns: int, speed: Fraction | int = 1) -> "PaperClock":
        """A clock that shows ``market_ns`` now."""
        return cls(market_ns, time.monotonic_ns(), speed)

    @classmethod
    def from_anchor(cls, anchor: ClockAnchor, *, shares_monotonic: bool) -> "PaperClock":
        """The clock that another process of this machine anchored."""
        monotonic_ns = anchor.monotonic_ns
        if not shares_monotonic:
            monotonic_ns = time.monotonic_ns() - (time.time_ns() - anchor.wall_ns)
        return cls(anchor.market_ns, monotonic_ns, Fraction(anchor.speed))

    @property
    def speed(self) -> Fraction:
        return self._speed

    def now_ns(self) -> int:
        elapsed_ns = time.monotonic_ns() - self._monotonic_ns
        return self._market_ns + elapsed_ns * self._numerator // self._denominator

    def seconds_until(self, at_ns: int) -> float:
        """Real seconds until market time reaches ``at_ns``; zero when it has."""
        left_ns = max(0, at_ns - self.now_ns())
        return left_ns * self._denominator / self._numerator / SECOND_NS

    async def sleep_until_ns(self, at_ns: int) -> None:
        while (left_ns := at_ns - self.now_ns()) > 0:
            # Rounded up, so that one sleep is enough but for the loop's own coarseness.
            wall_ns = left_ns * self._denominator // self._numerator + 1
            await asyncio.sleep(wall_ns / SECOND_NS)

    def anchor(self) -> ClockAnchor:
        """What another process needs to show the same time."""
        wall_ns = time.time_ns() - (time.monotonic_ns() - self._monotonic_ns)
        return ClockAnchor(self._market_ns, self._monotonic_ns, wall_ns, str(self._speed))
