"""What becomes of the requests that arrive at a paper venue: orders, cancels and changes, each taken or refused.

Rules beyond those of :mod:`~liveexec.venues.paper.book` and :mod:`~liveexec.venues.paper.matching`:

- A market order takes what is offered and never rests, whatever its time in force; FOK is all or nothing.
- A post-only order that would take is refused. A reduce-only order is refused unless all of it would close; once it
  rests it fills no more than closes, and what can't close any more is canceled.
- A client id is refused for ever once it has been used, also by an order that was refused.
- A replace that only lowers the quantity keeps its place in the queue; every other one joins the end of its new one.
"""

from collections.abc import Mapping
from typing import Final

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.operation import Operation, Side, TimeInForce
from liveexec.domain.outcome import Accepted, OrderRef, Rejected, SendPlan, Sent, VenueOrderStatus
from liveexec.domain.venue import ReplaceMode
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.admission import Admission
from liveexec.venues.paper.book import InstrumentBook
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.entry import EndCode, RejectCode, expiry_of, refuse_order, refuse_replace, reject
from liveexec.venues.paper.execution import Execution
from liveexec.venues.paper.matching import TakePlan
from liveexec.venues.paper.truth import AccountLedger, PaperOrder, VenueTruth

__all__ = ["Intake"]

_TRADED_SIDES: Final = (Side.BUY, Side.SELL)


class Intake:
    """Takes the requests of one venue, each at the venue's present time."""

    def __init__(
        self,
        config: PaperVenueConfig,
        books: Mapping[InstrumentId, InstrumentBook],
        truth: VenueTruth,
        admission: Admission,
        execution: Execution,
    ) -> None:
        self._acks_by_report, self._replace_mode = config.ack_by_report, config.replace
        self._books, self._truth, self._admission, self._execution = books, truth, admission, execution
        #: Time priority: rises with every order, and with every replace that gives its place up.
        self._sequence = 0

    def submit(self, order: VenueOrder, plan: SendPlan) -> Accepted | Rejected | Sent:
        """An order arrives: it is refused, or taken and carried out as far as it goes at once."""
        ledger = self._truth.ledgers.get(order.account_id)
        if ledger is None:
            return _no_such_account(order.account_id)
        if plan.client_order_id in ledger.by_client_id:
            return reject(RejectCode.DUPLICATE_CLIENT_ID, f"client order id {plan.client_order_id} was used before")
        if order.operation is not Operation.TRADE or order.side not in _TRADED_SIDES:
            return reject(RejectCode.UNSUPPORTED_OPERATION, f"{order.operation} {order.side or ''} is not traded here")
        placed = self._placed(order, plan, order.side)
        book = self._books.get(order.instrument_id)
        if book is None:
            unknown = reject(RejectCode.UNKNOWN_INSTRUMENT, f"{order.instrument_id} is not listed here")
            return self._refuse(ledger, placed, unknown)
        refusal = refuse_order(order, placed.side, plan, book.listing, ledger, self._execution.now_ns)
        if refusal is not None:
            return self._refuse(ledger, placed, refusal)
        take = self._admission.plan(book, placed, placed.quantity, placed.price)
        refusal = self._admission.refuse(book, placed, placed.quantity, placed.price, take)
        if refusal is not None:
            return self._refuse(ledger, placed, refusal)
        placed.venue_order_id = self._truth.next_venue_order_id()
        self._truth.add(ledger, placed)
        execution = self._execution
        by_report = self._acks_by_report
        if by_report:
            execution.outbox.append(placed.report())
        if placed.time_in_force is TimeInForce.FOK and take.quantity < placed.quantity:
            message = "it can't be filled completely at once"
            execution.end(placed, VenueOrderStatus.CANCELED, EndCode.FOK_NOT_FILLABLE, message)
        else:
            execution.take(book, placed, take)
        return Sent() if by_report else Accepted(placed.venue_order_id)

    def cancel(self, ref: OrderRef) -> Accepted | Rejected:
        """A cancel arrives."""
        order = self._open_order(ref)
        if isinstance(order, Rejected):
            return order
        self._cancel(order)
        return Accepted(order.venue_order_id)

    def cancel_all(self, account_id: AccountId) -> Accepted | Rejected:
        """A cancel of everything that an account has open arrives."""
        ledger = self._truth.ledgers.get(account_id)
        if ledger is None:
            return _no_such_account(account_id)
        for order in list(ledger.open_orders.values()):
            self._cancel(order)
        return Accepted()

    def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan) -> Accepted | Rejected:
        """New terms for a working order arrive; the order stands as it was when they are refused."""
        if self._replace_mode is ReplaceMode.NONE:
            return reject(RejectCode.REPLACE_UNSUPPORTED, "orders can't be changed here, only canceled")
        current = self._open_order(ref)
        if isinstance(current, Rejected):
            return current
        return self._change(current, order, plan)

    def _placed(self, order: VenueOrder, plan: SendPlan, side: Side) -> PaperOrder:
        self._sequence += 1
        return PaperOrder(
            account_id=order.account_id,
            instrument_id=order.instrument_id,
            client_order_id=plan.client_order_id,
            venue_order_id=None,
            side=side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            price=order.price,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            placed_at_ns=self._execution.now_ns,
            sequence=self._sequence,
            expire_at_ns=expiry_of(order, self._execution.now_ns),
            updated_at_ns=self._execution.now_ns,
            text=(order.details or {}).get("text"),
        )

    def _refuse(self, ledger: AccountLedger, order: PaperOrder, refusal: Rejected) -> Rejected | Sent:
        order.status = VenueOrderStatus.REJECTED
        order.code, order.message = refusal.code, refusal.message
        self._truth.add(ledger, order)
        self._truth.finish(order)
        if self._acks_by_report:
            self._execution.outbox.append(order.report())
            return Sent()
        return refusal

    def _change(self, current: PaperOrder, order: VenueOrder, plan: SendPlan) -> Accepted | Rejected:
        ledger, book = self._truth.ledgers[current.account_id], self._books[current.instrument_id]
        refusal = refuse_replace(current, order, plan, book.listing, ledger, self._execution.now_ns)
        if refusal is not None:
            return refusal
        leaves = order.quantity - current.filled_quantity
        keeps_place = order.price == current.price and order.quantity <= current.quantity
        take = TakePlan.nothing() if keeps_place else self._admission.plan(book, current, leaves, order.price)
        refusal = self._admission.refuse(book, current, leaves, order.price, take)
        if refusal is not None:
            return refusal
        if not keeps_place:
            self._execution.withdraw(current)
            self._sequence += 1
            current.sequence = self._sequence
        current.quantity, current.price, current.updated_at_ns = order.quantity, order.price, self._execution.now_ns
        if plan.client_order_id != current.client_order_id:
            self._truth.rename(ledger, current, plan.client_order_id)
        if keeps_place:
            book.change(self._execution.now_ns)
            self._execution.hold(current)
        else:
            self._execution.take(book, current, take)
        return Accepted(current.venue_order_id)

    def _cancel(self, order: PaperOrder) -> None:
        self._execution.end(order, VenueOrderStatus.CANCELED, EndCode.CANCEL_REQUESTED, "as requested")

    def _open_order(self, ref: OrderRef) -> PaperOrder | Rejected:
        if ref.account_id not in self._truth.ledgers:
            return _no_such_account(ref.account_id)
        order = self._truth.find(ref)
        if order is None:
            name = ref.venue_order_id or ref.client_order_id
            return reject(RejectCode.UNKNOWN_ORDER, f"there is no order {name}")
        if not order.status.is_open:
            return reject(RejectCode.ORDER_CLOSED, f"the order is {order.status} already")
        return order


def _no_such_account(account_id: AccountId) -> Rejected:
    return reject(RejectCode.UNKNOWN_ACCOUNT, f"there is no account {account_id}")
