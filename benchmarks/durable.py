"""The whole life of an order, durable: submit, fill, everything committed, against what pgbench can insert.

Rounds alternate between pgbench and ours in one run, so that whatever else the machine does hits both; each round
gives a ratio, and the medians are compared with the goals. A benchmark that lost an order is void: in the end the
tables must hold exactly what was submitted.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from attrs import define, field, frozen

from benchmarks import worlds
from benchmarks.driver import freeze
from benchmarks.figures import Figure, Result, percentile, spread_of
from benchmarks.options import Options
from benchmarks.postgres import Baseline, BaselineRun, Server, started_server
from liveexec.composition import build
from liveexec.domain.ids import VenueName
from liveexec.domain.order_state import OrderStatus
from liveexec.errors import LiveExecError
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.runtime.streams import Subscription
from liveexec.runtime.tallies import Distribution
from liveexec.storage.journal_store import PostgresStore
from liveexec.venues.paper.adapter import paper_adapters

__all__ = ["SUBMITTERS", "Host", "check_tables", "hosted", "run"]

SUBMITTERS: Final = 128
RATE_GOAL, RATE_HOPE = 2.0, 3.0
LATENCY_GOAL, LATENCY_HOPE = 2.0, 1.6
LAG_GOAL_S: Final = 0.25
_VENUE: Final = VenueName("PAPER-A")


@define(eq=False)
class Host:
    """What embeds the library: one orchestrator on PostgreSQL, and the orders that it was given."""

    orchestrator: LiveExecutionOrchestrator
    metrics: Metrics
    submitted: int = 0

    async def lifecycle(self) -> None:
        """Submit the next order, and wait until its fill is durable.

        Raises:
            RuntimeError: it did not fill.
        """
        self.submitted += 1
        intent = worlds.immediate_intent(self.submitted)
        result = await self.orchestrator.submit(intent, wait="terminal", timeout_s=30)
        if result.status is not OrderStatus.FILLED:
            why = f"{result.rejection_reason or ''} {result.message or ''}"
            raise RuntimeError(f"order {result.order_id} is {result.status}: {why}")

    async def burst(self, seconds: float, submitters: int) -> float:
        """Lifecycles per second of this many submitters, each with one order at a time."""
        started_s = time.perf_counter()
        end_s = started_s + seconds
        before = self.submitted

        async def submit_until_the_end() -> None:
            while time.perf_counter() < end_s:
                await self.lifecycle()

        await _together(submit_until_the_end, submitters)
        return (self.submitted - before) / (time.perf_counter() - started_s)

    async def submit_many(self, orders: int, submitters: int) -> None:
        """So many lifecycles, however long they take."""
        last = self.submitted + orders

        async def submit_until_the_last() -> None:
            while self.submitted < last:
                await self.lifecycle()

        await _together(submit_until_the_last, submitters)

    async def one_by_one(self, seconds: float) -> float:
        """Median seconds from submit to durable, with nothing else under way."""
        took_s = []
        stream = self.orchestrator.stream()
        try:
            end_s = time.perf_counter() + seconds
            while (started_s := time.perf_counter()) < end_s:
                self.submitted += 1
                result = await self.orchestrator.submit(worlds.immediate_intent(self.submitted))
                took_s.append(time.perf_counter() - started_s)
                await _ended(stream, result.order_id)
        finally:
            stream.close()
        return percentile(took_s, 0.5)


async def _together(work: Callable[[], Coroutine[Any, Any, None]], times: int) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(times):
                group.create_task(work())
    except* (RuntimeError, LiveExecError) as errors:
        # Whatever stopped one of them stopped them all.
        raise errors.exceptions[0] from None


async def _ended(stream: Subscription, order_id: str) -> None:
    async for item in stream:
        if item.stream == order_id and item.order is not None and not item.order.is_open:
            return


@frozen
class _Round:
    baseline: BaselineRun
    per_second: float
    latency_s: float


@define(eq=False)
class _LagWatch:
    """Projection lag since it was made, from the metric's buckets."""

    histogram: Distribution
    _before: dict[float, float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._before = self._counts()

    def quantile_s(self, fraction: float) -> float:
        """The upper bound of the bucket that holds the quantile; infinity beyond the last."""
        since = {bound: count - self._before[bound] for bound, count in self._counts().items()}
        needed = fraction * since[float("inf")]
        return min(bound for bound, count in since.items() if count >= needed)

    def _counts(self) -> dict[float, float]:
        samples = next(iter(self.histogram.collect())).samples
        return {float(s.labels["le"]): s.value for s in samples if s.name.endswith("_bucket")}


@asynccontextmanager
async def hosted(
    server: Server, *, history: int | None = None, limits: Mapping[str, Any] = MappingProxyType({})
) -> AsyncIterator[Host]:
    """A host with one paper venue in this process, connected and priced, in the caller's event loop.

    ``history`` is how many finished orders the venue keeps, ``limits`` change the risk configuration.
    """
    now_ns = time.time_ns()
    # A prefix of its own, since ids of an earlier host may be in the tables.
    world = worlds.world(worlds.venue(_VENUE, history=history), start_ns=now_ns, id_prefix=f"{now_ns:x}-")
    adapters = paper_adapters(world)
    metrics = Metrics()
    async with PostgresStore(server.dsn) as store:
        config = worlds.engine_config(_VENUE, **limits)
        orchestrator = build(config, store, list(adapters.values()), metrics=metrics, owner="bench")
        async with orchestrator:
            await orchestrator.active(20)
            await _priced(orchestrator)
            yield Host(orchestrator, metrics)


async def _priced(orchestrator: LiveExecutionOrchestrator) -> None:
    for _ in range(1_000):
        if orchestrator.shard.engine.state.market.books:
            return
        await asyncio.sleep(0.01)
    raise RuntimeError("the paper venue showed no book")


async def check_tables(server: Server, host: Host) -> None:
    """Whatever was submitted is in the tables, filled, each with one fill.

    Raises:
        RuntimeError: something is missing or too much; the figures are void.
    """
    await host.orchestrator.synced()
    async with server.connected() as connection:
        found = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM unified_orders) AS orders,"
            " (SELECT count(*) FROM unified_orders WHERE status = 'FILLED' AND NOT is_open) AS filled,"
            " (SELECT count(*) FROM fills) AS fills, (SELECT sum(filled_quantity) FROM unified_orders) AS ordered,"
            " (SELECT sum(quantity) FROM fills) AS traded"
        )
    counts = (found["orders"], found["filled"], found["fills"])
    if counts != (host.submitted,) * 3 or found["ordered"] != found["traded"]:
        raise RuntimeError(f"{host.submitted} orders were submitted, the tables hold {dict(found)}: the run is void")


async def measure(server: Server, rounds: int, seconds: int, options: Options) -> Result:
    """Alternate rounds of pgbench and ours, then check what the tables hold."""
    measured: list[_Round] = []
    with tempfile.TemporaryDirectory() as folder:
        baseline = await Baseline.prepared(server, Path(folder))
        async with hosted(server) as host:
            await host.burst(1, SUBMITTERS)
            await host.orchestrator.synced()
            freeze()
            lag = _LagWatch(host.metrics.projection_lag)
            for number in range(rounds):
                theirs = await baseline.run(seconds)
                ours = await host.burst(seconds, SUBMITTERS)
                await host.orchestrator.synced()
                alone_s = await host.one_by_one(max(1.0, seconds / 3))
                await host.orchestrator.synced()
                measured.append(_Round(theirs, ours, alone_s))
                options.say(
                    f"round {number + 1} of {rounds}: pgbench {theirs.per_second:.0f}/s {theirs.latency_s * 1e3:.2f} ms"
                    f", ours {ours:.0f}/s {alone_s * 1e3:.2f} ms"
                )
            await check_tables(server, host)
            return _result(measured, lag.quantile_s(0.99), host.submitted, server.origin)


def _result(measured: list[_Round], lag_s: float, submitted: int, origin: str) -> Result:
    rates = spread_of([found.per_second / found.baseline.per_second for found in measured])
    latencies = spread_of([found.latency_s / found.baseline.latency_s for found in measured])
    ours = spread_of([found.per_second for found in measured])
    theirs = spread_of([found.baseline.per_second for found in measured])
    alone = spread_of([found.latency_s * 1e3 for found in measured])
    their_latency = spread_of([found.baseline.latency_s * 1e3 for found in measured])
    return Result(
        "durable lifecycles",
        [
            Figure(
                f"lifecycles/s of {SUBMITTERS} submitters ÷ pgbench's transactions/s",
                rates.text(),
                f"at least {RATE_GOAL:.0f}, hoped for {RATE_HOPE:.0f}",
                rates.median >= RATE_GOAL,
            ),
            Figure(
                "submit to durable, one by one: p50 ÷ pgbench's",
                latencies.text(),
                f"at most {LATENCY_GOAL:.0f}, hoped for {LATENCY_HOPE}",
                latencies.median <= LATENCY_GOAL,
            ),
            Figure(
                "projection lag p99 meanwhile",
                f"at most {lag_s * 1e3:.0f} ms",
                f"at most {LAG_GOAL_S * 1e3:.0f} ms",
                lag_s <= LAG_GOAL_S,
            ),
            Figure("lifecycles/s", ours.text(0)),
            Figure("pgbench transactions/s", theirs.text(0)),
            Figure("submit to durable, one by one: p50 ms", alone.text()),
            Figure("pgbench latency: p50 ms", their_latency.text()),
        ],
        [
            f"median of {len(measured)} rounds (and their range); {origin} PostgreSQL",
            f"{submitted} orders were submitted, and all of them and their fills are in the tables",
        ],
    )


def run(options: Options) -> Result:
    """Start a server and measure on it."""
    rounds, seconds = (2, 1) if options.quick else (7, 3)
    with started_server() as server, asyncio.Runner(loop_factory=worlds.new_event_loop) as runner:
        return runner.run(measure(server, rounds, seconds, options))
