"""Backoff: how long to wait before the next try, growing and jittered, so that many don't come back at once."""

import random

from attrs import define, field

__all__ = ["Backoff"]


@define
class Backoff:
    """Exponential backoff with full jitter between half and all of the current step. Seconds."""

    first_s: float
    longest_s: float
    failures: int = 0
    _random: random.Random = field(factory=random.Random)

    def next_s(self) -> float:
        """Count a failure, and say how long to wait after it."""
        step = min(self.longest_s, self.first_s * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return step * (0.5 + self._random.random() / 2)

    def reset(self) -> None:
        """It worked: the next failure is the first again."""
        self.failures = 0
