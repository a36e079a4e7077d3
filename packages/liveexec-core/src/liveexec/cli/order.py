"""``liveexec order``: everything about one order, named by its id, a part of it, or the caller's operation id."""

from typing import Annotated, Final

from cyclopts import Parameter

from liveexec.cli.options import ListingOptions
from liveexec.cli.order_lookup import find_order
from liveexec.cli.reading import show_from_database
from liveexec.domain.ids import OrderId
from liveexec.presentation.formatting import Precision
from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views.fills import fills_view
from liveexec.presentation.views.log import logged_events, timeline_view
from liveexec.presentation.views.orders import children_view, order_view
from liveexec.presentation.views.routes import route_view, routed_from_document
from liveexec.storage.queries import Queries

__all__ = ["order"]

_NO_LISTINGS: Final[Precision] = {}


def order(
    id_: Annotated[
        str,
        Parameter(
            name="ID", help="The order's id, its beginning or its end as listings shorten it, or its operation id."
        ),
    ],
    /,
    *,
    listing: ListingOptions = ListingOptions(),
) -> None:
    """Show one order: its fields, why it went where it went, its children, its fills and its timeline."""

    async def view(queries: Queries) -> Report:
        return await _report(queries, await find_order(queries, id_))

    show_from_database(view, listing)


async def _report(queries: Queries, order_id: OrderId) -> Report:
    row = await queries.order(order_id)
    views: list[TableView] = [order_view(row, _NO_LISTINGS)]
    routing = row.get("routing")
    if routing is not None:
        views.append(route_view(routed_from_document(routing), _NO_LISTINGS))
    children = await queries.children(order_id)
    if children:
        views.append(children_view(children, _NO_LISTINGS))
    fills = await queries.fills_of([order_id, *(child["order_id"] for child in children)])
    views.append(fills_view(fills, _NO_LISTINGS))
    records = await queries.records_of(order_id)
    events = [event for record in records for event in logged_events(record)]
    views.append(timeline_view(events, _NO_LISTINGS))
    return Report.of("order", views)
