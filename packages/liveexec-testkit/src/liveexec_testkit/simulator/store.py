"""A simulated store: the memory store as a server, and each process's connection to it, which fails.

What is committed is committed at one moment, between two steps. Around that moment anything may be lost: the request,
the answer, or the client's patience while the server still works on it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import Context
from typing import Any, Final

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.order import Order
from liveexec.domain.stored import (
    AppendBatch,
    FoundOperation,
    ListedSteps,
    OperationKey,
    Ownership,
    ProjectionBatch,
    RefKey,
    SavedState,
    ShardStatus,
    StoredRecord,
)
from liveexec.errors import Fenced, LiveExecError, StorageError, TransientStorageError
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.trace import Trace

__all__ = ["STEP_NS", "SimStore", "StoreServer", "at_once"]

_MS: Final = 1_000_000
#: How long each way to the server and back takes.
STEP_NS: Final = 300_000


def at_once[T](work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing: the memory store's never do."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise AssertionError("the memory store waited for something")


class StoreServer:
    """The store that all processes share. ``committed`` is told of every batch that became durable."""

    def __init__(self, loop: SimLoop, faults: Faults, trace: Trace, committed: Callable[[AppendBatch], None]) -> None:
        self.loop, self.faults, self.trace = loop, faults, trace
        self.memory = MemoryStore(monotonic_s=loop.time, now_ns=lambda: WALL_NS + loop.now_ns)
        self.down_until_ns = 0
        #: Batches that were given up, and that a backend still works on.
        self.late: dict[tuple[str, int, int], AppendBatch] = {}
        #: The process that acquired the shard last, and that of each epoch.
        self.owner = 0
        #: Told of a batch when it is on its way here.
        self.on_asked: Callable[[AppendBatch], None] = lambda _: None
        #: What was appended last.
        self.last_batch: AppendBatch | None = None
        self.processes: dict[int, int] = {}
        self._committed = committed
        self._seen: dict[tuple[str, int, int], None] = {}
        self._world = Context()

    def commit(self, batch: AppendBatch) -> None:
        """Append, and tell of it the first time."""
        at_once(self.memory.append(batch))
        key = (batch.shard, batch.epoch, batch.batch)
        if key not in self._seen:
            self._seen[key] = None
            self.last_batch = batch
            self._committed(batch)

    def commit_later(self, batch: AppendBatch, delay_ns: int) -> None:
        """The client gave up; the backend goes on with it."""
        key = (batch.shard, batch.epoch, batch.batch)
        self.late[key] = batch
        self.loop.call_after_ns(delay_ns, self.finish_late, key, context=self._world)

    def finish_late(self, key: tuple[str, int, int]) -> None:
        """A backend's late commit takes effect now, unless it was ended before or another epoch is in."""
        batch = self.late.pop(key, None)
        if batch is None:
            return
        try:
            self.commit(batch)
            self.trace.add("store", f"batch {batch.batch} commits late")
        except Fenced:
            self.trace.add("store", f"batch {batch.batch} of epoch {batch.epoch} comes too late: fenced")


class SimStore:
    """One process's connection to the server: a :class:`~liveexec.runtime.ports.JournalStore` that fails."""

    def __init__(self, server: StoreServer, process: int) -> None:
        self._server, self._process = server, process
        #: Since when a batch is being written, again and again if it fails; zero while none is.
        self.asked_at_ns = 0

    async def acquire(self, shard: str, owner: str, lease_s: float) -> Ownership:
        server = self._server
        asked_s = server.loop.time()
        await self._travel("acquire")
        ownership = at_once(server.memory.acquire(shard, owner, lease_s))
        # Counted from before the lease was asked for, on the owner's clock.
        ownership.lease_until_s = asked_s + lease_s
        server.owner = server.processes[ownership.epoch] = self._process
        # Another life begins.
        self.asked_at_ns = 0
        server.trace.add("store", f"process {self._process} owns {shard}, epoch {ownership.epoch}")
        await self._pause()
        return ownership

    async def renew(self, ownership: Ownership, lease_s: float) -> float:
        asked_s = self._server.loop.time()
        await self._call(lambda memory: memory.renew(ownership, lease_s), "renew")
        return asked_s + lease_s

    async def release(self, ownership: Ownership) -> None:
        await self._call(lambda memory: memory.release(ownership), "release")

    async def append(self, batch: AppendBatch) -> None:
        self.asked_at_ns = self.asked_at_ns or self._server.loop.now_ns
        self._server.on_asked(batch)
        await self._append(batch)
        self.asked_at_ns = 0

    async def settle(self, batch: AppendBatch) -> bool:
        await self._travel("settle")
        key = (batch.shard, batch.epoch, batch.batch)
        if key in self._server.late:
            # The row is locked: either it is waited for, or the backend is ended.
            if self._server.loop.now_ns % 2:
                self._server.finish_late(key)
            else:
                del self._server.late[key]
        is_there = at_once(self._server.memory.settle(batch))
        if is_there:
            self.asked_at_ns = 0
        return is_there

    async def _append(self, batch: AppendBatch) -> None:
        server, faults = self._server, self._server.faults
        await self._travel("append")
        if faults.fires(Fault.STORE_BROKEN):
            server.trace.add("store", f"batch {batch.batch} refused for good")
            raise StorageError("the disk is full")
        if faults.fires(Fault.STORE_SILENT):
            server.trace.add("store", f"says nothing of batch {batch.batch}")
            await asyncio.sleep(faults.between(Fault.STORE_SILENT, 1_300 * _MS, 4_000 * _MS) / 1e9)
        if faults.fires(Fault.COMMIT_LATE):
            server.trace.add("store", f"batch {batch.batch} given up while it is worked on")
            server.commit_later(batch, faults.between(Fault.COMMIT_LATE, 1 * _MS, 1_500 * _MS))
            raise TransientStorageError("the connection was lost during COMMIT")
        server.commit(batch)
        if faults.fires(Fault.COMMIT_UNKNOWN):
            server.trace.add("store", f"batch {batch.batch} committed, its answer lost")
            raise TransientStorageError("the connection was lost after COMMIT")
        await self._pause()

    async def project(self, batch: ProjectionBatch) -> None:
        # What is written is what stood when it was asked for, whatever the orders do meanwhile.
        self._server.memory.prepare(batch)
        await self._call(lambda memory: memory.project(batch), "project", then_lost=True)

    async def load(self, shard: str) -> SavedState:
        return await self._call(lambda memory: memory.load(shard), "load")

    async def read_after(self, shard: str, position: int, limit: int) -> Sequence[StoredRecord]:
        return await self._call(lambda memory: memory.read_after(shard, position, limit), "read")

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        return await self._call(lambda memory: memory.read_streams(shard, streams), "read")

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        return await self._call(lambda memory: memory.find_refs(shard, keys), "look-up")

    async def find_operations(self, shard: str, keys: Sequence[OperationKey]) -> Mapping[OperationKey, FoundOperation]:
        return await self._call(lambda memory: memory.find_operations(shard, keys), "look-up")

    async def find_children(self, shard: str, parents: Sequence[OrderId]) -> Mapping[OrderId, Sequence[OrderId]]:
        return await self._call(lambda memory: memory.find_children(shard, parents), "look-up")

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        return await self._call(lambda memory: memory.find_asset_moves(keys), "look-up")

    async def find_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        return await self._call(lambda memory: memory.find_fills(account_id, keys), "look-up")

    async def order_rows(self, shard: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Mapping[str, object]]:
        return await self._call(lambda memory: memory.order_rows(shard, order_ids), "read")

    async def table_rows(self, shard: str, table: str) -> Sequence[Mapping[str, object]]:
        return await self._call(lambda memory: memory.table_rows(shard, table), "read")

    def row_of(self, order: Order) -> Mapping[str, object]:
        return self._server.memory.row_of(order)

    async def reset_projections(self, ownership: Ownership) -> None:
        await self._call(lambda memory: memory.reset_projections(ownership), "reset")

    async def shards(self) -> Sequence[ShardStatus]:
        return await self._call(lambda memory: memory.shards(), "read")

    async def save_listings(self, listed: Sequence[ListedSteps], at_ns: int) -> None:
        await self._call(lambda memory: memory.save_listings(listed, at_ns), "listings")

    async def listed_steps(self) -> Sequence[ListedSteps]:
        return await self._call(lambda memory: memory.listed_steps(), "read")

    async def _call[T](
        self, work: Callable[[MemoryStore], Coroutine[Any, Any, T]], what: str, *, then_lost: bool = False
    ) -> T:
        await self._travel(what)
        try:
            result = at_once(work(self._server.memory))
        except LiveExecError:
            await self._pause()
            raise
        if then_lost and self._server.faults.fires(Fault.COMMIT_UNKNOWN):
            raise TransientStorageError("the connection was lost after COMMIT")
        await self._pause()
        return result

    async def _travel(self, what: str) -> None:
        """The request reaches the server, or is lost on the way there."""
        server, faults = self._server, self._server.faults
        await self._pause()
        if faults.fires(Fault.STORE_SLOW):
            await asyncio.sleep(faults.between(Fault.STORE_SLOW, 20 * _MS, 900 * _MS) / 1e9)
        if faults.fires(Fault.STORE_OUTAGE):
            server.down_until_ns = server.loop.now_ns + faults.between(Fault.STORE_OUTAGE, 50 * _MS, 2_500 * _MS)
            server.trace.add("store", "goes down")
        if server.loop.now_ns < server.down_until_ns and not faults.healed:
            raise TransientStorageError("the database is not reachable")
        if faults.fires(Fault.STORE_LOST):
            server.trace.add("store", f"connection lost before {what}")
            raise TransientStorageError("the connection was lost")

    def _pause(self) -> Awaitable[None]:
        return self._server.loop.pause(STEP_NS)
