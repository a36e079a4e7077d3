"""``liveexec audit``: what operators did, and whether the log of it is whole."""

from functools import partial
from operator import itemgetter
from typing import Final

from attrs import asdict
from cyclopts import App

from liveexec.cli.database import database_dsn
from liveexec.cli.exit_codes import ExitCode
from liveexec.cli.options import DatabaseOption, LimitOption, ListingOptions, OutputFormat, OutputOption, ShardOption
from liveexec.cli.output import write_once
from liveexec.cli.reading import asked_shards, opened, show_from_database
from liveexec.cli.termination import run_async
from liveexec.presentation.table_view import TableView
from liveexec.presentation.views.audit import audit_findings_view, audit_view
from liveexec.storage.audit_verification import VerifiedChain, audited_shards, verify_audit
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.queries import Queries

__all__ = ["app"]

app: Final = App(name="audit", help="Show what operators did, and verify the log of it.")

_ONCE: Final = ListingOptions()


@app.command(name="list")
def list_(*, shard: ShardOption = None, limit: LimitOption = 50, listing: ListingOptions = _ONCE) -> None:
    """List what operators did, newest first: who, what, when and why."""

    async def view(database: Database) -> TableView:
        queries = Queries(database)
        rows = []
        for name in asked_shards(await audited_shards(database), shard):
            rows += await queries.audit(name, limit)
        # The sort is stable: rows of one moment stay in the order of their chain.
        rows.sort(key=itemgetter("recorded_at"), reverse=True)
        return audit_view(rows[:limit])

    show_from_database(view, listing)


@app.command
def verify(
    *, shard: ShardOption = None, output: OutputOption = OutputFormat.TABLE, database: DatabaseOption = None
) -> ExitCode:
    """Walk each shard's hash chain, and hold it against the journal. Exit code 5 says that something is wrong.

    Rows that were changed, taken out, put in or moved are named one by one.
    """
    with database_dsn(database) as dsn:
        chains = run_async(partial(_verify, dsn, shard))
    found = [{"shard": chain.shard, **asdict(finding)} for chain in chains for finding in chain.findings]
    write_once(audit_findings_view(found, sum(chain.rows for chain in chains), len(chains)), output)
    return ExitCode.DIFFERENCES if found else ExitCode.OK


async def _verify(dsn: Dsn, shard: str | None) -> list[VerifiedChain]:
    async with opened(dsn) as database:
        return [await verify_audit(database, name) for name in asked_shards(await audited_shards(database), shard)]
