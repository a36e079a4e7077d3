"""Timers: one heap for everything that the engine wants to be woken for."""

import asyncio
import heapq
from collections.abc import Callable
from typing import Final

from liveexec.engine.effects import TimerKey
from liveexec.runtime.clock import Clock
from liveexec.runtime.failpoints import FailPoint, reach

__all__ = ["Timers"]

#: The clock is looked at again after this long: the wall's may be set, and a machine may have slept. Real seconds.
_LONGEST_WAIT_S: Final = 1.0


class Timers:
    """Rings keys at engine times. Arming a key again moves it; ``ring`` is called from the event loop."""

    def __init__(
        self, clock: Clock, ring: Callable[[TimerKey], None], *, longest_wait_s: float = _LONGEST_WAIT_S
    ) -> None:
        self._clock = clock
        self._ring = ring
        self._longest_wait_s = longest_wait_s
        self._heap: list[tuple[int, int, TimerKey]] = []
        self._due: dict[TimerKey, int] = {}
        self._count = 0
        self._handle: asyncio.TimerHandle | None = None
        self._handle_at_ns: int | None = None

    def __len__(self) -> int:
        return len(self._due)

    def arm(self, key: TimerKey, at_ns: int) -> None:
        """Ring the key at a time; at once if it has passed."""
        self._due[key] = at_ns
        self._count += 1
        heapq.heappush(self._heap, (at_ns, self._count, key))
        if len(self._heap) > 64 + 2 * len(self._due):
            # Moved and taken-back entries are left in the heap until they outnumber what counts.
            self._heap = [(due, index, key) for index, (key, due) in enumerate(self._due.items())]
            heapq.heapify(self._heap)
        self._schedule()

    def disarm(self, key: TimerKey) -> None:
        """Don't ring the key."""
        self._due.pop(key, None)

    def close(self) -> None:
        """Ring nothing any more."""
        self._due.clear()
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self) -> None:
        if not self._heap:
            return
        at_ns = self._heap[0][0]
        if self._handle is not None:
            if self._handle_at_ns is not None and self._handle_at_ns <= at_ns:
                return
            self._handle.cancel()
        self._handle_at_ns = at_ns
        wait_s = min(self._clock.seconds_until(at_ns), self._longest_wait_s)
        self._handle = asyncio.get_running_loop().call_later(wait_s, self._fire)

    def _fire(self) -> None:
        self._handle = None
        now_ns = self._clock.now_ns()
        while self._heap and self._heap[0][0] <= now_ns:
            at_ns, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == at_ns:
                del self._due[key]
                reach(FailPoint.TIMER_RANG)
                self._ring(key)
        self._schedule()
