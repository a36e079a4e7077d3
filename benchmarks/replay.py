"""The light replay beside a bare NautilusTrader strategy that sends the same orders, one every hundred quotes.

There, a strategy counts quotes of the best level, which are loaded before the clock starts, and submits. Here, books of
five levels begin as Arrow columns, signals name the same moments, and the whole of liveexec's engine decides: every
risk rule that a careful configuration switches on, the router, order state and positions, with the paper venue behind
it. Rounds alternate in one process.

``every row``: the same with nothing skipped. ``resting``: an order rests far from the market from the beginning to the
end, so that every book has to be replayed anyway.
"""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
from attrs import frozen

from benchmarks.driver import freeze
from benchmarks.figures import Figure, Result, spread_of
from benchmarks.options import Options
from liveexec.domain.ids import AccountId, InstrumentId, StrategyId, VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.recorded import TickKind
from liveexec.engine.config import EngineConfig
from liveexec.engine.risk_config import RiskConfig
from liveexec.plugins.manager import load_plugins
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import MarketChunk
from liveexec.replay.paper_host import PaperHost
from liveexec.replay.parts import EngineParts, TimedIntent
from liveexec.replay.ports import HostRun
from liveexec.replay.recorded_market import rows_of_table
from liveexec.replay.recording import ReplayRecording
from liveexec.venues.paper.config import PaperAccount, PaperInstrument, PaperVenueConfig

__all__ = ["run"]

GOAL: Final = 0.2
EVERY: Final = 100
START_US: Final = 1_723_075_200_000_000
BTC: Final = InstrumentId("BENCH:PERPETUAL:BTC-USDT@LIN")
QUANTITY: Final = Decimal("0.001")
_PEER: Final = "nautilus_trader 2.0.0rc7"


@frozen
class _Books:
    """Books of five levels, one a millisecond: columns for us, the best level as text for them."""

    table: pa.Table
    quotes: list[tuple[int, str, str, str, str]]


def run(options: Options) -> Result:
    """Alternate rounds, and compare."""
    count, rounds = (20_000, 2) if options.quick else (400_000, 5)
    try:
        from benchmarks.nautilus_quotes import bare_run, quotes_of  # noqa: PLC0415 -- an optional dependency
    except ModuleNotFoundError:
        return Result("replay", [Figure(_PEER, "not measured")], ["install it with: uv sync --group nautilus"])
    books = _walk(count)
    theirs_loaded = quotes_of(books.quotes)
    orders = (count - 1) // EVERY
    freeze()
    theirs, ours, every_row, resting = [], [], [], []
    for number in range(rounds):
        took_s, filled = bare_run(list(theirs_loaded), EVERY)
        assert abs(filled - orders) <= 1, f"{filled} orders were filled there, not {orders}"
        theirs.append(count / took_s)
        ours.append(count / _replay(books, orders))
        every_row.append(count / _replay(books, orders, every_row=True))
        resting.append(count / _replay(books, orders, rests=True))
        options.say(f"round {number + 1} of {rounds}: {theirs[-1]:,.0f}/s there, {ours[-1]:,.0f}/s here")
    ratios = spread_of([here / there for here, there in zip(ours, theirs, strict=True)])
    slow = spread_of([here / there for here, there in zip(resting, theirs, strict=True)])
    return Result(
        "replay",
        [
            Figure(
                "quotes/s of the light replay ÷ a bare strategy's",
                ratios.text(),
                f"at least {GOAL}",
                ratios.median >= GOAL,
            ),
            Figure("the same while an order rests all along, so that no row is skipped", slow.text()),
            Figure("quotes/s here", spread_of(ours).text(0)),
            Figure("quotes/s here, an order resting", spread_of(resting).text(0)),
            Figure("quotes/s here, every row replayed", spread_of(every_row).text(0)),
            Figure(f"quotes/s on {_PEER}", spread_of(theirs).text(0)),
        ],
        [
            f"{count} books, a market order every {EVERY}, {rounds} rounds",
            "here: from Arrow columns to the end, with risk rules, router and journal; there: the run alone, no risk",
        ],
    )


def _walk(count: int) -> _Books:
    """A seeded walk of the price; no floating point differs between machines, since all prices are whole ticks."""
    draw, ticks, mids = 12_345, 600_000, []
    for _ in range(count):
        draw = (draw * 1_103_515_245 + 12_345) % (1 << 31)
        ticks += (draw >> 16) % 3 - 1
        mids.append(ticks)
    times = [START_US + 1_000 * index for index in range(count)]
    columns: dict[str, Any] = {"timestamp": pa.array(times, pa.int64())}
    for level in range(5):
        columns[f"bids[{level}].price"] = pa.array([(mid - level) / 10 for mid in mids])
        columns[f"asks[{level}].price"] = pa.array([(mid + 1 + level) / 10 for mid in mids])
        for side in ("bids", "asks"):
            columns[f"{side}[{level}].amount"] = pa.array([1.5 + level + (mid % 7) / 8 for mid in mids])
    quotes = [
        (
            at_us * 1_000,
            f"{mid / 10:.1f}",
            f"{(mid + 1) / 10:.1f}",
            f"{1.5 + mid % 7 / 8:.3f}",
            f"{1.5 + mid % 7 / 8:.3f}",
        )
        for at_us, mid in zip(times, mids, strict=True)
    ]
    return _Books(pa.table(columns), quotes)


class _Market:
    """Columns as a replay's market, in chunks of as many rows as a file's row groups may have."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.instruments = (BTC,)

    def chunks(self) -> Iterator[MarketChunk]:
        for start in range(0, self._table.num_rows, 65_536):
            yield MarketChunk((rows_of_table(BTC, TickKind.BOOKS, self._table.slice(start, 65_536)),))


def _replay(books: _Books, orders: int, *, every_row: bool = False, rests: bool = False) -> float:
    """Seconds of a replay; whether everything came out as it has to is looked at afterwards."""
    signals = [_signal(number) for number in range(1, orders + 1)]
    if rests:
        signals.append(TimedIntent(START_US * 1_000, _intent(Side.BUY, Decimal(1_000))))
    recording = ReplayRecording()
    driver = ReplayDriver(_parts(), signals, recording)
    started_s = time.perf_counter()
    run = HostRun((_venue(),), _Market(books.table), driver, {"every_row": every_row})
    truth = PaperHost().run(run)
    took_s = time.perf_counter() - started_s
    filled = sum(order.status is OrderStatus.FILLED for order in recording.orders.values())
    assert filled == orders, f"{filled} orders were filled here, not {orders}"
    assert len(truth.open_orders) == rests
    return took_s


def _parts() -> EngineParts:
    plugins = load_plugins(())
    risk = RiskConfig(
        max_order_quantity={"*": Decimal(1)},
        max_order_notional={"*": Decimal(1_000_000)},
        price_tolerance=Decimal("0.99"),
        max_market_age_ns=10_000_000_000,
        max_position_per_instrument={"*": Decimal(10)},
        max_total_notional=Decimal(10_000_000),
        max_orders_per_second=1_000,
        max_open_orders=100,
        max_loss=Decimal(1_000_000),
        check_balance=True,
        margin_rate=Decimal("0.1"),
    )
    return EngineParts(
        EngineConfig(risk=risk),
        plugins.risk_rules,
        {name: make() for name, make in plugins.routing_policies.items()},
        {name: make() for name, make in plugins.execution_algorithms.items()},
    )


def _venue() -> PaperVenueConfig:
    listing = PaperInstrument(
        BTC,
        ContractKind.LINEAR,
        "BTC",
        "USDT",
        "USDT",
        tick=Decimal("0.1"),
        lot=QUANTITY,
        min_quantity=QUANTITY,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        source=BTC,
    )
    account = PaperAccount(AccountId("bench"), {"USDT": Decimal(10_000_000)})
    return PaperVenueConfig(VenueName("BENCH"), (account,), (listing,))


def _signal(number: int) -> TimedIntent:
    at_ns = (START_US + 1_000 * EVERY * number) * 1_000
    return TimedIntent(at_ns, _intent(Side.BUY if number % 2 else Side.SELL))


def _intent(side: Side, price: Decimal | None = None) -> OrderIntent:
    return OrderIntent(
        operation=Operation.TRADE,
        quantity=QUANTITY,
        strategy_id=StrategyId("bench"),
        instrument_key=BTC,
        side=side,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=price,
    )
