"""Who owns a shard: leases judged by the database's clock, and the epoch that fences whoever owned it before."""

import time
from collections.abc import Sequence
from typing import Any, Final

from liveexec.domain.stored import Ownership, ShardStatus
from liveexec.errors import Fenced
from liveexec.storage.database import Database
from liveexec.storage.refusals import epoch_is_over, shard_is_held
from liveexec.storage.sql import statements

__all__ = ["acquire", "release", "renew", "shards"]

_SQL: Final = statements("ownership")
_NANOSECONDS: Final = 1_000_000_000


async def acquire(database: Database, shard: str, owner: str, lease_s: float) -> Ownership:
    """Take a shard over, see :meth:`liveexec.runtime.ports.JournalStore.acquire`.

    It waits for an append or a projection that the old owner has under way: what that commits is then loaded.
    """
    async with database.read(f"taking shard {shard} over") as connection, connection.transaction():
        await connection.execute(_SQL["create_journal_head"], shard)
        await connection.execute(_SQL["create_projection_head"], shard)
        asked_at_s = time.monotonic()
        row = await connection.fetchrow(_SQL["take"], shard, owner, _in_ns(lease_s))
        if row is None:
            raise await _held(connection, shard)
        await connection.execute(_SQL["fence_projections"], shard, row["epoch"])
    return Ownership(shard, row["epoch"], row["batch"], row["position"], asked_at_s + lease_s)


async def renew(database: Database, ownership: Ownership, lease_s: float) -> float:
    """Extend a lease, see :meth:`liveexec.runtime.ports.JournalStore.renew`."""
    asked_at_s = time.monotonic()
    async with database.read(f"renewing the lease of shard {ownership.shard}") as connection:
        renewed = await connection.fetchval(_SQL["renew"], ownership.shard, ownership.epoch, _in_ns(lease_s))
    if renewed is None:
        raise epoch_is_over(ownership.shard, ownership.epoch)
    return asked_at_s + lease_s


async def release(database: Database, ownership: Ownership) -> None:
    """Give a shard up, see :meth:`liveexec.runtime.ports.JournalStore.release`."""
    async with database.read(f"giving shard {ownership.shard} up") as connection:
        await connection.execute(_SQL["release"], ownership.shard, ownership.epoch)


async def shards(database: Database) -> Sequence[ShardStatus]:
    """All shards, see :meth:`liveexec.runtime.ports.JournalStore.shards`."""
    async with database.read("listing the shards") as connection:
        return [ShardStatus(*row.values()) for row in await connection.fetch(_SQL["shards"])]


async def _held(connection: Any, shard: str) -> Fenced:
    row = await connection.fetchrow(_SQL["holder"], shard)
    return shard_is_held(shard, row["owner"], float(row["remaining_s"]))


def _in_ns(lease_s: float) -> int:
    return round(lease_s * _NANOSECONDS)
