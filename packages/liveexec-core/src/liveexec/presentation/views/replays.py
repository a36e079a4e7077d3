"""Replays: how algorithms compare, and how the runs of a sweep came out."""

from collections.abc import Iterable
from typing import Final

from liveexec.presentation.table_view import TableView
from liveexec.presentation.views.row_columns import As, PlainRow, column, counted, table_of

__all__ = ["algorithms_view", "sweep_view"]

_ALGORITHM_COLUMNS: Final = (
    column("algorithm", "algorithm"),
    column("status", "status", As.STATUS),
    column("filled", "filled", As.AMOUNT),
    column("children", "children", As.COUNT, priority=5),
    column("fills", "fills", As.COUNT, priority=4),
    column("arrival_price", "arrival", As.AVERAGE, priority=3),
    column("average_price", "average", As.AVERAGE, priority=1),
    column("slippage_bps", "slippage bps", As.DERIVED),
    column("shortfall_bps", "shortfall bps", As.DERIVED),
    column("fees_bps", "fees bps", As.DERIVED, priority=2),
    column("participation_pct", "participation %", As.DERIVED),
    column("seconds", "seconds", As.DERIVED, priority=3),
    column("code", "reason", priority=6),
)
_SWEEP_COLUMNS: Final = (
    column("number", "#", As.COUNT),
    column("settings", "settings", folds=True),
    column("run_id", "run", As.ID, priority=3),
    column("orders", "orders", As.COUNT, priority=1),
    column("fills", "fills", As.COUNT, priority=1),
    column("result", "result", As.PROFIT),
    column("currency", "in", priority=2),
    column("fees", "fees", As.DERIVED, priority=4),
    column("max_drawdown", "drawdown", As.DERIVED, priority=4),
    column("took_s", "seconds", As.DERIVED, priority=5),
    column("error", "error", folds=True),
)


def algorithms_view(rows: Iterable[PlainRow], title: str) -> TableView:
    """One order by several algorithms: basis points are of its price on arrival, above zero is worse."""
    return table_of("algorithms", title, _ALGORITHM_COLUMNS, rows, {})


def sweep_view(rows: Iterable[PlainRow]) -> TableView:
    """The runs of a sweep, in the order of their settings."""
    found = list(rows)
    return table_of("sweep", "Sweep", _SWEEP_COLUMNS, found, {}, footer=counted(len(found), "run"))
