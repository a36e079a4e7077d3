"""What is in flight: requests that run side by side, or one behind the other, until they are answered or given up.

A request is a task of its own, which costs no task switch as long as nothing in it has to wait. Whoever waits for a
venue's answer waits for a bounded time; what a closing host still has under way is cancelled.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.logs import traceback_of

__all__ = ["InFlight"]

_log = structlog.get_logger(__name__)

_NO_ANSWER: Final = "no answer in time"


class InFlight:
    """Runs requests. A venue that has not answered after ``answer_timeout_s`` real seconds counts as silent.

    The time to answer counts from when a request leaves (:meth:`answered`), not from when it is run. One that is given
    up sees ``asyncio.CancelledError`` with the reason as its message.
    """

    def __init__(self, answer_timeout_s: float) -> None:
        self._answer_timeout_s = answer_timeout_s
        self._tasks: set[asyncio.Task[None]] = set()
        #: The last request of each sequence that has not ended.
        self._tails: dict[str, asyncio.Task[None]] = {}
        #: Until when whom a request waits for has to answer. Monotonic seconds.
        self._deadlines: dict[asyncio.Task[Any], float] = {}

    def __len__(self) -> int:
        """How many requests have no answer yet."""
        return len(self._tasks)

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start the work of a request at once, whatever else is under way."""
        # An eager task runs up to its first wait right here; most answers of a fast venue need none.
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
        if task.done():
            self._ended(task)
        else:
            self._tasks.add(task)
            task.add_done_callback(self._ended)
            reach(FailPoint.IN_FLIGHT)
        return task

    def run_in_sequence(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Start the work of a request behind what is under way in the same sequence, or at once."""
        before = self._tails.get(key)
        task = self.run(work if before is None or before.done() else _after(before, work))
        if not task.done():
            self._tails[key] = task
            task.add_done_callback(lambda done: self._untail(key, done))

    async def answered[T](self, request: Coroutine[Any, Any, T]) -> T:
        """What the venue's adapter answers, as long as it may take. Awaited within the work of a request."""
        task = asyncio.current_task()
        assert task is not None
        self._deadlines[task] = time.monotonic() + self._answer_timeout_s
        try:
            return await request
        finally:
            del self._deadlines[task]

    def expire(self) -> None:
        """Give up on requests that were not answered in time. Called a few times a second."""
        now_s = time.monotonic()
        for task, deadline_s in list(self._deadlines.items()):
            if now_s >= deadline_s:
                task.cancel(_NO_ANSWER)

    async def settle(self, timeout_s: float) -> None:
        """Wait, at most this long, for what is under way."""
        tasks = set(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    def close(self) -> None:
        """Cancel everything that is under way."""
        for task in list(self._tasks):
            task.cancel("closing")

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Outcomes are caught where they arise; what comes here is a defect, and must not pass unseen.
            _log.error("dispatch_failed", traceback=traceback_of(error))

    def _untail(self, key: str, task: asyncio.Task[None]) -> None:
        if self._tails.get(key) is task:
            del self._tails[key]


async def _after(before: asyncio.Task[None], work: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.wait((before,))
    except asyncio.CancelledError:
        work.close()
        raise
    await work
