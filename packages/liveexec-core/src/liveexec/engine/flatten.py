"""Flattening: what an account holds in a scope is brought to zero, once nothing is open in it and it is trusted.

What waits is recorded, account by account, so that neither a crash nor a venue that is away loses it.
"""

from decimal import Decimal
from typing import Final

from attrs import frozen

from liveexec.domain.account_event import ControlScope, FlattenEnded, FlattenRequested, ScopeKind
from liveexec.domain.ids import InstrumentId, OperationId, StrategyId, child_order_id
from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.intent import OrderIntent, content_hash
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order import Order
from liveexec.engine import intake
from liveexec.engine.inputs import Kill, Phase
from liveexec.engine.scopes import accounts_in, holds, in_scope
from liveexec.engine.turn import Turn

__all__ = ["begin", "send_when_clear", "withdraw"]

#: The strategy of orders that flatten a position for an operator.
_FLATTEN: Final = StrategyId("FLATTEN")


@frozen
class _Share:
    """What is held of an instrument (signed), and how much of that can be traded: ``lots`` of its listing."""

    strategy_id: StrategyId
    instrument_id: InstrumentId
    quantity: Decimal
    listing: Listing | None
    lots: Decimal


def begin(turn: Turn, request: Kill) -> None:
    """Every account that may hold something in the scope is to be flattened."""
    for ordinal, account_id in enumerate(accounts_in(turn.core.state, request.scope), 1):
        seed = child_order_id(request.order_id, ordinal)
        turn.emit_control(FlattenRequested(request.scope, account_id, seed, request.principal))


def withdraw(turn: Turn, scope: ControlScope, reason: str) -> None:
    """An operator says something else of the scope: what still waits to be flattened in it waits no longer."""
    for waiting in list(turn.core.state.ledger.flattenings.values()):
        if waiting.scope == scope:
            turn.emit_control(FlattenEnded(scope, waiting.account_id, reason))


def send_when_clear(turn: Turn) -> None:
    """Send what brings net positions to zero, on every account that is trusted and has nothing open in the scope."""
    state = turn.core.state
    for waiting in list(state.ledger.flattenings.values()):
        if state.phases.get(waiting.account_id) is not Phase.ACTIVE:
            continue
        if any(_holds_up(order, waiting) for order in turn.core.oms.open_orders()):
            continue
        # In one decision with its orders: either all of it is recorded, or it waits on.
        held = _held(turn, waiting)
        turn.emit_control(FlattenEnded(waiting.scope, waiting.account_id, _outcome(held)))
        _close(turn, waiting, held)


def _holds_up(order: Order, waiting: FlattenRequested) -> bool:
    """Whether the order may still change what the account holds; a parent's children may go to any account."""
    return in_scope(order, waiting.scope) and (order.is_parent or order.account_id == waiting.account_id)


def _outcome(held: list[_Share]) -> str:
    if not held:
        return "it holds nothing"
    left = [f"{share.quantity} {share.instrument_id}" for share in held if not share.lots]
    return f"left as less than a lot or not listed: {', '.join(left)}" if left else "what it holds is being closed"


def _close(turn: Turn, waiting: FlattenRequested, held: list[_Share]) -> None:
    state = turn.core.state
    for ordinal, share in enumerate(held, 1):
        listing = share.listing
        if listing is None or not share.lots:
            continue
        order_id = child_order_id(waiting.seed, ordinal)
        intent = OrderIntent(
            operation=Operation.TRADE,
            quantity=share.lots,
            strategy_id=share.strategy_id,
            instrument_key=share.instrument_id,
            side=Side.SELL if share.quantity > 0 else Side.BUY,
            order_type=OrderType.MARKET,
            # A spot sale can't do more than sell what is there.
            reduce_only=listing.terms.kind is not ContractKind.SPOT and state.manifests[listing.venue].reduce_only,
            account_id=waiting.account_id,
        )
        operation_id = OperationId(f"OP.{order_id[4:]}")
        intake.accept(
            turn, order_id, intent, operation_id, content_hash(intent), waiting.principal, None, flattens=True
        )


def _held(turn: Turn, waiting: FlattenRequested) -> list[_Share]:
    """What the account holds in the scope: a strategy's own share, else the net, which is what the venue knows."""
    state, scope, account_id = turn.core.state, waiting.scope, waiting.account_id
    if scope.kind is ScopeKind.STRATEGY:
        shares = sorted(
            (strategy_id, instrument_id, position.quantity)
            for (account, strategy_id, instrument_id), position in state.ledger.positions.items()
            if account == account_id and strategy_id == scope.name and position.quantity
        )
    else:
        book = state.ledger.books.get(account_id)
        shares = [
            (_FLATTEN, instrument_id, position.quantity)
            for instrument_id, position in sorted(book.positions.items() if book is not None else ())
            if position.quantity and holds(scope, account_id, instrument_id)
        ]
    return [_share(turn, *each) for each in shares]


def _share(turn: Turn, strategy_id: StrategyId, instrument_id: InstrumentId, quantity: Decimal) -> _Share:
    listing = turn.core.state.listings.get(instrument_id)
    lots = listing.floor_quantity(abs(quantity)) if listing is not None else None
    return _Share(strategy_id, instrument_id, quantity, listing, lots or Decimal(0))
