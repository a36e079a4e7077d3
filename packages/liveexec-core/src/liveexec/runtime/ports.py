"""What the runtime needs of a store: protocols that it owns, and the values that pass through them.

A store's errors tell what is known: ``Fenced`` (nothing was written, another owner is in), ``TransientStorageError``
(the outcome is unknown; ask :meth:`JournalStore.settle`), ``JournalConflict`` and other ``StorageError`` (permanent).
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import define, field

from liveexec.domain.account_event import AssetMoved, ControlScope, LatchSet, StateChanged
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, OperationId, OrderId, StrategyId
from liveexec.domain.ledger import PositionKey
from liveexec.domain.order import Order
from liveexec.domain.order_event import Routed
from liveexec.domain.position import AccountBook, Position
from liveexec.domain.record import Record

__all__ = [
    "AppendBatch",
    "AuditRow",
    "FillRow",
    "FoundOperation",
    "JournalStore",
    "OperationRow",
    "Ownership",
    "ProjectionBatch",
    "RefKey",
    "RefRow",
    "SavedState",
    "StoredRecord",
]


@define(eq=False)
class Ownership:
    """What owning a shard gives: the writer's epoch, the last batch and position written, and how long it holds.

    ``lease_until_s`` is on the owner's monotonic clock, counted from before the lease was asked for.
    """

    shard: str
    epoch: int
    batch: int
    position: int
    lease_until_s: float


@define(eq=False)
class AppendBatch:
    """Records to append as one transaction. ``batch`` is the last batch's number plus one, ``first_position`` the
    last position plus one; records take consecutive positions."""

    shard: str
    epoch: int
    batch: int
    first_position: int
    records: Sequence[Record]


@define(eq=False)
class StoredRecord:
    """A record as it stands in the journal."""

    position: int
    epoch: int
    record: Record


#: (account, kind of reference, reference); kinds are ``client``, ``venue`` and those of ``SendPlan.refs``.
RefKey = tuple[AccountId, str, str]


@define(eq=False)
class RefRow:
    """A name that an order had at a venue."""

    key: RefKey
    order_id: OrderId
    attempt: int


@define(eq=False)
class OperationRow:
    """An idempotency key that was used: by whom, for what, with which content."""

    principal: str
    operation_id: OperationId
    kind: str
    content_hash: str
    order_id: OrderId
    at_ns: int


@define(eq=False)
class FoundOperation:
    """What an operation id was used for before."""

    kind: str
    content_hash: str
    order_id: OrderId


@define(eq=False)
class FillRow:
    """A fill as it counts now; ``busted`` marks one that was taken back or replaced by a correction."""

    account_id: AccountId
    strategy_id: StrategyId
    order_id: OrderId
    fill: Fill
    busted: bool
    at_ns: int


@define(eq=False)
class AuditRow:
    """An operator's action, for the audit log."""

    at_ns: int
    principal: str
    action: str
    subject: str
    reason: str
    details: Mapping[str, str] = field(factory=dict)


@define(eq=False)
class ProjectionBatch:
    """The latest state of everything that records after ``projected_through`` up to ``through`` changed.

    ``orders`` are written whole, one row each; ``routes`` holds the routing decisions taken within the batch (a row
    keeps the one it has otherwise). ``positions`` are by strategy, ``books`` the accounts' nets and assets.
    """

    shard: str
    epoch: int
    after: int
    through: int
    orders: Sequence[Order]
    routes: Mapping[OrderId, Routed]
    refs: Sequence[RefRow]
    operations: Sequence[OperationRow]
    fills: Sequence[FillRow]
    positions: Mapping[PositionKey, Position]
    books: Sequence[AccountBook]
    asset_moves: Sequence[AssetMoved]
    states: Sequence[StateChanged]
    latches: Sequence[LatchSet]
    cleared_latches: Sequence[tuple[ControlScope, str]]
    audit: Sequence[AuditRow]
    at_ns: int


@define(eq=False)
class SavedState:
    """What the tables hold when a shard is taken over: the start of recovery, before the journal's tail.

    ``open_orders`` are ids only: their orders are folded from their journal streams, which is compared with the rows.
    """

    projected_through: int
    open_orders: Sequence[OrderId]
    positions: Mapping[PositionKey, Position]
    books: Sequence[AccountBook]
    states: Sequence[StateChanged]
    latches: Sequence[LatchSet]
    sequences: Mapping[str, int]


class JournalStore(Protocol):
    """Where records and their projections are kept. Implemented on PostgreSQL and in memory."""

    async def acquire(self, shard: str, owner: str, lease_s: float) -> Ownership:
        """Take the shard over: raise its epoch before anything is loaded.

        Raises ``Fenced`` while another owner's lease holds.
        """

    async def renew(self, ownership: Ownership, lease_s: float) -> float:
        """Extend the lease, and return until when it holds on the monotonic clock. Raises ``Fenced``."""

    async def release(self, ownership: Ownership) -> None:
        """Give the shard up, so that the next owner need not wait for the lease to end."""

    async def append(self, batch: AppendBatch) -> None:
        """Append a batch, all of it or nothing. Raises ``Fenced``, ``TransientStorageError``, ``JournalConflict``."""

    async def settle(self, batch: AppendBatch) -> bool:
        """Whether a batch whose outcome was unknown is in the journal. Waits for a backend that may still commit it.

        Raises ``Fenced`` when another epoch is in, ``TransientStorageError`` when it can't be told yet.
        """

    async def project(self, batch: ProjectionBatch) -> None:
        """Bring the tables up to ``through``, with ``projected_through``, in one transaction. Raises ``Fenced``."""

    async def load(self, shard: str) -> SavedState:
        """What the tables hold."""

    async def read_after(self, shard: str, position: int, limit: int) -> Sequence[StoredRecord]:
        """Records after a position, in order, at most ``limit``."""

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        """All records of the streams, each in order."""

    async def find_refs(self, shard: str, keys: Sequence[RefKey]) -> Mapping[RefKey, OrderId]:
        """Which orders the references name, of those that are projected."""

    async def find_operations(
        self, shard: str, keys: Sequence[tuple[str, OperationId]]
    ) -> Mapping[tuple[str, OperationId], FoundOperation]:
        """What the (principal, operation id) pairs were used for, of those that are projected."""

    async def find_children(self, shard: str, parents: Sequence[OrderId]) -> Mapping[OrderId, Sequence[OrderId]]:
        """The children of parents, in the order of their ordinals."""

    async def order_rows(self, shard: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Mapping[str, object]]:
        """The rows of orders as the tables hold them (column name to value), to be compared with folds."""

    async def find_asset_moves(self, keys: Sequence[tuple[AccountId, str]]) -> Sequence[tuple[AccountId, str]]:
        """Which of the (account, reference) pairs are recorded."""
