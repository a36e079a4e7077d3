"""A paper venue in another process, as an adapter like any other: the same contract over a socket."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import msgspec

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
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
from liveexec.plugins.adapter import CancelsAll, ExternalAdapter, Replaces, StreamsMarket, TellsTime, VenueOrder
from liveexec.venues.paper import protocol
from liveexec.venues.paper.clock import PaperClock
from liveexec.venues.paper.config import Latency, manifest_of
from liveexec.venues.paper.protocol import FillsQuestion, Hello, Order, Replacement, Role, SnapshotHead
from liveexec.venues.paper.sessions import ReportStream
from liveexec.venues.paper.wire import NoAnswer, Wire
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = ["RemoteMarket", "RemotePaperAdapter"]

T = TypeVar("T")

#: Bars that wait to be read; the oldest give way.
MOST_BARS: Final = 3_600


class RemoteMarket:
    """Books and bars of some instruments over a connection of their own, opened when the first is asked for.

    Of books only the latest waits to be read; of bars the latest :data:`MOST_BARS`.
    """

    def __init__(self, socket: Path, hello: Hello, timeout_s: float) -> None:
        self._socket, self._hello, self._timeout_s = socket, hello, timeout_s
        self._books: dict[InstrumentId, Book] = {}
        self._bars: deque[TradeBar] = deque(maxlen=MOST_BARS)
        self._changed = asyncio.Event()
        self._wire: Wire | None = None
        self._error: AdapterError | None = None

    def lose(self, error: AdapterError) -> None:
        """The session is gone, and this with it."""
        if self._error is None:
            self._error = error
            self._changed.set()
            if self._wire is not None:
                self._wire.close()

    def __aiter__(self) -> "RemoteMarket":
        return self

    async def __anext__(self) -> Book | TradeBar:
        if self._wire is None and self._error is None:
            wire, _ = await Wire.open(self._socket, self._hello, self._take, self.lose, timeout_s=self._timeout_s)
            self._wire = wire
        while self._error is None:
            if self._bars:
                return self._bars.popleft()
            if self._books:
                return self._books.pop(next(iter(self._books)))
            self._changed.clear()
            await self._changed.wait()
        raise self._error

    def _take(self, item: Book | TradeBar) -> None:
        if isinstance(item, TradeBar):
            self._bars.append(item)
        else:
            self._books[item.instrument_id] = item
        self._changed.set()


class _RemoteSession:
    """One session: its connection, its reports, and the market streams that end with it."""

    def __init__(self, capacity: int) -> None:
        # Latency is the server's, so this stream never asks its clock.
        self.reports = ReportStream(PaperClock.starting_at(0), Latency(), Random(0), capacity)  # noqa: S311 -- unused
        self.markets: list[RemoteMarket] = []
        self.wire: Wire | None = None
        self._keeping: asyncio.Task[None] | None = None

    def keep_alive(self, every_s: float, timeout_s: float) -> None:
        """Ask for a sign of life this often from now on; a server that gives none is gone."""
        self._keeping = asyncio.create_task(self._ask_for_life(every_s, timeout_s), name="paper-keep-alive")

    async def _ask_for_life(self, every_s: float, timeout_s: float) -> None:
        assert self.wire is not None, "a connection is kept alive once it is open"
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.wire.call("venue_time", None, timeout_s=timeout_s)
            except AdapterError as error:
                self.lose(error)

    def take(self, report: VenueReport) -> None:
        """Something was reported; when nobody reads, the session is given up."""
        if self.reports.is_full:
            self.lose(AdapterError("the queue of reports is full: nobody reads it, so the session is given up"))
        else:
            self.reports.push(report, 0)

    def lose(self, error: AdapterError) -> None:
        """The connection is gone, or is given up."""
        if self.reports.is_over:
            return
        self.reports.lose(error)
        for market in self.markets:
            market.lose(error)
        if self.wire is not None:
            self.wire.close()
        self._forget()

    async def close(self) -> None:
        """Hang up on purpose: reports end without an error."""
        self.reports.close()
        for market in self.markets:
            market.lose(AdapterError("the session was closed"))
        self._forget()
        if self.wire is not None:
            self.wire.close()
            await self.wire.wait_closed()

    def _forget(self) -> None:
        """Nobody asks for signs of life any more."""
        if self._keeping is not None:
            self._keeping.cancel()


class RemotePaperAdapter(ExternalAdapter, StreamsMarket, Replaces, CancelsAll, TellsTime):
    """Sessions with one venue of a paper world that another process serves at ``socket``.

    ``world`` is the configuration that the server was started with; a server with another one refuses. A lost
    connection ends ``reports()`` and ``market()`` with AdapterError and makes requests raise it. With ``keep_alive_s``
    the server is asked for a sign of life that often; one that gives none within ``request_timeout_s`` is given up.

    Raises:
        AdapterError: the world has no such venue, or the venue no such account.
    """

    def __init__(
        self,
        socket: Path,
        world: PaperWorldConfig,
        venue: VenueName,
        accounts: Sequence[AccountId] | None = None,
        *,
        request_timeout_s: float = 5.0,
        keep_alive_s: float | None = None,
    ) -> None:
        self._config = config = world.venue(venue)
        self.manifest = manifest_of(config)
        self.accounts = tuple(accounts) if accounts is not None else config.account_ids
        unknown = [account_id for account_id in self.accounts if account_id not in config.account_ids]
        if unknown:
            raise AdapterError(f"{venue} has no account {', '.join(unknown)}")
        self._socket = socket
        self._digest = world.digest
        self._timeout_s, self._keep_alive_s = request_timeout_s, keep_alive_s
        self._listings = tuple(item.listing(config.venue_class) for item in config.instruments)
        self._session: _RemoteSession | None = None
        self._has_had_session = False

    async def connect(self) -> None:
        if self._session is not None and not self._session.reports.is_over:
            return
        await self.disconnect()
        session = _RemoteSession(self._config.report_capacity)
        if self._has_had_session:
            session.reports.announce_gap(self.accounts, "the connection was lost")
        hello = self._hello(Role.SESSION)
        session.wire, _ = await Wire.open(self._socket, hello, session.take, session.lose, timeout_s=self._timeout_s)
        if self._keep_alive_s is not None:
            session.keep_alive(self._keep_alive_s, self._timeout_s)
        self._session = session
        self._has_had_session = True

    async def disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def listings(self) -> Sequence[Listing]:
        self._live()
        return self._listings

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        return await self._send("submit", Order(order, plan))

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        return await self._send("cancel", ref)

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:
        return await self._send("replace", Replacement(ref, order, plan, filled_quantity))

    async def cancel_all(self, account_id: AccountId) -> SendOutcome:
        return await self._send("cancel_all", account_id)

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        body = await self._wire().call("order", ref, timeout_s=self._timeout_s)
        answer: OrderReportAnswer = protocol.decode_named(body)
        return answer

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        return await self._snapshot("open_orders", account_id, OrderReport)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return await self._snapshot("fills", FillsQuestion(account_id, since_ns), FillReport)

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        return await self._snapshot("positions", account_id, PositionReport)

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        return await self._snapshot("balances", account_id, BalanceReport)

    async def venue_time_ns(self) -> int:
        told: int = protocol.decode(await self._wire().call("venue_time", None, timeout_s=self._timeout_s), int)
        return told

    def reports(self) -> AsyncIterator[VenueReport]:
        return self._live().reports

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        session = self._live()
        market = RemoteMarket(self._socket, self._hello(Role.MARKET, tuple(instruments)), self._timeout_s)
        session.markets.append(market)
        return market

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        items, _ = await self._items("recent_trades", instrument_id, TradeBar)
        return items

    def _hello(self, role: Role, instruments: tuple[InstrumentId, ...] = ()) -> Hello:
        return Hello(
            protocol.PROTOCOL_VERSION,
            role,
            digest=self._digest,
            venue=self._config.venue,
            accounts=self.accounts,
            instruments=instruments,
        )

    def _live(self) -> _RemoteSession:
        if self._session is None or self._session.reports.is_over:
            raise AdapterError(f"there is no connection with {self.manifest.venue}")
        return self._session

    def _wire(self) -> Wire:
        wire = self._live().wire
        assert wire is not None, "a session that is kept has its connection"
        return wire

    async def _send(self, method: str, arguments: object) -> SendOutcome:
        try:
            body = await self._wire().call(method, arguments, timeout_s=self._timeout_s)
        except NoAnswer as error:
            return Unknown(str(error))
        outcome: SendOutcome = protocol.decode_named(body)
        return outcome

    async def _snapshot(self, method: str, arguments: object, kind: type[T]) -> Snapshot[T]:
        items, end = await self._items(method, arguments, kind)
        head: SnapshotHead = protocol.decode(end, SnapshotHead)
        return Snapshot(items, head.requested_at_ns, head.responded_at_ns, head.complete, head.as_of_ns)

    async def _items(self, method: str, arguments: object, kind: type[T]) -> tuple[tuple[T, ...], msgspec.Raw]:
        parts, end = await self._wire().call_parts(method, arguments, timeout_s=self._timeout_s)
        items: list[T] = []
        for part in parts:
            items += protocol.decode(part, list[kind])  # type: ignore[valid-type]  # a type made at run time
        return tuple(items), end
