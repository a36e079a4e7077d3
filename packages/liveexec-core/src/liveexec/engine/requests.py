"""Requests to venues: each is recorded first, planned once, and never repeated but for cancels and questions."""

from decimal import Decimal

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OperationId, venue_of
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import OrderRef, SendPlan
from liveexec.domain.venue import AdapterManifest
from liveexec.engine.effects import PrepareOrder, QueryOrder, SendCancel, SendReplace, SendSubmit, TimerKind
from liveexec.engine.inputs import PlanPrepared
from liveexec.engine.turn import Turn

__all__ = [
    "alive",
    "ask_about",
    "cancel_leaf",
    "manifest_of",
    "plan_for",
    "prepared",
    "proof_ns",
    "ref_of",
    "renewed",
    "request_submit",
    "send_cancel",
    "send_replace",
]


def ref_of(order: Order) -> OrderRef:
    """Every name by which the order's venue may know it now."""
    assert order.account_id is not None
    assert order.instrument_id is not None
    refs = order.plan.refs if order.plan is not None else None
    return OrderRef(order.account_id, order.instrument_id, order.client_order_id, order.venue_order_id, refs)


def manifest_of(turn: Turn, order: Order) -> AdapterManifest:
    """What the order's venue can do."""
    assert order.instrument_id is not None
    return turn.core.state.manifests[venue_of(order.instrument_id)]


def plan_for(turn: Turn, order: Order, attempt: int, manifest: AdapterManifest) -> SendPlan:
    """The plan of an attempt at a venue whose ids derive from ours."""
    rule = manifest.client_id
    assert rule is not None, f"{manifest.venue} prepares its plans"
    return SendPlan(rule.client_order_id(order.order_id, attempt), _deadline(turn))


def renewed(turn: Turn, plan: SendPlan) -> SendPlan:
    """The same names with a new deadline, for a change of a working order."""
    return SendPlan(plan.client_order_id, _deadline(turn), plan.refs)


def request_submit(turn: Turn, order: Order, quantity: Decimal, price: Decimal | None, book_at_ns: int | None) -> None:
    """Fix what identifies the next attempt at the venue, record the request, and have it sent."""
    attempt = order.attempt + 1
    manifest = manifest_of(turn, order)
    if manifest.client_id is None:
        request = PrepareOrder(order, attempt, quantity, price, _deadline(turn), book_at_ns)
        turn.core.preparing[order.order_id] = request
        turn.do(request)
        return
    _submit(turn, order, attempt, plan_for(turn, order, attempt, manifest), quantity, price, book_at_ns)


def prepared(turn: Turn, answer: PlanPrepared) -> None:
    """The adapter made the plan of an attempt, or could not."""
    waiting = turn.core.preparing.get(answer.order_id)
    if waiting is None or waiting.attempt != answer.attempt:
        return
    del turn.core.preparing[answer.order_id]
    if not waiting.order.is_open:
        return
    if answer.plan is None:
        turn.emit(answer.order_id, ev.NotSent(answer.attempt, f"not prepared: {answer.reason}"))
        return
    _submit(turn, waiting.order, answer.attempt, answer.plan, waiting.quantity, waiting.price, waiting.book_at_ns)


def send_cancel(turn: Turn, order: Order) -> None:
    """Ask the venue to cancel, and look again after a while: the wish stays until the order ends."""
    turn.core.state.activity.note_message(turn.at_ns)
    turn.do(SendCancel(order, ref_of(order)))
    turn.wake(TimerKind.CANCEL, order.order_id, turn.at_ns + turn.core.state.config.timing.answer_ns)


def send_replace(turn: Turn, order: Order) -> None:
    """Ask the venue for the recorded change."""
    change = order.replace
    assert change is not None
    turn.core.state.activity.note_message(turn.at_ns)
    filled = order.filled_quantity
    turn.do(SendReplace(order, ref_of(order), change.plan, change.quantity, change.price, filled, turn.at_ns))


def proof_ns(turn: Turn, order: Order) -> int:
    """From when on a question to the venue can prove that a request of the order was never, or not, taken.

    By then its deadline has passed on any clock, and whatever came of it is visible. Where the venue does not hold to
    the deadline, what was on its way has to have arrived as well.
    """
    change = order.replace
    plan = change.plan if change is not None and change.atomic else order.plan
    if plan is None:
        return turn.at_ns
    timing = turn.core.state.config.timing
    manifest = manifest_of(turn, order)
    late_ns = 0 if manifest.request_expiry else timing.late_arrival_ns
    return plan.valid_until_ns + timing.clock_skew_ns + late_ns + manifest.visibility_lag_ns


def ask_about(turn: Turn, order: Order) -> None:
    """Ask the venue what became of the order."""
    turn.do(QueryOrder(order, ref_of(order), proof_ns(turn, order)))


def cancel_leaf(
    turn: Turn, order: Order, operation_id: OperationId, content_hash: str, principal: str, reason: str
) -> None:
    """Record the wish to have a plain order or a child gone, and ask the venue where it may have it.

    One that is still in flight waits: the send gate stops it, or its answer lets the cancel follow.
    """
    wished = order.cancel is not PendingCancel.NONE
    turn.emit(order.order_id, ev.CancelRequested(operation_id, content_hash, principal, reason))
    if turn.core.preparing.pop(order.order_id, None) is not None:
        turn.emit(order.order_id, ev.NotSent(order.attempt + 1, "canceled before it was sent"))
    elif order.status is not OrderStatus.SUBMITTED and not wished:
        send_cancel(turn, order)


def alive(turn: Turn, order: Order) -> None:
    """A sign of life: a cancel that was wished meanwhile goes out now.

    So does one for an order that was taken for refused or never sent, or was given up by an operator, its cancel wished
    or not: nobody here counts on it any more.
    """
    if order.is_open and order.cancel is not PendingCancel.NONE:
        send_cancel(turn, order)
    elif order.status in (OrderStatus.REJECTED, OrderStatus.CANCELED, OrderStatus.EXPIRED):
        turn.do(SendCancel(order, ref_of(order)))


def _submit(
    turn: Turn,
    order: Order,
    attempt: int,
    plan: SendPlan,
    quantity: Decimal,
    price: Decimal | None,
    book_at_ns: int | None,
) -> None:
    turn.emit(order.order_id, ev.SubmitRequested(attempt, plan, quantity, price))
    turn.core.state.activity.note_message(turn.at_ns)
    turn.do(SendSubmit(order, attempt, plan, quantity, price, turn.at_ns, book_at_ns))


def _deadline(turn: Turn) -> int:
    return turn.at_ns + turn.core.state.config.timing.send_deadline_ns
