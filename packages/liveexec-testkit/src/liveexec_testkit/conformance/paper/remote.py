"""The harness of a paper venue in a process of its own: the adapter speaks to it over a socket, through a proxy."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import ClassVar, Final, Self

from attrs import evolve

from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
    OrderRef,
    OrderReport,
    PositionReport,
    SendPlan,
)
from liveexec.plugins.adapter import ExternalAdapter, VenueOrder
from liveexec.runtime.clock import Clock, ScaledClock
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.config import PaperAccount
from liveexec.venues.paper.hosting import ServerHandle, end_server, socket_path, spawn_server
from liveexec.venues.paper.presets import btc_venue
from liveexec.venues.paper.world_config import PaperWorldConfig
from liveexec_testkit.conformance.harness import TradedInstrument, VenueHarness
from liveexec_testkit.conformance.paper.in_process import RICH, VENUE, paper_instruments
from liveexec_testkit.conformance.paper.proxy import WireProxy
from liveexec_testkit.conformance.scripts import (
    CutConnection,
    CutDuring,
    CutPages,
    DelayAnswer,
    DuplicateReports,
    ExpireToken,
    FailInside,
    ForgetFinished,
    HalfOpen,
    HideNewOrders,
    LastingFault,
    LimitRate,
    LoseAnswer,
    LoseReports,
    MalformedAnswer,
    MalformedReport,
    MoveAsset,
    MoveAssetAs,
    Refuse,
    RefuseLogin,
    ReorderReports,
    RequestFault,
    SkewClock,
    UnknownFields,
    VenueScript,
    Verb,
)

__all__ = ["REMOTE_OPTIONS", "PaperServers", "RemotePaperHarness"]

#: Cases that one server serves: each has accounts of its own.
_MOST_CASES: Final = 400
#: How the adapter under test waits. Seconds.
REMOTE_OPTIONS: Final = {"request_timeout_s": 0.7, "keep_alive_s": 0.4}
#: What the server shows of an order only after it. Nanoseconds.
_LAG_NS: Final = 10_000_000


class PaperServers:
    """A paper venue's server in a process of its own, for any number of harnesses one after the other.

    A context manager without an event loop, so that it can be a fixture of a module or a session.
    """

    def __init__(self) -> None:
        accounts = tuple(
            PaperAccount(AccountId(f"{who}-{number}"), RICH)
            for number in range(_MOST_CASES)
            for who in ("own", "other")
        )
        venue = btc_venue(VENUE, maker_fee=Decimal("0.0001"), taker_fee=Decimal("0.0004"), is_fed=False)
        venue = evolve(
            venue,
            accounts=accounts,
            ack_by_report=True,
            status_after_fills=True,
            tells_balances=True,
            visibility_lag_ns=_LAG_NS,
        )
        self.world = PaperWorldConfig((venue,))
        self._numbers = count()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="lx-kit-"))
        self.folder.chmod(0o700)
        self.handle: ServerHandle = asyncio.run(spawn_server(self.world, socket_path(self.folder), idle_exit_s=60))
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run(end_server(self.handle.socket))
        if self.handle.process is not None:
            self.handle.process.wait(10)
        shutil.rmtree(self.folder)

    def next_number(self) -> int:
        """Which pair of accounts is used next."""
        return next(self._numbers)


class RemotePaperHarness(VenueHarness):
    """One account of a served paper venue, that answers by reports, shows orders with a lag, and tells each status.

    What it knows of the venue it asks in sessions of its own, which go past the proxy.
    """

    title: ClassVar[str] = "paper venue, in a process of its own"
    plugin: ClassVar[str | None] = "liveexec.builtins"
    tells_balances: ClassVar[bool] = True
    answer_timeout_s: ClassVar[float] = 1.0
    patience_s: ClassVar[float] = 8.0
    keep_alive_s: ClassVar[float | None] = 3.0
    scripts: ClassVar[frozenset[type[VenueScript]]] = frozenset(
        {
            CutConnection,
            CutDuring,
            CutPages,
            DelayAnswer,
            DuplicateReports,
            ExpireToken,
            FailInside,
            HalfOpen,
            HideNewOrders,
            LimitRate,
            LoseAnswer,
            LoseReports,
            MalformedAnswer,
            MalformedReport,
            Refuse,
            RefuseLogin,
            ReorderReports,
            UnknownFields,
        }
    )

    def __init__(self, servers: PaperServers) -> None:
        number = servers.next_number()
        self._own, self._other = AccountId(f"own-{number}"), AccountId(f"other-{number}")
        self._servers = servers
        self._path = servers.folder / f"proxy-{number}"
        self.proxy = WireProxy(self._path, servers.handle.socket)
        self._numbers = count(1)
        anchor = servers.handle.info.anchor
        self._clock = ScaledClock(anchor.market_ns, anchor.monotonic_ns, 1.0)

    async def start(self) -> None:
        await self.proxy.open()
        self._watcher, self._trader = self._direct(self._own), self._direct(self._other)
        await self._watcher.connect()
        await self._trader.connect()

    async def stop(self) -> None:
        for adapter, account_id in ((self._watcher, self._own), (self._trader, self._other)):
            await adapter.cancel_all(account_id)
            await adapter.disconnect()
        await self.proxy.close()

    def adapter(self) -> ExternalAdapter:
        return RemotePaperAdapter(self._path, self._servers.world, VENUE, (self._own,), **REMOTE_OPTIONS)

    @property
    def account_id(self) -> AccountId:
        return self._own

    @property
    def instruments(self) -> Sequence[TradedInstrument]:
        return paper_instruments()

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def secrets(self) -> Sequence[str]:
        return tuple(self.proxy.tokens)

    async def rest(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        await self._trade(instrument_id, side, price, quantity, TimeInForce.GTC)

    async def take(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        await self._trade(instrument_id, side, price, quantity, TimeInForce.IOC)

    async def clear(self, instrument_id: InstrumentId) -> None:
        # What was rested a moment ago is not visible yet, and cancel_all sees it.
        await self._trader.cancel_all(self._other)
        del instrument_id  # the others quote one instrument at a time

    async def orders(self) -> Sequence[OrderReport]:
        await self._visible()
        found: dict[str, OrderReport] = {}
        for client_order_id in self.proxy.client_ids:
            # The venue finds an order of the account by its name alone, whatever instrument is asked for.
            ref = OrderRef(self._own, self.instruments[0].instrument_id, client_order_id, None)
            told = await self._watcher.order(ref)
            if isinstance(told, OrderReport) and told.venue_order_id is not None:
                found[told.venue_order_id] = told
        return tuple(found.values())

    async def fills(self) -> Sequence[FillReport]:
        return (await self._watcher.fills(self._own, 0)).items

    async def positions(self) -> Sequence[PositionReport]:
        return (await self._watcher.positions(self._own)).items

    async def balances(self) -> Sequence[BalanceReport]:
        return (await self._watcher.balances(self._own)).items

    async def received(self, verb: Verb) -> int:
        return self.proxy.received[verb]

    def why_not(self, script: VenueScript) -> str | None:
        if isinstance(script, ForgetFinished | MoveAsset | MoveAssetAs | SkewClock):
            return "the served venue has no control for it; it is proved in process"
        return super().why_not(script)

    async def inject(self, script: VenueScript) -> None:
        match script:
            case CutConnection(refuse_for_s=refuse_for_s):
                self.proxy.cut(refuse_for_s)
            case ExpireToken():
                await self.proxy.expire_token()
            case MalformedReport():
                self.proxy.garble()
            case HideNewOrders():
                pass  # the venue does so all the while
            case LastingFault():
                self.proxy.hold(script)
            case RequestFault():
                self.proxy.strike(script)
            case _:
                raise AssertionError(f"{script} was declined before")

    async def heal(self) -> None:
        self.proxy.heal()

    def _direct(self, account_id: AccountId) -> RemotePaperAdapter:
        return RemotePaperAdapter(self._servers.handle.socket, self._servers.world, VENUE, (account_id,))

    async def _visible(self) -> None:
        await asyncio.sleep(_LAG_NS / 1_000_000_000)

    async def _trade(
        self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal, tif: TimeInForce
    ) -> None:
        number = next(self._numbers)
        order = VenueOrder(
            order_id=OrderId(f"ORD-{self._other}-{number}"),
            account_id=self._other,
            instrument_id=instrument_id,
            operation=Operation.TRADE,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=tif,
            quantity=quantity,
            price=price,
        )
        await self._trader.submit(order, SendPlan(ClientOrderId(f"{self._other}-{number}"), 1 << 62))
