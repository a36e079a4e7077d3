"""Larkspur as an adapter: liveexec's contract on one side, Larkspur's protocol (PROTOCOL.md) on the other."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from liveexec.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    OrderId,
    VenueOrderId,
    is_order_id,
    order_id_time_ns,
)
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import Operation, OrderType, TimeInForce, VenueClass
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    BalanceReport,
    FillReport,
    Gap,
    NotKnown,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    SendOutcome,
    SendPlan,
    Snapshot,
    Unknown,
    VenueReport,
)
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import (
    AdapterManifest,
    CancelsAll,
    ClientIdRule,
    DedupeScope,
    ExternalAdapter,
    RateLimit,
    StreamsMarket,
    TellsTime,
    VenueOrder,
)
from liveexec_larkspur import wire
from liveexec_larkspur.config import LarkspurAccount, LarkspurSection
from liveexec_larkspur.mapping import VENUE, Mapper, bar_of, listing_of, order_body, symbol_of
from liveexec_larkspur.market import Market
from liveexec_larkspur.outcomes import UNKNOWN_ORDER, NoAnswer, Refused, outcome_of
from liveexec_larkspur.rest import Rest
from liveexec_larkspur.stream import ReportSession

__all__ = ["MANIFEST", "LarkspurAdapter"]

_US: Final = 1_000
_SECOND_NS: Final = 1_000_000_000
#: A snapshot of more pages than this is handed over as far as it goes, and says so.
_MOST_PAGES: Final = 1_000
_CLIENT_IDS: Final = ClientIdRule(prefix="lx", max_length=36)

#: What Larkspur can do (PROTOCOL.md, "Orders" and "Limits").
MANIFEST: Final = AdapterManifest(
    venue=VENUE,
    venue_class=VenueClass.CEFI,
    api_version=(1, 0),
    operations=frozenset({Operation.TRADE}),
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    post_only=True,
    request_expiry=True,
    client_id=_CLIENT_IDS,
    dedupe_scope=DedupeScope.FOREVER,
    query_by_client_id=True,
    spot_positions=False,
    rate_limit=RateLimit(per_second=50, burst=100, cancel_lane=20),
)


class LarkspurAdapter(ExternalAdapter, StreamsMarket, CancelsAll, TellsTime):
    """A session for one account. Requests go over HTTP, reports come over a WebSocket."""

    def __init__(self, section: LarkspurSection, account: LarkspurAccount) -> None:
        self.manifest = MANIFEST
        self._account_id = AccountId(account.account_id)
        self.accounts = (self._account_id,)
        self._section, self._account = section, account
        self._mapper = Mapper(self._account_id)
        self._rest: Rest | None = None
        self._session: ReportSession | None = None
        self._markets: list[Market] = []
        self._has_had_session = False

    # -- life ----------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        if self._session is not None and not self._session.reports.is_over:
            return
        await self.disconnect()
        self._rest = Rest(self._section.http_url, self._account, self._section.answer_timeout_s)
        session = ReportSession(self._section, self._account, lambda: self._rest.offset_ns if self._rest else 0)
        try:
            # The venue's time first: the login is signed with it.
            await self._rest.call("GET", "/v1/time", wire.Time, is_signed=False)
            await session.open()
        except Exception:
            await self.disconnect()
            raise
        if self._has_had_session:
            session.reports.add(Gap(self._account_id, "the session was lost and begun anew"))
        self._session, self._has_had_session = session, True

    async def disconnect(self) -> None:
        session, self._session = self._session, None
        rest, self._rest = self._rest, None
        markets, self._markets = self._markets, []
        for market in markets:
            await market.close(AdapterError("the session was closed"))
        if session is not None:
            await session.close()
        if rest is not None:
            await rest.aclose()

    # -- requests ------------------------------------------------------------------------------------------------

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        rest = self._live()
        try:
            answer = await rest.call(
                "POST", "/v1/orders", wire.OrderAnswer, body=order_body(order, plan, rest.offset_ns)
            )
        except Refused as refused:
            return outcome_of(refused)
        except NoAnswer as silence:
            return Unknown(str(silence))
        # The fills come as reports; that the order was taken is all that the answer has to prove.
        return Accepted(VenueOrderId(answer.order.id))

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        return await self._change("DELETE", _path_of(ref), wire.OrderAnswer)

    async def cancel_all(self, account_id: AccountId) -> SendOutcome:
        self._must_be_ours(account_id)
        return await self._change("DELETE", "/v1/orders", wire.Done)

    async def _change(self, method: str, path: str, kind: type[object]) -> SendOutcome:
        rest = self._live()
        try:
            await rest.call(method, path, kind)
        except Refused as refused:
            return outcome_of(refused)
        except NoAnswer as silence:
            return Unknown(str(silence))
        return Accepted()

    # -- questions -----------------------------------------------------------------------------------------------

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        rest = self._live()
        try:
            answer = await rest.call("GET", _path_of(ref), wire.OrderAnswer)
            return self._mapper.order(answer.order)
        except Refused as refused:
            if refused.code != UNKNOWN_ORDER or not refused.is_proof:
                return NotKnown(str(refused))
            return self._absent(ref, refused, rest.offset_ns)
        except AdapterError as error:
            return NotKnown(str(error))

    def _absent(self, ref: OrderRef, refused: Refused, offset_ns: int) -> OrderReportAnswer:
        """Larkspur forgets orders that have ended, and says up to when. An order that was made after that moment can't
        have been forgotten, so that not to know it proves that there is none."""
        forgotten_until_us = refused.forgotten_until_us
        if forgotten_until_us is not None:
            made_at_ns = _made_at_ns(ref.client_order_id)
            if made_at_ns is None or made_at_ns + offset_ns < forgotten_until_us * _US + _SECOND_NS:
                return NotKnown("the venue has forgotten orders that ended since this one was made")
        return Absent(time.time_ns() + offset_ns)

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        self._must_be_ours(account_id)
        asked_ns = time.time_ns()
        pages, complete = await self._pages("/v1/orders", wire.Orders, {})
        items = [self._mapper.order(each) for page in pages for each in page.orders]
        return _snapshot(items, asked_ns, pages[0].as_of_us, complete=complete)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        self._must_be_ours(account_id)
        asked_ns = time.time_ns()
        # Rounded down: a fill at the very microsecond is among them.
        pages, complete = await self._pages("/v1/fills", wire.Fills, {"since_us": str(max(since_ns, 0) // _US)})
        items = [self._mapper.fill(each) for page in pages for each in page.fills]
        return _snapshot(items, asked_ns, pages[0].as_of_us, complete=complete)

    async def _pages[P: (wire.Orders, wire.Fills)](
        self, path: str, kind: type[P], query: Mapping[str, str]
    ) -> tuple[list[P], bool]:
        """Every page, and whether those were all. What holds of all of them is what held when the first was made."""
        rest = self._live()
        pages = [await rest.call("GET", path, kind, query=query)]
        while (after := pages[-1].next) is not None and len(pages) < _MOST_PAGES:
            pages.append(await rest.call("GET", path, kind, query={**query, "after": after}))
        return pages, after is None

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        """None: Larkspur trades spot pairs, where what is held is a balance."""
        self._must_be_ours(account_id)
        self._live()
        now_ns = time.time_ns()
        return Snapshot((), now_ns, now_ns)

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        self._must_be_ours(account_id)
        rest, asked_ns = self._live(), time.time_ns()
        told = await rest.call("GET", "/v1/balances", wire.Balances)
        items = [self._mapper.balance(each, told.as_of_us) for each in told.balances]
        return _snapshot(items, asked_ns, told.as_of_us)

    async def listings(self) -> Sequence[Listing]:
        told = await self._live().call("GET", "/v1/instruments", wire.Instruments, is_signed=False)
        return tuple(listing_of(each) for each in told.instruments)

    async def venue_time_ns(self) -> int:
        told = await self._live().call("GET", "/v1/time", wire.Time, is_signed=False)
        return told.time_us * _US

    # -- streams -------------------------------------------------------------------------------------------------

    def reports(self) -> AsyncIterator[VenueReport]:
        self._live()
        assert self._session is not None
        return self._session.reports

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        self._live()
        market = Market(self._section, instruments)
        self._markets.append(market)
        return market

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        query = {"symbol": symbol_of(instrument_id)}
        told = await self._live().call("GET", "/v1/trades", wire.Trades, query=query, is_signed=False)
        return tuple(bar_of(each) for each in told.trades)

    def _live(self) -> Rest:
        """The session's client. Without its reports nothing is sent: nobody would hear what becomes of it."""
        if self._rest is None or self._session is None or self._session.reports.is_over:
            raise AdapterError("there is no session with Larkspur")
        return self._rest

    def _must_be_ours(self, account_id: AccountId) -> None:
        if account_id != self._account_id:
            raise AdapterError(f"this session trades for {self._account_id}, not for {account_id}")


def _path_of(ref: OrderRef) -> str:
    """Where an order is found: by the venue's id where it is known, else by ours."""
    if ref.venue_order_id is not None:
        return f"/v1/orders/{quote(ref.venue_order_id, safe='')}"
    if ref.client_order_id is not None:
        return f"/v1/orders/by-client/{quote(ref.client_order_id, safe='')}"
    raise AdapterError("an order can only be named by its venue's id or by ours")


def _made_at_ns(client_order_id: ClientOrderId | None) -> int | None:
    """When the order of one of our client ids was made, on our clock: it is in the order id that the rule kept."""
    if client_order_id is None or not client_order_id.startswith(_CLIENT_IDS.prefix):
        return None
    order_id = OrderId("ORD-" + client_order_id.removeprefix(_CLIENT_IDS.prefix)[:26])
    return order_id_time_ns(order_id) if is_order_id(order_id) else None


def _snapshot[T](items: Sequence[T], asked_ns: int, as_of_us: int, *, complete: bool = True) -> Snapshot[T]:
    return Snapshot(tuple(items), asked_ns, time.time_ns(), complete=complete, as_of_ns=as_of_us * _US)
