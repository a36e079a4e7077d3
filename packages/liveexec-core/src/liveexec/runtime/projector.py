"""The projector: brings the tables up to the journal, a moment later and in coalesced batches.

It never stops trading: a failing projection is retried until it works, and its lag is a metric. Only a broken
invariant (a fill key twice) halts, since then the tables would lie.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import structlog

from liveexec.domain.ids import InstrumentId, OrderId
from liveexec.domain.stored import ProjectionBatch
from liveexec.errors import Fenced, InvariantViolation, JournalConflict, LiveExecError, StorageError
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.clock import Clock
from liveexec.runtime.durable_view import DurableView
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.ports import JournalStore

__all__ = ["Projector"]

_log = structlog.get_logger(__name__)

#: Between two rounds: what changes twice in this time is written once.
_INTERVAL_S: Final = 0.02
#: A projection that goes on failing alarms again after so many tries: about a minute.
_ALARM_EVERY: Final = 32
#: A round starts early when this many records wait.
_EARLY_RECORDS: Final = 256


class Projector:
    """One shard's projector. ``marks`` says what the market values instruments at."""

    def __init__(
        self,
        store: JournalStore,
        view: DurableView,
        epoch: int,
        clock: Clock,
        metrics: Metrics,
        *,
        marks: Callable[[], dict[InstrumentId, Decimal]],
        on_projected: Callable[[list[tuple[OrderId, int]]], None],
        interval_s: float = _INTERVAL_S,
    ) -> None:
        self._store, self._view, self._epoch, self._clock, self._metrics = store, view, epoch, clock, metrics
        self._marks = marks
        self._on_projected = on_projected
        self._interval_s = interval_s
        self._wake = asyncio.Event()
        self._oldest_s: float | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._hurried = asyncio.Event()
        self._stopped: LiveExecError | None = None

    def applied(self) -> None:
        """The view folded something more."""
        if self._oldest_s is None:
            self._oldest_s = time.perf_counter()
            self._wake.set()
        if self._view.pending >= _EARLY_RECORDS:
            self._hurried.set()

    async def reached(self, position: int) -> None:
        """Wait until the tables show everything up to a journal position: SQL readers then see what they were told."""
        if self._view.projected >= position:
            return
        if self._stopped is not None:
            raise self._stopped
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((position, future))
        self._hurried.set()
        self._wake.set()
        await future

    def fail_all(self, error: LiveExecError) -> None:
        """Nothing is projected any more: whoever waits for it gets the error."""
        self._stopped = error
        waiting, self._waiters = self._waiters, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(error)

    async def run(self) -> None:
        """Project until cancelled.

        Raises:
            Fenced: another owner is in.
            InvariantViolation, JournalConflict: the journal contradicts the tables.
        """
        while True:
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._hurried.wait()
            self._wake.clear()
            self._hurried.clear()
            if self._view.pending:
                await self.project()

    async def project(self) -> None:
        """Write everything that is pending, however long the store needs."""
        oldest_s, self._oldest_s = self._oldest_s, None
        batch = self._view.take(self._epoch, self._clock.now_ns(), self._marks())
        finished = [(order.order_id, order.last_sequence) for order in batch.orders if not order.is_open]
        await self._write(batch)
        self._view.projected = batch.through
        if oldest_s is not None:
            self._metrics.projection_lag.observe(time.perf_counter() - oldest_s)
        self._on_projected(finished)
        self._release_waiters()

    async def _write(self, batch: ProjectionBatch) -> None:
        backoff: Backoff | None = None
        while True:
            try:
                reach(FailPoint.BEFORE_PROJECT)
                await self._store.project(batch)
                reach(FailPoint.AFTER_PROJECT)
            except (Fenced, JournalConflict, InvariantViolation):
                raise
            except StorageError as error:
                if backoff is None:
                    backoff = Backoff(0.1, 2.0)
                if backoff.failures % _ALARM_EVERY == 0:
                    _log.error("projection_failed", through=batch.through, error=str(error))
                await asyncio.sleep(backoff.next_s())
            else:
                return

    def _release_waiters(self) -> None:
        waiting, self._waiters = self._waiters, []
        for position, future in waiting:
            if position > self._view.projected:
                self._waiters.append((position, future))
            elif not future.done():
                future.set_result(None)
