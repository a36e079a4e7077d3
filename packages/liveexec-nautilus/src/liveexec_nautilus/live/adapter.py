"""One venue of the node as an adapter: orders to the child, what it tells as reports, questions as snapshots."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import structlog
from attrs import frozen

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.money import ZERO, plain
from liveexec.domain.outcome import (
    Absent,
    BalanceReport,
    FillReport,
    Gap,
    NotKnown,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    Rejected,
    SendOutcome,
    SendPlan,
    Snapshot,
    Unknown,
    VenueReport,
)
from liveexec.domain.venue import AdapterManifest
from liveexec.errors import AdapterError, InvalidInput
from liveexec.plugins.adapter import ExternalAdapter, Replaces, StreamsMarket, VenueOrder
from liveexec_nautilus.instruments import InstrumentFacts, NodeVenue, listing_of
from liveexec_nautilus.live.manifest import REMEMBERED_NS, made_at_ns
from liveexec_nautilus.live.mapping import (
    balance_report,
    book_of,
    fill_report,
    order_report,
    position_report,
    quote_book,
    submit_message,
    trade_bars,
)
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.protocol import (
    Answer,
    Ask,
    BookTold,
    Cancel,
    FillTold,
    FromChild,
    Modify,
    OrderState,
    OrderTold,
    QuoteTold,
    SocketTold,
    ToChild,
    TradeTold,
    Watch,
)
from liveexec_nautilus.live.requests import Requests, refusal
from liveexec_nautilus.live.streams import MarketStream, ReportStream

__all__ = ["NautilusAdapter", "VenueSettings"]

_log = structlog.get_logger(__name__)

_CAPACITY: Final = 100_000
#: Ends that the node may have concluded itself.
_ENDS: Final = frozenset({"OrderCanceled", "OrderExpired", "OrderRejected"})
#: Venues that tell what an order has paid in all: of a fill whose order had others that the node did not hear of, the
#: node tells too large a fee.
_RUNNING_FEES: Final = frozenset({NodeVenue.OKX})
#: A connection that is not back after so long is announced as lost, seconds.
_AWAY_S: Final = 5.0
#: Orders that are remembered as heard of from their beginning.
_MOST_WHOLE: Final = 10_000
#: Connections that tell nothing of the account, by a word in their names.
_MARKET_SOCKETS: Final = ("market", "public", "data-streams")
#: Events of an order that are no news about its state at the venue.
_NO_STATE: Final = frozenset({"OrderCancelRejected", "OrderModifyRejected"})


@frozen
class VenueSettings:
    """What the configuration says of one venue. ``account_id`` is liveexec's; fees are rates of the traded value."""

    venue: NodeVenue
    account_id: AccountId
    request_timeout_s: float = 5.0
    question_timeout_s: float = 20.0
    book_depth: int = 0
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO


class NautilusAdapter(ExternalAdapter, StreamsMarket, Replaces):
    """A venue's side of the node. Its session is the child's life: what the child missed is a gap."""

    def __init__(self, node: LiveTradingNode, settings: VenueSettings, manifest: AdapterManifest) -> None:
        self.manifest = manifest
        self.accounts = (settings.account_id,)
        self.client = settings.venue.value
        self._node, self._settings, self._account_id = node, settings, settings.account_id
        self._listings: dict[str, Listing] = {}
        self._symbols: dict[InstrumentId, str] = {}
        self._reports: ReportStream | None = None
        self._markets: list[MarketStream] = []
        self._requests = Requests(node, settings.venue, settings.request_timeout_s, self._tell)
        #: Connections of the account that are lost, and what announces it.
        self._lost_sockets: dict[str, asyncio.TimerHandle] = {}
        self._looking: set[asyncio.Task[None]] = set()
        #: Orders of this session of which nothing was missed, oldest first.
        self._whole: dict[str, None] = {}
        self._has_had_session = False

    # -- life ----------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        if self._reports is not None and not self._reports.is_over:
            return
        self._reports = ReportStream(_CAPACITY)
        self._whole.clear()
        if self._has_had_session:
            self._reports.push(Gap(self._account_id, "the session was lost"))
        try:
            await self._node.attach(self)
            self._list((await self._ask("instruments")).facts)
            # The node counts as connected whatever the venue says of the keys; this is asked with them.
            await self._ask("balances")
        except BaseException:
            await self.disconnect()
            raise
        if self._reports is None or self._reports.is_over:
            raise AdapterError("the session was lost while it was opened")
        self._has_had_session = True

    async def disconnect(self) -> None:
        self._end(None)
        await self._node.detach(self)

    def owns(self, instrument: str) -> bool:
        symbol, _, venue = instrument.rpartition(".")
        if venue != self._settings.venue.nautilus:
            return False
        is_future = symbol.endswith("-PERP") or "_" in symbol
        match self._settings.venue:
            case NodeVenue.BINANCE_SPOT:
                return not is_future
            case NodeVenue.BINANCE_FUTURES:
                return is_future
        return True

    def node_lost(self, reason: str) -> None:
        self._end(AdapterError(reason))

    async def listings(self) -> Sequence[Listing]:
        self._live()
        return tuple(self._listings.values())

    # -- requests ------------------------------------------------------------------------------------------------

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        self._live()
        symbol = self._symbols.get(order.instrument_id)
        if symbol is None:
            return Rejected("NOT_LISTED", f"the node has no {order.instrument_id}, so nothing was sent")
        ref = self._node.next_ref()
        try:
            message = submit_message(ref, self.client, symbol, order, plan)
        except InvalidInput as error:
            return Rejected("NOT_EXPRESSIBLE", str(error))
        self._whole[plan.client_order_id] = None
        if len(self._whole) > _MOST_WHOLE:
            del self._whole[next(iter(self._whole))]
        return await self._requests.send(message, ref, plan.client_order_id)

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        self._live()
        number = self._node.next_ref()
        message = Cancel(
            number, self.client, self._symbol_of(ref.instrument_id), ref.client_order_id, ref.venue_order_id
        )
        return await self._requests.send(message, number, ref.client_order_id, ref.venue_order_id)

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:  # noqa: ARG002  (the venues take the total)
        self._live()
        number = self._node.next_ref()
        message = Modify(
            number,
            self.client,
            self._symbol_of(ref.instrument_id),
            ref.client_order_id,
            ref.venue_order_id,
            plain(order.quantity),
            plain(order.price) if order.price is not None else None,
            plain(order.trigger_price) if order.trigger_price is not None else None,
        )
        return await self._requests.send(message, number, ref.client_order_id, ref.venue_order_id)

    # -- questions -----------------------------------------------------------------------------------------------

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        answer = await self._ask("order", self._symbol_of(ref.instrument_id), ref.client_order_id, ref.venue_order_id)
        if answer.orders:
            return self._order_report(answer.orders[0])
        asked_ns = time.time_ns()
        made_ns = made_at_ns(ref.client_order_id)
        if answer.is_absent and made_ns is not None and asked_ns - made_ns < REMEMBERED_NS[self._settings.venue]:
            return Absent(answer.as_of_ns if answer.as_of_ns is not None else asked_ns)
        return NotKnown("the venue lists no such order, and does not keep all of them for ever")

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        requested_ns, answer = await self._asked_for(account_id, "open_orders")
        found = tuple(self._order_report(each) for each in answer.orders if self._is_listed(each.instrument))
        return Snapshot(found, requested_ns, time.time_ns(), answer.is_complete, answer.as_of_ns)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        requested_ns, answer = await self._asked_for(account_id, "fills", since_ns)
        found = [self._fill_report(each) for each in answer.fills if self._is_listed(each.instrument)]
        found.sort(key=lambda report: report.fill.venue_time_ns)
        return Snapshot(tuple(found), requested_ns, time.time_ns(), answer.is_complete, answer.as_of_ns)

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        requested_ns, answer = await self._asked_for(account_id, "positions")
        reports = (
            position_report(each, self._account_id, self._listings[each.instrument].instrument_id)
            for each in answer.positions
            if self._is_listed(each.instrument)
        )
        found = tuple(each for each in reports if each.quantity)
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
        stream = MarketStream()
        self._markets.append(stream)
        symbols = tuple(self._symbol_of(each) for each in instruments)
        self._node.send(Watch(self.client, symbols, self._settings.book_depth))
        return stream

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        """None: the node's clients stream trades, and a profile of the past is not among what it keeps."""
        self._symbol_of(instrument_id)
        return ()

    def heard(self, message: FromChild) -> None:
        """The node tells. What can't be read is a gap: it may have been a fill."""
        try:
            self._hear(message)
        except InvalidInput as error:
            _log.error("node_message_unreadable", venue=self.manifest.venue, error=str(error))
            self._gap(f"a message of the node can't be read: {error}")

    # -- inside --------------------------------------------------------------------------------------------------

    def _hear(self, message: FromChild) -> None:
        match message:
            case FillTold():
                self._hear_fill(message)
            case OrderTold():
                self._hear_order(message)
            case QuoteTold() | BookTold() | TradeTold():
                self._hear_market(message)
            case SocketTold():
                self._hear_socket(message)

    def _hear_fill(self, told: FillTold) -> None:
        if not self._is_listed(told.instrument):
            self._gap(f"a fill of {told.instrument}, which is not listed")
            return
        if told.is_reconciled and told.fee is None:
            # The node inferred it of an order's report: its trade id is made up. The venue is asked for the real one.
            self._gap(f"the node found a fill of {told.client_order_id} that it had missed")
            return
        if self._settings.venue in _RUNNING_FEES and told.client_order_id not in self._whole:
            self._start(self._fill_looked_up(told))
        else:
            self._push(self._fill_report(told))
        self._requests.heard(told)

    def _hear_order(self, told: OrderTold) -> None:
        state = told.state
        if not self._is_listed(state.instrument):
            return
        self._requests.heard(told)
        if told.event in _NO_STATE:
            return
        if told.event == "OrderFillVoided":
            self._gap(f"a part of a fill of {state.client_order_id} was taken back")
            return
        if told.is_reconciled and told.event in _ENDS:
            # It may have concluded it from something that was missing: what the venue says of the order is told.
            self._look_up(state)
            return
        if told.event in ("OrderRejected", "OrderDenied"):
            outcome = refusal(told, self._settings.venue)
            if isinstance(outcome, Unknown):
                # No word of the venue's: what became of the order is asked, here where it was taken before.
                if state.venue_order_id is not None:
                    self._look_up(state)
                return
            report = self._order_report(state)
            report.code, report.message = outcome.code, outcome.message
            self._push(report)
            return
        self._push(self._order_report(state))

    def _look_up(self, state: OrderState) -> None:
        """Have the venue say what became of an order, and tell that."""
        self._start(self._looked_up(state))

    def _start(self, looking: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(looking)
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _fill_looked_up(self, told: FillTold) -> None:
        """Tell a fill as the venue lists it, and the others of its order since."""
        reason = "the venue does not list it yet"
        try:
            answer = await self._ask("fills", since_ns=told.at_ns)
            found = [each for each in answer.fills if each.venue_order_id == told.venue_order_id]
            for each in found:
                self._push(self._fill_report(each))
            if any(each.trade_id == told.trade_id for each in found):
                return
        except (AdapterError, InvalidInput) as error:
            reason = str(error)
        self._gap(f"a fill of {told.client_order_id} with a fee that is not its own: {reason}")

    async def _looked_up(self, state: OrderState) -> None:
        reason = "the venue shows no such order"
        try:
            answer = await self._ask("order", state.instrument, state.client_order_id, state.venue_order_id)
            for each in answer.orders:
                self._push(self._order_report(each))
                return
        except (AdapterError, InvalidInput) as error:
            reason = str(error)
        self._gap(f"the end of {state.client_order_id}, which the node concluded, is not proved: {reason}")

    def _hear_socket(self, told: SocketTold) -> None:
        """A connection of the client was lost or is back: of the account's, what it would have told was missed.

        The gap is announced when it is back, since what was missed can be asked for then; or when it stays away.
        """
        _log.info("node_socket", venue=self.manifest.venue, endpoint=told.endpoint, connected=told.is_connected)
        endpoint = told.endpoint
        if any(word in endpoint for word in _MARKET_SOCKETS):
            return
        if not told.is_connected:
            self._whole.clear()
            loop = asyncio.get_running_loop()
            stays_away = partial(self._gap, f"the node's connection {endpoint} was lost")
            self._lost_sockets.setdefault(endpoint, loop.call_later(_AWAY_S, stays_away))
        elif (waiting := self._lost_sockets.pop(endpoint, None)) is not None:
            waiting.cancel()
            self._gap(f"the node's connection {endpoint} is back")

    def _hear_market(self, told: QuoteTold | BookTold | TradeTold) -> None:
        if not self._markets or not self._is_listed(told.instrument):
            return
        instrument_id = self._listings[told.instrument].instrument_id
        for stream in self._markets:
            match told:
                case QuoteTold():
                    stream.book(quote_book(told, instrument_id, time.time_ns()))
                case BookTold():
                    stream.book(book_of(told, instrument_id, time.time_ns()))
                case TradeTold():
                    for bar in trade_bars([told], instrument_id):
                        stream.bar(bar)

    async def _ask(
        self,
        what: str,
        instrument: str | None = None,
        client_order_id: str | None = None,
        venue_order_id: str | None = None,
        since_ns: int = 0,
    ) -> Answer:
        ref = self._node.next_ref()
        future: asyncio.Future[FromChild] = asyncio.get_running_loop().create_future()
        message: ToChild = Ask(ref, self.client, what, instrument, client_order_id, venue_order_id, since_ns)
        if not self._node.send(message, ref, future):
            raise AdapterError("the node's process is gone")
        try:
            async with asyncio.timeout(self._settings.question_timeout_s):
                said = await future
        except TimeoutError:
            raise AdapterError(f"{self.manifest.venue} was asked for its {what}, and did not answer in time") from None
        finally:
            self._node.forget(ref)
        if not isinstance(said, Answer) or said.error is not None:
            reason = said.error if isinstance(said, Answer) else "the node did not take the question"
            raise AdapterError(f"{self.manifest.venue} was asked for its {what}: {reason}")
        return said

    async def _asked_for(self, account_id: AccountId, what: str, since_ns: int = 0) -> tuple[int, Answer]:
        if account_id != self._account_id:
            raise AdapterError(f"{account_id} is not the account of this session")
        self._live()
        requested_ns = time.time_ns()
        return requested_ns, await self._ask(what, since_ns=since_ns)

    def _order_report(self, state: OrderState) -> OrderReport:
        return order_report(state, self._account_id, self._listings[state.instrument].instrument_id)

    def _fill_report(self, told: FillTold) -> FillReport:
        listing = self._listings[told.instrument]
        return fill_report(told, self._account_id, listing.instrument_id, listing.terms.settlement_asset)

    def _tell(self, state: OrderState) -> None:
        if self._is_listed(state.instrument):
            self._push(self._order_report(state))

    def _list(self, facts: Sequence[InstrumentFacts]) -> None:
        listings: dict[str, Listing] = {}
        for each in facts:
            if not self.owns(each.id):
                continue
            try:
                listing = listing_of(each, self._settings.venue, self._settings.maker_fee, self._settings.taker_fee)
            except InvalidInput as error:
                _log.info("node_instrument_refused", venue=self.manifest.venue, reason=str(error))
                continue
            listings[each.id] = listing
        self._listings = listings
        self._symbols = {listing.instrument_id: symbol for symbol, listing in listings.items()}

    def _is_listed(self, instrument: str) -> bool:
        return instrument in self._listings

    def _symbol_of(self, instrument_id: InstrumentId) -> str:
        symbol = self._symbols.get(instrument_id)
        if symbol is None:
            raise AdapterError(f"the node has no {instrument_id}")
        return symbol

    def _push(self, report: VenueReport) -> None:
        if self._reports is not None:
            self._reports.push(report)

    def _gap(self, reason: str) -> None:
        self._whole.clear()
        self._push(Gap(self._account_id, reason))

    def _end(self, error: AdapterError | None) -> None:
        reports = self._reports
        markets, self._markets = self._markets, []
        for task in tuple(self._looking):
            task.cancel()
        for waiting in self._lost_sockets.values():
            waiting.cancel()
        self._lost_sockets.clear()
        for stream in markets:
            stream.lose(error or AdapterError("the session was closed"))
        if reports is None:
            return
        if error is not None:
            reports.lose(error)
        else:
            self._reports = None
            reports.close()

    def _live(self) -> ReportStream:
        if self._reports is None or self._reports.is_over:
            raise AdapterError(f"there is no session with {self.manifest.venue}")
        return self._reports
