"""Deribit as an adapter: one account's orders, questions, reports and market data."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, Final

import msgspec
import structlog

from liveexec.domain.ids import AccountId, InstrumentId, VenueOrderId
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import (
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
    SettlementReport,
    Snapshot,
    Unknown,
    VenueReport,
)
from liveexec.errors import AdapterError, InvalidInput
from liveexec.plugins.adapter import (
    CancelsAll,
    ExternalAdapter,
    Replaces,
    Settles,
    StreamsMarket,
    TellsTime,
    VenueOrder,
)
from liveexec_deribit import wire
from liveexec_deribit.config import DeribitAccount, DeribitSection
from liveexec_deribit.error_table import judged
from liveexec_deribit.history import FillHistory, OrderHistory
from liveexec_deribit.holdings import balance_report, position_report
from liveexec_deribit.http import HttpClient
from liveexec_deribit.listings import listings_of
from liveexec_deribit.lookup import OrderLookup, find_replacement
from liveexec_deribit.manifest import manifest_of
from liveexec_deribit.market import summed_trades
from liveexec_deribit.market_feed import MarketFeed
from liveexec_deribit.names import Combo, symbol_of
from liveexec_deribit.orders import OrderTerms, edit_params, order_report, read_order, submit_request
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import Frame, MalformedMessage, decoded, to_ns
from liveexec_deribit.session import Session
from liveexec_deribit.settlements import DeliveryHistory

__all__ = ["DeribitAdapter"]

_log = structlog.get_logger(__name__)

_NS_PER_MS: Final = 1_000_000
#: The list of instruments may be asked for once in ten seconds (public/get_instruments); a session that is lost and
#: comes back sooner is given the last one. Seconds.
_LISTINGS_KEPT_S: Final = 60.0
#: Trades that a volume profile is made of; the most that one answer holds.
_RECENT_TRADES: Final = 1_000
#: Measurements of the venue's clock that count: the one whose answer came fastest tells most.
_CLOCK_SAMPLES: Final = 4
_UNANSWERED: Final = Unknown("the venue did not answer in time")


class DeribitAdapter(ExternalAdapter, StreamsMarket, Replaces, Settles, CancelsAll, TellsTime):
    """A session for one of the accounts of a configuration section."""

    def __init__(self, section: DeribitSection, account: DeribitAccount) -> None:
        self.manifest = manifest_of(section)
        self.accounts = (AccountId(account.account_id),)
        self._account_id = self.accounts[0]
        self._section, self._account = section, account
        self._venue = section.venue_name
        self._terms = OrderTerms(section.trigger, section.reject_post_only)
        self._pace = Pace(float(section.queries_per_second), section.query_burst)
        self._log_pace = Pace(float(section.log_queries_per_second), section.log_query_burst)
        self._timeout_s = float(section.request_timeout_s)
        self._http: HttpClient | None = None
        self._session: Session | None = None
        self._feeds: list[MarketFeed] = []
        self._has_had_session = False
        self._listed: tuple[float, tuple[Listing, ...]] | None = None
        #: By how much the venue's clock is ahead of ours at least, as it was measured lately.
        self._ahead_ns: deque[int] = deque(maxlen=_CLOCK_SAMPLES)

    async def connect(self) -> None:
        if self._session is not None and not self._session.is_over:
            return
        await self.disconnect()
        gap = "the connection was lost" if self._has_had_session else None
        self._ahead_ns.clear()
        self._session = await Session.open(
            self._section,
            self._account,
            self._lost,
            gap=gap,
            pace=self._pace,
            log_pace=self._log_pace,
            venue_now_ns=self._venue_now_ns,
        )
        self._has_had_session = True

    async def disconnect(self) -> None:
        session, self._session = self._session, None
        feeds, self._feeds = self._feeds, []
        http, self._http = self._http, None
        # The last one first, and each of them whatever becomes of the others.
        async with AsyncExitStack() as stack:
            if http is not None:
                stack.push_async_callback(http.close)
            if session is not None:
                stack.push_async_callback(session.close)
            for feed in feeds:
                stack.push_async_callback(feed.close)

    async def listings(self) -> Sequence[Listing]:
        now_s = time.monotonic()
        if self._listed is not None and now_s - self._listed[0] < _LISTINGS_KEPT_S:
            return self._listed[1]
        told = await self._archive().public("public/get_instruments", {"currency": "any"}, list[msgspec.Raw])
        listed = listings_of(told, self._venue, self._section.currencies, self._section.kinds)
        for name, reason in listed.refused.items():
            _log.warning("deribit_instrument_refused", venue=self._venue, instrument=name, reason=reason)
        self._listed = now_s, listed.listings
        return listed.listings

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        session = self._live()
        try:
            method, params = submit_request(
                order, plan.client_order_id, self._deadline_ms(plan.valid_until_ns), self._terms
            )
        except InvalidInput as error:
            # Nothing has left, and nothing can.
            return Rejected("NOT_EXPRESSIBLE", str(error))
        return _placed(await self._sent(session, method, params))

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:  # noqa: ARG002  (the venue takes the total)
        session = self._live()
        if ref.venue_order_id is None:
            return Rejected("NO_ORDER_ID", "the venue has not named the order yet, and changes orders by its own id")
        deadline_ms = self._deadline_ms(plan.valid_until_ns)
        try:
            params = edit_params(order, ref.venue_order_id, deadline_ms, self._terms)
        except InvalidInput as error:
            return Rejected("NOT_EXPRESSIBLE", str(error))
        frame = await self._sent(session, "private/edit", params)
        if frame is not None and (became := await find_replacement(session.connection, ref, frame)) is not None:
            params = edit_params(order, became, deadline_ms, self._terms)
            frame = await self._sent(session, "private/edit", params)
        return _placed(frame)

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        session = self._live()
        if ref.venue_order_id is None:
            return await self._cancel_by_label(ref)
        frame = await self._sent(session, "private/cancel", {"order_id": ref.venue_order_id})
        if frame is None:
            return _UNANSWERED
        if frame.error is None:
            return Accepted(ref.venue_order_id)
        if await find_replacement(session.connection, ref, frame) is not None:
            return await self._cancel_by_label(ref)
        return judged(frame.error, timed=False)

    async def cancel_all(self, account_id: AccountId) -> SendOutcome:
        self._check(account_id)
        frame = await self._sent(self._live(), "private/cancel_all", {})
        if frame is None:
            return _UNANSWERED
        return judged(frame.error, timed=False) if frame.error is not None else Accepted()

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        self._check(ref.account_id)
        lookup = OrderLookup(
            self._account_id,
            self._venue,
            self._section.asked_currencies,
            self._ask,
            OrderHistory(self._archive().private, page=self._section.page_size),
        )
        return await lookup.find(ref)

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        requested_ns, frame = await self._asked(account_id, "private/get_open_orders", {})
        found: list[OrderReport] = []
        is_complete = True
        for raw in decoded(list[msgspec.Raw], frame.result, "open orders"):
            try:
                found.append(order_report(read_order(raw), self._account_id, self._venue))
            except Combo as error:
                _log.info("deribit_combo_order", account=account_id, error=str(error))
            except MalformedMessage as error:
                _log.error("deribit_order_unreadable", account=account_id, error=str(error))
                is_complete = False
        return Snapshot(tuple(found), requested_ns, time.time_ns(), is_complete, frame.as_of_ns)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        self._check(account_id)
        history = FillHistory(
            self._account_id,
            self._venue,
            self._section.asked_currencies,
            self._ask,
            self._archive().private,
            page=self._section.page_size,
        )
        return await history.since(since_ns)

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        requested_ns, frame = await self._asked(account_id, "private/get_positions", {"currency": "any"})
        found: list[PositionReport] = []
        as_of_ns = frame.as_of_ns if frame.as_of_ns is not None else requested_ns
        for each in decoded(list[wire.Position], frame.result, "positions"):
            try:
                report = position_report(each, self._account_id, self._venue, as_of_ns)
            except Combo as error:
                _log.info("deribit_combo_position", account=account_id, error=str(error))
                continue
            if report.quantity:
                found.append(report)
        return Snapshot(tuple(found), requested_ns, time.time_ns(), as_of_ns=frame.as_of_ns)

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        requested_ns, frame = await self._asked(account_id, "private/get_account_summaries", {})
        as_of_ns = frame.as_of_ns if frame.as_of_ns is not None else requested_ns
        told = decoded(wire.AccountSummaries, frame.result, "account summaries")
        found = tuple(balance_report(each, self._account_id, as_of_ns) for each in told.summaries)
        return Snapshot(found, requested_ns, time.time_ns(), as_of_ns=frame.as_of_ns)

    async def settlements(self, account_id: AccountId, since_ns: int) -> Snapshot[SettlementReport]:
        """What has expired; what else moved the account's assets since then is told with the reports."""
        self._check(account_id)
        session = self._live()
        for currency in self._section.asked_currencies:
            read = await session.log.since(currency, since_ns // _NS_PER_MS)
            if not read.is_complete:
                raise AdapterError(f"{account_id}: the transaction log of {currency} is longer than is read at once")
            session.tell(read.reports)
        page = self._section.page_size
        currencies = self._section.asked_currencies
        return await DeliveryHistory(account_id, self._venue, currencies, session.ask, page=page).since(since_ns)

    async def venue_time_ns(self) -> int:
        frame = await self._live().connection.ask("public/get_time", {})
        answered_ns = time.time_ns()
        told_ns = to_ns(decoded(int, frame.result, "the venue's time"), "the venue's time")
        if frame.us_out is not None and abs(frame.us_out * 1_000 - told_ns) < 1_000 * _NS_PER_MS:
            # When the answer left, to the microsecond.
            told_ns = max(told_ns, frame.us_out * 1_000)
        # It was this time there when the answer left, and that was before it came here: so far ahead it is at least.
        self._ahead_ns.append(told_ns - answered_ns)
        return told_ns

    def reports(self) -> AsyncIterator[VenueReport]:
        return self._live().reports

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        self._live()
        feed = MarketFeed(self._section, instruments, self._pace)
        self._feeds.append(feed)
        return feed

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        asked = {"instrument_name": symbol_of(instrument_id), "count": _RECENT_TRADES, "sorting": "desc"}
        page = await self._archive().public("public/get_last_trades_by_instrument", asked, wire.TradePage)
        trades = [decoded(wire.PublicTrade, raw, "a trade") for raw in page.trades]
        return tuple(summed_trades(trades, instrument_id))

    async def _cancel_by_label(self, ref: OrderRef) -> SendOutcome:
        """Cancel by the label, which only this order has: the venue has not told its id, or has given it another."""
        if ref.client_order_id is None:
            return Rejected("NO_NAME", "the order has neither an id nor a label to cancel it by")
        frame = await self._sent(self._live(), "private/cancel_by_label", {"label": ref.client_order_id})
        if frame is None:
            return _UNANSWERED
        if frame.error is not None:
            return judged(frame.error, timed=False)
        try:
            count = decoded(int, frame.result, "the answer to private/cancel_by_label")
        except MalformedMessage as error:
            return Unknown(str(error))
        return Accepted(ref.venue_order_id) if count else Rejected("not_open_order", "no open order has its label")

    async def _sent(self, session: Session, method: str, params: Mapping[str, Any]) -> Frame | None:
        """Send a request that changes something; ``None`` if no answer came in time. A later one is reported."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await session.connection.send(method, params)
        except TimeoutError:
            return None

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Frame:
        """Ask one of the questions that one of the runtime's comes to, as soon as credits allow."""
        return await self._live().ask(method, params)

    async def _asked(self, account_id: AccountId, method: str, params: Mapping[str, Any]) -> tuple[int, Frame]:
        self._check(account_id)
        requested_ns = time.time_ns()
        return requested_ns, await self._live().connection.ask(method, params)

    def _deadline_ms(self, valid_until_ns: int) -> int:
        """The deadline as the venue's clock will show it, in whole milliseconds, and never later than ours is.

        What its clock is ahead by at least is known (where that is below zero, it is behind), so what is added is
        never too much.
        """
        return (valid_until_ns + max(self._ahead_ns, default=0)) // _NS_PER_MS

    def _venue_now_ns(self) -> int:
        """What the venue's clock shows now, as far as that is known."""
        return time.time_ns() + max(self._ahead_ns, default=0)

    def _live(self) -> Session:
        if self._session is None or self._session.is_over:
            raise AdapterError(f"there is no session with {self._venue}")
        return self._session

    def _archive(self) -> HttpClient:
        self._live()
        if self._http is None:
            self._http = HttpClient(self._section, self._account, self._pace)
        return self._http

    def _check(self, account_id: AccountId) -> None:
        if account_id != self._account_id:
            raise AdapterError(f"{account_id} is not the account of this session")

    def _lost(self, error: AdapterError) -> None:
        for feed in self._feeds:
            feed.end(error)


def _placed(frame: Frame | None) -> SendOutcome:
    """What the answer to a buy, sell or edit says. All of them carry ``valid_until``."""
    if frame is None:
        return _UNANSWERED
    if frame.error is not None:
        return judged(frame.error, timed=True)
    try:
        order = read_order(decoded(wire.OrderAnswer, frame.result, "the answer").order)
    except MalformedMessage as error:
        # Taken, perhaps: what the venue has is looked up.
        return Unknown(str(error))
    if order.order_state == "rejected":
        return Rejected(order.reject_reason or "rejected", order.reject_reason or "the venue rejected the order")
    return Accepted(VenueOrderId(order.order_id))
