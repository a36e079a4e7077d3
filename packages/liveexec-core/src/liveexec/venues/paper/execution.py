"""What happens to orders: they fill, they rest, they end. Every change of a paper venue's books passes through here."""

from collections.abc import Mapping
from decimal import Decimal

from sortedcontainers import SortedDict

from liveexec.domain.fill import Liquidity
from liveexec.domain.ids import InstrumentId
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import VenueOrderStatus, VenueReport
from liveexec.venues.paper.admission import Admission
from liveexec.venues.paper.book import InstrumentBook
from liveexec.venues.paper.config import PaperVenueConfig
from liveexec.venues.paper.entry import EndCode
from liveexec.venues.paper.margin import Margin
from liveexec.venues.paper.matching import TakePlan, crossed, traded_through
from liveexec.venues.paper.truth import AccountLedger, PaperOrder, VenueTruth

__all__ = ["Execution"]


class Execution:
    """The orders of one venue at work. ``now_ns`` is venue time, ``outbox`` what was reported and not yet taken."""

    def __init__(
        self,
        config: PaperVenueConfig,
        books: Mapping[InstrumentId, InstrumentBook],
        truth: VenueTruth,
        margin: Margin,
        admission: Admission,
    ) -> None:
        self.now_ns = 0
        self.outbox: list[VenueReport] = []
        self._books = books
        self._truth = truth
        self._margin = margin
        self._admission = admission
        self._reports_status = config.status_after_fills
        #: (when, sequence) -> open order that expires then.
        self._expiries: SortedDict[tuple[int, int], PaperOrder] = SortedDict()
        #: Accounts whose position fell while reduce-only orders rest.
        self._strained: list[tuple[AccountLedger, InstrumentId]] = []

    def take(self, book: InstrumentBook, order: PaperOrder, plan: TakePlan) -> None:
        """Carry out what an aggressive order's plan says, and settle what is left of the order."""
        for own in plan.own if not plan.is_stopped else ():
            self.end(own, VenueOrderStatus.CANCELED, EndCode.SELF_TRADE, "it would have traded with its own account")
        for price, quantity, maker in plan.matches:
            trade_id = self._truth.next_trade_id()
            if maker is None:
                book.displayed_for(order.side).take(price, quantity)
                book.resting_for(order.side).drawn_from(price, quantity)
            else:
                self._fill(maker, book, quantity, price, Liquidity.MAKER, trade_id)
            self._fill(order, book, quantity, price, Liquidity.TAKER, trade_id)
        if plan.matches:
            book.change(self.now_ns)
        if order.status is not VenueOrderStatus.WORKING:
            return
        if plan.is_stopped:
            self.end(order, VenueOrderStatus.CANCELED, EndCode.SELF_TRADE, "it would have traded with its own account")
        elif order.order_type is OrderType.MARKET:
            self.end(order, VenueOrderStatus.CANCELED, EndCode.NO_LIQUIDITY, "nothing more is offered")
        elif order.time_in_force is TimeInForce.IOC:
            self.end(order, VenueOrderStatus.CANCELED, EndCode.IOC_REMAINDER, "nothing more is offered at its price")
        else:
            self._rest(book, order)

    def print_trade(self, book: InstrumentBook, price: Decimal, quantity: Decimal, aggressor: Side) -> None:
        """The recording printed a trade: it fills the resting orders that it would have met here."""
        resting = book.resting_for(aggressor)
        if not resting:
            return
        for order, filled in traded_through(resting, price, quantity, self._admission.fillable):
            assert order.price is not None
            self._fill(order, book, filled, order.price, Liquidity.MAKER, self._truth.next_trade_id())
            book.change(self.now_ns)

    def meet_displayed(self, book: InstrumentBook) -> None:
        """The replayed book changed: resting orders queue anew, and those that it came through fill."""
        for side in (Side.BUY, Side.SELL):
            resting, queued_behind = book.queue_of(side)
            if not resting:
                continue
            resting.requeue(queued_behind)
            against = book.displayed_for(side)
            for order, quantity, displayed_price in crossed(resting, against, self._admission.fillable):
                assert order.price is not None
                against.take(displayed_price, quantity)
                self._fill(order, book, quantity, order.price, Liquidity.MAKER, self._truth.next_trade_id())

    def end(self, order: PaperOrder, status: VenueOrderStatus, code: EndCode | None, message: str | None) -> None:
        """The order is over: it leaves the book and gives up what it holds."""
        self.withdraw(order)
        order.status = status
        order.updated_at_ns = self.now_ns
        if code is not None:
            order.code, order.message = code.value, message
        if status is not VenueOrderStatus.FILLED or self._reports_status:
            self.outbox.append(order.report())
        self._truth.finish(order)

    def withdraw(self, order: PaperOrder) -> None:
        """Take the order out of the book with all that belongs to its resting; nothing when it does not rest."""
        ledger = self._truth.ledgers[order.account_id]
        assert order.venue_order_id is not None
        if ledger.open_orders.pop(order.venue_order_id, None) is None:
            return
        book = self._books[order.instrument_id]
        book.queue_of(order.side)[0].remove(order)
        book.change(self.now_ns)
        ledger.reserve(order, "", ZERO)
        if order.expire_at_ns is not None:
            del self._expiries[order.expire_at_ns, order.sequence]
        if order.reduce_only:
            reducing = ledger.reducing[order.instrument_id]
            del reducing[order.sequence]
            if not reducing:
                del ledger.reducing[order.instrument_id]

    def hold(self, order: PaperOrder) -> None:
        """Reserve what the order's open part may cost."""
        assert order.price is not None
        ledger = self._truth.ledgers[order.account_id]
        listing = self._books[order.instrument_id].listing
        asset, amount = self._margin.for_limit(ledger, listing, order.side, order.leaves, order.price)
        ledger.reserve(order, asset, amount)

    @property
    def next_expiry_ns(self) -> int | None:
        """When the next open order expires."""
        return self._expiries.peekitem(0)[0][0] if self._expiries else None

    def expire(self) -> None:
        """End every order whose time has come."""
        while self._expiries and self._expiries.peekitem(0)[0][0] <= self.now_ns:
            order = self._expiries.peekitem(0)[1]
            is_day = order.time_in_force is TimeInForce.DAY
            code = EndCode.DAY_OVER if is_day else EndCode.GTD_REACHED
            self.end(order, VenueOrderStatus.EXPIRED, code, "its time is over")

    def relieve(self) -> None:
        """Cancel reduce-only orders that can't reduce any more, after positions fell."""
        while self._strained:
            ledger, instrument_id = self._strained.pop()
            for order in list(ledger.reducing.get(instrument_id, {}).values()):
                if not ledger.closable(instrument_id, order.side):
                    self.end(order, VenueOrderStatus.CANCELED, EndCode.REDUCE_ONLY, "there is nothing left to reduce")

    def _rest(self, book: InstrumentBook, order: PaperOrder) -> None:
        assert order.price is not None
        assert order.venue_order_id is not None
        ledger = self._truth.ledgers[order.account_id]
        resting, queued_behind = book.queue_of(order.side)
        order.ahead = queued_behind.ahead_at(order.price)
        resting.add(order)
        book.change(self.now_ns)
        ledger.open_orders[order.venue_order_id] = order
        self.hold(order)
        if order.expire_at_ns is not None:
            self._expiries[order.expire_at_ns, order.sequence] = order
        if order.reduce_only:
            ledger.reducing.setdefault(order.instrument_id, {})[order.sequence] = order
            # Its own first part may have closed all there was.
            self._strained.append((ledger, order.instrument_id))

    def _fill(
        self,
        order: PaperOrder,
        book: InstrumentBook,
        quantity: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        trade_id: str,
    ) -> None:
        assert quantity > 0, "a fill of nothing"
        report = self._truth.record_fill(
            order,
            book.listing,
            quantity=quantity,
            price=price,
            liquidity=liquidity,
            trade_id=trade_id,
            at_ns=self.now_ns,
        )
        self.outbox.append(report)
        ledger = self._truth.ledgers[order.account_id]
        if order.filled_quantity == order.quantity:
            self.end(order, VenueOrderStatus.FILLED, None, None)
        else:
            assert order.filled_quantity < order.quantity, "filled more than was asked for"
            if order.venue_order_id in ledger.open_orders:
                self.hold(order)
            if self._reports_status:
                self.outbox.append(order.report())
        if ledger.reducing and order.instrument_id in ledger.reducing:
            self._strained.append((ledger, order.instrument_id))
