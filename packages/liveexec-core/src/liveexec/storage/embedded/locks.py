"""The locks of one data folder, as a user of its server takes them; supervisor.py says who holds which."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from liveexec.storage.embedded.errors import DataFolderBusy
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.supervisor import EXCLUSIVE, SHARED, is_free, open_locked, wait_until

__all__ = ["Hold", "hold", "server_runs", "sign", "starting", "supervisor_runs"]


@contextmanager
def starting(layout: ClusterLayout, timeout_s: float) -> Iterator[int]:
    """Be the only process that starts or stops this server; gives the lock's descriptor.

    A child that inherits the descriptor and outlives this process keeps the lock until it has ended.

    Raises:
        DataFolderBusy: somebody else held the lock for `timeout_s` seconds.
    """
    descriptor = open_locked(layout.start_lock, EXCLUSIVE, timeout_s)
    if descriptor is None:
        raise DataFolderBusy(
            f"another process{_last_signature(layout.start_lock)} has been starting or stopping the PostgreSQL of "
            f"{layout.home} for {timeout_s:g} s: wait for it or end it, then try again"
        )
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sign(descriptor: int) -> None:
    """Leave this process's number in the lock's file, for the message that others get when it stays locked."""
    # A fixed width overwrites in place, which needs no new room on a disk that has become full.
    os.pwrite(descriptor, f"{os.getpid():<20}\n".encode(), 0)


def _last_signature(lock: Path) -> str:
    pid = lock.read_text(encoding="utf-8").strip()
    return f" (pid {pid} was the last to start it)" if pid else ""


def server_runs(layout: ClusterLayout) -> bool:
    """Whether any process of a server that liveexec started on this folder is alive, orphaned backends included."""
    return not is_free(layout.server_lock)


def supervisor_runs(layout: ClusterLayout) -> bool:
    return not is_free(layout.supervisor_lock)


@frozen
class Hold:
    """One use of the server: it is kept running until the last hold is dropped or its process dies.

    The descriptor is closed by :meth:`drop` only, never by garbage collection, so that a connection string may
    outlive the object that it came from.
    """

    lock: Path
    descriptor: int
    pid: int

    def drop(self) -> None:
        os.close(self.descriptor)

    def drop_and_tell_if_last(self) -> bool:
        """Drop the hold; whether nobody else has one. The caller holds ``start.lock``, so nobody can come.

        Of somebody who is killed at this very moment it may say that he is still there; the supervisor sees to that.
        """
        self.drop()
        verdict: bool | None = None

        def settled() -> bool:
            nonlocal verdict
            verdict = _nobody_holds(self.lock)
            return verdict is not None

        wait_until(settled, timeout_s=5.0)
        return verdict is True


def hold(layout: ClusterLayout, timeout_s: float) -> Hold:
    """Become a user of the server. The caller holds ``start.lock``."""
    # The supervisor has this lock for the moment in which it finds itself without holders.
    descriptor = open_locked(layout.holders_lock, SHARED, timeout_s)
    if descriptor is None:
        raise DataFolderBusy(f"{layout.holders_lock} stayed locked for {timeout_s:g} s: end the process that holds it")
    return Hold(lock=layout.holders_lock, descriptor=descriptor, pid=os.getpid())


def _nobody_holds(lock: Path) -> bool | None:
    """Whether nobody holds `lock`; None while the supervisor has it for a moment."""
    if _can_lock(lock, EXCLUSIVE):
        return True
    if not _can_lock(lock, SHARED):
        return None
    # Nobody had it exclusively a moment ago. The supervisor can't take it twice, for it waits for start.lock now.
    return _can_lock(lock, EXCLUSIVE)


def _can_lock(lock: Path, operation: int) -> bool:
    descriptor = open_locked(lock, operation)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True
