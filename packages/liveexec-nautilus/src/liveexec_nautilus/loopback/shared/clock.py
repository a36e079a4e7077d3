"""The venue's clock: the machine's, moved by an offset that a test sets."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["VenueClock"]

_NS_PER_MS: Final = 1_000_000


class VenueClock:
    """Time as the venue tells it. Moving it also ages keys and orders: everything of a venue asks this clock."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self.offset_ms = 0

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        return self._now_ns() + self.offset_ms * _NS_PER_MS

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC: what these venues count in."""
        return self.now_ns() // _NS_PER_MS
