"""The lives of a shard: acquired, recovered and run, one after the other until it is closed, fenced or broken.

A life whose store failed for good is not mended: its memory is dropped, and the next one is recovered from the journal.
"""

import asyncio
from typing import Final

import structlog

from liveexec.domain.account_event import ControlScope
from liveexec.domain.ids import OrderId
from liveexec.domain.stored import Ownership
from liveexec.errors import (
    Fenced,
    Halted,
    InvariantViolation,
    LiveExecError,
    StorageError,
    TransientStorageError,
)
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.recovery import RecoveredShard, recover
from liveexec.runtime.results import Watchers
from liveexec.runtime.shard import ShardRuntime
from liveexec.runtime.shard_parts import ShardParts
from liveexec.runtime.streams import Broadcaster

__all__ = ["Lives"]

_log = structlog.get_logger(__name__)

#: Records that are read at once for listeners who missed them.
_PAGE: Final = 2_000
_RELEASE_TIMEOUT_S: Final = 5.0


class Lives:
    """Keeps one shard alive. ``killed`` are scopes, by the kill that closed them, which is not decided yet:
    they stay closed whatever becomes of a life. ``error`` says why nothing is executed, ``None`` while all is well."""

    def __init__(
        self,
        parts: ShardParts,
        broadcaster: Broadcaster,
        watchers: Watchers,
        killed: dict[int, ControlScope],
        *,
        takeover_timeout_s: float,
    ) -> None:
        self._parts, self._broadcaster, self._watchers, self._killed = parts, broadcaster, watchers, killed
        self._takeover_timeout_s = takeover_timeout_s
        self._shard: ShardRuntime | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._up = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self.error: Exception | None = None

    @property
    def is_started(self) -> bool:
        """Whether :meth:`start` was called."""
        return self._keeper is not None

    @property
    def current(self) -> ShardRuntime:
        """The life that runs, or ran last.

        Raises:
            Exception: why there is none.
        """
        if self._shard is None:
            raise self.error or LiveExecError("the orchestrator is not running")
        return self._shard

    def check_running(self) -> None:
        """Raises why no life will come any more; nothing while one runs or is being recovered."""
        if self._keeper is None or self._keeper.done():
            raise self.error or LiveExecError("the orchestrator is not running")

    async def start(self) -> None:
        """Begin the first life; returns when it takes requests.

        Raises:
            Fenced: another process holds the shard and did not give it up in time.
            StorageError: the database can't be used.
            InvariantViolation: what is stored contradicts itself.
        """
        if self._keeper is not None:
            raise LiveExecError("the orchestrator was started already")
        self._keeper = asyncio.create_task(self._keep(), name=f"liveexec-{self._parts.config.shard}")
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait((self._keeper, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._keeper.done():
            await self._keeper

    async def close(self, timeout_s: float) -> None:
        """End the last life as it should end, and give the shard up."""
        assert self._keeper is not None
        self._is_closing = True
        try:
            if self._shard is not None and not self._keeper.done():
                await self._shard.close(timeout_s)
        finally:
            # Even if whoever closes it is told to hurry, the shard is given up.
            self._keeper.cancel()
        await asyncio.wait((self._keeper,))
        if not self._keeper.cancelled() and (error := self._keeper.exception()) is not None:
            # Everybody who asked for something was told; the host finds it in ``error``.
            _log.error("orchestrator_failed", shard=self._parts.config.shard, error=str(error))

    async def next(self) -> ShardRuntime:
        """The life that runs, or the one that will once it is recovered."""
        while self._shard is None or self._shard.failure.done():
            self.check_running()
            assert self._keeper is not None
            up = asyncio.create_task(self._up.wait())
            await asyncio.wait((self._keeper, up), return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
        return self._shard

    async def _keep(self) -> None:
        parts, backoff = self._parts, Backoff(0.2, 5.0)
        while True:
            try:
                await self._live(backoff)
            except StorageError as error:
                # A life that fails while it is closed is the last one: its failure may come in place of the
                # cancellation that was to end this loop.
                if self._is_closing or not self._ready.is_set():
                    self.error = error
                    raise
                self._shard = None
                self.error = Halted(f"the database failed: {error}")
                wait_s = backoff.next_s()
                _log.error("shard_restarts", shard=parts.config.shard, error=str(error), retry_in_s=round(wait_s, 2))
                await asyncio.sleep(wait_s)
            except Exception as error:
                # Fenced, or a defect: going on could only make it worse, so whoever waits is told and nothing is sent.
                self._shard, self.error = None, error
                self._watchers.fail(error)
                raise

    def _is_up(self, shard: ShardRuntime, backoff: Backoff) -> None:
        backoff.reset()
        self.error = None
        self._shard = shard
        self._ready.set()
        self._up.set()
        # Who waited through a restart may have what he waits for: in memory, or after a look-up.
        for order_id in self._watchers.awaited:
            order = shard.view.ledger.orders.get(order_id)
            if order is not None:
                self._watchers.changed(order)
            else:
                self._tasks.add(task := asyncio.create_task(self._look_again(shard, order_id)))
                task.add_done_callback(self._tasks.discard)

    async def _look_again(self, shard: ShardRuntime, order_id: OrderId) -> None:
        family = await shard.hydrator.order(order_id)
        if family is not None:
            self._watchers.changed(family[order_id])

    async def _live(self, backoff: Backoff) -> None:
        parts = self._parts
        ownership = await self._acquire()
        reach(FailPoint.ACQUIRED)
        try:
            recovered = await self._recovered(ownership)
            reach(FailPoint.LOADED)
            await self._publish_missed(recovered)
            shard = ShardRuntime(parts, ownership, recovered, self._broadcaster, self._watchers.changed, self._killed)
            await shard.run(lambda: self._is_up(shard, backoff))
        finally:
            self._up.clear()
            await self._release(ownership)

    async def _recovered(self, ownership: Ownership) -> RecoveredShard:
        try:
            return await recover(self._parts.store, self._parts.config.shard)
        except InvariantViolation:
            # Of a shard that was taken over meanwhile, journal and tables were read at different moments.
            await self._parts.store.renew(ownership, self._parts.lease_s)
            raise

    async def _publish_missed(self, recovered: RecoveredShard) -> None:
        """Let listeners hear of what became durable without anybody here being told, as the last life ended."""
        parts, last = self._parts, recovered.view.position
        heard = self._broadcaster.position
        while heard is not None and heard < last:
            page = await parts.store.read_after(parts.config.shard, heard, min(_PAGE, last - heard))
            for stored in page:
                order = recovered.view.ledger.orders.get(OrderId(stored.record.stream))
                self._broadcaster.publish(stored.position, stored.record, order)
            heard = page[-1].position
        self._broadcaster.position = last

    async def _acquire(self) -> Ownership:
        """Own the shard; while another's lease holds, wait for it to end."""
        try:
            return await self._taken_over()
        except TimeoutError:
            raise TransientStorageError(
                f"the database has not answered within {self._takeover_timeout_s:g} s who owns the shard"
            ) from None

    async def _taken_over(self) -> Ownership:
        parts = self._parts
        backoff = Backoff(0.2, 1.0)
        async with asyncio.timeout(self._takeover_timeout_s) as limit:
            while True:
                try:
                    return await parts.store.acquire(parts.config.shard, parts.owner, parts.lease_s)
                except Fenced as error:
                    _log.warning("shard_taken", shard=parts.config.shard, error=str(error))
                    wait_s = backoff.next_s()
                    deadline_s = limit.when()
                    if deadline_s is not None and asyncio.get_running_loop().time() + wait_s >= deadline_s:
                        raise
                    await asyncio.sleep(wait_s)

    async def _release(self, ownership: Ownership) -> None:
        try:
            reach(FailPoint.BEFORE_RELEASE)
            async with asyncio.timeout(_RELEASE_TIMEOUT_S):
                await self._parts.store.release(ownership)
            reach(FailPoint.AFTER_RELEASE)
        except (StorageError, Fenced, TimeoutError) as error:
            # The lease ends by itself.
            _log.warning("shard_not_released", shard=ownership.shard, error=str(error))
