"""One run: from a plan to what was found, what struck, and the hash of its course."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final
from unittest.mock import patch

from attrs import field, frozen

from liveexec.engine.effects import Effect
from liveexec.engine.turn import Decision
from liveexec.runtime.dispatcher import Dispatcher
from liveexec.runtime.journal import Journal
from liveexec.runtime.rate_limit import RateLimiter
from liveexec_testkit.simulator.audit import guarded
from liveexec_testkit.simulator.convergence import converge
from liveexec_testkit.simulator.determinism import deterministic
from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.invariants.excuses import Excuses
from liveexec_testkit.simulator.invariants.violation import Violation
from liveexec_testkit.simulator.loop import SimLoop, StuckLoop
from liveexec_testkit.simulator.plan import RunPlan
from liveexec_testkit.simulator.world import World

__all__ = ["RunResult", "run"]

#: More steps than any run takes: what goes on longer goes in circles.
_MOST_STEPS: Final = 400_000


@frozen
class RunResult:
    """What came of a run. ``violation`` is ``None`` when everything held; ``lines`` is its readable trace."""

    plan: RunPlan
    violation: Violation | None
    digest: str
    steps: int
    virtual_s: float
    orders: int
    lives: int
    changes: int
    fired: dict[Fault, int]
    excuses: Excuses = field(repr=False)
    trace: Callable[[], list[str]] = field(repr=False)
    logs: list[dict[str, object]] = field(repr=False)


def run(plan: RunPlan, watch: Callable[[World], None] | None = None) -> RunResult:
    """Carry out a plan. ``watch`` is called with the world after each step (a crash sweep stops it there)."""
    random = Random(f"run {plan.seed}")
    loop = SimLoop(Random(f"schedule {plan.seed}"))
    was_collecting = gc.isenabled()
    # A collection at a moment of its own choosing would close forgotten generators within the run.
    gc.disable()
    try:
        return _run(plan, loop, random, watch)
    finally:
        # What a run leaves is cleared away while it is young, before it has left the caches; what the process had
        # before is not looked at.
        gc.collect(0)
        if was_collecting:
            gc.enable()


def _run(plan: RunPlan, loop: SimLoop, random: Random, watch: Callable[[World], None] | None) -> RunResult:
    world = World(plan, loop, random)
    with deterministic(loop, random, world.note_log):
        asyncio.set_event_loop(loop)
        try:
            world.watch = watch
            with guarded(), _overheard(world):
                world.start()
                ending = loop.create_task(converge(world))
                ending.add_done_callback(lambda _: loop.stop())
                world.step_limit = _MOST_STEPS
                try:
                    loop.run_forever()
                except StuckLoop as stuck:
                    world.violations.add(14, f"{stuck}, and it does not end")
            if ending.done() and not ending.cancelled() and (error := ending.exception()) is not None:
                world.violations.add(0, f"the end of the run failed: {type(error).__name__}: {error}")
            result = _result(world)
            world.abandon()
        finally:
            asyncio.set_event_loop(None)
            loop.close()
    return result


@contextmanager
def _overheard(world: World) -> Iterator[None]:
    """Note what every journal is given to write, and what becomes of it, in order."""
    append, carry_out, take = Journal.append, Dispatcher.carry_out, RateLimiter._take  # noqa: SLF001  (seen from within)

    def noted(journal: Journal, decision: Decision, done: Any, failed: Any) -> None:
        world.decided(journal.epoch, decision)
        append(journal, decision, done, failed)

    def carried_out(dispatcher: Dispatcher, effect: Effect) -> None:
        world.carried_out(effect)
        carry_out(dispatcher, effect)

    def took(limiter: RateLimiter, *, cancel: bool) -> bool:
        is_taken = take(limiter, cancel=cancel)
        if is_taken:
            world.lookout.took(limiter, cancel=cancel)
        return is_taken

    with (
        patch.object(Journal, "append", noted),
        patch.object(Dispatcher, "carry_out", carried_out),
        patch.object(RateLimiter, "_take", took),
    ):
        yield


def _result(world: World) -> RunResult:
    trace = world.trace
    return RunResult(
        world.plan,
        world.violations.first,
        trace.digest(),
        world.loop.steps,
        world.seconds(),
        len(world.journal.ledger.orders),
        world.lives,
        world.changes,
        dict(world.faults.fired),
        world.lookout.excuses,
        lambda: list(trace.lines()),
        world.logs,
    )
