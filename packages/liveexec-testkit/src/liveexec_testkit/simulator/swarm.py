"""Many runs: one seed after the other over the machine's cores, and what they add up to."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

from attrs import define, field, frozen

from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.invariants.excuses import CEILINGS, Excuse, Excuses
from liveexec_testkit.simulator.plan import plan_of
from liveexec_testkit.simulator.run import run

__all__ = ["SeedReport", "Totals", "run_seed", "spread", "swarm"]

#: From so many runs on every fault has to have struck in one of them.
EVERY_FAULT_FROM: Final = 300
#: A share of fewer says nothing.
_LOOKED_AT: Final = 100


@frozen
class SeedReport:
    """What one seed came to; small enough to be sent between processes. ``violation`` is empty when all held."""

    seed: int
    violation: str
    digest: str
    steps: int
    virtual_s: float
    orders: int
    lives: int
    fired: dict[Fault, int]
    crash_points: int = 0
    excuses: Excuses = field(factory=Excuses)
    #: Processor time that it took, in seconds.
    cpu_s: float = 0.0


@define(eq=False)
class Totals:
    """The sums over all runs of a swarm."""

    runs: int = 0
    steps: int = 0
    orders: int = 0
    lives: int = 0
    virtual_s: float = 0.0
    crash_points: int = 0
    cpu_s: float = 0.0
    fired: dict[Fault, int] = field(factory=lambda: dict.fromkeys(Fault, 0))
    excuses: Excuses = field(factory=Excuses)
    failures: list[SeedReport] = field(factory=list)

    def add(self, report: SeedReport) -> None:
        """Count a run."""
        self.runs += 1
        self.steps += report.steps
        self.orders += report.orders
        self.lives += report.lives
        self.virtual_s += report.virtual_s
        self.crash_points += report.crash_points
        self.cpu_s += report.cpu_s
        self.excuses.add(report.excuses)
        for fault, count in report.fired.items():
            self.fired[fault] += count
        if report.violation:
            self.failures.append(report)

    @property
    def never_fired(self) -> list[Fault]:
        """Faults that should have struck by now and did not; none are expected of a small swarm."""
        if self.runs < EVERY_FAULT_FROM:
            return []
        return [fault for fault, count in self.fired.items() if not count]

    @property
    def excused_too_often(self) -> list[Excuse]:
        """Excuses that let too much pass; none are judged of a small swarm, nor of what is hardly ever looked at."""
        if self.runs < EVERY_FAULT_FROM:
            return []
        often = [excuse for excuse in Excuse if self.excuses.looked_at[excuse] >= _LOOKED_AT]
        return [excuse for excuse in often if self.excuses.share(excuse) > CEILINGS[excuse]]


def run_seed(seed: int, *, orders: int, through: str = "") -> SeedReport:
    """One run, without its trace."""
    started_s = time.process_time()
    result = run(plan_of(seed, orders=orders, through=through))
    return SeedReport(
        seed,
        str(result.violation) if result.violation is not None else "",
        result.digest,
        result.steps,
        result.virtual_s,
        result.orders,
        result.lives,
        result.fired,
        excuses=result.excuses,
        cpu_s=time.process_time() - started_s,
    )


def swarm(
    seeds: Sequence[int], *, orders: int = 30, jobs: int | None = None, through: str = ""
) -> Iterator[SeedReport]:
    """Run the seeds, in their order, on so many processes (all cores)."""
    return spread(partial(run_seed, orders=orders, through=through), seeds, jobs, at_a_time=10)


def spread(
    work: Callable[[int], SeedReport], seeds: Sequence[int], jobs: int | None, *, at_a_time: int = 1
) -> Iterator[SeedReport]:
    """Do the work of each seed, in their order, on so many processes (all cores), each taking some at a time."""
    workers = jobs if jobs is not None else os.cpu_count() or 1
    if workers == 1 or len(seeds) == 1:
        yield from map(work, seeds)
        return
    # Each starts from nothing, so that no run depends on those before it in the parent.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, seeds, chunksize=at_a_time)
