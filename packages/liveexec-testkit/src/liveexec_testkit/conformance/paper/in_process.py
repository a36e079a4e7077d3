"""The harness of the paper venue in this process: the smallest example of one, and what the kit is tried with."""

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar, Final

from attrs import evolve

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId, VenueName
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    AssetKind,
    BalanceReport,
    FillAction,
    FillReport,
    OrderRef,
    OrderReport,
    PositionReport,
    SendPlan,
)
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import ExternalAdapter, VenueOrder
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.clock import Clock, PaperClock
from liveexec.venues.paper.config import PaperAccount, PaperVenueConfig
from liveexec.venues.paper.driver import WorldDriver
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript, FaultVerb, StreamFault
from liveexec.venues.paper.presets import btc_venue
from liveexec.venues.paper.world import PaperWorld
from liveexec.venues.paper.world_config import PaperWorldConfig
from liveexec_testkit.conformance.harness import TradedInstrument, VenueHarness
from liveexec_testkit.conformance.scripts import (
    BustFill,
    CutConnection,
    CutDuring,
    CutPages,
    DelayAnswer,
    DuplicateReports,
    EndInstrument,
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

__all__ = ["RICH", "VENUE", "PaperHarness", "paper_instruments"]

VENUE: Final = VenueName("PAPER-A")
OWN, OTHER = AccountId("own"), AccountId("other")
_SECOND_NS: Final = 1_000_000_000
_KINDS: Final[dict[type[VenueScript], FaultKind]] = {
    CutDuring: FaultKind.DISCONNECT,
    DelayAnswer: FaultKind.LATE_ACK,
    FailInside: FaultKind.FAILED,
    LimitRate: FaultKind.RATE_LIMITED,
    LoseAnswer: FaultKind.LOST_ACK,
    Refuse: FaultKind.REFUSED,
}
_STREAM_FAULTS: Final[dict[type[VenueScript], StreamFault]] = {
    DuplicateReports: StreamFault.DUPLICATED,
    LoseReports: StreamFault.LOST,
    ReorderReports: StreamFault.REORDERED,
}
_NEED_A_WIRE: Final = (HalfOpen, MalformedAnswer, MalformedReport, UnknownFields)
RICH: Final = {"BTC": Decimal(1_000), "USDT": Decimal(100_000_000)}


def paper_instruments() -> Sequence[TradedInstrument]:
    """A spot pair, a linear and an inverse contract."""
    return (
        TradedInstrument(InstrumentId(f"{VENUE}:SPOT_PAIR:BTC-USDT"), Decimal("60000.00"), Decimal("0.01")),
        TradedInstrument(InstrumentId(f"{VENUE}:PERPETUAL:BTC-USDT@LIN"), Decimal("60000.0"), Decimal("0.01")),
        TradedInstrument(InstrumentId(f"{VENUE}:PERPETUAL:BTC-USD@INV"), Decimal("60000.0"), Decimal(10)),
    )


class SkewedClock:
    """A clock that can be set ahead of another one."""

    def __init__(self, clock: PaperClock) -> None:
        self._clock = clock
        self.ahead_ns = 0

    def now_ns(self) -> int:
        return self._clock.now_ns() + self.ahead_ns

    def seconds_until(self, at_ns: int) -> float:
        return self._clock.seconds_until(at_ns - self.ahead_ns)

    async def sleep_until_ns(self, at_ns: int) -> None:
        await self._clock.sleep_until_ns(at_ns - self.ahead_ns)


class PaperHarness(VenueHarness):
    """A paper venue without a market of its own, its adapter, and another account that trades with it."""

    title: ClassVar[str] = "paper venue, in process"
    patience_s: ClassVar[float] = 5.0
    plugin: ClassVar[str | None] = "liveexec.builtins"
    tells_balances: ClassVar[bool] = True
    detailed_order: ClassVar[Mapping[str, Any] | None] = {"details": {"text": "of the desk upstairs"}}
    scripts: ClassVar[frozenset[type[VenueScript]]] = frozenset(
        {
            BustFill,
            CutConnection,
            CutDuring,
            DelayAnswer,
            DuplicateReports,
            EndInstrument,
            FailInside,
            ForgetFinished,
            HideNewOrders,
            LimitRate,
            LoseAnswer,
            LoseReports,
            MoveAsset,
            MoveAssetAs,
            Refuse,
            ReorderReports,
            SkewClock,
        }
    )

    def __init__(self, **changes: Any) -> None:
        venue = btc_venue(VENUE, maker_fee=Decimal("0.0001"), taker_fee=Decimal("0.0004"), is_fed=False)
        accounts = tuple(PaperAccount(account, RICH) for account in (OWN, OTHER))
        # A script without rules: a venue that has one can be given others while it runs.
        self.config: PaperVenueConfig = evolve(
            venue, accounts=accounts, faults=FaultScript(()), tells_balances=True, **changes
        )
        self._numbers = count(1)
        self._rules: list[FaultRule] = []
        self._stream: list[StreamFault] = []
        self._forgotten: list[OrderReport] = []

    async def start(self) -> None:
        world = PaperWorld(PaperWorldConfig((self.config,)))
        self._clock = PaperClock.starting_at(time.time_ns())
        self._time = SkewedClock(self._clock)
        self.driver = WorldDriver(world, self._time)
        self.desk = world.desk(VENUE)
        assert self.desk.injector is not None
        self._injector = self.desk.injector

    async def stop(self) -> None:
        pass  # the world stands still once nobody is connected

    def adapter(self) -> ExternalAdapter:
        return PaperAdapter(self.driver, VENUE, (OWN,))

    @property
    def clock(self) -> Clock:
        """The venue's own, which may lag behind the machine's: a busy machine is interrupted where the one is read from
        the other."""
        return self._clock

    @property
    def account_id(self) -> AccountId:
        return OWN

    @property
    def instruments(self) -> Sequence[TradedInstrument]:
        return paper_instruments()

    @property
    def ending(self) -> tuple[TradedInstrument, Decimal] | None:
        linear = paper_instruments()[1]
        return linear, linear.price + 1_000

    async def rest(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self._trade(instrument_id, side, price, quantity, TimeInForce.GTC)

    async def take(self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal) -> None:
        self._trade(instrument_id, side, price, quantity, TimeInForce.IOC)

    async def clear(self, instrument_id: InstrumentId) -> None:
        exchange, at_ns = self.desk.exchange, self._time.now_ns()
        for order in exchange.snapshots.every_order(OTHER):
            if order.instrument_id == instrument_id and order.status.is_open:
                ref = OrderRef(OTHER, instrument_id, order.client_order_id, order.venue_order_id)
                exchange.cancel(ref, at_ns)
        self.driver.world.settle(self.desk)

    async def orders(self) -> Sequence[OrderReport]:
        return (*self._forgotten, *self.desk.exchange.snapshots.every_order(OWN))

    async def details_of(self, order: OrderReport) -> Mapping[str, Any]:
        assert order.client_order_id is not None
        return {"text": self.desk.exchange.truth_of(OWN, order.client_order_id).text}

    async def fills(self) -> Sequence[FillReport]:
        told = self.desk.exchange.snapshots.fills(OWN, 0, self.driver.clock.now_ns()).items
        undone = {each.original_key for each in told if each.action is FillAction.BUST}
        return [each for each in told if each.action is FillAction.TRADE and each.fill.key not in undone]

    async def positions(self) -> Sequence[PositionReport]:
        return self.desk.exchange.snapshots.positions(OWN, self.driver.clock.now_ns()).items

    async def balances(self) -> Sequence[BalanceReport]:
        return self.desk.exchange.snapshots.balances(OWN, self.driver.clock.now_ns()).items

    async def received(self, verb: Verb) -> int:
        return self._injector.count(FaultVerb(verb.value))

    def why_not(self, script: VenueScript) -> str | None:
        if type(script) in _NEED_A_WIRE:
            return "calls within one process send no bytes, so nothing of this kind can happen to them"
        if isinstance(script, CutPages):
            return "the venue gives everything at once"
        if isinstance(script, ExpireToken | RefuseLogin):
            return "the venue has no credentials"
        if isinstance(script, HideNewOrders) and not self.config.visibility_lag_ns:
            return "the manifest declares no visibility lag"
        if isinstance(script, SkewClock) and script.ahead_s < 0:
            return "the venue's time never falls"
        return super().why_not(script)

    async def inject(self, script: VenueScript) -> None:
        now_ns = self._time.now_ns()
        match script:
            case CutConnection(refuse_for_s=refuse_for_s):
                self.desk.cut(AdapterError("the connection was cut"), now_ns + int(refuse_for_s * _SECOND_NS))
            case BustFill():
                self._administer(lambda: self.desk.exchange.administration.bust(OWN, self._newest_fill()))
            case EndInstrument():
                assert self.ending is not None
                instrument, price = self.ending
                self._administer(lambda: self.desk.exchange.administration.settle(instrument.instrument_id, price))
            case ForgetFinished():
                self._forgotten += [
                    each for each in self.desk.exchange.snapshots.every_order(OWN) if not each.status.is_open
                ]
                self.desk.exchange.forget_finished()
            case MoveAsset(asset=asset, amount=amount):
                self._move(asset, amount, AssetKind.DEPOSIT)
            case MoveAssetAs(asset=asset, amount=amount, kind=kind):
                self._move(asset, amount, kind)
            case SkewClock(ahead_s=ahead_s):
                self._time.ahead_ns = int(ahead_s * _SECOND_NS)
            case HideNewOrders():
                pass  # what the manifest declares holds all the while
            case LastingFault():
                self._stream.append(_STREAM_FAULTS[type(script)])
                self._follow()
            case RequestFault():
                delay_ns = int(script.delay_s * _SECOND_NS) if isinstance(script, DelayAnswer) else 0
                placed = script.placed if isinstance(script, LoseAnswer | FailInside | CutDuring) else True
                self._rules.append(
                    FaultRule(
                        _KINDS[type(script)],
                        FaultVerb(script.verb.value),
                        ordinals=(self._injector.count(FaultVerb(script.verb.value)) + 1,),
                        placed=placed,
                        delay_ns=delay_ns,
                    )
                )
                self._follow()
            case _:
                raise AssertionError(f"{script} was declined before")

    async def heal(self) -> None:
        self._rules, self._stream = [], []
        self._time.ahead_ns = 0
        self._follow()

    def _administer(self, act: Callable[[], None]) -> None:
        self.desk.exchange.advance(self._time.now_ns())
        act()
        self.driver.world.settle(self.desk)

    def _newest_fill(self) -> FillKey:
        """The newest of an order that has ended."""
        snapshots, now_ns = self.desk.exchange.snapshots, self._time.now_ns()
        ended = {each.venue_order_id for each in snapshots.every_order(OWN) if not each.status.is_open}
        fills = snapshots.fills(OWN, 0, now_ns).items
        return [each.fill.key for each in fills if each.venue_order_id in ended][-1]

    def _move(self, asset: str, amount: Decimal, kind: AssetKind) -> None:
        self.desk.exchange.move_asset(OWN, asset, amount, kind, self._time.now_ns())
        self.driver.world.settle(self.desk)

    def _follow(self) -> None:
        self._injector.follow(FaultScript(tuple(self._rules), stream=tuple(self._stream)))

    def _trade(
        self, instrument_id: InstrumentId, side: Side, price: Decimal, quantity: Decimal, tif: TimeInForce
    ) -> None:
        number = next(self._numbers)
        order = VenueOrder(
            order_id=OrderId(f"ORD-other-{number}"),
            account_id=OTHER,
            instrument_id=instrument_id,
            operation=Operation.TRADE,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=tif,
            quantity=quantity,
            price=price,
        )
        now_ns = self.driver.clock.now_ns()
        self.driver.world.advance(now_ns)
        self.desk.exchange.submit(order, SendPlan(ClientOrderId(f"other-{number}"), 1 << 62), now_ns)
        self.driver.world.settle(self.desk)
