"""The store on PostgreSQL: what :class:`liveexec.runtime.ports.JournalStore` asks for, put together of its parts."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Final, Self

import anyio

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, OrderId, VenueName
from liveexec.domain.operation import VenueClass
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
from liveexec.errors import StorageError
from liveexec.storage import listings
from liveexec.storage import ownership as leases
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_writer import JournalWriter
from liveexec.storage.lookups import Lookups
from liveexec.storage.projection_writer import ProjectionWriter
from liveexec.storage.rows import row_of
from liveexec.storage.server_checks import ServerInfo, check_rights, check_schema, check_settings

__all__ = ["PostgresStore"]

_NO_CLASSES: Final[Mapping[VenueName, VenueClass]] = MappingProxyType({})


class PostgresStore:
    """The journal and its projections in one PostgreSQL database.

    Two connections write (the journal's and the projector's), a small pool reads. Each is made again when it was
    lost; what failed meanwhile is not repeated here, since only the caller knows what may be.

    ``venue_classes`` labels orders with the kind of their venue (read at each projection, so it may grow).
    ``allow_unsafe`` accepts a server that loses acknowledged writes, for tests; :attr:`server` tells of it.
    """

    def __init__(
        self,
        dsn: Dsn,
        *,
        venue_classes: Mapping[VenueName, VenueClass] = _NO_CLASSES,
        allow_unsafe: bool = False,
        pool_size: int = 4,
    ) -> None:
        check = partial(check_settings, allow_unsafe=allow_unsafe)
        self._allow_unsafe = allow_unsafe
        self._server: ServerInfo | None = None
        self.database = Database(dsn, pool_size)
        self._journal_session = self.database.session("journal", check, is_journal=True)
        self._projector_session = self.database.session("projector", check)
        self._journal = JournalWriter(self._journal_session)
        self._projections = ProjectionWriter(self._projector_session, venue_classes)
        self._lookups = Lookups(self.database)

    async def open(self) -> None:
        """Connect and check the server.

        Raises:
            UnsafeServer: the server would lose acknowledged writes.
            TransientStorageError: it can't be reached.
            StorageError: its version, its schema or the role's rights don't do; the message says what to do.
        """
        await self.database.open()
        try:
            async with self.database.read("checking the server") as connection:
                self._server = await check_settings(connection, allow_unsafe=self._allow_unsafe)
                await check_schema(connection)
                await check_rights(connection, self._server.role)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close all connections; safe in any state, and by a task that is cancelled."""
        with anyio.CancelScope(shield=True):
            await self._journal_session.close()
            await self._projector_session.close()
            await self.database.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def server(self) -> ServerInfo:
        """What the server said of itself when the store was opened."""
        if self._server is None:
            raise StorageError("the store is not open")
        return self._server

    async def acquire(self, shard: str, owner: str, lease_s: float) -> Ownership:
        return await leases.acquire(self.database, shard, owner, lease_s)

    async def renew(self, ownership: Ownership, lease_s: float) -> float:
        return await leases.renew(self.database, ownership, lease_s)

    async def release(self, ownership: Ownership) -> None:
        await leases.release(self.database, ownership)

    async def shards(self) -> Sequence[ShardStatus]:
        return await leases.shards(self.database)

    async def save_listings(self, listed: Sequence[ListedSteps], at_ns: int) -> None:
        await listings.save(self.database, listed, at_ns)

    async def listed_steps(self) -> Sequence[ListedSteps]:
        return await listings.listed_steps(self.database)

    async def append(self, batch: AppendBatch) -> None:
        await self._journal.append(batch)

    async def settle(self, batch: AppendBatch) -> bool:
        return await self._journal.settle(batch)

    async def project(self, batch: ProjectionBatch) -> None:
        await self._projections.project(batch)

    async def reset_projections(self, ownership: Ownership) -> None:
        await self._projections.reset(ownership)

    async def load(self, shard: str) -> SavedState:
        return await self._lookups.load(shard)

    async def read_after(self, shard: str, position: int, limit: int) -> Sequence[StoredRecord]:
        return await self._lookups.read_after(shard, position, limit)

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        return await self._lookups.read_streams(shard, streams)

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        return await self._lookups.find_refs(shard, keys)

    async def find_operations(self, shard: str, keys: Sequence[OperationKey]) -> Mapping[OperationKey, FoundOperation]:
        return await self._lookups.find_operations(shard, keys)

    async def find_children(self, shard: str, parents: Sequence[OrderId]) -> Mapping[OrderId, Sequence[OrderId]]:
        return await self._lookups.find_children(shard, parents)

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        return await self._lookups.find_asset_moves(keys)

    async def find_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        return await self._lookups.find_fills(account_id, keys)

    async def order_rows(self, shard: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Mapping[str, object]]:
        return await self._lookups.order_rows(shard, order_ids)

    async def table_rows(self, shard: str, table: str) -> Sequence[Mapping[str, object]]:
        return await self._lookups.table_rows(shard, table)

    def row_of(self, order: Order) -> Mapping[str, object]:
        return row_of(order)
