"""Whole runs: seeds that hold, the same course from the same seed, and a crash at every step."""

import gc
import os
import subprocess
import sys
import weakref

import pytest

from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.plan import plan_of
from liveexec_testkit.simulator.run import run
from liveexec_testkit.simulator.swarm import Totals, swarm
from liveexec_testkit.simulator.sweep import crash_at, plan_to_sweep, sweep
from liveexec_testkit.simulator.world import World

#: Seeds of the normal test run: fixed, so that a change that breaks one is seen at once.
SEEDS = range(25)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invariant_holds(seed: int) -> None:
    result = run(plan_of(seed))
    assert result.violation is None, "\n".join([str(result.violation), *result.trace()[-40:]])


def test_every_invariant_holds_with_every_fault_at_once() -> None:
    fired: dict[Fault, int] = {}
    for seed in range(4):
        result = run(plan_of(seed, faults=frozenset(Fault)))
        assert result.violation is None, "\n".join([str(result.violation), *result.trace()[-40:]])
        fired |= result.fired
    assert len(fired) > len(Fault) // 2


def test_without_faults_nothing_strikes_and_orders_are_worked() -> None:
    result = run(plan_of(1, faults=frozenset()))
    assert (result.violation, result.fired) == (None, {})
    # A host that is closed is started again; nothing else ends one.
    assert result.lives == 1 + sum("ended as asked" in line for line in result.trace())
    told = [line for line in result.trace() if " told: " in line]
    assert any("FILLED" in line for line in told)
    assert any("CANCELED" in line for line in told)


def test_the_same_seed_takes_the_same_course_in_every_process_and_under_every_hash_seed() -> None:
    script = (
        "from liveexec_testkit.simulator.plan import plan_of\n"
        "from liveexec_testkit.simulator.run import run\n"
        "for seed in (4, 11, 19): print(run(plan_of(seed)).digest)"
    )
    courses = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("0", "4242")
    }
    here = "".join(f"{run(plan_of(seed)).digest}\n" for seed in (4, 11, 19))
    assert courses == {here}


def test_other_seeds_take_other_courses() -> None:
    assert len({run(plan_of(seed, faults=frozenset())).digest for seed in range(4)}) == 4


def test_a_trace_is_readable() -> None:
    trace = run(plan_of(1, faults=frozenset())).trace()
    assert any("host" in line and "submit" in line for line in trace)
    assert any("journal" in line and "OrderReceived" in line for line in trace)
    assert any("process 1" in line and "sends submit" in line for line in trace)


def test_a_swarm_is_the_sum_of_its_runs() -> None:
    totals = Totals()
    for report in swarm([1, 2], orders=8, jobs=1):
        totals.add(report)
    alone = [run(plan_of(seed, orders=8)) for seed in (1, 2)]
    assert totals.failures == []
    assert totals.steps == sum(result.steps for result in alone)


def test_a_run_leaves_nothing_behind() -> None:
    worlds: list[weakref.ref[World]] = []

    def note(world: World) -> None:
        if not worlds or worlds[-1]() is not world:
            worlds.append(weakref.ref(world))

    # What was there before is not what a run leaves.
    gc.collect()
    results = [run(plan_of(seed, orders=10), note) for seed in range(8)]
    assert len(worlds) == 8
    # Neither a library's tables nor the results hold on to a world: ten thousand runs take no more than one does.
    assert [world() for world in worlds] == [None] * 8
    assert all(result.trace() for result in results)


def test_a_crash_at_every_step_leaves_the_truth() -> None:
    plan = plan_to_sweep(4, orders=3)
    result, points = sweep(plan)
    assert result.violation is None
    assert len(points) > 10
    assert [point for point in points if point.violation] == []
    again = crash_at(plan, points[len(points) // 2].step)
    assert (again.violation, again.lives) == (None, 2)
