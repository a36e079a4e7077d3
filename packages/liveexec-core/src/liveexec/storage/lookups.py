"""What recovery loads and hydration looks up, from PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, OperationId, OrderId
from liveexec.domain.stored import FoundOperation, OperationKey, RefKey, SavedState, StoredRecord
from liveexec.errors import NotFound
from liveexec.storage.database import Database
from liveexec.storage.journal_entries import stored_record
from liveexec.storage.journal_writer import entry_of
from liveexec.storage.rows import ORDER_DOCUMENTS, Row
from liveexec.storage.saved_state import SavedRows, saved_state
from liveexec.storage.sql import statements

__all__ = ["Lookups", "plain_row"]

_SQL: Final = statements("lookups")
_JOURNAL: Final = statements("journal")
_VERIFY: Final = statements("verify")
_POSITION_DOCUMENTS: Final = ("fees", "terms")
#: Keys asked about in one statement; more are asked in several.
_CHUNK: Final = 5_000


def plain_row(row: Mapping[str, Any], documents: Sequence[str] = ()) -> Row:
    """A row as Python values: JSON columns decoded, NULLs left out."""
    found: Row = {name: value for name, value in row.items() if value is not None}
    for name in documents:
        document = found.get(name)
        if isinstance(document, bytes):
            found[name] = msgspec.json.decode(document)
    return found


class Lookups:
    """Reads of one database; each method is described in :class:`liveexec.runtime.ports.JournalStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, shard: str) -> SavedState:
        """Everything as of one moment. Raises ``NotFound`` for a shard that was never acquired."""
        async with (
            self._database.read(f"loading shard {shard}") as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            projected_through = await connection.fetchval(_SQL["projected_through"], shard)
            if projected_through is None:
                raise NotFound(f"there is no shard {shard!r} in this database")
            rows = SavedRows(
                projected_through=projected_through,
                open_orders=[row["order_id"] for row in await connection.fetch(_SQL["open_orders"], shard)],
                positions=await _positions(connection, "positions", shard),
                account_positions=await _positions(connection, "account_positions", shard),
                assets=await connection.fetch(_SQL["assets"], shard),
                controls=await connection.fetch(_SQL["controls"], shard),
                stream_heads=await connection.fetch(_SQL["stream_heads"], shard),
            )
        return saved_state(rows)

    async def read_after(self, shard: str, position: int, limit: int) -> Sequence[StoredRecord]:
        async with self._database.read("reading the journal") as connection:
            rows = await connection.fetch(_JOURNAL["read_after"], shard, position, limit)
        return [stored_record(entry_of(row), row["epoch"]) for row in rows]

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        found: dict[str, list[StoredRecord]] = {}
        async with self._database.read("reading streams of the journal") as connection:
            for chunk in _chunks(streams):
                for row in await connection.fetch(_JOURNAL["read_streams"], shard, chunk):
                    found.setdefault(row["stream"], []).append(stored_record(entry_of(row), row["epoch"]))
        return found

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        found: dict[RefKey, OrderId] = {}
        async with self._database.read("looking up references") as connection:
            for chunk in _chunks(keys):
                for row in await connection.fetch(_SQL["refs"], shard, *_columns(chunk)):
                    key = (AccountId(row["account_id"]), row["kind"], row["reference"])
                    found[key] = OrderId(row["order_id"])
        return found

    async def find_operations(self, shard: str, keys: Sequence[OperationKey]) -> Mapping[OperationKey, FoundOperation]:
        found: dict[OperationKey, FoundOperation] = {}
        async with self._database.read("looking up operations") as connection:
            for chunk in _chunks(keys):
                for row in await connection.fetch(_SQL["operations"], shard, *_columns(chunk)):
                    found[row["principal"], OperationId(row["operation_id"])] = FoundOperation(
                        row["kind"], row["content_hash"], OrderId(row["order_id"])
                    )
        return found

    async def find_children(self, shard: str, parents: Sequence[OrderId]) -> Mapping[OrderId, Sequence[OrderId]]:
        found: dict[OrderId, list[OrderId]] = {}
        async with self._database.read("looking up children") as connection:
            for chunk in _chunks(parents):
                for row in await connection.fetch(_SQL["children"], shard, chunk):
                    found.setdefault(OrderId(row["parent_order_id"]), []).append(OrderId(row["order_id"]))
        return found

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        found: list[tuple[AccountId, str]] = []
        async with self._database.read("looking up asset movements") as connection:
            for chunk in _chunks(list(dict.fromkeys(keys))):
                rows = await connection.fetch(_SQL["asset_moves"], *_columns(chunk))
                found += [(AccountId(row["account_id"]), row["reference"]) for row in rows]
        return found

    async def find_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        found: list[FillKey] = []
        async with self._database.read("looking up fills") as connection:
            for chunk in _chunks(list(dict.fromkeys(keys))):
                found += [FillKey(row["fill_key"]) for row in await connection.fetch(_SQL["fills"], account_id, chunk)]
        return found

    async def order_rows(self, shard: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Mapping[str, object]]:
        found: dict[OrderId, Mapping[str, object]] = {}
        async with self._database.read("reading orders") as connection:
            for chunk in _chunks(order_ids):
                for row in await connection.fetch(_SQL["order_rows"], shard, chunk):
                    found[OrderId(row["order_id"])] = plain_row(row, ORDER_DOCUMENTS)
        return found

    async def table_rows(self, shard: str, table: str) -> Sequence[Mapping[str, object]]:
        async with self._database.read(f"reading {table}") as connection:
            return [plain_row(row) for row in await connection.fetch(_VERIFY[table], shard)]


async def _positions(connection: Any, statement: str, shard: str) -> list[Row]:
    return [plain_row(row, _POSITION_DOCUMENTS) for row in await connection.fetch(_SQL[statement], shard)]


def _chunks[T](keys: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]


def _columns(keys: Sequence[tuple[str, ...]]) -> Iterator[list[str]]:
    """Keys as one array for each column."""
    return map(list, zip(*keys, strict=True))
