"""The guard: while the loop runs, whatever would reach outside of it is refused.

An audit hook can't be taken out again, so it is added once per process and armed only while a run is on.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["OutsideWorld", "disarmed", "guarded"]

#: Threads and processes; sockets are refused as a whole, by the prefix of their events.
_REFUSED: Final = frozenset(
    {
        "_posixsubprocess.fork_exec",
        "_thread.start_joinable_thread",
        "_thread.start_new_thread",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
        "time.sleep",
    }
)


class OutsideWorld(RuntimeError):
    """Simulated code reached for a thread, a process, a socket or real time."""


class _Guard:
    armed = False
    added = False


def _hook(event: str, _arguments: tuple[Any, ...], guard: type[_Guard] = _Guard) -> None:
    # Hooks outlive their module's names when the interpreter ends.
    if guard.armed and (event in _REFUSED or event.startswith("socket.")):
        raise OutsideWorld(f"{event} in a simulated run")


@contextmanager
def guarded() -> Iterator[None]:
    """Refuse threads, processes, sockets and sleeping within this block."""
    if not _Guard.added:
        sys.addaudithook(_hook)
        _Guard.added = True
    _Guard.armed = True
    try:
        yield
    finally:
        _Guard.armed = False


@contextmanager
def disarmed() -> Iterator[None]:
    """Let something through within a guarded block: the simulator's own doing, not the simulated code's."""
    before, _Guard.armed = _Guard.armed, False
    try:
        yield
    finally:
        _Guard.armed = before
