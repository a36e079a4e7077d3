"""Replay through NautilusTrader's backtest engine with our engine attached, beside a bare strategy of the library's.

Both replay the same books of five levels and send the same market orders, one every hundred books. The bare strategy
(:mod:`benchmarks.nautilus_bare`) is what a user of the library writes: it subscribes, counts, and submits. Ours is the
whole of liveexec's engine (risk rules, router, order state, positions) behind the host. A second bare strategy replays
the best level alone, as quotes, which is the least that the library can be given. Rounds alternate; each is timed from
Arrow columns in memory to the end, and also the runs of the library's engine alone, which is what its own users time.
Times are the process' own, so that what else the machine does counts less.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import pyarrow as pa
from attrs import frozen

from benchmarks.books import EVERY, QUANTITY, BookMarket, signals, venue, walk
from benchmarks.figures import Figure, Result, spread_of
from benchmarks.options import Options
from liveexec.domain.market import TradeBar
from liveexec.engine.config import EngineConfig
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.engine.turn import Decision
from liveexec.errors import LiveExecError
from liveexec.plugins.manager import load_plugins
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.parts import EngineParts, TimedIntent
from liveexec.replay.ports import HostRun

__all__ = ["run"]

GOAL: Final = 0.6


def run(options: Options) -> Result:
    """Alternate rounds of the three, and compare medians."""
    books, rounds = (20_000, 2) if options.quick else (300_000, 5)
    table = walk(books)
    sides: dict[str, Callable[[pa.Table], _Round]] = {
        "quotes": partial(_bare, books=False),
        "books": partial(_bare, books=True),
        "ours": _ours,
    }
    found: dict[str, list[_Round]] = {name: [] for name in sides}
    for number in range(rounds):
        options.say(f"round {number + 1} of {rounds}: {books} books")
        for name, replay in sides.items():
            found[name].append(replay(table))
    expected = (books - 1) // EVERY
    for name, took in found.items():
        short = [each.filled for each in took if abs(each.filled - expected) > 1]
        if short:
            raise AssertionError(f"{name}: {short} orders were filled, not {expected}")
    return Result(
        "replay on NautilusTrader's backtest engine",
        [
            *(_speed(title, found[name], books) for name, title in _TITLES.items()),
            _ratio("ours ÷ bare on the same books", found, "books", "total_s", has_goal=True),
            _ratio("ours ÷ bare on the same books, loaded", found, "books", "run_s"),
            _ratio("ours ÷ bare on quotes", found, "quotes", "total_s"),
            _ratio("ours ÷ bare on quotes, loaded", found, "quotes", "run_s"),
        ],
        [
            f"{books} books of five levels, a market order every {EVERY}, {rounds} alternating rounds, medians",
            "from Arrow columns in memory to the end; loaded: the runs alone, over data that the library has",
            "both load ten thousand books at a time; processor time, so that what else the machine does counts less",
        ],
    )


_TITLES: Final = {
    "quotes": "bare strategy, quotes of the best level",
    "books": "bare strategy, the same books",
    "ours": "liveexec's engine attached",
}


@frozen
class _Round:
    total_s: float
    run_s: float
    filled: int


def _speed(title: str, rounds: list[_Round], books: int) -> Figure:
    whole = spread_of([books / each.total_s / 1e3 for each in rounds])
    loaded = spread_of([books / each.run_s / 1e3 for each in rounds])
    return Figure(f"{title}, thousand a second", f"{whole.text(0)}; loaded {loaded.text(0)}")


def _ratio(name: str, found: dict[str, list[_Round]], bare: str, part: str, *, has_goal: bool = False) -> Figure:
    theirs_s, ours_s = (median(getattr(each, part) for each in found[side]) for side in (bare, "ours"))
    ratio = theirs_s / ours_s
    return Figure(
        name, f"{ratio:.2f} times", f"at least {GOAL} times" if has_goal else "", ratio >= GOAL if has_goal else None
    )


def _bare(table: pa.Table, *, books: bool) -> _Round:
    from benchmarks.nautilus_bare import bare_run  # noqa: PLC0415 -- an optional dependency

    return _Round(*bare_run(table, EVERY, books=books))


class _TimedEngine:
    """The library's engine, of which the runs are timed."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.run_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def run(self, **span: Any) -> None:
        started_s = time.process_time()
        self._engine.run(**span)
        self.run_s += time.process_time() - started_s


class _Counting:
    """A recorder that keeps nothing but a count."""

    records = 0

    def begun(self, engine: ExecutionEngine, at_ns: int) -> None:
        """Nothing to note."""

    def decided(self, decision: Decision, at_ns: int) -> None:  # noqa: ARG002 -- it only counts
        self.records += len(decision.records)

    def refused(self, signal: TimedIntent, number: int, error: LiveExecError, at_ns: int) -> None:  # noqa: ARG002
        raise error

    def printed(self, bar: TradeBar) -> None:
        """Nothing to note."""

    def marked(self, at_ns: int) -> None:
        """Nothing to note."""


def _ours(table: pa.Table) -> _Round:
    from liveexec_nautilus import vendor_backtest  # noqa: PLC0415 -- an optional dependency
    from liveexec_nautilus.backtest.host import NautilusHost  # noqa: PLC0415

    plugins = load_plugins(())
    config = EngineConfig(
        router=RouterConfig(policy="best_price"),
        risk=RiskConfig(max_order_quantity={"*": Decimal(1)}, price_tolerance=Decimal("0.01"), check_balance=True),
    )
    parts = EngineParts(
        config,
        dict(plugins.risk_rules),
        {name: make() for name, make in plugins.routing_policies.items()},
        {name: make() for name, make in plugins.execution_algorithms.items()},
    )
    driver = ReplayDriver(parts, signals(table.num_rows), _Counting())
    engines: list[_TimedEngine] = []

    def timed_engine(config: Any) -> _TimedEngine:
        engines.append(_TimedEngine(make(config)))
        return engines[-1]

    make = vendor_backtest.BacktestEngine
    started_s = time.process_time()
    with patch.object(vendor_backtest, "BacktestEngine", timed_engine):
        NautilusHost().run(HostRun((venue(),), BookMarket(table), driver))
    total_s = time.process_time() - started_s
    filled = sum(order.filled_quantity == QUANTITY for order in driver.engine.state.ledger.orders.values())
    return _Round(total_s, sum(engine.run_s for engine in engines), filled)
