"""Parity: the same signals on the same market make the same journal live and in a replay.

Live is the orchestrator with its runtime, adapters and paper venues on time that the test moves; the replay is the
driver on the light host. What may differ is listed below, and erased before the journals are compared; everything else
is the same to the last byte: orders, risk verdicts, routes with the scores of every candidate, schedules, children,
requests and fills.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import pytest
from attrs import evolve

from liveexec.domain.account_event import AccountOpened, AssetMoved
from liveexec.domain.codec import encode_events
from liveexec.domain.ids import StrategyId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_event import FillApplied, OrderReceived, Routed
from liveexec.domain.record import Record
from liveexec.engine.config import EngineConfig
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import EventMarket
from liveexec.replay.paper_host import PaperHost
from liveexec.replay.parts import TimedIntent
from liveexec.replay.ports import HostRun
from liveexec.replay.recording import ReplayRecording
from liveexec.venues.paper.market import MarketSource
from liveexec.venues.paper.parquet import RecordedMarket
from liveexec.venues.paper.presets import btc_world
from liveexec.venues.paper.synthetic import SyntheticMarket
from liveexec.venues.paper.world_config import PaperWorldConfig, SyntheticMarketConfig
from support.replay_specs import RECORDED
from support.replays import START_NS, S, engine_parts
from support.stepped import SteppedHost

SPOT, LINEAR, INVERSE = "SPOT_PAIR:BTC-USDT", "PERPETUAL:BTC-USDT@LIN", "PERPETUAL:BTC-USD@INV"
MS: Final = 1_000_000
CONFIG: Final = EngineConfig(
    risk=RiskConfig(
        max_order_quantity={"*": Decimal(1_000), LINEAR: Decimal(50)},
        price_tolerance=Decimal("0.05"),
        max_market_age_ns=5 * S,
        max_orders_per_second=100,
        check_balance=True,
        margin_rate=Decimal("0.1"),
    ),
    router=RouterConfig(policy="split"),
)

#: What may differ, and what erases it from the text of a record.
DIFFERENCES: Final[dict[str, Callable[[str], str]]] = {
    "order ids are made of chance live, of the seed in a replay": lambda text: text,  # _named numbers them
    "of one moment, timers come before what follows from the first of them live, and after it in a replay, so that "
    "records of several orders may stand in another order": lambda text: text,  # they are compared order by order
    "who asks is called local live, replay in a replay": lambda text: text.replace(
        '"principal":"replay"', '"principal":"local"'
    ),
}
#: And what differs beside that where the market does not keep step with the host, which hears of what happened between
#: two steps at the second one: when that is recorded, when what follows from it leaves, and so when that is filled; and
#: which book the candidates of its route are scored by.
BETWEEN_STEPS: Final = re.compile(r'"(valid_until_ns|venue_time_ns)":\d+|"candidates":\[.*?\](?=,"legs")')
_ID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def _signals(start_ns: int) -> list[TimedIntent]:
    """Orders of every kind: plain, split over venues, scheduled, resting, too large."""
    twap = {"horizon_secs": 60, "interval_secs": 10}
    vwap = {"horizon_secs": 40, "intervals": 8}

    def sent(after_s: float, quantity: str, side: Side, key: str, price: str | None = None, **more: Any) -> TimedIntent:
        intent = OrderIntent(
            operation=Operation.TRADE,
            instrument_key=key,
            side=side,
            quantity=Decimal(quantity),
            strategy_id=StrategyId("parity"),
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            price=Decimal(price) if price is not None else None,
            **more,
        )
        return TimedIntent(start_ns + round(after_s * S), intent)

    return [
        sent(0, "0.5", Side.BUY, SPOT),
        sent(5, "3", Side.SELL, LINEAR),
        sent(10, "2", Side.BUY, LINEAR, exec_algorithm="TWAP", exec_algorithm_params=twap),
        sent(15, "600", Side.SELL, INVERSE, exec_algorithm="VWAP", exec_algorithm_params=vwap),
        sent(
            20, "0.4", Side.BUY, f"PAPER-B:{SPOT}", "61790", exec_algorithm="ICEBERG",
            exec_algorithm_params={"visible_pct": 25},
        ),
        sent(25, "99", Side.BUY, LINEAR),
        sent(30, "1", Side.BUY, f"PAPER-B:{LINEAR}", "61775.0"),
        sent(35, "30", Side.SELL, LINEAR),
        sent(40, "0.02", Side.SELL, f"PAPER-A:{SPOT}", "61000"),
        sent(40, "0.02", Side.SELL, f"PAPER-A:{SPOT}", "63000"),
    ]  # fmt: skip


async def test_a_synthetic_market_makes_the_same_journal_to_the_last_byte() -> None:
    step_ns = 200 * MS
    world = btc_world(market=None, start_ns=START_NS, seed=3)
    assert isinstance(world.market, SyntheticMarketConfig)
    world = evolve(world, market=evolve(world.market, step_ns=step_ns))
    market = world.open_market()
    assert isinstance(market, SyntheticMarket)
    signals, end_ns = _signals(START_NS + 70 * S), START_NS + 150 * S
    live = await SteppedHost(world, market, CONFIG).run(signals, end_ns, step_ns)
    replayed = _replayed(world, market, signals, end_ns, books_first=True)
    assert _tells_of_everything(live)
    # An account is opened when the host connects, which is after the market's warm-up, and when the replay begins.
    assert _openings(live) == _openings(replayed)
    assert _by_stream(live) == _by_stream(replayed)


@pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded market: set LIVEEXEC_TEST_DATA to the folder with the test data"
)
async def test_the_recorded_market_makes_the_same_journal_but_for_times_within_a_step() -> None:
    step_ns = 50 * MS
    world = evolve(btc_world(market=RECORDED, start_ns=0), warmup_s=10)
    market = RecordedMarket(RECORDED, world.sources)
    start_ns = market.start_ns + 20 * S + 1_234_000
    signals, end_ns = _signals(start_ns), market.start_ns + 105 * S
    live = await SteppedHost(world, market, CONFIG).run(signals, end_ns, step_ns)
    replayed = _replayed(world, market, signals, end_ns)
    assert _tells_of_everything(live)
    ours, theirs = ([each for each in _named(records) if not _opens(each)] for records in (live, replayed))
    assert _by_order(ours) == _by_order(theirs)
    # Nothing is recorded earlier or later than by a step, nor filled.
    for late_ns in (_later(live, replayed, _recorded_ns), _later(live, replayed, _filled_ns)):
        assert len(late_ns) > 15
        assert max(map(abs, late_ns)) <= step_ns


def _replayed(
    world: PaperWorldConfig,
    market: MarketSource,
    signals: Sequence[TimedIntent],
    end_ns: int,
    *,
    books_first: bool = False,
) -> list[Record]:
    recording = ReplayRecording()
    driver = ReplayDriver(engine_parts(CONFIG), signals, recording)
    source = EventMarket(market, until_ns=end_ns, books_first=books_first)
    PaperHost().run(HostRun(world.venues, source, driver))
    return recording.records


#: (stream, cause, events as text, when it was recorded)
_Told = tuple[str, str, str, int]


def _named(records: Sequence[Record]) -> list[_Told]:
    """The journal as text in which ids are numbered as they first come up, and other known differences are erased."""
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"<{len(names)}>")

    told = []
    for record in records:
        text = encode_events(record.events).decode()
        for erase in DIFFERENCES.values():
            text = erase(text)
        told.append((_ID.sub(name, record.stream), record.cause, _ID.sub(name, text), record.at_ns))
    return told


def _opens(told: _Told) -> bool:
    return not told[0].startswith("ORD-")


def _by_stream(records: Sequence[Record]) -> dict[str, list[_Told]]:
    """The records of each order, with their times and causes."""
    found: dict[str, list[_Told]] = {}
    for told in _named(records):
        if not _opens(told):
            found.setdefault(told[0], []).append(told)
    return found


def _by_order(told: Sequence[_Told]) -> dict[str, str]:
    """What became true of each order, in its order, whatever the times and the cuts between records were."""
    found: dict[str, str] = {}
    for stream, _, text, _ in told:
        found[stream] = found.get(stream, "") + BETWEEN_STEPS.sub("", text).strip("[]") + "\n"
    return {stream: text.replace("],[", "\n") for stream, text in found.items()}


def _openings(records: Sequence[Record]) -> list[tuple[str, str, str, Decimal]]:
    events = [event for record in records for event in record.events]
    return [
        (event.account_id, event.asset, event.reference, event.amount)
        for event in events
        if isinstance(event, AssetMoved)
    ]


def _later(
    live: Sequence[Record], replayed: Sequence[Record], times: Callable[[Sequence[Record]], list[int]]
) -> list[int]:
    """How much later something of each order happened live."""
    ours, theirs = (_records_by_order(records) for records in (live, replayed))
    return [
        here - there
        for first, second in zip(ours, theirs, strict=True)
        for here, there in zip(times(first), times(second), strict=True)
    ]


def _records_by_order(records: Sequence[Record]) -> list[list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.stream.startswith("ORD-"):
            found.setdefault(record.stream, []).append(record)
    return list(found.values())


def _recorded_ns(records: Sequence[Record]) -> list[int]:
    """When each event of an order was recorded."""
    return [record.at_ns for record in records for _ in record.events]


def _filled_ns(records: Sequence[Record]) -> list[int]:
    events = [event for record in records for event in record.events]
    return [event.fill.venue_time_ns for event in events if isinstance(event, FillApplied)]


def _tells_of_everything(records: Sequence[Record]) -> bool:
    """Whether the comparison is of a full day's work, and not of two journals in which nothing happened."""
    events = [event for record in records for event in record.events]
    orders = sum(isinstance(event, OrderReceived) for event in events)
    legs = [len(event.legs) for event in events if isinstance(event, Routed)]
    opened = sum(isinstance(event, AccountOpened | AssetMoved) for event in events)
    return orders > 20 and max(legs) > 1 and opened > 2 and sum(isinstance(each, FillApplied) for each in events) > 15
