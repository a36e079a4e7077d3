"""A simulated process: one orchestrator with its own sessions and its own connection to the store.

It can be killed (nothing of it runs any more, not even a ``finally``), frozen and thawed. What it left on the wire, in
the store's backends and at the venues goes on without it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any

from liveexec.composition import LiveExecutionOrchestrator
from liveexec.domain.outcome import OrderRef, SendPlan
from liveexec.errors import Fenced, Halted, LiveExecError, StorageError
from liveexec.plugins.adapter import ExternalAdapter, VenueOrder
from liveexec.plugins.manager import Plugins
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.shard import ShardRuntime
from liveexec.runtime.shard_parts import ShardParts
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.defects import Defect, PlantedDefect
from liveexec_testkit.simulator.determinism import SimClock
from liveexec_testkit.simulator.loop import PROCESS, SimLoop, SimTask
from liveexec_testkit.simulator.settings import RECONCILE_EVERY_S, Settings
from liveexec_testkit.simulator.store import SimStore, StoreServer
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["LEASE_S", "Process"]

#: How long a shard's lease holds: short, so that a takeover is part of a run.
LEASE_S = 1.5


class Process:
    """One life of the host. ``shard`` is its orchestrator's present life, ``None`` while there is none."""

    def __init__(
        self,
        number: int,
        owner: str,
        settings: Settings,
        plugins: Plugins,
        loop: SimLoop,
        server: StoreServer,
        venues: Sequence[SimVenue],
        left: Callable[[SimAdapter, str, VenueOrder | OrderRef, SendPlan], None],
        through: Callable[[ExternalAdapter], ExternalAdapter],
    ) -> None:
        self.number, self.owner = number, owner
        self.is_alive = True
        self.is_frozen = False
        #: Whether its host closed it.
        self.is_closed = False
        #: What was planted into it.
        self.defect: Defect | None = None
        #: Whether it was seen to have failed: who waits then is told before it is ended.
        self.was_seen_failed = False
        self.ended: Exception | None = None
        self._loop, self._venues = loop, venues
        #: What callers asked for, since when.
        self._tasks: list[tuple[int, asyncio.Task[Any]]] = []
        self._context = Context()
        self._context.run(PROCESS.set, number)
        self.adapters = [SimAdapter(venue, number, left) for venue in venues]
        self.store = SimStore(server, number)
        parts = ShardParts(
            config=settings.engine,
            store=self.store,
            adapters=list(map(through, self.adapters)),
            rules=plugins.risk_rules,
            policies={name: make() for name, make in plugins.routing_policies.items()},
            algorithms={name: make() for name, make in plugins.execution_algorithms.items()},
            clock=SimClock(loop),
            metrics=Metrics(),
            owner=owner,
            lease_s=LEASE_S,
            max_price_age_ns=settings.max_price_age_ns,
            reconcile_every_s=RECONCILE_EVERY_S,
        )
        self.orchestrator = self._context.run(LiveExecutionOrchestrator, parts)
        self.run(self._start())

    @property
    def shard(self) -> ShardRuntime | None:
        """The running parts, while there are any."""
        try:
            return self.orchestrator.shard
        except (LiveExecError, PlantedDefect):
            return None

    @property
    def is_asked(self) -> bool:
        """Whether a caller still waits for an answer."""
        return self.was_asked_before(self._loop.now_ns + 1)

    def was_asked_before(self, at_ns: int) -> bool:
        """Whether a caller still waits who asked before this time of the loop."""
        self._tasks = [entry for entry in self._tasks if not entry[1].done()]
        return any(asked_ns < at_ns for asked_ns, _ in self._tasks)

    @property
    def failure(self) -> Exception | None:
        """Why it will never do anything again, if so; a database that is down does not count."""
        if self.ended is not None:
            return self.ended
        error = self.orchestrator.error
        return error if error is not None and not isinstance(error, Halted) else None

    @property
    def has_lost(self) -> bool:
        """Whether it ended as a process may: another owns the shard, the store was not there at its start, or its code
        was made to fail."""
        if self.defect is not None and self.defect.struck_at_ns:
            return True
        return isinstance(self.failure, Fenced | StorageError | TimeoutError)

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in this process; it dies with it."""
        task: asyncio.Task[None] = SimTask(work, loop=self._loop, context=self._context.copy())
        self._tasks.append((self._loop.now_ns, task))
        return task

    def freeze(self) -> None:
        """Stop it where it is (SIGSTOP)."""
        self.is_frozen = True
        self._loop.freeze(self.number)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self.is_frozen = False
        for adapter in self.adapters:
            adapter.frozen_ns = self._loop.now_ns
        self._loop.thaw(self.number)

    def kill(self) -> None:
        """End it where it is (SIGKILL)."""
        self.is_alive = False
        self._loop.kill(self.number)
        for venue in self._venues:
            venue.sessions.close(self.number, "the process is gone")

    async def _start(self) -> None:
        try:
            await self.orchestrator.start()
        except (Fenced, StorageError, TimeoutError, PlantedDefect) as error:
            self.ended = error
