"""The processes of a run, one after the other: started, killed, frozen, made to fail, and started again."""

from collections.abc import Callable
from contextvars import Context
from functools import cache
from importlib import import_module
from random import Random
from typing import Final

from attrs import define, field

from liveexec.domain.outcome import OrderRef, SendPlan
from liveexec.plugins.adapter import ExternalAdapter, VenueOrder
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.runtime.shard import ShardRuntime
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.defects import Defect
from liveexec_testkit.simulator.faults import Fault, Faults
from liveexec_testkit.simulator.invariants.departures import STALLED_NS
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.lookout import Lookout
from liveexec_testkit.simulator.loop import SimLoop
from liveexec_testkit.simulator.lurking import Lurking
from liveexec_testkit.simulator.plan import RunPlan
from liveexec_testkit.simulator.process import LEASE_S, Process
from liveexec_testkit.simulator.settings import with_failing_plugins
from liveexec_testkit.simulator.store import StoreServer
from liveexec_testkit.simulator.trace import Trace
from liveexec_testkit.simulator.venue import SimVenue

__all__ = ["Supervisor"]

_MS: Final = 1_000_000
#: How long a process may take to end when its code failed.
_DEFECT_NS: Final = 300 * _MS
#: By then a caller of a process that has ended was told.
_TOLD_NS: Final = 20 * _MS


@define(eq=False)
class Supervisor:
    """Does what a process supervisor does, and what an operator's bad day does. ``started`` is told of every process
    that starts, ``left`` of every request that leaves one."""

    plan: RunPlan
    loop: SimLoop
    random: Random
    faults: Faults
    trace: Trace
    server: StoreServer
    venues: list[SimVenue]
    violations: Violations
    lookout: Lookout
    lurking: Lurking
    started: Callable[[Process], None]
    left: Callable[[SimAdapter, str, VenueOrder | OrderRef, SendPlan], None]
    #: Every process of the run by its number, from 1 on: those that are gone as well.
    processes: list[Process] = field(factory=list)
    _through: Callable[[ExternalAdapter], ExternalAdapter] = field(init=False)
    _context: Context = field(factory=Context)
    _restarting: bool = False

    def __attrs_post_init__(self) -> None:
        self._through = _between(self.plan.through)

    @property
    def process(self) -> Process:
        """The process that the host runs in now: the shard's owner, else the one that was started last."""
        owner = self.server.owner
        if owner and self.processes[owner - 1].is_alive:
            return self.processes[owner - 1]
        return self.processes[-1]

    def living_shard(self) -> ShardRuntime | None:
        """The running parts of the process that the host runs in, as long as they run and own the shard."""
        if not self.processes:
            return None
        process = self.process
        if not process.is_alive or process.is_frozen:
            return None
        shard = process.shard
        return shard if shard is not None and not shard.failure.done() and not shard.gate.fenced else None

    def begin(self) -> None:
        """Look after the processes from now on."""
        self.loop.call_after_ns(50 * _MS, self._supervise, context=self._context)

    def start_process(self, owner: str = "host") -> None:
        """Start a process; the one before it is gone, or frozen."""
        self._restarting = False
        number = len(self.processes) + 1
        self.trace.add("world", f"process {number} starts as {owner}")
        process = Process(
            number,
            owner,
            self.plan.settings,
            _plugins(),
            self.loop,
            self.server,
            self.venues,
            self.left,
            self._through,
        )
        self.started(process)
        self.processes.append(process)

    def crash(self, restart_after_ns: int) -> None:
        """Kill the process, and start another after a while."""
        self._kill(self.process)
        if not any(process.is_alive for process in self.processes):
            self._restarting = True
            self.loop.call_after_ns(restart_after_ns, self.start_process, context=self._context)

    def heal(self) -> None:
        """Frozen processes go on, and there is one again."""
        for process in self.processes:
            if process.is_frozen:
                self._thaw(process)
            elif process.is_alive and process is not self.process:
                # Whoever waited for its turn goes home.
                self._kill(process)

    def note_closed(self, live: LiveExecutionOrchestrator) -> None:
        """A host has closed its orchestrator: that process ends."""
        for process in self.processes:
            if process.orchestrator is live:
                process.is_closed = True

    def is_stalled(self, live: LiveExecutionOrchestrator) -> bool:
        """Whether an orchestrator's journal has waited too long for its store."""
        asked_at_ns = next((each.store.asked_at_ns for each in self.processes if each.orchestrator is live), 0)
        return asked_at_ns > 0 and self.loop.now_ns - asked_at_ns > STALLED_NS

    def _supervise(self) -> None:
        # Once nothing strikes any more, what goes wrong goes on being wrong.
        wait_ns = (200 if self.faults.healed else 50) * _MS
        self.loop.call_after_ns(wait_ns, self._supervise, context=self._context)
        self.lookout.look(self.living_shard())
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
        shard = self.living_shard()
        if shard is not None and process.defect is None and self.faults.fires(Fault.DEFECT):
            self.trace.add("world", f"process {process.number} gets a defect")
            process.defect = Defect(lambda: self.loop.now_ns)
            process.defect.plant(shard, self.random)
        if self.faults.fires(Fault.CRASH):
            if self.faults.between(Fault.CRASH, 0, 1):
                self.lurking.wait_to_crash(self._strike_down)
            else:
                self.crash(self.faults.between(Fault.CRASH, 1 * _MS, 800 * _MS))
        elif self.faults.fires(Fault.FREEZE):
            if self.faults.between(Fault.FREEZE, 0, 1):
                self.lurking.wait_to_freeze(self._stop_short)
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

    def _strike_down(self) -> None:
        if not self.faults.healed and self.process.is_alive and not self.process.is_frozen:
            self.crash(self.random.randrange(1 * _MS, 400 * _MS))

    def _stop_short(self) -> None:
        process = self.process
        if not self.faults.healed and process.is_alive and not process.is_frozen:
            self._freeze(process)


@cache
def _plugins() -> Plugins:
    return with_failing_plugins(load_plugins())


def _between(through: str) -> Callable[[ExternalAdapter], ExternalAdapter]:
    """What a plan puts between the host and its venues; nothing, if it names nothing."""
    if not through:
        return lambda adapter: adapter
    module, _, name = through.partition(":")
    made: Callable[[ExternalAdapter], ExternalAdapter] = getattr(import_module(module), name)
    return made
