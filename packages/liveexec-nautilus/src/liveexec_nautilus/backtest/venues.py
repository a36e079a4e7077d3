"""The simulated venues as the driver meets them (:class:`liveexec.replay.ports.ReplayVenues`).

Requests become commands of the strategy that lives inside the backtest engine. The library carries commands out when
the callback that gave them has returned, so what comes of a submit or a change is answered a moment later, in the same
instant of market time.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    BalanceReport,
    FillReport,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    Rejected,
    SendOutcome,
    SendPlan,
    VenueReport,
)
from liveexec.domain.venue import AdapterManifest
from liveexec.engine.inputs import SendVerb
from liveexec.errors import InvariantViolation
from liveexec.plugins.adapter import VenueOrder
from liveexec.replay.agenda import NEVER
from liveexec.replay.driver import ReplayDriver
from liveexec.venues.paper.config import PaperVenueConfig, manifest_of
from liveexec.venues.paper.entry import expiry_of, refuse_order
from liveexec_nautilus import vendor_backtest as nautilus
from liveexec_nautilus.backtest.accounts import SimulatedAccounts
from liveexec_nautilus.backtest.feed import Feeds
from liveexec_nautilus.backtest.layout import SimulatedVenue
from liveexec_nautilus.backtest.orders import OrderBook, WorkedOrder, code_of

__all__ = ["Desk", "NautilusVenues"]

_TRADED: Final = (Side.BUY, Side.SELL)
_REDUCES: Final = "it would not only reduce the position"


class Desk(Protocol):
    """Who gives commands inside the backtest engine."""

    def place(self, order: WorkedOrder) -> None:
        """Send a new order."""
        ...

    def withdraw(self, order: WorkedOrder) -> None:
        """Cancel it."""
        ...

    def alter(self, order: WorkedOrder, terms: VenueOrder) -> None:
        """Change quantity (the new total) and price."""
        ...


class NautilusVenues:
    """All venues of a replay. ``cache`` is the backtest engine's."""

    def __init__(
        self,
        configs: Sequence[PaperVenueConfig],
        layout: Iterable[SimulatedVenue],
        driver: ReplayDriver,
        feeds: Feeds,
        desk: Desk,
        cache: nautilus.Cache,
    ) -> None:
        self.manifests: Mapping[VenueName, AdapterManifest] = {each.venue: manifest_of(each) for each in configs}
        self.listings: Mapping[VenueName, tuple[Listing, ...]] = {
            each.venue: tuple(item.listing(each.venue_class) for item in each.instruments) for each in configs
        }
        self.accounts: Mapping[VenueName, tuple[AccountId, ...]] = {each.venue: each.account_ids for each in configs}
        self.holdings = SimulatedAccounts(layout)
        self._driver, self._feeds, self._desk, self._cache = driver, feeds, desk, cache
        self._orders = OrderBook()
        #: Open orders that end by themselves, by when.
        self._expiries: list[tuple[int, int, WorkedOrder]] = []
        self._sent = 0

    # -- what the driver asks -----------------------------------------------------------------------------------------

    def submit(self, order: VenueOrder, plan: SendPlan, at_ns: int) -> SendOutcome | None:
        if self._orders.is_used(order.account_id, plan.client_order_id):
            return Rejected("DUPLICATE_CLIENT_ID", f"client order id {plan.client_order_id} was used before")
        if order.operation is not Operation.TRADE or order.side not in _TRADED:
            return Rejected("UNSUPPORTED_OPERATION", f"{order.operation} {order.side or ''} is not traded here")
        found = self.holdings.find(order.account_id, order.instrument_id)
        if found is None:
            return Rejected("UNKNOWN_INSTRUMENT", f"{order.account_id} can't trade {order.instrument_id}")
        instrument, ledger = found
        refusal = refuse_order(order, order.side, plan, instrument.listing, ledger, at_ns)
        if refusal is not None:
            return refusal
        self._sent += 1
        worked = WorkedOrder(
            terms=order,
            side=order.side,
            client_order_id=plan.client_order_id,
            # Its own names: the client ids of two accounts may be the same.
            sent_as=nautilus.ClientOrderId(f"O-{self._sent}"),
            instrument=instrument,
            updated_at_ns=at_ns,
            expire_at_ns=expiry_of(order, at_ns) if order.order_type is not OrderType.MARKET else None,
        )
        self._orders.add(worked)
        if worked.expire_at_ns is not None:
            heapq.heappush(self._expiries, (worked.expire_at_ns, self._sent, worked))
        self._desk.place(worked)
        return None

    def cancel(self, ref: OrderRef, at_ns: int) -> SendOutcome:  # noqa: ARG002 -- the backtest engine knows the time
        order = self._open_order(ref)
        if isinstance(order, Rejected):
            return order
        self._withdraw(order)
        order.is_cancel_wished = True
        return Accepted(order.venue_order_id)

    def replace(
        self,
        ref: OrderRef,
        order: VenueOrder,
        plan: SendPlan,
        filled_quantity: Decimal,  # noqa: ARG002 -- the quantity is the new total
        at_ns: int,
    ) -> SendOutcome | None:
        current = self._open_order(ref)
        if isinstance(current, Rejected):
            return current
        refusal = self._refuse_change(current, order, plan, at_ns)
        if refusal is not None:
            return refusal
        current.ask(order, plan)
        self._desk.alter(current, order)
        return None

    def order(self, ref: OrderRef, at_ns: int) -> OrderReportAnswer:
        order = self._orders.find(ref)
        return order.report() if order is not None else Absent(at_ns)

    def fills(self, account_id: AccountId, since_ns: int, at_ns: int) -> Sequence[FillReport]:  # noqa: ARG002 -- all
        return self.holdings.fills(account_id, since_ns)

    def open_orders(self, account_id: AccountId, at_ns: int) -> Sequence[OrderReport]:  # noqa: ARG002 -- as it stands
        return [order.report() for order in self._orders.open_orders() if order.account_id == account_id]

    def positions(self, account_id: AccountId, at_ns: int) -> Sequence[PositionReport]:  # noqa: ARG002 -- as it stands
        return self.holdings.positions(account_id)

    def balances(self, account_id: AccountId, at_ns: int) -> Sequence[BalanceReport]:
        return self.holdings.balances(account_id, self._cache, at_ns)

    def refresh(self, at_ns: int) -> Sequence[Book | TradeBar]:
        return self._feeds.refresh(at_ns)

    # -- what the host does -------------------------------------------------------------------------------------------

    @property
    def next_expiry_ns(self) -> int:
        """When the next open order expires; ``NEVER`` without one."""
        expiries = self._expiries
        while expiries and not expiries[0][2].status.is_open:
            heapq.heappop(expiries)
        return expiries[0][0] if expiries else NEVER

    def expire(self, now_ns: int) -> None:
        """End what has expired by now. The library ends an order with the first market event after its time; between
        two of them it is withdrawn here."""
        while self.next_expiry_ns <= now_ns:
            _, _, order = heapq.heappop(self._expiries)
            self._withdraw(order)
            order.is_overdue = True

    def told(self, event: Any, now_ns: int) -> None:
        """The library tells what became of an order.

        Raises:
            InvariantViolation: it tells something that can't be.
        """
        order = self._orders.of_event(event.client_order_id)
        match event:
            case nautilus.OrderAccepted():
                self._answer(order, SendVerb.SUBMIT, None, order.accept(event), now_ns)
            case nautilus.OrderFilled():
                report = order.fill(event)
                self.holdings.apply(report)
                self._tell(order, report, now_ns)
                if order.terms.reduce_only and order.status.is_open and self._is_closed(order):
                    self._tell(order, order.shrunk(now_ns), now_ns)
            case nautilus.OrderDenied():
                self._answer(order, SendVerb.SUBMIT, None, order.refuse(event.reason, now_ns), now_ns)
            case nautilus.OrderRejected():
                refused = order.refuse(event.reason, now_ns, is_post_only=event.due_post_only)
                self._answer(order, SendVerb.SUBMIT, None, refused, now_ns)
            case nautilus.OrderCanceled():
                self._tell(order, order.cancel(now_ns), now_ns)
            case nautilus.OrderExpired():
                self._tell(order, order.expire(now_ns), now_ns)
            case nautilus.OrderUpdated():
                if order.is_change(event):
                    plan = order.change(now_ns)
                    self._answer(order, SendVerb.REPLACE, plan, Accepted(order.venue_order_id), now_ns)
                elif not order.terms.reduce_only:
                    raise InvariantViolation(f"the simulated venue changed {order.sent_as}, which nobody asked for")
                elif event.quantity.as_decimal() > order.terms.quantity:
                    # The library gives a resting reduce-only order the size of the position, whichever is larger.
                    self._desk.alter(order, order.terms)
            case nautilus.OrderModifyRejected():
                asked = order.requested
                if asked is not None:
                    order.requested = None
                    refusal = Rejected(code_of(event.reason), event.reason)
                    self._answer(order, SendVerb.REPLACE, asked.plan, refusal, now_ns)
            case nautilus.OrderCancelRejected():
                if order.status.is_open:
                    raise InvariantViolation(f"the simulated venue does not cancel {order.sent_as}: {event.reason}")
            case unknown:
                raise InvariantViolation(f"NautilusTrader tells something that no rule here knows: {unknown!r}")

    def verify(self) -> None:
        """Hold what was told against the library's own orders, positions and balances.

        Raises:
            InvariantViolation: they differ by more than rounding explains.
        """
        ours = sorted(str(order.sent_as) for order in self._orders.open_orders())
        theirs = sorted(
            str(order.client_order_id) for order in (*self._cache.orders_open(), *self._cache.orders_inflight())
        )
        if ours != theirs:
            raise InvariantViolation(f"orders {theirs} are open at the simulated venues, and {ours} as far as was told")
        self.holdings.verify(self._cache)

    def _tell(self, order: WorkedOrder, report: VenueReport, now_ns: int) -> None:
        self._orders.rename(order)
        self._driver.report(report, now_ns)

    def _answer(
        self, order: WorkedOrder, verb: SendVerb, plan: SendPlan | None, outcome: SendOutcome, now_ns: int
    ) -> None:
        self._orders.rename(order)
        self._driver.answer(order.terms.order_id, verb, plan, outcome, now_ns)

    def _withdraw(self, order: WorkedOrder) -> None:
        if not (order.is_cancel_wished or order.is_overdue):
            self._desk.withdraw(order)

    def _open_order(self, ref: OrderRef) -> WorkedOrder | Rejected:
        order = self._orders.find(ref)
        if order is None:
            return Rejected("UNKNOWN_ORDER", "there is no such order here")
        if not order.status.is_open:
            return Rejected("ORDER_CLOSED", f"the order is {order.status} already")
        return order

    def _is_closed(self, order: WorkedOrder) -> bool:
        theirs = self._cache.order(order.sent_as)
        return theirs is not None and theirs.is_closed

    def _refuse_change(self, current: WorkedOrder, order: VenueOrder, plan: SendPlan, at_ns: int) -> Rejected | None:
        if at_ns > plan.valid_until_ns:
            late_ns = at_ns - plan.valid_until_ns
            return Rejected("EXPIRED_REQUEST", f"the request was valid until {late_ns} ns before it arrived")
        is_new = plan.client_order_id != current.client_order_id
        if is_new and self._orders.is_used(order.account_id, plan.client_order_id):
            return Rejected("DUPLICATE_CLIENT_ID", f"client order id {plan.client_order_id} was used before")
        if current.requested is not None:
            return Rejected("REPLACE_PENDING", "a change of the order is under way already")
        faults = current.instrument.listing.faults(order.quantity, order.price)
        if faults:
            return Rejected("INVALID_REPLACE", "; ".join(str(fault) for fault in faults))
        if order.quantity <= current.filled_quantity:
            message = f"the total {order.quantity} leaves nothing of an order that has filled {current.filled_quantity}"
            return Rejected("QUANTITY_BELOW_FILLED", message)
        return None
