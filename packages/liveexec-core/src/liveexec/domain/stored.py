"""What passes between the runtime and a store: batches to write, and what reading finds.

Stores and the protocol that they implement (:class:`liveexec.runtime.ports.JournalStore`) share these values, so that
neither side imports the other.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Self

from attrs import define, field, frozen

from liveexec.domain.account_event import AssetMoved, ControlScope, DriftSeen, FlattenRequested, LatchSet, StateChanged
from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, InstrumentId, OperationId, OrderId, StrategyId
from liveexec.domain.instrument import Listing
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
class ShardStatus:
    """How a shard stands: who owns it until when (UTC nanoseconds by the store's clock), how far both heads are."""

    shard: str
    epoch: int
    owner: str
    lease_until_ns: int
    batch: int
    position: int
    projected_through: int


@frozen
class ListedSteps:
    """The steps that an instrument's prices and quantities move in, as its venue lists it: what readers need to show
    its amounts. ``tick`` is the finest one where the tick size goes with the price."""

    instrument_id: InstrumentId
    tick: Decimal
    lot: Decimal

    @classmethod
    def of(cls, listing: Listing) -> Self:
        """The steps of a listing."""
        return cls(listing.instrument_id, listing.ticks.finest, listing.lot)


@define(eq=False)
class AppendBatch:
    """Records to append as one transaction.

    ``batch`` is the last batch's number plus one, ``first_position`` the last position plus one; records take
    consecutive positions. ``encoded`` holds each record's events as :func:`liveexec.domain.codec.encode_events` wrote
    them, where the caller has encoded them when they were made (a retry then costs no second encoding).
    """

    shard: str
    epoch: int
    batch: int
    first_position: int
    records: Sequence[Record]
    encoded: Sequence[bytes] | None = None

    @property
    def last_position(self) -> int:
        return self.first_position + len(self.records) - 1


@define(eq=False)
class StoredRecord:
    """A record as it stands in the journal."""

    position: int
    epoch: int
    record: Record


#: (account, kind of reference, reference); kinds are ``client``, ``venue`` and those of ``SendPlan.refs``.
RefKey = tuple[AccountId, str, str]
#: (principal, operation id): idempotency keys are unique per caller.
OperationKey = tuple[str, OperationId]


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
    """An operator's action, for the audit log.

    ``position`` is that of the journal record that tells of it, so that a rebuild of the tables writes no row twice;
    ``None`` for an action that the journal does not hold.
    """

    at_ns: int
    principal: str
    action: str
    subject: str
    reason: str
    details: Mapping[str, str] = field(factory=dict)
    position: int | None = None


@define(eq=False)
class ProjectionBatch:
    """The latest state of everything that records after ``after`` up to ``through`` changed.

    ``orders`` are written whole, one row each; ``routes`` holds the routing decisions taken within the batch (a row
    keeps the one it has otherwise). ``positions`` are by strategy, ``books`` the accounts' nets and assets: a book
    may hold only the positions and assets that changed, what it does not name stays as it is. ``sequences`` holds the
    next sequence of each account or control stream that moved. ``marks`` are the market's prices that positions of
    this batch are valued at; a position without one is stored without price and unrealised result.
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
    sequences: Mapping[str, int] = field(factory=dict)
    drifts: Sequence[DriftSeen] = ()
    accepted_drifts: Sequence[tuple[AccountId, str]] = ()
    flattenings: Sequence[FlattenRequested] = ()
    ended_flattenings: Sequence[tuple[ControlScope, AccountId]] = ()
    marks: Mapping[InstrumentId, Decimal] = field(factory=dict)
    #: What a store made of the batch when it first saw it, for a repeated attempt.
    prepared: list[Any] | None = None


@define(eq=False)
class SavedState:
    """What the tables hold when a shard is taken over: the start of recovery, before the journal's tail.

    ``open_orders`` are ids only: their orders are folded from their journal streams, which is compared with the rows.
    ``sequences`` are the next ones of account and control streams.
    """

    projected_through: int
    open_orders: Sequence[OrderId]
    positions: Mapping[PositionKey, Position]
    books: Sequence[AccountBook]
    states: Sequence[StateChanged]
    latches: Sequence[LatchSet]
    sequences: Mapping[str, int]
    drifts: Sequence[DriftSeen] = ()
    flattenings: Sequence[FlattenRequested] = ()
