"""What can be wrong with folder, disk, binaries or server: one line that says what to do, and nothing left running."""

import asyncio
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from liveexec.storage.embedded import Arrival, EmbeddedPostgres, EmbeddedPostgresError, PostgresBinaries
from liveexec.storage.embedded.account import ServerAccount
from liveexec.storage.embedded.errors import (
    BinariesNotFound,
    CredentialsLost,
    DataFolderBusy,
    DataFolderForeign,
    DataFolderInaccessible,
    DiskFull,
    ServerStartFailed,
    ServerStartTimedOut,
    ServerVersionMismatch,
    SocketTaken,
)
from liveexec.storage.embedded.layout import ClusterLayout
from liveexec.storage.embedded.locks import server_runs, starting, supervisor_runs
from liveexec.storage.embedded.supervisor import wait_until

Explain = Callable[..., str]


@pytest.fixture
def failure() -> Explain:
    """The message of a start that fails as it should: in one line, leaving no server and no supervisor."""

    def start(expected: type[EmbeddedPostgresError], home: Path, **arguments: object) -> str:
        with pytest.raises(expected) as caught:
            EmbeddedPostgres.start(home, **arguments)  # type: ignore[arg-type]  # passed through
        layout = ClusterLayout(home)
        if layout.start_lock.exists() and os.access(home, os.W_OK):
            assert wait_until(lambda: not server_runs(layout) and not supervisor_runs(layout), timeout_s=15)
            assert not layout.init_folders
        message = str(caught.value)
        assert "\n" not in message
        return message

    return start


def fill(disk: Path) -> Path:
    """Write until nothing fits any more; the file that takes the room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    assert shutil.disk_usage(disk).free == 0
    return filler


def serves(server: EmbeddedPostgres) -> bool:
    async def ask() -> bool:
        connection = await asyncpg.connect(**server.connect_kwargs("postgres"))
        try:
            return bool(await connection.fetchval("SELECT true"))
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_binaries_that_are_not_there(place: Path, monkeypatch: pytest.MonkeyPatch, failure: Explain) -> None:
    monkeypatch.setenv("LIVEEXEC_PG_BIN", str(place / "no-such"))
    message = failure(BinariesNotFound, place / "home")
    assert "no executable initdb and postgres in" in message
    assert "LIVEEXEC_PG_BIN" in message


def test_binaries_that_do_not_run(place: Path, failure: Explain) -> None:
    broken = place / "bin"
    broken.mkdir()
    for name in ("postgres", "initdb"):
        (broken / name).write_text("#!/bin/sh\necho 'cannot open shared object file' >&2\nexit 127\n")
        (broken / name).chmod(0o755)
    message = failure(BinariesNotFound, place / "home", binaries=PostgresBinaries.of(broken))
    assert "does not run here (cannot open shared object file)" in message


def test_a_cluster_of_another_version(place: Path, postgres_15: PostgresBinaries, failure: Explain) -> None:
    home = place / "home"
    with EmbeddedPostgres.start(home, binaries=postgres_15) as server:
        assert server.arrival is Arrival.CREATED
        assert serves(server)
    message = failure(ServerVersionMismatch, home, binaries=PostgresBinaries.locate({}))
    assert "was made by PostgreSQL 15" in message
    assert "is 18: set LIVEEXEC_PG_BIN to the bin folder of a PostgreSQL 15" in message
    with EmbeddedPostgres.start(home, binaries=postgres_15) as server:
        assert serves(server)


def test_a_newer_cluster_than_the_binaries(
    own_home: Path, postgres_15: PostgresBinaries, monkeypatch: pytest.MonkeyPatch, failure: Explain
) -> None:
    monkeypatch.setenv("LIVEEXEC_PG_BIN", str(postgres_15.bin_dir))
    assert "(LIVEEXEC_PG_BIN) is 15" in failure(ServerVersionMismatch, own_home)


def test_a_disk_too_small_for_a_cluster(small_disk: Callable[[int], Path], failure: Explain) -> None:
    disk = small_disk(12)
    assert "no space left on the disk of" in failure(DiskFull, disk / "home")
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    with EmbeddedPostgres.start(disk / "home") as server:
        assert serves(server)


def test_a_disk_that_became_full(
    small_disk: Callable[[int], Path], copy_cluster: Callable[[Path], Path], failure: Explain
) -> None:
    disk = small_disk(64)
    home = copy_cluster(disk / "home")
    filler = fill(disk)
    assert "no space left on the disk of" in failure(DiskFull, home)
    filler.unlink()
    with EmbeddedPostgres.start(home) as server:
        assert serves(server)


def test_a_server_is_released_although_the_disk_became_full(
    small_disk: Callable[[int], Path], copy_cluster: Callable[[Path], Path]
) -> None:
    disk = small_disk(64)
    home = copy_cluster(disk / "home")
    server = EmbeddedPostgres.start(home)
    fill(disk)
    server.release()
    assert not server_runs(ClusterLayout(home))


def test_a_disk_mounted_read_only(
    small_disk: Callable[[int], Path], copy_cluster: Callable[[Path], Path], failure: Explain
) -> None:
    disk = small_disk(100)
    home = copy_cluster(disk / "home")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for folder in (home, disk / "new"):
        assert os.strerror(errno.EROFS) in failure(DataFolderInaccessible, folder)


def test_a_folder_that_holds_something_else(place: Path, failure: Explain) -> None:
    home = place / "documents"
    home.mkdir()
    (home / "letter.txt").write_text("mine")
    assert "is not empty" in failure(DataFolderForeign, home)
    assert [entry.name for entry in home.iterdir()] == ["letter.txt"]


def test_a_bare_postgresql_data_directory(own_home: Path, failure: Explain) -> None:
    pgdata = ClusterLayout(own_home).pgdata
    if os.geteuid() == 0:
        own_home.chmod(0o755)
    assert "PostgreSQL data directory that liveexec did not make" in failure(DataFolderForeign, pgdata)


def test_a_cluster_that_is_none(own_home: Path, failure: Explain) -> None:
    (ClusterLayout(own_home).pgdata / "PG_VERSION").unlink()
    assert "has no PG_VERSION" in failure(DataFolderForeign, own_home)


def test_a_data_folder_that_is_a_file(place: Path, failure: Explain) -> None:
    (place / "home").write_text("")
    assert os.strerror(errno.ENOTDIR) in failure(DataFolderInaccessible, place / "home")


def test_a_path_with_a_line_break(place: Path) -> None:
    with pytest.raises(DataFolderInaccessible, match="line break"):
        EmbeddedPostgres.start(place / "a\nb")


def test_a_lost_password(own_home: Path, failure: Explain) -> None:
    layout = ClusterLayout(own_home)
    kept = layout.password_file.read_text()
    layout.password_file.unlink()
    assert "is missing: restore it" in failure(CredentialsLost, own_home)
    layout.password_file.write_text("")
    layout.password_file.chmod(0o600)
    assert "holds no password" in failure(CredentialsLost, own_home)
    layout.password_file.write_text(kept)
    layout.password_file.chmod(0o644)
    assert "run chmod 600 on it" in failure(CredentialsLost, own_home)
    layout.password_file.chmod(0o600)
    with EmbeddedPostgres.start(own_home) as server:
        assert serves(server)


def test_a_server_that_ends_at_start_is_quoted(own_home: Path, failure: Explain) -> None:
    layout = ClusterLayout(own_home)
    with (layout.pgdata / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = plenty\n")
    message = failure(ServerStartFailed, own_home)
    assert 'FATAL: configuration file "' in message
    assert str(layout.log) in message


def test_data_that_the_server_refuses_is_quoted(own_home: Path, failure: Explain) -> None:
    (ClusterLayout(own_home).pgdata / "global" / "pg_control").unlink()
    assert "could not find the database system" in failure(ServerStartFailed, own_home)


def test_data_that_the_server_may_not_read(own_home: Path, failure: Explain) -> None:
    control = ClusterLayout(own_home).pgdata / "global" / "pg_control"
    control.chmod(0)
    assert os.strerror(errno.EACCES) in failure(DataFolderInaccessible, own_home)


def test_a_configuration_that_the_server_may_not_read(own_home: Path, failure: Explain) -> None:
    (ClusterLayout(own_home).pgdata / "pg_hba.conf").chmod(0)
    assert "pg_hba.conf" in failure(ServerStartFailed, own_home)


def test_somebody_who_starts_for_ever(own_home: Path, failure: Explain) -> None:
    with starting(ClusterLayout(own_home), timeout_s=1):
        message = failure(DataFolderBusy, own_home, start_timeout_s=0.2)
    assert "wait for it or end it" in message
    with EmbeddedPostgres.start(own_home):
        pass
    with starting(ClusterLayout(own_home), timeout_s=1):
        message = failure(DataFolderBusy, own_home, start_timeout_s=0.2)
    assert f"(pid {os.getpid()} was the last to start it)" in message


def test_a_server_out_of_sight(own_home: Path) -> None:
    lock = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", lock, str(ClusterLayout(own_home).server_lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(ServerStartTimedOut, match="not to be seen here"):
            EmbeddedPostgres.start(own_home, start_timeout_s=0.3)
    with EmbeddedPostgres.start(own_home) as server:
        assert serves(server)


def test_a_server_that_recovers_longer_than_allowed(own_home: Path, failure: Explain) -> None:
    # A start in so short a time is a start that is given up half way.
    failure(ServerStartTimedOut, own_home, start_timeout_s=0.0)
    with EmbeddedPostgres.start(own_home) as server:
        assert serves(server)


def test_a_socket_folder_that_is_somebody_elses(as_root: None, own_home: Path, failure: Explain) -> None:
    layout = ClusterLayout(own_home)
    account = ServerAccount.for_cluster(layout)
    folder = layout.socket_folder(account.uid)
    folder.mkdir(mode=0o777)
    try:
        assert "is not a folder of" in failure(SocketTaken, own_home)
    finally:
        folder.rmdir()
    folder.symlink_to(own_home)
    try:
        assert "is not a folder of" in failure(SocketTaken, own_home)
    finally:
        folder.unlink()


def test_a_socket_that_was_deleted_under_the_running_server(own_home: Path) -> None:
    with EmbeddedPostgres.start(own_home) as server:
        shutil.rmtree(server.socket_folder)
        with pytest.raises(SocketTaken, match="end the programs that use it"):
            EmbeddedPostgres.start(own_home)
    with EmbeddedPostgres.start(own_home) as server:
        assert serves(server)
