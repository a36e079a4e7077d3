"""What venues report: orders, fills, assets, balances. Evidence in, events out; whatever repeats changes nothing."""

from decimal import Decimal
from typing import Final, assert_never

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import AssetMoved
from liveexec.domain.ids import EXTERNAL, ClientOrderId, VenueOrderId
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import (
    AssetReport,
    BalanceReport,
    CumulativeFill,
    FillReport,
    Gap,
    OrderReport,
    SettlementReport,
    VenueOrderStatus,
)
from liveexec.engine import adoption, balances, fills, requests, settlement
from liveexec.engine.adoption import AboutOrder
from liveexec.engine.effects import FetchFills, SendCancel, TimerKind
from liveexec.engine.inputs import Phase, Report
from liveexec.engine.turn import Turn

__all__ = ["adopt_parked", "change_refused", "claim_parked", "order_report", "report", "shown_open"]

#: How long before an order was adopted its fills may have been missed: as far back as every comparison looks.
_BEFORE_ADOPTION_NS: Final = 60_000_000_000


def report(turn: Turn, delivered: Report) -> None:
    """One report of a venue, as delivered by its adapter."""
    match delivered.report:
        case OrderReport() | FillReport() | CumulativeFill() as said:
            order = adoption.find(turn, said)
            if adoption.is_in_opening(turn, order, said):
                return
            if order is not None:
                _about(turn, order, said)
                return
            adoption.take_in(turn, delivered, said)
            if (adopted := adoption.find(turn, said)) is not None:
                claim_parked(turn, adopted)
        case AssetReport() as moved:
            _asset_report(turn, moved)
        case SettlementReport() as settled:
            settlement.settle(turn, settled)
        case BalanceReport() as balance:
            balances.told(turn, balance)
        case Gap(account_id, _):
            turn.core.state.phases[account_id] = Phase.RECONCILING
        case unknown:
            assert_never(unknown)


def order_report(turn: Turn, order: Order, said: OrderReport, *, asked_at_ns: int | None = None) -> None:
    """What a venue says of an order; ``asked_at_ns`` when it answers a question about it that left then."""
    if _is_past(turn, order, said.client_order_id, said.venue_order_id):
        # Another attempt has taken its place: how it ended is known, only a fill may be missing.
        if said.filled_quantity > order.filled_quantity:
            _fetch_fills(turn, order, said.filled_quantity)
        return
    works = said.status is VenueOrderStatus.WORKING
    # An order that ended here is named too if the venue works or filled it, so that its late fills find it.
    counts = order.is_open or works or said.filled_quantity > 0
    is_named = said.venue_order_id is not None and order.venue_order_id is None and counts
    if is_named or (works and order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)):
        turn.emit(order.order_id, ev.Accepted(said.venue_order_id, said.venue_time_ns, said.refs))
        claim_parked(turn, order)
        if works:
            requests.alive(turn, order)
    if not order.is_open:
        _fetch_if_behind(turn, order, said)
        if works:
            adoption.adopt_anew(turn, order, said)
        return
    match said.status:
        case VenueOrderStatus.WORKING:
            _working(turn, order, said, asked_at_ns)
        case VenueOrderStatus.REJECTED:
            turn.emit(
                order.order_id,
                ev.VenueRejected(said.code or "REJECTED", said.message or "refused by the venue", said.venue_time_ns),
            )
        case VenueOrderStatus.FILLED | VenueOrderStatus.CANCELED | VenueOrderStatus.EXPIRED:
            _gone(turn, order, said, asked_at_ns)
        case unknown:
            assert_never(unknown)


def shown_open(turn: Turn, said: OrderReport, asked_at_ns: int) -> None:
    """A venue's list of open orders holds one that ended here before it was asked: it has to go.

    Evidence that came in another order than it arose can end an order too early (a bust that was told after the fill
    that followed it); nobody here counts on that order any more.
    """
    order = adoption.find(turn, said)
    if order is None or order.is_open or order.strategy_id == EXTERNAL or order.updated_at_ns >= asked_at_ns:
        return
    if not _is_past(turn, order, said.client_order_id, said.venue_order_id):
        turn.do(SendCancel(order, requests.ref_of(order)))


def adopt_parked(turn: Turn, key: str) -> None:
    """Nobody claimed a report in time: an order of its account that we did not send is tracked from now on."""
    if adoption.wait_longer(turn, key):
        return
    for delivered in adoption.release(turn, key):
        said = delivered.report
        assert isinstance(said, AboutOrder)
        if adoption.find(turn, said) is None:
            adoption.adopt(turn, said)
            if (adopted := adoption.find(turn, said)) is not None:
                # Its fills wait under keys of their own: once it has ended and left memory they would find nobody.
                claim_parked(turn, adopted)
        if (order := adoption.find(turn, said)) is not None:
            _about(turn, order, said)


def claim_parked(turn: Turn, order: Order) -> None:
    """The order has a name now: reports that came under it before are about this order."""
    if turn.core.parked:
        for said in adoption.claimed(turn, order):
            _about(turn, order, said)


def change_refused(turn: Turn, order: Order, code: str, message: str) -> None:
    """A change was not made: what was filled beyond the quantity that the order keeps is an overfill after all."""
    turn.emit(order.order_id, ev.ReplaceRejected(code, message))
    fills.note_overfill(turn, order)


def _about(turn: Turn, order: Order, said: AboutOrder) -> None:
    if isinstance(said, OrderReport):
        order_report(turn, order, said)
    else:
        _fill_report(turn, order, said)


def _is_past(
    turn: Turn, order: Order, client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None
) -> bool:
    """Whether these are names of an attempt that is over, or an id that a change gave up."""
    if venue_order_id is not None:
        if venue_order_id == order.venue_order_id:
            return False
        if turn.core.oms.is_named(order, "venue", venue_order_id):
            return True
    return order.attempt > 1 and client_order_id is not None and client_order_id != order.client_order_id


def _working(turn: Turn, order: Order, said: OrderReport, asked_at_ns: int | None) -> None:
    change = order.replace
    if change is not None and change.atomic:
        # An order that had these terms before may be shown with them as it was then.
        is_changed = said.quantity == change.quantity and said.price == change.price
        is_recent = said.venue_time_ns >= change.plan.valid_until_ns - turn.core.state.config.timing.send_deadline_ns
        if is_changed and is_recent:
            _replaced(turn, order, change, said)
        elif asked_at_ns is not None and _proves(turn, order, asked_at_ns):
            if is_changed:
                _replaced(turn, order, change, said)
            else:
                change_refused(turn, order, "NOT_APPLIED", "the venue works the order unchanged")
    _fetch_if_behind(turn, order, said)


def _gone(turn: Turn, order: Order, said: OrderReport, asked_at_ns: int | None) -> None:
    """The venue says that it has the order no longer. Nothing follows before every fill that it counts has arrived."""
    if said.filled_quantity > order.attempt_filled and not _ended_before_opening(turn, order, said):
        turn.core.endings[order.order_id] = said
        _fetch_if_behind(turn, order, said)
        return
    turn.core.endings.pop(order.order_id, None)
    change = order.replace
    if change is not None and _goes_on(turn, order, change, said, asked_at_ns):
        return
    _end(turn, order, said)


def _ended_before_opening(turn: Turn, order: Order, said: OrderReport) -> bool:
    """Whether an order of others had ended before its account was opened, and was met in an answer older than that:
    the opening has all that it filled, so no fill of it is to come."""
    return order.is_adopted and said.venue_time_ns < turn.core.state.ledger.opened.get(said.account_id, 0)


def _goes_on(turn: Turn, order: Order, change: ev.ReplaceRequested, said: OrderReport, asked_at_ns: int | None) -> bool:
    """Whether an order that is being changed may live on, although the venue says that it is gone."""
    is_wished = order.cancel is not PendingCancel.NONE
    if not change.atomic and not is_wished and said.status is not VenueOrderStatus.EXPIRED:
        _resubmit(turn, order)
        return True
    if said.status is VenueOrderStatus.FILLED:
        _filled_while_changing(turn, order, change, said)
        return not order.is_open
    if change.atomic and asked_at_ns is None:
        # Some venues show the cancel half of their own replace: look before believing in an end.
        requests.ask_about(turn, order)
        return True
    return change.atomic and asked_at_ns is not None and not _proves(turn, order, asked_at_ns)


def _end(turn: Turn, order: Order, said: OrderReport) -> None:
    reason = said.message or said.code
    match said.status:
        case VenueOrderStatus.EXPIRED:
            turn.emit(order.order_id, ev.Expired(reason or "expired", said.venue_time_ns))
        case VenueOrderStatus.CANCELED:
            turn.emit(order.order_id, ev.Canceled(reason or "canceled", said.venue_time_ns))
        case _:
            # Filled, all fills are here, and still something is left: the venue had less than we think.
            turn.emit(order.order_id, ev.Canceled(reason or "filled for less than was asked", said.venue_time_ns))
    turn.disarm(TimerKind.CANCEL, order.order_id)


def _proves(turn: Turn, order: Order, asked_at_ns: int) -> bool:
    """Whether the change can't be on its way any more; if it can, the question comes again when it can't."""
    proof_ns = requests.proof_ns(turn, order)
    if asked_at_ns >= proof_ns:
        return True
    turn.wake(TimerKind.UNKNOWN, order.order_id, max(proof_ns, turn.at_ns))
    return False


def _replaced(turn: Turn, order: Order, change: ev.ReplaceRequested, said: OrderReport) -> None:
    turn.emit(
        order.order_id,
        ev.Replaced(change.quantity, change.price, said.client_order_id, said.venue_order_id, said.venue_time_ns),
    )
    claim_parked(turn, order)


def _filled_while_changing(turn: Turn, order: Order, change: ev.ReplaceRequested, said: OrderReport) -> None:
    """Filled: the quantity that the venue names tells whether the change was made before."""
    if change.atomic and said.quantity == change.quantity != order.quantity:
        _replaced(turn, order, change, said)
    else:
        change_refused(turn, order, "REPLACE_FILLED", "filled before it could be changed")


def _resubmit(turn: Turn, order: Order) -> None:
    """The second half of an emulated replace: the first half is gone, so the new terms go out for what is left."""
    change = order.replace
    assert change is not None
    turn.disarm(TimerKind.CANCEL, order.order_id)
    left = change.quantity - order.filled_quantity
    if left > 0:
        requests.request_submit(turn, order, left, change.price, None)
        return
    change_refused(turn, order, "REPLACE_FILLED", "filled up to the new quantity meanwhile")
    if order.is_open:
        turn.emit(order.order_id, ev.Canceled("filled up to the new quantity", None))


def _fetch_if_behind(turn: Turn, order: Order, said: OrderReport) -> None:
    missing = said.filled_quantity - order.attempt_filled
    if missing > 0:
        _fetch_fills(turn, order, order.filled_quantity + missing)


def _fetch_fills(turn: Turn, order: Order, filled_quantity: Decimal) -> None:
    assert order.account_id is not None
    assert order.instrument_id is not None
    timing = turn.core.state.config.timing
    since_ns = max(0, order.created_at_ns - timing.clock_skew_ns)
    if order.is_adopted:
        # It was filled before it was met, and what came after the account's opening counts.
        opened_ns = turn.core.state.ledger.opened.get(order.account_id, 0)
        since_ns = min(since_ns, max(opened_ns, since_ns - _BEFORE_ADOPTION_NS))
    turn.do(FetchFills(order.account_id, order.instrument_id, order.order_id, filled_quantity, since_ns))
    if order.is_open:
        # Should the fetch fail, the question comes again.
        turn.wake(TimerKind.UNKNOWN, order.order_id, turn.at_ns + timing.retry_ns)


def _fill_report(turn: Turn, order: Order, said: FillReport | CumulativeFill) -> None:
    earlier = _is_past(turn, order, said.client_order_id, said.venue_order_id)
    waits = not earlier and order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
    may_be_renamed = order.venue_order_id is None or order.replace is not None
    # Taken for refused or never sent: what it did not fill works there all the same.
    turns_up = not earlier and not order.is_open and order.venue_order_id is None and said.venue_order_id is not None
    if not earlier and may_be_renamed and said.venue_order_id not in (None, order.venue_order_id):
        # What the venue fills it has, under this name: a fill that comes before the answer to its submit, or to the
        # change that gives it another name, says the same as that answer.
        turn.emit(order.order_id, ev.Accepted(said.venue_order_id, None))
        claim_parked(turn, order)
    if isinstance(said, FillReport):
        is_news = fills.apply_report(turn, order, said)
    else:
        is_news = fills.apply_total(turn, order, said, earlier=earlier)
    if waits or (turns_up and order.filled_quantity < order.quantity):
        requests.alive(turn, order)
    if is_news:
        _after_fill(turn, order)
        fills.note_overfill(turn, order)


def _after_fill(turn: Turn, order: Order) -> None:
    """An end that waited for fills may be due; one that came by fills leaves nothing to wait for."""
    if order.is_open:
        ending = turn.core.endings.get(order.order_id)
        if ending is not None and _is_past(turn, order, ending.client_order_id, ending.venue_order_id):
            # What ended was what a change replaced meanwhile: the cancel half of it, told before a fill that it counts.
            del turn.core.endings[order.order_id]
        elif ending is not None:
            _gone(turn, order, ending, None)
        return
    ending, change = turn.core.endings.pop(order.order_id, None), order.replace
    if change is not None and not change.atomic:
        change_refused(turn, order, "REPLACE_FILLED", "filled before it could be changed")
    elif change is not None and ending is not None:
        _filled_while_changing(turn, order, change, ending)
    if order.cancel is not PendingCancel.NONE:
        turn.disarm(TimerKind.CANCEL, order.order_id)


def _asset_report(turn: Turn, said: AssetReport) -> None:
    if turn.core.is_new(said.account_id) or said.venue_time_ns < turn.core.state.ledger.opened.get(said.account_id, 0):
        # The first snapshot counts it, however late or often it is told.
        return
    known = turn.core.asset_references.setdefault(said.account_id, {})
    if said.reference in known:
        return
    known[said.reference] = None
    if len(known) > fills.MOST_REMEMBERED:
        # The store knows the older ones, and is asked before a report gets here.
        del known[next(iter(known))]
    turn.emit_account(
        said.account_id,
        AssetMoved(said.account_id, said.asset, said.amount, said.kind, said.reference, said.venue_time_ns),
    )
