"""Reports that no order can be found for: they wait for one of ours that has no name yet, then EXTERNAL gets them."""

from liveexec.domain import order_event as ev
from liveexec.domain.ids import EXTERNAL, external_order_id
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import CumulativeFill, FillReport, OrderRef, OrderReport, VenueOrderStatus
from liveexec.engine.effects import TimerKind
from liveexec.engine.inputs import Report
from liveexec.engine.turn import Turn

__all__ = ["AboutOrder", "adopt", "claimed", "find", "take_in"]

#: Reports about one order.
AboutOrder = OrderReport | FillReport | CumulativeFill


def find(turn: Turn, said: AboutOrder) -> Order | None:
    """The order that a report is about, by any name that it gives, if it is in memory."""
    instrument_id = said.fill.instrument_id if isinstance(said, FillReport) else said.instrument_id
    refs = said.refs if isinstance(said, OrderReport) else None
    return turn.core.oms.find(OrderRef(said.account_id, instrument_id, said.client_order_id, said.venue_order_id, refs))


def take_in(turn: Turn, delivered: Report, said: AboutOrder) -> None:
    """A report about an order nobody knows.

    It may be ours, if a submit on the account has no venue id yet; else it is somebody else's. Before an account's
    first snapshot it is neither: the snapshot brings the order, and what was filled is in the opening position.
    """
    if turn.core.is_new(said.account_id):
        return
    if isinstance(said, FillReport):
        _park(turn, delivered, said.fill.key)
    elif isinstance(said, CumulativeFill):
        _park(turn, delivered, f"{said.venue_order_id}|{said.quantity}")
    elif said.client_order_id is None and _has_unnamed(turn, said):
        _park(turn, delivered, f"{said.venue_order_id}")
    elif said.status.is_open:
        adopt(turn, said)


def claimed(turn: Turn, order: Order) -> list[AboutOrder]:
    """The reports that waited for the name that the order has now; they wait no longer."""
    found: list[AboutOrder] = []
    for key, waiting in list(turn.core.parked.items()):
        about = [said for delivered in waiting if isinstance(said := delivered.report, AboutOrder)]
        if about and find(turn, about[0]) is order:
            del turn.core.parked[key]
            turn.disarm(TimerKind.ADOPTION, key)
            found += about
    return found


def adopt(turn: Turn, said: AboutOrder) -> None:
    """Track an order that we did not send from now on, under the same id in every process that meets it."""
    report = said if isinstance(said, OrderReport) else _order_of(said)
    listing = turn.core.state.listings.get(report.instrument_id)
    name = report.venue_order_id or report.client_order_id
    if listing is None or name is None:
        return
    turn.emit(
        external_order_id(report.account_id, name),
        ev.Adopted(report.account_id, EXTERNAL, report.instrument_id, report.side, listing.terms, report),
    )


def _has_unnamed(turn: Turn, said: OrderReport) -> bool:
    return any(
        order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN) and order.venue_order_id is None
        for order in turn.core.oms.open_orders(said.account_id)
    )


def _park(turn: Turn, delivered: Report, name: str) -> None:
    key = f"{delivered.report.account_id}|{name}"
    waiting = turn.core.parked.get(key)
    if waiting is None:
        waiting = turn.core.parked[key] = []
        # What comes again does not wait longer.
        turn.wake(TimerKind.ADOPTION, key, turn.at_ns + turn.core.state.config.timing.adoption_ns)
    waiting.append(delivered)


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
