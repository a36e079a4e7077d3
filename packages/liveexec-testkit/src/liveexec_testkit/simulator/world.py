"""A run's world: the loop, the venues, the store, the processes and what hosts ask of them, and who looks on at it."""

from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from random import Random
from typing import Any, Final
from unittest.mock import patch

from liveexec.domain.outcome import OrderRef, SendPlan
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch
from liveexec.engine.effects import Effect
from liveexec.engine.turn import Decision
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime import sessions
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.faults import Faults
from liveexec_testkit.simulator.invariants.violation import Violation, Violations
from liveexec_testkit.simulator.kill_switch import KillSwitch
from liveexec_testkit.simulator.lookout import Lookout
from liveexec_testkit.simulator.loop import START_S, SimLoop, drop_tasks
from liveexec_testkit.simulator.lurking import Lurking
from liveexec_testkit.simulator.plan import Operation, RunPlan
from liveexec_testkit.simulator.process import Process
from liveexec_testkit.simulator.store import StoreServer, at_once
from liveexec_testkit.simulator.supervisor import Supervisor
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue import SimVenue
from liveexec_testkit.simulator.venue_truth import TrueOrder
from liveexec_testkit.simulator.workload import Workload

__all__ = ["World"]

#: Steps between two checks of what changed in memory, and between two of everything there is.
PARTLY_EVERY: Final = 250
FULL_EVERY: Final = 2_500


class World:
    """Everything of a run. ``start`` sets it going on the loop; what is found ends up in ``violations``."""

    def __init__(self, plan: RunPlan, loop: SimLoop, random: Random) -> None:
        self.plan, self.loop = plan, loop
        self.trace = Trace(loop)
        self.logs: list[dict[str, Any]] = []
        self.faults = Faults(plan.faults, plan.seed, plan.intensity)
        self.violations = Violations(lambda: loop.steps, self._found)
        self.full_checks = 0
        #: Counts what changed durably, in flight or at a venue: where a crash is worth trying.
        self.changes = 0
        self.lookout = Lookout(plan, self.violations, lambda: loop.now_ns, lambda: self.workload, lambda: self.server)
        self.faults.on_strike = self.lookout.struck
        self.journal, self.at_venues = self.lookout.journal, self.lookout.at_venues
        self.server = StoreServer(loop, self.faults, self.trace, self._committed)
        self._lurking = Lurking(loop, Random(f"lurking {plan.seed}"))
        self.venues: list[SimVenue] = []
        self.supervisor = Supervisor(
            plan,
            loop,
            random,
            self.faults,
            self.trace,
            self.server,
            self.venues,
            self.violations,
            self.lookout,
            self._lurking,
            self._started,
            self._left,
        )
        # After the supervisor, who is asked who runs when a venue's past happens.
        self.venues += [SimVenue(kind, loop, self.faults, self.trace, plan.seed, self._changed) for kind in plan.venues]
        self.lookout.watch(self.venues)
        self.server.on_asked = lambda batch: self._lurking.asked(batch, self.journal.ledger.orders, self.venues)
        for venue in self.venues:
            venue.sessions.on_lost = self._lurking.venue_lost
        kill_switch = KillSwitch(self.trace, self.venues, self.lookout.wishes.killed)
        told = self.lookout.callers.told
        self.workload = Workload(loop, self.trace, self.venues, kill_switch, told, self._failed, self.violations.add)
        self.workload.projected = lambda: at_once(self.server.memory.shards())[0].projected_through
        self.workload.on_closed = self.supervisor.note_closed
        self.workload.is_stalled = self.supervisor.is_stalled
        self._context = Context()
        self._is_asking = True
        self._ends_at_ns = plan.ends_at_ns
        #: Called after each step; a crash sweep looks on.
        self.watch: Callable[[World], None] | None = None
        self.step_limit = 0
        self.is_abandoned = False

    @property
    def lives(self) -> int:
        """How many lives of the shard decided anything."""
        return self.lookout.lives

    def start(self) -> None:
        """Start the first process, and let the plan's operations come."""
        self.supervisor.start_process()
        self.loop.after_step = self._after_step
        # A sweep looks on at every step.
        self.loop.look_every = PARTLY_EVERY if self.watch is None else 1
        for operation in self.plan.operations:
            self.loop.call_after_ns(operation.at_ns, self._ask, operation, context=self._context)
        self.loop.call_after_ns(self.plan.heal_at_ns, self.heal, context=self._context)
        self.supervisor.begin()

    @property
    def is_over(self) -> bool:
        """Whether the faults are healed and the host has asked for everything that it wanted."""
        return self.faults.healed and self.loop.now_ns - START_S * 1_000_000_000 >= self._ends_at_ns

    def stop_host(self) -> None:
        """The host asks for nothing any more."""
        self._is_asking = False
        self._ends_at_ns = 0

    def heal(self) -> None:
        """Every fault is over: frozen processes go on, every session hears that it missed something."""
        if self.faults.healed:
            return
        self.faults.heal()
        self.trace.add("world", "heals")
        self._lurking.let_go()
        self.supervisor.heal()
        for venue in self.venues:
            venue.banned_until_ns = 0
            if not self.plan.heals_silently:
                venue.sessions.interrupt("healed")

    def check(self, *, everything: bool) -> None:
        """Compare memory, reservations and (of ``everything``) tables with the journal and the venues."""
        self.full_checks += 1
        self.lookout.compare(self.supervisor.living_shard(), everything=everything, is_healed=self.faults.healed)

    def _ask(self, operation: Operation) -> None:
        if operation.lurks and not self.faults.healed:
            self._lurking.wait(partial(self._perform, operation))
        else:
            self._perform(operation)

    def _perform(self, operation: Operation) -> None:
        process = self.supervisor.process
        if self._is_asking and process.is_alive and not process.is_frozen:
            process.run(self.workload.perform(operation, process.orchestrator))

    def _committed(self, batch: AppendBatch) -> None:
        self.changes += 1
        self.trace.add("journal", f"batch {batch.batch} of epoch {batch.epoch}: {_shown(batch.records)}")
        self.lookout.committed(batch)
        self._lurking.committed(batch, self.journal.ledger.orders, self.venues)
        for venue in self.venues:
            venue.activity.is_opened = venue.activity.is_opened or venue.account_id in self.journal.ledger.books

    def _changed(self, order: TrueOrder) -> None:
        """Something happened at a venue."""
        self.changes += 1
        self.lookout.changed(order, self.supervisor.living_shard())

    def _started(self, process: Process) -> None:
        """A process starts."""
        self.workload.kill_switch.forget_acknowledged()
        for adapter in process.adapters:
            adapter.on_question = self._asked
            adapter.on_connect = partial(self._connects, process)
            adapter.wire.on_overtaking = partial(self.violations.add, 23)

    def _left(self, adapter: SimAdapter, verb: str, what: VenueOrder | OrderRef, plan: SendPlan) -> None:
        """A request leaves a process."""
        self.changes += 1
        name = what.order_id if isinstance(what, VenueOrder) else what.client_order_id or what.venue_order_id
        self.trace.add(f"process {adapter.process}", f"sends {verb} of {name} to {adapter.venue.kind.name}")
        self.lookout.left(self.supervisor.processes[adapter.process - 1], adapter, verb, what, plan)

    def _connects(self, process: Process) -> None:
        shard = process.shard
        self.lookout.restarts.connects(shard.journal.epoch if shard is not None else 0)

    def _asked(self, adapter: SimAdapter) -> None:
        self.lookout.asked(self.supervisor.processes[adapter.process - 1], adapter)

    def _failed(self, operation: Operation, error: Exception) -> None:
        self.violations.add(0, f"{operation.kind} raised {type(error).__name__}: {error}")

    def _found(self, violation: Violation) -> None:
        self.trace.add("check", str(violation))
        self.loop.stop()

    def _after_step(self) -> None:
        if self.loop.errors:
            context = self.loop.errors[0]
            self.violations.add(0, f"{context.get('message')}: {context.get('exception')!r}")
        if self.loop.steps % PARTLY_EVERY == 0:
            self.check(everything=self.loop.steps % FULL_EVERY == 0)
            if self.loop.steps >= self.step_limit:
                self.violations.add(14, f"after {self.loop.steps} steps it goes on and on")
        if self.watch is not None:
            self.watch(self)

    def note_log(self, event: dict[str, Any]) -> None:
        """The runtime logs something."""
        if self.is_abandoned:
            return
        self.logs.append(event)
        if event["event"] == "account_never_still":
            self.lookout.never_still[event["account"]] = None
        if event["level"] in ("error", "warning"):
            shown = " ".join(f"{key}={value}" for key, value in event.items() if key not in ("level", "event"))
            self.trace.add("log", " ".join(f"{event['event']} {shown}".split())[:400])

    def abandon(self) -> None:
        """Drop every task without letting it run on."""
        self.is_abandoned = True
        self.loop.after_step = None
        # On its way out everything fails, and nobody reads why: the tracebacks would take as long as all of the rest.
        with patch.object(sessions, "traceback_of", str):
            drop_tasks(self.loop)

    def decided(self, epoch: int, decision: Decision) -> None:
        """A shard's engine decided something: what becomes durable has to be a prefix of it."""
        self.lookout.decided(self.supervisor.processes[self.server.processes[epoch] - 1], epoch, decision)

    def carried_out(self, effect: Effect) -> None:
        """A process carries out an effect."""
        self.lookout.carried_out(effect)

    def seconds(self) -> float:
        """Virtual seconds since the start."""
        return self.loop.now_ns / 1e9 - START_S


def _shown(records: Sequence[Record]) -> str:
    return "; ".join(
        f"{each.stream[-6:]} {'+'.join(type(event).__name__ for event in each.events)}" for each in records
    )
