"""Reports that no order can be found for: they wait for one of ours that has no name yet, then EXTERNAL gets them."""

from decimal import Decimal
from typing import Final

from attrs import evolve

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, LatchSet, ScopeKind
from liveexec.domain.ids import EXTERNAL, AccountId, InstrumentId, VenueOrderId, external_order_id
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import CumulativeFill, FillAction, FillReport, OrderReport, VenueOrderStatus
from liveexec.engine import fills
from liveexec.engine.core import Unclaimed
from liveexec.engine.effects import TimerKind
from liveexec.engine.inputs import Report
from liveexec.engine.turn import Turn

__all__ = [
    "ADOPTED_TWICE",
    "AboutOrder",
    "adopt",
    "adopt_anew",
    "claimed",
    "find",
    "is_filled_meanwhile",
    "is_in_opening",
    "is_taken",
    "release",
    "take_in",
    "wait_longer",
]

#: The latch that an order sets which turns out to be one that was adopted.
ADOPTED_TWICE: Final = "ADOPTED_TWICE"
#: How often a report waits for an order of ours that has no name yet: by then its fate is known, or an alarm.
_MOST_WAITS: Final = 12

#: Reports about one order.
AboutOrder = OrderReport | FillReport | CumulativeFill


def find(turn: Turn, said: AboutOrder) -> Order | None:
    """The order that a report is about, by any name that it gives, if it is in memory."""
    refs = said.refs if isinstance(said, OrderReport) else None
    return turn.core.oms.find_named(said.account_id, said.client_order_id, said.venue_order_id, refs)


def is_in_opening(turn: Turn, order: Order | None, said: AboutOrder) -> bool:
    """Whether a fill that is not ours was there already when the account began, so that its opening counts it, whoever
    its order was given to since."""
    if isinstance(said, OrderReport) or (order is not None and not order.is_adopted):
        return False
    at_ns = said.fill.venue_time_ns if isinstance(said, FillReport) else said.venue_time_ns
    return at_ns < turn.core.state.ledger.opened.get(said.account_id, 0)


def take_in(turn: Turn, delivered: Report, said: AboutOrder) -> None:
    """A report about an order nobody knows.

    It may be ours, if a submit on the account has no venue id yet; else it is somebody else's. Before an account's
    first snapshot it is neither: the snapshot brings the order, and what was filled is in the opening position.
    """
    if turn.core.is_new(said.account_id):
        return
    if isinstance(said, FillReport) and said.action is not FillAction.TRADE:
        fills.remember(turn, said)
    elif isinstance(said, FillReport):
        _park(turn, delivered, said.fill.key)
    elif isinstance(said, CumulativeFill):
        _park(turn, delivered, f"{said.venue_order_id}|{said.quantity}")
    elif _may_be_ours(turn, said):
        _park(turn, delivered, f"{said.venue_order_id}")
    elif said.status.is_open:
        adopt(turn, said)


def _may_be_ours(turn: Turn, said: AboutOrder) -> bool:
    """Whether a report without our name may be about one of our orders: a submit has no venue id yet, or a change may
    bring another one."""
    return said.client_order_id is None and any(
        (order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN) and order.venue_order_id is None)
        or (order.replace is not None and order.replace.atomic)
        for order in turn.core.oms.open_orders(said.account_id)
    )


def wait_longer(turn: Turn, key: str) -> bool:
    """Whether reports whose time is up have to wait on, since an order of ours may still turn out to be theirs."""
    waiting = turn.core.parked.get(key, [])
    adoption_ns = turn.core.state.config.timing.adoption_ns
    is_young = any(turn.at_ns - delivered.at_ns < _MOST_WAITS * adoption_ns for delivered in waiting)
    about = [said for delivered in waiting if isinstance(said := delivered.report, AboutOrder)]
    if not is_young or not any(_may_be_ours(turn, said) for said in about):
        return False
    turn.wake(TimerKind.ADOPTION, key, turn.at_ns + adoption_ns)
    return True


def is_taken(turn: Turn, order: Order, venue_order_id: VenueOrderId | None) -> bool:
    """Whether what the venue has under this id was adopted before the order could claim it, so that both would count.

    Nobody here can tell which of the two reports and fills belong to: the account takes no more risk until an operator
    has resolved the order and said whose the adopted one is.
    """
    if venue_order_id is None or (adopted := turn.core.oms.adopted_as(order, venue_order_id)) is None:
        return False
    assert order.account_id is not None
    scope = ControlScope(ScopeKind.ACCOUNT, order.account_id)
    if (scope, ADOPTED_TWICE) not in turn.core.state.ledger.latches:
        reason = f"{order.order_id} is {venue_order_id} at the venue, which was adopted as {adopted} before"
        turn.emit_control(LatchSet(scope, ADOPTED_TWICE, reason))
    return True


def is_filled_meanwhile(turn: Turn, account_id: AccountId, instrument_id: InstrumentId | None = None) -> bool:
    """Whether a fill of the instrument, or of any, waits for its order, so that what we hold is about to move."""
    for delivered in (each for parked in turn.core.parked.values() for each in parked):
        said = delivered.report
        if isinstance(said, FillReport):
            filled = said.fill.instrument_id
        elif isinstance(said, CumulativeFill):
            filled = said.instrument_id
        else:
            continue
        if said.account_id == account_id and instrument_id in (None, filled):
            return True
    return False


def claimed(turn: Turn, order: Order) -> list[AboutOrder]:
    """The reports that waited for the name that the order has now; they wait no longer."""
    found: list[AboutOrder] = []
    for key, waiting in list(turn.core.parked.items()):
        about = [said for delivered in waiting if isinstance(said := delivered.report, AboutOrder)]
        if about and find(turn, about[0]) is order:
            release(turn, key)
            turn.disarm(TimerKind.ADOPTION, key)
            found += about
    return found


def release(turn: Turn, key: str) -> list[Report]:
    """The reports that waited under a key wait no longer, and count as the account's no longer."""
    counted = turn.core.unclaimed.pop(key, None)
    if counted is not None:
        _count(turn, counted, -counted.quantity)
    return turn.core.parked.pop(key, [])


def adopt(turn: Turn, said: AboutOrder) -> None:
    """Track an order that we did not send from now on, under the same id in every process that meets it."""
    report = _without_waiting(turn, said) if isinstance(said, OrderReport) else _order_behind(turn, said)
    listing = turn.core.state.listings.get(report.instrument_id)
    name = report.venue_order_id or report.client_order_id
    if listing is None or name is None:
        return
    turn.emit(
        external_order_id(report.account_id, name),
        ev.Adopted(report.account_id, EXTERNAL, report.instrument_id, report.side, listing.terms, report),
    )


def adopt_anew(turn: Turn, order: Order, said: OrderReport) -> None:
    """The venue works an order that was met by a fill alone, and is larger than that fill told.

    What it shows of the time before a fill that is here tells nothing of the time after it. What it has filled beyond
    the fills that are here was filled before the account was opened, or is told by the next comparison.
    """
    if not order.is_adopted or order.status is not OrderStatus.FILLED:
        return
    newest_ns = max((fill.venue_time_ns for fill in (order.fills or {}).values()), default=0)
    before = max(ZERO, said.filled_quantity - order.filled_quantity)
    if said.venue_time_ns < newest_ns or said.quantity - before <= order.quantity:
        return
    assert order.terms is not None
    # Under the names that it has: another one may be that of an order of ours which claims to be this one.
    shown = evolve(
        said,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        refs=None,
        filled_quantity=before,
    )
    turn.emit(
        order.order_id,
        ev.Adopted(said.account_id, order.strategy_id, said.instrument_id, said.side, order.terms, shown),
    )


def _without_waiting(turn: Turn, said: OrderReport) -> OrderReport:
    """The report as if the fills that wait for the order were still to come: they count once it is known. Those that
    are newer than the report are not in what it tells."""
    waiting = ZERO
    for delivered in (each for parked in turn.core.parked.values() for each in parked):
        fill = delivered.report
        if not isinstance(fill, FillReport) or fill.account_id != said.account_id:
            continue
        name = fill.venue_order_id or fill.client_order_id
        is_its = name is not None and name in (said.venue_order_id, said.client_order_id)
        if is_its and fill.fill.venue_time_ns <= said.venue_time_ns:
            waiting += fill.fill.quantity
    return evolve(said, filled_quantity=max(ZERO, said.filled_quantity - waiting)) if waiting else said


def _order_behind(turn: Turn, said: FillReport | CumulativeFill) -> OrderReport:
    """The order that was filled: as a report shows it that waits as well, else as far as its fill tells."""
    fill = said.fill if isinstance(said, FillReport) else said
    for delivered in (each for parked in turn.core.parked.values() for each in parked):
        shown = delivered.report
        if (
            isinstance(shown, OrderReport)
            and shown.account_id == said.account_id
            and shown.venue_order_id is not None
            and shown.venue_order_id == said.venue_order_id
        ):
            rest = _without_waiting(turn, shown)
            if fill.venue_time_ns > shown.venue_time_ns:
                return rest
            # This fill waits no longer, and counts once the order is known.
            return evolve(rest, filled_quantity=max(ZERO, rest.filled_quantity - fill.quantity))
    return _order_of(said)


def _park(turn: Turn, delivered: Report, name: str) -> None:
    key = f"{delivered.report.account_id}|{name}"
    waiting = turn.core.parked.get(key)
    if waiting is None:
        waiting = turn.core.parked[key] = []
        # What comes again does not wait longer.
        turn.wake(TimerKind.ADOPTION, key, turn.at_ns + turn.core.state.config.timing.adoption_ns)
    waiting.append(delivered)
    _hold_for(turn, key, delivered)


def _hold_for(turn: Turn, key: str, delivered: Report) -> None:
    """Whoever's it is, it is the account's: it counts at once, as what it tells of, or may still bring, at worst."""
    said = delivered.report
    if isinstance(said, FillReport):
        instrument_id, side, quantity = said.fill.instrument_id, said.fill.side, said.fill.quantity
    elif isinstance(said, CumulativeFill):
        instrument_id, side, quantity = said.instrument_id, said.side, said.quantity
    elif isinstance(said, OrderReport) and said.status.is_open:
        instrument_id, side, quantity = said.instrument_id, said.side, said.quantity - said.filled_quantity
    else:
        return
    counted = turn.core.unclaimed.get(key)
    if counted is None:
        counted = turn.core.unclaimed[key] = Unclaimed((said.account_id, instrument_id), is_bought=side.sign > 0)
    more = quantity - counted.quantity
    if more > 0:
        counted.quantity = quantity
        _count(turn, counted, more)


def _count(turn: Turn, counted: Unclaimed, more: Decimal) -> None:
    unclaimed = turn.core.state.unclaimed
    bought, sold = unclaimed.get(counted.leaf, (ZERO, ZERO))
    bought, sold = (bought + more, sold) if counted.is_bought else (bought, sold + more)
    if bought or sold:
        unclaimed[counted.leaf] = (bought, sold)
    else:
        unclaimed.pop(counted.leaf, None)


def _order_of(said: FillReport | CumulativeFill) -> OrderReport:
    """What a fill tells of an order that was never seen: at least this much of it was there, and is filled."""
    fill = said.fill if isinstance(said, FillReport) else said
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
