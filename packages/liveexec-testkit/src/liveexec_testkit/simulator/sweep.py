"""The crash sweep: a run is stopped at every step at which something durable, in flight or at a venue changed.

At each such step the machine is copied (``fork``): the copy's process is killed there and then, its memory gone; a
new one starts, reconciles, and everything is checked, while the original goes on to the next step. ``crash_at`` does
the same for one step without copying, to look at what happened.
"""

import asyncio
import gc
import os
import pickle
from typing import Final

from attrs import define, evolve, field

from liveexec_testkit.simulator.audit import disarmed
from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.plan import RunPlan, plan_of
from liveexec_testkit.simulator.run import RunResult, run
from liveexec_testkit.simulator.swarm import SeedReport
from liveexec_testkit.simulator.world import World

__all__ = ["CrashPoint", "crash_at", "plan_to_sweep", "sweep", "sweep_seed"]

#: Fewer orders than a run of the swarm has: each of its steps is a run of its own here.
SWEEP_ORDERS: Final = 10
#: The process is killed by the sweep, and by nothing else.
_OTHER_CRASHES: Final = frozenset({Fault.CRASH, Fault.FREEZE})


@define(eq=False)
class CrashPoint:
    """Where a process was killed, and what broke after that (empty if nothing did)."""

    step: int
    violation: str


@define(eq=False)
class _Sweeper:
    """Looks on at a run, and crashes a copy of it wherever something changed."""

    points: list[CrashPoint] = field(factory=list)
    _changes: int = 0
    #: In a copy: where to tell what came of it.
    report_to: int | None = None

    def watch(self, world: World) -> None:
        if self.report_to is not None or world.changes == self._changes or world.faults.healed:
            return
        self._changes = world.changes
        step = world.loop.steps
        reader, writer = os.pipe()
        with disarmed():
            child = os.fork()
        if child == 0:
            os.close(reader)
            # A copy has no running loop, until it is told that it has.
            asyncio._set_running_loop(world.loop)  # noqa: SLF001  (asyncio's own way to say so)
            self.report_to = writer
            _crash(world)
            return
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        self.points.append(CrashPoint(step, pickle.loads(told) if told else "the copy died without a word"))  # noqa: S301  (our own words)


def plan_to_sweep(seed: int, *, orders: int = SWEEP_ORDERS) -> RunPlan:
    """The plan of a seed without crashes of its own."""
    plan = plan_of(seed, orders=orders)
    return evolve(plan, faults=plan.faults - _OTHER_CRASHES)


def sweep(plan: RunPlan) -> tuple[RunResult, list[CrashPoint]]:
    """Run a plan, crashing a copy of it wherever something changed before it heals."""
    sweeper = _Sweeper()
    gc.collect()
    try:
        result = run(plan, sweeper.watch)
    except BaseException as error:
        if sweeper.report_to is None:
            raise
        _tell(sweeper.report_to, f"{type(error).__name__}: {error}")
    if sweeper.report_to is not None:
        _tell(sweeper.report_to, str(result.violation) if result.violation is not None else "")
    return result, sweeper.points


def crash_at(plan: RunPlan, step: int) -> RunResult:
    """Run a plan, and crash it after this step."""
    done = False

    def watch(world: World) -> None:
        nonlocal done
        if not done and world.loop.steps >= step:
            done = True
            _crash(world)

    return run(plan, watch)


def sweep_seed(seed: int, *, orders: int = SWEEP_ORDERS) -> SeedReport:
    """Sweep one seed; of several violations the first is told, with the step that the crash came after."""
    result, points = sweep(plan_to_sweep(seed, orders=orders))
    broken = next((point for point in points if point.violation), None)
    violation = str(result.violation) if result.violation is not None else ""
    if broken is not None:
        violation = f"crashed after step {broken.step}: {broken.violation}"
    return SeedReport(
        seed, violation, result.digest, result.steps, result.virtual_s, result.orders, result.lives, result.fired,
        len(points),
    )  # fmt: skip


def _crash(world: World) -> None:
    """Kill the process, end the faults, and let another one find out what happened."""
    world.stop_host()
    world.supervisor.crash(1_000_000)
    world.heal()


def _tell(pipe: int, violation: str) -> None:
    """A copy says what came of it, and is gone without anything of its parent's being closed twice."""
    with os.fdopen(pipe, "wb") as told:
        told.write(pickle.dumps(violation))
        told.flush()
    os._exit(0)
