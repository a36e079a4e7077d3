"""Which database a command works on: ``--database``, else ``DATABASE_URL``, else the embedded server's.

On the embedded server it is the database that the last ``demo --keep`` left, else ``liveexec``. The server is started
if need be, but a cluster or a database is made only for a command that fills it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from liveexec.cli.state_files import read_current_database
from liveexec.cli.termination import run_async
from liveexec.errors import Fault, InvalidInput, StorageError
from liveexec.storage.database import connect
from liveexec.storage.dsn import Dsn
from liveexec.storage.embedded import EmbeddedPostgres, default_data_dir
from liveexec.storage.embedded.databases import MAINTENANCE_DATABASE
from liveexec.storage.embedded.layout import ClusterLayout

__all__ = ["DEFAULT_DATABASE", "NoDatabase", "database_dsn"]

DEFAULT_DATABASE: Final = "liveexec"
_VARIABLE: Final = "DATABASE_URL"
_EXISTS: Final = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"


class NoDatabase(StorageError):
    """There is no database yet that could be shown."""


@contextmanager
def database_dsn(
    option: str | None, *, creates: bool = False, environ: Mapping[str, str] = os.environ
) -> Iterator[Dsn]:
    """The address of the database; the embedded server, if it is on that, is held until the end of the block.

    ``creates`` makes a missing cluster and database on the embedded server.

    Raises:
        InvalidInput: the address can't be read.
        NoDatabase: there is nothing on the embedded server.
        EmbeddedPostgresError: the embedded server can't be had.
    """
    if option is not None:
        yield _dsn("--database", option)
    elif environ.get(_VARIABLE):
        yield _dsn(_VARIABLE, environ[_VARIABLE])
    else:
        with _embedded(read_current_database(environ) or DEFAULT_DATABASE, creates=creates, environ=environ) as dsn:
            yield dsn


def _dsn(source: str, url: str) -> Dsn:
    try:
        return Dsn(url)
    except StorageError as error:
        raise InvalidInput(source, [Fault("", str(error))]) from None


@contextmanager
def _embedded(name: str, *, creates: bool, environ: Mapping[str, str]) -> Iterator[Dsn]:
    data_dir = default_data_dir(environ)
    if not creates and not ClusterLayout(data_dir).pgdata.exists():
        raise _nothing_here()
    with EmbeddedPostgres.start(data_dir) as server:
        # libpq's clients prefer this variable, meant for another server, to the password file that the address names.
        os.environ.pop("PGPASSWORD", None)
        if creates:
            server.ensure_database(name)
        elif not _exists(server, name):
            raise _nothing_here()
        yield Dsn(server.dsn(name))


def _exists(server: EmbeddedPostgres, name: str) -> bool:
    async def ask() -> bool:
        connection = await connect(Dsn(server.dsn(MAINTENANCE_DATABASE)), "command line")
        try:
            found: bool = await connection.fetchval(_EXISTS, name)
            return found
        finally:
            connection.terminate()

    return run_async(ask)


def _nothing_here() -> NoDatabase:
    return NoDatabase("no database here: run `liveexec demo --keep` or give --database")
