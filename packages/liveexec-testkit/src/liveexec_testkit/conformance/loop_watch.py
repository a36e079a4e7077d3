"""Whether the event loop was blocked: a thread looks at how long it has not turned."""

import asyncio
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Final, Self

__all__ = ["LoopWatch"]

_BEAT_S: Final = 0.01
#: A watcher that is later than this was asleep itself: what is beyond it says nothing of the loop.
_LATEST_S: Final = 0.05


class LoopWatch:
    """Watches the running loop while it is entered.

    What counts is the time between two beats of the loop in which the watcher itself was awake: on a busy machine both
    are late together, and only a loop that is held up falls behind.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.stack: list[str] = []
        self._beats = 0
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._beat()
        self._thread = threading.Thread(target=self._watch, name="conformance-loop-watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._timer.cancel()

    def told(self) -> str:
        """Where the loop was held up longest, for messages."""
        return "".join(self.stack[-6:])

    def _beat(self) -> None:
        self._beats += 1
        self._timer = self._loop.call_later(_BEAT_S, self._beat)

    def _watch(self) -> None:
        seen, held_s, looked_s = self._beats, 0.0, time.monotonic()
        while not self._ended.is_set():
            time.sleep(_BEAT_S)
            before_s, looked_s = looked_s, time.monotonic()
            if self._beats != seen:
                seen, held_s = self._beats, 0.0
                continue
            held_s += min(looked_s - before_s, _LATEST_S)
            if held_s > self.longest_s:
                self.longest_s = held_s
                frame = sys._current_frames().get(self._watched)  # noqa: SLF001  (the one way to see another stack)
                self.stack = traceback.format_stack(frame) if frame is not None else []
