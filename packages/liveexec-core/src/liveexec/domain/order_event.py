"""What can become true about an order: a closed union, journaled before anything follows from it.

Names are stable (they are in journals for good) and never reused; a change of an event's fields raises its version
and adds an upcaster in :mod:`liveexec.domain.codec`. When an event was recorded, in which stream, at which sequence,
for what cause and by which epoch stands once on the record that carries it (:class:`liveexec.domain.record.Record`).
Events are hot records: nobody changes one after it is made.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import define

from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OperationId, OrderId, StrategyId, VenueOrderId
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Side
from liveexec.domain.outcome import OrderReport, SendPlan

__all__ = [
    "Accepted",
    "Adjusted",
    "Adopted",
    "CancelRejected",
    "CancelRequested",
    "CancelUnknown",
    "Canceled",
    "ChildSpawned",
    "Expired",
    "FillApplied",
    "FillBusted",
    "FillCorrected",
    "NotSent",
    "OrderEvent",
    "OrderReceived",
    "ParentFinished",
    "Reattributed",
    "ReplaceRejected",
    "ReplaceRequested",
    "ReplaceUnknown",
    "Replaced",
    "Resolution",
    "RiskApproved",
    "RiskRefused",
    "RiskStage",
    "RouteCandidate",
    "RouteLeg",
    "Routed",
    "RuleRefusal",
    "ScheduleFixed",
    "SubmitRequested",
    "SubmitUnknown",
    "VenueRejected",
]


class RiskStage(StrEnum):
    """Which of the two stages of pre-trade risk a verdict belongs to."""

    PARENT = "PARENT"
    LEG = "LEG"


@define(eq=False)
class RuleRefusal:
    """One rule's refusal: its stable code and what it compared with what."""

    code: str
    message: str


@define(eq=False)
class RouteCandidate:
    """A venue that was considered: its all-in parts in quote currency per unit, or why it was left out."""

    instrument_id: InstrumentId
    account_id: AccountId | None
    price: Decimal | None
    fee: Decimal | None
    slippage: Decimal | None
    latency_penalty: Decimal | None
    score: Decimal | None
    left_out: str | None = None


@define(eq=False)
class RouteLeg:
    """Where a part of the order goes, and how fills there turn into value."""

    instrument_id: InstrumentId
    account_id: AccountId
    quantity: Decimal
    terms: ContractTerms


class Resolution(StrEnum):
    """How a parent ended, or how an operator resolved an order."""

    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@define(eq=False)
class OrderReceived:
    """The intent is known. ``content_hash`` is compared when its operation id comes again."""

    intent: OrderIntent
    operation_id: OperationId
    content_hash: str
    principal: str
    parent_order_id: OrderId | None = None
    ordinal: int | None = None


@define(eq=False)
class RiskApproved:
    """All rules of a stage agreed; ``reserve_price`` values the exposure that is reserved with it."""

    stage: RiskStage
    reserve_price: Decimal | None


@define(eq=False)
class RiskRefused:
    """At least one rule refused: ``code`` is the first in precedence, ``refusals`` are all of them."""

    stage: RiskStage
    code: str
    message: str
    refusals: tuple[RuleRefusal, ...]


@define(eq=False)
class Routed:
    """Where the order goes and why. A single leg names the order's own instrument and account."""

    policy: str
    legs: tuple[RouteLeg, ...]
    candidates: tuple[RouteCandidate, ...]


@define(eq=False)
class ScheduleFixed:
    """What an algorithm decided once and for all, from which its state is rebuilt after a crash."""

    schedule: dict[str, Any]


@define(eq=False)
class ChildSpawned:
    """The parent has a further child, whose id derives from the parent's and the ordinal."""

    child_order_id: OrderId
    ordinal: int
    quantity: Decimal


@define(eq=False)
class SubmitRequested:
    """The order may be sent from now on, once, exactly as planned, for this quantity and limit.

    A later attempt is the second half of an emulated replace; its quantity is what the first half left.
    """

    attempt: int
    plan: SendPlan
    quantity: Decimal
    price: Decimal | None


@define(eq=False)
class NotSent:
    """The proof that an attempt never reached the venue: it was stopped before its bytes, or is provably absent."""

    attempt: int
    reason: str


@define(eq=False)
class SubmitUnknown:
    """The order may or may not be at the venue."""

    attempt: int
    reason: str


@define(eq=False)
class Accepted:
    """The venue has the order (FIX ExecType=New)."""

    venue_order_id: VenueOrderId | None
    venue_time_ns: int | None
    refs: dict[str, str] | None = None


@define(eq=False)
class VenueRejected:
    """The venue refused the order, in its own words (FIX ExecType=Rejected)."""

    code: str
    message: str
    venue_time_ns: int | None = None


@define(eq=False)
class FillApplied:
    """A fill counts (FIX ExecType=Trade)."""

    fill: Fill


@define(eq=False)
class FillBusted:
    """A fill is taken back (FIX ExecType=Trade Cancel); the fill is repeated so that folds can undo it.

    ``overtook``: it was told before its fill, while the order was open. Then the fill counted in no status.
    """

    fill: Fill
    reason: str
    overtook: bool = False


@define(eq=False)
class FillCorrected:
    """A fill is replaced by another (FIX ExecType=Trade Correct)."""

    original: Fill
    fill: Fill


@define(eq=False)
class CancelRequested:
    """Somebody wants the order gone; the wish is sticky until the order is terminal."""

    operation_id: OperationId
    content_hash: str
    principal: str
    reason: str


@define(eq=False)
class CancelUnknown:
    """The cancel may or may not have reached the venue."""

    reason: str


@define(eq=False)
class CancelRejected:
    """The venue refused the cancel (FIX OrderCancelReject): the order stands as it stood, and so does the wish."""

    code: str
    message: str


@define(eq=False)
class Canceled:
    """The venue says that the order is gone (FIX ExecType=Canceled)."""

    reason: str
    venue_time_ns: int | None


@define(eq=False)
class ReplaceRequested:
    """A change may be sent. ``plan`` names the order from then on where the venue wants a new client id."""

    operation_id: OperationId
    content_hash: str
    principal: str
    quantity: Decimal
    price: Decimal | None
    atomic: bool
    attempt: int
    plan: SendPlan


@define(eq=False)
class ReplaceUnknown:
    """The change may or may not have taken effect."""

    reason: str


@define(eq=False)
class Replaced:
    """The order stands changed (FIX ExecType=Replaced); ``quantity`` is the total."""

    quantity: Decimal
    price: Decimal | None
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId | None
    venue_time_ns: int | None


@define(eq=False)
class ReplaceRejected:
    """The change was refused; the order works on as it was."""

    code: str
    message: str


@define(eq=False)
class Expired:
    """The order's time ended (FIX ExecType=Expired)."""

    reason: str
    venue_time_ns: int | None


@define(eq=False)
class Adopted:
    """An order at the venue that this library did not send is tracked from now on, with what it still has to fill."""

    account_id: AccountId
    strategy_id: StrategyId
    instrument_id: InstrumentId
    side: Side
    terms: ContractTerms
    report: OrderReport


@define(eq=False)
class Reattributed:
    """An adopted order turned out to belong to a strategy, an operator says."""

    strategy_id: StrategyId
    principal: str
    reason: str


@define(eq=False)
class ParentFinished:
    """A parent spawns no more; its filled quantity stays the sum of its leaves'."""

    resolution: Resolution
    code: str | None
    reason: str


@define(eq=False)
class Adjusted:
    """An operator resolved what no evidence could, with a reason that the audit log keeps."""

    resolution: Resolution
    principal: str
    reason: str


OrderEvent = (
    OrderReceived
    | RiskApproved
    | RiskRefused
    | Routed
    | ScheduleFixed
    | ChildSpawned
    | SubmitRequested
    | NotSent
    | SubmitUnknown
    | Accepted
    | VenueRejected
    | FillApplied
    | FillBusted
    | FillCorrected
    | CancelRequested
    | CancelUnknown
    | CancelRejected
    | Canceled
    | ReplaceRequested
    | ReplaceUnknown
    | Replaced
    | ReplaceRejected
    | Expired
    | Adopted
    | Reattributed
    | ParentFinished
    | Adjusted
)
