"""What the engine is told. Each input carries the engine time of its arrival in UTC nanoseconds, set by the shell."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import define

from liveexec.domain.account_event import ControlScope, TradingState
from liveexec.domain.ids import AccountId, OperationId, OrderId, StrategyId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.order_event import Resolution
from liveexec.domain.outcome import (
    Absent,
    BalanceReport,
    NotKnown,
    OrderReport,
    PositionReport,
    SendOutcome,
    SendPlan,
    VenueReport,
)
from liveexec.engine.effects import TimerKey

if TYPE_CHECKING:
    from liveexec.engine.config import EngineConfig

__all__ = [
    "AccountPhase",
    "AccountSnapshot",
    "CancelOrder",
    "ClearLatch",
    "ConfigUpdate",
    "ControlKind",
    "EngineInput",
    "Forget",
    "Kill",
    "ListingsUpdate",
    "MarketUpdate",
    "Phase",
    "PlanPrepared",
    "QueryAnswered",
    "RateUpdate",
    "Recovered",
    "ReplaceOrder",
    "Report",
    "SendAnswered",
    "SendStopped",
    "SendVerb",
    "SetTradingState",
    "SubmitOrder",
    "TimerRang",
]


@define(eq=False)
class SubmitOrder:
    """An order was asked for, under an id that the shell made."""

    at_ns: int
    order_id: OrderId
    operation_id: OperationId
    intent: OrderIntent
    principal: str
    content_hash: str


@define(eq=False)
class CancelOrder:
    """A cancel was asked for."""

    at_ns: int
    operation_id: OperationId
    intent: CancelIntent
    principal: str
    content_hash: str


@define(eq=False)
class ReplaceOrder:
    """A change was asked for."""

    at_ns: int
    operation_id: OperationId
    intent: ReplaceIntent
    principal: str
    content_hash: str


@define(eq=False)
class Report:
    """An adapter delivered a report. ``looked_up``: what it is about was not in memory, and the store was asked."""

    at_ns: int
    report: VenueReport
    looked_up: bool = False


class SendVerb(StrEnum):
    """Which request an answer belongs to."""

    SUBMIT = "SUBMIT"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"


@define(eq=False)
class SendAnswered:
    """An adapter answered a request; of a change, ``plan`` tells which."""

    at_ns: int
    order_id: OrderId
    attempt: int
    verb: SendVerb
    outcome: SendOutcome
    plan: SendPlan | None = None


@define(eq=False)
class SendStopped:
    """The send gate let a request not through: the proof that its bytes never left. ``plan`` tells which change."""

    at_ns: int
    order_id: OrderId
    attempt: int
    verb: SendVerb
    reason: str
    plan: SendPlan | None = None


@define(eq=False)
class PlanPrepared:
    """An adapter made the plan of an attempt, or could not (``plan`` is ``None``, ``reason`` says why)."""

    at_ns: int
    order_id: OrderId
    attempt: int
    plan: SendPlan | None
    reason: str = ""


@define(eq=False)
class QueryAnswered:
    """A venue answered what became of an order. ``asked_at_ns`` is engine time before the question left."""

    at_ns: int
    order_id: OrderId
    asked_at_ns: int
    answer: OrderReport | Absent | NotKnown


@define(eq=False)
class MarketUpdate:
    """The latest book of an instrument, or trades summed over an interval."""

    at_ns: int
    update: Book | TradeBar


@define(eq=False)
class TimerRang:
    """A timer that the engine armed rang."""

    at_ns: int
    key: TimerKey


@define(eq=False)
class ListingsUpdate:
    """What a venue lists now, through one account; replaces what it listed before."""

    at_ns: int
    venue: VenueName
    listings: tuple[Listing, ...]


class Phase(StrEnum):
    """Where an account stands with its venue. Only ACTIVE takes risk; cancels pass in every phase but DOWN."""

    DOWN = "DOWN"
    RECONCILING = "RECONCILING"
    ACTIVE = "ACTIVE"


@define(eq=False)
class AccountPhase:
    """An account's session came up, is being reconciled, is trusted, or was lost."""

    at_ns: int
    account_id: AccountId
    phase: Phase
    reason: str = ""


@define(eq=False)
class AccountSnapshot:
    """What reconciliation fetched from the venue of an account, all asked for after ``requested_at_ns``.

    ``open_orders`` is complete when ``orders_complete`` says so; what is missing from it proves nothing by itself.
    """

    at_ns: int
    account_id: AccountId
    requested_at_ns: int
    open_orders: Sequence[OrderReport]
    orders_complete: bool
    positions: Sequence[PositionReport]
    balances: Sequence[BalanceReport]
    #: When the reconciliation began that it is of, before its fills were asked for; zero if that was no earlier.
    began_at_ns: int = 0


@define(eq=False)
class RateUpdate:
    """One unit of ``asset`` is worth ``rate`` of the reporting currency."""

    at_ns: int
    asset: str
    rate: Decimal


class ControlKind(StrEnum):
    """What a kill does beside blocking."""

    BLOCK = "BLOCK"
    CANCEL_ALL = "CANCEL_ALL"
    FLATTEN = "FLATTEN"


@define(eq=False)
class SetTradingState:
    """An operator sets the trading state of a scope."""

    at_ns: int
    scope: ControlScope
    state: TradingState
    principal: str
    reason: str


@define(eq=False)
class Kill:
    """An operator stops a scope: block, cancel everything, or flatten as well.

    ``order_id`` is made by the shell; the orders that flatten derive their ids from it.
    """

    at_ns: int
    order_id: OrderId
    scope: ControlScope
    kind: ControlKind
    principal: str
    reason: str


@define(eq=False)
class ClearLatch:
    """An operator clears a latch that a control set."""

    at_ns: int
    scope: ControlScope
    code: str
    principal: str
    reason: str


@define(eq=False)
class AcceptDrift:
    """An operator accepts what the venue says that an account holds."""

    at_ns: int
    account_id: AccountId
    subject: str
    principal: str
    reason: str


@define(eq=False)
class ResolveOrder:
    """An operator says how an order ended of which no evidence comes any more."""

    at_ns: int
    order_id: OrderId
    resolution: Resolution
    principal: str
    reason: str


@define(eq=False)
class ReattributeOrder:
    """An operator says whose an adopted order is."""

    at_ns: int
    order_id: OrderId
    strategy_id: StrategyId
    principal: str
    reason: str


@define(eq=False)
class ConfigUpdate:
    """A new configuration of the engine takes effect."""

    at_ns: int
    config: "EngineConfig"
    config_hash: str
    principal: str
    summary: str


@define(eq=False)
class JournalLost:
    """The journal can't be written, for how long nobody knows. ``order_id`` is made by the shell; the operation ids of
    the cancels that follow derive from it."""

    at_ns: int
    order_id: OrderId


@define(eq=False)
class Recovered:
    """The ledger was rebuilt from the journal: what was in flight when the last owner stopped is unknown from now."""

    at_ns: int


@define(eq=False)
class Forget:
    """These finished orders may leave memory if nothing happened to them since: each with the sequence up to which
    it is durable and projected."""

    at_ns: int
    orders: tuple[tuple[OrderId, int], ...]


EngineInput = (
    SubmitOrder
    | CancelOrder
    | ReplaceOrder
    | Report
    | SendAnswered
    | SendStopped
    | PlanPrepared
    | QueryAnswered
    | MarketUpdate
    | TimerRang
    | ListingsUpdate
    | AccountPhase
    | AccountSnapshot
    | RateUpdate
    | SetTradingState
    | Kill
    | ClearLatch
    | AcceptDrift
    | ResolveOrder
    | ReattributeOrder
    | ConfigUpdate
    | JournalLost
    | Recovered
    | Forget
)
