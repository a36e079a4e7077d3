"""The fold of an order: how each event changes it. The one place where an order changes.

The same fold runs in the engine, in the durable view that readers and the projector see, and in every rebuild.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, assert_never

from liveexec.domain import money
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import OperationId, OrderId
from liveexec.domain.intent import OrderIntent, content_hash
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_state import KEEP, OPEN_STATUSES, Derived, OrderStatus, transition
from liveexec.domain.outcome import OrderReport, SendPlan, VenueOrderStatus
from liveexec.errors import InvariantViolation, TransitionError

__all__ = ["apply_event", "new_order", "settle_family"]


def new_order(order_id: OrderId, event: ev.OrderReceived | ev.Adopted, at_ns: int) -> Order:
    """The order that a first event makes."""
    if isinstance(event, ev.Adopted):
        return _adopted(order_id, event, at_ns)
    intent = event.intent
    is_child = event.parent_order_id is not None
    is_parent = not is_child and intent.exec_algorithm != "NORMAL"
    instrument_id = terms = None
    created_at_ns = updated_at_ns = at_ns
    # By position: so many keywords would take longer than all the rest.
    return Order(
        order_id, intent, event.operation_id, event.principal, event.content_hash, event.parent_order_id,
        event.ordinal, is_parent, intent.strategy_id, intent.account_id, instrument_id, terms, intent.quantity,
        intent.limit_price, OrderStatus.PENDING, created_at_ns, updated_at_ns, 1,
    )  # fmt: skip


def apply_event(order: Order, event: OrderEvent, at_ns: int) -> None:
    """Fold one event into the order.

    Raises:
        TransitionError: the state table has no such transition.
        InvariantViolation: the event contradicts the order (a fill that counts already, a bust of no fill).
    """
    kind = type(event)
    following = transition(order.status, kind)
    fold = _FOLDS.get(kind)
    if fold is not None:
        fold(order, event)
    if following is not KEEP:
        order.status = following if isinstance(following, OrderStatus) else _derived(order, following, event)
    order.last_sequence += 1
    order.updated_at_ns = at_ns


def settle_family(parent: Order, quantity: Decimal, cost: Decimal, at_ns: int) -> None:
    """Add what a child's fills changed by to its parent, whose filled amounts are the sums over its children."""
    parent.filled_quantity += quantity
    parent.filled_cost += cost
    parent.updated_at_ns = at_ns
    if parent.status in OPEN_STATUSES:
        parent.status = OrderStatus.PARTIALLY_FILLED if parent.filled_quantity > 0 else OrderStatus.ACCEPTED
    else:
        parent.status = _after_the_end(parent)


def _derived(order: Order, following: Derived, event: OrderEvent) -> OrderStatus:
    match following:
        case Derived.KEEP:
            return order.status
        case Derived.BY_FILLS:
            return order.status if _tells_of_the_past(order, event) else _by_fills(order)
        case Derived.COMPLETES:
            overtook = isinstance(event, ev.FillBusted) and event.overtook
            return _by_fills(order) if overtook else _after_the_end(order)
        case Derived.BY_ATTEMPT:
            return OrderStatus.REJECTED if order.attempt <= 1 else OrderStatus.CANCELED
        case Derived.BY_CANCEL_WISH:
            assert isinstance(event, ev.NotSent)
            if order.filled_quantity >= order.quantity:
                # Filled before its change was sent: the quantity that it keeps is complete.
                return OrderStatus.FILLED
            wished = order.cancel is not PendingCancel.NONE or event.attempt > 1
            return OrderStatus.CANCELED if wished else OrderStatus.REJECTED
        case Derived.BY_RESOLUTION:
            assert isinstance(event, ev.ParentFinished | ev.Adjusted)
            return OrderStatus(event.resolution.value)
        case Derived.BY_REPORT:
            return _by_fills(order)
        case _:
            assert_never(following)


def _tells_of_the_past(order: Order, event: OrderEvent) -> bool:
    """Whether an earlier attempt's fill was taken back while nothing is known of the present attempt."""
    if order.status not in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
        return False
    match event:
        case ev.FillBusted(fill) | ev.FillCorrected(fill):
            return fill.key in order.earlier_fills
        case _:
            return False


def _by_fills(order: Order) -> OrderStatus:
    if order.filled_quantity >= order.whole_quantity:
        return OrderStatus.FILLED
    return OrderStatus.PARTIALLY_FILLED if order.filled_quantity > 0 else OrderStatus.ACCEPTED


def _after_the_end(order: Order) -> OrderStatus:
    if order.filled_quantity >= order.quantity:
        return OrderStatus.FILLED
    # A bust after FILLED leaves an order that the venue no longer works: what is missing will not come.
    return OrderStatus.CANCELED if order.status is OrderStatus.FILLED else order.status


def _on_risk_approved(order: Order, event: ev.RiskApproved) -> None:
    order.reserve_price = event.reserve_price
    order.approved = True


def _on_risk_refused(order: Order, event: ev.RiskRefused) -> None:
    order.code, order.message = event.code, event.message


def _on_routed(order: Order, event: ev.Routed) -> None:
    if len(event.legs) > 1:
        if order.parent_id is not None:
            raise InvariantViolation(f"{order.order_id}: a child is not split again; its parent has the further legs")
        order.is_parent = True
    if order.is_parent or not event.legs:
        return
    leg = event.legs[0]
    order.instrument_id, order.account_id, order.terms = leg.instrument_id, leg.account_id, leg.terms


def _on_schedule_fixed(order: Order, event: ev.ScheduleFixed) -> None:
    order.schedule = event.schedule


def _on_child_spawned(order: Order, event: ev.ChildSpawned) -> None:
    if order.children is None:
        order.children = []
    order.children.append(event.child_order_id)


#: One for all, since Python makes every empty frozenset anew, of 216 bytes.
_NO_FILLS: Final[frozenset[FillKey]] = frozenset()


def _on_submit_requested(order: Order, event: ev.SubmitRequested) -> None:
    order.attempt, order.plan = event.attempt, event.plan
    if order.replace is not None:
        order.quantity, order.price = order.replace.quantity, order.replace.price
        order.replace, order.replace_unknown = None, False
        order.venue_order_id = None
    order.earlier_fills = frozenset(order.fills) if order.fills else _NO_FILLS


def _on_not_sent(order: Order, event: ev.NotSent) -> None:
    order.code, order.message = "NOT_SENT", event.reason


def _on_accepted(order: Order, event: ev.Accepted) -> None:
    if event.venue_order_id is not None:
        order.venue_order_id = event.venue_order_id


def _on_venue_rejected(order: Order, event: ev.VenueRejected) -> None:
    order.code, order.message = event.code, event.message


def _on_fill_applied(order: Order, event: ev.FillApplied) -> None:
    fill = event.fill
    if order.fills is None:
        order.fills = {}
    if fill.key in order.fills:
        raise InvariantViolation(f"{order.order_id}: fill {fill.key} counts already")
    order.fills[fill.key] = fill
    order.filled_quantity += fill.quantity
    order.filled_cost += money.storable(fill.quantity * fill.price)


def _on_fill_busted(order: Order, event: ev.FillBusted) -> None:
    fill = _counted(order, event.fill)
    assert order.fills is not None
    del order.fills[fill.key]
    order.undone_fills |= {event.fill.key}
    order.filled_quantity -= fill.quantity
    order.filled_cost -= money.storable(fill.quantity * fill.price)


def _on_fill_corrected(order: Order, event: ev.FillCorrected) -> None:
    # Everything is checked before anything changes: an event that raises leaves the order as it was.
    if event.fill.key != _counted(order, event.original).key and event.fill.key in (order.fills or {}):
        raise InvariantViolation(f"{order.order_id}: fill {event.fill.key} counts already")
    is_earlier = event.original.key in order.earlier_fills
    _on_fill_busted(order, ev.FillBusted(event.original, ""))
    _on_fill_applied(order, ev.FillApplied(event.fill))
    if is_earlier:
        order.earlier_fills |= {event.fill.key}


def _counted(order: Order, named: Fill) -> Fill:
    """The fill that an event takes back, as it counts; positions undo the event's copy, so both have to agree."""
    fill = order.fills.get(named.key) if order.fills is not None else None
    if fill is None:
        raise InvariantViolation(f"{order.order_id}: fill {named.key} does not count, so it can't be taken back")
    if (fill.quantity, fill.price, fill.fee) != (named.quantity, named.price, named.fee):
        raise InvariantViolation(f"{order.order_id}: fill {named.key} counts with other amounts than it is taken back")
    return fill


def _on_cancel_requested(order: Order, _: ev.CancelRequested) -> None:
    order.cancel = PendingCancel.REQUESTED


def _on_cancel_unknown(order: Order, _: ev.CancelUnknown) -> None:
    order.cancel = PendingCancel.UNKNOWN


def _on_replace_requested(order: Order, event: ev.ReplaceRequested) -> None:
    order.replace, order.replace_unknown = event, False


def _on_replace_unknown(order: Order, _: ev.ReplaceUnknown) -> None:
    order.replace_unknown = True


def _on_replaced(order: Order, event: ev.Replaced) -> None:
    order.quantity, order.price = event.quantity, event.price
    if order.replace is not None:
        order.plan = order.replace.plan
        order.replace, order.replace_unknown = None, False
    if event.venue_order_id is not None:
        order.venue_order_id = event.venue_order_id


def _on_replace_rejected(order: Order, _: ev.ReplaceRejected) -> None:
    order.replace, order.replace_unknown = None, False


def _on_ended(order: Order, event: ev.Canceled | ev.Expired | ev.Adjusted) -> None:
    order.message = event.reason


def _on_parent_finished(order: Order, event: ev.ParentFinished) -> None:
    order.code, order.message = event.code, event.reason


def _on_reattributed(order: Order, event: ev.Reattributed) -> None:
    order.strategy_id = event.strategy_id


def _on_adopted_again(order: Order, event: ev.Adopted) -> None:
    """What a fill alone told of it was too little: these are its terms, and what was filled that counts nowhere."""
    report = event.report
    if not order.is_adopted:
        raise TransitionError(f"Adopted can't follow in status {order.status} of an order of ours")
    order.quantity, order.adopted_filled = report.quantity - report.filled_quantity, report.filled_quantity
    order.price = order.reserve_price = report.price
    if report.client_order_id is not None:
        order.plan = SendPlan(report.client_order_id, 0, report.refs)
    order.venue_order_id = report.venue_order_id or order.venue_order_id


#: How each event changes the order beside its status; those not listed change nothing else.
_FOLDS: Final[dict[type[Any], Callable[[Order, Any], None]]] = {
    ev.RiskApproved: _on_risk_approved,
    ev.RiskRefused: _on_risk_refused,
    ev.Routed: _on_routed,
    ev.ScheduleFixed: _on_schedule_fixed,
    ev.ChildSpawned: _on_child_spawned,
    ev.SubmitRequested: _on_submit_requested,
    ev.NotSent: _on_not_sent,
    ev.Accepted: _on_accepted,
    ev.VenueRejected: _on_venue_rejected,
    ev.FillApplied: _on_fill_applied,
    ev.FillBusted: _on_fill_busted,
    ev.FillCorrected: _on_fill_corrected,
    ev.CancelRequested: _on_cancel_requested,
    ev.CancelUnknown: _on_cancel_unknown,
    ev.Canceled: _on_ended,
    ev.ReplaceRequested: _on_replace_requested,
    ev.ReplaceUnknown: _on_replace_unknown,
    ev.Replaced: _on_replaced,
    ev.ReplaceRejected: _on_replace_rejected,
    ev.Expired: _on_ended,
    ev.Adjusted: _on_ended,
    ev.ParentFinished: _on_parent_finished,
    ev.Reattributed: _on_reattributed,
    ev.Adopted: _on_adopted_again,
}

_ADOPTED_STATUS: Final = {
    VenueOrderStatus.FILLED: OrderStatus.FILLED,
    VenueOrderStatus.CANCELED: OrderStatus.CANCELED,
    VenueOrderStatus.REJECTED: OrderStatus.REJECTED,
    VenueOrderStatus.EXPIRED: OrderStatus.EXPIRED,
    VenueOrderStatus.WORKING: OrderStatus.ACCEPTED,
}


def _adopted(order_id: OrderId, event: ev.Adopted, at_ns: int) -> Order:
    report = event.report
    intent = _intent_of(event, report)
    plan = SendPlan(report.client_order_id, 0, report.refs) if report.client_order_id is not None else None
    return Order(
        order_id=order_id,
        intent=intent,
        operation_id=OperationId(order_id),
        principal="venue",
        content_hash=content_hash(intent),
        parent_id=None,
        ordinal=None,
        is_parent=False,
        strategy_id=event.strategy_id,
        account_id=event.account_id,
        instrument_id=event.instrument_id,
        terms=event.terms,
        # What was filled before the adoption is in the account's opening position already.
        quantity=report.quantity - report.filled_quantity if report.status.is_open else report.quantity,
        price=report.price,
        status=_ADOPTED_STATUS[report.status],
        created_at_ns=at_ns,
        updated_at_ns=at_ns,
        last_sequence=1,
        attempt=1,
        approved=True,
        reserve_price=report.price,
        adopted_filled=report.filled_quantity if report.status.is_open else ZERO,
        plan=plan,
        venue_order_id=report.venue_order_id,
    )


def _intent_of(event: ev.Adopted, report: OrderReport) -> OrderIntent:
    is_bet = event.side in (Side.BACK, Side.LAY)
    # GTD without its time, a stop without its trigger and a price below zero (spreads) can't be stated; the venue works
    # them, not we.
    has_limit = report.price is not None and report.price > 0 and not is_bet
    tif = TimeInForce.GTC if report.time_in_force is TimeInForce.GTD else report.time_in_force
    return OrderIntent(
        operation=Operation.BET if is_bet else Operation.TRADE,
        quantity=report.quantity,
        strategy_id=event.strategy_id,
        instrument_key=event.instrument_id,
        side=event.side,
        order_type=OrderType.LIMIT if has_limit else OrderType.MARKET,
        price=report.price if has_limit else None,
        time_in_force=tif,
        account_id=event.account_id,
        odds=report.price if is_bet else None,
        selection=event.instrument_id if is_bet else None,
    )
