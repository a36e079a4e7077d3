"""The order state table, written out a second time: every status against every event, checked in table and fold."""

from decimal import Decimal
from typing import Any, Final, get_args

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OperationId, StrategyId, VenueOrderId
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_fold import apply_event, new_order
from liveexec.domain.order_state import (
    KEEP,
    OPEN_STATUSES,
    TERMINAL_STATUSES,
    TRANSITIONS,
    Derived,
    OrderStatus,
    transition,
)
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.errors import InvariantViolation, TransitionError
from support.builders import (
    NOW_NS,
    events_to,
    make_adopted,
    make_cancel_requested,
    make_fill,
    make_leg,
    make_order,
    make_order_in,
    make_order_report,
    make_received,
    make_replace_requested,
    make_routed,
    make_submit_requested,
)

#: ``.`` raises; ``=`` keeps the status; a status's initials set it; lower-case words derive it (see MEANINGS).
#: NEW is before the first event. Columns: NEW PEnding SUbmitted UNknown ACcepted Partially_Filled FIlled CAnceled
#: REjected EXpired.
TABLE: Final = """
                  NEW      PE       SU       UN       AC       PF       FI       CA       RE       EX
OrderReceived     PE       .        .        .        .        .        .        .        .        .
Adopted           report   .        .        .        .        .        report   .        .        .
RiskApproved      .        =        .        .        .        .        .        .        .        .
RiskRefused       .        RE       .        .        .        .        .        .        .        .
Routed            .        =        .        .        .        .        .        .        .        .
ScheduleFixed     .        AC       .        .        =        =        .        .        .        .
ChildSpawned      .        AC       .        .        =        =        .        .        .        .
SubmitRequested   .        SU       .        .        SU       SU       .        .        .        .
NotSent           .        wish     wish     wish     wish     wish     .        .        .        .
SubmitUnknown     .        .        UN       .        .        .        .        .        .        .
Accepted          .        .        fills    fills    =        =        =        =        =        =
VenueRejected     .        .        attempt  attempt  attempt  attempt  .        .        .        .
FillApplied       .        .        fills    fills    fills    fills    late     late     late     late
FillBusted        .        .        fills    fills    fills    fills    late     late     late     late
FillCorrected     .        .        fills    fills    fills    fills    late     late     late     late
CancelRequested   .        =        =        =        =        =        .        .        .        .
CancelUnknown     .        .        =        =        =        =        =        =        =        =
CancelRejected    .        .        =        =        =        =        =        =        =        =
Canceled          .        .        CA       CA       CA       CA       .        .        .        .
ReplaceRequested  .        .        =        =        =        =        .        .        .        .
ReplaceUnknown    .        .        =        =        =        =        =        =        =        =
Replaced          .        .        fills    fills    fills    fills    =        .        .        .
ReplaceRejected   .        .        =        =        fills    fills    =        =        =        =
Expired           .        .        EX       EX       EX       EX       .        .        .        .
Reattributed      .        .        =        =        =        =        =        =        =        =
ParentFinished    .        says     .        .        says     says     =        .        .        .
Adjusted          .        says     says     says     says     says     says     says     says     says
"""

STATUSES: Final[dict[str, OrderStatus | None]] = {
    "NEW": None,
    "PE": OrderStatus.PENDING,
    "SU": OrderStatus.SUBMITTED,
    "UN": OrderStatus.UNKNOWN,
    "AC": OrderStatus.ACCEPTED,
    "PF": OrderStatus.PARTIALLY_FILLED,
    "FI": OrderStatus.FILLED,
    "CA": OrderStatus.CANCELED,
    "RE": OrderStatus.REJECTED,
    "EX": OrderStatus.EXPIRED,
}
MEANINGS: Final[dict[str, OrderStatus | Derived | None]] = {
    ".": None,
    "=": KEEP,
    "fills": Derived.BY_FILLS,
    "late": Derived.COMPLETES,
    "attempt": Derived.BY_ATTEMPT,
    "wish": Derived.BY_CANCEL_WISH,
    "says": Derived.BY_RESOLUTION,
    "report": Derived.BY_REPORT,
    **{name: status for name, status in STATUSES.items() if status is not None},
}
EVENTS: Final = {kind.__name__: kind for kind in get_args(OrderEvent)}


def expected() -> dict[tuple[OrderStatus | None, str], OrderStatus | Derived | None]:
    head, *rows = (line.split() for line in TABLE.strip().splitlines())
    return {
        (STATUSES[column], row[0]): MEANINGS[cell] for row in rows for column, cell in zip(head, row[1:], strict=True)
    }


EXPECTED: Final = expected()
PAIRS: Final = [pytest.param(status, name, id=f"{status or 'NEW'}-{name}") for status, name in EXPECTED]


def an_event(name: str, order: Order | None = None) -> OrderEvent:
    """An event that fits the order's contents, so that only its status can forbid it."""
    counting = next(iter((order.fills or {}).values()), None) if order is not None else None
    made: dict[str, OrderEvent] = {
        "OrderReceived": make_received(),
        "Adopted": make_adopted(),
        "RiskApproved": ev.RiskApproved(ev.RiskStage.LEG, Decimal(45_000)),
        "RiskRefused": ev.RiskRefused(ev.RiskStage.LEG, "MAX_ORDER_SIZE", "1 > 0.5", ()),
        "Routed": make_routed(),
        "ScheduleFixed": ev.ScheduleFixed({"slices": 3}),
        "ChildSpawned": ev.ChildSpawned(make_order().order_id, 1, Decimal("0.5")),
        "SubmitRequested": make_submit_requested(),
        "NotSent": ev.NotSent(1, "deadline"),
        "SubmitUnknown": ev.SubmitUnknown(1, "timeout"),
        "Accepted": ev.Accepted(VenueOrderId("V-1"), NOW_NS),
        "VenueRejected": ev.VenueRejected("-1", "no"),
        "FillApplied": ev.FillApplied(make_fill(9, quantity=Decimal("0.25"))),
        "FillBusted": ev.FillBusted(counting or make_fill(), "error trade"),
        "FillCorrected": ev.FillCorrected(counting or make_fill(), make_fill(8, quantity=Decimal("0.25"))),
        "CancelRequested": make_cancel_requested(),
        "CancelUnknown": ev.CancelUnknown("timeout"),
        "CancelRejected": ev.CancelRejected("-2", "too late"),
        "Canceled": ev.Canceled("requested", NOW_NS),
        "ReplaceRequested": make_replace_requested(),
        "ReplaceUnknown": ev.ReplaceUnknown("timeout"),
        "Replaced": ev.Replaced(Decimal(2), Decimal(44_000), None, None, NOW_NS),
        "ReplaceRejected": ev.ReplaceRejected("-3", "too late"),
        "Expired": ev.Expired("end of day", NOW_NS),
        "Reattributed": ev.Reattributed(StrategyId("other"), "operator", "a late acknowledgement"),
        "ParentFinished": ev.ParentFinished(ev.Resolution.CANCELED, None, "stopped"),
        "Adjusted": ev.Adjusted(ev.Resolution.CANCELED, "operator", "the venue's support confirmed"),
    }
    return made[name]


class TestTable:
    def test_it_covers_every_status_and_every_event(self) -> None:
        assert {name for _, name in EXPECTED} == set(EVENTS)
        assert {status for status, _ in EXPECTED} == {None, *OrderStatus}
        assert len(EXPECTED) == (len(OrderStatus) + 1) * len(EVENTS) == 270

    @pytest.mark.parametrize(("status", "name"), PAIRS)
    def test_what_follows(self, status: OrderStatus | None, name: str) -> None:
        following = EXPECTED[status, name]
        assert TRANSITIONS[status].get(EVENTS[name]) == following
        if following is None:
            with pytest.raises(TransitionError, match=f"{name} can't follow in status {status or 'NEW'}"):
                transition(status, EVENTS[name])
        else:
            assert transition(status, EVENTS[name]) == following

    def test_the_table_holds_nothing_else_and_can_not_be_changed(self) -> None:
        for status, row in TRANSITIONS.items():
            assert {kind.__name__ for kind in row} == {
                name for at, name in EXPECTED if at == status and EXPECTED[at, name]
            }
        with pytest.raises(TypeError):
            TRANSITIONS[OrderStatus.FILLED] = {}  # type: ignore[index] # wrong on purpose

    def test_open_and_terminal_divide_the_statuses(self) -> None:
        assert set(OrderStatus) == OPEN_STATUSES | TERMINAL_STATUSES
        assert not OPEN_STATUSES & TERMINAL_STATUSES
        assert {status.value for status in TERMINAL_STATUSES} == {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}
        assert all(status.is_open == (status in OPEN_STATUSES) for status in OrderStatus)

    def test_nothing_but_evidence_proof_or_an_operator_ends_an_order_that_may_be_at_the_venue(self) -> None:
        evidence = {
            "Canceled",
            "Expired",
            "VenueRejected",
            "FillApplied",
            "FillCorrected",
            "Replaced",
            "NotSent",
            "Adjusted",
        }
        for status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
            for name in EVENTS:
                following = EXPECTED[status, name]
                if following is not None and following is not KEEP and following is not OrderStatus.UNKNOWN:
                    assert name in evidence | {"Accepted", "FillBusted"}


class TestFold:
    @pytest.mark.parametrize(("status", "name"), [pair for pair in PAIRS if pair.values[0] is not None])
    def test_the_fold_obeys_the_table(self, status: OrderStatus, name: str) -> None:
        order = make_order_in(status)
        if name in ("FillBusted", "FillCorrected") and not order.fills and EXPECTED[status, name]:
            if status in OPEN_STATUSES:
                # The table allows it and no fill counts: that contradicts the order, and changes nothing.
                before = snapshot(order)
                with pytest.raises(InvariantViolation):
                    apply_event(order, an_event(name, order), NOW_NS + 1)
                assert snapshot(order) == before
                return
            apply_event(order, ev.FillApplied(make_fill()), NOW_NS)
        if name == "Adopted":
            # Nobody asked for it here.
            order.operation_id = OperationId(order.order_id)
        before = snapshot(order)
        event = an_event(name, order)
        following = EXPECTED[status, name]
        if following is None:
            with pytest.raises(TransitionError):
                apply_event(order, event, NOW_NS + 1)
            assert snapshot(order) == before
            return
        apply_event(order, event, NOW_NS + 1)
        assert order.last_sequence == before["last_sequence"] + 1
        assert order.updated_at_ns == NOW_NS + 1
        if isinstance(following, OrderStatus):
            assert order.status is following
        elif following is KEEP:
            assert order.status is status
        else:
            assert order.status is derived(order, status, following)

    @pytest.mark.parametrize("name", sorted(set(EVENTS) - {"OrderReceived", "Adopted"}))
    def test_only_an_arrival_or_an_adoption_begins_an_order(self, name: str) -> None:
        assert EXPECTED[None, name] is None

    @pytest.mark.parametrize("name", ["OrderReceived", "Adopted"])
    @pytest.mark.parametrize("status", OrderStatus)
    def test_an_order_begins_once(self, status: OrderStatus, name: str) -> None:
        with pytest.raises(TransitionError):
            apply_event(make_order_in(status), an_event(name), NOW_NS)

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            (VenueOrderStatus.WORKING, OrderStatus.ACCEPTED),
            (VenueOrderStatus.FILLED, OrderStatus.FILLED),
            (VenueOrderStatus.CANCELED, OrderStatus.CANCELED),
            (VenueOrderStatus.REJECTED, OrderStatus.REJECTED),
            (VenueOrderStatus.EXPIRED, OrderStatus.EXPIRED),
        ],
    )
    def test_an_adopted_order_begins_where_the_venue_has_it(self, said: VenueOrderStatus, status: OrderStatus) -> None:
        order = new_order(make_order().order_id, make_adopted(make_order_report(said)), NOW_NS)
        assert order.status is status
        assert (order.strategy_id, order.venue_order_id, order.client_order_id) == ("EXTERNAL", "V-77", "web-77")

    def test_terminal_or_not_every_way_leads_where_it_says(self) -> None:
        for status in OrderStatus:
            assert make_order(*events_to(status)).status is status


class TestDerived:
    def test_a_rejection_of_a_first_attempt_is_a_rejection_and_of_a_later_one_a_cancel(self) -> None:
        order = make_order_in(OrderStatus.SUBMITTED)
        apply_event(order, ev.VenueRejected("-1", "no"), NOW_NS)
        assert order.status is OrderStatus.REJECTED
        order = make_order(*events_to(OrderStatus.ACCEPTED), make_replace_requested(atomic=False, attempt=2))
        apply_event(order, make_submit_requested(2), NOW_NS)
        apply_event(order, ev.VenueRejected("-1", "no"), NOW_NS)
        assert order.status is OrderStatus.CANCELED

    @pytest.mark.parametrize(
        ("wished", "attempt", "status"),
        [(False, 1, OrderStatus.REJECTED), (True, 1, OrderStatus.CANCELED), (False, 2, OrderStatus.CANCELED)],
    )
    def test_what_was_not_sent_is_canceled_if_somebody_wished_it_or_it_had_worked_before(
        self, wished: bool, attempt: int, status: OrderStatus
    ) -> None:
        order = make_order(*events_to(OrderStatus.PENDING), *((make_cancel_requested(),) if wished else ()))
        apply_event(order, make_submit_requested(attempt), NOW_NS)
        apply_event(order, ev.NotSent(attempt, "deadline"), NOW_NS)
        assert order.status is status

    @pytest.mark.parametrize("resolution", ev.Resolution)
    def test_a_parent_ends_as_it_says(self, resolution: ev.Resolution) -> None:
        parent = make_order(make_routed(make_leg(), make_leg()), ev.ScheduleFixed({}))
        apply_event(parent, ev.ParentFinished(resolution, "CODE", "why"), NOW_NS)
        assert parent.status.value == resolution.value
        assert (parent.code, parent.message) == ("CODE", "why")

    @pytest.mark.parametrize("resolution", ev.Resolution)
    @pytest.mark.parametrize("status", OrderStatus)
    def test_an_operator_resolves_any_order(self, status: OrderStatus, resolution: ev.Resolution) -> None:
        order = make_order_in(status)
        apply_event(order, ev.Adjusted(resolution, "operator", "confirmed by phone"), NOW_NS)
        assert order.status.value == resolution.value
        assert order.message == "confirmed by phone"

    def test_a_known_order_is_not_adopted_again(self) -> None:
        with pytest.raises((TransitionError, InvariantViolation)):
            apply_event(make_order_in(OrderStatus.ACCEPTED), make_adopted(), NOW_NS)


def derived(order: Order, before: OrderStatus, following: Derived) -> OrderStatus:
    """What the rule's name says, said again."""
    if following in (Derived.BY_FILLS, Derived.BY_REPORT):
        filled = order.filled_quantity
        return OrderStatus.FILLED if filled >= order.quantity else _part(filled)
    if following is Derived.COMPLETES:
        if order.filled_quantity >= order.quantity:
            return OrderStatus.FILLED
        return OrderStatus.CANCELED if before is OrderStatus.FILLED else before
    if following is Derived.BY_RESOLUTION:
        return OrderStatus.CANCELED  # the resolution of an_event
    return OrderStatus.REJECTED  # a first attempt that nobody wished away


def _part(filled: Decimal) -> OrderStatus:
    return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.ACCEPTED


def snapshot(order: Order) -> dict[str, Any]:
    """The order's fields, with copies of those that a fold changes in place."""
    values = {name: getattr(order, name) for name in Order.__slots__ if name != "__weakref__"}
    for name in ("fills", "children"):
        values[name] = repr(values[name])
    return values
