"""Replays to play with: a paper venue with whole-number grids, markets that are written down, and orders for them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId, VenueName
from liveexec.domain.intent import OrderIntent
from liveexec.domain.market import Level
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.config import EngineConfig
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import EventMarket
from liveexec.replay.paper_host import PaperHost
from liveexec.replay.parts import EngineParts, TimedIntent
from liveexec.replay.ports import HostRun, ReplayTruth
from liveexec.replay.recording import ReplayRecording
from liveexec.venues.paper.config import Latency, PaperVenueConfig
from liveexec.venues.paper.market import MarketEvent, SourceBook, SourceTrade
from support.paper import ALICE, LINEAR, SPOT, dec, instrument, venue_config

__all__ = [
    "START_NS",
    "Played",
    "S",
    "WrittenMarket",
    "at",
    "book",
    "engine_parts",
    "fed_venue",
    "intents",
    "markets",
    "order",
    "play",
    "trade",
]

S: Final = 1_000_000_000
START_NS: Final = 1_767_830_400 * S
_DEEP: Final = ((99, 50), (98, 50), (97, 50)), ((101, 50), (102, 50), (103, 50))


@frozen
class Played:
    """A replay that is over."""

    recording: ReplayRecording
    truth: ReplayTruth
    driver: ReplayDriver

    @property
    def orders(self) -> list[Order]:
        """Every order, in the order in which they were made."""
        return list(self.recording.orders.values())

    @property
    def parents(self) -> list[Order]:
        """The orders that signals asked for."""
        return [order for order in self.orders if order.parent_id is None]


class WrittenMarket:
    """A source of events that a test wrote down."""

    def __init__(self, events: Sequence[MarketEvent]) -> None:
        self._events = events
        self.instruments = tuple(dict.fromkeys(event.instrument_id for event in events))
        self.start_ns = events[0].time_ns if events else START_NS

    def events(self) -> Iterator[MarketEvent]:
        return iter(self._events)


class PushingDriver(ReplayDriver):
    """Sees every book, as a live engine does."""

    @property
    def watched(self) -> frozenset[InstrumentId]:
        return frozenset((SPOT, LINEAR))


def at(seconds: float) -> int:
    """So long after the start."""
    return START_NS + round(seconds * S)


def book(
    seconds: float,
    bids: Sequence[tuple[int, int]] = _DEEP[0],
    asks: Sequence[tuple[int, int]] = _DEEP[1],
    instrument_id: InstrumentId = SPOT,
) -> SourceBook:
    return SourceBook(instrument_id, at(seconds), _levels(bids), _levels(asks))


def trade(
    seconds: float, price: int, quantity: int, aggressor: Side | None = None, instrument_id: InstrumentId = SPOT
) -> SourceTrade:
    return SourceTrade(instrument_id, at(seconds), dec(price), dec(quantity), aggressor)


def order(
    seconds: float, quantity: int = 5, side: Side = Side.BUY, price: int | None = None, **more: Any
) -> TimedIntent:
    """A signal: a market order, or a limit order where it has a price."""
    values: dict[str, Any] = {
        "operation": Operation.TRADE,
        "instrument_key": SPOT,
        "quantity": dec(quantity),
        "strategy_id": "tested",
        "side": side,
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "price": dec(price) if price is not None else None,
    }
    return TimedIntent(at(seconds), OrderIntent(**{**values, **more}))


def fed_venue(**changes: Any) -> PaperVenueConfig:
    """A venue whose spot pair and perpetual are fed by source instruments of the same names; one rich account."""
    listings = tuple(evolve(instrument(name), source=name) for name in (SPOT, LINEAR))
    whole = venue_config(instruments=listings)
    alice = tuple(account for account in whole.accounts if account.account_id == ALICE)
    return evolve(whole, accounts=alice, **changes)


def engine_parts(config: EngineConfig | None = None, **algorithms: Any) -> EngineParts:
    """The built-in rules, policies and algorithms, and these algorithms beside them."""
    return EngineParts(
        config if config is not None else EngineConfig(),
        BUILT_IN_RULES,
        BUILTIN_POLICIES,
        {**BUILTIN_ALGORITHMS, **algorithms},
    )


def play(
    events: Sequence[MarketEvent],
    signals: Sequence[TimedIntent],
    *,
    venues: Sequence[PaperVenueConfig] | None = None,
    parts: EngineParts | None = None,
    latency: Mapping[VenueName, Latency] | None = None,
    every_row: bool = False,
    pushes: bool = False,
    **options: Any,
) -> Played:
    """Replay on the light host. ``pushes``: the engine is told of every book, and not only of those it decides by."""
    recording = ReplayRecording()
    kind = PushingDriver if pushes else ReplayDriver
    driver = kind(parts if parts is not None else engine_parts(), signals, recording, latency=latency, **options)
    served = tuple(venues) if venues is not None else (fed_venue(),)
    run = HostRun(served, EventMarket(WrittenMarket(events)), driver, {"every_row": every_row})
    return Played(recording, PaperHost().run(run), driver)


def _levels(pairs: Sequence[tuple[int, int]]) -> tuple[Level, ...]:
    return tuple((dec(price), dec(quantity)) for price, quantity in pairs)


@st.composite
def markets(draw: st.DrawFn, most: int = 60) -> list[MarketEvent]:
    """Books and trades of two instruments, some of them at the same time, some far apart."""
    events: list[MarketEvent] = [book(0, instrument_id=name) for name in (SPOT, LINEAR)]
    seconds = 0.0
    for _ in range(draw(st.integers(1, most))):
        seconds += draw(st.sampled_from((0, 0, 0.001, 0.2, 0.9, 5, 40)))
        name = draw(st.sampled_from((SPOT, SPOT, LINEAR)))
        if draw(st.booleans()):
            middle = draw(st.integers(97, 103))
            bids = sorted(draw(st.lists(st.integers(middle - 4, middle - 1), max_size=3, unique=True)), reverse=True)
            asks = sorted(draw(st.lists(st.integers(middle, middle + 4), max_size=3, unique=True)))
            size = st.integers(1, 9)
            events.append(
                book(
                    seconds,
                    [(price, draw(size)) for price in bids],
                    [(price, draw(size)) for price in asks],
                    instrument_id=name,
                )
            )
        else:
            aggressor = draw(st.sampled_from((Side.BUY, Side.SELL, None)))
            events.append(trade(seconds, draw(st.integers(95, 105)), draw(st.integers(1, 9)), aggressor, name))
    # As a recording has them: of one time, trades come before books.
    return sorted(events, key=lambda event: (event.time_ns, isinstance(event, SourceBook)))


@st.composite
def intents(draw: st.DrawFn, most: int = 8) -> list[TimedIntent]:
    """Orders of every kind that rests, takes or works over time."""
    signals = []
    seconds = 0.0
    for _ in range(draw(st.integers(0, most))):
        seconds += draw(st.sampled_from((0, 0.001, 0.2, 1.5, 30)))
        quantity, side = draw(st.integers(1, 12)), draw(st.sampled_from((Side.BUY, Side.SELL)))
        price = draw(st.integers(95, 105))
        name = draw(st.sampled_from((SPOT, SPOT, LINEAR, "SPOT_PAIR:BTC-USDT")))
        kind = draw(st.sampled_from(("market", "limit", "limit", "ioc", "gtd", "iceberg", "twap", "vwap")))
        more: dict[str, Any] = {"instrument_key": name}
        match kind:
            case "ioc":
                more["time_in_force"] = TimeInForce.IOC
            case "gtd":
                more |= {"time_in_force": TimeInForce.GTD, "expire_at_ns": at(seconds + draw(st.sampled_from((1, 7))))}
            case "iceberg":
                more |= {"exec_algorithm": "ICEBERG", "exec_algorithm_params": {"visible_pct": "40"}}
            case "twap":
                params = {"horizon_secs": draw(st.sampled_from((2, 30))), "interval_secs": 1}
                more |= {"exec_algorithm": "TWAP", "exec_algorithm_params": params}
            case "vwap":
                more |= {"exec_algorithm": "VWAP", "exec_algorithm_params": {"horizon_secs": 20, "intervals": 4}}
        is_market = kind in ("market", "twap", "vwap")
        signals.append(order(seconds, quantity, side, None if is_market else price, **more))
    return signals
