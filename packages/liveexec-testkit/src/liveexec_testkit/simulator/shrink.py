"""Shrinking: a plan that fails is cut down as long as it still breaks the same invariant.

Faults go first, one by one; then operations, in halves, quarters and so on down to single ones; then what is special
about the venues. Every candidate is run in full, so what is left is a run like any other.
"""

from collections.abc import Callable, Iterator
from typing import Final

from attrs import evolve, frozen

from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.plan import Operation, RunPlan
from liveexec_testkit.simulator.run import RunResult, run
from liveexec_testkit.simulator.venue_kind import VenueKind

__all__ = ["Shrunk", "shrink"]

#: Runs that shrinking may take.
_MOST_RUNS: Final = 400


@frozen
class Shrunk:
    """The smallest run found that fails alike, and how many runs that took."""

    result: RunResult
    runs: int


class _Budget:
    def __init__(self, most: int) -> None:
        self.runs, self._most = 0, most

    def is_left(self) -> bool:
        return self.runs < self._most


def shrink(failing: RunResult, *, most_runs: int = _MOST_RUNS, execute: Callable[[RunPlan], RunResult] = run) -> Shrunk:
    """Cut a failing run down. Raises ``ValueError`` for one that did not fail."""
    if failing.violation is None:
        raise ValueError(f"the run of seed {failing.plan.seed} broke nothing")
    budget = _Budget(most_runs)
    number, best = failing.violation.number, failing
    while budget.is_left():
        before = best.plan
        for cut in (_fewer_faults, _fewer_operations, _plainer_venues):
            best = _cut(best, number, cut, budget, execute)
        if best.plan == before:
            break
    return Shrunk(best, budget.runs)


def _cut(
    best: RunResult,
    number: int,
    cut: Callable[[RunPlan], Iterator[RunPlan]],
    budget: _Budget,
    execute: Callable[[RunPlan], RunResult],
) -> RunResult:
    """Take the first smaller plan that fails alike, and go on from there, until none does."""
    progress = True
    while progress:
        progress = False
        for candidate in cut(best.plan):
            if not budget.is_left():
                return best
            budget.runs += 1
            result = execute(candidate)
            if result.violation is not None and result.violation.number == number:
                best, progress = result, True
                break
    return best


def _fewer_faults(plan: RunPlan) -> Iterator[RunPlan]:
    faults: list[Fault] = sorted(plan.faults)
    for size in _sizes(len(faults)):
        for start in range(0, len(faults), size):
            yield evolve(plan, faults=frozenset(faults[:start] + faults[start + size :]))


def _fewer_operations(plan: RunPlan) -> Iterator[RunPlan]:
    operations: tuple[Operation, ...] = plan.operations
    for size in _sizes(len(operations)):
        for start in range(0, len(operations), size):
            yield evolve(plan, operations=operations[:start] + operations[start + size :])


def _plainer_venues(plan: RunPlan) -> Iterator[RunPlan]:
    for index, kind in enumerate(plan.venues):
        plain = VenueKind(kind.name, kind.replace)
        for name in ("renames", "answers_by_report", "prepares", "per_account", "is_limited"):
            if getattr(kind, name):
                plainer = evolve(kind, **{name: getattr(plain, name)})
                yield evolve(plan, venues=(*plan.venues[:index], plainer, *plan.venues[index + 1 :]))


def _sizes(count: int) -> Iterator[int]:
    """Half of them, a quarter, and so on, down to one."""
    size = (count + 1) // 2
    while size >= 1 and count:
        yield size
        if size == 1:
            return
        size = (size + 1) // 2
