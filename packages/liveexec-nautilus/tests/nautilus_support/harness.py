"""A loopback venue behind the node as the conformance kit's harness, and for the tests of this package."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.instrument import ContractKind
from liveexec.domain.operation import Side
from liveexec.domain.outcome import BalanceReport, FillReport, OrderReport, PositionReport
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.structuring import strict_converter, structured
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_nautilus.live.config import TradingNodeSection
from liveexec_nautilus.live.factory import adapters_of
from liveexec_nautilus.loopback.shared.control import Control
from liveexec_nautilus.loopback.shared.faults import RequestFault, StreamFault
from liveexec_nautilus.loopback.shared.server import Server, serve
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue
from liveexec_testkit.conformance import scripts
from liveexec_testkit.conformance.harness import TradedInstrument, VenueHarness
from liveexec_testkit.conformance.scripts import VenueScript, Verb
from nautilus_support.flavors import Flavor
from nautilus_support.truth import true_fill, true_order

__all__ = ["ACCOUNT", "NodeHarness"]

ACCOUNT: Final = AccountId("NODE-MAIN")
#: How long a node may take to start.
_START_S: Final = 10


class NodeHarness(VenueHarness):
    """One loopback venue on 127.0.0.1 with one rich account, and the node in a process of its own for each adapter."""

    title: ClassVar[str] = "NautilusTrader (loopback)"
    plugin: ClassVar[str | None] = "liveexec_nautilus.plugin"
    vendor_modules: ClassVar[tuple[str, ...]] = ("nautilus_trader", "httpx2")
    #: The adapter's own patience is two seconds here.
    answer_timeout_s: ClassVar[float] = 2.5
    #: A node takes seconds to start.
    patience_s: ClassVar[float] = 20.0
    keep_alive_s: ClassVar[float | None] = None
    scripts: ClassVar[frozenset[type[VenueScript]]] = frozenset(
        {
            scripts.CutConnection,
            scripts.CutDuring,
            scripts.DelayAnswer,
            scripts.DuplicateReports,
            scripts.FailInside,
            scripts.HalfOpen,
            scripts.LimitRate,
            scripts.LoseAnswer,
            scripts.LoseReports,
            scripts.MalformedAnswer,
            scripts.Refuse,
            scripts.RefuseLogin,
            scripts.SkewClock,
        }
    )

    def __init__(self, flavor: Flavor) -> None:
        self._flavor = flavor
        self._venue: LoopbackVenue = flavor.venue()
        self._server: Server | None = None
        self._life: asyncio.Task[None] | None = None
        self._end = asyncio.Event()
        self._return: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._listen(0)

    async def stop(self) -> None:
        if self._return is not None:
            self._return.cancel()
            await asyncio.wait((self._return,))
        await self._fall_silent()

    @property
    def server(self) -> Server:
        """The running venue."""
        assert self._server is not None, "the harness was not started"
        return self._server

    @property
    def control(self) -> Control:
        """The hand of whoever tests."""
        return self.server.control

    @property
    def user_id(self) -> int:
        return min(self._venue.floor.accounts)

    def client(self) -> dict[str, Any]:
        """The venue's entry among ``exec_clients``."""
        account = self._venue.floor.accounts[self.user_id]
        return {
            **self._flavor.section(self.server, account),
            "account_id": ACCOUNT,
            "requests_per_second": "100000",
            "request_burst": 100_000,
            "request_timeout_s": "2",
            "question_timeout_s": "3",
        }

    def section(self, **changes: Any) -> TradingNodeSection:
        """The configuration of the adapter under test."""
        document = {
            "exec_clients": [self.client()],
            "trader_id": "LOOPBACK-001",
            "start_timeout_s": _START_S,
            **changes,
        }
        return structured(strict_converter(texts=True), document, TradingNodeSection, "trading_node")

    def adapter(self, **changes: Any) -> ExternalAdapter:
        (adapter,) = adapters_of(self.section(**changes))
        assert isinstance(adapter, NautilusAdapter)
        return adapter

    @property
    def account_id(self) -> AccountId:
        return ACCOUNT

    @property
    def instruments(self) -> Sequence[TradedInstrument]:
        return self._flavor.instruments

    @property
    def secrets(self) -> Sequence[str]:
        account = self._venue.floor.accounts[self.user_id]
        section = self._flavor.section(self.server, account)
        return [section[name] for name in ("api_secret", "passphrase") if name in section]

    async def rest(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self.control.rest(self._symbol(instrument_id), side, price, quantity)

    async def take(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self.control.take(self._symbol(instrument_id), side, quantity, price)

    async def clear(self, instrument_id: InstrumentId) -> None:
        self.control.clear_book(self._symbol(instrument_id))

    async def orders(self) -> Sequence[OrderReport]:
        flavor = self._flavor
        return [
            true_order(each, flavor.symbols, ACCOUNT, flavor.order_id) for each in self.control.orders(self.user_id)
        ]

    async def fills(self) -> Sequence[FillReport]:
        flavor = self._flavor
        told = self.control.executions(self.user_id)
        return [true_fill(each, flavor.symbols, ACCOUNT, flavor.order_id) for each in told]

    async def positions(self) -> Sequence[PositionReport]:
        floor = self._venue.floor
        found = {
            instrument_id: floor.position(self.user_id, name).quantity
            for name, instrument_id in self._flavor.symbols.items()
            # What is held of spot pairs is told as balances.
            if floor.symbols[name].kind is not ContractKind.SPOT
        }
        return [PositionReport(ACCOUNT, each, quantity, None, 0) for each, quantity in found.items() if quantity]

    async def balances(self) -> Sequence[BalanceReport]:
        told = self._venue.floor.balances(self.user_id)
        # The library keeps amounts of money with eight places.
        return [
            BalanceReport(ACCOUNT, asset, round(total, 8), round(free, 8), 0) for asset, (total, free) in told.items()
        ]

    async def received(self, verb: Verb) -> int:
        return sum(each.operation in self._flavor.requests[verb] for each in self._venue.requests)

    def why_not(self, script: VenueScript) -> str | None:
        match script:
            case scripts.MoveAsset() | scripts.MoveAssetAs():
                return "the node tells of no movements; what they change is found in the balances"
            case scripts.CutPages():
                return "the venues give as many as are asked for, and the questions ask for the most"
            case scripts.MalformedReport():
                return "NautilusTrader drops what it can't read and tells nobody; what it was is found by comparing"
            case scripts.ExpireToken():
                return "the node's own sessions renew what they log in with"
            case scripts.Refuse(Verb.SUBMIT | Verb.CANCEL | Verb.REPLACE) if self._flavor.refuses_without_code:
                return "NautilusTrader's client hands on the venue's words without their code, which prove nothing"
        return super().why_not(script)

    async def inject(self, script: VenueScript) -> None:
        control = self.control
        match script:
            case scripts.LoseAnswer(verb, placed):
                self._request_fault(verb, kind="drop", carried_out=placed)
            case scripts.DelayAnswer(verb, delay_s):
                self._request_fault(verb, kind="delay", delay_s=delay_s)
            case scripts.Refuse(verb):
                self._request_fault(verb, kind="error", code=self._flavor.refusals[verb])
            case scripts.FailInside(verb, placed):
                self._request_fault(verb, kind="error", carried_out=placed, code=self._flavor.internal)
            case scripts.LimitRate(verb):
                self._request_fault(verb, kind="error", code=self._flavor.rate_limit)
            case scripts.MalformedAnswer(verb):
                self._request_fault(verb, kind="malformed")
            case scripts.CutDuring(verb, placed):
                self._request_fault(verb, kind="cut", carried_out=placed)
            case scripts.DuplicateReports():
                control.fault(StreamFault(kind="duplicate", topic=self._flavor.reports, times=None))
            case scripts.LoseReports():
                control.fault(StreamFault(kind="drop", topic=self._flavor.reports, times=None))
            case scripts.SkewClock(ahead_s):
                control.skew_clock(round(ahead_s * 1_000))
            case scripts.HalfOpen():
                control.silence()
                # Questions have connections of their own, over HTTP.
                control.fault(RequestFault(kind="drop", operation="* /*", times=None))
            case scripts.RefuseLogin():
                for operation in self._flavor.logins:
                    code = self._flavor.wrong_login
                    control.fault(RequestFault(kind="error", operation=operation, times=None, code=code))
            case scripts.CutConnection(refuse_for_s):
                if not refuse_for_s:
                    control.cut()
                # A node that starts asks until its time is over: a shorter refusal would be none.
                elif control.sessions():
                    await self._pause(refuse_for_s)
                else:
                    await self._pause(refuse_for_s + _START_S)
            case _:
                raise AssertionError(f"{script} was not declared")

    async def heal(self) -> None:
        self.control.clear_faults()
        self.control.silence(silent=False)
        self.control.skew_clock(0)

    def _request_fault(self, verb: Verb, **fault: Any) -> None:
        self.control.fault(RequestFault(operation=self._flavor.patterns[verb], **fault))

    def _symbol(self, instrument_id: InstrumentId) -> str:
        return next(name for name, each in self._flavor.symbols.items() if each == instrument_id)

    async def _listen(self, port: int) -> None:
        """Take connections from now on."""
        listens = asyncio.Event()
        self._end = asyncio.Event()
        self._life = asyncio.create_task(self._live(port, listens), name="loopback-venue")
        await listens.wait()

    async def _live(self, port: int, listens: asyncio.Event) -> None:
        try:
            async with serve(self._venue, port=port) as self._server:
                listens.set()
                await self._end.wait()
        finally:
            listens.set()

    async def _fall_silent(self) -> None:
        """Take no connections any more."""
        self._end.set()
        if self._life is not None:
            await self._life

    async def _pause(self, seconds: float) -> None:
        """Refuse connections for a while, with everything that the venue knows kept."""
        port = self.server.port
        # A server that stops still takes connections for a moment: none of them is a session.
        self.control.refuse_sessions(None)
        await self._fall_silent()
        self._return = asyncio.create_task(self._come_back(port, seconds), name="loopback-return")

    async def _come_back(self, port: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._venue.faults.refused_sessions = 0
        await self._listen(port)
