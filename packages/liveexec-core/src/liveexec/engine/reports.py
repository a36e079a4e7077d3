"""What venues report: orders, fills, assets. Evidence in, events out; whatever repeats changes nothing."""

from typing import Final, assert_never

from liveexec.domain import money
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import AssetMoved, ControlScope, LatchSet, ScopeKind
from liveexec.domain.fill import Fill, Liquidity, cumulative_fill_key
from liveexec.domain.ids import EXTERNAL, VenueOrderId, external_order_id
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import (
    AssetReport,
    CumulativeFill,
    FillAction,
    FillReport,
    Gap,
    OrderRef,
    OrderReport,
    VenueOrderStatus,
)
from liveexec.engine import requests
from liveexec.engine.effects import FetchFills, TimerKind
from liveexec.engine.inputs import Phase, Report
from liveexec.engine.turn import Turn

__all__ = ["OVERFILL", "REPEATED_EXECUTION", "adopt_parked", "order_report", "report"]

#: The latch that an overfill sets on its instrument.
OVERFILL: Final = "OVERFILL"
#: References and early busts that are kept in memory, so that no venue can fill it.
_MOST_REMEMBERED: Final = 10_000
#: The latch that repeated executions set on their strategy.
REPEATED_EXECUTION: Final = "REPEATED_EXECUTION"


def report(turn: Turn, delivered: Report) -> None:
    """One report of a venue, as delivered by its adapter."""
    match delivered.report:
        case OrderReport() as about_order:
            if _find(turn, about_order) is None:
                _park_or_adopt(turn, delivered, about_order)
            else:
                order_report(turn, about_order)
        case FillReport() as about_fill:
            if _find(turn, about_fill) is None:
                _park(turn, delivered, about_fill.fill.key)
            else:
                _fill_report(turn, about_fill)
        case CumulativeFill() as cumulative:
            if _find(turn, cumulative) is None:
                _park(turn, delivered, f"{cumulative.venue_order_id}|{cumulative.quantity}")
            else:
                _cumulative_fill(turn, cumulative)
        case AssetReport() as moved:
            _asset_report(turn, moved)
        case Gap(account_id, _):
            turn.core.state.phases[account_id] = Phase.RECONCILING
        case unknown:
            assert_never(unknown)


def order_report(turn: Turn, said: OrderReport, *, asked: bool = False) -> None:
    """What a venue says of an order that we have; ``asked`` when it answers a question about that order."""
    order = _find(turn, said)
    if order is None:
        return
    waits = order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
    works = said.status is VenueOrderStatus.WORKING
    # An order that ended here is named too if the venue works or filled it, so that its late fills find it.
    counts = order.is_open or works or said.filled_quantity > 0
    is_named = said.venue_order_id is not None and order.venue_order_id is None and counts
    if is_named or (waits and works):
        turn.emit(order.order_id, ev.Accepted(said.venue_order_id, said.venue_time_ns, said.refs))
        if works:
            requests.alive(turn, order)
    if not order.is_open:
        _fetch_if_behind(turn, order, said)
        return
    match said.status:
        case VenueOrderStatus.WORKING:
            _working(turn, order, said, asked=asked)
        case VenueOrderStatus.FILLED:
            _fetch_if_behind(turn, order, said)
        case VenueOrderStatus.REJECTED:
            turn.emit(
                order.order_id,
                ev.VenueRejected(said.code or "REJECTED", said.message or "refused by the venue", said.venue_time_ns),
            )
        case VenueOrderStatus.CANCELED | VenueOrderStatus.EXPIRED:
            _ended(turn, order, said, asked=asked)
        case unknown:
            assert_never(unknown)


def adopt_parked(turn: Turn, key: str) -> None:
    """Nobody claimed a report in time: an order of its account that we did not send is tracked from now on."""
    for delivered in turn.core.parked.pop(key, ()):
        match delivered.report:
            case OrderReport() as said:
                if _find(turn, said) is None:
                    _adopt(turn, said)
                order_report(turn, said)
            case FillReport() as about_fill:
                if _find(turn, about_fill) is None:
                    _adopt(turn, _order_of(about_fill))
                if _find(turn, about_fill) is not None:
                    _fill_report(turn, about_fill)
            case CumulativeFill() as cumulative:
                if _find(turn, cumulative) is not None:
                    _cumulative_fill(turn, cumulative)
            case _:
                pass


def _find(turn: Turn, said: OrderReport | FillReport | CumulativeFill) -> Order | None:
    instrument_id = said.fill.instrument_id if isinstance(said, FillReport) else said.instrument_id
    refs = said.refs if isinstance(said, OrderReport) else None
    return turn.core.oms.find(OrderRef(said.account_id, instrument_id, said.client_order_id, said.venue_order_id, refs))


def _working(turn: Turn, order: Order, said: OrderReport, *, asked: bool) -> None:
    change = order.replace
    if change is not None and change.atomic:
        if said.quantity == change.quantity and said.price == change.price:
            turn.emit(
                order.order_id,
                ev.Replaced(
                    change.quantity, change.price, said.client_order_id, said.venue_order_id, said.venue_time_ns
                ),
            )
        elif asked and said.venue_time_ns >= change.plan.valid_until_ns:
            turn.emit(order.order_id, ev.ReplaceRejected("NOT_APPLIED", "the venue works the order unchanged"))
    _fetch_if_behind(turn, order, said)


def _ended(turn: Turn, order: Order, said: OrderReport, *, asked: bool) -> None:
    """The venue says that the order is gone. It ends here once every fill that the venue counts has arrived."""
    if said.filled_quantity > order.filled_quantity:
        turn.core.endings[order.order_id] = said
        _fetch_if_behind(turn, order, said)
        return
    turn.core.endings.pop(order.order_id, None)
    change = order.replace
    if change is not None and change.atomic and not asked:
        # Some venues show the cancel half of their own replace: look before believing in an end.
        requests.ask_about(turn, order)
        return
    if change is not None and not change.atomic and order.cancel is PendingCancel.NONE:
        _resubmit(turn, order)
        return
    reason = said.message or said.code or ("expired" if said.status is VenueOrderStatus.EXPIRED else "canceled")
    if said.status is VenueOrderStatus.EXPIRED:
        turn.emit(order.order_id, ev.Expired(reason, said.venue_time_ns))
    else:
        turn.emit(order.order_id, ev.Canceled(reason, said.venue_time_ns))
    turn.disarm(TimerKind.CANCEL, order.order_id)


def _resubmit(turn: Turn, order: Order) -> None:
    """The second half of an emulated replace: the first half is gone, so the new terms go out for what is left."""
    change = order.replace
    assert change is not None
    left = change.quantity - order.filled_quantity
    if left <= 0:
        turn.emit(order.order_id, ev.ReplaceRejected("REPLACE_FILLED", "filled up to the new quantity meanwhile"))
        turn.emit(order.order_id, ev.Canceled("filled up to the new quantity", None))
        return
    turn.disarm(TimerKind.CANCEL, order.order_id)
    requests.request_submit(turn, order, left, change.price, None)


def _fetch_if_behind(turn: Turn, order: Order, said: OrderReport) -> None:
    if said.filled_quantity > order.filled_quantity and order.account_id is not None:
        timing = turn.core.state.config.timing
        since = max(0, order.created_at_ns - timing.clock_skew_ns)
        turn.do(FetchFills(order.account_id, said.instrument_id, order.order_id, said.filled_quantity, since))
        if order.is_open:
            # Should the fetch fail, the question comes again.
            turn.wake(TimerKind.UNKNOWN, order.order_id, turn.at_ns + timing.retry_ns)


def _fill_report(turn: Turn, said: FillReport) -> None:
    order = _find(turn, said)
    assert order is not None
    fills = order.fills or {}
    waits = order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
    match said.action:
        case FillAction.TRADE:
            if said.fill.key in fills or said.fill.key in order.undone_fills:
                return
            _acknowledge(turn, order, said.venue_order_id)
            turn.emit(order.order_id, ev.FillApplied(said.fill))
            _note_execution(turn, order, said.fill)
            if turn.core.early_busts.pop(said.fill.key, None) is not None:
                turn.emit(order.order_id, ev.FillBusted(said.fill, "busted by the venue"))
        case FillAction.BUST:
            key = said.original_key or said.fill.key
            original = fills.get(key)
            if original is None:
                # The bust overtook its fill, or repeats one that was taken back already.
                if key not in order.undone_fills:
                    busts = turn.core.early_busts
                    busts[key] = None
                    if len(busts) > _MOST_REMEMBERED:
                        del busts[next(iter(busts))]
                return
            turn.emit(order.order_id, ev.FillBusted(original, "busted by the venue"))
        case FillAction.CORRECTION:
            original = fills.get(said.original_key) if said.original_key is not None else None
            if original is None or said.fill.key in fills:
                return
            turn.emit(order.order_id, ev.FillCorrected(original, said.fill))
        case unknown:
            assert_never(unknown)
    _after_fill(turn, order, said.venue_order_id, waits=waits)


def _acknowledge(turn: Turn, order: Order, venue_order_id: VenueOrderId | None) -> None:
    """What the venue fills it has: a fill that comes before the answer to its submit says the same as that answer."""
    if venue_order_id is not None and order.venue_order_id is None:
        turn.emit(order.order_id, ev.Accepted(venue_order_id, None))


def _after_fill(turn: Turn, order: Order, venue_order_id: VenueOrderId | None, *, waits: bool) -> None:
    """What follows from a fill; ``waits`` tells that nothing had been heard of the order before."""
    _acknowledge(turn, order, venue_order_id)
    if waits:
        requests.alive(turn, order)
    if order.is_overfilled and order.strategy_id != EXTERNAL:
        assert order.instrument_id is not None
        scope = ControlScope(ScopeKind.INSTRUMENT, order.instrument_id)
        if (scope, OVERFILL) not in turn.core.state.ledger.latches:
            excess = order.filled_quantity - order.quantity
            turn.emit_control(LatchSet(scope, OVERFILL, f"{order.order_id} was filled {excess} beyond its quantity"))
    ending = turn.core.endings.get(order.order_id)
    if ending is not None and order.is_open:
        _ended(turn, order, ending, asked=True)
    elif not order.is_open:
        turn.core.endings.pop(order.order_id, None)
        if order.cancel is not PendingCancel.NONE:
            turn.disarm(TimerKind.CANCEL, order.order_id)


def _note_execution(turn: Turn, order: Order, fill: Fill) -> None:
    """A strategy that executes the same again and again is stopped until an operator looks at it."""
    asked = turn.core.oms.get(order.parent_id) if order.parent_id is not None else order
    if asked is None or not turn.core.state.activity.note_execution(asked, fill, turn.at_ns):
        return
    scope = ControlScope(ScopeKind.STRATEGY, asked.strategy_id)
    if (scope, REPEATED_EXECUTION) not in turn.core.state.ledger.latches:
        reason = f"{asked.intent.side} {asked.intent.instrument_key} was executed too often, last by {asked.order_id}"
        turn.emit_control(LatchSet(scope, REPEATED_EXECUTION, reason))


def _cumulative_fill(turn: Turn, said: CumulativeFill) -> None:
    """A venue that tells only totals: the increment is ours to make, keyed by the total it reaches."""
    order = _find(turn, said)
    assert order is not None
    waits = order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
    _acknowledge(turn, order, said.venue_order_id)
    while order.fills and said.quantity < order.filled_quantity:
        newest = next(reversed(order.fills.values()))
        turn.emit(order.order_id, ev.FillBusted(newest, "the venue's cumulative quantity fell"))
    increment = said.quantity - order.filled_quantity
    cost = said.average_price * said.quantity - order.filled_cost
    fee = said.fee - sum((fill.fee for fill in (order.fills or {}).values()), ZERO)
    if increment > 0:
        key = cumulative_fill_key(said.instrument_id, said.venue_order_id or VenueOrderId(""), said.side, said.quantity)
        if key in order.undone_fills:
            return
        fill = Fill(
            key,
            said.instrument_id,
            said.side,
            increment,
            money.divide(cost, increment),
            fee,
            said.fee_asset,
            Liquidity.UNKNOWN,
            said.venue_time_ns,
            estimated=True,
        )
        turn.emit(order.order_id, ev.FillApplied(fill))
        _note_execution(turn, order, fill)
    elif order.fills and abs(cost) > _ROUNDING * order.filled_quantity:
        _correct_average(turn, order, said)
    _after_fill(turn, order, said.venue_order_id, waits=waits)


#: An average that was rounded by the venue or by us to 18 places is not a correction.
_ROUNDING: Final = money.ONE.scaleb(-8)


def _correct_average(turn: Turn, order: Order, said: CumulativeFill) -> None:
    assert order.fills is not None
    last = next(reversed(order.fills.values()))
    others = order.filled_cost - last.quantity * last.price
    price = money.divide(said.average_price * said.quantity - others, last.quantity)
    key = cumulative_fill_key(
        said.instrument_id, VenueOrderId(f"{said.venue_order_id}@{price.normalize():f}"), said.side, said.quantity
    )
    if key in order.undone_fills or price <= 0:
        return
    fill = Fill(
        key, last.instrument_id, last.side, last.quantity, price, last.fee, last.fee_asset, last.liquidity,
        said.venue_time_ns, estimated=True,
    )  # fmt: skip
    turn.emit(order.order_id, ev.FillCorrected(last, fill))


def _asset_report(turn: Turn, said: AssetReport) -> None:
    known = turn.core.asset_references.setdefault(said.account_id, {})
    if said.reference in known:
        return
    known[said.reference] = None
    if len(known) > _MOST_REMEMBERED:
        # The store knows the older ones, and is asked before a report gets here.
        del known[next(iter(known))]
    turn.emit_account(
        said.account_id,
        AssetMoved(said.account_id, said.asset, said.amount, said.kind, said.reference, said.venue_time_ns),
    )


def _park_or_adopt(turn: Turn, delivered: Report, said: OrderReport) -> None:
    """An order nobody knows: ours, if a submit on the account has no venue id yet; else somebody else's."""
    unnamed = any(
        order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN) and order.venue_order_id is None
        for order in turn.core.oms.open_orders(said.account_id)
    )
    if unnamed and said.client_order_id is None:
        _park(turn, delivered, f"{said.venue_order_id}")
    elif said.status.is_open:
        _adopt(turn, said)


def _park(turn: Turn, delivered: Report, name: str) -> None:
    account_id = delivered.report.account_id
    key = f"{account_id}|{name}"
    turn.core.parked.setdefault(key, []).append(delivered)
    turn.wake(TimerKind.ADOPTION, key, turn.at_ns + turn.core.state.config.timing.adoption_ns)


def _order_of(said: FillReport) -> OrderReport:
    """What a fill tells of an order that was never seen: at least this much of it was there, and is filled."""
    fill = said.fill
    return OrderReport(
        account_id=said.account_id,
        instrument_id=fill.instrument_id,
        client_order_id=said.client_order_id,
        venue_order_id=said.venue_order_id,
        status=VenueOrderStatus.FILLED,
        side=fill.side,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=fill.quantity,
        price=None,
        filled_quantity=fill.quantity,
        venue_time_ns=fill.venue_time_ns,
    )


def _adopt(turn: Turn, said: OrderReport) -> None:
    listing = turn.core.state.listings.get(said.instrument_id)
    name = said.venue_order_id or said.client_order_id
    if listing is None or name is None:
        return
    turn.emit(
        external_order_id(said.account_id, name),
        ev.Adopted(said.account_id, EXTERNAL, said.instrument_id, said.side, listing.terms, said),
    )
