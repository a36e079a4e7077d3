"""What an order costs does not depend on how many there were before it, nor on how many are open.

Only times are printed here; tests gate on the statements, the rows touched and the plans behind them.
"""

import asyncio
from typing import Final

from benchmarks import worlds
from benchmarks.driver import EngineDriver, freeze
from benchmarks.durable import SUBMITTERS, Host, hosted
from benchmarks.figures import Figure, Result, Spread, percentile, spread_of
from benchmarks.options import Options
from benchmarks.past import write_past
from benchmarks.postgres import Server, started_server

__all__ = ["run"]

_FEW_OPEN: Final = 10


def run(options: Options) -> Result:
    """Compare a young journal with an old one, and an empty book of open orders with a full one."""
    few_records, many_records = (300, 3_000) if options.quick else (10_000, options.orders or 1_000_000)
    many_open = 1_000 if options.quick else 100_000
    rounds, seconds = (2, 1.0) if options.quick else (7, 2.0)
    with (
        started_server() as young,
        young.beside("old") as old,
        asyncio.Runner(loop_factory=worlds.new_event_loop) as runner,
    ):
        rates, latencies = runner.run(_by_past(young, old, few_records, many_records, rounds, seconds, options))
    few_us, many_us = _by_open_orders(many_open, 200 if options.quick else 2_000, options)
    return Result(
        "scaling",
        [
            Figure(f"lifecycles/s after {many_records} records ÷ after {few_records}", rates.text()),
            Figure("submit to durable, one by one: the same ratio of p50", latencies.text()),
            Figure(f"engine, submit to decision with {_FEW_OPEN} open orders", f"{few_us:.1f} µs"),
            Figure(f"engine, submit to decision with {many_open} open orders", f"{many_us:.1f} µs"),
        ],
        [f"medians of {rounds} alternating rounds (and their range); 1.0 is what does not depend on the past at all"],
    )


async def _by_past(
    young: Server, old: Server, few: int, many: int, rounds: int, seconds: float, options: Options
) -> tuple[Spread, Spread]:
    """Rate and latency on the old journal divided by those on the young one."""
    for server, records in ((young, few), (old, many)):
        options.say(f"a past of {records} journal records")
        await write_past(server, records)
    rates, latencies = [], []
    async with hosted(young) as few_host, hosted(old) as many_host:
        for host in (few_host, many_host):
            await _burst(host, 1.0)
        freeze()
        for number in range(rounds):
            options.say(f"round {number + 1} of {rounds}")
            base_rate, rate = await _burst(few_host, seconds), await _burst(many_host, seconds)
            base_s, alone_s = await few_host.one_by_one(seconds / 2), await many_host.one_by_one(seconds / 2)
            rates.append(rate / base_rate)
            latencies.append(alone_s / base_s)
    return spread_of(rates), spread_of(latencies)


async def _burst(host: Host, seconds: float) -> float:
    rate = await host.burst(seconds, SUBMITTERS)
    await host.orchestrator.synced()
    return rate


def _by_open_orders(many: int, samples: int, options: Options) -> tuple[float, float]:
    """Median microseconds of a submit's decision, with few orders open and with many, taken in turn."""
    options.say(f"opening {many} orders")
    drivers = (EngineDriver(), EngineDriver())
    for driver, count in zip(drivers, (_FEW_OPEN, many), strict=True):
        driver.open_orders(0, count)
    freeze()
    took_ns: list[list[int]] = [[], []]
    for sample in range(samples):
        number = many + sample
        for driver, into in zip(drivers, took_ns, strict=True):
            driver.show_books()
            sent = driver.submit(number, worlds.immediate_intent(number))
            into.append(driver.took_ns)
            driver.acknowledge(sent, number)
            driver.fill(sent, number)
    few_ns, many_ns = (percentile(taken, 0.5) for taken in took_ns)
    return few_ns / 1e3, many_ns / 1e3
