"""The command ``liveexec-simulate``: one run with its trace, a swarm of runs, or a crash sweep."""

import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from liveexec_testkit.simulator.invariants.excuses import CEILINGS, Excuse
from liveexec_testkit.simulator.plan import RunPlan, plan_of
from liveexec_testkit.simulator.run import RunResult, run
from liveexec_testkit.simulator.shrink import shrink
from liveexec_testkit.simulator.swarm import SeedReport, Totals, spread, swarm
from liveexec_testkit.simulator.sweep import SWEEP_ORDERS, crash_at, plan_to_sweep, sweep_seed

__all__ = ["app", "main"]

app: Final = App(name="liveexec-simulate", help="Prove liveexec on a simulated venue and store.", version_flags=[])
_OUT: Final = Console(highlight=False, soft_wrap=True)
#: Failing seeds that are told of one by one.
_MOST_SHOWN: Final = 20


@app.default
def simulate(
    *,
    seed: int | None = None,
    seeds: int = 100,
    first: Annotated[int, Parameter(name="--from")] = 0,
    sweep: bool = False,
    crash_after: int | None = None,
    orders: int | None = None,
    jobs: int | None = None,
    trace: bool = False,
    through: str = "",
    excuses: bool = False,
    shrunk: Annotated[bool, Parameter(name="--shrink")] = True,
) -> int:
    """Run simulations. Exits with 1 when an invariant did not hold.

    Parameters
    ----------
    seed
        Run this seed alone.
    seeds
        Run so many seeds.
    first
        The first of them.
    sweep
        Crash at every step at which something durable, in flight or at a venue changed.
    crash_after
        With --seed: crash after this step, as a sweep did.
    orders
        Orders per run (30; 10 in a sweep).
    jobs
        Processes to use (all cores).
    trace
        With --seed: print what happened, in order.
    through
        Put what this function makes of each adapter between host and venue (module:function), such as a venue's own
        messages.
    excuses
        Print what the checks let pass, and of how much.
    shrunk
        Cut a failing seed down before it is told.
    """
    if seed is not None and not (sweep and crash_after is None):
        return _one(seed, orders, crash_after, trace=trace, cut=shrunk, through=through)
    chosen = [seed] if seed is not None else list(range(first, first + seeds))
    started_s = time.perf_counter()
    totals = Totals()
    for report in _reports(chosen, orders, jobs, sweep=sweep, through=through):
        totals.add(report)
        if report.violation and len(totals.failures) <= _MOST_SHOWN:
            _OUT.print(f"seed {report.seed}: {report.violation}")
            again = _again(report, orders, sweep=sweep) + (f" --through {through}" if through else "")
            _OUT.print(f"  liveexec-simulate {again} --trace")
    _OUT.print(_table(totals, time.perf_counter() - started_s))
    if excuses:
        _OUT.print("\n".join(_excused(totals)), markup=False)
    if totals.failures and shrunk and not sweep:
        _tell_shrunk(run(plan_of(totals.failures[0].seed, orders=orders or 30, through=through)))
    if totals.never_fired:
        _OUT.print(f"never fired: {', '.join(totals.never_fired)}")
    if totals.excused_too_often:
        _OUT.print(f"let pass too often: {'; '.join(totals.excused_too_often)}")
    return 1 if totals.failures or totals.never_fired or totals.excused_too_often else 0


def main() -> None:
    """The entry point of the command."""
    sys.exit(app())


def _reports(
    seeds: list[int], orders: int | None, jobs: int | None, *, sweep: bool, through: str
) -> Iterator[SeedReport]:
    if sweep:
        return spread(partial(sweep_seed, orders=orders or SWEEP_ORDERS), seeds, jobs)
    return swarm(seeds, orders=orders or 30, jobs=jobs, through=through)


def _one(seed: int, orders: int | None, crash_after: int | None, *, trace: bool, cut: bool, through: str) -> int:
    if crash_after is not None:
        result = crash_at(plan_to_sweep(seed, orders=orders or SWEEP_ORDERS), crash_after)
    else:
        result = run(plan_of(seed, orders=orders or 30, through=through))
    if trace:
        _OUT.print("\n".join(result.trace()), markup=False)
    _OUT.print(_summary(result))
    if result.violation is None:
        return 0
    if cut and crash_after is None:
        _tell_shrunk(result)
    return 1


def _tell_shrunk(failing: RunResult) -> None:
    """Print the smallest run that fails alike, whole."""
    smallest = shrink(failing)
    plan = smallest.result.plan
    _OUT.print(f"\nshrunk in {smallest.runs} runs to {_size(plan)}; its trace:")
    _OUT.print("\n".join(smallest.result.trace()), markup=False)
    _OUT.print(_summary(smallest.result))


def _size(plan: RunPlan) -> str:
    faults = ", ".join(sorted(plan.faults)) or "no faults"
    return f"{len(plan.operations)} operations and {len(plan.faults)} faults ({faults})"


def _summary(result: RunResult) -> str:
    outcome = str(result.violation) if result.violation is not None else "every invariant held"
    fired = ", ".join(f"{fault} {count}" for fault, count in sorted(result.fired.items())) or "none"
    return (
        f"seed {result.plan.seed}: {outcome}\n"
        f"  {result.steps} steps, {result.virtual_s:.2f} s of virtual time, {result.orders} orders, "
        f"{result.lives} lives; faults fired: {fired}\n"
        f"  trace {result.digest}"
    )


def _again(report: SeedReport, orders: int | None, *, sweep: bool) -> str:
    """The options that run a failing seed again."""
    options = f"--seed {report.seed}" + (f" --orders {orders}" if orders is not None else "")
    if not sweep:
        return options
    step = report.violation.removeprefix("crashed after step ").partition(":")[0]
    return f"{options} --crash-after {step}"


def _excused(totals: Totals) -> Iterator[str]:
    yield "let pass, of so many looked at:"
    for excuse in Excuse:
        looked_at, used = totals.excuses.looked_at[excuse], totals.excuses.used[excuse]
        share = f"{totals.excuses.share(excuse):.2%}, at most {CEILINGS[excuse]:.1%}"
        yield f"  {excuse}: {used:,} of {looked_at:,} ({share})"


def _table(totals: Totals, took_s: float) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = [
        ("runs", f"{totals.runs:,}"),
        ("violations", f"{len(totals.failures):,}"),
        ("orders", f"{totals.orders:,}"),
        ("steps", f"{totals.steps:,}"),
        ("lives of a shard", f"{totals.lives:,}"),
        ("virtual time", f"{totals.virtual_s:,.0f} s"),
        ("took", f"{took_s:,.1f} s, {totals.runs / took_s:,.1f} runs/s"),
    ]
    if totals.cpu_s:
        # Of a core that does nothing else: what other programs take of the machine does not count.
        rows.append(("speed", f"{totals.runs / totals.cpu_s:,.1f} runs/s and core, by processor time"))
    if totals.crash_points:
        rows.append(("crash points", f"{totals.crash_points:,}"))
    rows += [(f"  {fault}", f"{count:,}") for fault, count in totals.fired.items()]
    for name, value in rows:
        table.add_row(name, value)
    return table
