"""Controls: trading states, kill and latches, each for one scope."""

from liveexec.domain.account_event import ConfigApplied, LatchCleared, StateChanged, TradingState
from liveexec.domain.ids import EXTERNAL, OperationId
from liveexec.domain.order import Order, PendingCancel
from liveexec.engine import flatten, intake, placing
from liveexec.engine.config import JournalLoss
from liveexec.engine.holdings import held_between
from liveexec.engine.inputs import ClearLatch, ConfigUpdate, ControlKind, JournalLost, Kill, SetTradingState
from liveexec.engine.netting import closes
from liveexec.engine.scopes import in_scope
from liveexec.engine.state import EngineState
from liveexec.engine.turn import Decision, Turn
from liveexec.errors import NotFound

__all__ = ["apply_config", "clear_latch", "journal_lost", "kill", "set_state"]


def set_state(turn: Turn, request: SetTradingState) -> None:
    """An operator sets a scope's trading state."""
    flatten.withdraw(turn, request.scope, f"{request.principal} set the scope's state to {request.state}")
    turn.emit_control(StateChanged(request.scope, request.state, request.principal, request.reason))


def kill(turn: Turn, request: Kill) -> None:
    """Block a scope; cancel everything in it, or bring its positions to zero after that, if asked."""
    flatten.withdraw(turn, request.scope, f"{request.principal} stopped the scope anew")
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
        flatten.begin(turn, request)


def journal_lost(turn: Turn, lost: JournalLost) -> None:
    """Nobody knows for how long nothing can be recorded: where that is wanted, orders of ours that may take more risk
    go."""
    state = turn.core.state
    for order in turn.core.oms.open_orders():
        if order.is_parent or not order.is_open or order.cancel is not PendingCancel.NONE:
            continue
        if order.strategy_id == EXTERNAL:
            # Others placed it, who can record what becomes of it.
            continue
        if _on_loss(state, order) is JournalLoss.LEAVE or _only_reduces(state, order):
            continue
        parent = turn.core.oms.get(order.parent_id) if order.parent_id is not None else None
        wanted = parent if parent is not None and parent.is_open else order
        if wanted.cancel is PendingCancel.NONE:
            operation_id = OperationId(f"OP.{lost.order_id[4:]}.{wanted.order_id[4:]}")
            intake.request_cancel(turn, wanted, operation_id, "", "journal", "the journal can't be written")


def clear_latch(turn: Turn, request: ClearLatch) -> Decision:
    """An operator clears a latch that a control set."""
    if (request.scope, request.code) not in turn.core.state.ledger.latches:
        return Decision(error=NotFound(f"no latch {request.code} is set on {request.scope}"))
    turn.emit_control(LatchCleared(request.scope, request.code, request.principal, request.reason))
    return Decision()


def apply_config(turn: Turn, update: ConfigUpdate) -> None:
    """A new configuration takes effect, and that it did is recorded."""
    turn.emit_control(ConfigApplied(update.config_hash, update.principal, update.summary))


def _on_loss(state: EngineState, order: Order) -> JournalLoss:
    wanted = state.config.on_journal_loss
    return wanted.get(order.account_id or "", wanted.get("*", JournalLoss.LEAVE))


def _only_reduces(state: EngineState, order: Order) -> bool:
    """Whether all that is open of the order's side can only bring what its account holds nearer to zero."""
    if order.account_id is None or order.instrument_id is None:
        return False
    sign = placing.side_of(order).sign
    low, high = held_between(state, order.account_id, order.instrument_id)
    return closes(sign, low, high, state.exposure.of_instrument(order.account_id, order.instrument_id).side(sign))
