"""Every view with something in it, and with what no view may trip over; each has its folder of golden files.

A view is a call that is not made yet, so that tests can tell which functions are looked at.
"""

from functools import partial
from typing import Final

from liveexec.presentation.table_view import Report, TableView
from liveexec.presentation.views.audit import audit_findings_view, audit_view
from liveexec.presentation.views.comparisons import differences_view, verification_view
from liveexec.presentation.views.database import DatabaseFacts, database_view, shards_view
from liveexec.presentation.views.fills import fills_view
from liveexec.presentation.views.left_open import left_open_view
from liveexec.presentation.views.log import log_view, timeline_view
from liveexec.presentation.views.operations import risk_report, status_view, venues_view
from liveexec.presentation.views.orders import children_view, order_view, orders_view
from liveexec.presentation.views.plugins import plugins_view
from liveexec.presentation.views.positions import (
    PositionsBy,
    assets_view,
    positions_by_view,
    product_positions_view,
)
from liveexec.presentation.views.results import result_view
from liveexec.presentation.views.routes import route_view
from support import presented_hostile as hostile
from support import presented_rows as rows
from support.presented_rows import PRECISION

__all__ = ["HOSTILE", "VIEWS", "View"]

View = partial[TableView] | partial[Report]


def order_report() -> Report:
    return Report.of(
        "order",
        [
            order_view(rows.order_rows()[2], PRECISION),
            route_view(rows.routed(), PRECISION),
            children_view(rows.child_rows(), PRECISION),
            fills_view(rows.fill_rows(), PRECISION),
            timeline_view(rows.of_parent(), PRECISION),
        ],
    )


_USUAL: Final[dict[str, View]] = {
    "orders": partial(orders_view, rows.order_rows(), PRECISION),
    "orders_none": partial(orders_view, [], PRECISION),
    "orders_without_listings": partial(orders_view, rows.order_rows(), {}),
    "order": partial(order_view, rows.order_rows()[2], PRECISION),
    "order_report": partial(order_report),
    "children": partial(children_view, rows.child_rows(), PRECISION),
    "fills": partial(fills_view, rows.fill_rows(), PRECISION),
    "positions": partial(product_positions_view, rows.product_rows(), PRECISION),
    "positions_by_venue": partial(positions_by_view, rows.position_rows(), PositionsBy.VENUE, PRECISION),
    "positions_by_account": partial(positions_by_view, rows.position_rows(), PositionsBy.ACCOUNT, PRECISION),
    "positions_by_strategy": partial(positions_by_view, rows.position_rows(), PositionsBy.STRATEGY, PRECISION),
    "assets": partial(assets_view, rows.asset_rows()),
    "route": partial(route_view, rows.routed(), PRECISION),
    "log": partial(log_view, rows.logged(), PRECISION),
    "timeline": partial(timeline_view, rows.of_parent(), PRECISION),
    "verification": partial(verification_view, rows.comparisons(), PRECISION),
    "database": partial(
        database_view, DatabaseFacts("postgresql://liveexec@/demo", 170_006, "liveexec", ("fsync=off",), None, "0001")
    ),
    "shards": partial(shards_view, rows.shard_statuses()),
    "differences": partial(differences_view, rows.difference_rows()),
    "audit": partial(audit_view, rows.audit_rows()),
    "audit_findings": partial(audit_findings_view, rows.audit_findings(), 7, 2),
    "audit_verified": partial(audit_findings_view, [], 1, 1),
    "left_open": partial(left_open_view, rows.left_open_rows(), dry_run=True),
    "left_open_nothing": partial(left_open_view, [], dry_run=False),
    "plugins": partial(plugins_view, rows.plugin_rows()),
    "status": partial(status_view, rows.status_row()),
    "venues": partial(venues_view, rows.venue_rows()),
    "risk": partial(risk_report, rows.risk_document()),
    "result": partial(result_view, rows.execution_result()),
}

#: The same views of rows that hold what a venue, a caller or a plugin may put there.
HOSTILE: Final[dict[str, View]] = {
    "orders_hostile": partial(orders_view, hostile.order_rows(), PRECISION),
    "order_hostile": partial(order_view, hostile.order_rows()[0], PRECISION),
    "children_hostile": partial(children_view, hostile.child_rows(), PRECISION),
    "fills_hostile": partial(fills_view, hostile.fill_rows(), PRECISION),
    "positions_hostile": partial(product_positions_view, hostile.product_rows(), PRECISION),
    "positions_by_strategy_hostile": partial(
        positions_by_view, hostile.position_rows(), PositionsBy.STRATEGY, PRECISION
    ),
    "assets_hostile": partial(assets_view, hostile.asset_rows()),
    "route_hostile": partial(route_view, hostile.routed(), PRECISION),
    "log_hostile": partial(log_view, hostile.logged(), PRECISION),
    "timeline_hostile": partial(timeline_view, hostile.logged(), PRECISION),
    "verification_hostile": partial(verification_view, hostile.comparisons(), PRECISION),
    "database_hostile": partial(database_view, hostile.database_facts()),
    "shards_hostile": partial(shards_view, hostile.shard_statuses()),
    "differences_hostile": partial(differences_view, hostile.difference_rows()),
    "audit_hostile": partial(audit_view, hostile.audit_rows()),
    "audit_findings_hostile": partial(audit_findings_view, hostile.audit_findings(), 7, 2),
    "left_open_hostile": partial(left_open_view, hostile.left_open_rows(), dry_run=False),
    "plugins_hostile": partial(plugins_view, hostile.plugin_rows()),
    "status_hostile": partial(status_view, hostile.status_row()),
    "venues_hostile": partial(venues_view, hostile.venue_rows()),
    "risk_hostile": partial(risk_report, hostile.risk_document()),
    "result_hostile": partial(result_view, hostile.execution_result()),
}

#: Every view, by the folder of its golden files.
VIEWS: Final[dict[str, View]] = _USUAL | HOSTILE
