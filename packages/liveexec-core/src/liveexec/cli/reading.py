"""From a command's options to a view on the screen: find the database, open it, read, show, close it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from liveexec.cli.database import database_dsn
from liveexec.cli.options import ListingOptions
from liveexec.cli.output import show
from liveexec.cli.termination import run_async
from liveexec.errors import NotFound
from liveexec.presentation.table_view import Report, TableView
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.server_checks import check_schema

__all__ = ["View", "asked_shards", "opened", "show_from_database"]

View = Callable[[Database], Awaitable[TableView | Report]]


def show_from_database(view: View, options: ListingOptions) -> None:
    """Show what ``view`` makes of the database, once or with ``--watch`` again and again.

    Raises:
        StorageError: there is no database, or it can't be used; the message says what to do.
    """
    with database_dsn(options.database) as dsn:
        run_async(partial(_show, dsn, view, options))


async def _show(dsn: Dsn, view: View, options: ListingOptions) -> None:
    async with opened(dsn) as database:
        await show(lambda: view(database), options)


@asynccontextmanager
async def opened(dsn: Dsn) -> AsyncIterator[Database]:
    """The database, with the schema of this version, to read from until the end of the block.

    Raises:
        StorageError: it can't be used; the message says what to do.
    """
    database = Database(dsn, pool_size=1)
    await database.open()
    try:
        async with database.read("checking the schema") as connection:
            await check_schema(connection)
        yield database
    finally:
        await database.close()


def asked_shards(names: Sequence[str], asked: str | None) -> Sequence[str]:
    """The shards that ``--shard`` names of those that there are; without it all of them.

    Raises:
        NotFound: there is no such shard.
    """
    if asked is None:
        return names
    if asked not in names:
        raise NotFound(f"there is no shard {asked!r} here (there are: {', '.join(names) or 'none'})")
    return [asked]
