"""What becomes of requests: answers, proofs that nothing was sent, answers to questions, and silence.

The engine never resends an order. What it does not know it asks, and what nobody can tell stays UNKNOWN.
"""

from typing import Final

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Absent, Accepted, NotKnown, Rejected, SendPlan, Sent, Unknown
from liveexec.engine import adoption, reports, requests
from liveexec.engine.effects import TimerKind
from liveexec.engine.inputs import QueryAnswered, SendAnswered, SendStopped, SendVerb
from liveexec.engine.turn import Turn

__all__ = ["answer_due", "answered", "ask_again", "query_answered", "retry_cancel", "stopped"]

_IN_DOUBT: Final = (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
#: Ended otherwise than by its fills: what became of a change of such an order makes no difference.
_GONE: Final = (OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)


def answered(turn: Turn, answer: SendAnswered) -> None:
    """An adapter answered a request."""
    order = turn.core.oms.get(answer.order_id)
    if order is None or answer.attempt != order.attempt:
        return
    match answer.verb:
        case SendVerb.SUBMIT:
            _submit_answered(turn, order, answer)
        case SendVerb.CANCEL:
            _cancel_answered(turn, order, answer)
        case SendVerb.REPLACE:
            _replace_answered(turn, order, answer)


def stopped(turn: Turn, stop: SendStopped) -> None:
    """The send gate stopped a request: proof that it never left."""
    order = turn.core.oms.get(stop.order_id)
    if order is None or not order.is_open:
        return
    match stop.verb:
        case SendVerb.SUBMIT:
            if stop.attempt == order.attempt and _is_unheard(order):
                turn.emit(order.order_id, ev.NotSent(stop.attempt, stop.reason))
        case SendVerb.CANCEL:
            # The wish is sticky: it goes out again at the next sign of life.
            turn.wake(TimerKind.CANCEL, order.order_id, turn.at_ns + turn.core.state.config.timing.retry_ns)
        case SendVerb.REPLACE:
            if order.replace is not None and order.replace.atomic and _is_about(order.replace, stop.plan):
                reports.change_refused(turn, order, "NOT_SENT", stop.reason)


def query_answered(turn: Turn, answer: QueryAnswered) -> None:
    """A venue said what it knows of an order."""
    order = turn.core.oms.get(answer.order_id)
    if order is None or not order.is_open:
        return
    match answer.answer:
        case Absent():
            _absent(turn, order, answer)
        case NotKnown():
            turn.wake(TimerKind.UNKNOWN, order.order_id, turn.at_ns + turn.core.state.config.timing.retry_ns)
        case report:
            # It may call the order by a name that is new here.
            about = adoption.find(turn, report) or order
            if about is not order and adoption.is_taken(turn, order, report.venue_order_id):
                turn.wake(TimerKind.UNKNOWN, order.order_id, turn.at_ns + turn.core.state.config.timing.retry_ns)
            reports.order_report(turn, about, report, asked_at_ns=answer.asked_at_ns)


def answer_due(turn: Turn, order_id: OrderId) -> None:
    """The answer to a submit or a change is overdue, unless it came in another way."""
    order = turn.core.oms.get(order_id)
    if order is None or not (order.status in _IN_DOUBT or order.replace is not None):
        return
    if order.status is OrderStatus.SUBMITTED:
        turn.emit(order_id, ev.SubmitUnknown(order.attempt, "the venue did not answer in time"))
    ask_again(turn, order_id)


def ask_again(turn: Turn, order_id: OrderId) -> None:
    """An order is due to be asked about again."""
    order = turn.core.oms.get(order_id)
    if order is not None and order.is_open and order.attempt > 0:
        requests.ask_about(turn, order)


def retry_cancel(turn: Turn, order_id: OrderId) -> None:
    """A wished cancel has not ended its order yet: ask what the order is, and ask for the cancel again."""
    order = turn.core.oms.get(order_id)
    if order is None or not order.is_open or order.attempt == 0:
        return
    wanted = order.cancel is not PendingCancel.NONE or (order.replace is not None and not order.replace.atomic)
    if wanted:
        requests.ask_about(turn, order)
        requests.send_cancel(turn, order)


def _submit_answered(turn: Turn, order: Order, answer: SendAnswered) -> None:
    waiting = _is_unheard(order)
    match answer.outcome:
        case Accepted(venue_order_id):
            if adoption.is_taken(turn, order, venue_order_id):
                if order.status is OrderStatus.SUBMITTED:
                    turn.emit(order.order_id, ev.SubmitUnknown(answer.attempt, "what the venue has was adopted before"))
            elif waiting or (venue_order_id is not None and order.venue_order_id is None):
                turn.emit(order.order_id, ev.Accepted(venue_order_id, None))
                reports.claim_parked(turn, order)
                requests.alive(turn, order)
        case Rejected(code, message):
            if waiting:
                turn.emit(order.order_id, ev.VenueRejected(code, message))
            elif order.is_open:
                # Refused, they say, but there was a sign of life before: ask before believing either.
                requests.ask_about(turn, order)
        case Unknown(reason):
            if order.status is OrderStatus.SUBMITTED:
                turn.emit(order.order_id, ev.SubmitUnknown(answer.attempt, reason))
            if order.is_open:
                requests.ask_about(turn, order)
        case Sent():
            if order.status is OrderStatus.SUBMITTED:
                timing = turn.core.state.config.timing
                turn.wake(TimerKind.ANSWER, order.order_id, turn.at_ns + timing.answer_ns)


def _cancel_answered(turn: Turn, order: Order, answer: SendAnswered) -> None:
    if not order.is_open:
        return
    match answer.outcome:
        case Accepted() | Sent():
            pass  # the end comes as a report; the timer that went with the request looks again if it does not
        case Rejected(code, message):
            turn.emit(order.order_id, ev.CancelRejected(code, message))
            requests.ask_about(turn, order)
        case Unknown(reason):
            # The first half of an emulated change is nobody's wish to have the order gone.
            is_half = order.cancel is PendingCancel.NONE
            turn.emit(order.order_id, ev.ReplaceUnknown(reason) if is_half else ev.CancelUnknown(reason))
            turn.wake(TimerKind.CANCEL, order.order_id, turn.at_ns + turn.core.state.config.timing.retry_ns)


def _replace_answered(turn: Turn, order: Order, answer: SendAnswered) -> None:
    change = order.replace
    if change is None or not change.atomic or order.status in _GONE or not _is_about(change, answer.plan):
        return
    match answer.outcome:
        case Accepted(venue_order_id):
            turn.emit(
                order.order_id,
                ev.Replaced(change.quantity, change.price, change.plan.client_order_id, venue_order_id, None),
            )
            reports.claim_parked(turn, order)
        case Rejected(code, message):
            reports.change_refused(turn, order, code, message)
            if order.is_open:
                # Some venues end the order when they refuse to change it: look, don't assume.
                requests.ask_about(turn, order)
        case Unknown(reason):
            turn.emit(order.order_id, ev.ReplaceUnknown(reason))
            requests.ask_about(turn, order)
        case Sent():
            turn.wake(TimerKind.ANSWER, order.order_id, turn.at_ns + turn.core.state.config.timing.answer_ns)


def _is_about(change: ev.ReplaceRequested, plan: SendPlan | None) -> bool:
    """Whether an answer is to this change: one before it may have been settled by a report, and be answered late."""
    return plan is None or plan is change.plan


def _absent(turn: Turn, order: Order, answer: QueryAnswered) -> None:
    if not _is_unheard(order) or not _can_be_asked_for(turn, order):
        # It was there once, so absence proves only that this source forgets; or it was asked for by a name that the
        # venue does not look orders up by.
        turn.wake(TimerKind.UNKNOWN, order.order_id, turn.at_ns + turn.core.state.config.timing.retry_ns)
        return
    proof_ns = requests.proof_ns(turn, order)
    if answer.asked_at_ns < proof_ns:
        turn.wake(TimerKind.UNKNOWN, order.order_id, proof_ns)
        return
    turn.emit(order.order_id, ev.NotSent(order.attempt, "the venue proved that it never had it"))


def _can_be_asked_for(turn: Turn, order: Order) -> bool:
    """Whether the venue finds an order that it has not named yet by what it was sent with."""
    if order.venue_order_id is not None or (order.plan is not None and order.plan.refs):
        return True
    return requests.manifest_of(turn, order).query_by_client_id


def _is_unheard(order: Order) -> bool:
    """Whether the venue has said nothing yet of the order's present attempt.

    A late fill of an earlier attempt changes the status, and says nothing of the present one.
    """
    if order.status in _IN_DOUBT:
        return True
    return order.is_open and order.attempt > 1 and order.venue_order_id is None
