"""A shard's history in which every event occurs: what the durable view, recovery and rebuilds are tried on.

Each step is one record; ``dirty`` names what of a projection it changes when nothing else happened since the last.
"""

from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, PositionChange, ScopeKind, TradingState
from liveexec.domain.fill import Fill, fill_key
from liveexec.domain.ids import (
    EXTERNAL,
    AccountId,
    ClientOrderId,
    OperationId,
    OrderId,
    VenueOrderId,
    child_order_id,
    external_order_id,
)
from liveexec.domain.operation import Side
from liveexec.domain.outcome import SendPlan
from liveexec.domain.record import Event
from support.builders import (
    ALPHA_ACCOUNT,
    LINEAR,
    LINEAR_TERMS,
    NOW_NS,
    SPOT,
    STRATEGY,
    make_adopted,
    make_asset_moved,
    make_cancel_requested,
    make_fill,
    make_intent,
    make_leg,
    make_order_id,
    make_order_report,
    make_plan,
    make_received,
    make_replace_requested,
    make_routed,
    make_submit_requested,
)

__all__ = [
    "ADOPTED",
    "CHILD",
    "CONTROL",
    "EXPIRED",
    "HISTORY",
    "OTHER_ADOPTED",
    "PARENT",
    "PLAIN",
    "REFUSED",
    "REJECTED",
    "SECOND_CHILD",
    "Step",
]

CONTROL: Final = "control:main"
PLAIN: Final = make_order_id(1)
REFUSED: Final = make_order_id(2)
UNSENT: Final = make_order_id(3)
REJECTED: Final = make_order_id(4)
EXPIRED: Final = make_order_id(5)
PARENT: Final = make_order_id(6)
CHILD: Final = child_order_id(PARENT, 1)
SECOND_CHILD: Final = child_order_id(PARENT, 2)
ADOPTED: Final = external_order_id(ALPHA_ACCOUNT, "V-77")
OTHER_ADOPTED: Final = external_order_id(ALPHA_ACCOUNT, "V-78")

_SCOPE: Final = ControlScope(ScopeKind.INSTRUMENT, SPOT)
_MOVED: Final = frozenset({"orders", "fills", "positions", "books"})
_ORDER: Final = frozenset({"orders"})
_NAMED: Final = frozenset({"orders", "refs"})


@frozen(eq=False)
class Step:
    """One record, and the parts of a projection that it changes."""

    name: str
    stream: str
    events: tuple[Event, ...]
    dirty: frozenset[str]


def _received(number: int, **changes: object) -> ev.OrderReceived:
    intent = make_intent(operation_id=OperationId(f"OP-{number}"), **changes)
    return make_received(intent)


def _child(ordinal: int) -> ev.OrderReceived:
    child = make_intent(quantity=Decimal("0.5"))
    operation_id = OperationId(f"OP-6/{ordinal}")
    return make_received(child, parent_order_id=PARENT, ordinal=ordinal, operation_id=operation_id)


def _fill(number: int, venue_order_id: str, quantity: str, price: str = "45000", side: Side = Side.BUY) -> Fill:
    key = fill_key(SPOT, VenueOrderId(venue_order_id), side, f"T-{number}")
    return make_fill(number, key=key, quantity=Decimal(quantity), price=Decimal(price), side=side)


def _plan(order_id: OrderId, **changes: Any) -> SendPlan:
    return make_plan(order_id, **changes)


def _requested(order_id: OrderId, quantity: str = "1.0", **plan: Any) -> ev.SubmitRequested:
    return make_submit_requested(plan=_plan(order_id, **plan), quantity=Decimal(quantity))


_APPROVED: Final = ev.RiskApproved(ev.RiskStage.LEG, Decimal(45_000))
_FIRST, _SECOND = _fill(1, "V-1", "0.4"), _fill(2, "V-1b", "0.3")
_CORRECTED: Final = _fill(3, "V-1b", "0.3", "44900")
_SAME_KEY: Final = make_fill(key=_CORRECTED.key, quantity=Decimal("0.3"), price=Decimal(44800))
_HALF: Final = make_leg(quantity="0.5")


HISTORY: Final[tuple[Step, ...]] = (
    Step(
        "account opened",
        ALPHA_ACCOUNT,
        (acc.AccountOpened(ALPHA_ACCOUNT, NOW_NS - 60_000_000_000),),
        frozenset({"sequences"}),
    ),
    Step("deposit", ALPHA_ACCOUNT, (make_asset_moved("100000"),), frozenset({"asset_moves", "books", "sequences"})),
    Step(
        "opening position",
        ALPHA_ACCOUNT,
        (
            acc.PositionChanged(
                ALPHA_ACCOUNT, EXTERNAL, LINEAR, Decimal(3), Decimal(44_000), LINEAR_TERMS, PositionChange.OPENING, "o"
            ),
        ),
        frozenset({"positions", "books", "sequences"}),
    ),
    Step("received", PLAIN, (_received(1),), frozenset({"orders", "operations"})),
    Step("approved", PLAIN, (ev.RiskApproved(ev.RiskStage.PARENT, None),), _ORDER),
    Step("routed", PLAIN, (make_routed(), _APPROVED), frozenset({"orders", "routes"})),
    Step("requested", PLAIN, (_requested(PLAIN, refs={"tws": "17"}),), _NAMED),
    Step("accepted", PLAIN, (ev.Accepted(VenueOrderId("V-1"), NOW_NS, {"perm": "99"}),), _NAMED),
    Step("filled", PLAIN, (ev.FillApplied(_FIRST),), _MOVED),
    Step(
        "replace requested",
        PLAIN,
        (
            make_replace_requested(
                operation_id=OperationId("OP-R"),
                plan=_plan(PLAIN, client_order_id=ClientOrderId("lx-new"), refs={"tws": "18"}),
            ),
        ),
        frozenset({"orders", "operations", "refs"}),
    ),
    Step("replace unknown", PLAIN, (ev.ReplaceUnknown("timeout"),), _ORDER),
    Step(
        "replaced",
        PLAIN,
        (ev.Replaced(Decimal(2), Decimal(44_000), ClientOrderId("lx-new"), VenueOrderId("V-1b"), NOW_NS),),
        _NAMED,
    ),
    Step("filled again", PLAIN, (ev.FillApplied(_SECOND),), _MOVED),
    Step("corrected", PLAIN, (ev.FillCorrected(_SECOND, _CORRECTED),), _MOVED),
    Step("corrected under its key", PLAIN, (ev.FillCorrected(_CORRECTED, _SAME_KEY),), _MOVED),
    Step("busted", PLAIN, (ev.FillBusted(_FIRST, "busted by the venue"),), _MOVED),
    Step("cancel requested", PLAIN, (make_cancel_requested("OP-C"),), frozenset({"orders", "operations"})),
    Step("cancel unknown", PLAIN, (ev.CancelUnknown("timeout"), ev.CancelRejected("-2011", "in flight")), _ORDER),
    Step("canceled", PLAIN, (ev.Canceled("requested", NOW_NS),), _ORDER),
    Step(
        "refused",
        REFUSED,
        (_received(2), ev.RiskRefused(ev.RiskStage.PARENT, "MAX_ORDER", "too much", ())),
        frozenset({"orders", "operations"}),
    ),
    Step(
        "requested and unknown",
        UNSENT,
        (_received(3), make_routed(), _APPROVED, _requested(UNSENT), ev.SubmitUnknown(1, "timeout")),
        frozenset({"orders", "operations", "routes", "refs"}),
    ),
    Step("proved not sent", UNSENT, (ev.NotSent(1, "absent"),), _ORDER),
    Step(
        "rejected",
        REJECTED,
        (_received(4), make_routed(), _APPROVED, _requested(REJECTED), ev.VenueRejected("-1013", "notional", NOW_NS)),
        frozenset({"orders", "operations", "routes", "refs"}),
    ),
    Step(
        "works",
        EXPIRED,
        (_received(5), make_routed(), _APPROVED, _requested(EXPIRED), ev.Accepted(VenueOrderId("V-5"), NOW_NS)),
        frozenset({"orders", "operations", "routes", "refs"}),
    ),
    Step(
        "replace rejected, then expired",
        EXPIRED,
        (
            make_replace_requested(operation_id=OperationId("OP-R5"), plan=_plan(EXPIRED)),
            ev.ReplaceRejected("-1", "too late"),
            ev.Expired("end of day", NOW_NS),
        ),
        frozenset({"orders", "operations", "refs"}),
    ),
    Step(
        "parent",
        PARENT,
        (
            _received(6, exec_algorithm="TWAP", exec_algorithm_params={"horizon_s": 60, "slices": 2}),
            ev.RiskApproved(ev.RiskStage.PARENT, Decimal(45_000)),
            ev.ScheduleFixed({"slices": [{"at_ns": NOW_NS, "quantity": "0.5"}]}),
            ev.ChildSpawned(CHILD, 1, Decimal("0.5")),
        ),
        frozenset({"orders", "operations"}),
    ),
    Step(
        "child",
        CHILD,
        (_child(1), make_routed(_HALF), _APPROVED, _requested(CHILD, "0.5")),
        frozenset({"orders", "routes", "refs"}),
    ),
    Step("accepted under other names only", CHILD, (ev.Accepted(None, NOW_NS, {"tx": "0xab"}),), _NAMED),
    Step("child filled", CHILD, (ev.FillApplied(_fill(61, "V-6", "0.2")),), _MOVED),
    Step("child ended", CHILD, (ev.Canceled("requested", NOW_NS),), _ORDER),
    Step("second child spawned", PARENT, (ev.ChildSpawned(SECOND_CHILD, 2, Decimal("0.5")),), _ORDER),
    Step(
        "second child",
        SECOND_CHILD,
        (
            _child(2),
            make_routed(_HALF),
            _APPROVED,
            _requested(SECOND_CHILD, "0.5"),
            ev.Accepted(VenueOrderId("V-62"), NOW_NS),
            ev.FillApplied(_fill(62, "V-62", "0.5", "45010")),
        ),
        frozenset({"orders", "routes", "refs", "fills", "positions", "books"}),
    ),
    Step(
        "parent finished", PARENT, (ev.ParentFinished(ev.Resolution.CANCELED, "HORIZON", "the horizon ended"),), _ORDER
    ),
    Step("late fill of a child", CHILD, (ev.FillApplied(_fill(63, "V-6", "0.1")),), _MOVED),
    Step("adopted", ADOPTED, (make_adopted(make_order_report(refs={"perm": "77"})),), _NAMED),
    Step("adopted filled", ADOPTED, (ev.FillApplied(_fill(77, "V-77", "0.5", "46000", Side.SELL)),), _MOVED),
    Step(
        "reattributed", ADOPTED, (ev.Reattributed(STRATEGY, "operator", "its client id came late"),), _MOVED | {"audit"}
    ),
    Step(
        "adopted without fills",
        OTHER_ADOPTED,
        (
            make_adopted(
                make_order_report(client_order_id=None, venue_order_id=VenueOrderId("V-78"), instrument_id=LINEAR)
            ),
        ),
        _NAMED,
    ),
    Step(
        "reattributed without fills",
        OTHER_ADOPTED,
        (ev.Reattributed(STRATEGY, "operator", "an operator says so"),),
        _ORDER | {"audit"},
    ),
    Step(
        "adjusted",
        OTHER_ADOPTED,
        (ev.Adjusted(ev.Resolution.CANCELED, "operator", "the venue says that it is gone"),),
        _ORDER | {"audit"},
    ),
    Step(
        "halted",
        CONTROL,
        (acc.StateChanged(_SCOPE, TradingState.HALTED, "operator", "volatile"),),
        frozenset({"states", "audit", "sequences"}),
    ),
    Step(
        "latched",
        CONTROL,
        (acc.LatchSet(_SCOPE, "OVERFILL", "too much"), acc.LatchSet(_SCOPE, "OTHER", "too often")),
        frozenset({"latches", "sequences"}),
    ),
    Step(
        "latch cleared",
        CONTROL,
        (acc.LatchCleared(_SCOPE, "OVERFILL", "operator", "looked at"),),
        frozenset({"cleared_latches", "audit", "sequences"}),
    ),
    Step(
        "latched again and cleared",
        CONTROL,
        (acc.LatchSet(_SCOPE, "OVERFILL", "again"), acc.LatchCleared(_SCOPE, "OVERFILL", "operator", "again")),
        frozenset({"cleared_latches", "audit", "sequences"}),
    ),
    Step(
        "drift seen",
        ALPHA_ACCOUNT,
        (
            acc.DriftSeen(ALPHA_ACCOUNT, "position:a", Decimal(1), Decimal(2)),
            acc.DriftSeen(ALPHA_ACCOUNT, "position:b", Decimal(1), Decimal(3)),
        ),
        frozenset({"drifts", "sequences"}),
    ),
    Step(
        "drift accepted",
        ALPHA_ACCOUNT,
        (acc.DriftAccepted(ALPHA_ACCOUNT, "position:a", Decimal(2), "operator", "known"),),
        frozenset({"accepted_drifts", "audit", "sequences"}),
    ),
    Step(
        "drift seen again",
        ALPHA_ACCOUNT,
        (acc.DriftSeen(ALPHA_ACCOUNT, "position:a", Decimal(4), Decimal(5)),),
        frozenset({"drifts", "sequences"}),
    ),
    Step(
        "to be flattened",
        CONTROL,
        (
            acc.FlattenRequested(_SCOPE, ALPHA_ACCOUNT, make_order_id(71), "operator"),
            acc.FlattenRequested(_SCOPE, AccountId("ALPHA-2"), make_order_id(72), "operator"),
        ),
        frozenset({"flattenings", "audit", "sequences"}),
    ),
    Step(
        "flattened",
        CONTROL,
        (acc.FlattenEnded(_SCOPE, ALPHA_ACCOUNT, "it is being closed"),),
        frozenset({"ended_flattenings", "sequences"}),
    ),
    Step(
        "configured",
        CONTROL,
        (acc.ConfigApplied("abc123", "operator", "a higher limit"),),
        frozenset({"audit", "sequences"}),
    ),
    Step(
        "active again",
        CONTROL,
        (acc.StateChanged(_SCOPE, TradingState.ACTIVE, "operator", "calm"),),
        frozenset({"states", "audit", "sequences"}),
    ),
)
