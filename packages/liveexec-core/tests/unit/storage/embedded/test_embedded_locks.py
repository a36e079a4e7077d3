"""The kernel counts who uses a server."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from liveexec.storage.embedded.errors import DataFolderBusy
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.locks import hold, sign, starting
from liveexec.storage.embedded.supervisor import EXCLUSIVE, SHARED, is_free, open_locked, wait_until

LOCK = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, getattr(fcntl, sys.argv[2]))
print(flush=True)
sys.stdin.read()
"""

LockElsewhere = Callable[[Path, str], "subprocess.Popen[bytes]"]


@pytest.fixture
def lock_elsewhere() -> Iterator[LockElsewhere]:
    """Holds a lock in a process of its own."""
    processes: list[subprocess.Popen[bytes]] = []

    def lock(path: Path, operation: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", LOCK, str(path), operation], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield lock
    for process in processes:
        process.kill()
        process.wait(timeout=30)
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


@pytest.fixture
def layout(tmp_path: Path) -> ClusterLayout:
    return ClusterLayout(tmp_path)


def test_shared_locks_go_together_and_an_exclusive_one_with_none(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = open_locked(path, SHARED), open_locked(path, SHARED)
    assert first is not None
    assert second is not None
    assert is_free(path)
    assert open_locked(path, EXCLUSIVE) is None
    os.close(first)
    assert open_locked(path, EXCLUSIVE) is None
    os.close(second)
    alone = open_locked(path, EXCLUSIVE)
    assert alone is not None
    assert not is_free(path)
    assert open_locked(path, SHARED) is None
    os.close(alone)


def test_a_killed_process_drops_its_lock(tmp_path: Path, lock_elsewhere: LockElsewhere) -> None:
    path = tmp_path / "lock"
    other = lock_elsewhere(path, "LOCK_EX")
    assert not is_free(path)
    other.kill()
    descriptor = open_locked(path, EXCLUSIVE, timeout_s=20.0)
    assert descriptor is not None
    os.close(descriptor)


def test_a_child_that_inherits_the_descriptor_keeps_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    descriptor = open_locked(path, EXCLUSIVE)
    assert descriptor is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    os.close(descriptor)
    assert not is_free(path)
    child.kill()
    child.communicate(timeout=30)
    assert is_free(path)


def test_locks_are_not_inherited_unless_they_are_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    descriptor = open_locked(path, EXCLUSIVE)
    assert descriptor is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    os.close(descriptor)
    # The kernel lets the parent go on a moment before it closes what the child does not inherit.
    freed = wait_until(lambda: is_free(path), timeout_s=20)
    assert child.poll() is None
    child.kill()
    child.communicate(timeout=30)
    assert freed


def test_waiting_ends_at_the_deadline() -> None:
    began = time.monotonic()
    assert not wait_until(lambda: False, timeout_s=0.05)
    assert 0.05 <= time.monotonic() - began < 5
    asked = []
    assert wait_until(lambda: not asked.append(1), timeout_s=0.0)  # type: ignore[func-returns-value]  # counts calls
    assert asked == [1]


def test_only_the_last_hold_is_the_last(layout: ClusterLayout) -> None:
    first, second = hold(layout, timeout_s=1), hold(layout, timeout_s=1)
    assert not first.drop_and_tell_if_last()
    assert second.drop_and_tell_if_last()


def test_a_hold_of_another_process_counts_until_it_is_killed(
    layout: ClusterLayout, lock_elsewhere: LockElsewhere
) -> None:
    other = lock_elsewhere(layout.holders_lock, "LOCK_SH")
    assert not hold(layout, timeout_s=1).drop_and_tell_if_last()
    other.kill()
    other.wait(timeout=30)
    assert hold(layout, timeout_s=1).drop_and_tell_if_last()


def test_the_supervisors_moment_is_waited_for(layout: ClusterLayout, lock_elsewhere: LockElsewhere) -> None:
    mine = hold(layout, timeout_s=1)
    # A supervisor asks for the lock exclusively and gets it when the last hold is dropped.
    supervisor = subprocess.Popen(
        [sys.executable, "-c", LOCK.replace("sys.stdin.read()", ""), str(layout.holders_lock), "LOCK_EX"],
        stdout=subprocess.DEVNULL,
    )
    assert mine.drop_and_tell_if_last()
    assert supervisor.wait(timeout=30) == 0


def test_starting_excludes_and_names_the_last_who_started(layout: ClusterLayout) -> None:
    with starting(layout, timeout_s=1) as descriptor:
        sign(descriptor)
        told = rf"\(pid {os.getpid()} was the last to start it\).* for 0\.05 s"
        with pytest.raises(DataFolderBusy, match=told), starting(layout, timeout_s=0.05):
            pytest.fail("two at once")
    with starting(layout, timeout_s=0):
        pass
