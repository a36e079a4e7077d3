"""Controls: trading states, kill and latches, each for one scope."""

from decimal import Decimal
from typing import Final

from liveexec.domain.account_event import (
    ConfigApplied,
    ControlScope,
    LatchCleared,
    ScopeKind,
    StateChanged,
    TradingState,
)
from liveexec.domain.ids import AccountId, InstrumentId, OperationId, OrderId, StrategyId, child_order_id, venue_of
from liveexec.domain.instrument import ContractKind
from liveexec.domain.intent import OrderIntent, content_hash
from liveexec.domain.ledger import PositionKey
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order import Order
from liveexec.domain.position import Position
from liveexec.engine import intake
from liveexec.engine.core import Flattening
from liveexec.engine.inputs import ClearLatch, ConfigUpdate, ControlKind, Kill, SetTradingState
from liveexec.engine.turn import Decision, Turn
from liveexec.errors import NotFound

__all__ = ["apply_config", "clear_latch", "flatten_when_clear", "in_scope", "kill", "set_state"]

#: The strategy of orders that flatten a position for an operator.
FLATTEN: Final = StrategyId("FLATTEN")


def set_state(turn: Turn, request: SetTradingState) -> None:
    """An operator sets a scope's trading state."""
    turn.emit_control(StateChanged(request.scope, request.state, request.principal, request.reason))


def kill(turn: Turn, request: Kill) -> None:
    """Block a scope; cancel everything in it, or bring its positions to zero after that, if asked."""
    # Flattening orders reduce, so the scope must let those through.
    state = TradingState.REDUCING if request.kind is ControlKind.FLATTEN else TradingState.HALTED
    turn.emit_control(StateChanged(request.scope, state, request.principal, request.reason))
    if request.kind is ControlKind.BLOCK:
        return
    for order in turn.core.oms.open_orders():
        if order.is_open and in_scope(order, request.scope):
            # Of this kill and this order: a scope may be killed again while its orders are still being cancelled.
            operation_id = OperationId(f"OP.{request.order_id[4:]}.{order.order_id[4:]}")
            intake.request_cancel(turn, order, operation_id, "", request.principal, request.reason)
    if request.kind is ControlKind.FLATTEN:
        turn.core.flattening[request.order_id] = Flattening(request.scope, request.principal)
        flatten_when_clear(turn)


def clear_latch(turn: Turn, request: ClearLatch) -> Decision:
    """An operator clears a latch that a control set."""
    if (request.scope, request.code) not in turn.core.state.ledger.latches:
        return Decision(error=NotFound(f"no latch {request.code} is set on {request.scope}"))
    turn.emit_control(LatchCleared(request.scope, request.code, request.principal, request.reason))
    return turn.decision()


def apply_config(turn: Turn, update: ConfigUpdate) -> None:
    """A new configuration takes effect, and that it did is recorded."""
    turn.emit_control(ConfigApplied(update.config_hash, update.principal, update.summary))


def flatten_when_clear(turn: Turn) -> None:
    """Once nothing is open in a scope that is being flattened, send what brings its net positions to zero."""
    for seed, flattening in list(turn.core.flattening.items()):
        if any(in_scope(order, flattening.scope) for order in turn.core.oms.open_orders()):
            continue
        del turn.core.flattening[seed]
        _flatten(turn, seed, flattening)


def in_scope(order: Order, scope: ControlScope) -> bool:
    """Whether a control of this scope concerns the order; a routed parent is in its children's venues by them."""
    match scope.kind:
        case ScopeKind.GLOBAL:
            return True
        case ScopeKind.ACCOUNT:
            return order.account_id == scope.name
        case ScopeKind.STRATEGY:
            return order.strategy_id == scope.name
        case ScopeKind.INSTRUMENT:
            return scope.name in (order.instrument_id, order.intent.instrument_key)
        case ScopeKind.VENUE:
            return order.instrument_id is not None and venue_of(order.instrument_id) == scope.name


def _flatten(turn: Turn, seed: OrderId, flattening: Flattening) -> None:
    state = turn.core.state
    for ordinal, (account_id, strategy_id, instrument_id, quantity) in enumerate(_held(turn, flattening.scope), 1):
        listing = state.listings.get(instrument_id)
        lots = listing.floor_quantity(abs(quantity)) if listing is not None else None
        if listing is None or not lots:
            continue
        order_id = child_order_id(seed, ordinal)
        intent = OrderIntent(
            operation=Operation.TRADE,
            quantity=lots,
            strategy_id=strategy_id,
            instrument_key=instrument_id,
            side=Side.SELL if quantity > 0 else Side.BUY,
            order_type=OrderType.MARKET,
            # A spot sale can't do more than sell what is there.
            reduce_only=listing.terms.kind is not ContractKind.SPOT and state.manifests[listing.venue].reduce_only,
            account_id=account_id,
        )
        operation_id = OperationId(f"OP.{order_id[4:]}")
        intake.accept(
            turn, order_id, intent, operation_id, content_hash(intent), flattening.principal, None, flattens=True
        )


def _held(turn: Turn, scope: ControlScope) -> list[tuple[AccountId, StrategyId, InstrumentId, Decimal]]:
    """What a scope holds: a strategy's own positions, else the accounts' nets, which is what the venues know."""
    ledger = turn.core.state.ledger
    if scope.kind is ScopeKind.STRATEGY:
        return [
            (account_id, strategy_id, instrument_id, position.quantity)
            for (account_id, strategy_id, instrument_id), position in sorted(ledger.positions.items(), key=_by_key)
            if strategy_id == scope.name and position.quantity
        ]
    return [
        (account_id, FLATTEN, instrument_id, position.quantity)
        for account_id, book in sorted(ledger.books.items())
        for instrument_id, position in sorted(book.positions.items())
        if position.quantity and _covers(scope, account_id, instrument_id)
    ]


def _by_key(item: tuple[PositionKey, Position]) -> PositionKey:
    return item[0]


def _covers(scope: ControlScope, account_id: AccountId, instrument_id: InstrumentId) -> bool:
    match scope.kind:
        case ScopeKind.GLOBAL:
            return True
        case ScopeKind.ACCOUNT:
            return scope.name == account_id
        case ScopeKind.INSTRUMENT:
            return scope.name == instrument_id
        case ScopeKind.VENUE:
            return scope.name == venue_of(instrument_id)
        case ScopeKind.STRATEGY:
            return False
