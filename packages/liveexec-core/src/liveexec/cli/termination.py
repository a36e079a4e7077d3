"""SIGTERM, which service managers send, ends a command as Ctrl-C does: cleanly, and with an exit code of its own.

What runs on an event loop is cancelled, as :class:`asyncio.Runner` has it upon Ctrl-C, and gets all the time that its
end takes; a second signal does not wait for that. Everything else is left by an exception.
"""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["Terminated", "ended_by_sigterm", "run_async"]


class Terminated(KeyboardInterrupt):
    """SIGTERM came. Whoever cleans up after Ctrl-C does the same after this."""


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise :class:`Terminated` until the end of the block.

    Does nothing where SIGTERM is ignored, which is the wish of whoever started us, or handled by somebody else.
    """
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run_async[T](main: Callable[[], Awaitable[T]], *, use_uvloop: bool = False) -> T:
    """Run a coroutine function on an event loop of its own; within :func:`ended_by_sigterm` SIGTERM cancels it.

    Raises:
        Terminated: it ended because SIGTERM came.
    """
    import asyncio  # noqa: PLC0415  (keeps --help fast)

    import anyio  # noqa: PLC0415

    main_task = _MainTask()

    async def noted() -> T:
        main_task.begins(asyncio.current_task(), asyncio.get_running_loop())
        return await main()

    with main_task.cancelled_by_sigterm():
        try:
            return anyio.run(noted, backend_options={"use_uvloop": use_uvloop})
        except asyncio.CancelledError:
            if main_task.is_told:
                raise Terminated from None
            raise


class _MainTask:
    """The task that a signal cancels. ``is_told`` says whether one has."""

    def __init__(self) -> None:
        self.is_told = False
        self._task: asyncio.Task[object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def begins(self, task: "asyncio.Task[object] | None", loop: "asyncio.AbstractEventLoop") -> None:
        self._task, self._loop = task, loop

    @contextmanager
    def cancelled_by_sigterm(self) -> Iterator[None]:
        if signal.getsignal(signal.SIGTERM) is not _terminate:
            yield
            return
        signal.signal(signal.SIGTERM, self._cancel)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, _terminate)

    def _cancel(self, number: int, frame: FrameType | None) -> None:
        if self.is_told or self._task is None or self._loop is None or self._task.done():
            _terminate(number, frame)
            return
        self.is_told = True
        self._task.cancel()
        # The signal may have come while the loop slept, and a handler of Python's does not end its sleep.
        self._loop.call_soon_threadsafe(lambda: None)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated
