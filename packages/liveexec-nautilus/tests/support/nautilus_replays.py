"""Replays for tests: two venues on one synthetic market, a few signals, and what came of them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import define, field, frozen

from liveexec.domain.fill import Fill
from liveexec.domain.ids import AccountId, InstrumentId, StrategyId, VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.intent import OrderIntent
from liveexec.domain.market import TradeBar
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order import Order
from liveexec.domain.order_event import FillApplied, Routed
from liveexec.engine.config import EngineConfig
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError
from liveexec.plugins.manager import load_plugins
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import EventMarket, ReplayMarket
from liveexec.replay.parts import EngineParts, TimedIntent
from liveexec.replay.ports import HostRun, ReplayTruth
from liveexec.venues.paper.config import Latency, PaperAccount, PaperInstrument, PaperVenueConfig
from liveexec.venues.paper.synthetic import SyntheticInstrument, SyntheticMarket

START_NS: Final = 1_723_075_200_000_000_000
SECOND_NS: Final = 1_000_000_000
MS: Final = 1_000_000
SOURCE: Final = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN")
NORTH, SOUTH = VenueName("NORTH"), VenueName("SOUTH")
NORTH_SPOT: Final = InstrumentId("NORTH:SPOT_PAIR:BTC-USDT")
NORTH_PERP: Final = InstrumentId("NORTH:PERPETUAL:BTC-USDT@LIN")
NORTH_INVERSE: Final = InstrumentId("NORTH:PERPETUAL:BTC-USD@INV")
SOUTH_PERP: Final = InstrumentId("SOUTH:PERPETUAL:BTC-USDT@LIN")
PERP: Final = "PERPETUAL:BTC-USDT@LIN"


def instrument(
    instrument_id: InstrumentId,
    kind: ContractKind,
    *,
    lot: str = "0.001",
    offset_ticks: int = 0,
    multiplier: str = "1",
    taker_fee: str = "0.0005",
) -> PaperInstrument:
    """A listing of BTC that the one source feeds."""
    is_inverse = kind is ContractKind.INVERSE
    quote = "USD" if is_inverse else "USDT"
    return PaperInstrument(
        instrument_id,
        kind,
        "BTC",
        quote,
        "BTC" if is_inverse else quote,
        tick=Decimal("0.1"),
        lot=Decimal(lot),
        min_quantity=Decimal(lot),
        multiplier=Decimal(multiplier),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal(taker_fee),
        source=SOURCE,
        offset_ticks=offset_ticks,
    )


def venues(**changes: Any) -> tuple[PaperVenueConfig, ...]:
    """A venue with a pair, a linear and an inverse contract, and a second one a little dearer."""
    balances = {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}
    return (
        PaperVenueConfig(
            NORTH,
            (PaperAccount(AccountId("north-1"), balances),),
            (
                instrument(NORTH_SPOT, ContractKind.SPOT),
                instrument(NORTH_PERP, ContractKind.LINEAR),
                instrument(NORTH_INVERSE, ContractKind.INVERSE, lot="1", multiplier="10"),
            ),
            **changes,
        ),
        PaperVenueConfig(
            SOUTH,
            (PaperAccount(AccountId("south-1"), balances),),
            (instrument(SOUTH_PERP, ContractKind.LINEAR, offset_ticks=3, taker_fee="0.0004"),),
            **changes,
        ),
    )


def market(seconds: int, *, seed: int = 7, step_ns: int = 100 * MS) -> EventMarket:
    """So many seconds of a seeded market."""
    source = SyntheticMarket(
        [SyntheticInstrument(SOURCE, Decimal(60_000), Decimal("0.1"), Decimal("0.001"), Decimal(2))],
        seed=seed,
        start_ns=START_NS,
        step_ns=step_ns,
    )
    return EventMarket(source, until_ns=START_NS + seconds * SECOND_NS)


def signal(
    at_s: float,
    instrument_key: str,
    side: Side,
    quantity: str,
    *,
    price: str | None = None,
    algorithm: str = "NORMAL",
    params: Mapping[str, Any] | None = None,
    **others: Any,
) -> TimedIntent:
    """An order that is asked for so many seconds after the market began."""
    return TimedIntent(
        START_NS + round(at_s * SECOND_NS),
        OrderIntent(
            operation=Operation.TRADE,
            quantity=Decimal(quantity),
            strategy_id=StrategyId("momentum"),
            instrument_key=instrument_key,
            side=side,
            order_type=OrderType.LIMIT if price is not None else OrderType.MARKET,
            price=Decimal(price) if price is not None else None,
            exec_algorithm=algorithm,
            exec_algorithm_params=params,
            **others,
        ),
    )


@frozen
class Told:
    """One event as it was recorded."""

    at_ns: int
    stream: str
    event: Any


@define(eq=False)
class Recording:
    """Keeps everything that became true."""

    told: list[Told] = field(factory=list)
    refusals: list[LiveExecError] = field(factory=list)
    bars: list[TradeBar] = field(factory=list)
    marks: list[int] = field(factory=list)
    engine: ExecutionEngine | None = None

    def begun(self, engine: ExecutionEngine, at_ns: int) -> None:
        self.engine = engine

    def decided(self, decision: Decision, at_ns: int) -> None:
        self.told += [Told(at_ns, record.stream, event) for record in decision.records for event in record.events]

    def refused(self, signal: TimedIntent, number: int, error: LiveExecError, at_ns: int) -> None:
        self.refusals.append(error)

    def printed(self, bar: TradeBar) -> None:
        self.bars.append(bar)

    def marked(self, at_ns: int) -> None:
        self.marks.append(at_ns)


@define(eq=False)
class Replayed:
    """A replay that is over."""

    recording: Recording
    truth: ReplayTruth
    driver: ReplayDriver

    @property
    def orders(self) -> list[Order]:
        """Every order in memory, oldest first."""
        return list(self.driver.engine.state.ledger.orders.values())

    @property
    def fills(self) -> list[Fill]:
        """Every fill that was counted, in the order in which it was."""
        return [told.event.fill for told in self.recording.told if isinstance(told.event, FillApplied)]

    @property
    def routes(self) -> list[Routed]:
        return [told.event for told in self.recording.told if isinstance(told.event, Routed)]

    def kinds(self, order: Order) -> list[str]:
        """The names of an order's events."""
        return [type(told.event).__name__ for told in self.recording.told if told.stream == order.order_id]


def parts(config: EngineConfig | None = None) -> EngineParts:
    """The engine with everything that is built in."""
    plugins = load_plugins(())
    return EngineParts(
        config if config is not None else EngineConfig(router=RouterConfig(policy="best_price")),
        dict(plugins.risk_rules),
        {name: make() for name, make in plugins.routing_policies.items()},
        {name: make() for name, make in plugins.execution_algorithms.items()},
    )


def replay(
    host: Any,
    signals: Sequence[TimedIntent],
    *,
    through: ReplayMarket | None = None,
    at: tuple[PaperVenueConfig, ...] | None = None,
    options: Mapping[str, Any] | None = None,
    latency: Mapping[VenueName, Latency] | None = None,
    config: EngineConfig | None = None,
) -> Replayed:
    """Replay signals on a host."""
    recording = Recording()
    driver = ReplayDriver(parts(config), signals, recording, latency=latency, seed=1)
    run = HostRun(
        at if at is not None else venues(), through if through is not None else market(60), driver, options or {}
    )
    return Replayed(recording, host.run(run), driver)
