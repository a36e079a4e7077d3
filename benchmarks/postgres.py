"""A PostgreSQL server for a benchmark, and pgbench as the yardstick: what one connection can insert at best."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg
from attrs import define, evolve, frozen

from liveexec.storage import migrate
from liveexec.storage.dsn import Dsn
from liveexec.storage.embedded import EmbeddedPostgres, PostgresBinaries

__all__ = ["Baseline", "BaselineRun", "Server", "started_server"]

_TIMEOUT_S: Final = 120.0
#: What a submit sets, 22 columns, with random ids; what a later state sets has defaults. The colons of canonical ids
#: are escaped, since pgbench takes what follows one for a variable, within quotes too.
_INSERT: Final = r"""
\set id random(1, 9223372036854775806)
\set strategy random(1, 4)
\set lots random(100, 50100)
INSERT INTO baseline_orders (
    order_id, shard, created_at, updated_at, is_open, status, strategy_id, account_id, operation, operation_id,
    principal, canonical_id, product_id, venue, venue_type, client_order_id, side, order_type, time_in_force, quantity,
    price, exec_algorithm
) VALUES (
    'ORD-' || :id::bigint, 'bench', 1765189800000000000, 1765189800000000000, true, 'SUBMITTED',
    'bench-' || :strategy::int, 'PAPER-A-BUYS', 'TRADE', 'OP.' || :id::bigint, 'local',
    U&'PAPER-A\003ASPOT_PAIR\003ABTC-USDT', U&'SPOT_PAIR\003ABTC-USDT', 'PAPER-A', 'CEFI', 'lx' || :id::bigint, 'BUY',
    'LIMIT', 'IOC', :lots::int * 0.00001, 61810.00, 'NORMAL'
);
"""
_TABLE: Final = """\
CREATE TABLE IF NOT EXISTS baseline_orders (LIKE unified_orders INCLUDING ALL);
ALTER TABLE baseline_orders
    ALTER last_sequence SET DEFAULT 4, ALTER attempt SET DEFAULT 1, ALTER flags SET DEFAULT '{}',
    ALTER filled_quantity SET DEFAULT 0, ALTER filled_cost SET DEFAULT 0;
TRUNCATE baseline_orders;
"""


@frozen
class BaselineRun:
    """One round of pgbench: transactions per second, and the median latency of one."""

    per_second: float
    latency_s: float


@define(eq=False)
class Server:
    """A migrated database on a running server. ``admin`` is where databases are made, ``origin`` whose server it is."""

    admin: Dsn
    bin_dir: Path
    origin: str
    name: str = "liveexec_bench"

    @property
    def dsn(self) -> Dsn:
        """The database's address."""
        return self.admin.with_database(self.name)

    @contextmanager
    def beside(self, suffix: str) -> Iterator["Server"]:
        """A second database on the same server."""
        with _database(evolve(self, name=f"{self.name}_{suffix}")) as server:
            yield server

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """A connection to the database."""
        connection = await asyncpg.connect(self.dsn.url, timeout=20, command_timeout=600)
        try:
            yield connection
        finally:
            await connection.close()


@define(eq=False)
class Baseline:
    """``pgbench -M prepared``, one connection, one row per transaction into a copy of ``unified_orders``."""

    server: Server
    folder: Path

    @classmethod
    async def prepared(cls, server: Server, folder: Path) -> "Baseline":
        """The yardstick, its table made and empty."""
        async with server.connected() as connection:
            await connection.execute(_TABLE)
        (folder / "insert.sql").write_text(_INSERT)
        return cls(server, folder)

    async def run(self, seconds: int) -> BaselineRun:
        """One round; the event loop stays free meanwhile.

        Raises:
            RuntimeError: pgbench failed; the message is its own.
        """
        arguments = ["-n", "-M", "prepared", "-c", "1", "-j", "1", "-T", str(seconds), "-f", "insert.sql", "-l"]
        process = await asyncio.create_subprocess_exec(
            self.server.bin_dir / "pgbench",
            *arguments,
            self.server.dsn.url,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(process.communicate(), _TIMEOUT_S)
        found = re.search(r"^tps = ([\d.]+)", output.decode(), re.MULTILINE)
        if process.returncode != 0 or found is None:
            raise RuntimeError(f"pgbench failed: {errors.decode().strip()}")
        return BaselineRun(float(found.group(1)), self._median_latency_s())

    def _median_latency_s(self) -> float:
        # A line a transaction: client, number, microseconds, script, seconds, microseconds.
        latencies = []
        for log in self.folder.glob("pgbench_log.*"):
            latencies += [int(line.split()[2]) for line in log.read_text().splitlines()]
            log.unlink()
        return median(latencies) / 1e6


@contextmanager
def started_server() -> Iterator[Server]:
    """The server that ``DATABASE_URL`` names, else an embedded one in a folder of its own, on a real disk.

    The benchmarks' database is made anew, and dropped at the end.
    """
    binaries = PostgresBinaries.locate()
    given = os.environ.get("DATABASE_URL")
    if given:
        with _database(Server(Dsn(given), binaries.bin_dir, "DATABASE_URL")) as server:
            yield server
        return
    # As root the server runs as another account, which has to get through to its data.
    folder = Path(tempfile.mkdtemp(prefix="lx-bench-"))
    folder.chmod(0o755)
    try:
        with (
            EmbeddedPostgres.start(folder / "home") as running,
            _database(Server(Dsn(running.dsn("postgres")), binaries.bin_dir, "embedded")) as server,
        ):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(server: Server) -> Iterator[Server]:
    """The server's database, made anew and dropped at the end."""
    drop = f"DROP DATABASE IF EXISTS {server.name} WITH (FORCE)"
    asyncio.run(_admin(server, drop, f"CREATE DATABASE {server.name}"))
    try:
        migrate.upgrade(server.dsn)
        yield server
    finally:
        asyncio.run(_admin(server, drop))


async def _admin(server: Server, *statements: str) -> None:
    connection = await asyncpg.connect(server.admin.url, timeout=20)
    try:
        for statement in statements:
            await connection.execute(statement, timeout=60)
    finally:
        await connection.close()
