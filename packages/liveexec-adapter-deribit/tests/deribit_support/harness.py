"""The loopback venue as the conformance kit's harness, and for the tests of this package."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

import attrs

from deribit_support.payloads import CLIENT_SECRET
from deribit_support.truth import ACCOUNT, LINEAR, PERPETUAL, SPOT, instrument_of, true_fill, true_order, true_position
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.outcome import BalanceReport, FillReport, OrderReport, PositionReport
from liveexec.domain.secret import Secret
from liveexec.plugins.adapter import ExternalAdapter
from liveexec_deribit.adapter import DeribitAdapter
from liveexec_deribit.config import DeribitAccount, DeribitSection
from liveexec_deribit.loopback import faults
from liveexec_deribit.loopback.config import AccountConfig, Credits, RateLimits, Retention, VenueConfig
from liveexec_deribit.loopback.control import Control
from liveexec_deribit.loopback.orders import Direction, rounded
from liveexec_deribit.loopback.server import Server, serve
from liveexec_deribit.loopback.venue import Venue
from liveexec_deribit.names import symbol_of
from liveexec_testkit.conformance import scripts
from liveexec_testkit.conformance.harness import TradedInstrument, VenueHarness
from liveexec_testkit.conformance.scripts import VenueScript, Verb

__all__ = ["ACCOUNT", "LINEAR", "PERPETUAL", "USER_ID", "DeribitHarness"]

USER_ID: Final = 1_001
CLIENT_ID: Final = "loopback1"

#: So many requests at once that no test meets a limit that it does not mean to.
_PLENTY: Final = RateLimits(
    matching=Credits(burst=1e9, rate_per_s=1e5), non_matching=Credits(burst=1e9, rate_per_s=1e5)
)
_DIRECTIONS: Final[Mapping[Side, Direction]] = {Side.BUY: "buy", Side.SELL: "sell"}
_METHODS: Final[Mapping[Verb, tuple[str, ...]]] = {
    Verb.SUBMIT: ("private/buy", "private/sell"),
    Verb.CANCEL: ("private/cancel", "private/cancel_by_label"),
    Verb.REPLACE: ("private/edit",),
    Verb.QUERY: ("private/get_order_state", "private/get_order_state_by_label"),
    Verb.SNAPSHOT: ("private/get_open_orders", "private/get_user_trades_by_currency_and_time"),
}
#: One pattern that fits all methods of a verb, and none that the adapter uses for anything else.
_PATTERNS: Final[Mapping[Verb, str]] = {
    Verb.SUBMIT: "private/[bs][ue][yl]*",
    Verb.CANCEL: "private/cancel*",
    Verb.REPLACE: "private/edit",
    Verb.QUERY: "private/get_order_state*",
    Verb.SNAPSHOT: "private/get_[ou][ps]e[nr]_*",
}
_USER_CHANNELS: Final = "user.*"
#: What the adapter under test asks for at once, so that it always turns pages.
_PAGE: Final = 3


class DeribitHarness(VenueHarness):
    """A loopback Deribit on 127.0.0.1 with one rich account."""

    title: ClassVar[str] = "Deribit (loopback)"
    plugin: ClassVar[str | None] = "liveexec_deribit.plugin"
    vendor_modules: ClassVar[tuple[str, ...]] = ("websockets", "httpx2")
    #: Two heartbeats and a half without a sign of life end the connection.
    keep_alive_s: ClassVar[float] = 4.0
    answer_timeout_s: ClassVar[float] = 2.0
    tells_balances: ClassVar[bool] = True
    #: A take-profit that waits for a lower price of its own choice.
    detailed_order: ClassVar[Mapping[str, Any] | None] = {
        "order_type": OrderType.STOP_LIMIT,
        "trigger_price": Decimal(80_000),
        "details": {"order_type": "take_limit", "trigger": "last_price"},
    }
    scripts: ClassVar[frozenset[type[VenueScript]]] = frozenset(
        {
            scripts.CutConnection,
            scripts.CutDuring,
            scripts.CutPages,
            scripts.DelayAnswer,
            scripts.DuplicateReports,
            scripts.ExpireToken,
            scripts.FailInside,
            scripts.ForgetFinished,
            scripts.HalfOpen,
            scripts.LimitRate,
            scripts.LoseAnswer,
            scripts.LoseReports,
            scripts.MalformedAnswer,
            scripts.MalformedReport,
            scripts.EndInstrument,
            scripts.MoveAsset,
            scripts.Refuse,
            scripts.RefuseLogin,
            scripts.SkewClock,
            scripts.UnknownFields,
        }
    )

    def __init__(self, config: VenueConfig | None = None, **section: Any) -> None:
        self._config = config if config is not None else venue_config()
        self._section = section
        self._adapters: list[DeribitAdapter] = []
        self._venue = Venue(self._config)
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

    def section(self, **changes: Any) -> DeribitSection:
        """The configuration of the adapter under test."""
        values: dict[str, Any] = {
            "accounts": (DeribitAccount(ACCOUNT, CLIENT_ID, Secret(CLIENT_SECRET)),),
            "websocket_url": self.server.websocket_url,
            "http_url": f"{self.server.http_url}/api/v2",
            "requests_per_second": Decimal(100_000),
            "request_burst": 100_000,
            "queries_per_second": Decimal(100_000),
            "query_burst": 100_000,
            "log_queries_per_second": Decimal(100_000),
            "log_query_burst": 100_000,
            "request_timeout_s": Decimal(2),
            "heartbeat_s": 1,
            "page_size": _PAGE,
        }
        return DeribitSection(**(values | self._section | changes))

    def adapter(self, **changes: Any) -> ExternalAdapter:
        section = self.section(**changes)
        adapter = DeribitAdapter(section, section.accounts[0])
        self._adapters.append(adapter)
        return adapter

    @property
    def account_id(self) -> AccountId:
        return ACCOUNT

    @property
    def instruments(self) -> Sequence[TradedInstrument]:
        return (
            TradedInstrument(PERPETUAL, Decimal(90_000), Decimal(1_000)),
            TradedInstrument(LINEAR, Decimal(3_000), Decimal(1)),
            TradedInstrument(SPOT, Decimal(90_000), Decimal("0.01")),
        )

    @property
    def ending(self) -> tuple[TradedInstrument, Decimal]:
        """The inverse future with a date."""
        name = next(
            name
            for name, market in self.server.venue.exchange.markets.items()
            if market.instrument.amount_in_dollars and "PERPETUAL" not in name
        )
        return TradedInstrument(instrument_of(name), Decimal(90_000), Decimal(1_000)), Decimal(95_000)

    @property
    def secrets(self) -> Sequence[str]:
        grants = self.control.grants()
        return (CLIENT_SECRET, *(each.access_token for each in grants), *(each.refresh_token for each in grants))

    async def rest(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self.control.rest(symbol_of(instrument_id), _DIRECTIONS[side], price, quantity)

    async def take(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self.control.take(symbol_of(instrument_id), _DIRECTIONS[side], quantity, price)

    async def clear(self, instrument_id: InstrumentId) -> None:
        self.control.clear_book(symbol_of(instrument_id))

    async def orders(self) -> Sequence[OrderReport]:
        return [true_order(each) for each in self._truth("orders")]

    async def details_of(self, order: OrderReport) -> Mapping[str, Any]:
        told = next(each for each in self._truth("orders") if each["order_id"] == order.venue_order_id)
        return {"order_type": told["order_type"], "trigger": told["trigger"]}

    async def fills(self) -> Sequence[FillReport]:
        return [true_fill(each) for each in self._truth("trades")]

    async def positions(self) -> Sequence[PositionReport]:
        found = (true_position(name, size) for name, size in self._truth("positions").items())
        return [report for report in found if report is not None]

    async def balances(self) -> Sequence[BalanceReport]:
        account = self.server.venue.exchange.account(USER_ID)
        return [
            BalanceReport(ACCOUNT, asset, _told(amount) + _told(account.futures_profit(asset)[0]), amount, 0)
            for asset, amount in account.balances.items()
        ]

    async def received(self, verb: Verb) -> int:
        return sum(method in _METHODS[verb] for _, method in self.server.venue.requests)

    def why_not(self, script: VenueScript) -> str | None:
        match script:
            case scripts.CutPages(size) if size < _PAGE:
                return f"the adapter asks for {_PAGE} at once, and the venue gives as many as are asked for"
            case scripts.HideNewOrders():
                return "the loopback venue shows what it has"
            case scripts.BustFill():
                return "the venue's documents tell of no trade that is taken back"
            case scripts.MoveAssetAs():
                return "the venue tells a settlement as what ended an instrument, not as an amount"
            case scripts.ReorderReports():
                return "the venue tells everything that one event changes in one message"
        return super().why_not(script)

    async def inject(self, script: VenueScript) -> None:
        control = self.control
        match script:
            case scripts.LoseAnswer(verb, placed):
                self._request_fault(verb, "drop", carried_out=placed)
            case scripts.DelayAnswer(verb, delay_s):
                self._request_fault(verb, "delay", delay_s=delay_s)
            case scripts.Refuse(verb):
                error = "not_enough_funds" if verb in (Verb.SUBMIT, Verb.REPLACE) else "settlement_in_progress"
                self._request_fault(verb, "error", error=error)
            case scripts.FailInside(verb, placed):
                self._request_fault(verb, "error", carried_out=placed, error="internal_server_error")
            case scripts.LimitRate(verb):
                self._request_fault(verb, "error", error="too_many_requests")
            case scripts.MalformedAnswer(verb):
                self._request_fault(verb, "malformed")
            case scripts.CutDuring(verb, placed):
                self._request_fault(verb, "cut", carried_out=placed)
            case scripts.DuplicateReports():
                self._notification_fault("duplicate", None)
            case scripts.LoseReports():
                self._notification_fault("drop", None)
            case scripts.UnknownFields():
                control.extra_fields({"brand_new": {"field": [1, "two", None]}})
            case scripts.HalfOpen():
                control.silence()
            case scripts.SkewClock(ahead_s):
                control.skew_clock(round(ahead_s * 1_000))
            case scripts.RefuseLogin():
                fault = faults.RequestFault(kind="error", method="public/auth", times=None, error="invalid_credentials")
                control.fault(fault)
            case scripts.CutConnection(refuse_for_s):
                control.cut()
                if refuse_for_s:
                    await self._pause(refuse_for_s)
            case scripts.CutPages():
                pass  # the adapter always asks for short pages here
            case scripts.ExpireToken():
                control.expire_tokens()
            case scripts.MalformedReport():
                before = self._heard()
                self.control.send(faults.MALFORMED)
                # Only what has arrived has happened.
                while self._heard() == before:  # noqa: ASYNC110  (it travels through the machine's network)
                    await asyncio.sleep(0.001)
            case scripts.EndInstrument():
                instrument, price = self.ending
                control.deliver(symbol_of(instrument.instrument_id), price)
            case scripts.MoveAsset(asset, amount):
                control.move(USER_ID, asset, amount)
            case scripts.ForgetFinished():
                venue = self.server.venue
                venue.config = attrs.evolve(venue.config, retention=Retention(closed_orders_s=0))
            case _:
                raise AssertionError(f"{script} was not declared")

    async def heal(self) -> None:
        self.control.clear_faults()
        self.control.silence(silent=False)
        self.control.skew_clock(0)

    def cut_all(self) -> int:
        """Cut every connection now."""
        return self.control.cut()

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
        await self._fall_silent()
        self._return = asyncio.create_task(self._come_back(port, seconds), name="loopback-return")

    async def _come_back(self, port: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen(port)

    def _heard(self) -> int:
        """How many messages the adapters under test have read."""
        sessions = [each._session for each in self._adapters if each._session is not None]
        return sum(each.connection.messages_read for each in sessions)

    def _request_fault(self, verb: Verb, kind: faults.RequestFaultKind, **more: Any) -> None:
        self.control.fault(faults.RequestFault(kind=kind, method=_PATTERNS[verb], **more))

    def _notification_fault(self, kind: faults.NotificationFaultKind, times: int | None) -> None:
        self.control.fault(faults.NotificationFault(kind=kind, channel=_USER_CHANNELS, times=times))

    def _truth(self, what: str) -> Any:
        account: Any = self.control.truth()[str(USER_ID)]
        return account[what]


def _told(amount: Decimal) -> Decimal:
    """To as many digits as the venue tells, and as many places as are kept here."""
    return round(rounded(amount), 18)


def venue_config(**changes: Any) -> VenueConfig:
    """A venue with one account without limits, whose market data comes at once."""
    values: dict[str, Any] = {
        "accounts": [
            AccountConfig(
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
                user_id=USER_ID,
                limits=_PLENTY,
                balances={"BTC": Decimal(1_000), "ETH": Decimal(1_000), "USDC": Decimal(50_000_000)},
            )
        ],
        "interval_s": 0.02,
        "least_heartbeat_s": 0.5,
    }
    return VenueConfig(**(values | changes))
