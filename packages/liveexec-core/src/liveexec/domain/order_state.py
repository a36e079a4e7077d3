"""The order state table: for a status and an event, what follows. Everything that is not in it raises.

A parent and a leaf share the table; an event that only one of the two can have is listed where it can occur. The
table is a value, so that it can be printed, tested pair by pair and drawn.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from liveexec.domain import order_event as ev
from liveexec.errors import TransitionError

__all__ = ["KEEP", "OPEN_STATUSES", "TERMINAL_STATUSES", "TRANSITIONS", "Derived", "OrderStatus", "transition"]


class OrderStatus(StrEnum):
    """FIX tag 39, with UNKNOWN for what FIX leaves open: the order may or may not be at the venue."""

    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_open(self) -> bool:
        """Whether something may still come of the order without a late surprise."""
        return self in OPEN_STATUSES


OPEN_STATUSES: Final = frozenset(
    {
        OrderStatus.PENDING,
        OrderStatus.SUBMITTED,
        OrderStatus.ACCEPTED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.UNKNOWN,
    }
)
TERMINAL_STATUSES: Final = frozenset(OrderStatus) - OPEN_STATUSES


class Derived(StrEnum):
    """Where the next status depends on more than the pair."""

    #: The status stays.
    KEEP = "keep"
    #: FILLED when nothing is left, PARTIALLY_FILLED when something is filled, else ACCEPTED.
    BY_FILLS = "by fills"
    #: The same, but an order that already ended stays ended unless the fill completes it.
    COMPLETES = "completes"
    #: REJECTED; but CANCELED when an earlier attempt of the order did work (an emulated replace).
    BY_ATTEMPT = "by attempt"
    #: CANCELED when a cancel was wanted, else by attempt.
    BY_CANCEL_WISH = "by cancel wish"
    #: What the event's resolution says.
    BY_RESOLUTION = "by resolution"
    #: What the venue's report in the event says.
    BY_REPORT = "by report"


KEEP: Final = Derived.KEEP

Next = OrderStatus | Derived
_P, _S, _A, _PF = OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED
_F, _C, _R, _E, _U = (
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
    OrderStatus.UNKNOWN,
)

# Wishes and answers that leave the status alone wherever the order may still be live.
_FLAGS: Final[dict[type[Any], Next]] = {
    ev.CancelRequested: KEEP,
    ev.CancelUnknown: KEEP,
    ev.CancelRejected: KEEP,
    ev.ReplaceRequested: KEEP,
    ev.ReplaceUnknown: KEEP,
    ev.ReplaceRejected: KEEP,
    ev.Reattributed: KEEP,
}
# What a venue may say of an order that it has, or may have.
_FROM_VENUE: Final[dict[type[Any], Next]] = {
    ev.FillApplied: Derived.BY_FILLS,
    ev.FillBusted: Derived.BY_FILLS,
    ev.FillCorrected: Derived.BY_FILLS,
    ev.Canceled: _C,
    ev.Expired: _E,
    ev.Replaced: Derived.BY_FILLS,
    ev.Adjusted: Derived.BY_RESOLUTION,
}
# Terminal is not deaf: money moved whatever the status says. Answers that cross the end change nothing.
_AFTER_THE_END: Final[dict[type[Any], Next]] = {
    ev.FillApplied: Derived.COMPLETES,
    ev.FillBusted: Derived.COMPLETES,
    ev.FillCorrected: Derived.COMPLETES,
    ev.CancelUnknown: KEEP,
    ev.CancelRejected: KEEP,
    ev.ReplaceUnknown: KEEP,
    ev.ReplaceRejected: KEEP,
    ev.Reattributed: KEEP,
    ev.Adjusted: Derived.BY_RESOLUTION,
}
# A parent's own events: it works from its first schedule or child until it is finished.
_PARENT: Final[dict[type[Any], Next]] = {
    ev.ScheduleFixed: KEEP,
    ev.ChildSpawned: KEEP,
    ev.ParentFinished: Derived.BY_RESOLUTION,
}

TRANSITIONS: Final[MappingProxyType[OrderStatus | None, MappingProxyType[type[Any], Next]]] = MappingProxyType(
    {
        None: MappingProxyType({ev.OrderReceived: _P, ev.Adopted: Derived.BY_REPORT}),
        _P: MappingProxyType(
            {
                ev.RiskApproved: KEEP,
                ev.RiskRefused: _R,
                ev.Routed: KEEP,
                ev.ScheduleFixed: _A,
                ev.ChildSpawned: _A,
                ev.ParentFinished: Derived.BY_RESOLUTION,
                ev.SubmitRequested: _S,
                ev.NotSent: Derived.BY_CANCEL_WISH,
                ev.CancelRequested: KEEP,
                ev.Adjusted: Derived.BY_RESOLUTION,
            }
        ),
        _S: MappingProxyType(
            _FLAGS
            | _FROM_VENUE
            | {
                ev.NotSent: Derived.BY_CANCEL_WISH,
                ev.SubmitUnknown: _U,
                ev.Accepted: Derived.BY_FILLS,
                ev.VenueRejected: Derived.BY_ATTEMPT,
            }
        ),
        _U: MappingProxyType(
            _FLAGS
            | _FROM_VENUE
            | {
                ev.NotSent: Derived.BY_CANCEL_WISH,
                ev.Accepted: Derived.BY_FILLS,
                ev.VenueRejected: Derived.BY_ATTEMPT,
            }
        ),
        _A: MappingProxyType(
            _FLAGS
            | _FROM_VENUE
            | _PARENT
            | {
                ev.Accepted: KEEP,
                # A venue may take an order and refuse it a moment later (a crossing post-only, a failed margin check).
                ev.VenueRejected: Derived.BY_ATTEMPT,
                # The resubmission half of an emulated replace, under the same order.
                ev.SubmitRequested: _S,
                ev.NotSent: Derived.BY_CANCEL_WISH,
                # It may be filled already up to the quantity that it keeps.
                ev.ReplaceRejected: Derived.BY_FILLS,
            }
        ),
        _PF: MappingProxyType(
            _FLAGS
            | _FROM_VENUE
            | _PARENT
            | {
                ev.Accepted: KEEP,
                ev.VenueRejected: Derived.BY_ATTEMPT,
                ev.SubmitRequested: _S,
                ev.NotSent: Derived.BY_CANCEL_WISH,
                ev.ReplaceRejected: Derived.BY_FILLS,
            }
        ),
        _F: MappingProxyType(
            _AFTER_THE_END
            | {
                ev.Accepted: KEEP,
                ev.Replaced: KEEP,
                ev.ParentFinished: KEEP,
                # Met by a fill alone, an order that we did not send may turn out to be larger.
                ev.Adopted: Derived.BY_REPORT,
            }
        ),
        _C: MappingProxyType(_AFTER_THE_END | {ev.Accepted: KEEP}),
        _R: MappingProxyType(_AFTER_THE_END | {ev.Accepted: KEEP}),
        _E: MappingProxyType(_AFTER_THE_END | {ev.Accepted: KEEP}),
    }
)


#: The same as plain dictionaries, which are read faster than the views that keep the table as it is.
_ROWS: Final = {status: dict(row) for status, row in TRANSITIONS.items()}


def transition(status: OrderStatus | None, event: type[Any]) -> Next:
    """What follows an event in a status (``None`` before the first event).

    Raises:
        TransitionError: nothing does; the pair is not in the table.
    """
    following = _ROWS[status].get(event)
    if following is None:
        raise TransitionError(f"{event.__name__} can't follow in status {status or 'NEW'}")
    return following
