"""What orders cost in memory: open ones a bounded amount each, finished ones nothing for long.

Sizes are the process's resident set, after a full collection, so that fragmentation and every index count.
"""

import asyncio
import gc
from typing import Final

import psutil
from rich.filesize import decimal as file_size

from benchmarks import worlds
from benchmarks.driver import EngineDriver
from benchmarks.durable import SUBMITTERS, check_tables, hosted
from benchmarks.figures import Figure, Result
from benchmarks.options import Options
from benchmarks.postgres import Server, started_server

__all__ = ["run"]

#: Below this many open orders, what a fresh process needs anyway still weighs on the average.
BASE: Final = 10_000
BYTES_GOAL: Final = 2_048
GROWTH_GOAL: Final = 0.10


def run(options: Options) -> Result:
    """Open orders on an engine and its durable view, then a soak of orders that finish on the whole of it."""
    more = 2_000 if options.quick else 50_000
    base = 1_000 if options.quick else BASE
    each = bytes_per_open_order(base, more, options)
    orders = options.orders if options.orders is not None else (2_000 if options.quick else 100_000)
    with started_server() as server:
        early, late = _soak(server, orders, options)
    growth = late / early - 1
    return Result(
        "memory",
        [
            Figure(
                f"an open order beyond the first {base}", f"{each:.0f} B", f"at most {BYTES_GOAL} B", each <= BYTES_GOAL
            ),
            Figure(
                f"growth from {orders // 10} to {orders} finished orders",
                f"{growth:+.1%}",
                f"at most {GROWTH_GOAL:.0%}",
                growth <= GROWTH_GOAL,
            ),
            Figure(f"resident after {orders // 10} orders", file_size(early)),
            Figure(f"resident after {orders} orders", file_size(late)),
        ],
        [
            f"open orders: resident set of engine, durable view and indexes, from {base} to {base + more} orders",
            "finished orders: resident set of the host, with its paper venue, on PostgreSQL",
        ],
    )


def bytes_per_open_order(base: int, more: int, options: Options) -> float:
    """What each of ``more`` acknowledged orders adds to a process that holds ``base`` of them already."""
    driver = EngineDriver(**worlds.SHORT_WINDOWS)
    options.say(f"opening {base} and then {more} orders")
    driver.open_orders(0, base)
    before = _resident()
    driver.open_orders(base, base + more)
    return (_resident() - before) / more


def _soak(server: Server, orders: int, options: Options) -> tuple[int, int]:
    """Resident bytes after a tenth of the orders, and after all of them."""

    async def soak() -> tuple[int, int]:
        async with hosted(server, history=1_000, limits=worlds.SHORT_WINDOWS) as host:
            await host.submit_many(orders // 10, SUBMITTERS)
            await host.orchestrator.synced()
            early = _resident()
            options.say(f"{orders // 10} orders: {file_size(early)}")
            await host.submit_many(orders - orders // 10, SUBMITTERS)
            await host.orchestrator.synced()
            late = _resident()
            options.say(f"{orders} orders: {file_size(late)}")
            await check_tables(server, host)
            return early, late

    with asyncio.Runner(loop_factory=worlds.new_event_loop) as runner:
        return runner.run(soak())


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)
