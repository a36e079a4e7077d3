"""``liveexec order``: everything about one order, named by its id, a part of it, or the caller's operation id."""

from typing import Annotated, Final

from cyclopts import Parameter

from liveexec.cli.options import ListingOptions
from liveexec.cli.order_lookup import find_order
from liveexec.cli.precision import precision_in
from liveexec.cli.reading import show_from_database
from liveexec.domain.ids import OrderId
from liveexec.presentation.formatting import Precision
from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views.fills import fills_view
from liveexec.presentation.views.log import logged_events, timeline_view
from liveexec.presentation.views.orders import children_view, order_view
from liveexec.presentation.views.routes import route_view, routed_from_document
from liveexec.presentation.views.row_columns import PlainRow
from liveexec.storage.database import Database
from liveexec.storage.queries import MAX_LIMIT, FillFilter, OrderDetails, OrderFilter, Queries

__all__ = ["order"]

_ONCE: Final = ListingOptions()


def order(
    id_: Annotated[
        str,
        Parameter(
            name="ID", help="The order's id, its beginning or its end as listings shorten it, or its operation id."
        ),
    ],
    /,
    *,
    listing: ListingOptions = _ONCE,
) -> None:
    """Show one order: its fields, why it went where it went, its children, its fills and its timeline."""

    async def view(database: Database) -> Report:
        return await _report(Queries(database), await find_order(database, id_), await precision_in(database))

    show_from_database(view, listing)


async def _report(queries: Queries, order_id: OrderId, precision: Precision) -> Report:
    found = await queries.order(order_id)
    views: list[TableView] = [order_view(found.row, precision)]
    routing = found.row.get("routing")
    if routing is not None:
        views.append(route_view(routed_from_document(routing), precision))
    if found.children:
        views.append(children_view(found.children, precision))
    views.append(fills_view(await _family_fills(queries, found), precision))
    events = [event for stored in found.timeline for event in logged_events(stored.record)]
    views.append(timeline_view(events, precision))
    return Report.of("order", views)


async def _family_fills(queries: Queries, found: OrderDetails) -> list[PlainRow]:
    """The order's fills and those of its children and theirs, oldest first: what is filled belongs to leaves."""
    fills: list[PlainRow] = [*found.fills]
    families = list(found.children)
    while families:
        order_id = OrderId(str(families.pop()["order_id"]))
        fills += await queries.fills(FillFilter(order_id=order_id), MAX_LIMIT)
        families += await queries.orders(OrderFilter(parent_order_id=order_id), MAX_LIMIT)
    return sorted(fills, key=lambda row: (row["applied_at"], row["fill_key"]))
