"""Parents: algorithms and splits. They decide through children; what they hold themselves is control events only."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import evolve

from liveexec.domain import order_event as ev
from liveexec.domain.ids import InstrumentId, OperationId, OrderId, ProductId, child_order_id, is_instrument_id
from liveexec.domain.instrument import Listing
from liveexec.domain.market import TradeBar
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_event import Resolution
from liveexec.engine import placing, requests
from liveexec.engine.algorithm import (
    Action,
    CancelChild,
    ChildView,
    Finish,
    FixSchedule,
    ParentView,
    Spawn,
    WakeAt,
)
from liveexec.engine.algorithm_calls import Overreach, Question, ask, fail
from liveexec.engine.effects import TimerKind
from liveexec.engine.inputs import Phase
from liveexec.engine.router import RoutePlan
from liveexec.engine.state import EngineState
from liveexec.engine.turn import Turn

__all__ = ["cancel", "on_market", "on_timer", "resume", "spawn_legs", "start", "stir"]

#: More rounds of one parent's child events than this within one turn mean that an algorithm chases itself.
_MAX_ROUNDS: Final = 1_000


def start(turn: Turn, parent: Order, parameters: object) -> None:
    """An approved parent begins; one that no venue is known to list has nothing to begin with."""
    turn.core.parameters[parent.order_id] = parameters
    if not _listings(turn.core.state, parent):
        reason = f"{parent.intent.instrument_key} is not listed anywhere"
        _finish(turn, parent, Resolution.REJECTED, "NO_ROUTE", reason)
        return
    _ask(turn, parent, lambda algorithm, view: algorithm.start(view))


def on_timer(turn: Turn, parent_id: OrderId) -> None:
    """A parent's algorithm asked to be woken."""
    parent = turn.core.oms.get(parent_id)
    if parent is None or not parent.is_open or not _can_view(turn, parent):
        return
    if parent.cancel is not PendingCancel.NONE:
        _ask(turn, parent, lambda algorithm, view: algorithm.on_cancel(view))
    elif _has_session(turn.core.state, parent):
        # A slice that is due while no venue can take it is missed, not refused: a session that comes back resumes it.
        _ask(turn, parent, lambda algorithm, view: algorithm.on_timer(view))


def on_market(turn: Turn, instrument_id: InstrumentId) -> None:
    """The market of an instrument moved: parents whose algorithm reacts to that are asked."""
    for parent_id in list(turn.core.parameters):
        parent = turn.core.oms.get(parent_id)
        if parent is None or not parent.is_open or parent_id in turn.core.failed:
            continue
        algorithm = turn.core.algorithms[parent.intent.exec_algorithm]
        if algorithm.wants_market and instrument_id in _instruments(turn.core.state, parent):
            _ask(turn, parent, lambda algorithm, view: algorithm.on_market(view))


def resume(turn: Turn) -> None:
    """After a restart or a gap: every open parent goes on from its schedule, its children and the time."""
    for order in turn.core.oms.open_orders():
        if order.is_parent:
            on_timer(turn, order.order_id)


def cancel(turn: Turn, parent: Order) -> None:
    """A cancel of the parent: its children are cancelled, and it ends when they are gone."""
    if _can_view(turn, parent):
        _ask(turn, parent, lambda algorithm, view: algorithm.on_cancel(view))


def stir(turn: Turn) -> None:
    """Ask the parents whose children changed in this turn what follows, until nothing does."""
    rounds: dict[OrderId, int] = {}
    while turn.stirred:
        parent_id = next(iter(turn.stirred))
        child_id = turn.stirred.pop(parent_id)
        parent, child = turn.core.oms.get(parent_id), turn.core.oms.get(child_id)
        if parent is None or child is None or not parent.is_open or not _can_view(turn, parent):
            continue
        rounds[parent_id] = rounds.get(parent_id, 0) + 1
        if rounds[parent_id] > _MAX_ROUNDS and parent_id not in turn.core.failed:
            _overreaches(turn, parent, Overreach(f"its algorithm did not settle within {_MAX_ROUNDS} rounds"))
        elif parent.cancel is not PendingCancel.NONE:
            _ask(turn, parent, lambda algorithm, view: algorithm.on_cancel(view))
        else:
            _ask(turn, parent, _about_child(child))


def spawn_legs(turn: Turn, parent: Order, plan: RoutePlan) -> None:
    """The router split an order: one child per leg, at once."""
    for leg in plan.legs:
        order_type, tif = parent.intent.order_type, parent.intent.time_in_force
        part = RoutePlan(plan.policy, (leg,), (), plan.book_at_ns)
        _spawn_routed(turn, parent, part, order_type, parent.price, tif, post_only=parent.intent.post_only)


def _about_child(child: Order) -> Question:
    changed = _child_view(child)
    return lambda algorithm, view: algorithm.on_child(view, changed)


def _ask(turn: Turn, parent: Order, question: Question) -> None:
    """Ask the parent's algorithm and do what it wants, as far as that is allowed."""
    try:
        _act(turn, parent, ask(turn, parent, _view(turn, parent), question))
    except Overreach as error:
        _overreaches(turn, parent, error)


def _overreaches(turn: Turn, parent: Order, error: Overreach) -> None:
    _act(turn, parent, fail(turn, parent, _view(turn, parent), error, str(error)))


def _act(turn: Turn, parent: Order, actions: Sequence[Action]) -> None:
    for action in actions:
        if not parent.is_open:
            return
        match action:
            case FixSchedule(schedule):
                turn.emit(parent.order_id, ev.ScheduleFixed(schedule))
            case Spawn():
                _spawn(turn, parent, action)
            case CancelChild(ordinal):
                _cancel_child(turn, parent, ordinal)
            case WakeAt(at_ns):
                turn.wake(TimerKind.ALGORITHM, parent.order_id, at_ns)
            case Finish(resolution, code, reason):
                _finish(turn, parent, resolution, code, reason)
            case unknown:
                # Who answers may be a plugin that no type checker has seen.
                raise Overreach(f"its algorithm answered with {type(unknown).__name__}")


def _finish(turn: Turn, parent: Order, resolution: Resolution, code: str | None, reason: str) -> None:
    live = [child.order_id for child in _children(turn, parent) if child.is_open]
    if live:
        raise Overreach(f"its algorithm finished while {live[0]} is open")
    turn.emit(parent.order_id, ev.ParentFinished(resolution, code, reason))
    turn.core.parameters.pop(parent.order_id, None)
    turn.core.failed.pop(parent.order_id, None)
    turn.disarm(TimerKind.ALGORITHM, parent.order_id)


def _spawn(turn: Turn, parent: Order, action: Spawn) -> None:
    """One slice: routed like any order, which can make it more than one child."""
    allocated = parent.filled_quantity + sum((child.leaves for child in _children(turn, parent)), ZERO)
    if allocated + action.quantity > parent.quantity:
        raise Overreach(f"its algorithm asked for {action.quantity} on top of {allocated} of {parent.quantity}")
    key = parent.intent.instrument_key
    assert key is not None
    request = evolve(
        placing.route_request(parent, key, action.quantity),
        limit_price=action.price,
        order_type=action.order_type,
        time_in_force=action.time_in_force,
        post_only=action.post_only,
    )
    plan = turn.core.router.route(request, turn.core.state)
    if not plan.legs:
        child = _receive(turn, parent, action.quantity, action.order_type, action.price, action.time_in_force)
        turn.emit(child.order_id, ev.Routed(plan.policy, (), plan.candidates))
        message = placing.no_route_message(plan)
        refusal = ev.RuleRefusal("NO_ROUTE", message)
        turn.emit(child.order_id, ev.RiskRefused(ev.RiskStage.LEG, "NO_ROUTE", message, (refusal,)))
        return
    for index, leg in enumerate(plan.legs):
        part = RoutePlan(plan.policy, (leg,), plan.candidates if index == 0 else (), plan.book_at_ns)
        _spawn_routed(
            turn, parent, part, action.order_type, action.price, action.time_in_force, post_only=action.post_only
        )


def _spawn_routed(
    turn: Turn,
    parent: Order,
    plan: RoutePlan,
    order_type: OrderType,
    price: Decimal | None,
    tif: TimeInForce,
    *,
    post_only: bool,
) -> None:
    child = _receive(turn, parent, plan.legs[0].quantity, order_type, price, tif, post_only=post_only)
    placing.place(turn, child, plan, parent)


def _receive(
    turn: Turn,
    parent: Order,
    quantity: Decimal,
    order_type: OrderType,
    price: Decimal | None,
    tif: TimeInForce,
    *,
    post_only: bool = False,
) -> Order:
    ordinal = len(parent.children or ()) + 1
    child_id = child_order_id(parent.order_id, ordinal)
    operation_id = OperationId(child_id)
    intent = evolve(
        parent.intent,
        quantity=quantity,
        order_type=order_type,
        price=price,
        time_in_force=tif,
        expire_at_ns=parent.intent.expire_at_ns if tif is TimeInForce.GTD else None,
        post_only=post_only,
        exec_algorithm="NORMAL",
        exec_algorithm_params=None,
        operation_id=operation_id,
        expected_deltas=None,
    )
    turn.emit(parent.order_id, ev.ChildSpawned(child_id, ordinal, quantity))
    return turn.emit(
        child_id,
        ev.OrderReceived(intent, operation_id, parent.content_hash, parent.principal, parent.order_id, ordinal),
    )


def _cancel_child(turn: Turn, parent: Order, ordinal: int) -> None:
    children = parent.children or []
    child = turn.core.oms.get(children[ordinal - 1]) if 0 < ordinal <= len(children) else None
    if child is not None and child.is_open and child.cancel is PendingCancel.NONE:
        operation_id = OperationId(f"OP.{child.order_id[4:]}.cancel")
        requests.cancel_leaf(turn, child, operation_id, "", "algorithm", f"asked by parent {parent.order_id}")


def _can_view(turn: Turn, parent: Order) -> bool:
    """Whether a venue that lists the parent is known; before its first connection none is, so the parent waits."""
    if _listings(turn.core.state, parent):
        return True
    turn.wake(TimerKind.ALGORITHM, parent.order_id, turn.at_ns + turn.core.state.config.timing.retry_ns)
    return False


def _has_session(state: EngineState, parent: Order) -> bool:
    """Whether one of the accounts that the parent could trade in is trusted."""
    accounts = [
        state.account_for(parent.strategy_id, listing.venue, parent.intent.account_id)
        for listing in _listings(state, parent)
    ]
    return any(account_id is not None and state.phases.get(account_id) is Phase.ACTIVE for account_id in accounts)


def _view(turn: Turn, parent: Order) -> ParentView:
    state = turn.core.state
    listings = _listings(state, parent)
    instrument_id = listings[0].instrument_id
    assert parent.intent.side is not None
    return ParentView(
        order=parent,
        side=parent.intent.side,
        quantity=parent.quantity,
        limit_price=parent.price,
        params=None,
        schedule=parent.schedule,
        children=tuple(_child_view(child) for child in _children(turn, parent)),
        now_ns=turn.at_ns,
        started_at_ns=parent.created_at_ns,
        lot=max(listing.lot for listing in listings),
        min_quantity=max(listing.min_quantity for listing in listings),
        book=state.market.book(instrument_id),
        bars=_bars(state, listings),
    )


def _children(turn: Turn, parent: Order) -> list[Order]:
    orders = turn.core.state.ledger.orders
    return [orders[child_id] for child_id in parent.children or () if child_id in orders]


def _child_view(child: Order) -> ChildView:
    assert child.ordinal is not None
    return ChildView(
        ordinal=child.ordinal,
        quantity=child.quantity,
        filled_quantity=child.filled_quantity,
        leaves=child.leaves,
        is_open=child.is_open,
        order_id=child.order_id,
        status=child.status,
        created_at_ns=child.created_at_ns,
        is_canceling=child.cancel is not PendingCancel.NONE,
        code=child.code,
    )


def _listings(state: EngineState, parent: Order) -> tuple[Listing, ...]:
    key = parent.intent.instrument_key
    assert key is not None
    if is_instrument_id(key):
        listing = state.listings.get(InstrumentId(key))
        return (listing,) if listing is not None else ()
    return state.listings_of(ProductId(key))


def _instruments(state: EngineState, parent: Order) -> tuple[InstrumentId, ...]:
    return tuple(listing.instrument_id for listing in _listings(state, parent))


def _bars(state: EngineState, listings: Sequence[Listing]) -> tuple[TradeBar, ...]:
    # The venue with the most bars speaks for the product: volumes are not added up, since some venues copy others.
    recent = [state.market.bars.get(listing.instrument_id) for listing in listings]
    fullest = max((bars for bars in recent if bars), key=len, default=None)
    return tuple(fullest) if fullest is not None else ()
