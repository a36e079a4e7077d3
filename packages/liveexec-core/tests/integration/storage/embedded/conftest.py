"""Real servers in folders of their own; nothing that a test starts outlives it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from liveexec.storage.embedded import EmbeddedPostgres, PostgresBinaries
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.postmaster import live_postmaster
from liveexec.storage.embedded.supervisor import is_free, wait_until

if sys.platform == "win32":
    pytest.skip("the embedded PostgreSQL runs on Linux and macOS", allow_module_level=True)

HOLDER = """
import sys
from pathlib import Path
from liveexec.storage.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]))
print(server.arrival.value, flush=True)
sys.stdin.read()
server.release()
"""


class Holder:
    """Another process that uses the server of a data folder."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def arrival(self) -> str:
        """How it came by the server; waits until it has it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self._close()

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self._close()

    def _close(self) -> None:
        self.process.wait(timeout=60)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


@pytest.fixture
def spawn_holder() -> Iterator[Callable[[Path], Holder]]:
    holders: list[Holder] = []

    def spawn(home: Path) -> Holder:
        holders.append(Holder(home))
        return holders[-1]

    yield spawn
    for holder in holders:
        holder.kill()


def end_servers_under(folder: Path) -> None:
    """Kill what still runs on a cluster under `folder`, and remove its socket folder."""
    for lock in folder.rglob("server.lock"):
        layout = ClusterLayout(lock.parent)
        postmaster = live_postmaster(layout.pgdata)
        if postmaster is not None and not is_free(lock):
            postmaster.kill()
            assert wait_until(partial(is_free, lock), timeout_s=30)
        for uid in {os.geteuid(), layout.pgdata.stat().st_uid if layout.pgdata.exists() else os.geteuid()}:
            shutil.rmtree(layout.socket_folder(uid), ignore_errors=True)


def base_folder() -> str:
    """Memory where there is plenty, for a cluster has a thousand files and every test has a cluster; else /tmp."""
    memory = Path("/dev/shm")
    if sys.platform != "linux" or not os.access(memory, os.W_OK):
        return "/tmp"
    status = os.statvfs(memory)
    fits = status.f_bavail * status.f_frsize > 2 * 1024**3 and not status.f_flag & os.ST_NOEXEC
    return str(memory) if fits else "/tmp"


def make_place() -> Path:
    # Not tmp_path: pytest closes that to other accounts, and as root the server runs as one of them.
    place = Path(tempfile.mkdtemp(prefix="lxt-", dir=base_folder()))
    place.chmod(0o755)
    return place


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder that every account can reach."""
    folder = make_place()
    yield folder
    end_servers_under(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data folder with a fresh cluster that no test starts."""
    folder = make_place()
    with EmbeddedPostgres.start(folder / "home") as server:
        server.ensure_database("liveexec")
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def copy_cluster(template: Path) -> Callable[[Path], Path]:
    def copy(target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(template), str(target)], check=True)
        return target

    return copy


@pytest.fixture
def own_home(place: Path, copy_cluster: Callable[[Path], Path]) -> Path:
    """A data folder with a cluster that the test may spoil."""
    return copy_cluster(place / "home")


@pytest.fixture(scope="module")
def module_home(copy_cluster: Callable[[Path], Path]) -> Iterator[Path]:
    folder = make_place()
    yield copy_cluster(folder / "home")
    end_servers_under(folder)
    shutil.rmtree(folder)


@pytest.fixture
def home(module_home: Path) -> Iterator[Path]:
    """A data folder with a cluster that the tests of a module use one after the other; to copy one takes a second."""
    yield module_home
    end_servers_under(module_home)


@pytest.fixture
def layout(home: Path) -> ClusterLayout:
    return ClusterLayout(home)


@pytest.fixture
def account(layout: ClusterLayout) -> ServerAccount:
    return ServerAccount.for_cluster(layout)


@pytest.fixture
def postmaster() -> Callable[[Path], psutil.Process]:
    """The server process of a data folder."""

    def find(home: Path) -> psutil.Process:
        process = live_postmaster(ClusterLayout(home).pgdata)
        assert process is not None
        return process

    return find


@pytest.fixture(scope="session")
def ended() -> Callable[[psutil.Process], bool]:
    """Waits until a process has ended, reaped or not: not every first process of a container reaps."""

    def has_ended(process: psutil.Process) -> bool:
        try:
            return process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return lambda process: wait_until(lambda: has_ended(process), timeout_s=15)


@pytest.fixture
def supervisor_of(postmaster: Callable[[Path], psutil.Process]) -> Callable[[Path], psutil.Process]:
    """The supervisor that launched the server of a data folder: its parent."""

    def find(home: Path) -> psutil.Process:
        parent = postmaster(home).parent()
        assert parent is not None
        assert any(word.endswith("supervisor.py") for word in parent.cmdline())
        return parent

    return find


@pytest.fixture(scope="session")
def postgres_15() -> PostgresBinaries:
    folder = Path("/usr/lib/postgresql/15/bin")
    if not (folder / "initdb").exists():
        pytest.skip("needs PostgreSQL 15 in /usr/lib/postgresql")
    return PostgresBinaries.of(folder)


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def small_disk(as_root: None, place: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many MiB, of which `mount -o remount` changes the options."""
    mounted: list[Path] = []

    def mount(size_mib: int) -> Path:
        folder = place / "disk"
        folder.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=755", "liveexec-test", str(folder)],
            check=False,
            capture_output=True,
            text=True,
        )
        if made.returncode != 0:
            pytest.skip(f"can't mount a tmpfs here: {made.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        end_servers_under(folder)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def stop_process() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Ends, after the test, the processes it is told of."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes.append
    for process in processes:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
