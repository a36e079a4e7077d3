"""Rate limits: a token bucket per session, whose last tokens are kept for cancels."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from liveexec.domain.venue import RateLimit

__all__ = ["RateLimiter"]


class RateLimiter:
    """Requests leave when the bucket has a token for them. Real seconds; tokens refill continuously."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._filled_s = time.monotonic()
        self._gate = asyncio.Lock()
        #: Cancels that left while somebody else waited.
        self._cancels = 0
        #: Wakes that one when its turn comes sooner than it reckoned with.
        self._turn = asyncio.Event()

    def slot(self, *, cancel: bool) -> Coroutine[Any, Any, None] | None:
        """``None`` if a request may leave now (its token is taken), else what to wait for."""
        # Who waits already comes first; cancels have a lane of their own.
        if (cancel or not self._gate.locked()) and self._take(cancel=cancel):
            return None
        return self._wait(cancel=cancel)

    def _take(self, *, cancel: bool) -> bool:
        now_s = time.monotonic()
        refill = (now_s - self._filled_s) * self._limit.per_second
        self._tokens = min(float(self._limit.burst), self._tokens + refill)
        self._filled_s = now_s
        if self._tokens < self._needed(cancel=cancel):
            return False
        self._tokens -= 1.0
        self._cancels = self._cancels + 1 if cancel and self._gate.locked() else 0
        if self._cancels >= self._limit.burst:
            self._turn.set()
        return True

    def _needed(self, *, cancel: bool) -> float:
        """The tokens that must be there for a request to leave.

        Cancels that are repeated again and again must not keep out the question that would end them: after a bucket
        of them the next token is for whoever else waits.
        """
        if self._cancels >= self._limit.burst and self._gate.locked():
            return 2.0 if cancel else 1.0
        return 1.0 if cancel else 1.0 + self._limit.cancel_lane

    async def _wait(self, *, cancel: bool) -> None:
        if cancel:
            # Cancels never queue behind new orders: the lane is theirs.
            await self._until_taken(cancel=True)
            return
        async with self._gate:
            await self._until_taken(cancel=False)

    async def _until_taken(self, *, cancel: bool) -> None:
        while not self._take(cancel=cancel):
            missing = self._needed(cancel=cancel) - self._tokens
            pause_s = max(0.001, missing / self._limit.per_second)
            if cancel:
                await asyncio.sleep(pause_s)
                continue
            self._turn.clear()
            # Slept through, its token would be left lying, and cancels wait for the one after it.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._turn.wait()
