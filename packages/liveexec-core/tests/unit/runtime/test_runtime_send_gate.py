"""The send gate, reason by reason: what may leave now, and what must not, for each kind of request."""

import math
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, evolve

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, StateChanged, TradingState
from liveexec.domain.order import Order
from liveexec.domain.order_fold import apply_event
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.position import Position
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import SendReplace, SendSubmit
from liveexec.engine.requests import ref_of
from liveexec.engine.state import EngineState
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.send_gate import SendGate
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    STRATEGY,
    events_to,
    make_cancel_requested,
    make_fill,
    make_intent,
    make_listing,
    make_order,
    make_order_id,
    make_order_in,
    make_plan,
    make_replace_requested,
)

_S = 1_000_000_000
_MAX_PRICE_AGE_NS = 60 * _S
_GLOBAL = ControlScope(ScopeKind.GLOBAL)


@define(eq=False)
class Session:
    """How the order's session stands."""

    connected: bool = True
    active_since_ns: int | None = NOW_NS - 10 * _S


@define(eq=False)
class World:
    """An order that may leave: in time, in a trusted session, within the lease, with nothing halted."""

    gate: SendGate
    session: Session
    clock: VirtualClock
    order: Order
    submit: SendSubmit
    replace: SendReplace

    @property
    def state(self) -> EngineState:
        return self.gate.state

    def halt(self, kind: ScopeKind, name: str = "", state: TradingState = TradingState.HALTED) -> None:
        scope = ControlScope(kind, name)
        self.state.ledger.states[scope] = StateChanged(scope, state, "operator", "")

    def reasons(self) -> tuple[str | None, str | None, str | None]:
        """Why a submit, a replace and a cancel must not leave."""
        gate = self.gate
        return gate.stops_submit(self.submit), gate.stops_replace(self.replace), gate.stops_cancel(self.order)


@pytest.fixture
def world() -> World:
    clock, session = VirtualClock(NOW_NS), Session()
    order = make_order(*events_to(OrderStatus.SUBMITTED))
    state = EngineState(EngineConfig())
    state.listings[SPOT] = make_listing(SPOT)
    state.ledger.orders[order.order_id] = order
    gate = SendGate(
        clock,
        state,
        lambda _: session.connected,
        lambda _: session.active_since_ns,
        _MAX_PRICE_AGE_NS,
        lease_until_s=time.monotonic() + 3_600,
    )
    plan = make_plan()
    submit = SendSubmit(order, 1, plan, order.quantity, order.price, NOW_NS - _S, NOW_NS - _S)
    replace = SendReplace(order, ref_of(order), plan, Decimal(2), order.price, Decimal(0), NOW_NS - _S)
    return World(gate, session, clock, order, submit, replace)


def fence(world: World) -> None:
    world.gate.fenced = True


def end_lease(world: World) -> None:
    world.gate.lease_until_s = time.monotonic()


def disconnect(world: World) -> None:
    world.session.connected = False
    world.session.active_since_ns = None


def reconcile(world: World) -> None:
    world.session.active_since_ns = None


def reconnect_later(world: World) -> None:
    world.session.active_since_ns = NOW_NS


def cancel(world: World) -> None:
    apply_event(world.order, make_cancel_requested(), NOW_NS)


def cancel_of_unknown_fate(world: World) -> None:
    cancel(world)
    apply_event(world.order, ev.CancelUnknown("timeout"), NOW_NS)


def resolve(world: World) -> None:
    apply_event(world.order, ev.Adjusted(ev.Resolution.CANCELED, "operator", "nobody can tell"), NOW_NS)


def pass_deadline(world: World) -> None:
    world.clock.advance_to(world.submit.plan.valid_until_ns + 1)
    world.submit.book_at_ns = None


def pass_time_until_deadline(world: World) -> None:
    world.clock.advance_to(world.submit.plan.valid_until_ns)


def age_price(world: World) -> None:
    world.submit.book_at_ns = NOW_NS - _MAX_PRICE_AGE_NS - 1


def age_price_to_its_bound(world: World) -> None:
    world.submit.book_at_ns = NOW_NS - _MAX_PRICE_AGE_NS


def decide_without_price(world: World) -> None:
    world.submit.book_at_ns = None


def kill(scope: ControlScope) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.gate.killed[1] = scope

    return change


def halt(kind: ScopeKind, name: str = "", state: TradingState = TradingState.HALTED) -> Callable[[World], None]:
    return lambda world: world.halt(kind, name, state)


def several(*changes: Callable[[World], None]) -> Callable[[World], None]:
    def change(world: World) -> None:
        for each in changes:
            each(world)

    return change


_LATE = "its deadline passed before it was sent"
_KILLED = "killed by an operator"
_UNRECONCILED = "the account is not reconciled"
_GONE = "no session with the venue"
_FENCED = "another process owns the shard"
_UNWRITTEN = "the journal can't write"
_LEASE = "the lease ran out"
_CANCELED, _CHANGE_CANCELED = "canceled before it was sent", "canceled before the change was sent"

#: what happened -> why a submit, a replace and a cancel stay here; None: it leaves.
TABLE: dict[str, tuple[Callable[[World], Any], tuple[str | None, str | None, str | None]]] = {
    "nothing": (lambda _: None, (None, None, None)),
    "fenced": (fence, (_FENCED, _FENCED, _FENCED)),
    "lease ran out": (end_lease, (_LEASE, _LEASE, _LEASE)),
    "no session": (disconnect, (_GONE, _GONE, _GONE)),
    "reconciling": (reconcile, (_UNRECONCILED, _UNRECONCILED, None)),
    "session is younger than the decision": (
        reconnect_later,
        ("decided before the session was reconciled", "decided before the session was reconciled", None),
    ),
    "cancel wished": (cancel, (_CANCELED, _CHANGE_CANCELED, None)),
    "cancel of unknown fate": (cancel_of_unknown_fate, (_CANCELED, _CHANGE_CANCELED, None)),
    # An operator ended it while its request waited; its cancel follows it all the same.
    "ended": (resolve, ("it ended before it was sent", "it ended before the change was sent", None)),
    "deadline passed": (pass_deadline, (_LATE, _LATE, None)),
    "at the deadline": (pass_time_until_deadline, (None, None, None)),
    "price too old": (age_price, ("the price that it was decided on is too old", None, None)),
    "price just young enough": (age_price_to_its_bound, (None, None, None)),
    "decided on no price": (decide_without_price, (None, None, None)),
    "killed everywhere": (kill(_GLOBAL), (_KILLED, _KILLED, None)),
    "killed account": (kill(ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT)), (_KILLED, _KILLED, None)),
    "killed strategy": (kill(ControlScope(ScopeKind.STRATEGY, STRATEGY)), (_KILLED, _KILLED, None)),
    "killed venue": (kill(ControlScope(ScopeKind.VENUE, ALPHA)), (_KILLED, _KILLED, None)),
    "killed instrument": (kill(ControlScope(ScopeKind.INSTRUMENT, SPOT)), (_KILLED, _KILLED, None)),
    "killed another account": (kill(ControlScope(ScopeKind.ACCOUNT, "OTHER")), (None, None, None)),
    "halted everywhere": (halt(ScopeKind.GLOBAL), ("GLOBAL is halted", "GLOBAL is halted", None)),
    "halted account": (
        halt(ScopeKind.ACCOUNT, ALPHA_ACCOUNT),
        (f"ACCOUNT:{ALPHA_ACCOUNT} is halted", f"ACCOUNT:{ALPHA_ACCOUNT} is halted", None),
    ),
    "halted strategy": (
        halt(ScopeKind.STRATEGY, STRATEGY),
        (f"STRATEGY:{STRATEGY} is halted", f"STRATEGY:{STRATEGY} is halted", None),
    ),
    "halted venue": (halt(ScopeKind.VENUE, ALPHA), ("VENUE:ALPHA is halted", "VENUE:ALPHA is halted", None)),
    "halted instrument": (
        halt(ScopeKind.INSTRUMENT, SPOT),
        (f"INSTRUMENT:{SPOT} is halted", f"INSTRUMENT:{SPOT} is halted", None),
    ),
    "halted another venue": (halt(ScopeKind.VENUE, "BETA"), (None, None, None)),
    # What reduces only was decided by the rules, which know positions; the gate looks at HALTED alone.
    "a cancel passes a halt and a kill": (
        several(halt(ScopeKind.GLOBAL), kill(_GLOBAL)),
        (_KILLED, _KILLED, None),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_stays_here_and_why(world: World, name: str) -> None:
    change, reasons = TABLE[name]
    change(world)
    assert world.reasons() == reasons


def test_a_killed_instrument_the_venue_no_longer_lists_is_stopped_too(world: World) -> None:
    world.state.listings.clear()
    assert world.reasons() == (None, None, None)
    kill(ControlScope(ScopeKind.VENUE, ALPHA))(world)
    assert world.gate.stops_submit(world.submit) == _KILLED


@pytest.fixture
def child(world: World) -> tuple[Order, Order]:
    """A parent of three, and the world's order as its child of one."""
    parent = make_order(
        order_id=make_order_id(9),
        intent=make_intent(
            quantity=Decimal(3), exec_algorithm="TWAP", exec_algorithm_params={"horizon_s": 60, "slices": 3}
        ),
    )
    apply_event(parent, ev.ChildSpawned(world.order.order_id, 1, Decimal(1)), NOW_NS)
    world.order.parent_id = parent.order_id
    world.state.ledger.orders[parent.order_id] = parent
    return parent, world.order


def sibling(world: World, parent: Order, number: int, *events: Any, quantity: str = "1") -> Order:
    order = make_order(
        *events, order_id=make_order_id(number), intent=make_intent(quantity=Decimal(quantity), strategy_id=STRATEGY)
    )
    order.parent_id = parent.order_id
    world.state.ledger.orders[order.order_id] = order
    apply_event(parent, ev.ChildSpawned(order.order_id, number, order.quantity), NOW_NS)
    return order


def test_children_that_fit_their_parent_leave(world: World, child: tuple[Order, Order]) -> None:
    parent, _ = child
    sibling(world, parent, 10, *events_to(OrderStatus.ACCEPTED))
    sibling(world, parent, 11, *events_to(OrderStatus.ACCEPTED))
    assert world.gate.stops_submit(world.submit) is None


def test_a_child_that_would_exceed_its_parent_stays(world: World, child: tuple[Order, Order]) -> None:
    parent, _ = child
    sibling(world, parent, 10, *events_to(OrderStatus.ACCEPTED), quantity="2.00000001")
    assert world.gate.stops_submit(world.submit) == "children would exceed their parent"


def test_what_is_filled_counts_against_the_parent_and_what_ended_does_not(
    world: World, child: tuple[Order, Order]
) -> None:
    parent, _ = child
    ended = sibling(world, parent, 10, *events_to(OrderStatus.PARTIALLY_FILLED), quantity="2")
    parent.filled_quantity += ended.filled_quantity
    apply_event(ended, ev.Canceled("requested", NOW_NS), NOW_NS)
    sibling(world, parent, 11, *events_to(OrderStatus.ACCEPTED), quantity="1.5")
    assert world.gate.stops_submit(world.submit) is None
    parent.filled_quantity += Decimal("0.000000000000000001")
    assert world.gate.stops_submit(world.submit) == "children would exceed their parent"


def test_a_child_that_left_memory_is_counted_by_what_it_filled(world: World, child: tuple[Order, Order]) -> None:
    parent, _ = child
    gone = sibling(world, parent, 10, *events_to(OrderStatus.FILLED), quantity="1")
    parent.filled_quantity += gone.filled_quantity
    del world.state.ledger.orders[gone.order_id]
    assert world.gate.stops_submit(world.submit) is None
    parent.filled_quantity += Decimal(2)
    assert world.gate.stops_submit(world.submit) == "children would exceed their parent"


def test_a_child_without_its_parent_in_memory_stays(world: World, child: tuple[Order, Order]) -> None:
    parent, _ = child
    del world.state.ledger.orders[parent.order_id]
    assert world.gate.stops_submit(world.submit) == "its parent is not in memory"


def test_the_parents_bound_is_exact_to_the_last_stored_digit(world: World, child: tuple[Order, Order]) -> None:
    parent, leaf = child
    most = Decimal("999999999999999999.999999999999999999")
    for order in (parent, leaf):
        order.quantity = most
    assert world.gate.stops_submit(world.submit) is None
    parent.filled_quantity = Decimal("0.000000000000000001")
    assert world.gate.stops_submit(world.submit) == "children would exceed their parent"


def test_a_replace_of_an_order_at_work_leaves_and_one_of_a_killed_scope_does_not(world: World) -> None:
    order = make_order_in(OrderStatus.ACCEPTED)
    apply_event(order, make_replace_requested(), NOW_NS)
    change = SendReplace(order, ref_of(order), make_plan(), Decimal(2), order.price, make_fill().quantity, NOW_NS)
    assert world.gate.stops_replace(change) is None
    world.gate.killed[1] = ControlScope(ScopeKind.STRATEGY, STRATEGY)
    assert world.gate.stops_replace(change) == _KILLED


def test_a_gate_that_was_given_no_lease_is_closed() -> None:
    state = EngineState(EngineConfig())
    gate = SendGate(VirtualClock(NOW_NS), state, lambda _: True, lambda _: 0, _MAX_PRICE_AGE_NS)
    assert gate.stops_cancel(make_order_in(OrderStatus.ACCEPTED)) == _LEASE
    gate.lease_until_s = math.inf
    assert gate.stops_cancel(make_order_in(OrderStatus.ACCEPTED)) is None


@pytest.mark.parametrize("outlasts", [True, False])
def test_while_the_journal_cannot_write_only_cancels_leave(world: World, outlasts: bool) -> None:
    world.gate.can_write, world.gate.outlasts_lease = lambda: False, lambda: outlasts
    assert world.reasons() == (_UNWRITTEN, _UNWRITTEN, None)
    end_lease(world)
    assert world.reasons() == ((_UNWRITTEN, _UNWRITTEN, None) if outlasts else (_LEASE, _LEASE, _LEASE))


def test_fenced_not_even_cancels_leave_while_the_journal_cannot_write(world: World) -> None:
    world.gate.can_write = lambda: False
    fence(world)
    assert world.reasons() == ("another process owns the shard",) * 3


@pytest.mark.parametrize(
    ("held", "working", "stops"),
    [("-5", "1", False), ("-5", "5", False), ("-5", "6", True), ("0", "1", True), ("5", "1", True)],
)
@pytest.mark.parametrize("kind", [ScopeKind.INSTRUMENT, ScopeKind.STRATEGY])
def test_what_was_approved_before_a_scope_may_only_be_reduced_leaves_only_if_it_reduces(
    world: World, kind: ScopeKind, held: str, working: str, stops: bool
) -> None:
    order = world.order
    assert order.account_id is not None
    world.state.exposure.reserve(evolve(order, quantity=Decimal(working)))
    world.state.ledger.book(order.account_id).positions[SPOT] = Position(SPOT, make_listing(SPOT).terms, Decimal(held))
    key = (order.account_id, order.strategy_id, SPOT)
    world.state.ledger.positions[key] = Position(SPOT, make_listing(SPOT).terms, Decimal(held))
    world.halt(kind, SPOT if kind is ScopeKind.INSTRUMENT else STRATEGY, TradingState.REDUCING)
    expected = f"{kind}:{SPOT if kind is ScopeKind.INSTRUMENT else STRATEGY} may only be reduced, and this does more"
    assert world.gate.stops_submit(world.submit) == (expected if stops else None)
    assert world.gate.stops_cancel(order) is None
