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
from liveexec.presentation.views.tick_data import layout_view, reading_view
from support import presented_hostile as hostile
from support import presented_rows as rows
from support import presented_runs as runs
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
    "layout": partial(layout_view, runs.rewritten_files()),
    "reading": partial(reading_view, runs.planned_reads(), 12, 276),
    "reading_nothing": partial(reading_view, [], 0, 0),
    "runs": partial(runs_view, runs.run_rows()),
    "runs_none": partial(runs_view, []),
    "run": partial(run_view, runs.run_row(notes="one held what no fill tells of")),
    "run_orders": partial(run_orders_view, runs.order_rows(), 12),
    "run_fills": partial(run_fills_view, runs.fill_rows(), 1),
    "run_positions": partial(run_positions_view, runs.position_rows(), 2),
    "run_equity": partial(run_equity_view, runs.equity_rows(), 1),
    "runs_compared": partial(compared_runs_view, runs.run_rows()[:2]),
    "orders_compared": partial(compared_orders_view, runs.compared_rows(), {"compared": 11, "alone": 1}),
    "orders_compared_equal": partial(compared_orders_view, [], {"compared": 12, "alone": 0}),
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
    "layout_hostile": partial(layout_view, runs.hostile_files()),
    "reading_hostile": partial(reading_view, runs.hostile_reads(), 2**62, 1),
    "runs_hostile": partial(runs_view, runs.hostile_run_rows()),
    "run_hostile": partial(run_view, runs.hostile_run_rows()[0]),
    "run_orders_hostile": partial(run_orders_view, runs.hostile_rows(runs.order_rows()), 2**62),
    "run_fills_hostile": partial(run_fills_view, runs.hostile_rows(runs.fill_rows()), 6),
    "run_positions_hostile": partial(run_positions_view, runs.hostile_rows(runs.position_rows()), 6),
    "run_equity_hostile": partial(run_equity_view, runs.hostile_rows(runs.equity_rows()), 6),
    "runs_compared_hostile": partial(compared_runs_view, runs.hostile_run_rows()),
    "orders_compared_hostile": partial(
        compared_orders_view, runs.hostile_rows(runs.compared_rows()), {"compared": 1, "alone": 0}
    ),
}

#: Every view, by the folder of its golden files.
VIEWS: Final[dict[str, View]] = _USUAL | HOSTILE
