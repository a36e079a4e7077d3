"""Connections to PostgreSQL: dedicated ones for the two writers, a small pool for reading, all with fixed plans."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import anyio
import asyncpg
from attrs import frozen

from liveexec.errors import LiveExecError, StorageError
from liveexec.storage.dsn import Dsn
from liveexec.storage.postgres_errors import READ_ONLY, explain
from liveexec.storage.sql import statements

__all__ = ["FIXED_PLANS", "Backend", "Database", "Session", "connect"]

_SQL: Final = statements("server")

#: A plan made while a table is empty becomes a hash join over a sequential scan once it has grown, and stays in the
#: cache: every connection uses generic plans over indexes, whatever the statistics say.
FIXED_PLANS: Final = MappingProxyType(
    {
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "jit": "off",
    }
)
#: No wait is endless: for a lock, for a client that stopped within its transaction, for an answer. A frozen owner must
#: lose its locks before the one who takes over gives up waiting for them.
_BOUNDS: Final = MappingProxyType({"lock_timeout": "10s", "idle_in_transaction_session_timeout": "5s"})
CONNECT_TIMEOUT_S: Final = 10.0
COMMAND_TIMEOUT_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 5.0
#: What the driver raises beside the server's own errors.
_DRIVER_ERRORS: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)

Prepare = Callable[[Any], Awaitable[object]]


@frozen
class Backend:
    """A server process, told from a later one of the same number by when it started."""

    pid: int
    started_at: Any


async def connect(dsn: Dsn, name: str) -> Any:
    """A connection of ours: named for ``pg_stat_activity``, with fixed plans; JSON passes as bytes.

    Raises:
        TransientStorageError: the server can't be reached or is not ready.
        StorageError: it refuses; the message says why and never holds the password.
    """
    try:
        connection = await asyncpg.connect(dsn.url, **_arguments(name))
        try:
            await _pass_json_as_bytes(connection)
        except BaseException:
            connection.terminate()
            raise
    except (asyncpg.PostgresError, *_DRIVER_ERRORS) as error:
        # The driver's own error may quote what it was given, so it is not chained.
        raise explain(error, f"connecting to {dsn}", dsn) from None
    return connection


def _arguments(name: str) -> dict[str, Any]:
    return {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": COMMAND_TIMEOUT_S,
        "server_settings": {"application_name": f"liveexec {name}", **FIXED_PLANS, **_BOUNDS},
        # Our statements are few and stay: none is too long to be kept prepared, none is prepared anew.
        "max_cacheable_statement_size": 0,
        "max_cached_statement_lifetime": 0,
    }


async def _pass_json_as_bytes(connection: Any) -> None:
    await connection.set_type_codec("json", schema="pg_catalog", encoder=_as_is, decoder=_as_is, format="binary")
    # The binary form of jsonb is a version byte and the text.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=b"\x01".__add__, decoder=_without_version, format="binary"
    )


def _as_is(value: bytes) -> bytes:
    return value


def _without_version(value: bytes) -> bytes:
    return value[1:]


class Session:
    """One connection for one writer, made when it is needed and made again after it was lost.

    ``prepare`` runs on every new connection before its first use. One task uses it at a time, others wait.
    ``lost`` holds the server processes of connections that broke and may still be working.
    """

    def __init__(self, dsn: Dsn, name: str, prepare: Prepare, *, is_journal: bool = False) -> None:
        self._dsn = dsn
        self._name = name
        self._prepare = prepare
        self._is_journal = is_journal
        self._lock = anyio.Lock(fast_acquire=True)
        self._connection: Any = None
        self._backend: Backend | None = None
        self.lost: list[Backend] = []

    @asynccontextmanager
    async def use(self, doing: str) -> AsyncIterator[Any]:
        """The connection, with every error explained. It survives what the server refused, unless that has lost its
        role, and nothing else."""
        async with self._lock:
            try:
                connection = await self._connected()
                yield connection
            except LiveExecError:
                raise
            except asyncpg.PostgresError as error:
                if error.sqlstate == READ_ONLY:
                    self._drop()
                raise explain(error, doing, self._dsn, is_journal=self._is_journal) from error
            except _DRIVER_ERRORS as error:
                is_connected = self._connection is not None and not self._connection.is_closed()
                self._drop()
                raise explain(error, doing, self._dsn, is_connected=is_connected) from error
            except BaseException:
                # Cancelled: what the connection would answer next is not known.
                self._drop()
                raise

    async def close(self) -> None:
        """Close the connection; safe in any state."""
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                await _close(connection)

    async def _connected(self) -> Any:
        if self._connection is not None:
            if not self._connection.is_closed():
                return self._connection
            self._drop()
        connection = await connect(self._dsn, self._name)
        try:
            await self._prepare(connection)
            await self._recognise(connection)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        return connection

    async def _recognise(self, connection: Any) -> None:
        """Learn which server process this is, and which of the lost ones are still there."""
        rows = await connection.fetch(_SQL["backends"], [backend.pid for backend in self.lost])
        own = connection.get_server_pid()
        alive = {Backend(row["pid"], row["backend_start"]) for row in rows}
        self._backend = next((backend for backend in alive if backend.pid == own), None)
        self.lost = [backend for backend in self.lost if backend in alive]

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        connection.terminate()
        if self._backend is not None:
            self.lost.append(self._backend)
            self._backend = None


async def _close(connection: Any) -> None:
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except (asyncpg.PostgresError, *_DRIVER_ERRORS):
        # It is gone, which was the purpose.
        connection.terminate()


class Database:
    """One database: its address, and the pool for everything that is not one of the two writers."""

    def __init__(self, dsn: Dsn, pool_size: int = 4) -> None:
        self.dsn = dsn
        self._pool_size = pool_size
        self._pool: Any = None

    async def open(self) -> None:
        """Connect. Raises as :func:`connect` does."""
        try:
            self._pool = await asyncpg.create_pool(
                self.dsn.url,
                min_size=1,
                max_size=self._pool_size,
                init=_pass_json_as_bytes,
                reset=_leave_as_it_is,
                **_arguments("reader"),
            )
        except (asyncpg.PostgresError, *_DRIVER_ERRORS) as error:
            raise explain(error, f"connecting to {self.dsn}", self.dsn) from None

    async def close(self) -> None:
        """Close the pool; safe in any state."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True) as scope:
                await pool.close()
            if scope.cancelled_caught:
                pool.terminate()

    @asynccontextmanager
    async def read(self, doing: str) -> AsyncIterator[Any]:
        """A connection of the pool, with every error explained."""
        if self._pool is None:
            raise StorageError(f"{doing}: the store is not open")
        try:
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield connection
        except (asyncpg.PostgresError, *_DRIVER_ERRORS) as error:
            if isinstance(error, asyncpg.PostgresError) and error.sqlstate == READ_ONLY:
                await self._pool.expire_connections()
            raise explain(error, doing, self.dsn) from error

    def session(self, name: str, prepare: Prepare, *, is_journal: bool = False) -> Session:
        """A connection of its own, not made before its first use."""
        return Session(self.dsn, name, prepare, is_journal=is_journal)


async def _leave_as_it_is(_connection: Any) -> None:
    """Nothing that runs on the pool changes its session, so the driver's reset would be a round trip for nothing."""
