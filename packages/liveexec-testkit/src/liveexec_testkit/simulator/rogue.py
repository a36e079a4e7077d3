"""Whoever writes to the store and should not: at the end of a run its store meets writers with defects.

A host that was replaced long ago, one that leaves a position out, one that takes another's batch for its own, tables
that run ahead of the journal, and a stranger who wants the shard while its owner's lease holds. All are refused, and
nothing of theirs is kept.
"""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from attrs import astuple, evolve

from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch, Ownership, ProjectionBatch, ShardStatus
from liveexec.errors import Fenced, InvariantViolation, JournalConflict
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.simulator.settings import SHARD
from liveexec_testkit.simulator.store import at_once
from liveexec_testkit.simulator.world import World

__all__ = ["check_rogue_writers"]

_LEASE_S = 1.0


def check_rogue_writers(world: World) -> None:
    """Have each of them try, and say who got through."""
    memory, last = world.server.memory, world.server.last_batch
    if last is None:
        return
    for what, attempt, refusal in _attempts(memory, _status(memory), last):
        before = astuple(_status(memory))
        try:
            at_once(attempt())
        except refusal:
            if astuple(_status(memory)) != before:
                world.violations.add(21, f"{what} was refused, and left something behind")
        else:
            world.violations.add(21, f"{what} was let in")


def _attempts(
    memory: MemoryStore, status: ShardStatus, last: AppendBatch
) -> Iterator[tuple[str, Callable[[], Coroutine[Any, Any, object]], type[Exception]]]:
    stranger = evolve(
        last,
        batch=status.batch + 1,
        first_position=status.position + 1,
        records=[_other(each, 1_000_000) for each in last.records],
        encoded=None,
    )
    yield "a writer of an epoch that is over", lambda: memory.append(evolve(stranger, epoch=status.epoch - 1)), Fenced
    skipped = evolve(stranger, epoch=status.epoch, first_position=status.position + 2)
    yield "a batch that leaves a position out", lambda: memory.append(skipped), JournalConflict
    early = evolve(stranger, epoch=status.epoch, batch=status.batch + 2)
    yield "a batch that leaves a batch out", lambda: memory.append(early), JournalConflict
    claimed = evolve(last, epoch=status.epoch, records=[_other(each) for each in last.records], encoded=None)
    yield "somebody else's batch that is claimed", lambda: memory.settle(claimed), JournalConflict
    ahead = _projection(status, through=status.position + 1)
    yield "a projection that is ahead of the journal", lambda: memory.project(ahead), InvariantViolation
    late = evolve(_projection(status, through=status.position), epoch=status.epoch - 1)
    yield "a projection of an epoch that is over", lambda: memory.project(late), Fenced
    old = Ownership(SHARD, status.epoch - 1, status.batch, status.position, 0.0)
    yield "a lease of an epoch that is over", lambda: memory.renew(old, _LEASE_S), Fenced
    yield "a stranger, while the owner's lease holds", lambda: memory.acquire(SHARD, "a stranger", _LEASE_S), Fenced


def _status(memory: MemoryStore) -> ShardStatus:
    return at_once(memory.shards())[0]


def _other(record: Record, later: int = 0) -> Record:
    """A record that is not the one that was written, of a stream's later place."""
    return Record(record.stream, record.sequence + later, record.events, "a rogue", record.at_ns)


def _projection(status: ShardStatus, *, through: int) -> ProjectionBatch:
    return ProjectionBatch(
        SHARD, status.epoch, status.projected_through, through,
        orders=(), routes={}, refs=(), operations=(), fills=(), positions={}, books=(), asset_moves=(), states=(),
        latches=(), cleared_latches=(), audit=(), at_ns=0,
    )  # fmt: skip
