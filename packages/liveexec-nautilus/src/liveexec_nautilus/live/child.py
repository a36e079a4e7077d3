"""The node's process: ``python -m liveexec_nautilus.live.child FD``, with one end of the parent's socket pair.

The first message is the plan, keys and all; what follows are commands. It ends when it is told to, when the node ends,
and at once when the parent is gone: orders at the venue stay as they are in each case.
"""

import asyncio
import gc
import importlib
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from liveexec_nautilus import vendor
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.channel import Channel
from liveexec_nautilus.live.node import BuiltNode
from liveexec_nautilus.live.protocol import (
    Answer,
    Ask,
    BookTold,
    Cancel,
    Failed,
    FromChild,
    Modify,
    NodePlan,
    QuoteTold,
    Ready,
    Refused,
    Stop,
    Submit,
    ToChild,
    TradeTold,
    Watch,
    decode_to_child,
)
from liveexec_nautilus.live.questions import QuestionFailed, instrument_facts
from liveexec_nautilus.live.strategy import NodeStrategy, NotHandedOver, made_strategy

__all__ = ["main"]

#: Bytes that may wait for the parent before market data gives way; it comes again.
_MARKET_ROOM: Final = 1024 * 1024
#: How long the node may take to disconnect before the process ends without that.
_STOP_S: Final = 5.0


class Child:
    """One node and the channel to its parent."""

    def __init__(self) -> None:
        self._channel: Channel[ToChild] = Channel(decode_to_child, self._take, self._lost)
        self._plan: asyncio.Future[NodePlan] = asyncio.get_running_loop().create_future()
        self._stopping = asyncio.Event()
        self._strategy: NodeStrategy | None = None
        self._built: BuiltNode | None = None
        self._cache: vendor.Cache | None = None
        self._asked: set[asyncio.Task[None]] = set()

    async def run(self, sock: socket.socket) -> None:
        """Serve until told to stop, or until the node or the parent is gone."""
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self._channel, sock=sock)
        plan = await self._plan
        started = asyncio.Event()
        self._strategy = made_strategy(self.tell, started.set)
        module, _, function = plan.builder.partition(":")
        self._built = getattr(importlib.import_module(module), function)(plan, self._strategy)
        assert self._built is not None
        node = self._built.node
        # Before the run: the awaitable owns the node.
        handle, self._cache = node.handle(), node.cache
        running = asyncio.ensure_future(node.run_async())
        ready = asyncio.ensure_future(started.wait())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({running, ready, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done() and not running.done():
            # What the node is made of stays: looking through it again and again would hold orders up.
            gc.freeze()
            self.tell(Ready())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            error = running.exception() if not running.cancelled() else None
            self.tell(Failed(str(error) if error is not None else "the node ended by itself"))
            return
        handle.stop()
        await asyncio.wait({running}, timeout=_STOP_S)

    def tell(self, message: FromChild) -> None:
        """Write to the parent; market data only while there is room."""
        self._channel.send(
            message, room=_MARKET_ROOM if isinstance(message, QuoteTold | BookTold | TradeTold) else None
        )

    def _take(self, message: ToChild) -> None:
        match message:
            case NodePlan():
                if not self._plan.done():
                    self._plan.set_result(message)
            case Stop():
                self._stopping.set()
            case Submit() | Modify():
                self._command(message)
            case Cancel():
                self._cancel(message)
            case Ask():
                self._start(self._answer(message))
            case Watch():
                self._watch(message)

    def _command(self, message: Submit | Modify) -> None:
        strategy = self._strategy
        if strategy is None:
            self.tell(Refused(message.ref, "the node has not started"))
            return
        try:
            if isinstance(message, Submit):
                strategy.submit(message)
            else:
                strategy.modify(message)
        except NotHandedOver as error:
            self.tell(Refused(message.ref, str(error)))

    def _cancel(self, message: Cancel) -> None:
        strategy = self._strategy
        if strategy is None:
            self.tell(Refused(message.ref, "the node has not started"))
            return
        try:
            strategy.cancel(message)
        except NotHandedOver:
            # An order of an earlier process that the node has not met: the venue is asked directly.
            self._start(self._cancel_directly(message))

    async def _cancel_directly(self, message: Cancel) -> None:
        assert self._built is not None
        try:
            answer = await self._built.questions[message.client].cancel(message)
        except QuestionFailed as error:
            answer = Answer(message.ref, str(error))
        self.tell(answer)

    async def _answer(self, ask: Ask) -> None:
        assert self._built is not None
        try:
            if ask.what == "instruments":
                assert self._cache is not None
                answer = instrument_facts(self._cache, ask, _nautilus_venue(ask.client))
            else:
                answer = await self._built.questions[ask.client].answer(ask)
        except QuestionFailed as error:
            answer = Answer(ask.ref, str(error))
        self.tell(answer)

    def _watch(self, message: Watch) -> None:
        assert self._strategy is not None
        self._strategy.watch(message)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._asked.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._asked.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A defect here: its answer would be waited for in vain, and what else is wrong nobody knows.
            self.tell(Failed(f"{type(error).__name__}: {error}"))
            self._stopping.set()

    def _lost(self, _: str) -> None:
        # The parent is gone: nobody hears what happens from now on.
        os._exit(0)


def _nautilus_venue(client: str) -> str:
    return NodeVenue(client).nautilus if client in NodeVenue else client


async def _served(sock: socket.socket) -> int:
    child = Child()
    try:
        await child.run(sock)
    except Exception as error:  # noqa: BLE001  (whatever keeps the node from running is told, and ends the process)
        child.tell(Failed(f"{type(error).__name__}: {error}"))
        # The transport has written what fits at once; what the parent does not hear, it sees in the exit code.
        return 1
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop, where there is one: it takes about 100 µs off an order's way through this process and back."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415  (not there on Windows)

    return uvloop.new_event_loop


def main(arguments: list[str]) -> None:
    """Serve on the socket whose number is given."""
    sock = socket.socket(fileno=int(arguments[0]))
    sock.setblocking(False)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        code = runner.run(_served(sock))
    sys.stderr.flush()
    # The library's threads may still be closing connections; what there was to say is said.
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
