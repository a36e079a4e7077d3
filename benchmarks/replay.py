"""The light replay beside a bare NautilusTrader strategy that sends the same orders, one every hundred quotes.

There, a strategy counts quotes of the best level, which are loaded outside of the time that counts, and submits. Here,
books of five levels begin as Arrow columns, signals name the same moments, and the whole of liveexec's engine decides:
every risk rule that a careful configuration switches on, the router, order state and positions, with the paper venue
behind it. Rounds alternate in one process.

``every row``: the same with nothing skipped. ``resting``: an order rests far from the market from the beginning to the
end, so that every book has to be replayed anyway.
"""

import time
from decimal import Decimal
from typing import Final

import pyarrow as pa

from benchmarks.books import EVERY, START_US, BookMarket, intent, signals, venue, walk
from benchmarks.driver import freeze
from benchmarks.figures import Figure, Result, spread_of
from benchmarks.options import Options
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.config import EngineConfig
from liveexec.engine.risk_config import RiskConfig
from liveexec.plugins.manager import load_plugins
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.paper_host import PaperHost
from liveexec.replay.parts import EngineParts, TimedIntent
from liveexec.replay.ports import HostRun
from liveexec.replay.recording import ReplayRecording

__all__ = ["run"]

GOAL: Final = 0.2
_PEER: Final = "nautilus_trader 2.0.0rc7"


def run(options: Options) -> Result:
    """Alternate rounds, and compare."""
    count, rounds = (20_000, 2) if options.quick else (400_000, 5)
    try:
        from benchmarks.nautilus_bare import bare_run  # noqa: PLC0415 -- an optional dependency
    except ModuleNotFoundError:
        return Result("replay", [Figure(_PEER, "not measured")], ["install it with: uv sync --group nautilus"])
    books = walk(count)
    orders = (count - 1) // EVERY
    freeze()
    theirs, ours, every_row, resting = [], [], [], []
    for number in range(rounds):
        _, took_s, filled = bare_run(books, EVERY, books=False)
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
            "processor time, so that what else the machine does counts less",
        ],
    )


def _replay(books: pa.Table, orders: int, *, every_row: bool = False, rests: bool = False) -> float:
    """Seconds of a replay; whether everything came out as it has to is looked at afterwards."""
    asked = signals(books.num_rows)
    if rests:
        asked.append(TimedIntent(START_US * 1_000, intent(Side.BUY, Decimal(1_000))))
    recording = ReplayRecording()
    driver = ReplayDriver(_parts(), asked, recording)
    started_s = time.process_time()
    run = HostRun((venue(),), BookMarket(books), driver, {"every_row": every_row})
    truth = PaperHost().run(run)
    took_s = time.process_time() - started_s
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
