"""The event loop of the simulator: integer virtual time, and a seeded choice of what runs next.

Tasks that are ready run in any order, as tasks may; plain callbacks keep the order in which they were asked for, as
asyncio promises. When nothing is ready, time jumps to the next timer. What belongs to one simulated process (marked
in its context) can be frozen, or dropped as a crash drops it: without running a line more.
"""

# ruff: noqa: SLF001, ARG002  (an event loop runs handles by their own method; what it refuses it need not look at)

import asyncio
import contextlib
import heapq
import warnings
from asyncio import events, futures
from bisect import insort
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import TYPE_CHECKING, Any, Final

from anyio._backends._asyncio import _task_states

__all__ = ["PROCESS", "START_S", "SimLoop", "SimTask", "StuckLoop", "drop_tasks"]

#: Where monotonic time starts, so that nothing takes zero for "never".
START_S: Final = 1_000
_S: Final = 1_000_000_000
#: What running one handle takes: time moves on, so that two of them never see the same.
_STEP_NS: Final = 1_000
#: What ends :func:`asyncio.sleep`.
_WAKE: Final = futures._set_result_unless_cancelled  # type: ignore[attr-defined]  # asyncio's own, not in its stubs
#: The simulated process that code runs in; none for the world around it.
PROCESS: ContextVar[int] = ContextVar("liveexec_testkit_process", default=0)


class StuckLoop(RuntimeError):
    """Nothing is ready and no timer is set, though somebody still waits."""


class _Handle(events.TimerHandle):
    """A callback that is due now or at a time: what asyncio's own do, without a second constructor, and without asking
    for debugging, which is off here."""

    __slots__ = ()

    if TYPE_CHECKING:
        # What asyncio's stubs leave out.
        _callback: Callable[..., object] | None
        _context: Context
        _loop: "SimLoop"
        _repr: str | None
        _scheduled: bool
        _source_traceback: None
        _when: float

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: "SimLoop",
        context: Context | None,
        when_ns: int,
    ) -> None:
        self._context = context if context is not None else copy_context()
        self._loop, self._callback, self._args = loop, callback, args
        self._when, self._scheduled = when_ns / _S, True
        self._cancelled, self._repr, self._source_traceback = False, None, None

    def cancel(self) -> None:
        """It runs no more; what comes due is skipped then."""
        self._cancelled = True
        self._callback, self._args = None, ()


class SimTask(asyncio.Task[Any]):
    """A task with a sequence number, by which it is hashed and sorted: sets of tasks iterate alike in every process."""

    def __init__(self, coro: Any, *, loop: Any = None, name: str | None = None, **options: Any) -> None:
        running = loop if loop is not None else events.get_running_loop()
        assert isinstance(running, SimLoop)
        self.sequence = running.next_sequence()
        super().__init__(coro, loop=running, name=name if name is not None else f"task-{self.sequence}", **options)

    def __hash__(self) -> int:
        return self.sequence

    def __eq__(self, other: object) -> bool:
        return self is other


class _SimFuture(asyncio.Future[Any]):
    """A future with a sequence number, for the same reason; the loop that makes it sets it."""

    sequence: int

    def __hash__(self) -> int:
        return self.sequence

    def __eq__(self, other: object) -> bool:
        return self is other


class SimLoop(asyncio.BaseEventLoop):
    """An event loop without an outside. ``after_step`` is called after every so many handles that ran
    (``look_every``), and after each that failed.

    ``steps`` counts them; ``fingerprint`` changes with each one's time and identity, so two runs that differ anywhere
    differ in it.
    """

    if TYPE_CHECKING:
        # What asyncio's own loops build on, and its stubs leave out.
        _stopping: bool

        def _run_forever_setup(self) -> None: ...
        def _run_forever_cleanup(self) -> None: ...

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.now_ns = START_S * _S
        self.steps = 0
        self.fingerprint = 0
        self.after_step: Callable[[], None] | None = None
        self.look_every = 1
        self.errors: list[dict[str, Any]] = []
        self._random = random.random
        self._sequence = 0
        self._callbacks: deque[_Handle] = deque()
        self._tasks_ready: list[tuple[int, int, _Handle]] = []
        self._timers: list[tuple[int, int, int, _Handle]] = []
        self._dead: set[int] = set()
        self._frozen: dict[int, list[tuple[int, _Handle]]] = {}
        self.set_exception_handler(lambda _, context: self.errors.append(context))

    def next_sequence(self) -> int:
        """A number that no task or future of this loop has."""
        self._sequence += 1
        return self._sequence

    def time(self) -> float:
        return self.now_ns / _S

    def create_future(self) -> asyncio.Future[Any]:
        self._sequence += 1
        future = _SimFuture(loop=self)
        future.sequence = self._sequence
        return future

    def create_task[T](self, coro: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        return SimTask(coro, loop=self, **options)

    def pause(self, delay_ns: int) -> asyncio.Future[None]:
        """What to wait for to sleep so many nanoseconds, as :func:`asyncio.sleep` does, without its coroutine."""
        future = self.create_future()
        self._call_at_ns(self.now_ns + delay_ns, _WAKE, (future, None), None)
        return future

    def call_soon[*Ts](
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> events.Handle:
        handle = _Handle(callback, args, self, context, self.now_ns)
        owner = getattr(callback, "__self__", None)
        if self._dead or self._frozen:
            self._admit(_identity(callback), handle)
        elif type(owner) is SimTask:
            self._sequence += 1
            insort(self._tasks_ready, (owner.sequence, self._sequence, handle))
        else:
            self._callbacks.append(handle)
        return handle

    def call_soon_threadsafe[*Ts](
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> events.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later[*Ts](
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> events.TimerHandle:
        return self._call_at_ns(self.now_ns + max(0, round(delay * _S)), callback, args, context)

    def call_at[*Ts](
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> events.TimerHandle:
        return self._call_at_ns(max(self.now_ns, round(when * _S)), callback, args, context)

    def call_after_ns[*Ts](
        self, delay_ns: int, callback: Callable[[*Ts], object], *args: *Ts, context: Context
    ) -> events.TimerHandle:
        """Call back in exactly so many nanoseconds, in a context of the caller's choice."""
        return self._call_at_ns(self.now_ns + delay_ns, callback, args, context)

    def _call_at_ns(
        self, when_ns: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> events.TimerHandle:
        handle = _Handle(callback, args, self, context, when_ns)
        self._sequence += 1
        heapq.heappush(self._timers, (when_ns, self._sequence, _identity(callback), handle))
        return handle

    def freeze(self, process: int) -> None:
        """Nothing of the process runs until it is thawed (SIGSTOP)."""
        self._frozen.setdefault(process, []).extend(self._take_out(process))

    def thaw(self, process: int) -> None:
        """The process goes on where it was (SIGCONT)."""
        for identity, handle in self._frozen.pop(process, []):
            self._make_ready(identity, handle)

    def kill(self, process: int) -> None:
        """Nothing of the process runs any more (SIGKILL)."""
        self._dead.add(process)
        self._frozen.pop(process, None)
        self._take_out(process)

    def forget(self) -> None:
        """Let go of everything that is due, set or failed, so that whoever holds the loop holds nothing else."""
        # What fails by being dropped is nobody's business.
        self.set_exception_handler(lambda *_: None)
        for held in (self._callbacks, self._tasks_ready, self._timers, self._frozen, self.errors):
            held.clear()

    def run_forever(self) -> None:
        """Run until :meth:`stop` is called or the loop is stuck."""
        self._run_forever_setup()
        try:
            self._run()
        finally:
            self._run_forever_cleanup()

    def _run(self) -> None:
        # Looked up once: some thousand steps are taken in a run.
        tasks, timers, callbacks = self._tasks_ready, self._timers, self._callbacks
        random, pop = self._random, heapq.heappop
        while not self._stopping:
            if not tasks and not callbacks:
                self._jump()
            while timers and timers[0][0] <= self.now_ns:
                _, _, identity, timer = pop(timers)
                if timer._cancelled:
                    continue
                if timer._callback is not _WAKE:
                    self._admit(identity, timer)
                elif timer._args[0].cancelled():
                    # Whoever slept was woken otherwise.
                    continue
                elif not self._dead and not self._frozen:
                    # The end of a sleep only makes a task ready: it is that task's step that is chosen among others.
                    timer._run()
                else:
                    self._admit(identity, timer)
            waiting = len(tasks)
            choices = waiting + bool(callbacks)
            if not choices:
                continue
            index = int(random() * choices)
            if index == waiting:
                identity, handle = 0, callbacks.popleft()
            else:
                identity, _, handle = tasks.pop(index)
            if handle._cancelled:
                continue
            self.now_ns += _STEP_NS
            self.steps += 1
            self.fingerprint = hash((self.fingerprint, identity, self.now_ns))
            handle._run()
            if self.after_step is not None and (self.steps % self.look_every == 0 or self.errors):
                self.after_step()

    def _jump(self) -> None:
        while self._timers and self._timers[0][3]._cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            raise StuckLoop("nothing is ready and no timer is set")
        self.now_ns = max(self.now_ns, self._timers[0][0])

    def _admit(self, identity: int, handle: _Handle) -> None:
        """Take a handle that is due, unless its process is frozen or gone."""
        if self._dead or self._frozen:
            process = _process_of(handle)
            if process in self._dead:
                handle.cancel()
                return
            if process in self._frozen:
                self._frozen[process].append((identity, handle))
                return
        self._make_ready(identity, handle)

    def _make_ready(self, identity: int, handle: _Handle) -> None:
        if identity:
            # Sorted by number, so that the seeded choice means the same task whoever scheduled it first.
            insort(self._tasks_ready, (identity, self.next_sequence(), handle))
        else:
            self._callbacks.append(handle)

    def _take_out(self, process: int) -> list[tuple[int, _Handle]]:
        taken = [(0, handle) for handle in self._callbacks if _process_of(handle) == process]
        taken += [(identity, handle) for identity, _, handle in self._tasks_ready if _process_of(handle) == process]
        # In place: the running loop holds on to both.
        left = [handle for handle in self._callbacks if _process_of(handle) != process]
        self._callbacks.clear()
        self._callbacks.extend(left)
        self._tasks_ready[:] = [entry for entry in self._tasks_ready if _process_of(entry[2]) != process]
        return taken

    # An event loop's other duties: there is no outside here, so all of them are refused.

    def _process_events(self, event_list: Any) -> None:
        raise RuntimeError("the simulated loop has no selector")

    def _write_to_self(self) -> None:
        raise RuntimeError("the simulated loop has no other threads")

    def run_in_executor[*Ts, T](
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        raise RuntimeError("the simulated loop has no threads")


def drop_tasks(loop: SimLoop) -> None:
    """Let go of everything that has not ended or is still to come, without letting it run on."""
    with warnings.catch_warnings():
        # What never began is dropped as well.
        warnings.simplefilter("ignore", RuntimeWarning)
        for task in sorted(asyncio.all_tasks(loop), key=hash):
            # What is dropped is no defect, so nobody has to hear of it.
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio's own runner sets
            with contextlib.suppress(RuntimeError):
                task.get_coro().close()  # type: ignore[union-attr]  # a task that has not ended has one
            # A dropped task never ends for anyio, whose note of it holds the task and so the whole run.
            _task_states.pop(task, None)
    loop.forget()


def _identity(callback: object) -> int:
    """The number of the task that a callback is a step of; zero for any other."""
    owner = getattr(callback, "__self__", None)
    return owner.sequence if type(owner) is SimTask else 0


def _process_of(handle: _Handle) -> int:
    return handle._context.get(PROCESS, 0)
