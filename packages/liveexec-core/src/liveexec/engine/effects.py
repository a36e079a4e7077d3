"""What the engine asks the shell to carry out, once the events it comes with are durable."""

from decimal import Decimal
from enum import StrEnum

from attrs import define

from liveexec.domain.ids import AccountId, InstrumentId, OrderId
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.outcome import OrderRef, SendPlan

__all__ = [
    "ArmTimer",
    "DisarmTimer",
    "Effect",
    "FetchFills",
    "PrepareOrder",
    "QueryOrder",
    "SendCancel",
    "SendReplace",
    "SendSubmit",
    "TimerKey",
    "TimerKind",
    "takes_risk_away",
]


class TimerKind(StrEnum):
    """What a timer is about."""

    #: An algorithm asked to be woken.
    ALGORITHM = "ALGORITHM"
    #: The answer to a submit, a cancel or a replace is overdue.
    ANSWER = "ANSWER"
    #: An order whose fate is unknown is asked about again.
    UNKNOWN = "UNKNOWN"
    #: A wished cancel is repeated.
    CANCEL = "CANCEL"
    #: A report that no order could be found for is adopted.
    ADOPTION = "ADOPTION"


#: One timer per kind and subject; arming it again moves it.
TimerKey = tuple[TimerKind, str]


@define(eq=False)
class SendSubmit:
    """Send the order of this attempt, exactly as its plan says. ``decided_at_ns`` is the age of the decision and
    ``book_at_ns`` that of the price it was based on (``None``: not based on one)."""

    order: Order
    attempt: int
    plan: SendPlan
    quantity: Decimal
    price: Decimal | None
    decided_at_ns: int
    book_at_ns: int | None


@define(eq=False)
class SendCancel:
    """Ask for the order's cancel."""

    order: Order
    ref: OrderRef


@define(eq=False)
class SendReplace:
    """Ask for the change of the order. ``decided_at_ns`` is the age of the decision."""

    order: Order
    ref: OrderRef
    plan: SendPlan
    quantity: Decimal
    price: Decimal | None
    filled_quantity: Decimal
    decided_at_ns: int


@define(eq=False)
class PrepareOrder:
    """Have the adapter make the plan of an attempt; it comes back as an input."""

    order: Order
    attempt: int
    quantity: Decimal
    price: Decimal | None
    valid_until_ns: int
    book_at_ns: int | None


@define(eq=False)
class QueryOrder:
    """Ask the venue what became of the order. Only an answer asked at or after ``not_before_ns`` can prove absence."""

    order: Order
    ref: OrderRef
    not_before_ns: int


@define(eq=False)
class FetchFills:
    """The venue counts ``filled_quantity`` for an order, more than has arrived: fetch fills since ``since_ns``."""

    account_id: AccountId
    instrument_id: InstrumentId
    order_id: OrderId
    filled_quantity: Decimal
    since_ns: int


@define(eq=False)
class ArmTimer:
    """Ring at ``at_ns`` (engine time)."""

    key: TimerKey
    at_ns: int


@define(eq=False)
class DisarmTimer:
    """Don't ring any more."""

    key: TimerKey


Effect = SendSubmit | SendCancel | SendReplace | PrepareOrder | QueryOrder | FetchFills | ArmTimer | DisarmTimer


def takes_risk_away(effect: Effect) -> bool:
    """Whether it is a wished cancel, or what repeats one until its order has ended; it need not wait for the journal
    where that can't write."""
    match effect:
        case SendCancel(order):
            return order.cancel is not PendingCancel.NONE
        case ArmTimer((kind, _)):
            return kind is TimerKind.CANCEL
        case _:
            return False
