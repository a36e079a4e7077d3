"""Larkspur for the conformance kit: started, traded at, looked into and broken."""

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import ClassVar, Final

import uvicorn

from larkspur_loopback.app import Venue
from larkspur_loopback.book import Order
from larkspur_loopback.exchange import Exchange, Fill
from larkspur_loopback.gate import Gate
from liveexec.domain import fill as domain_fill
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import AssetKind, BalanceReport, FillReport, OrderReport, PositionReport, VenueOrderStatus
from liveexec.domain.secret import Secret
from liveexec.plugins.adapter import ExternalAdapter
from liveexec_larkspur.adapter import LarkspurAdapter
from liveexec_larkspur.config import LarkspurAccount, LarkspurSection
from liveexec_testkit import TradedInstrument, VenueHarness
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

__all__ = ["LarkspurHarness"]

KEY, SECRET = "lark-key-4f1b7d29c3", "lark-secret-9a6e0c5d8817f2"
_OTHERS: Final = "everybody-else"
_RICH: Final = {"BTC": Decimal(1_000), "ETH": Decimal(10_000), "USD": Decimal(100_000_000)}
_ACCOUNT: Final = AccountId("example")
_TRANSFERS: Final = {
    AssetKind.DEPOSIT: "deposit",
    AssetKind.WITHDRAWAL: "withdrawal",
    AssetKind.INTEREST: "interest",
    AssetKind.FEE: "fee",
}
_STATUSES: Final = {
    "open": VenueOrderStatus.WORKING,
    "filled": VenueOrderStatus.FILLED,
    "canceled": VenueOrderStatus.CANCELED,
}


class LarkspurHarness(VenueHarness):
    """A venue of its own for each case, on a port of its own."""

    title: ClassVar[str] = "Larkspur, on 127.0.0.1"
    plugin: ClassVar[str | None] = "liveexec_larkspur.plugin"
    vendor_modules: ClassVar[tuple[str, ...]] = ("httpx2", "websockets")
    scripts: ClassVar[frozenset[type[VenueScript]]] = frozenset(
        {
            CutConnection,
            CutDuring,
            CutPages,
            DelayAnswer,
            DuplicateReports,
            FailInside,
            ForgetFinished,
            HalfOpen,
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
            SkewClock,
            UnknownFields,
        }
    )
    answer_timeout_s: ClassVar[float] = 1.2
    keep_alive_s: ClassVar[float] = 2.0

    async def start(self) -> None:
        self._gate = Gate()
        self._exchange = Exchange()
        self._own = self._exchange.open_account(KEY, SECRET, _RICH)
        self._others = self._exchange.open_account(_OTHERS, _OTHERS, {asset: 1_000 * of for asset, of in _RICH.items()})
        self._numbers = count(1)
        self._venue = Venue(self._exchange, self._gate.cut)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._venue.app,
                host="127.0.0.1",
                port=0,
                http="h11",
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                access_log=False,
                ws_ping_interval=None,
            )
        )
        # Its own serve() would take over the signals of this process.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup()
        await self._gate.open(self._server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._venue.close()
        await self._gate.close()
        # Its connections are cut already; its own shutdown() would sleep for a while to see to that.
        for server in self._server.servers:
            server.close()
            await server.wait_closed()
        if tasks := self._server.server_state.tasks:
            await asyncio.wait(tasks)

    def adapter(self) -> ExternalAdapter:
        section = LarkspurSection(
            accounts=(LarkspurAccount(_ACCOUNT, Secret(KEY), Secret(SECRET)),),
            http_url=f"http://127.0.0.1:{self._gate.port}",
            stream_url=f"ws://127.0.0.1:{self._gate.port}",
            answer_timeout_s=0.8,
            silence_s=0.6,  # four beats of the loopback's
        )
        return LarkspurAdapter(section, section.accounts[0])

    @property
    def account_id(self) -> AccountId:
        return _ACCOUNT

    @property
    def instruments(self) -> Sequence[TradedInstrument]:
        return (
            TradedInstrument(_instrument("BTC-USD"), Decimal("60000.0"), Decimal("0.0100")),
            TradedInstrument(_instrument("ETH-USD"), Decimal("3000.00"), Decimal("0.100")),
        )

    @property
    def secrets(self) -> Sequence[str]:
        return (KEY, SECRET)

    # -- everybody else ------------------------------------------------------------------------------------------

    async def rest(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self._trade(instrument_id, side, price, quantity, "gtc")

    async def take(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self._trade(instrument_id, side, price, quantity, "ioc")

    async def clear(self, instrument_id: InstrumentId) -> None:
        for order in self._others.open_orders:
            if _instrument(order.symbol) == instrument_id:
                self._exchange.cancel(self._others, order)

    def _trade(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal, tif: str) -> None:
        asked = {
            "client_id": f"other-{next(self._numbers)}",
            "symbol": instrument_id.rpartition(":")[2],
            "side": side.value.lower(),
            "type": "limit",
            "tif": tif,
            "quantity": str(quantity),
            "price": str(price),
        }
        self._exchange.place(self._others, asked)

    # -- the venue's own truth -----------------------------------------------------------------------------------

    async def orders(self) -> Sequence[OrderReport]:
        return [_order(each) for each in self._own.orders.values()]

    async def fills(self) -> Sequence[FillReport]:
        return [_fill(each) for each in self._own.fills]

    async def positions(self) -> Sequence[PositionReport]:
        return ()

    async def balances(self) -> Sequence[BalanceReport]:
        now_ns = self._exchange.now_us() * 1_000
        return [
            BalanceReport(_ACCOUNT, asset, total, self._own.available(asset), now_ns)
            for asset, total in self._own.balances.items()
        ]

    async def received(self, verb: Verb) -> int:
        return self._venue.faults.received[verb]

    # -- scripts -------------------------------------------------------------------------------------------------

    def why_not(self, script: VenueScript) -> str | None:
        if isinstance(script, ExpireToken):
            return "each request is signed by itself; there are no tokens that could expire"
        if isinstance(script, HideNewOrders):
            return "the venue shows an order from the moment it has it, as its manifest says"
        if isinstance(script, MoveAssetAs) and script.kind not in _TRANSFERS:
            return f"an exchange for spot pairs has no movements of the kind {script.kind}"
        return super().why_not(script)

    async def inject(self, script: VenueScript) -> None:
        match script:
            case CutConnection(refuse_for_s=refuse_for_s):
                self._gate.cut(refuse_for_s)
            case HalfOpen():
                self._gate.freeze()
            case SkewClock(ahead_s=ahead_s):
                self._exchange.ahead_us = int(ahead_s * 1_000_000)
            case MalformedReport():
                self._venue.feeds.send_garbage(KEY)
            case ForgetFinished():
                self._exchange.forget_ended(self._own)
            case MoveAsset(asset=asset, amount=amount):
                kind = AssetKind.WITHDRAWAL if amount < 0 else AssetKind.DEPOSIT
                self._exchange.transfer(self._own, asset, amount, _TRANSFERS[kind])
            case MoveAssetAs(asset=asset, amount=amount, kind=kind):
                self._exchange.transfer(self._own, asset, amount, _TRANSFERS[kind])
            case RequestFault() | LastingFault():
                self._venue.faults.add(script)
            case _:
                raise AssertionError(f"{script} was declined before")

    async def heal(self) -> None:
        self._venue.faults.clear()
        self._exchange.ahead_us = 0


def _instrument(symbol: str) -> InstrumentId:
    return InstrumentId(f"LARKSPUR:SPOT_PAIR:{symbol}")


def _order(order: Order) -> OrderReport:
    return OrderReport(
        _ACCOUNT,
        _instrument(order.symbol),
        ClientOrderId(order.client_id),
        VenueOrderId(order.id),
        _STATUSES[order.status],
        Side(order.side.upper()),
        OrderType(order.type.upper()),
        TimeInForce(order.tif.upper()),
        order.quantity,
        order.price,
        order.filled,
        order.updated_us * 1_000,
    )


def _fill(fill: Fill) -> FillReport:
    order = fill.order
    return FillReport(
        _ACCOUNT,
        ClientOrderId(order.client_id),
        VenueOrderId(order.id),
        domain_fill.Fill(
            domain_fill.FillKey(f"{fill.id}/{order.id}/{order.side}"),
            _instrument(order.symbol),
            Side(order.side.upper()),
            fill.quantity,
            fill.price,
            fill.fee,
            fill.fee_asset,
            domain_fill.Liquidity(fill.liquidity.upper()),
            fill.time_us * 1_000,
        ),
    )
