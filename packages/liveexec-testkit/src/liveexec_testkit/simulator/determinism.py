"""Time and chance of a run: every clock reads the loop's, every random number comes from the seed.

What is replaced is the clocks of :mod:`time`, the numbers of :mod:`secrets`, the jitter of backoffs and the class of
tasks, because the runtime reads them there, and the sizes of some pages; it is the same code in every other respect.
"""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import structlog
from structlog.typing import EventDict

from liveexec.runtime import hydrator, journal, recovery
from liveexec.runtime.backoff import Backoff
from liveexec_testkit.simulator.loop import SimLoop, SimTask

__all__ = ["WALL_NS", "SimClock", "deterministic"]

#: 2026-01-05T00:00:00Z: what the wall's clock says when the loop's says zero.
WALL_NS = 1_767_571_200_000_000_000


class SimClock:
    """Engine time of a simulated process: the loop's, as UTC."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def now_ns(self) -> int:
        return WALL_NS + self._loop.now_ns

    def seconds_until(self, at_ns: int) -> float:
        return max(0, at_ns - WALL_NS - self._loop.now_ns) / 1e9


@contextmanager
def deterministic(loop: SimLoop, random: Random, log: Any) -> Iterator[None]:
    """Replace clocks, chance and logging within this block; ``log(event)`` gets every log line as a dictionary."""

    def next_s(backoff: Backoff) -> float:
        step = min(backoff.longest_s, backoff.first_s * 2.0 ** min(backoff.failures, 30))
        backoff.failures += 1
        return step * (0.5 + random.random() / 2)

    def take(_logger: Any, method: str, event: EventDict) -> EventDict:
        log({"level": method, **event})
        raise structlog.DropEvent

    def seconds() -> float:
        return loop.now_ns / 1e9

    def nanoseconds() -> int:
        return loop.now_ns

    replaced = (
        (time, "monotonic", seconds),
        (time, "perf_counter", seconds),
        (time, "monotonic_ns", nanoseconds),
        (time, "perf_counter_ns", nanoseconds),
        (time, "time", lambda: (WALL_NS + loop.now_ns) / 1e9),
        (time, "time_ns", lambda: WALL_NS + loop.now_ns),
        (secrets, "randbits", random.getrandbits),
        (Backoff, "next_s", next_s),
        # Pages and bundles that a run of some seconds fills more than once.
        (recovery, "_PAGE", 5),
        (hydrator, "_MAX_KEYS", 2),
        (journal, "_MAX_RECORDS", 8),
        (asyncio, "Task", SimTask),
    )
    before = structlog.get_config()
    with ExitStack() as stack:
        for owner, name, value in replaced:
            stack.enter_context(patch.object(owner, name, value))
        # Of every level, whatever the process was set up to log before.
        everything = structlog.make_filtering_bound_logger(0)
        structlog.configure(processors=[take], wrapper_class=everything, cache_logger_on_first_use=False)
        try:
            yield
        finally:
            structlog.configure(**before)
