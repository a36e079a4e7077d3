"""Observers: whoever a plugin wants every durable event shown to, each in a thread of its own, off the hot path.

An observer can't hold anything up: one that raises is logged, one that is slow loses events, and one that hangs is
left behind when the host ends.
"""

import asyncio
import contextlib
import copy
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from liveexec.domain.order import Order
from liveexec.domain.record import Event
from liveexec.plugins.manager import Observer
from liveexec.runtime.logs import traceback_of
from liveexec.runtime.streams import StreamOverrun, Subscription

__all__ = ["Observers"]

_log = structlog.get_logger(__name__)

#: Events that may wait for an observer.
_WAITING: Final = 10_000
_END: Final = None

_Item = tuple[Event, Order | None]


class Observers:
    """Feeds observers from a subscription. Without any nothing is subscribed to."""

    def __init__(self, observers: Sequence[Observer], subscribe: Callable[[], Subscription]) -> None:
        self._subscribe = subscribe
        self._threads = [_ObserverThread(each) for each in observers]
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to show events."""
        if self._threads:
            for thread in self._threads:
                thread.start()
            self._task = asyncio.create_task(self._feed(self._subscribe()), name="liveexec-observers")

    async def close(self, timeout_s: float) -> None:
        """Show what is left and end, waiting at most this long for observers that still work."""
        if self._task is None:
            return
        # The orchestrator ended all subscriptions, so what is left is read, and then there is no more.
        done, _ = await asyncio.wait((self._task,), timeout=timeout_s)
        if not done:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for thread in self._threads:
            thread.end()
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        for thread in self._threads:
            left_s = max(0.0, deadline_s - asyncio.get_running_loop().time())
            if not await asyncio.to_thread(thread.join, left_s):
                _log.warning("observer_hangs", observer=thread.name)

    async def _feed(self, subscription: Subscription) -> None:
        while True:
            try:
                async for item in subscription:
                    # The order goes on changing in the host's thread.
                    order = copy.copy(item.order) if item.order is not None else None
                    for thread in self._threads:
                        thread.show(item.event, order)
            except StreamOverrun as error:
                _log.warning("observers_lost_events", error=str(error))
                subscription = self._subscribe()
            else:
                return


class _ObserverThread:
    """One observer's queue and thread. The thread is a daemon: one that hangs does not keep the process."""

    def __init__(self, observer: Observer) -> None:
        self.name = observer.distribution
        self._observe = observer.observe
        self._queue: queue.Queue[_Item | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name=f"liveexec-observer {self.name}", daemon=True)
        self._lost = self._failed = 0

    def start(self) -> None:
        self._thread.start()

    def show(self, event: Event, order: Order | None) -> None:
        try:
            self._queue.put_nowait((event, order))
        except queue.Full:
            self._lost += 1
            if _is_power_of_two(self._lost):
                _log.warning("observer_too_slow", observer=self.name, lost=self._lost)

    def end(self) -> None:
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(_END)

    def join(self, timeout_s: float) -> bool:
        """Whether the thread ended in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            try:
                self._observe(*item)
            except Exception as error:  # noqa: BLE001 - foreign code; what it does wrong is its author's to read
                self._failed += 1
                if _is_power_of_two(self._failed):
                    _log.error("observer_failed", observer=self.name, times=self._failed, traceback=traceback_of(error))


def _is_power_of_two(number: int) -> bool:
    """Losses and errors are logged at their 1st, 2nd, 4th, ... occurrence, so that no observer floods the log."""
    return number & (number - 1) == 0
