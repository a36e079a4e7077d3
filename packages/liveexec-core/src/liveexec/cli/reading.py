"""From a command's options to a view on the screen: find the database, open it, read, show, close it."""

from collections.abc import Awaitable, Callable
from functools import partial

from liveexec.cli.database import database_dsn
from liveexec.cli.options import ListingOptions
from liveexec.cli.output import show
from liveexec.cli.termination import run_async
from liveexec.presentation.table_view import Report, TableView
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.server_checks import check_schema

__all__ = ["View", "show_from_database"]

View = Callable[[Database], Awaitable[TableView | Report]]


def show_from_database(view: View, options: ListingOptions) -> None:
    """Show what ``view`` makes of the database, once or with ``--watch`` again and again.

    Raises:
        StorageError: there is no database, or it can't be used; the message says what to do.
    """
    with database_dsn(options.database) as dsn:
        run_async(partial(_show, dsn, view, options))


async def _show(dsn: Dsn, view: View, options: ListingOptions) -> None:
    database = Database(dsn, pool_size=1)
    await database.open()
    try:
        async with database.read("checking the schema") as connection:
            await check_schema(connection)
        await show(lambda: view(database), options)
    finally:
        await database.close()
