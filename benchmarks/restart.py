"""A restart with open orders: how long until every account is active again, and how fast a kill's cancels leave.

The venue stays up and remembers the orders; the host is closed and another one starts on the same database.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from benchmarks import worlds
from benchmarks.driver import freeze
from benchmarks.figures import Figure, Result
from benchmarks.options import Options
from benchmarks.postgres import Server, started_server
from liveexec.composition import build
from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.domain.ids import VenueName
from liveexec.engine.inputs import ControlKind
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.storage.journal_store import PostgresStore
from liveexec.venues.paper.adapter import PaperAdapter, paper_adapters

__all__ = ["run"]

#: (open orders, seconds to ACTIVE at most)
_GOALS: Final = ((1_000, 5.0), (10_000, 15.0))
_CANCELS_GOAL_S: Final = 1.0
_SUBMITTERS: Final = 128
_VENUE: Final = VenueName("PAPER-A")


@frozen
class _Restart:
    """Seconds of one restart, by what they went to, and of the kill after it."""

    orders: int
    opened_s: float
    recovered_s: float
    active_s: float
    killed_s: float
    canceled_s: float


def run(options: Options) -> Result:
    """Restart with few and with many open orders, then kill everything."""
    sizes = [(100, 5.0)] if options.quick else list(_GOALS)
    measured = []
    for orders, _ in sizes:
        with started_server() as server, asyncio.Runner(loop_factory=worlds.new_event_loop) as runner:
            options.say(f"{orders} open orders")
            measured.append(runner.run(_measured(server, orders)))
    return Result(
        "restart", _figures(measured, sizes), ["the venue answers without added latency and has no rate limit"]
    )


async def _measured(server: Server, orders: int) -> _Restart:
    now_ns = time.time_ns()
    world = worlds.world(worlds.venue(_VENUE), start_ns=now_ns, id_prefix=f"{now_ns:x}-")
    (adapter,) = paper_adapters(world).values()
    config = worlds.engine_config(_VENUE)
    async with PostgresStore(server.dsn) as store, build(config, store, [adapter], owner="bench") as live:
        await live.active(20)
        await _rest(live, orders)
        await live.synced()
    freeze()
    began_s = time.perf_counter()
    async with PostgresStore(server.dsn) as store:
        opened_s = time.perf_counter()
        async with build(config, store, [adapter], owner="bench") as live:
            recovered_s = time.perf_counter()
            await live.active(120)
            active_s = time.perf_counter()
            if len(live.open_orders()) != orders:
                raise RuntimeError(f"{orders} orders rested, {len(live.open_orders())} are open after the restart")
            everything = ControlScope(ScopeKind.GLOBAL)
            kill_s = time.perf_counter()
            await live.kill(everything, ControlKind.CANCEL_ALL, principal="bench", reason="measured")
            killed_s = time.perf_counter()
            while await _open_at(adapter):  # noqa: ASYNC110  (a venue is asked; it has no event for us)
                await asyncio.sleep(0.005)
            canceled_s = time.perf_counter()
    return _Restart(
        orders,
        opened_s - began_s,
        recovered_s - opened_s,
        active_s - recovered_s,
        killed_s - kill_s,
        canceled_s - kill_s,
    )


async def _rest(live: LiveExecutionOrchestrator, orders: int) -> None:
    numbers = iter(range(orders))

    async def submit() -> None:
        for number in numbers:
            result = await live.submit(worlds.resting_intent(number), wait="ack", timeout_s=60)
            if result.rejection_reason is not None:
                raise RuntimeError(f"order {number} does not rest: {result.rejection_reason}: {result.message}")

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_SUBMITTERS, orders)):
            group.create_task(submit())


async def _open_at(adapter: PaperAdapter) -> int:
    return sum([len((await adapter.open_orders(account_id)).items) for account_id in adapter.accounts])


def _figures(measured: Sequence[_Restart], sizes: Sequence[tuple[int, float]]) -> list[Figure]:
    figures = []
    for found, (orders, goal_s) in zip(measured, sizes, strict=True):
        whole_s = found.opened_s + found.recovered_s + found.active_s
        parts = f"store {found.opened_s:.2f}, recovery {found.recovered_s:.2f}, reconciliation {found.active_s:.2f}"
        figures.append(
            Figure(
                f"{orders} open orders: s to ACTIVE",
                f"{whole_s:.2f} ({parts})",
                f"at most {goal_s:g}",
                whole_s <= goal_s,
            )
        )
        is_goal = orders == _GOALS[0][0]
        figures.append(
            Figure(
                f"kill with {orders} open orders: s until the last is gone at the venue",
                f"{found.canceled_s:.2f} (recorded after {found.killed_s:.2f})",
                f"at most {_CANCELS_GOAL_S:g}" if is_goal else "",
                found.canceled_s <= _CANCELS_GOAL_S if is_goal else None,
            )
        )
    return figures
