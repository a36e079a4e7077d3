"""The venue's clock: the machine's, moved by an offset that a test sets."""

import time
from collections.abc import Callable

_NS_PER_MS = 1_000_000


class VenueClock:
    """Time as the venue tells it. Moving it also ages tokens, orders and trades: everything here asks this clock."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self.offset_ms = 0

    def now_us(self) -> int:
        """Microseconds since 1970, UTC (``usIn`` and ``usOut``)."""
        return self._now_ns() // 1_000 + self.offset_ms * 1_000

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC (every ``timestamp``)."""
        return self._now_ns() // _NS_PER_MS + self.offset_ms

    def advance(self, ms: int) -> None:
        """Move the clock by so many milliseconds, back if negative."""
        self.offset_ms += ms
