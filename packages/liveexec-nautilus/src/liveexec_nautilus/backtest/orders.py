"""Orders as the simulated venues work them: what was sent, what became of it, and the reports that this makes.

An order here is the fold of the library's events about it, in the domain's words. Nothing is guessed: an event that no
rule here knows stops the replay.
"""

import re
from decimal import Decimal
from typing import Final

from attrs import define, field

from liveexec.domain import money
from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, VenueOrderId
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Accepted,
    FillReport,
    OrderRef,
    OrderReport,
    Rejected,
    SendPlan,
    VenueOrderStatus,
)
from liveexec.errors import InvariantViolation
from liveexec.plugins.adapter import VenueOrder
from liveexec_nautilus import vendor_backtest as nautilus
from liveexec_nautilus.backtest.instruments import SimulatedInstrument

__all__ = ["OrderBook", "Requested", "WorkedOrder", "code_of", "fill_of"]

#: The library begins some reasons with a code of its own: ``INITIAL_MARGIN_EXCEEDS_FREE_BALANCE: free=…``.
_CODE: Final = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b", re.ASCII)

_LIQUIDITY: Final = {
    nautilus.LiquiditySide.MAKER: Liquidity.MAKER,
    nautilus.LiquiditySide.TAKER: Liquidity.TAKER,
    nautilus.LiquiditySide.NO_LIQUIDITY_SIDE: Liquidity.UNKNOWN,
}


@define(eq=False)
class Requested:
    """A change that was asked for and not answered yet."""

    order: VenueOrder
    plan: SendPlan


@define(eq=False)
class WorkedOrder:
    """One order at a simulated venue. ``sent_as`` is the library's name for it, which a change does not alter."""

    terms: VenueOrder
    side: Side
    client_order_id: ClientOrderId
    sent_as: nautilus.ClientOrderId
    instrument: SimulatedInstrument
    updated_at_ns: int
    #: When the order's own time is over; the library's clock alone does not end it between two market events.
    expire_at_ns: int | None = None
    status: VenueOrderStatus = VenueOrderStatus.WORKING
    venue_order_id: VenueOrderId | None = None
    filled_quantity: Decimal = ZERO
    code: str | None = None
    message: str | None = None
    requested: Requested | None = None
    is_cancel_wished: bool = False
    is_overdue: bool = False
    fills: list[FillReport] = field(factory=list)

    @property
    def account_id(self) -> AccountId:
        return self.terms.account_id

    def report(self) -> OrderReport:
        """The order as its venue tells it now."""
        terms = self.terms
        return OrderReport(
            account_id=terms.account_id,
            instrument_id=terms.instrument_id,
            client_order_id=self.client_order_id,
            venue_order_id=self.venue_order_id,
            status=self.status,
            side=self.side,
            order_type=terms.order_type,
            time_in_force=terms.time_in_force,
            quantity=terms.quantity,
            price=terms.price,
            filled_quantity=self.filled_quantity,
            venue_time_ns=self.updated_at_ns,
            code=self.code,
            message=self.message,
        )

    def accept(self, event: nautilus.OrderAccepted) -> Accepted:
        """The venue took it."""
        self.venue_order_id = VenueOrderId(str(event.venue_order_id))
        self.updated_at_ns = event.ts_event
        return Accepted(self.venue_order_id)

    def refuse(self, reason: str, at_ns: int, *, is_post_only: bool = False) -> Rejected:
        """The venue, or the library's own checks before it, refused it."""
        self.code = "POST_ONLY_WOULD_TAKE" if is_post_only else code_of(reason)
        self.message = reason
        self.end(VenueOrderStatus.REJECTED, at_ns)
        return Rejected(self.code, reason)

    def fill(self, event: nautilus.OrderFilled) -> FillReport:
        """It traded."""
        if self.venue_order_id is None:
            self.venue_order_id = VenueOrderId(str(event.venue_order_id))
        report = fill_of(event, self)
        self.filled_quantity += report.fill.quantity
        self.updated_at_ns = event.ts_event
        self.fills.append(report)
        if self.filled_quantity > self.terms.quantity:
            raise InvariantViolation(
                f"{self.sent_as} filled {self.filled_quantity} of {self.terms.quantity} at the simulated venue"
            )
        if self.filled_quantity == self.terms.quantity:
            self.status = VenueOrderStatus.FILLED
        return report

    def ask(self, order: VenueOrder, plan: SendPlan) -> None:
        """These terms are asked for instead."""
        self.requested = Requested(order, plan)

    def is_change(self, event: nautilus.OrderUpdated) -> bool:
        """Whether the venue tells the change that was asked for."""
        asked = self.requested
        return asked is not None and event.quantity.as_decimal() == asked.order.quantity

    def change(self, at_ns: int) -> SendPlan:
        """The venue works it with the terms that were asked for, whose plan this returns."""
        asked = self.requested
        assert asked is not None
        self.terms, self.client_order_id = asked.order, asked.plan.client_order_id
        self.requested = None
        self.updated_at_ns = at_ns
        return asked.plan

    def cancel(self, at_ns: int) -> OrderReport:
        """The venue ended it: because it was asked to, because its time is over, or because nothing is left to do."""
        terms = self.terms
        if self.is_overdue:
            return self.expire(at_ns)
        if self.is_cancel_wished:
            self.code, self.message = "CANCEL_REQUESTED", None
        elif terms.order_type is OrderType.MARKET:
            self.code, self.message = "NO_LIQUIDITY", "nothing more is offered"
        elif terms.time_in_force is TimeInForce.FOK:
            self.code, self.message = "FOK_NOT_FILLABLE", "it can't be filled completely at once"
        elif terms.time_in_force is TimeInForce.IOC:
            self.code, self.message = "IOC_REMAINDER", "nothing more is offered at its price"
        elif terms.reduce_only:
            self.code, self.message = "REDUCE_ONLY", "there is nothing left to reduce"
        else:
            raise InvariantViolation(f"the simulated venue canceled {self.sent_as}, which nobody asked for")
        return self.end(VenueOrderStatus.CANCELED, at_ns)

    def shrunk(self, at_ns: int) -> OrderReport:
        """It is filled for less than was asked: a reduce-only order shrinks with the position that it reduces."""
        self.code, self.message = "REDUCE_ONLY", "there is nothing left to reduce"
        return self.end(VenueOrderStatus.CANCELED, at_ns)

    def expire(self, at_ns: int) -> OrderReport:
        """Its time is over."""
        self.code = "DAY_OVER" if self.terms.time_in_force is TimeInForce.DAY else "GTD_REACHED"
        self.message = "its time is over"
        return self.end(VenueOrderStatus.EXPIRED, at_ns)

    def end(self, status: VenueOrderStatus, at_ns: int) -> OrderReport:
        """The order is over."""
        self.status = status
        self.updated_at_ns = at_ns
        self.requested = None
        return self.report()


class OrderBook:
    """Every order that was sent, by each of its names."""

    def __init__(self) -> None:
        self._by_client_id: dict[tuple[AccountId, ClientOrderId], WorkedOrder] = {}
        self._by_venue_id: dict[tuple[AccountId, VenueOrderId], WorkedOrder] = {}
        self._sent: dict[nautilus.ClientOrderId, WorkedOrder] = {}
        self._open: dict[nautilus.ClientOrderId, WorkedOrder] = {}

    def is_used(self, account_id: AccountId, client_order_id: ClientOrderId) -> bool:
        """Whether an order of the account ever had this client id."""
        return (account_id, client_order_id) in self._by_client_id

    def add(self, order: WorkedOrder) -> None:
        """Remember an order that is sent now."""
        self.rename(order)
        self._sent[order.sent_as] = self._open[order.sent_as] = order

    def rename(self, order: WorkedOrder) -> None:
        """Remember the names that an order has now; earlier ones still find it."""
        self._by_client_id[order.account_id, order.client_order_id] = order
        if order.venue_order_id is not None:
            self._by_venue_id[order.account_id, order.venue_order_id] = order
        if not order.status.is_open:
            self._open.pop(order.sent_as, None)

    def of_event(self, sent_as: nautilus.ClientOrderId) -> WorkedOrder:
        """The order that an event is about."""
        order = self._sent.get(sent_as)
        if order is None:
            raise InvariantViolation(f"the simulated venue tells of {sent_as}, which was never sent")
        return order

    def find(self, ref: OrderRef) -> WorkedOrder | None:
        """The order that a reference names, by the venue's id first."""
        if ref.venue_order_id is not None:
            order = self._by_venue_id.get((ref.account_id, ref.venue_order_id))
            if order is not None:
                return order
        if ref.client_order_id is None:
            return None
        return self._by_client_id.get((ref.account_id, ref.client_order_id))

    def open_orders(self) -> list[WorkedOrder]:
        """Orders that have not ended, oldest first."""
        return list(self._open.values())

    def every_order(self) -> list[WorkedOrder]:
        """All orders, oldest first."""
        return list(self._sent.values())


def code_of(reason: str) -> str:
    """The code that a reason begins with; ``REJECTED`` where it is a sentence."""
    found = _CODE.match(reason)
    return found.group(1) if found is not None else "REJECTED"


def fill_of(event: nautilus.OrderFilled, order: WorkedOrder) -> FillReport:
    """An execution. The venue's trade id is unique per venue; order, side and instrument stand beside it all the same,
    as in every fill key."""
    commission = event.commission
    terms = order.instrument.listing.terms
    assert order.venue_order_id is not None
    fill = Fill(
        key=fill_key(order.terms.instrument_id, order.venue_order_id, order.side, str(event.trade_id)),
        instrument_id=order.terms.instrument_id,
        side=order.side,
        quantity=event.last_qty.as_decimal(),
        price=event.last_px.as_decimal(),
        fee=money.shortest(commission.as_decimal()) if commission is not None else ZERO,
        fee_asset=commission.currency.code if commission is not None else terms.settlement_asset,
        liquidity=_LIQUIDITY[event.liquidity_side],
        venue_time_ns=event.ts_event,
    )
    return FillReport(order.account_id, order.client_order_id, order.venue_order_id, fill)
