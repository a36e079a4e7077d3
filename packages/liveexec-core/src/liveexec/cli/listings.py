"""The listings: orders, fills, positions and the log."""

import time
from functools import partial
from typing import Annotated, Final

from attrs import evolve
from cyclopts import Parameter

from liveexec.cli.log_range import last_events, parse_since
from liveexec.cli.options import LimitOption, ListingOptions
from liveexec.cli.order_lookup import find_order
from liveexec.cli.precision import precision_in
from liveexec.cli.reading import show_from_database
from liveexec.domain.ids import StrategyId, VenueName
from liveexec.domain.order_state import OrderStatus
from liveexec.presentation.table_view import TableView
from liveexec.presentation.views.fills import fills_view
from liveexec.presentation.views.log import LoggedEvent, log_view
from liveexec.presentation.views.orders import orders_view
from liveexec.presentation.views.positions import PositionsBy, positions_by_view, product_positions_view
from liveexec.storage.database import Database
from liveexec.storage.ownership import shards
from liveexec.storage.queries import FillFilter, OrderFilter, Queries

__all__ = ["fills", "log", "orders", "positions"]

_ONCE: Final = ListingOptions()

StrategyOption = Annotated[str | None, Parameter(name="--strategy", metavar="ID", help="Only of this strategy.")]


def orders(
    *,
    strategy: StrategyOption = None,
    venue: Annotated[str | None, Parameter(name="--venue", metavar="NAME", help="Only at this venue.")] = None,
    status: Annotated[
        tuple[OrderStatus, ...] | None,
        Parameter(name="--status", negative=(), help="Only in this status; may be repeated."),
    ] = None,
    open_: Annotated[
        bool, Parameter(name="--open", negative=(), show_default=False, help="Only what may still be filled.")
    ] = False,
    limit: LimitOption = 50,
    listing: ListingOptions = _ONCE,
) -> None:
    """List orders, newest first."""

    async def view(database: Database) -> TableView:
        queries = Queries(database)
        asked = OrderFilter(
            strategy_id=StrategyId(strategy) if strategy is not None else None,
            venue=VenueName(venue) if venue is not None else None,
            is_open=True if open_ else None,
        )
        found = [row for each in status or (None,) for row in await queries.orders(evolve(asked, status=each), limit)]
        found.sort(key=lambda row: (row["created_at"], row["order_id"]), reverse=True)
        return orders_view(found[:limit], await precision_in(database))

    show_from_database(view, listing)


def fills(*, strategy: StrategyOption = None, limit: LimitOption = 50, listing: ListingOptions = _ONCE) -> None:
    """List fills, newest first."""
    asked = FillFilter(strategy_id=StrategyId(strategy) if strategy is not None else None)

    async def view(database: Database) -> TableView:
        return fills_view(await Queries(database).fills(asked, limit), await precision_in(database))

    show_from_database(view, listing)


def positions(
    *,
    by: Annotated[
        PositionsBy | None, Parameter(name="--by", help="Break positions down instead of adding them up by product.")
    ] = None,
    listing: ListingOptions = _ONCE,
) -> None:
    """Show positions by product over all venues, or by venue, account or strategy."""

    async def view(database: Database) -> TableView:
        queries = Queries(database)
        if by is None:
            return product_positions_view(await queries.product_positions(), await precision_in(database))
        return positions_by_view(await queries.positions(), by, await precision_in(database))

    show_from_database(view, listing)


def log(
    *,
    order: Annotated[str | None, Parameter(name="--order", metavar="ID", help="Only of this order.")] = None,
    since: Annotated[
        str | None,
        Parameter(name="--since", metavar="TIME", help="Only from this time on: 2025-12-08T10:30:00Z, or 10m ago."),
    ] = None,
    limit: LimitOption = 200,
    listing: ListingOptions = _ONCE,
) -> None:
    """Show what happened, in order: the last events of the journal."""
    since_ns = parse_since(since, time.time_ns()) if since is not None else None

    async def view(database: Database) -> TableView:
        return log_view(await _events(database, order, since_ns, limit), await precision_in(database))

    show_from_database(view, listing)


async def _events(database: Database, order: str | None, since_ns: int | None, limit: int) -> list[LoggedEvent]:
    queries = Queries(database)
    if order is not None:
        order_id = await find_order(database, order)
        return await last_events(partial(queries.newest_records_of, order_id), limit, since_ns)
    found: list[LoggedEvent] = []
    for shard in await shards(database):
        found += await last_events(partial(queries.newest_records, shard.shard), limit, since_ns)
    # Each shard's events are in order already, and a stable sort keeps them so.
    return sorted(found, key=lambda event: event.at_ns)[-limit:]
