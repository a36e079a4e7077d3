"""What the runtime needs of a store: the protocol that it owns. Its values are in :mod:`liveexec.domain.stored`.

A store's errors tell what is known: ``Fenced`` (nothing was written, another owner is in), ``TransientStorageError``
(the outcome is unknown; ask :meth:`JournalStore.settle`), ``JournalConflict`` and other ``StorageError`` (permanent,
nothing was written), ``InvariantViolation`` (what was asked contradicts what is stored; nothing was written).
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.order import Order
from liveexec.domain.stored import (
    AppendBatch,
    AuditRow,
    FillRow,
    FoundOperation,
    ListedSteps,
    OperationKey,
    OperationRow,
    Ownership,
    ProjectionBatch,
    RefKey,
    RefRow,
    SavedState,
    ShardStatus,
    StoredRecord,
)

__all__ = [
    "AppendBatch",
    "AuditRow",
    "FillRow",
    "FoundOperation",
    "JournalStore",
    "ListedSteps",
    "OperationKey",
    "OperationRow",
    "Ownership",
    "ProjectionBatch",
    "RefKey",
    "RefRow",
    "SavedState",
    "ShardStatus",
    "StoredRecord",
]


class JournalStore(Protocol):
    """Where records and their projections are kept. Implemented on PostgreSQL and in memory.

    Every method may raise ``TransientStorageError`` and ``StorageError``; what else one raises is said there.
    """

    async def acquire(self, shard: str, owner: str, lease_s: float) -> Ownership:
        """Take the shard over: raise its epoch before anything is loaded.

        Raises ``Fenced`` while another owner's lease holds; the same owner may come back at any time.
        """

    async def renew(self, ownership: Ownership, lease_s: float) -> float:
        """Extend the lease, and return until when it holds on the monotonic clock. Raises ``Fenced``."""

    async def release(self, ownership: Ownership) -> None:
        """Give the shard up, so that the next owner need not wait for the lease to end.

        Does nothing when another epoch is in already.
        """

    async def append(self, batch: AppendBatch) -> None:
        """Append a batch, all of it or nothing; appending the identical batch again is a success.

        Raises ``Fenced``, ``TransientStorageError``, ``JournalConflict``.
        """

    async def settle(self, batch: AppendBatch) -> bool:
        """Whether a batch whose outcome was unknown is in the journal; the answer is final.

        Ends the backend that may still commit it, or waits for it, before it looks. Raises ``Fenced`` when another
        epoch is in, ``TransientStorageError`` when it can't be told yet.
        """

    async def project(self, batch: ProjectionBatch) -> None:
        """Bring the tables up to ``through``, with ``projected_through``, in one transaction.

        Projecting the identical batch again is a success. Raises ``Fenced``, ``InvariantViolation`` when a fill key,
        a reference, an operation id or an asset movement is stored already for something else, or when the batch does
        not start where the tables stand.
        """

    async def load(self, shard: str) -> SavedState:
        """What the tables hold."""

    async def read_after(self, shard: str, position: int, limit: int) -> Sequence[StoredRecord]:
        """Records after a position, in order, at most ``limit``."""

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        """All records of the streams, each in order; a stream without records is left out."""

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        """Which orders the references name, of those that are projected."""

    async def find_operations(self, shard: str, keys: Sequence[OperationKey]) -> Mapping[OperationKey, FoundOperation]:
        """What the (principal, operation id) pairs were used for, of those that are projected."""

    async def find_children(self, shard: str, parents: Sequence[OrderId]) -> Mapping[OrderId, Sequence[OrderId]]:
        """The children of parents, in the order of their ordinals; a parent without any is left out."""

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        """Which of the (account, reference) pairs are recorded."""

    async def find_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        """Which of an account's fills are projected, those taken back since included."""

    async def order_rows(self, shard: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Mapping[str, object]]:
        """The rows of orders as the tables hold them, to be compared with :meth:`row_of` by value.

        Column name to value; columns that are NULL are left out, and so are those that are no fold of the order.
        """

    async def table_rows(self, shard: str, table: str) -> Sequence[Mapping[str, object]]:
        """Everything that the shard has in a table: ``unified_orders`` (ids only), ``operations``, ``order_refs`` or
        ``fills``. Column name to value; what is NULL is left out, and so is what is no fold of the journal."""

    def row_of(self, order: Order) -> Mapping[str, object]:
        """What the row of an order has to be, as :meth:`order_rows` tells it."""

    async def reset_projections(self, ownership: Ownership) -> None:
        """Empty the tables of the shard, to be projected anew from the journal's start. Raises ``Fenced``."""

    async def shards(self) -> Sequence[ShardStatus]:
        """All shards of this store, by name."""

    async def save_listings(self, listed: Sequence[ListedSteps], at_ns: int) -> None:
        """Remember how instruments are listed, each in place of what was known of it, for whoever reads the tables.

        Neither journaled nor fenced: nothing is decided by it.
        """

    async def listed_steps(self) -> Sequence[ListedSteps]:
        """How every instrument was listed last, by its id; what is delisted stays, since its orders do."""
