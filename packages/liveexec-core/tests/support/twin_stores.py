"""Two stores that are told the same and must answer the same: the twin in memory beside PostgreSQL."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs
import msgspec
from attrs import define

from liveexec.domain.codec import encode_events
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
from liveexec.errors import LiveExecError
from liveexec.runtime.ports import JournalStore
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.memory import MemoryStore
from liveexec.storage.schema import metadata
from liveexec.storage.schema_names import PROJECTED_TABLES

__all__ = ["TwinStores", "empty", "tables_in_memory", "tables_in_postgres"]

Table = list[dict[str, Any]]

#: The tables' names in memory, where they are named for the part of a projection that fills them.
_PARTS: Final = {
    "unified_orders": "orders",
    "order_refs": "refs",
    "unified_positions": "positions",
    "account_assets": "assets",
    "control_state": "controls",
    "audit_log": "audit",
}
_TABLES: Final = (*PROJECTED_TABLES, "audit_log")
#: What PostgreSQL works out by itself.
_GENERATED: Final = {"unified_orders": {"average_price"}}
_HASH_BYTES: Final = 32


@define(eq=False)
class TwinStores:
    """A :class:`liveexec.runtime.ports.JournalStore` of two: every call goes to both, and both must agree.

    Two answers agree when they are equal by value, two refusals when they are of the same type; an answer is then
    given, or a refusal raised, as the twin in memory did. Moments are left out: each store has its own clock.
    """

    memory: MemoryStore
    postgres: PostgresStore
    #: What PostgreSQL is given in a batch's place: a store keeps in a batch what it made of it.
    _copies: WeakKeyDictionary[ProjectionBatch, ProjectionBatch] = attrs.field(factory=WeakKeyDictionary, init=False)

    async def acquire(self, shard: str, owner: str, lease_s: float) -> Ownership:
        return await self._both("acquire", lambda store: store.acquire(shard, owner, lease_s))

    async def renew(self, ownership: Ownership, lease_s: float) -> float:
        async def renewed(store: JournalStore) -> bool:
            return await store.renew(ownership, lease_s) > 0

        await self._both("renew", renewed)
        return ownership.lease_until_s

    async def release(self, ownership: Ownership) -> None:
        await self._both("release", lambda store: store.release(ownership))

    async def append(self, batch: AppendBatch) -> None:
        await self._both("append", lambda store: store.append(batch))

    async def settle(self, batch: AppendBatch) -> bool:
        return await self._both("settle", lambda store: store.settle(batch))

    async def project(self, batch: ProjectionBatch) -> None:
        copy = self._copies.setdefault(batch, attrs.evolve(batch))
        await self._both("project", lambda store: store.project(batch if store is self.memory else copy))

    async def load(self, shard: str) -> SavedState:
        return await self._both("load", lambda store: store.load(shard))

    async def read_after(self, shard: str, position: int, limit: int) -> Sequence[StoredRecord]:
        return await self._both("read_after", lambda store: store.read_after(shard, position, limit))

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        return await self._both("read_streams", lambda store: store.read_streams(shard, streams))

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        return await self._both("find_refs", lambda store: store.find_refs(shard, keys))

    async def find_operations(self, shard: str, keys: Sequence[OperationKey]) -> Mapping[OperationKey, FoundOperation]:
        return await self._both("find_operations", lambda store: store.find_operations(shard, keys))

    async def find_children(self, shard: str, parents: Sequence[OrderId]) -> Mapping[OrderId, Sequence[OrderId]]:
        return await self._both("find_children", lambda store: store.find_children(shard, parents))

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        async def found(store: JournalStore) -> list[tuple[AccountId, str]]:
            # In no order that anybody is promised.
            return sorted(await store.find_asset_moves(keys))

        return await self._both("find_asset_moves", found)

    async def find_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        async def found(store: JournalStore) -> list[FillKey]:
            return sorted(await store.find_fills(account_id, keys))

        return await self._both("find_fills", found)

    async def order_rows(self, shard: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Mapping[str, object]]:
        return await self._both("order_rows", lambda store: store.order_rows(shard, order_ids))

    async def table_rows(self, shard: str, table: str) -> Sequence[Mapping[str, object]]:
        return await self._both("table_rows", lambda store: store.table_rows(shard, table))

    def row_of(self, order: Order) -> Mapping[str, object]:
        row = self.memory.row_of(order)
        assert row == self.postgres.row_of(order)
        return row

    async def reset_projections(self, ownership: Ownership) -> None:
        await self._both("reset_projections", lambda store: store.reset_projections(ownership))

    async def shards(self) -> Sequence[ShardStatus]:
        return await self._both("shards", lambda store: store.shards())

    async def save_listings(self, listed: Sequence[ListedSteps], at_ns: int) -> None:
        await self._both("save_listings", lambda store: store.save_listings(listed, at_ns))

    async def listed_steps(self) -> Sequence[ListedSteps]:
        return await self._both("listed_steps", lambda store: store.listed_steps())

    async def agree_on_tables(self) -> None:
        """Compare every row of every table, with what no reading method tells."""
        in_memory, in_postgres = tables_in_memory(self.memory), await tables_in_postgres(self.postgres)
        for name in _TABLES:
            differ = [pair for pair in zip_longest(in_memory[name], in_postgres[name]) if pair[0] != pair[1]]
            assert not differ, f"{name}: memory {differ[0][0]}, PostgreSQL {differ[0][1]}"

    async def _both[T](self, name: str, call: Callable[[JournalStore], Awaitable[T]]) -> T:
        memory, memory_error = await _outcome(call, self.memory)
        postgres, postgres_error = await _outcome(call, self.postgres)
        assert type(memory_error) is type(postgres_error), (
            f"{name}: memory {memory_error or memory!r}, PostgreSQL {postgres_error or postgres!r}"
        )
        if memory_error is not None:
            raise memory_error
        assert _told(memory) == _told(postgres), f"{name}: memory {_told(memory)}, PostgreSQL {_told(postgres)}"
        return memory  # type: ignore[return-value]  # no error, so there is an answer


async def _outcome[T](
    call: Callable[[JournalStore], Awaitable[T]], store: JournalStore
) -> tuple[T | None, LiveExecError | None]:
    try:
        return await call(store), None
    except LiveExecError as error:
        return None, error


def _told(answer: Any) -> Any:
    """An answer as a value that compares, without moments."""
    match answer:
        case StoredRecord(record=record):
            place = (answer.position, answer.epoch, record.stream, record.sequence, record.cause, record.at_ns)
            return (*place, encode_events(record.events))
        case Ownership():
            return answer.shard, answer.epoch, answer.batch, answer.position
        case ShardStatus():
            return attrs.asdict(answer) | {"lease_until_ns": answer.lease_until_ns > 0}
        case Mapping():
            return {key: _told(value) for key, value in answer.items()}
        case list() | tuple():
            return [_told(value) for value in answer]
        case _ if attrs.has(type(answer)):
            return {name: _told(value) for name, value in attrs.asdict(answer, recurse=False).items()}
        case _:
            return answer


def tables_in_memory(store: MemoryStore) -> dict[str, Table]:
    """Every table, its rows in the order of their keys, NULLs left out, documents as JSON gives them back."""
    return {
        name: _ordered(
            name,
            [
                {column: _document(value) for column, value in row.items() if value is not None}
                for shard in store._shards
                for row in store._tables.rows(_PARTS.get(name, name), shard)
            ],
        )
        for name in _TABLES
    }


async def tables_in_postgres(store: PostgresStore) -> dict[str, Table]:
    """The same, from the database."""
    tables = {}
    async with store.database.read("comparing tables") as connection:
        for name in _TABLES:
            rows = [
                {
                    column: _decoded(name, value)
                    for column, value in row.items()
                    if value is not None and column not in _GENERATED.get(name, ())
                }
                for row in await connection.fetch(f"SELECT * FROM {name}")
            ]
            tables[name] = _ordered(name, rows)
    return tables


async def empty(store: PostgresStore) -> None:
    """Take everything out of the database, what is append-only included."""
    async with store.database.read("emptying all tables") as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no trigger runs
        await connection.execute(f"TRUNCATE journal, journal_head, projection_head, listings, {', '.join(_TABLES)}")


def _document(value: Any) -> Any:
    plain = value is None or isinstance(value, str | int | Decimal)
    return value if plain else msgspec.json.decode(msgspec.json.encode(value))


def _decoded(table: str, value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    # The hashes of the audit log are its only bytes that are no document.
    return value.hex() if table == "audit_log" and len(value) == _HASH_BYTES else msgspec.json.decode(value)


def _ordered(table: str, rows: Table) -> Table:
    key = [column.name for column in metadata.tables[table].primary_key.columns]
    return sorted(rows, key=lambda row: [row[name] for name in key])
