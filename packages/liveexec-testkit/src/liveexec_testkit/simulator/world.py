"""A run's world: the loop, the venues, the store, one process after the other, and every check between them."""

from collections.abc import Callable, Sequence
from contextvars import Context
from functools import cache, partial
from importlib import import_module
from random import Random
from typing import Any, Final
from unittest.mock import patch

from liveexec.domain.outcome import OrderRef, SendPlan
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch
from liveexec.engine.effects import Effect
from liveexec.engine.turn import Decision
from liveexec.plugins.adapter import ExternalAdapter, VenueOrder
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.runtime import sessions
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.runtime.shard import ShardRuntime
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.defects import Defect
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.invariants.departures import STALLED_NS
from liveexec_testkit.simulator.invariants.violation import Violation, Violations
from liveexec_testkit.simulator.kill_switch import KillSwitch
from liveexec_testkit.simulator.lookout import Lookout
from liveexec_testkit.simulator.loop import START_S, SimLoop, drop_tasks
from liveexec_testkit.simulator.lurking import Lurking
from liveexec_testkit.simulator.plan import Operation, RunPlan
from liveexec_testkit.simulator.process import LEASE_S, Process
from liveexec_testkit.simulator.settings import with_failing_plugins
from liveexec_testkit.simulator.store import StoreServer, at_once
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue import SimVenue
from liveexec_testkit.simulator.venue_truth import TrueOrder
from liveexec_testkit.simulator.workload import Workload

__all__ = ["World"]

_MS: Final = 1_000_000
#: Steps between two checks of what changed in memory, and between two of everything there is.
PARTLY_EVERY: Final = 250
FULL_EVERY: Final = 2_500
#: How long a process may take to end when its code failed.
_DEFECT_NS: Final = 300 * _MS
#: By then a caller of a process that has ended was told.
_TOLD_NS: Final = 20 * _MS


class World:
    """Everything of a run. ``start`` sets it going on the loop; what is found ends up in ``violations``."""

    def __init__(self, plan: RunPlan, loop: SimLoop, random: Random) -> None:
        self.plan, self.loop = plan, loop
        self.random = random
        self.trace = Trace(loop)
        self.logs: list[dict[str, Any]] = []
        self.faults = Faults(plan.faults, plan.seed, plan.intensity)
        self.violations = Violations(lambda: loop.steps, self._found)
        self.full_checks = 0
        #: Counts what changed durably, in flight or at a venue: where a crash is worth trying.
        self.changes = 0
        self.processes: list[Process] = []
        self.lookout = Lookout(plan, self.violations, lambda: loop.now_ns, lambda: self.workload, lambda: self.server)
        self.faults.on_strike = self.lookout.struck
        self.journal, self.at_venues = self.lookout.journal, self.lookout.at_venues
        self.server = StoreServer(loop, self.faults, self.trace, self._committed)
        self.venues = [SimVenue(kind, loop, self.faults, self.trace, plan.seed, self._changed) for kind in plan.venues]
        self.lookout.watch(self.venues)
        self._lurking = Lurking(loop, Random(f"lurking {plan.seed}"))
        self.server.on_asked = lambda batch: self._lurking.asked(batch, self.journal.ledger.orders, self.venues)
        for venue in self.venues:
            venue.sessions.on_lost = self._lurking.venue_lost
        kill_switch = KillSwitch(self.trace, self.venues, self.lookout.wishes.killed)
        told = self.lookout.callers.told
        self.workload = Workload(loop, self.trace, self.venues, kill_switch, told, self._failed, self.violations.add)
        self.workload.projected = lambda: at_once(self.server.memory.shards())[0].projected_through
        self.workload.on_closed, self.workload.is_stalled = self._closed, self._is_stalled
        self._through = _between(plan.through)
        self._context = Context()
        self._restarting = False
        self._is_asking = True
        self._ends_at_ns = plan.ends_at_ns
        #: Called after each step; a crash sweep looks on.
        self.watch: Callable[[World], None] | None = None
        self.step_limit = 0
        self.is_abandoned = False

    @property
    def process(self) -> Process:
        """The process that the host runs in now: the shard's owner, else the one that was started last."""
        owner = self.server.owner
        if owner and self.processes[owner - 1].is_alive:
            return self.processes[owner - 1]
        return self.processes[-1]

    @property
    def lives(self) -> int:
        """How many lives of the shard decided anything."""
        return self.lookout.lives

    def start(self) -> None:
        """Start the first process, and let the plan's operations come."""
        self.start_process()
        self.loop.after_step = self._after_step
        # A sweep looks on at every step.
        self.loop.look_every = PARTLY_EVERY if self.watch is None else 1
        for operation in self.plan.operations:
            self.loop.call_after_ns(operation.at_ns, self._ask, operation, context=self._context)
        self.loop.call_after_ns(self.plan.heal_at_ns, self.heal, context=self._context)
        self.loop.call_after_ns(50 * _MS, self._supervise, context=self._context)

    def start_process(self, owner: str = "host") -> None:
        """Start a process; the one before it is gone, or frozen."""
        self._restarting = False
        number = len(self.processes) + 1
        self.trace.add("world", f"process {number} starts as {owner}")
        self.workload.kill_switch.forget_acknowledged()
        process = Process(
            number,
            owner,
            self.plan.settings,
            _plugins(),
            self.loop,
            self.server,
            self.venues,
            self._left,
            self._through,
        )
        for adapter in process.adapters:
            adapter.on_question = self._asked
            adapter.on_connect = partial(self._connects, process)
            adapter.wire.on_overtaking = partial(self.violations.add, 23)
        self.processes.append(process)

    def crash(self, restart_after_ns: int) -> None:
        """Kill the process, and start another after a while."""
        self._kill(self.process)
        if not any(process.is_alive for process in self.processes):
            self._restarting = True
            self.loop.call_after_ns(restart_after_ns, self.start_process, context=self._context)

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
        for process in self.processes:
            if process.is_frozen:
                self._thaw(process)
            elif process.is_alive and process is not self.process:
                # Whoever waited for its turn goes home.
                self._kill(process)
        for venue in self.venues:
            venue.banned_until_ns = 0
            if not self.plan.heals_silently:
                venue.sessions.interrupt("healed")

    def check(self, *, everything: bool) -> None:
        """Compare memory, reservations and (of ``everything``) tables with the journal and the venues."""
        self.full_checks += 1
        self.lookout.compare(self._living_shard(), everything=everything, is_healed=self.faults.healed)

    def _living_shard(self) -> ShardRuntime | None:
        process = self.process
        if not process.is_alive or process.is_frozen:
            return None
        shard = process.shard
        return shard if shard is not None and not shard.failure.done() and not shard.gate.fenced else None

    def _ask(self, operation: Operation) -> None:
        if operation.lurks and not self.faults.healed:
            self._lurking.wait(partial(self._perform, operation))
        else:
            self._perform(operation)

    def _strike_down(self) -> None:
        if not self.faults.healed and self.process.is_alive and not self.process.is_frozen:
            self.crash(self.random.randrange(1 * _MS, 400 * _MS))

    def _stop_short(self) -> None:
        process = self.process
        if not self.faults.healed and process.is_alive and not process.is_frozen:
            self._freeze(process)

    def _perform(self, operation: Operation) -> None:
        process = self.process
        if self._is_asking and process.is_alive and not process.is_frozen:
            process.run(self.workload.perform(operation, process.orchestrator))

    def _supervise(self) -> None:
        """What a process supervisor does, and what an operator's bad day does."""
        # Once nothing strikes any more, what goes wrong goes on being wrong.
        wait_ns = (200 if self.faults.healed else 50) * _MS
        self.loop.call_after_ns(wait_ns, self._supervise, context=self._context)
        self.lookout.look(self._living_shard())
        for process in self.processes:
            if process.is_alive and process.is_closed:
                self.trace.add("world", f"process {process.number} ended as asked")
                self._kill(process)
            failure = process.failure if process.is_alive else None
            if failure is not None and not process.has_lost:
                self.violations.add(0, f"the orchestrator failed: {type(failure).__name__}: {failure}")
            elif failure is not None and not process.was_seen_failed:
                process.was_seen_failed = True
                self.trace.add("world", f"process {process.number} ended: {failure}")
            elif failure is not None:
                if process.was_asked_before(self.loop.now_ns - _TOLD_NS) and not process.is_frozen:
                    self.violations.add(19, f"process {process.number} ended, and somebody waits for its answer")
                self._kill(process)
            self._check_defect(process)
        if not any(process.is_alive for process in self.processes):
            if not self._restarting:
                self.start_process()
            return
        process = self.process
        if process.is_frozen or not process.is_alive:
            return
        shard = self._living_shard()
        if shard is not None and process.defect is None and self.faults.fires(Fault.DEFECT):
            self.trace.add("world", f"process {process.number} gets a defect")
            process.defect = Defect(lambda: self.loop.now_ns)
            process.defect.plant(shard, self.random)
        if self.faults.fires(Fault.CRASH):
            if self.faults.between(Fault.CRASH, 0, 1):
                self._lurking.wait_to_crash(self._strike_down)
            else:
                self.crash(self.faults.between(Fault.CRASH, 1 * _MS, 800 * _MS))
        elif self.faults.fires(Fault.FREEZE):
            if self.faults.between(Fault.FREEZE, 0, 1):
                self._lurking.wait_to_freeze(self._stop_short)
            else:
                self._freeze(process)

    def _check_defect(self, process: Process) -> None:
        struck_at_ns = process.defect.struck_at_ns if process.defect is not None else 0
        if not struck_at_ns or not process.is_alive or process.is_frozen:
            return
        shard = process.shard
        goes_on = shard is not None and not shard.failure.done()
        if goes_on and self.loop.now_ns - struck_at_ns > _DEFECT_NS:
            self.violations.add(0, f"process {process.number} goes on with a defect")

    def _kill(self, process: Process) -> None:
        self.trace.add("world", f"process {process.number} is killed")
        process.kill()
        # What it leaves behind is what the next one begins with.
        self.lookout.compare_tables()

    def _freeze(self, process: Process) -> None:
        """The process stops for a while; sometimes another one, elsewhere, takes over meanwhile."""
        self.trace.add("world", f"process {process.number} is frozen")
        process.freeze()
        for_ns = self.faults.between(Fault.FREEZE, 20 * _MS, 1_500 * _MS)
        if self.faults.between(Fault.FREEZE, 0, 1):
            self.start_process(f"other-{len(self.processes)}")
            # Long enough for the lease to end under it.
            for_ns += round(LEASE_S * 1_000) * _MS
        self.loop.call_after_ns(for_ns, self._thaw, process, context=self._context)

    def _thaw(self, process: Process) -> None:
        if process.is_frozen and process.is_alive:
            self.trace.add("world", f"process {process.number} goes on")
            process.thaw()

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
        self.lookout.changed(order, self._living_shard() if self.processes else None)

    def _left(self, adapter: SimAdapter, verb: str, what: VenueOrder | OrderRef, plan: SendPlan) -> None:
        """A request leaves a process."""
        self.changes += 1
        name = what.order_id if isinstance(what, VenueOrder) else what.client_order_id or what.venue_order_id
        self.trace.add(f"process {adapter.process}", f"sends {verb} of {name} to {adapter.venue.kind.name}")
        self.lookout.left(self.processes[adapter.process - 1], adapter, verb, what, plan)

    def _connects(self, process: Process) -> None:
        shard = process.shard
        self.lookout.restarts.connects(shard.journal.epoch if shard is not None else 0)

    def _asked(self, adapter: SimAdapter) -> None:
        self.lookout.asked(self.processes[adapter.process - 1], adapter)

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
        self.lookout.decided(self.processes[self.server.processes[epoch] - 1], epoch, decision)

    def carried_out(self, effect: Effect) -> None:
        """A process carries out an effect."""
        self.lookout.carried_out(effect)

    def _closed(self, live: LiveExecutionOrchestrator) -> None:
        for process in self.processes:
            if process.orchestrator is live:
                process.is_closed = True

    def _is_stalled(self, live: LiveExecutionOrchestrator) -> bool:
        asked_at_ns = next((each.store.asked_at_ns for each in self.processes if each.orchestrator is live), 0)
        return asked_at_ns > 0 and self.loop.now_ns - asked_at_ns > STALLED_NS

    def seconds(self) -> float:
        """Virtual seconds since the start."""
        return self.loop.now_ns / 1e9 - START_S


@cache
def _plugins() -> Plugins:
    return with_failing_plugins(load_plugins())


def _shown(records: Sequence[Record]) -> str:
    return "; ".join(
        f"{each.stream[-6:]} {'+'.join(type(event).__name__ for event in each.events)}" for each in records
    )


def _between(through: str) -> Callable[[ExternalAdapter], ExternalAdapter]:
    """What a plan puts between the host and its venues; nothing, if it names nothing."""
    if not through:
        return lambda adapter: adapter
    module, _, name = through.partition(":")
    made: Callable[[ExternalAdapter], ExternalAdapter] = getattr(import_module(module), name)
    return made
