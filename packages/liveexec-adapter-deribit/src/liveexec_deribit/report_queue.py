"""Reports of one session on their way to whoever reads them: bounded and in order."""

import asyncio
from collections import deque

from liveexec.domain.outcome import VenueReport
from liveexec.errors import AdapterError

__all__ = ["ReportQueue"]


class ReportQueue:
    """When ``capacity`` reports wait, the session has to be given up: what followed would have a hole that nobody
    could see. A lost session raises its error, a closed one ends; what waits then is dropped, since the gap that the
    next session begins with covers it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[VenueReport] = deque()
        self._arrived = asyncio.Event()
        self._error: AdapterError | None = None
        self.is_over = False

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another report."""
        return len(self._waiting) >= self._capacity

    def push(self, report: VenueReport) -> None:
        """Something was reported."""
        if not self.is_over:
            self._waiting.append(report)
            self._arrived.set()

    def lose(self, error: AdapterError) -> None:
        """The session is gone."""
        if not self.is_over:
            self._error = error
            self.close()

    def close(self) -> None:
        """No more reports."""
        self.is_over = True
        self._waiting.clear()
        self._arrived.set()

    def __aiter__(self) -> "ReportQueue":
        return self

    async def __anext__(self) -> VenueReport:
        while True:
            if self._waiting:
                return self._waiting.popleft()
            if self._error is not None:
                raise self._error
            if self.is_over:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
