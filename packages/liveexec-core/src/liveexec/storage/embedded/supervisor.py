"""The process that keeps one server running exactly as long as somebody holds it.

Run as a script by its path, isolated from the caller's environment, and therefore made of the standard library and
psutil only: importing liveexec would cost a resident copy of everything the façade imports. The rest of the package
imports the primitives defined here.

Who holds what (every lock is a ``flock``, which the kernel drops when its holder dies, however it dies):

- users of the server: ``holders.lock``, shared;
- this process: ``supervisor.lock``, exclusive;
- the postmaster and all it forks: ``server.lock``, exclusive, by inheriting one descriptor, so that the lock is free
  only when the last backend of a killed postmaster is gone too;
- whoever starts or stops the server: ``start.lock``, exclusive.

``start.lock`` is taken before any of the others is waited for, except that this process waits for ``holders.lock``
without it and then lets go of that again before it takes ``start.lock``: so no two of them can wait for each other.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(sys.argv[1])  # psutil's; an isolated interpreter has no site-packages

import psutil

__all__ = ["EXCLUSIVE", "SHARED", "is_free", "open_locked", "remove_socket_folder", "stop_server", "wait_until"]

if sys.platform == "win32":
    # There is no flock; the package can be imported, and EmbeddedPostgres.start refuses before it needs a lock.
    EXCLUSIVE = SHARED = 0
    _STOP_PATIENCE_S = ()
else:
    import fcntl

    EXCLUSIVE = fcntl.LOCK_EX
    SHARED = fcntl.LOCK_SH
    # Of a fast shutdown (a checkpoint of everything dirty), of an immediate one, and of the kernel.
    _STOP_PATIENCE_S = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

_POLL_INTERVAL_S = 0.005


def open_locked(path: str | Path, operation: int, timeout_s: float | None = 0.0) -> int | None:
    """Open `path` and lock it; the descriptor, or None when it could not be locked in time (None: wait for ever).

    Closing the descriptor frees the lock, unless a child inherited it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if timeout_s is None:
            fcntl.flock(descriptor, operation)
            return descriptor
        if wait_until(lambda: _try_lock(descriptor, operation), timeout_s):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def is_free(path: str | Path) -> bool:
    """Whether nobody holds `path` exclusively; asking with a shared lock, so that two who ask don't see each other."""
    try:
        descriptor = open_locked(path, SHARED)
    except FileNotFoundError:
        return True  # its folder was deleted, and nobody can lock in it any more
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Ask `condition` until it holds (True) or `timeout_s` seconds are over (False); at least once."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_INTERVAL_S)
    return True


def stop_server(postmaster: psutil.Process, server_lock: str | Path) -> bool:
    """End the server, politely first; whether all of its processes are gone. The caller holds ``start.lock``.

    A :class:`psutil.Process` remembers when its process began and never signals another one that got its number.
    """
    for how, patience_s in _STOP_PATIENCE_S:
        with suppress(psutil.NoSuchProcess):  # its backends may still be on their way out, and they hold the lock
            postmaster.send_signal(how)
        if wait_until(lambda: is_free(server_lock), patience_s):
            return True
    return False


def remove_socket_folder(folder: str | Path) -> None:
    """Leave no empty folder behind in ``/tmp``. The caller holds ``start.lock`` and has stopped the server."""
    with suppress(OSError):  # not empty or gone already: it is looked at again by the next start
        os.rmdir(folder)


def _try_lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _supervise(order: dict[str, Any]) -> None:
    """Launch or adopt the server that `order` describes and stop it once nobody holds it."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A service manager may signal every process of a service. This one has to outlive its holders, and ends with
        # them. A handler and not SIG_IGN, which the server would inherit.
        signal.signal(number, _stay)
    own_lock = open_locked(order["supervisor_lock"], EXCLUSIVE, timeout_s=5.0)
    if own_lock is None:
        sys.exit("the server already has a supervisor")
    # Inherited, so that nobody starts a second one when the starter is killed before this one can be seen.
    os.close(order["start_descriptor"])
    if os.fork() > 0:
        os._exit(0)  # the caller waits for this one; the child holds the same lock and belongs to nobody
    child = _launch(order) if "command" in order else None
    postmaster = _process(order, child)
    stopping = threading.Event()
    threading.Thread(target=_end_with_server, args=(order, child, stopping), daemon=True).start()
    with suppress(FileNotFoundError):  # somebody deleted the data folder: nobody can come any more either
        _wait_until_last_holder_is_gone(order)
    stopping.set()
    if not stop_server(postmaster, order["server_lock"]):
        sys.exit("the server did not stop")
    remove_socket_folder(order["socket_folder"])
    if child is not None:
        child.wait()


def _stay(number: int, _frame: object) -> None:
    sys.stderr.write(f"liveexec supervisor: signal {number}: it ends when nobody uses the server any more\n")
    sys.stderr.flush()


def _launch(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    server_lock = open_locked(order["server_lock"], EXCLUSIVE, timeout_s=5.0)
    if server_lock is None:
        sys.exit("another server runs on this data folder")
    child = subprocess.Popen(  # noqa: S603  the command is the launcher's own
        order["command"],
        stdin=subprocess.DEVNULL,
        cwd="/",
        env=order["environment"],
        pass_fds=(server_lock,),
        **order["user"],
    )
    os.close(server_lock)
    return child


def _process(order: dict[str, Any], child: subprocess.Popen[bytes] | None) -> psutil.Process:
    if child is not None:
        return psutil.Process(child.pid)
    adopted = psutil.Process(order["adopt"]["pid"])
    if adopted.create_time() != order["adopt"]["created_s"]:
        sys.exit("the server to adopt is gone")
    return adopted


def _end_with_server(order: dict[str, Any], child: subprocess.Popen[bytes] | None, stopping: threading.Event) -> None:
    """End this process when the server has ended by itself, or by a holder's hand: nothing is left to supervise."""
    open_locked(order["server_lock"], SHARED, timeout_s=None)
    if stopping.is_set():
        return
    if child is not None:
        child.wait()
    os._exit(0)


def _wait_until_last_holder_is_gone(order: dict[str, Any]) -> None:
    """Return, holding ``start.lock`` for good, when there is no holder and none can come any more."""
    while True:
        nobody = open_locked(order["holders_lock"], EXCLUSIVE, timeout_s=None)
        assert nobody is not None
        os.close(nobody)
        starting = open_locked(order["start_lock"], EXCLUSIVE, timeout_s=None)
        assert starting is not None
        nobody = open_locked(order["holders_lock"], EXCLUSIVE)
        if nobody is not None:
            os.close(nobody)
            return
        os.close(starting)  # somebody joined in between


if __name__ == "__main__":
    _supervise(json.loads(sys.argv[2]))
