"""One venue of the node as an adapter: orders to the child, what it tells as reports, questions as snapshots."""

import time
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import structlog

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.money import plain
from liveexec.domain.outcome import (
    Absent,
    BalanceReport,
    FillReport,
    NotKnown,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    Rejected,
    SendOutcome,
    SendPlan,
    Snapshot,
    VenueReport,
)
from liveexec.domain.venue import AdapterManifest
from liveexec.errors import AdapterError, InvalidInput
from liveexec.plugins.adapter import ExternalAdapter, Replaces, StreamsMarket, VenueOrder
from liveexec_nautilus.live.account_side import AccountSide
from liveexec_nautilus.live.asking import Asking
from liveexec_nautilus.live.listings import VenueListings
from liveexec_nautilus.live.manifest import REMEMBERED_NS, made_at_ns
from liveexec_nautilus.live.mapping import balance_report, submit_message
from liveexec_nautilus.live.market_side import MarketSide
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.protocol import (
    Answer,
    BookTold,
    Cancel,
    FillTold,
    FromChild,
    Modify,
    OrderState,
    OrderTold,
    QuoteTold,
    SocketTold,
    TradeTold,
    Watch,
)
from liveexec_nautilus.live.requests import Requests
from liveexec_nautilus.live.settings import VenueSettings
from liveexec_nautilus.live.streams import ReportStream

__all__ = ["NautilusAdapter"]

_log = structlog.get_logger(__name__)


class NautilusAdapter(ExternalAdapter, StreamsMarket, Replaces):
    """A venue's side of the node. Its session is the child's life: what the child missed is a gap.

    What comes from the node goes to :class:`AccountSide` (orders, fills, connections) or :class:`MarketSide` (quotes,
    books, trades); what is asked of the venue goes by :class:`Asking`, what is sent to it by :class:`Requests`.
    """

    def __init__(self, node: LiveTradingNode, settings: VenueSettings, manifest: AdapterManifest) -> None:
        self.manifest = manifest
        self.accounts = (settings.account_id,)
        self.client = settings.venue.value
        self._node, self._settings, self._account_id = node, settings, settings.account_id
        self._listings = VenueListings(settings)
        self._asking = Asking(node, self.client, manifest.venue, settings.question_timeout_s)
        self._requests = Requests(node, settings.venue, settings.request_timeout_s, self._tell)
        self._account = AccountSide(settings, self._listings, self._asking, self._requests.heard)
        self._market = MarketSide(self._listings, self._asking)
        self._has_had_session = False

    # -- life ----------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        if self._account.reports is not None:
            return
        self._account.begin()
        if self._has_had_session:
            self._account.gap("the session was lost")
        try:
            await self._node.attach(self)
            self._listings.learn((await self._asking.ask("instruments")).facts)
            # The node counts as connected whatever the venue says of the keys; this is asked with them.
            await self._asking.ask("balances")
        except BaseException:
            await self.disconnect()
            raise
        if self._account.reports is None:
            raise AdapterError("the session was lost while it was opened")
        self._has_had_session = True

    async def disconnect(self) -> None:
        self._end(None)
        await self._node.detach(self)

    def owns(self, instrument: str) -> bool:
        return self._listings.owns(instrument)

    def node_lost(self, reason: str) -> None:
        self._end(AdapterError(reason))

    async def listings(self) -> Sequence[Listing]:
        self._live()
        return self._listings.all

    # -- requests ------------------------------------------------------------------------------------------------

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        self._live()
        symbol = self._listings.found(order.instrument_id)
        if symbol is None:
            return Rejected("NOT_LISTED", f"the node has no {order.instrument_id}, so nothing was sent")
        ref = self._node.next_ref()
        try:
            message = submit_message(ref, self.client, symbol, order, plan)
        except InvalidInput as error:
            return Rejected("NOT_EXPRESSIBLE", str(error))
        self._account.begun(plan.client_order_id)
        return await self._requests.send(message, ref, plan.client_order_id)

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        self._live()
        number, symbol = self._node.next_ref(), self._listings.symbol_of(ref.instrument_id)
        message = Cancel(number, self.client, symbol, ref.client_order_id, ref.venue_order_id)
        return await self._requests.send(message, number, ref.client_order_id, ref.venue_order_id)

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:  # noqa: ARG002  (the venues take the total)
        self._live()
        number = self._node.next_ref()
        message = Modify(
            number,
            self.client,
            self._listings.symbol_of(ref.instrument_id),
            ref.client_order_id,
            ref.venue_order_id,
            plain(order.quantity),
            plain(order.price) if order.price is not None else None,
            plain(order.trigger_price) if order.trigger_price is not None else None,
        )
        return await self._requests.send(message, number, ref.client_order_id, ref.venue_order_id)

    # -- questions -----------------------------------------------------------------------------------------------

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        symbol = self._listings.symbol_of(ref.instrument_id)
        answer = await self._asking.ask("order", symbol, ref.client_order_id, ref.venue_order_id)
        if answer.orders:
            return self._listings.order_report(answer.orders[0])
        asked_ns = time.time_ns()
        made_ns = made_at_ns(ref.client_order_id)
        if answer.is_absent and made_ns is not None and asked_ns - made_ns < REMEMBERED_NS[self._settings.venue]:
            return Absent(answer.as_of_ns if answer.as_of_ns is not None else asked_ns)
        return NotKnown("the venue lists no such order, and does not keep all of them for ever")

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        requested_ns, answer = await self._asked_for(account_id, "open_orders")
        found = tuple(self._listings.order_report(each) for each in answer.orders if each.instrument in self._listings)
        return Snapshot(found, requested_ns, time.time_ns(), answer.is_complete, answer.as_of_ns)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        requested_ns, answer = await self._asked_for(account_id, "fills", since_ns)
        found = [self._listings.fill_report(each) for each in answer.fills if each.instrument in self._listings]
        found.sort(key=lambda report: report.fill.venue_time_ns)
        return Snapshot(tuple(found), requested_ns, time.time_ns(), answer.is_complete, answer.as_of_ns)

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        requested_ns, answer = await self._asked_for(account_id, "positions")
        told = (each for each in answer.positions if each.instrument in self._listings)
        found = tuple(report for each in told if (report := self._listings.position_report(each)).quantity)
        return Snapshot(found, requested_ns, time.time_ns(), answer.is_complete, answer.as_of_ns)

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        requested_ns, answer = await self._asked_for(account_id, "balances")
        found = tuple(balance_report(each, self._account_id) for each in answer.balances)
        return Snapshot(found, requested_ns, time.time_ns(), answer.is_complete, answer.as_of_ns)

    # -- streams -------------------------------------------------------------------------------------------------

    def reports(self) -> AsyncIterator[VenueReport]:
        return self._live()

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        self._live()
        symbols = tuple(self._listings.symbol_of(each) for each in instruments)
        stream = self._market.stream()
        self._node.send(Watch(self.client, symbols, self._settings.book_depth))
        return stream

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        self._live()
        return await self._market.recent(instrument_id)

    def heard(self, message: FromChild) -> None:
        """The node tells. What can't be read is a gap: it may have been a fill."""
        try:
            match message:
                case FillTold() | OrderTold() | SocketTold():
                    self._account.heard(message)
                case QuoteTold() | BookTold() | TradeTold():
                    self._market.heard(message)
        except InvalidInput as error:
            _log.error("node_message_unreadable", venue=self.manifest.venue, error=str(error))
            self._account.gap(f"a message of the node can't be read: {error}")

    # -- inside --------------------------------------------------------------------------------------------------

    def _tell(self, state: OrderState) -> None:
        self._account.tell(state)

    async def _asked_for(self, account_id: AccountId, what: str, since_ns: int = 0) -> tuple[int, Answer]:
        if account_id != self._account_id:
            raise AdapterError(f"{account_id} is not the account of this session")
        self._live()
        requested_ns = time.time_ns()
        return requested_ns, await self._asking.ask(what, since_ns=since_ns)

    def _end(self, error: AdapterError | None) -> None:
        self._market.end(error or AdapterError("the session was closed"))
        self._account.end(error)

    def _live(self) -> ReportStream:
        reports = self._account.reports
        if reports is None:
            raise AdapterError(f"there is no session with {self.manifest.venue}")
        return reports
