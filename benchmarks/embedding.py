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
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import worlds
from benchmarks.driver import EngineDriver, freeze
from benchmarks.figures import Figure, Result, Spread, spread_of
from benchmarks.options import Options
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.storage.embedded import EmbeddedPostgres

__all__ = ["run"]

IMPORT_GOAL_S: Final = 0.4
HELP_GOAL_S: Final = 0.5
START_GOAL_S: Final = 1.0
#: Two engines that do the same differ by about this much on a machine that others use too.
UNUSED_GOAL: Final = 1.02

_IMPORT: Final = """
import time
began_s = time.perf_counter()
{statement}
print(time.perf_counter() - began_s)
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
    began_s = time.perf_counter()
    async with LiveExecutionOrchestrator.from_config(CONFIG):
        print(time.perf_counter() - began_s)

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
        _seconds("liveexec --help", [_help_s() for _ in range(times)], HELP_GOAL_S),
    ]
    options.say(f"starts on an embedded database, {times} times each")
    with _data_folder() as environment:
        home = Path(environment["XDG_DATA_HOME"]) / "liveexec" / "postgres"
        first_s = _printed(_START, environment)
        stopped = [_printed(_START, environment) for _ in range(times)]
        with EmbeddedPostgres.start(home):
            running = [_printed(_START, environment) for _ in range(times)]
    figures += [
        _seconds("start to ACTIVE, the server running", running, START_GOAL_S),
        _seconds("start to ACTIVE, the server started too", stopped),
        Figure("the first start, which makes the database: s", f"{first_s:.2f}"),
        _unused(options),
    ]
    notes = [
        "medians, with the lowest and the highest; a start lasts from the call of from_config to all accounts ACTIVE,",
        "in a process that imported the orchestrator and nothing else; help is a whole process, from start to end",
    ]
    return Result("embedding", figures, notes)


def _seconds(name: str, took_s: Sequence[float], goal_s: float | None = None) -> Figure:
    spread: Spread = spread_of(took_s)
    if goal_s is None:
        return Figure(f"{name}: s", spread.text())
    return Figure(f"{name}: s", spread.text(), f"at most {goal_s:g}", spread.median <= goal_s)


def _printed(script: str, environment: dict[str, str] | None = None) -> float:
    """The number that a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    return float(done.stdout)


def _help_s() -> float:
    command = Path(sysconfig.get_path("scripts")) / "liveexec"
    began_s = time.perf_counter()
    subprocess.run([command, "--help"], capture_output=True, check=True, timeout=60)
    return time.perf_counter() - began_s


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
    """Submits with a plugin that nobody asks, over submits without: rounds in turn, and the medians of those."""
    rounds, orders = (4, 300) if options.quick else (20, 2_000)
    options.say(f"a plugin that is not used, {rounds} rounds of {orders} orders")
    with _installed() as plugins:
        drivers = (EngineDriver(load_plugins(())), EngineDriver(plugins))
    took_us: tuple[list[float], list[float]] = ([], [])
    freeze()
    for turn in range(rounds):
        # Who goes first takes turns as well, so that what slows down from round to round slows both.
        for which in (0, 1) if turn % 2 else (1, 0):
            took_us[which].append(_round_us(drivers[which], turn * orders, orders))
    # The first ones fill the caches of a fresh process.
    alone, beside = (median(each[2:]) for each in took_us)
    ratio = beside / alone
    measured = f"{ratio:.3f} ({beside:.1f} µs and {alone:.1f} µs a submit)"
    return Figure(
        "submits with an unused plugin, over those without", measured, f"at most {UNUSED_GOAL:g}", ratio <= UNUSED_GOAL
    )


def _round_us(driver: EngineDriver, first: int, orders: int) -> float:
    """The median time of a submit."""
    took_ns = []
    for number in range(first, first + orders):
        if number % 10 == 0:
            driver.show_books()
        sent = driver.submit(number, worlds.immediate_intent(number))
        took_ns.append(driver.took_ns)
        driver.acknowledge(sent, number)
        driver.fill(sent, number)
    driver.project()
    return median(took_ns) / 1_000


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
