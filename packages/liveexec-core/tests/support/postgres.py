"""Real PostgreSQL servers for tests: every one that is here, each started once in a session.

embedded   the server that comes along (its newest version)
installed  the PostgreSQL of the system, under /usr/lib/postgresql, run by the same launcher
given      the one that ``DATABASE_URL`` names; its role must be allowed to create databases
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import asyncpg
import psutil
import pytest
from attrs import define, field

from liveexec.storage import migrate
from liveexec.storage.dsn import Dsn
from liveexec.storage.embedded import EmbeddedPostgres, PostgresBinaries

__all__ = ["SERVERS", "TestServer", "own_server", "run_sql", "started_server"]

SERVERS: Final = ("embedded", "installed", *(["given"] if os.environ.get("DATABASE_URL") else []))
_TEMPLATE: Final = "liveexec_template"
_NUMBERS: Final = itertools.count(1)


def run_sql(dsn: Dsn, *queries: str) -> None:
    """Run statements one by one, outside of any transaction."""

    async def run() -> None:
        connection = await asyncpg.connect(dsn.url, timeout=20)
        try:
            for query in queries:
                await connection.execute(query)
        finally:
            await connection.close()

    # In a thread of its own, for the caller may be within an event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, run()).result()


@define(eq=False)
class TestServer:
    """A running server, and the databases that tests make on it."""

    __test__ = False

    name: str
    address: Callable[[str], Dsn]
    #: Of a server that we started: its data folder, and the programs that it runs.
    home: Path | None = None
    binaries: PostgresBinaries | None = None
    _holds: list[EmbeddedPostgres] = field(factory=list)
    _has_template: bool = field(default=False, init=False)

    def dsn(self, database: str) -> Dsn:
        """The address of a database."""
        return self.address(database)

    def create_database(self) -> Dsn:
        """A new database without anything in it."""
        return self._create("template0")

    def create_migrated_database(self) -> Dsn:
        """A new database with the schema of today, copied from one that was migrated."""
        if not self._has_template:
            self._admin(f"DROP DATABASE IF EXISTS {self._template}", f"CREATE DATABASE {self._template}")
            with ThreadPoolExecutor(max_workers=1) as thread:
                thread.submit(migrate.upgrade, self.dsn(self._template)).result()
            self._has_template = True
        return self._create(self._template)

    def drop_database(self, dsn: Dsn) -> None:
        """Drop a database, whoever is connected to it."""
        self._admin(f'DROP DATABASE IF EXISTS "{dsn.database}" WITH (FORCE)')

    def close(self) -> None:
        """Drop the template."""
        if self._has_template:
            self._admin(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    def kill(self) -> None:
        """SIGKILL to the postmaster, as a machine's out-of-memory killer would; returns when it is gone."""
        postmaster = self._postmaster()
        postmaster.kill()
        postmaster.wait(10)

    def kill_all(self) -> None:
        """SIGKILL to the postmaster and to every process that it forked; returns when they are gone."""
        postmaster = self._postmaster()
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    @property
    def is_up(self) -> bool:
        """Whether the postmaster runs."""
        try:
            return self._postmaster().is_running()
        except (psutil.NoSuchProcess, FileNotFoundError):
            return False

    def restart(self) -> None:
        """Bring a killed server back under the same address; blocks until it takes connections."""
        assert self.home is not None
        self._holds.append(EmbeddedPostgres.start(self.home, binaries=self.binaries))

    def stop(self) -> None:
        """Stop a server that we started; may be repeated."""
        while self._holds:
            self._holds.pop().release()

    def _postmaster(self) -> psutil.Process:
        assert self.home is not None
        return psutil.Process(int((self.home / "pgdata" / "postmaster.pid").read_text().split()[0]))

    @property
    def _template(self) -> str:
        # Of this process, since a given server may serve several test runs.
        return f"{_TEMPLATE}_{os.getpid()}"

    def _create(self, template: str) -> Dsn:
        name = f"liveexec_test_{os.getpid()}_{next(_NUMBERS)}"
        self._admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.dsn(name)

    def _admin(self, *queries: str) -> None:
        run_sql(self.dsn("postgres"), *queries)


@contextmanager
def started_server(name: str) -> Iterator[TestServer]:
    """One of :data:`SERVERS`; the test is skipped, with the reason, where it is not here."""
    if name == "given":
        server = TestServer(name, Dsn(os.environ["DATABASE_URL"]).with_database)
        yield server
        server.close()
        return
    with own_server(_installed() if name == "installed" else None, name) as server:
        yield server


@contextmanager
def own_server(
    binaries: PostgresBinaries | None = None, name: str = "own", folder: Path | None = None
) -> Iterator[TestServer]:
    """A server in a folder of its own (within ``folder``), which the user of it may kill or fill."""
    # Not a folder of pytest's: it closes those to other accounts, and as root the server runs as one of them.
    folder = Path(tempfile.mkdtemp(prefix="lxt-", dir=folder if folder is not None else _base_folder()))
    folder.chmod(0o755)
    binaries = binaries if binaries is not None else PostgresBinaries.locate()
    try:
        running = EmbeddedPostgres.start(folder / "home", binaries=binaries)
        server = TestServer(
            name, lambda database: Dsn(running.dsn(database)), folder / "home", binaries, holds=[running]
        )
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _base_folder() -> str:
    """Memory where there is plenty, since every test makes and drops a database; else /tmp."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        return "/tmp"
    status = os.statvfs(memory)
    fits = status.f_bavail * status.f_frsize > 2 * 1024**3 and not status.f_flag & os.ST_NOEXEC
    return str(memory) if fits else "/tmp"


def _installed() -> PostgresBinaries:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders:
        pytest.skip("no PostgreSQL is installed under /usr/lib/postgresql")
    return PostgresBinaries.of(folders[-1].parent)
