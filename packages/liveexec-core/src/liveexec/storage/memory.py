"""The store in memory: the same promises as PostgreSQL's, checked by the same suite, without I/O, locks or waits.

It outlives the runtime that uses it, not the process: a test or a simulator drops the runtime's memory and starts
again on the same store. Its clocks are handed in, so that it runs on virtual time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from attrs import define, field

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, InstrumentId, OrderId, VenueName
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
from liveexec.errors import JournalConflict, NotFound
from liveexec.storage import refusals
from liveexec.storage.audit import chained_rows
from liveexec.storage.journal_entries import Entry, entries_of, is_in, stored_record
from liveexec.storage.memory_tables import Tables
from liveexec.storage.projections import Part, check_amounts, parts_of
from liveexec.storage.rows import row_of
from liveexec.storage.saved_state import SavedRows, saved_state

__all__ = ["MemoryStore"]

_NO_CLASSES: Final[Mapping[VenueName, VenueClass]] = MappingProxyType({})
#: Columns of an order's row that are no fold of the order.
#: The parts of the tables that are compared with the journal whole, and their columns that are a fold of it.
_COMPARED: Final = {
    "unified_orders": ("orders", ("order_id",)),
    "operations": ("operations", ("principal", "operation_id", "kind", "content_hash", "order_id")),
    "order_refs": ("refs", ("account_id", "kind", "reference", "order_id", "attempt")),
    "fills": (
        "fills",
        (
            "account_id",
            "fill_key",
            "order_id",
            "strategy_id",
            "canonical_id",
            "side",
            "quantity",
            "price",
            "fee",
            "fee_asset",
            "estimated",
            "busted",
            "venue_time",
        ),
    ),
}
_LABELS: Final = frozenset({"shard", "venue_type", "routing"})


@define(eq=False)
class _Shard:
    """The two heads of a shard, and its journal as (epoch, entry)."""

    epoch: int = 0
    owner: str = ""
    lease_until_ns: int = 0
    batch: int = 0
    projected_through: int = 0
    journal: list[tuple[int, Entry]] = field(factory=list)


class MemoryStore:
    """A :class:`liveexec.runtime.ports.JournalStore` in memory; each method is described there.

    ``monotonic_s`` is the owner's clock, ``now_ns`` the store's own (by which leases are judged).
    """

    def __init__(
        self,
        *,
        venue_classes: Mapping[VenueName, VenueClass] = _NO_CLASSES,
        monotonic_s: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._venue_classes = venue_classes
        self._monotonic_s = monotonic_s
        self._now_ns = now_ns
        self._shards: dict[str, _Shard] = {}
        #: stream -> sequence -> (shard, epoch, entry)
        self._streams: dict[str, dict[int, tuple[str, int, Entry]]] = {}
        self._children: dict[OrderId, dict[OrderId, int]] = {}
        self._tables = Tables()
        self._listings: dict[InstrumentId, ListedSteps] = {}

    async def acquire(self, shard: str, owner: str, lease_s: float) -> Ownership:
        found = self._shards.setdefault(shard, _Shard())
        asked_at_s, now_ns = self._monotonic_s(), self._now_ns()
        if found.owner != owner and found.lease_until_ns > now_ns:
            raise refusals.shard_is_held(shard, found.owner, (found.lease_until_ns - now_ns) / 1e9)
        found.epoch += 1
        found.owner = owner
        found.lease_until_ns = now_ns + round(lease_s * 1e9)
        return Ownership(shard, found.epoch, found.batch, len(found.journal), asked_at_s + lease_s)

    async def renew(self, ownership: Ownership, lease_s: float) -> float:
        asked_at_s = self._monotonic_s()
        self._owned(ownership.shard, ownership.epoch).lease_until_ns = self._now_ns() + round(lease_s * 1e9)
        return asked_at_s + lease_s

    async def release(self, ownership: Ownership) -> None:
        found = self._shards.get(ownership.shard)
        if found is not None and found.epoch == ownership.epoch:
            found.lease_until_ns = 0

    async def shards(self) -> Sequence[ShardStatus]:
        return [
            ShardStatus(
                name,
                shard.epoch,
                shard.owner,
                shard.lease_until_ns,
                shard.batch,
                len(shard.journal),
                shard.projected_through,
            )
            for name, shard in sorted(self._shards.items())
        ]

    async def save_listings(self, listed: Sequence[ListedSteps], at_ns: int) -> None:  # noqa: ARG002 - nobody reads it
        self._listings |= {each.instrument_id: each for each in listed}

    async def listed_steps(self) -> Sequence[ListedSteps]:
        return [self._listings[name] for name in sorted(self._listings)]

    async def append(self, batch: AppendBatch) -> None:
        entries = entries_of(batch)
        shard = self._owned(batch.shard, batch.epoch)
        if (shard.batch, len(shard.journal)) != (batch.batch - 1, batch.first_position - 1):
            if self._holds(shard, batch):
                return
            raise refusals.batch_does_not_follow(batch, shard.batch, len(shard.journal))
        keys = [(entry.stream, entry.sequence) for entry in entries]
        taken = [key for key in keys if key[1] in self._streams.get(key[0], ())]
        if taken or len(set(keys)) < len(keys):
            raise JournalConflict(f"appending to the journal: {taken or keys} is there already")
        for entry in entries:
            shard.journal.append((batch.epoch, entry))
            self._streams.setdefault(entry.stream, {})[entry.sequence] = (batch.shard, batch.epoch, entry)
        shard.batch = batch.batch

    async def settle(self, batch: AppendBatch) -> bool:
        return self._holds(self._owned(batch.shard, batch.epoch), batch)

    def prepare(self, batch: ProjectionBatch) -> None:
        """Make a batch's rows, unless they are there: a repeated attempt writes the same ones, whatever became of its
        orders, positions and books.

        Raises:
            StorageError: an amount is more than is stored exactly.
        """
        if batch.prepared is None:
            prepared = parts_of(batch, self._venue_classes)
            for part in prepared:
                check_amounts(part)
            batch.prepared = prepared

    async def project(self, batch: ProjectionBatch) -> None:
        self.prepare(batch)
        assert batch.prepared is not None
        parts: list[Part] = list(batch.prepared)
        shard = self._owned(batch.shard, batch.epoch)
        if shard.projected_through != batch.after or len(shard.journal) < batch.through:
            refusal = refusals.projection_refusal(batch, shard.projected_through, len(shard.journal))
            if refusal is not None:
                raise refusal
            return
        if batch.audit:
            parts.append(Part("audit", chained_rows(self._tables.chain_end(batch.shard), batch.audit)))
        self._tables.write(batch.shard, parts)
        for order in batch.orders:
            if order.parent_id is not None:
                self._children.setdefault(order.parent_id, {})[order.order_id] = order.ordinal or 0
        shard.projected_through = batch.through

    async def reset_projections(self, ownership: Ownership) -> None:
        self._owned(ownership.shard, ownership.epoch).projected_through = 0
        self._tables.clear(ownership.shard)

    async def load(self, shard: str) -> SavedState:
        found = self._shards.get(shard)
        if found is None:
            raise NotFound(f"there is no shard {shard!r} in this store")
        tables = self._tables
        return saved_state(
            SavedRows(
                projected_through=found.projected_through,
                open_orders=[str(row["order_id"]) for row in tables.rows("orders", shard) if row["is_open"]],
                positions=tables.rows("positions", shard),
                account_positions=tables.rows("account_positions", shard),
                assets=tables.rows("assets", shard),
                controls=tables.rows("controls", shard),
                stream_heads=tables.rows("stream_heads", shard),
            )
        )

    async def read_after(self, shard: str, position: int, limit: int) -> Sequence[StoredRecord]:
        found = self._shards.get(shard, _Shard())
        return [stored_record(entry, epoch) for epoch, entry in found.journal[position : position + limit]]

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        return {
            stream: records
            for stream in dict.fromkeys(streams)
            if (
                records := [
                    stored_record(entry, epoch)
                    for _, (owner, epoch, entry) in sorted(self._streams.get(stream, {}).items())
                    if owner == shard
                ]
            )
        }

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        found = {key: self._tables.row("refs", *key) for key in keys}
        return {
            key: OrderId(str(row["order_id"]))
            for key, row in found.items()
            if row is not None and row["shard"] == shard
        }

    async def find_operations(self, shard: str, keys: Sequence[OperationKey]) -> Mapping[OperationKey, FoundOperation]:
        found = {key: self._tables.row("operations", shard, *key) for key in keys}
        return {
            key: FoundOperation(str(row["kind"]), str(row["content_hash"]), OrderId(str(row["order_id"])))
            for key, row in found.items()
            if row is not None
        }

    async def find_children(self, shard: str, parents: Sequence[OrderId]) -> Mapping[OrderId, Sequence[OrderId]]:
        found: dict[OrderId, list[OrderId]] = {}
        for parent in parents:
            children = self._children.get(parent, {})
            for child in sorted(children, key=lambda child: (children[child], child)):
                row = self._tables.row("orders", child)
                if row is not None and row["shard"] == shard:
                    found.setdefault(parent, []).append(child)
        return found

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        return [key for key in dict.fromkeys(keys) if self._tables.row("asset_moves", *key) is not None]

    async def find_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        return [key for key in dict.fromkeys(keys) if self._tables.row("fills", account_id, key) is not None]

    async def order_rows(self, shard: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Mapping[str, object]]:
        found = {order_id: self._tables.row("orders", order_id) for order_id in order_ids}
        return {
            order_id: {name: value for name, value in row.items() if name not in _LABELS}
            for order_id, row in found.items()
            if row is not None and row["shard"] == shard
        }

    async def table_rows(self, shard: str, table: str) -> Sequence[Mapping[str, object]]:
        part, columns = _COMPARED[table]
        return [
            {name: row[name] for name in columns if row.get(name) is not None} for row in self._tables.rows(part, shard)
        ]

    def row_of(self, order: Order) -> Mapping[str, object]:
        return row_of(order)

    def _owned(self, shard: str, epoch: int) -> _Shard:
        found = self._shards.get(shard)
        if found is None or found.epoch != epoch:
            raise refusals.epoch_is_over(shard, epoch)
        return found

    def _holds(self, shard: _Shard, batch: AppendBatch) -> bool:
        if shard.batch < batch.batch:
            return False
        if shard.batch == batch.batch and len(shard.journal) != batch.last_position:
            # It may begin as the batch does.
            raise refusals.batch_differs(batch)
        kept = shard.journal[batch.first_position - 1 : batch.first_position - 1 + len(batch.records)]
        if not is_in(batch, [entry for _, entry in kept]):
            raise refusals.batch_differs(batch)
        return True
