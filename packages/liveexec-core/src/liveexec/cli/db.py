"""``liveexec db``: the schema, and whether the tables say what the journal says."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from cyclopts import App

from liveexec.cli.database import database_dsn
from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.options import DatabaseOption, OutputFormat, OutputOption, ShardOption
from liveexec.cli.output import write_once
from liveexec.cli.reading import asked_shards
from liveexec.cli.termination import run_async
from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views.comparisons import differences_view
from liveexec.presentation.views.database import DatabaseFacts, database_view, shards_view
from liveexec.runtime.rebuild import rebuild_tables, verify_tables
from liveexec.storage import migrate
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.migrations import HEAD
from liveexec.storage.ownership import shards
from liveexec.storage.server_checks import check_settings, schema_revision

__all__ = ["app"]

app: Final = App(name="db", help="Look after the database.")


@app.command
def upgrade(*, database: DatabaseOption = None) -> None:
    """Bring the schema up to this version. On the embedded server the database is made if there is none."""
    with database_dsn(database, creates=True) as dsn:
        before = migrate.upgrade(dsn)
        if before == HEAD:
            _say(f"the schema of {dsn} is at revision {HEAD} already")
        else:
            _say(f"the schema of {dsn} went from revision {before or 'none'} to {HEAD}")


@app.command
def info(*, output: OutputOption = OutputFormat.TABLE, database: DatabaseOption = None) -> None:
    """Show the server, the schema's revision, and how far each shard's journal and tables are."""
    with database_dsn(database) as dsn:
        write_once(run_async(partial(_info, dsn)), output)


@app.command
def verify(
    *, shard: ShardOption = None, output: OutputOption = OutputFormat.TABLE, database: DatabaseOption = None
) -> ExitCode:
    """Fold the journal anew and compare it with the tables. Exit code 5 says that they differ."""
    with database_dsn(database) as dsn:
        differences = run_async(partial(_verify, dsn, shard))
    write_once(differences, output)
    return ExitCode.DIFFERENCES if differences.rows else ExitCode.OK


@app.command
def rebuild(*, shard: ShardOption = None, database: DatabaseOption = None) -> None:
    """Make the tables anew from the journal. Nobody may own the shard meanwhile."""
    with database_dsn(database) as dsn:
        for name in run_async(partial(_rebuild, dsn, shard)):
            _say(f"the tables of shard {name} are made anew from the journal")


async def _info(dsn: Dsn) -> Report:
    database = Database(dsn, pool_size=1)
    await database.open()
    try:
        async with database.read("looking at the server") as connection:
            server = await check_settings(connection, allow_unsafe=True)
            revision = await schema_revision(connection)
        facts = DatabaseFacts(str(dsn), server.version, server.role, server.unsafe_settings, revision, HEAD)
        views = [database_view(facts)]
        if revision == HEAD:
            views.append(shards_view(await shards(database)))
        return Report.of("info", views)
    finally:
        await database.close()


async def _verify(dsn: Dsn, shard: str | None) -> TableView:
    # Reading does not need a server that keeps what it acknowledges.
    async with PostgresStore(dsn, allow_unsafe=True) as store:
        found = [
            {
                "shard": name,
                "table": each.table,
                "key": each.key,
                "column": each.column,
                "journal": each.journal,
                "stored": each.stored,
            }
            for name in await _shards_of(store, shard)
            for each in await verify_tables(store, name)
        ]
    return differences_view(found)


async def _rebuild(dsn: Dsn, shard: str | None) -> Sequence[str]:
    async with PostgresStore(dsn) as store:
        names = await _shards_of(store, shard)
        for name in names:
            await rebuild_tables(store, name)
    return names


async def _shards_of(store: PostgresStore, shard: str | None) -> Sequence[str]:
    return asked_shards([status.shard for status in await store.shards()], shard)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
