"""The schema's way up and down: alembic writes the statements, asyncpg runs them in one transaction.

The functions block and make an event loop of their own, so call them where none runs: from a command, or from a
thread (``anyio.to_thread.run_sync``). Every start of a host comes by here, mostly to find the schema as it should be:
alembic, and SQLAlchemy with it, takes longer to load than all the rest of a start, and is loaded only for a change.
"""

import asyncio
import io
import threading
from typing import TYPE_CHECKING, Final, Literal

import asyncpg

from liveexec.errors import StorageError
from liveexec.storage.database import connect
from liveexec.storage.dsn import Dsn
from liveexec.storage.migrations import HEAD
from liveexec.storage.postgres_errors import explain
from liveexec.storage.server_checks import schema_revision
from liveexec.storage.sql import statements

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

__all__ = ["BASE", "current", "downgrade", "script", "upgrade"]

_Direction = Literal["upgrade", "downgrade"]

#: The revision of a database that holds nothing of ours.
BASE: Final = "base"

_SQL: Final = statements("migrations")
#: A later revision may have to rewrite a large table.
_STATEMENT_TIMEOUT_S: Final = 3_600.0
# Alembic's context is a global of the process.
_ALEMBIC: Final = threading.Lock()


def current(dsn: Dsn) -> str | None:
    """The revision that the database holds; ``None`` where there is none. Raises as ``connect`` does."""
    return asyncio.run(_current(dsn))


def upgrade(dsn: Dsn, revision: str = HEAD) -> str | None:
    """Bring the schema up to a revision; return the one that it had. Does nothing when it is there already.

    Raises:
        StorageError: the database holds a revision that this version does not know, or refuses.
        TransientStorageError: the server can't be reached; nothing has changed.
    """
    return asyncio.run(_move(dsn, revision, "upgrade"))


def downgrade(dsn: Dsn, revision: str) -> str | None:
    """Take the schema down to an earlier revision (:data:`BASE`: drop all of it); return the one that it had.

    What the tables beyond that revision hold is lost. Raises as :func:`upgrade` does.
    """
    return asyncio.run(_move(dsn, revision, "downgrade"))


def script() -> "ScriptDirectory":
    """The revisions as alembic knows them."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  (see above)

    return ScriptDirectory.from_config(_config(io.StringIO()))


def _config(output: io.StringIO) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  (see above)

    config = Config(output_buffer=output, stdout=output)
    config.set_main_option("script_location", "liveexec.storage:migrations")
    return config


async def _current(dsn: Dsn) -> str | None:
    connection = await connect(dsn, "schema")
    try:
        return await schema_revision(connection)
    finally:
        connection.terminate()


async def _move(dsn: Dsn, target: str, direction: _Direction) -> str | None:
    connection = await connect(dsn, "schema")
    try:
        # Before the transaction: the server ends one whose client says nothing for some seconds, and alembic takes as
        # long to load on a busy machine.
        expected = await schema_revision(connection)
        prepared = _statements(expected or BASE, target, direction)
        async with connection.transaction():
            # Two processes that start at the same time upgrade one after the other.
            await connection.execute(_SQL["lock"])
            present = await schema_revision(connection)
            statements_to_run = prepared if present == expected else _statements(present or BASE, target, direction)
            if statements_to_run:
                await connection.execute(statements_to_run, timeout=_STATEMENT_TIMEOUT_S)
            if target == BASE:
                # Alembic would leave its own table behind, empty, and then fail to make it again.
                await connection.execute(_SQL["drop_version_table"])
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise explain(error, f"changing the schema of {dsn}", dsn) from error
    else:
        return present
    finally:
        connection.terminate()


def _statements(present: str, target: str, direction: _Direction) -> str:
    if present == target:
        return ""
    known = {revision.revision for revision in script().walk_revisions()} | {BASE}
    for revision in (present, target):
        if revision not in known:
            raise StorageError(f"revision {revision} of the schema is not known to this version of liveexec")
    from alembic import command  # noqa: PLC0415  (see above)

    move = command.upgrade if direction == "upgrade" else command.downgrade
    output = io.StringIO()
    with _ALEMBIC:
        move(_config(output), f"{present}:{target}", sql=True)
    return output.getvalue()
