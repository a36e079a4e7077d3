"""How fast questions may follow each other that an adapter asks for one of the runtime's, such as pages of history.

The runtime holds back what it asks for itself; what one of its questions fans out into, it does not see. The venue
refills credits evenly and ends a session that has none left ("Rate Limits").
"""

import asyncio

__all__ = ["Pace"]


class Pace:
    """A token bucket: ``burst`` questions at once, ``per_second`` on average, in the order in which they came."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = per_second, burst
        self._tokens = float(burst)
        self._filled_s: float | None = None
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more question may leave."""
        async with self._queue:
            while not self._take():  # noqa: ASYNC110  (credits come back with time)
                await asyncio.sleep((1.0 - self._tokens) / self._per_second)

    def _take(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        if self._filled_s is not None:
            self._tokens = min(float(self._burst), self._tokens + (now_s - self._filled_s) * self._per_second)
        self._filled_s = now_s
        # Sleeping ends a hair early: what is missing then is not worth another sleep.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True
