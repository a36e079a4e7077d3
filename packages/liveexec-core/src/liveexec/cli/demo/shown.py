"""What the demo shows at its end: the same views that ``liveexec orders``, ``fills``, ``positions``, ``log`` show."""

from typing import Final

from rich.console import Console

from liveexec.cli.demo.scenario import SHARD
from liveexec.presentation.formatting import Precision
from liveexec.presentation.renderers.terminal import print_view
from liveexec.presentation.views.fills import fills_view
from liveexec.presentation.views.log import log_view, logged_events
from liveexec.presentation.views.orders import orders_view
from liveexec.presentation.views.positions import PositionsBy, positions_by_view, product_positions_view
from liveexec.presentation.views.routes import route_view, routed_from_document
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.queries import Queries

__all__ = ["show_everything"]

_MANY: Final = 1_000
_LOG_LINES: Final = 25


async def show_everything(store: PostgresStore, precision: Precision, console: Console) -> None:
    """Orders, fills, positions, route explanations and the log, from the database."""
    queries = Queries(store.database)
    rows = await queries.orders(limit=_MANY)
    print_view(orders_view(rows, precision), console)
    print_view(fills_view(await queries.fills(limit=_MANY), precision), console)
    print_view(product_positions_view(await queries.product_positions(), precision), console)
    print_view(positions_by_view(await queries.positions(), PositionsBy.VENUE, precision), console)
    for row in rows:
        # A route is worth explaining where there was a choice.
        if row.get("parent_order_id") is None and row.get("routing") is not None:
            routed = routed_from_document(row["routing"])
            if len(routed.candidates) > 1:
                print_view(route_view(routed, precision), console)
    records = await queries.newest_records(SHARD, _LOG_LINES)
    events = [event for stored in records for event in logged_events(stored.record)]
    print_view(log_view(events[-_LOG_LINES:], precision), console)
