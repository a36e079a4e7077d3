"""Creating and dropping databases on the embedded server."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg

from liveexec.storage.embedded.errors import DatabaseCommandFailed

__all__ = ["MAINTENANCE_DATABASE", "drop_database", "ensure_database"]

MAINTENANCE_DATABASE = "postgres"

_CONNECT_TIMEOUT_S = 20.0
_COMMAND_TIMEOUT_S = 60.0
_NAME_BYTES = 63  # NAMEDATALEN - 1
_NOT_OURS_TO_CHANGE = frozenset({MAINTENANCE_DATABASE, "template0", "template1"})


def ensure_database(connect_kwargs: Mapping[str, Any], name: str) -> None:
    """Create the database `name` unless there is one; safe when several processes do it at once."""
    quoted = _quoted(name)

    async def ensure(connection: asyncpg.Connection) -> None:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return
        try:
            await connection.execute(f"CREATE DATABASE {quoted}")
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            return  # another process was faster

    _run(connect_kwargs, ensure, f"create the database {name!r}")


def drop_database(connect_kwargs: Mapping[str, Any], name: str) -> None:
    """Drop the database `name` if there is one, and end the connections to it first."""
    if name in _NOT_OURS_TO_CHANGE:
        raise DatabaseCommandFailed(f"the database {name!r} belongs to the server and is not dropped")
    quoted = _quoted(name)

    async def drop(connection: asyncpg.Connection) -> None:
        await connection.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")

    _run(connect_kwargs, drop, f"drop the database {name!r}")


def _quoted(name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > _NAME_BYTES:
        raise DatabaseCommandFailed(
            f"{name!r} can't be the name of a database: it has 1 to {_NAME_BYTES} bytes and no zero byte"
        )
    return '"' + name.replace('"', '""') + '"'


def _run(
    connect_kwargs: Mapping[str, Any],
    command: Callable[[asyncpg.Connection], Coroutine[Any, Any, None]],
    what: str,
) -> None:
    async def connected() -> None:
        connection = await asyncpg.connect(
            **connect_kwargs, timeout=_CONNECT_TIMEOUT_S, command_timeout=_COMMAND_TIMEOUT_S
        )
        try:
            await command(connection)
        finally:
            await connection.close(timeout=_CONNECT_TIMEOUT_S)

    # In a thread of its own, for the caller's may be running an event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            thread.submit(asyncio.run, connected()).result()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise DatabaseCommandFailed(f"could not {what} on the embedded PostgreSQL: {error}") from error
