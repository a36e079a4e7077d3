"""Whatever is killed, at whatever moment: no server is left running for good, and the next start works."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from liveexec.storage.embedded import Arrival, EmbeddedPostgres, PostgresBinaries
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.binaries import server_environment
from liveexec.storage.embedded.errors import DataFolderForeign
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.locks import server_runs, starting, supervisor_runs
from liveexec.storage.embedded.supervisor import wait_until
from support.canaries import canary

SpawnHolder = Callable[[Path], Any]
FindProcess = Callable[[Path], psutil.Process]
Ended = Callable[[psutil.Process], bool]

# Not slept, but allowed: a fast shutdown takes some 20 ms, on a loaded machine more.
SOON_S = 15.0


async def query(server: EmbeddedPostgres, *statements: str) -> Any:
    connection = await asyncpg.connect(**server.connect_kwargs("postgres"))
    try:
        for statement in statements:
            answer = await connection.fetchval(statement)
        return answer
    finally:
        await connection.close()


def run(server: EmbeddedPostgres, *statements: str) -> Any:
    return asyncio.run(query(server, *statements))


def stops(layout: ClusterLayout) -> bool:
    return wait_until(lambda: not server_runs(layout) and not supervisor_runs(layout), SOON_S)


def test_the_server_stops_by_itself_when_its_only_holder_is_killed(
    home: Path, layout: ClusterLayout, account: ServerAccount, spawn_holder: SpawnHolder
) -> None:
    holder = spawn_holder(home)
    assert holder.arrival() == "started"
    holder.kill()
    assert stops(layout)
    assert "database system is shut down" in layout.log.read_text().splitlines()[-1]
    assert not layout.socket_folder(account.uid).exists()


def test_the_server_stays_when_one_of_two_holders_is_killed(
    home: Path, layout: ClusterLayout, spawn_holder: SpawnHolder, postmaster: FindProcess
) -> None:
    first = spawn_holder(home)
    first.arrival()
    with EmbeddedPostgres.start(home) as server:
        process = postmaster(home)
        first.kill()
        assert run(server, "SELECT 1") == 1
        assert postmaster(home) == process
    assert not server_runs(layout)


def test_a_start_right_after_the_kill_of_the_last_holder_gets_a_server(
    home: Path, layout: ClusterLayout, spawn_holder: SpawnHolder
) -> None:
    for _ in range(3):
        holder = spawn_holder(home)
        holder.arrival()
        holder.process.kill()
        with EmbeddedPostgres.start(home) as server:
            assert run(server, "SELECT 1") == 1
    assert stops(layout)


@pytest.mark.parametrize("delay_s", [0.0, 0.3, 0.7, 1.2])
def test_a_first_start_killed_at_any_moment_leaves_a_folder_that_starts(
    place: Path, spawn_holder: SpawnHolder, delay_s: float
) -> None:
    home = place / "home"
    holder = spawn_holder(home)
    wait_until(home.exists, timeout_s=30)
    # The moment of the kill is the input here; nothing is awaited.
    time.sleep(delay_s)
    holder.kill()
    with EmbeddedPostgres.start(home) as server:
        assert run(server, "SELECT 1") == 1
        assert not ClusterLayout(home).init_folders
    assert not server_runs(ClusterLayout(home))


def test_a_start_killed_at_any_moment_leaves_a_server_for_the_next(
    home: Path, layout: ClusterLayout, spawn_holder: SpawnHolder
) -> None:
    for step in range(12):
        holder = spawn_holder(home)
        # From before it takes the first lock to after it has its server; the moment of the kill is the input.
        time.sleep(0.04 * step)
        holder.process.kill()
        with EmbeddedPostgres.start(home) as server:
            assert run(server, "SELECT 1") == 1
        assert stops(layout)


def test_ctrl_c_in_the_terminal_of_a_holder_does_not_reach_the_server(
    home: Path, spawn_holder: SpawnHolder, postmaster: FindProcess
) -> None:
    holder = spawn_holder(home)
    holder.arrival()
    process = postmaster(home)
    with EmbeddedPostgres.start(home) as server:
        os.killpg(holder.process.pid, signal.SIGINT)
        holder.process.wait(timeout=30)
        assert run(server, "SELECT 1") == 1
        assert postmaster(home) == process


def test_a_supervisor_that_is_told_to_end_stays_as_long_as_anybody_uses_the_server(
    home: Path,
    layout: ClusterLayout,
    spawn_holder: SpawnHolder,
    postmaster: FindProcess,
    supervisor_of: FindProcess,
) -> None:
    holder = spawn_holder(home)
    holder.arrival()
    process, supervisor = postmaster(home), supervisor_of(home)
    # As a service manager does that signals every process of a service.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        supervisor.send_signal(number)
        # One at a time: of several at once the kernel may give one to a thread that leaves the waiting one asleep.
        assert wait_until(partial(_is_said, layout, f"signal {number}:"), SOON_S)
    assert supervisor_runs(layout)
    assert postmaster(home) == process
    # It still does what it is for: nobody else stops the server of a holder that was killed.
    holder.kill()
    assert stops(layout)


def test_a_killed_server_comes_back_under_the_same_address_with_what_was_committed(
    home: Path, postmaster: FindProcess, ended: Ended
) -> None:
    with EmbeddedPostgres.start(home) as holder:
        run(holder, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept AS SELECT 42 AS answer")
        process = postmaster(home)
        process.kill()
        assert ended(process)
        with EmbeddedPostgres.start(home) as again:
            assert again.arrival is Arrival.STARTED
            assert run(holder, "SELECT answer FROM kept") == 42


def test_a_start_waits_for_the_orphaned_backends_of_a_killed_server(
    home: Path, layout: ClusterLayout, postmaster: FindProcess, ended: Ended
) -> None:
    async def kill_while_busy(server: EmbeddedPostgres) -> None:
        connection = await asyncpg.connect(**server.connect_kwargs("postgres"))
        backend = psutil.Process(connection.get_server_pid())
        # A query that computes looks at nothing, not even at whether its postmaster lives.
        computing = asyncio.create_task(connection.fetchval("SELECT sum(sqrt(n)) FROM generate_series(1, 8000000) n"))
        await asyncio.sleep(0)  # sends the query
        assert await asyncio.to_thread(wait_until, lambda: backend.cpu_times().user >= 0.05, SOON_S)
        process = postmaster(home)
        process.kill()
        assert ended(process)
        assert backend.status() != psutil.STATUS_ZOMBIE
        assert server_runs(layout)
        with EmbeddedPostgres.start(home) as again:
            assert again.arrival is Arrival.STARTED
            assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
            assert await query(again, "SELECT 1") == 1
        await asyncio.gather(computing, return_exceptions=True)
        connection.terminate()

    with EmbeddedPostgres.start(home) as server:
        asyncio.run(kill_while_busy(server))


def test_a_server_that_lost_its_supervisor_gets_a_new_one(
    home: Path,
    layout: ClusterLayout,
    spawn_holder: SpawnHolder,
    postmaster: FindProcess,
    supervisor_of: FindProcess,
) -> None:
    first = spawn_holder(home)
    first.arrival()
    process = postmaster(home)
    supervisor_of(home).kill()
    assert wait_until(lambda: not supervisor_runs(layout), SOON_S)

    second = spawn_holder(home)
    assert second.arrival() == "adopted"
    assert postmaster(home) == process
    assert supervisor_runs(layout)

    first.kill()
    second.kill()
    assert stops(layout)


def test_the_last_release_stops_a_server_that_lost_its_supervisor(
    home: Path, layout: ClusterLayout, supervisor_of: FindProcess
) -> None:
    server = EmbeddedPostgres.start(home)
    supervisor_of(home).kill()
    server.release()
    assert not server_runs(layout)


def test_a_server_left_by_a_killed_holder_and_supervisor_is_adopted(
    home: Path,
    layout: ClusterLayout,
    spawn_holder: SpawnHolder,
    postmaster: FindProcess,
    supervisor_of: FindProcess,
    ended: Ended,
) -> None:
    holder = spawn_holder(home)
    holder.arrival()
    process = postmaster(home)
    supervisor = supervisor_of(home)
    supervisor.kill()
    holder.kill()
    # The kernel takes its time: until it is gone, it holds its lock.
    assert ended(supervisor)
    with EmbeddedPostgres.start(home) as server:
        assert server.arrival is Arrival.ADOPTED
        assert postmaster(home) == process
    assert ended(process)
    assert not server_runs(layout)


def leave_pid_file(layout: ClusterLayout, pid: int) -> None:
    """What a machine that lost its power leaves: the file of a server that was ready."""
    lines = [str(pid), str(layout.pgdata), "1700000000", "5432", "/tmp", "", "  1234567   1", "ready   "]
    (layout.pgdata / "postmaster.pid").write_text("\n".join(lines) + "\n")


def test_a_stale_pid_file_whose_pid_is_another_program_now_is_no_server(
    home: Path, layout: ClusterLayout, stop_process: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    other = subprocess.Popen(["sleep", "600"])
    stop_process(other)
    leave_pid_file(layout, other.pid)
    with EmbeddedPostgres.start(home) as server:
        assert server.arrival is Arrival.STARTED
        assert run(server, "SELECT 1") == 1
    assert other.poll() is None


def test_a_stale_pid_file_whose_pid_is_the_server_of_another_folder_is_no_server(
    home: Path, layout: ClusterLayout, own_home: Path, postmaster: FindProcess
) -> None:
    with EmbeddedPostgres.start(own_home) as other:
        leave_pid_file(layout, postmaster(own_home).pid)
        with EmbeddedPostgres.start(home) as server:
            assert server.arrival is Arrival.STARTED
            assert run(server, "SHOW data_directory") == str(layout.pgdata)
        assert run(other, "SELECT 1") == 1


def test_a_pid_file_that_was_cut_off_is_no_server(home: Path, layout: ClusterLayout) -> None:
    for content in ("", "12", "\n\n", "not a number\n"):
        (layout.pgdata / "postmaster.pid").write_text(content)
        with EmbeddedPostgres.start(home) as server:
            assert run(server, "SELECT 1") == 1


def test_a_stale_socket_and_its_lock_file_do_not_stop_a_start(
    home: Path, layout: ClusterLayout, account: ServerAccount
) -> None:
    folder = layout.socket_folder(account.uid)
    folder.mkdir(mode=0o700)
    os.chown(folder, account.uid, account.gid)
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(folder / ".s.PGSQL.5432"))
    (folder / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{layout.pgdata}\n")
    with EmbeddedPostgres.start(home) as server:
        assert run(server, "SELECT 1") == 1


def test_what_a_killed_initialisation_left_is_removed(place: Path) -> None:
    layout = ClusterLayout(place / "home")
    with EmbeddedPostgres.start(layout.home):
        pass
    left_over = layout.new_init_folder()
    (left_over / "pgdata").mkdir(parents=True)
    (left_over / "password").touch(mode=0o600)
    (left_over / "password").write_text(canary())
    layout.pgdata.rename(place / "lost")
    with EmbeddedPostgres.start(layout.home) as server:
        assert server.arrival is Arrival.CREATED
        assert run(server, "SELECT 1") == 1
        assert not left_over.exists()


def test_a_server_that_somebody_else_started_on_the_folder_is_left_alone(
    home: Path,
    layout: ClusterLayout,
    account: ServerAccount,
    place: Path,
    stop_process: Callable[[subprocess.Popen[bytes]], None],
) -> None:
    os.chown(place, account.uid, -1)
    foreign = subprocess.Popen(
        [PostgresBinaries.locate().program("postgres"), "-D", layout.pgdata, "-k", place, "-c", "listen_addresses="],
        cwd="/",
        env=server_environment(),
        stderr=subprocess.DEVNULL,
        **account.popen_user,
    )
    stop_process(foreign)
    assert wait_until((place / ".s.PGSQL.5432").exists, SOON_S)
    with pytest.raises(DataFolderForeign, match="stop it with pg_ctl"):
        EmbeddedPostgres.start(home)
    assert foreign.poll() is None


def test_a_server_whose_data_folder_was_deleted_ends_with_its_holders(
    own_home: Path, postmaster: FindProcess, supervisor_of: FindProcess, ended: Ended
) -> None:
    server = EmbeddedPostgres.start(own_home)
    processes = [postmaster(own_home), supervisor_of(own_home)]
    shutil.rmtree(own_home)
    server.release()
    assert all(ended(process) for process in processes)
    with EmbeddedPostgres.start(own_home) as anew:
        assert anew.arrival is Arrival.CREATED


def test_a_holder_that_is_killed_while_it_starts_frees_the_lock(
    home: Path, layout: ClusterLayout, spawn_holder: SpawnHolder
) -> None:
    with starting(layout, timeout_s=5):
        waiting = spawn_holder(home)
        assert wait_until(lambda: psutil.Process(waiting.process.pid).num_fds() > 3, SOON_S)
        waiting.kill()
    with EmbeddedPostgres.start(home, start_timeout_s=20) as server:
        assert run(server, "SELECT 1") == 1


def _is_said(layout: ClusterLayout, words: str) -> bool:
    return words in layout.log.read_text()
