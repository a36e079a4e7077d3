"""The journal's writer: group commit, in the engine's order, and nothing goes on before it is durable.

Whatever waits while a batch is being written makes up the next one; nobody lingers for more to come. The next one is on
its way before those of the last one are told, so that the server works while we do. A batch whose outcome is unknown is
settled before anything else: if it is not there it is written again, the identical one.

A store that fails, or does not answer, stalls the journal: what was decided waits for it, in order. Of what waits
``on_delayed`` hears at once, since cancels may leave without being durable then.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import islice
from typing import Final

import structlog
from attrs import define

from liveexec.domain.codec import encode_events
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch, Ownership
from liveexec.engine.turn import Decision
from liveexec.errors import Fenced, LiveExecError, OutcomeUnknown, TransientStorageError
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.ports import JournalStore

__all__ = ["Journal", "JournalState"]

_log = structlog.get_logger(__name__)

#: Larger batches put everybody who waits in lockstep with the server; this size keeps both busy.
_MAX_RECORDS: Final = 64
#: A batch that is not durable after this long stalls the journal. Real seconds.
_STALL_AFTER_S: Final = 1.0


class JournalState(StrEnum):
    """Whether records become durable now."""

    WRITING = "WRITING"
    #: The store fails; the batch at hand is being settled and retried.
    STALLED = "STALLED"
    #: Another owner is in, or the store failed for good: nothing is written any more.
    STOPPED = "STOPPED"


@define(eq=False)
class _Waiting:
    decision: Decision
    encoded: tuple[bytes, ...]
    done: Callable[[int, Decision], None]
    failed: Callable[[LiveExecError], None]
    since_s: float


class Journal:
    """One shard's writer. ``append`` only queues; ``run`` writes until it is cancelled or has to stop.

    Whoever appends is told exactly once what became of it. Who cancels ``run`` calls :meth:`fail_all`.
    ``on_delayed`` is called once for each decision that waits while the journal is STALLED.
    """

    def __init__(
        self,
        store: JournalStore,
        ownership: Ownership,
        metrics: Metrics,
        *,
        stall_after_s: float = _STALL_AFTER_S,
        on_delayed: Callable[[Decision], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._shard, self._epoch = ownership.shard, ownership.epoch
        self._batch, self._position = ownership.batch, ownership.position
        self._metrics = metrics
        self._stall_after_s = stall_after_s
        self._on_delayed = on_delayed
        #: When it was noticed that the store fails, ``None`` while it doesn't. Monotonic seconds.
        self.stalled_since_s: float | None = None
        #: Since when the batch at hand is being written. Monotonic seconds.
        self._since_s: float | None = None
        self._waiting: deque[_Waiting] = deque()
        #: Those of the batch at hand, behind those of the one before who are not told yet that it is durable.
        self._taken: deque[_Waiting] = deque()
        self._stopped: LiveExecError | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.state = JournalState.WRITING

    @property
    def backlog(self) -> int:
        """How many decisions wait to become durable."""
        return len(self._waiting)

    @property
    def is_stalled(self) -> bool:
        """Whether the store fails, so that what is decided waits for it."""
        return self.state is JournalState.STALLED

    @property
    def position(self) -> int:
        """The last durable position."""
        return self._position

    @property
    def epoch(self) -> int:
        """The epoch that this writer was given."""
        return self._epoch

    def append(
        self,
        decision: Decision,
        done: Callable[[int, Decision], None],
        failed: Callable[[LiveExecError], None],
    ) -> None:
        """Queue a decision. ``done(first position, decision)`` is called when it is durable, in order; ``failed`` when
        what became of it can't be known here.

        A decision without records waits for those before it, so that effects never overtake; with nothing before it
        there is nothing to wait for.
        """
        if self._stopped is not None:
            failed(self._stopped)
            return
        if not decision.records and not self._waiting and not self._taken:
            done(self._position + 1, decision)
            return
        encoded = tuple([encode_events(record.events) for record in decision.records])
        self._waiting.append(_Waiting(decision, encoded, done, failed, time.perf_counter()))
        if self._idle.is_set():
            # Whoever writes looks at what waits again before it rests.
            self._idle.clear()
            self._wake.set()
        if self.state is JournalState.STALLED:
            self._on_delayed(decision)

    def check(self) -> None:
        """Notice a store that takes too long, whether it fails or says nothing. Called a few times a second."""
        if self._since_s is not None and (took_s := time.monotonic() - self._since_s) >= self._stall_after_s:
            self._stall(f"no answer for {took_s:.1f} s")

    async def run(self) -> None:
        """Write batch after batch.

        Raises:
            Fenced: another owner is in.
            StorageError: the store failed for good.
        """
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._write_all()
                self._idle.set()
        except Exception as error:
            unknown = error if isinstance(error, Fenced) else OutcomeUnknown(f"the journal stopped: {error}")
            self.fail_all(unknown)
            raise

    async def drained(self) -> None:
        """Wait until everything that was appended is durable, or nothing is written any more."""
        await self._idle.wait()

    def fail_all(self, error: LiveExecError) -> None:
        """Write nothing any more, and tell everybody who waits that the outcome is not known here."""
        self.state = JournalState.STOPPED
        self._stopped = error
        waiting = [*self._taken, *self._waiting]
        self._taken.clear()
        self._waiting.clear()
        for item in waiting:
            item.failed(error)
        self._idle.set()

    def _stall(self, reason: str) -> None:
        if self.state is not JournalState.WRITING:
            return
        self.state = JournalState.STALLED
        self.stalled_since_s = time.monotonic()
        _log.error("journal_stalled", shard=self._shard, batch=self._batch + 1, error=reason)
        for item in [*self._taken, *self._waiting]:
            self._on_delayed(item.decision)

    async def _write_all(self) -> None:
        """Write what waits, batch after batch, and tell those of each while the next one is being written."""
        durable = 0
        while self._waiting or durable:
            batch = self._take()
            self._taken += batch
            if not durable:
                await self._write(batch)
            elif not batch:
                self._tell(durable, self._position + 1)
            else:
                await self._write_and_tell(batch, durable)
            durable = len(batch)

    async def _write_and_tell(self, batch: Sequence[_Waiting], durable: int) -> None:
        """Write a batch, and meanwhile tell so many before it that they are durable."""
        end_position = self._position + 1
        writing = asyncio.Task(self._write(batch), loop=asyncio.get_running_loop(), eager_start=True)
        try:
            # Event loops may hold back what is written until their next turn.
            await asyncio.sleep(0)
            self._tell(durable, end_position)
            await writing
        finally:
            await _ended(writing)

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        records = 0
        while self._waiting and (not taken or records + len(self._waiting[0].encoded) <= _MAX_RECORDS):
            item = self._waiting.popleft()
            records += len(item.encoded)
            taken.append(item)
        return taken

    async def _write(self, items: Sequence[_Waiting]) -> None:
        records: list[Record] = [record for item in items for record in item.decision.records]
        if not records:
            return
        encoded = [document for item in items for document in item.encoded]
        batch = AppendBatch(self._shard, self._epoch, self._batch + 1, self._position + 1, records, encoded)
        # Made with the first failure: seeding its jitter costs a third of encoding a batch.
        backoff: Backoff | None = None
        self._since_s = started_s = time.monotonic()
        while True:
            try:
                # Not there yet is not absent: settling waits for a backend that may still commit it.
                written = backoff is not None and await self._store.settle(batch)
                if self.state is JournalState.STOPPED:
                    return
                if not written:
                    reach(FailPoint.BEFORE_APPEND)
                    await self._store.append(batch)
                    reach(FailPoint.AFTER_APPEND)
                break
            except TransientStorageError as error:
                if time.monotonic() - started_s >= self._stall_after_s:
                    self._stall(str(error))
                self._metrics.journal_retries.inc()
                backoff = backoff if backoff is not None else Backoff(0.05, 1.0)
                await asyncio.sleep(backoff.next_s())
        self._since_s = None
        if self.state is JournalState.STALLED:
            self.state = JournalState.WRITING
            self.stalled_since_s = None
            _log.warning("journal_recovered", shard=self._shard, batch=batch.batch)
        self._batch, self._position = batch.batch, batch.last_position
        self._metrics.journal_batch.observe(len(records))

    def _tell(self, durable: int, end_position: int) -> None:
        """Tell the first so many of those taken, whose records end before a position."""
        position = end_position - sum(len(item.encoded) for item in islice(self._taken, durable))
        now_s = time.perf_counter()
        for _ in range(durable):
            if not self._taken:
                # Whoever was told last made everybody else be told that the outcome is unknown.
                return
            item = self._taken.popleft()
            self._metrics.decided_to_durable.observe(now_s - item.since_s)
            item.done(position, item.decision)
            position += len(item.encoded)
        reach(FailPoint.BATCH_TOLD)


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task that nobody waits for any more; what it raises is told by whoever stopped it."""
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()
