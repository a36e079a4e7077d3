"""The truth of a simulated venue: its orders and trades as they are, whatever anybody is told of them.

Everything here happens at once and without faults. What changes is announced to ``said``, which loses, delays and
repeats it (``stream.py``); requests reach it through ``wire.py``.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Final

from attrs import define, evolve, field

from liveexec.domain.fill import Fill, FillKey, Liquidity, fill_key
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId, VenueOrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Accepted,
    FillAction,
    FillReport,
    OrderRef,
    OrderReport,
    Rejected,
    SendOutcome,
    SendPlan,
    VenueOrderStatus,
)
from liveexec.plugins.adapter import VenueOrder
from liveexec_testkit.simulator.market import LOT, TICK
from liveexec_testkit.simulator.venue_cash import VenueCash

__all__ = ["TrueOrder", "VenueTruth"]

Said = OrderReport | FillReport
_WORKING: Final = VenueOrderStatus.WORKING


@define(eq=False)
class TrueOrder:
    """An order as its venue has it; ``order_id`` is ours, ``None`` for somebody else's."""

    order_id: OrderId | None
    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId
    instrument_id: InstrumentId
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    taken_at_ns: int
    changed_at_ns: int
    expire_at_ns: int | None = None
    status: VenueOrderStatus = _WORKING
    fills: dict[FillKey, Fill] = field(factory=dict)
    #: Whether the venue took it when it was too late, against its own word.
    came_late: bool = False
    #: Whether a cancel of it ever left for the venue.
    is_cancel_asked: bool = False
    #: Every id it ever had.
    names: list[str] = field(factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills.values()), ZERO)

    @property
    def leaves(self) -> Decimal:
        """What may still be traded."""
        return max(ZERO, self.quantity - self.filled) if self.status is _WORKING else ZERO


@define(eq=False)
class VenueTruth:
    """One account's orders at one venue. ``renames``: a change gives the order another id, after a cancel of the old.

    ``changed`` is called with every order that changed, ``said`` with every word about it. ``now_ns`` is the venue's
    own clock; no two things happen there at the same time.
    """

    account_id: AccountId
    listings: dict[InstrumentId, Listing]
    prices: dict[InstrumentId, Decimal]
    now_ns: Callable[[], int]
    random: Random
    said: Callable[[Said], None]
    changed: Callable[[TrueOrder], None]
    renames: bool = False
    #: What fees are paid in, whatever an instrument settles in.
    fee_asset: str = "USDT"
    #: Whether an order ends, without a word, when its change is refused.
    drops_refused: bool = False
    orders: list[TrueOrder] = field(factory=list)
    #: Everything that was ever traded, busted or corrected, with the venue's time of it.
    executions: list[tuple[int, FillReport]] = field(factory=list)
    #: What positions changed by without a trade.
    moved: dict[InstrumentId, Decimal] = field(factory=dict)
    #: What balances changed by without a word.
    slipped: dict[str, Decimal] = field(factory=dict)
    cash: VenueCash = field(factory=VenueCash)
    _by_name: dict[str, TrueOrder] = field(factory=dict)
    _numbers: int = 0
    _last_ns: int = 0

    def take(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        """Take a new order, once per client id."""
        if plan.client_order_id in self._by_name:
            return Rejected("DUPLICATE_ID", "this client id was used before")
        if order.post_only and self._crosses(order.instrument_id, order.side, order.price):
            return Rejected("POST_ONLY", "it would trade at once")
        assert order.side is not None
        taken = self._add(
            order.order_id, plan.client_order_id, order.instrument_id, order.side, order.order_type,
            order.time_in_force, order.quantity, order.price, order.expire_at_ns,
        )  # fmt: skip
        self._tell(taken)
        self._match(taken)
        return Accepted(taken.venue_order_id)

    def take_foreign(self, instrument_id: InstrumentId, side: Side, quantity: Decimal, price: Decimal) -> TrueOrder:
        """Somebody else orders in our account."""
        taken = self._add(
            None, None, instrument_id, side, OrderType.LIMIT, TimeInForce.GTC, quantity, price, None
        )  # fmt: skip
        self._tell(taken)
        return taken

    def move(self, instrument_id: InstrumentId, quantity: Decimal) -> None:
        """A position changes without a trade, and nobody says so."""
        self.moved[instrument_id] = self.moved.get(instrument_id, ZERO) + quantity

    def slip(self, asset: str, amount: Decimal) -> None:
        """A balance changes, and nobody says so."""
        self.slipped[asset] = self.slipped.get(asset, ZERO) + amount
        self.cash.move(asset, Fraction(amount))

    def cancel(self, ref: OrderRef) -> SendOutcome:
        """End a working order."""
        order = self.find(ref)
        if order is None or order.status is not _WORKING:
            return Rejected("NOT_WORKING", "there is no such working order")
        self.end(order, VenueOrderStatus.CANCELED)
        return Accepted(order.venue_order_id)

    def replace(self, ref: OrderRef, terms: VenueOrder, *, refuses: bool = False) -> SendOutcome:
        """Change a working order to another total and price."""
        order = self.find(ref)
        if order is None or order.status is not _WORKING:
            return Rejected("NOT_WORKING", "there is no such working order")
        if terms.quantity <= order.filled or refuses:
            if self.drops_refused:
                # Some venues end an order that they refuse to change, and say nothing but that they refuse.
                order.status = VenueOrderStatus.CANCELED
                self._note(order)
                self.changed(order)
            return Rejected("REFUSED", "the change is refused")
        if self.renames:
            half = self.report(order)
            half.status = VenueOrderStatus.CANCELED
            self.said(half)
            order.venue_order_id = self._name(order)
        order.quantity, order.price = terms.quantity, terms.price
        self._note(order)
        self.changed(order)
        self._tell(order)
        self._match(order)
        return Accepted(order.venue_order_id)

    def trade(self, order: TrueOrder, quantity: Decimal, price: Decimal, *, maker: bool = True) -> None:
        """Somebody trades with the order; more than its leaves is the venue's mistake, an overfill."""
        self._numbers += 1
        key = fill_key(order.instrument_id, order.venue_order_id, order.side, f"T{self._numbers}")
        listing = self.listings[order.instrument_id]
        at_ns = self._note(order)
        fill = Fill(
            key,
            order.instrument_id,
            order.side,
            quantity,
            price,
            listing.fee(quantity, price, maker=maker),
            self.fee_asset,
            Liquidity.MAKER if maker else Liquidity.TAKER,
            at_ns,
        )
        order.fills[key] = fill
        self._book(fill, 1)
        done = order.filled >= order.quantity
        if done and order.status is _WORKING:
            order.status = VenueOrderStatus.FILLED
        self.changed(order)
        self._execute(order, fill, FillAction.TRADE, at_ns)
        if done:
            self._tell(order)

    def bust(self, order: TrueOrder, fill: Fill) -> None:
        """A trade is taken back; the order has ended, and stays ended."""
        del order.fills[fill.key]
        self._book(fill, -1)
        at_ns = self._note(order)
        self.changed(order)
        self._execute(order, evolve(fill, venue_time_ns=at_ns), FillAction.BUST, at_ns, fill.key)

    def correct(self, order: TrueOrder, fill: Fill, price: Decimal) -> None:
        """A trade is replaced by another at another price, under a new key."""
        self._numbers += 1
        at_ns = self._note(order)
        key = fill_key(order.instrument_id, order.venue_order_id, order.side, f"T{self._numbers}")
        del order.fills[fill.key]
        other = order.fills[key] = evolve(fill, key=key, price=price, venue_time_ns=at_ns)
        self._book(fill, -1)
        self._book(other, 1)
        self.changed(order)
        self._execute(order, other, FillAction.CORRECTION, at_ns, fill.key)

    def end(self, order: TrueOrder, status: VenueOrderStatus) -> None:
        """The order works no longer."""
        order.status = status
        self._note(order)
        self.changed(order)
        self._tell(order)

    def find(self, ref: OrderRef) -> TrueOrder | None:
        """The order that a name means."""
        for name in (ref.venue_order_id, ref.client_order_id):
            if name is not None and (found := self._by_name.get(name)) is not None:
                return found
        return None

    def working(self) -> list[TrueOrder]:
        """What works now."""
        return [order for order in self.orders if order.status is _WORKING]

    def nets(self) -> dict[InstrumentId, Decimal]:
        """What the account holds, by instrument."""
        nets: dict[InstrumentId, Decimal] = dict(self.moved)
        for order in self.orders:
            if filled := order.filled:
                nets[order.instrument_id] = nets.get(order.instrument_id, ZERO) + filled * order.side.sign
        return nets

    def report(self, order: TrueOrder) -> OrderReport:
        """The order as it stands."""
        return OrderReport(
            account_id=self.account_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            status=order.status,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            price=order.price,
            filled_quantity=order.filled,
            venue_time_ns=order.changed_at_ns,
        )

    def _add(
        self,
        order_id: OrderId | None,
        client_order_id: ClientOrderId | None,
        instrument_id: InstrumentId,
        side: Side,
        order_type: OrderType,
        time_in_force: TimeInForce,
        quantity: Decimal,
        price: Decimal | None,
        expire_at_ns: int | None,
    ) -> TrueOrder:
        at_ns = self.tick()
        order = TrueOrder(
            order_id, client_order_id, VenueOrderId(""), instrument_id, side, order_type, time_in_force, quantity,
            price, at_ns, at_ns, expire_at_ns,
        )  # fmt: skip
        order.venue_order_id = self._name(order)
        if client_order_id is not None:
            self._by_name[client_order_id] = order
        self.orders.append(order)
        self.changed(order)
        return order

    def _match(self, order: TrueOrder) -> None:
        """Trade at once what crosses; end what may not rest."""
        instrument_id, side = order.instrument_id, order.side
        crosses = order.order_type is OrderType.MARKET or self._crosses(instrument_id, side, order.price)
        touch = self.prices[instrument_id] + TICK * side.sign
        all_or_none = order.time_in_force is TimeInForce.FOK
        if crosses and (not all_or_none or self.random.random() < 0.5):
            lots = int(order.leaves / LOT)
            first = lots if all_or_none or self.random.random() < 0.6 else self.random.randrange(1, lots + 1)
            self.trade(order, first * LOT, touch, maker=False)
            if order.leaves and self.random.random() < 0.5:
                self.trade(order, order.leaves, touch + TICK * side.sign if order.price is None else touch, maker=False)
        rests = order.order_type is OrderType.LIMIT and order.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK)
        if order.status is _WORKING and not rests:
            self.end(order, VenueOrderStatus.CANCELED)

    def _crosses(self, instrument_id: InstrumentId, side: Side | None, price: Decimal | None) -> bool:
        assert side is not None
        if price is None:
            return True
        return (price - (self.prices[instrument_id] + TICK * side.sign)) * side.sign >= 0

    def _execute(
        self, order: TrueOrder, fill: Fill, action: FillAction, at_ns: int, original: FillKey | None = None
    ) -> None:
        report = FillReport(self.account_id, order.client_order_id, order.venue_order_id, fill, action, original)
        self.executions.append((at_ns, report))
        self.said(report)

    def _book(self, fill: Fill, sign: int) -> None:
        """Move the cash of a fill, or take it back."""
        signed = fill.quantity * fill.side.sign * sign
        self.cash.trade(fill.instrument_id, self.listings[fill.instrument_id].terms, signed, fill.price)
        self.cash.move(fill.fee_asset, -Fraction(fill.fee) * sign)

    def _tell(self, order: TrueOrder) -> None:
        self.said(self.report(order))

    def _name(self, order: TrueOrder) -> VenueOrderId:
        self._numbers += 1
        # As at real venues: no other venue keeps from using the same.
        name = VenueOrderId(f"V-{self._numbers}")
        order.names.append(name)
        self._by_name[name] = order
        return name

    def _note(self, order: TrueOrder) -> int:
        order.changed_at_ns = self.tick()
        return order.changed_at_ns

    def tick(self) -> int:
        """A time at which nothing else happened there."""
        self._last_ns = max(self._last_ns + 1, self.now_ns())
        return self._last_ns
