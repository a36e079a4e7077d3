"""What embedding costs a host: importing, asking for help, starting on a database that is there, an unused plugin.

Importing and starting are measured in fresh processes, each several times; what is compared with a goal is the median.
"""

import importlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from attrs import frozen

from benchmarks import worlds
from benchmarks.driver import EngineDriver, freeze
from benchmarks.figures import Figure, Result, spread_of
from benchmarks.options import Options
from liveexec.engine.inputs import Forget
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.storage.embedded import EmbeddedPostgres

__all__ = ["run"]

IMPORT_GOAL_S: Final = 0.4
HELP_GOAL_S: Final = 0.5
START_GOAL_S: Final = 1.0
#: Two engines that do the same differ by about this much on a machine that others use too.
UNUSED_GOAL: Final = 1.02
_ROUND: Final = 50

_IMPORT: Final = """
import time
began_s, worked_s = time.perf_counter(), time.process_time()
{statement}
print(time.perf_counter() - began_s, time.process_time() - worked_s)
"""
_EVERY_NAME: Final = "import liveexec\nfor name in liveexec.__all__: getattr(liveexec, name)"
#: What a host is started with: the embedded database, the paper venues, and limits.
_START: Final = """
import asyncio, time
from liveexec import LiveExecutionOrchestrator

CONFIG = {
    "mode": "paper",
    "external_adapters": {"PAPER": {"preset": "btc"}},
    "risk_engine": {"max_order_quantity": {"*": "1000"}, "price_tolerance": "0.05"},
    "logging": {"level": "ERROR"},
}

async def main():
    began_s, worked_s = time.perf_counter(), time.process_time()
    async with LiveExecutionOrchestrator.from_config(CONFIG):
        print(time.perf_counter() - began_s, time.process_time() - worked_s)

asyncio.run(main())
"""
#: Implements hooks, and is asked for nothing of what it registers.
_UNUSED: Final = """
from liveexec.plugins.hookspecs import hookimpl
LIVEEXEC_API = (1, 0)

class Unused:
    wants_market = False

@hookimpl
def liveexec_register_risk_rules(registry):
    registry.add("unused", lambda config: None)

@hookimpl
def liveexec_register_routing_policies(registry):
    registry.add("unused", Unused)

@hookimpl
def liveexec_register_execution_algorithms(registry):
    registry.add("UNUSED", Unused)
"""


@frozen
class _Took:
    """Seconds that passed, and how many of them the process was at work: the rest it waited, or others ran."""

    passed_s: float
    worked_s: float


def run(options: Options) -> Result:
    """Measure the four, one after the other."""
    times = 3 if options.quick else 15
    options.say(f"imports and help, {times} times each")
    figures = [
        _seconds(
            "import liveexec",
            [_printed(_IMPORT.format(statement="import liveexec")) for _ in range(times)],
            IMPORT_GOAL_S,
        ),
        _seconds(
            "every name of liveexec imported", [_printed(_IMPORT.format(statement=_EVERY_NAME)) for _ in range(times)]
        ),
        _seconds("liveexec --help", [_help() for _ in range(times)], HELP_GOAL_S),
    ]
    options.say(f"starts on an embedded database, {times} times each")
    with _data_folder() as environment:
        home = Path(environment["XDG_DATA_HOME"]) / "liveexec" / "postgres"
        first = _printed(_START, environment)
        stopped = [_printed(_START, environment) for _ in range(times)]
        with EmbeddedPostgres.start(home):
            running = [_printed(_START, environment) for _ in range(times)]
    figures += [
        _seconds("start to ACTIVE, the server running", running, START_GOAL_S),
        _seconds("start to ACTIVE, the server started too", stopped),
        Figure("the first start, which makes the database: s", f"{first.passed_s:.2f}"),
        _unused(options),
    ]
    notes = [
        "medians, with the lowest and the highest; a start lasts from the call of from_config to all accounts ACTIVE,",
        "in a process that imported the orchestrator and nothing else; help is a whole process, from start to end;",
        "at work: the processor's time of that process, without what it waited",
    ]
    return Result("embedding", figures, notes)


def _seconds(name: str, took: Sequence[_Took], goal_s: float | None = None) -> Figure:
    spread = spread_of([each.passed_s for each in took])
    measured = f"{spread.text()}, {median(each.worked_s for each in took):.2f} at work"
    if goal_s is None:
        return Figure(f"{name}: s", measured)
    return Figure(f"{name}: s", measured, f"at most {goal_s:g}", spread.median <= goal_s)


def _printed(script: str, environment: dict[str, str] | None = None) -> _Took:
    """What a fresh interpreter measures and prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    passed_s, worked_s = map(float, done.stdout.split())
    return _Took(passed_s, worked_s)


def _help() -> _Took:
    command = Path(sysconfig.get_path("scripts")) / "liveexec"
    before = os.times()
    subprocess.run([command, "--help"], capture_output=True, check=True, timeout=60)
    after = os.times()
    worked_s = after.children_user - before.children_user + after.children_system - before.children_system
    return _Took(after.elapsed - before.elapsed, worked_s)


@contextmanager
def _data_folder() -> Iterator[dict[str, str]]:
    """The environment of a user without any data yet, on a real disk."""
    # As root the server runs as another account, which has to get through to its data.
    folder = Path(tempfile.mkdtemp(prefix="lx-bench-"))
    folder.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    try:
        yield kept | {"XDG_DATA_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unused(options: Options) -> Figure:
    """Submits with a plugin that nobody asks, over submits without: short rounds in turn, and all times of each."""
    rounds = 40 if options.quick else 800
    options.say(f"a plugin that is not used, {rounds} rounds of {_ROUND} orders")
    with _installed() as plugins:
        drivers = (EngineDriver(load_plugins(())), EngineDriver(plugins))
    took_ns: tuple[list[int], list[int]] = ([], [])
    freeze()
    for turn in range(rounds):
        # Who goes first takes turns as well, so that what slows down from round to round slows both.
        for which in (0, 1) if turn % 2 else (1, 0):
            took_ns[which].extend(_round(drivers[which], turn * _ROUND))
    # The first ones fill the caches of a fresh process.
    alone_us, beside_us = (median(each[len(each) // 10 :]) / 1_000 for each in took_ns)
    ratio = beside_us / alone_us
    measured = f"{ratio:.3f} ({beside_us:.1f} µs and {alone_us:.1f} µs)"
    return Figure(
        "submits with an unused plugin, over those without", measured, f"at most {UNUSED_GOAL:g}", ratio <= UNUSED_GOAL
    )


def _round(driver: EngineDriver, first: int) -> list[int]:
    """Orders that are filled and forgotten; what each submit took (nanoseconds)."""
    took_ns, finished = [], []
    driver.show_books()
    for number in range(first, first + _ROUND):
        sent = driver.submit(number, worlds.immediate_intent(number))
        took_ns.append(driver.took_ns)
        driver.acknowledge(sent, number)
        driver.fill(sent, number)
        finished.append((sent.order.order_id, sent.order.last_sequence))
    driver.project()
    driver.tell(Forget(0, tuple(finished)))
    for order_id, _ in finished:
        driver.view.drop(order_id)
    return took_ns


@contextmanager
def _installed() -> Iterator[Plugins]:
    """What is built in together with a plugin of a distribution that is installed for the while."""
    with tempfile.TemporaryDirectory() as folder:
        information = Path(folder) / "unused-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: unused\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text("[liveexec]\nmain = unused_plugin\n")
        (Path(folder) / "unused_plugin.py").write_text(_UNUSED)
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            yield load_plugins(["unused"])
        finally:
            sys.path.remove(folder)
