"""A venue reduced to its truth: orders, fills, and what it says of them, for engines that are told all of it wrongly.

It records what happens before anybody hears of it. How its words get to the engine, in which order, how often or not
at all, is the test's to say.

from support.model_venue import ModelVenue
"""

from decimal import Decimal

from attrs import define, field

from liveexec.domain.fill import Fill, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    FillAction,
    FillReport,
    OrderRef,
    OrderReport,
    Rejected,
    SendOutcome,
    VenueOrderStatus,
)
from liveexec.engine.effects import SendReplace, SendSubmit

__all__ = ["ModelVenue", "VenueSide"]


@define(eq=False)
class VenueSide:
    """An order as its venue has it."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId
    instrument_id: InstrumentId
    side: Side
    quantity: Decimal
    price: Decimal | None
    status: VenueOrderStatus = VenueOrderStatus.WORKING
    changed_at_ns: int = 0
    fills: list[Fill] = field(factory=list)
    busted: list[Fill] = field(factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled if self.status is VenueOrderStatus.WORKING else ZERO


@define(eq=False)
class ModelVenue:
    """One account's orders at one venue. ``renames``: a change gives the order another id, after a cancel of the old.

    ``said`` are its reports, oldest first, which the test delivers.
    """

    account_id: AccountId
    renames: bool = False
    orders: list[VenueSide] = field(factory=list)
    said: list[OrderReport | FillReport] = field(factory=list)
    _number: int = 0

    def submit(self, effect: SendSubmit, at_ns: int) -> SendOutcome:
        """Take an order, once."""
        if any(order.client_order_id == effect.plan.client_order_id for order in self.orders):
            return Rejected("DUPLICATE", "this client id was used")
        assert effect.order.instrument_id is not None
        assert effect.order.side is not None
        order = VenueSide(
            effect.plan.client_order_id,
            self._name(),
            effect.order.instrument_id,
            effect.order.side,
            effect.quantity,
            effect.price,
            changed_at_ns=at_ns,
        )
        self.orders.append(order)
        self._tell(order)
        return Accepted(order.venue_order_id)

    def cancel(self, ref: OrderRef, at_ns: int) -> SendOutcome:
        """End a working order."""
        order = self.find(ref)
        if order is None or order.status is not VenueOrderStatus.WORKING:
            return Rejected("UNKNOWN_ORDER", "there is no such working order")
        order.status, order.changed_at_ns = VenueOrderStatus.CANCELED, at_ns
        self._tell(order)
        return Accepted(order.venue_order_id)

    def replace(self, effect: SendReplace, at_ns: int) -> SendOutcome:
        """Change a working order to another total."""
        order = self.find(effect.ref)
        if order is None or order.status is not VenueOrderStatus.WORKING:
            return Rejected("UNKNOWN_ORDER", "there is no such working order")
        if effect.quantity <= order.filled:
            return Rejected("FILLED", "that much is filled already")
        if self.renames:
            half = self.report(order)
            half.status = VenueOrderStatus.CANCELED
            self.said.append(half)
            order.venue_order_id = self._name()
        order.quantity, order.price, order.changed_at_ns = effect.quantity, effect.price, at_ns
        self._tell(order)
        return Accepted(order.venue_order_id)

    def fill(self, order: VenueSide, quantity: Decimal, price: Decimal, at_ns: int) -> None:
        """Somebody trades with a working order."""
        self._number += 1
        key = fill_key(order.instrument_id, order.venue_order_id, order.side, f"T-{self._number}")
        fill = Fill(
            key, order.instrument_id, order.side, quantity, price, ZERO, "USDT", Liquidity.MAKER, at_ns
        )  # fmt: skip
        order.fills.append(fill)
        order.changed_at_ns = at_ns
        self.said.append(self._fill_report(order, fill, FillAction.TRADE))
        if order.filled == order.quantity:
            order.status = VenueOrderStatus.FILLED
            self._tell(order)

    def bust(self, order: VenueSide, fill: Fill) -> None:
        """A trade is taken back; a working order gets its quantity back."""
        order.fills.remove(fill)
        order.busted.append(fill)
        self.said.append(self._fill_report(order, fill, FillAction.BUST))

    def find(self, ref: OrderRef) -> VenueSide | None:
        """The order that a name means, the newest id first."""
        for order in self.orders:
            if order.client_order_id == ref.client_order_id or order.venue_order_id == ref.venue_order_id:
                return order
        return None

    def answer(self, ref: OrderRef, at_ns: int) -> OrderReport | Absent:
        """What it knows of an order; it knows all of its orders for good."""
        order = self.find(ref)
        return self.report(order) if order is not None else Absent(at_ns)

    def open_orders(self) -> list[OrderReport]:
        """What works now."""
        return [self.report(order) for order in self.orders if order.status is VenueOrderStatus.WORKING]

    def positions(self) -> dict[InstrumentId, str]:
        """The net of everything that was filled, by instrument."""
        nets: dict[InstrumentId, Decimal] = {}
        for order in self.orders:
            signed = order.filled * order.side.sign
            nets[order.instrument_id] = nets.get(order.instrument_id, ZERO) + signed
        return {instrument_id: str(net) for instrument_id, net in nets.items()}

    def executions(self) -> list[FillReport]:
        """Every fill that counts, and every bust, as a venue lists them after a gap."""
        trades = [self._fill_report(order, fill, FillAction.TRADE) for order in self.orders for fill in order.fills]
        busts = [self._fill_report(order, fill, FillAction.BUST) for order in self.orders for fill in order.busted]
        return trades + busts

    def report(self, order: VenueSide) -> OrderReport:
        """The order as it stands."""
        return OrderReport(
            account_id=self.account_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            status=order.status,
            side=order.side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=order.quantity,
            price=order.price,
            filled_quantity=order.filled,
            venue_time_ns=order.changed_at_ns,
        )

    def _tell(self, order: VenueSide) -> None:
        self.said.append(self.report(order))

    def _name(self) -> VenueOrderId:
        self._number += 1
        return VenueOrderId(f"{self.account_id}-{self._number}")

    def _fill_report(self, order: VenueSide, fill: Fill, action: FillAction) -> FillReport:
        original = fill.key if action is FillAction.BUST else None
        return FillReport(self.account_id, order.client_order_id, order.venue_order_id, fill, action, original)
