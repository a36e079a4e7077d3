"""``liveexec results``: runs in an object store, listed, shown, compared, and made of a live host's database."""

import sys
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final

from attrs import asdict
from cyclopts import App, Parameter

from liveexec.cli.database import database_dsn
from liveexec.cli.log_range import parse_since
from liveexec.cli.options import DatabaseOption, LimitOption, OutputFormat, OutputOption
from liveexec.cli.output import write_once
from liveexec.cli.reading import opened
from liveexec.cli.stores import ConfigOption, StoreArgument, store_named
from liveexec.cli.termination import run_async
from liveexec.domain.money import parse_decimal
from liveexec.errors import Fault, InvalidInput
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.table_view import Report
from liveexec.presentation.views.log import LoggedEvent, log_view, logged_events
from liveexec.presentation.views.runs import (
    compared_orders_view,
    compared_runs_view,
    run_equity_view,
    run_fills_view,
    run_orders_view,
    run_positions_view,
    run_view,
    runs_view,
)
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.ownership import shards
from liveexec.storage.queries import Queries
from liveexec.storage.results.archive import RunArchive, RunResults, StoredRun
from liveexec.storage.results.comparison import order_differences
from liveexec.storage.results.live import live_results
from liveexec.storage.results.summary import RunSummary
from liveexec.storage.results.times import time_ns_of

__all__ = ["app", "summary_row"]

app: Final = App(name="results", help="Show, compare and export what runs left behind.")

_ROWS: Final = 20
_PAGE: Final = 1_000

RunArgument = Annotated[str, Parameter(metavar="RUN", help="The id of a run.")]


@app.command(name="list")
def list_(store: StoreArgument, /, *, config: ConfigOption = None, output: OutputOption = OutputFormat.TABLE) -> None:
    """List the runs of a store, oldest first; those that were never finished are among them."""
    write_once(runs_view([_run_row(each) for each in RunArchive(store_named(store, config)).runs()]), output)


@app.command
def show(
    store: StoreArgument,
    run: RunArgument,
    /,
    *,
    limit: LimitOption = _ROWS,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Show a run: its summary, and the last rows of its orders, fills, positions and equity curve."""
    found = RunArchive(store_named(store, config)).load(run)
    views = [
        run_view(summary_row(found.summary)),
        run_orders_view(_last(found.orders, limit), len(found.orders)),
        run_fills_view(_last(found.fills, limit), len(found.fills)),
        run_positions_view(_last(found.positions, limit), len(found.positions)),
        run_equity_view(_last(found.equity_curve, limit), len(found.equity_curve)),
    ]
    write_once(Report.of("run", views), output)


@app.command
def compare(
    store: StoreArgument,
    runs: Annotated[tuple[str, ...], Parameter(metavar="RUN", help="Two runs or more.")],
    /,
    *,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Compare runs with the first one: how they came out, and which orders of one operation id went another way."""
    if len(runs) < 2:
        raise InvalidInput("results compare", [Fault("", "needs two runs or more")])
    archive = RunArchive(store_named(store, config))
    first, *others = [archive.load(run) for run in runs]
    compared = [order_differences(first, other) for other in others]
    rows = [asdict(each) for differences in compared for each in differences.found]
    counts = {"compared": sum(each.compared for each in compared), "alone": sum(each.alone for each in compared)}
    summaries = [summary_row(each.summary) for each in (first, *others)]
    write_once(Report.of("comparison", [compared_runs_view(summaries), compared_orders_view(rows, counts)]), output)


def _check_rate(_: Any, values: Any) -> None:
    for value in values or ():
        if not _is_rate(value):
            raise ValueError(f"{value[:60]!r} does not read like BTC=60000.")


def _is_rate(value: str) -> bool:
    asset, _, number = value.partition("=")
    try:
        return bool(asset) and parse_decimal(number) > 0
    except ValueError:
        return False


@app.command
def export(
    store: StoreArgument,
    /,
    *,
    since: Annotated[str, Parameter(name="--since", metavar="TIME", help="From this time on: a time, or 10m, 2h, 1d.")],
    until: Annotated[
        str | None,
        Parameter(name="--until", metavar="TIME", help="Up to this time; otherwise to the end of what there is."),
    ] = None,
    name: Annotated[str, Parameter(name="--name", metavar="NAME", help="A part of the run's id.")] = "live",
    currency: Annotated[str, Parameter(name="--currency", metavar="ASSET", help="What values are in.")] = "USDT",
    initial_value: Annotated[
        Decimal, Parameter(name="--initial-value", metavar="AMOUNT", help="What the portfolio was worth before.")
    ] = Decimal(0),
    rate: Annotated[
        tuple[str, ...] | None,
        Parameter(
            name="--rate",
            metavar="ASSET=AMOUNT",
            negative=(),
            validator=_check_rate,
            help="What one of another asset is worth in the currency; may be repeated.",
        ),
    ] = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Publish what a live host did, from its database, in the files that a replay has."""
    now_ns = time.time_ns()
    since_ns = parse_since(since, now_ns)
    until_ns = parse_since(until, now_ns) if until is not None else None
    pairs = [each.partition("=") for each in rate or ()]
    rates = {asset: parse_decimal(number) for asset, _, number in pairs}
    archive = RunArchive(store_named(store, config))
    make = partial(
        live_results,
        since_ns=since_ns,
        until_ns=until_ns,
        now_ns=now_ns,
        currency=currency,
        name=name,
        initial_value=initial_value,
        rates=rates,
    )
    with database_dsn(database) as dsn:
        results = run_async(partial(_exported, dsn, make, since_ns, until_ns))
    archive.publish(results)
    sys.stdout.write(f"{results.summary.run_id}\n")


async def _exported(dsn: Dsn, make: Any, since_ns: int, until_ns: int | None) -> RunResults:
    async with opened(dsn) as database:
        log = plain_text(log_view(await _events(database, since_ns, until_ns), {}))
        results: RunResults = await make(database, log=log)
        return results


async def _events(database: Database, since_ns: int, until_ns: int | None) -> list[LoggedEvent]:
    """The journal's events of a range, in order."""
    queries = Queries(database)
    found: list[LoggedEvent] = []
    for shard in await shards(database):
        before: int | None = None
        while records := await queries.newest_records(shard.shard, _PAGE, before):
            within = [
                each.record
                for each in records
                if since_ns <= each.record.at_ns and (until_ns is None or each.record.at_ns < until_ns)
            ]
            found += [event for record in within for event in logged_events(record)]
            before = records[0].position
            if records[0].record.at_ns < since_ns:
                break
    return sorted(found, key=lambda event: event.at_ns)


def _run_row(run: StoredRun) -> dict[str, Any]:
    if run.summary is None:
        return {"run_id": run.run_id, "is_complete": False}
    return {**summary_row(run.summary), "is_complete": True}


def summary_row(summary: RunSummary) -> dict[str, Any]:
    """A summary as plain values: lists as text, what it says of ticks beside the rest."""
    row = asdict(summary, recurse=False)
    ticks = asdict(row.pop("tick_data"))
    by_status: Mapping[str, int] = row["orders_by_status"]
    has_ticks = bool(ticks["bytes_of_full_read"])
    return {
        **row,
        "kind": str(summary.kind),
        **{name: time_ns_of(row[name]) for name in ("started_at", "ended_at", "covers_from", "covers_to")},
        "orders_by_status": ", ".join(f"{status} {count}" for status, count in by_status.items()) or None,
        **{name: ", ".join(row[name]) or None for name in ("strategies", "instruments", "notes")},
        **{name: value for name, value in ticks.items() if has_ticks},
    }


def _last(rows: Sequence[Any], limit: int) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows[-limit:]]
