"""The node's process, seen from the parent: started when a venue needs it, watched, and started anew after its death.

NautilusTrader's core ends its process where others raise an error: an empty currency in a venue's message is enough. So
it lives in a child, and its death is a lost session of every venue in it, and nothing more: what was being sent is
unknown, what happened meanwhile is fetched after the gap.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from liveexec.domain.secret import masked
from liveexec.errors import AdapterError
from liveexec_nautilus.live.channel import Channel
from liveexec_nautilus.live.protocol import (
    Answer,
    Failed,
    FromChild,
    NodePlan,
    Ready,
    Refused,
    SocketTold,
    Stop,
    ToChild,
    decode_from_child,
)

__all__ = ["LiveTradingNode", "NodeListener"]

_log = structlog.get_logger(__name__)

#: Variables that NautilusTrader's clients read keys from: only what the configuration names is used.
_KEY_PREFIXES: Final = ("BINANCE_", "BYBIT_", "OKX_")
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 10.0
#: A child that has lived this long was healthy: the next one is started without a wait.
_HEALTHY_S: Final = 10.0
#: How long a child may take to end after it was told to, before it is killed.
_STOP_S: Final = 6.0
_LAST_LINES: Final = 20

type Waiter = asyncio.Future[FromChild]


class NodeListener(Protocol):
    """A venue's side of the node."""

    client: str

    def owns(self, instrument: str) -> bool:
        """Whether a NautilusTrader instrument id is one of the venue's."""

    def heard(self, message: FromChild) -> None:
        """Something happened on one of its instruments, or on a connection of its client."""

    def node_lost(self, reason: str) -> None:
        """The process is gone."""


class LiveTradingNode:
    """One child for all its venues. It runs as long as a venue is attached.

    ``start_timeout_s`` is how long the node may take until its clients are connected and reconciled.
    """

    def __init__(self, plan: Callable[[], NodePlan], start_timeout_s: float = 25.0) -> None:
        self._plan, self._start_timeout_s = plan, start_timeout_s
        self._listeners: dict[str, NodeListener] = {}
        self._by_instrument: dict[str, NodeListener] = {}
        self._waiters: dict[int, Waiter] = {}
        self._last_ref = 0
        self._starting: asyncio.Task[None] | None = None
        self._life: _Life | None = None
        self._wait_s = 0.0
        self._reapers: set[asyncio.Task[None]] = set()
        #: How often a child was started.
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._life.process.pid if self._life is not None else None

    async def attach(self, listener: NodeListener) -> None:
        """Serve a venue; the child is started if none runs.

        Raises:
            AdapterError: it can't be started.
        """
        self._listeners[listener.client] = listener
        self._by_instrument.clear()
        if self._life is not None and self._life.is_ready:
            return
        if self._starting is None or self._starting.done():
            self._starting = asyncio.ensure_future(self._start())
        # Others wait for the same start: who gives up must not end it for them.
        await asyncio.shield(self._starting)

    async def detach(self, listener: NodeListener) -> None:
        """A venue needs the node no longer; with the last one the child ends."""
        if self._listeners.get(listener.client) is listener:
            del self._listeners[listener.client]
            self._by_instrument.clear()
        if self._listeners:
            return
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        life, self._life = self._life, None
        if life is not None:
            self._fail_waiters("the node was stopped")
            await life.stop()
        # What died before is waited for too: nothing is left behind.
        if self._reapers:
            await asyncio.wait(self._reapers)

    def next_ref(self) -> int:
        """A number for a request."""
        self._last_ref += 1
        return self._last_ref

    def send(self, message: ToChild, ref: int | None = None, waiter: Waiter | None = None) -> bool:
        """Write a message, false if there is no child; ``waiter`` is given what answers ``ref``, or the loss."""
        life = self._life
        if life is None or not life.is_ready or not life.channel.send(message):
            return False
        if ref is not None and waiter is not None:
            self._waiters[ref] = waiter
        return True

    def forget(self, ref: int) -> None:
        """Nobody waits for this answer any more."""
        self._waiters.pop(ref, None)

    async def _start(self) -> None:
        if self._wait_s:
            await asyncio.sleep(self._wait_s)
        self._wait_s = min(max(self._wait_s * 2, _FIRST_WAIT_S), _LONGEST_WAIT_S)
        self.starts += 1
        life = self._life = _Life(self._take, self._lost)
        try:
            async with asyncio.timeout(self._start_timeout_s):
                await life.start(self._plan())
                await life.ready
        except TimeoutError:
            self._end(life, "the node was not ready in time")
            raise AdapterError("the node's clients were not connected in time") from None
        except OSError as error:
            self._end(life, "the node's process could not be started")
            raise AdapterError(f"the node's process could not be started: {error}") from error
        except BaseException:
            self._end(life, "the start was given up")
            raise

    def _take(self, message: FromChild) -> None:
        match message:
            case Answer(ref=ref) | Refused(ref=ref):
                waiter = self._waiters.pop(ref, None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(message)
            case Ready() | Failed():
                pass
            case SocketTold(client=client):
                if (listener := self._listeners.get(client)) is not None:
                    listener.heard(message)
            case _:
                instrument = message.state.instrument if hasattr(message, "state") else message.instrument
                if (listener := self._owner(instrument)) is not None:
                    listener.heard(message)

    def _owner(self, instrument: str) -> NodeListener | None:
        found = self._by_instrument.get(instrument)
        if found is None:
            for each in self._listeners.values():
                if each.owns(instrument):
                    found = self._by_instrument[instrument] = each
        return found

    def _lost(self, life: "_Life", reason: str) -> None:
        """The child is gone, or says that its node is."""
        if life is not self._life:
            return
        self._end(life, reason)

    def _end(self, life: "_Life", reason: str) -> None:
        if life.is_over:
            return
        life.is_over = True
        if life is self._life:
            self._life = None
        if life.lived_s >= _HEALTHY_S:
            self._wait_s = 0.0
        reaper = asyncio.ensure_future(life.reap(reason))
        self._reapers.add(reaper)
        reaper.add_done_callback(self._reapers.discard)
        self._fail_waiters(reason)
        for each in tuple(self._listeners.values()):
            each.node_lost(reason)

    def _fail_waiters(self, reason: str) -> None:
        waiters, self._waiters = self._waiters, {}
        for each in waiters.values():
            if not each.done():
                each.set_exception(AdapterError(reason))
                # Whoever stopped waiting has been told otherwise.
                each.exception()


class _Life:
    """One child, from its start to its end."""

    def __init__(self, take: Callable[[FromChild], None], lost: Callable[["_Life", str], None]) -> None:
        self._hand_on, self._lost = take, lost
        self.channel: Channel[FromChild] = Channel(decode_from_child, self._take, self._channel_lost)
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.process: asyncio.subprocess.Process
        self._process: asyncio.subprocess.Process | None = None
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._reading: asyncio.Task[None] | None = None
        self._since_s = time.monotonic()
        self._failure: str | None = None
        self.is_over = False

    @property
    def is_ready(self) -> bool:
        return (
            self.ready.done() and not self.ready.cancelled() and self.ready.exception() is None and self.channel.is_open
        )

    @property
    def lived_s(self) -> float:
        return time.monotonic() - self._since_s

    async def start(self, plan: NodePlan) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "liveexec_nautilus.live.child",
                    str(theirs.fileno()),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    env={name: value for name, value in os.environ.items() if not name.startswith(_KEY_PREFIXES)},
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._reading = asyncio.ensure_future(self._read_output(self.process))
        await asyncio.get_running_loop().create_unix_connection(lambda: self.channel, sock=ours)
        self.channel.send(plan)
        _log.info("node_started", pid=self.process.pid)

    async def stop(self) -> None:
        """Have it disconnect and end; kill it if it does not."""
        self.channel.send(Stop())
        await self._ended(_STOP_S)
        self.channel.close()

    async def reap(self, reason: str) -> None:
        """See it ended, whatever it is doing, and say how."""
        self.channel.close()
        if not self.ready.done():
            self.ready.set_exception(AdapterError(reason))
            self.ready.exception()
        code = await self._ended(0.5)
        _log.warning("node_lost", reason=reason, ended=_ending(code), output=list(self._lines))

    async def _ended(self, patience_s: float) -> int | None:
        process = self._process
        if process is None:
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await process.wait()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading
        return process.returncode

    async def _read_output(self, process: asyncio.subprocess.Process) -> None:
        """What the library and the interpreter print: kept for the report of a death, never with a secret in it."""
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                # Longer than the reader's limit; the next read goes on behind it.
                continue
            if not line:
                return
            text = masked(line.decode(errors="replace").rstrip())
            self._lines.append(text)
            _log.debug("node_output", line=text)

    def _take(self, message: FromChild) -> None:
        match message:
            case Ready():
                if not self.ready.done():
                    self.ready.set_result(None)
            case Failed(reason=reason):
                # It ends now; the reason is what counts, and not that its connection ends.
                self._fail(masked(f"the node failed: {reason}"))
            case _:
                self._hand_on(message)

    def _channel_lost(self, reason: str) -> None:
        self._fail(f"the node's process is gone: {reason}")

    def _fail(self, reason: str) -> None:
        if self._failure is not None:
            return
        self._failure = reason
        if not self.ready.done():
            self.ready.set_exception(AdapterError(reason))
            self.ready.exception()
        self._lost(self, reason)


def _ending(code: int | None) -> str:
    if code is None:
        return "never started"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
