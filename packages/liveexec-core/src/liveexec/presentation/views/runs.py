"""Runs: what there are, one in full, and several beside each other."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any, Final

from liveexec.domain import money
from liveexec.domain.money import MONEY
from liveexec.presentation import cells
from liveexec.presentation.cells import Cell, Tone
from liveexec.presentation.formatting import Places
from liveexec.presentation.table_view import Column, Kind, Layout, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = [
    "compared_orders_view",
    "compared_runs_view",
    "run_equity_view",
    "run_fills_view",
    "run_orders_view",
    "run_positions_view",
    "run_view",
    "runs_view",
]

_SHARE_PLACES: Final = 2


def _state(row: PlainRow, _: Places | None) -> Cell:
    return cells.text("complete", Tone.GOOD) if row["is_complete"] else cells.text("incomplete", Tone.WARNING)


def _result(row: PlainRow, _: Places | None) -> Cell:
    if row.get("final_value") is None:
        return cells.EMPTY
    with localcontext(MONEY):
        return cells.profit(row["final_value"] - row["initial_value"])


def _share(row: PlainRow, _: Places | None) -> Cell:
    read, whole = row.get("bytes_read"), row.get("bytes_of_full_read")
    if not whole or read is None:
        return cells.EMPTY
    return cells.amount(money.divide(Decimal(100 * read), Decimal(whole), _SHARE_PLACES), _SHARE_PLACES)


_RESULT: Final = RowColumn(Column("result", "result", Kind.AMOUNT), _result)
_SHARE: Final = RowColumn(Column("share", "ticks read %", Kind.AMOUNT, priority=4), _share)

_RUN_COLUMNS: Final = (
    column("run_id", "run", As.ID),
    column("kind", "kind", priority=3),
    column("engine", "engine", priority=5),
    column("covers_from", "from (UTC)", As.TIME, priority=2),
    column("covers_to", "to (UTC)", As.TIME, priority=3),
    column("orders", "orders", As.COUNT, priority=1),
    column("fills", "fills", As.COUNT, priority=1),
    _RESULT,
    column("currency", "in"),
    column("fees", "fees", As.DERIVED, priority=5),
    column("max_drawdown", "drawdown", As.DERIVED, priority=4),
    _SHARE,
)


def runs_view(rows: Iterable[PlainRow]) -> TableView:
    """The runs of an archive, in the order of the rows; one that was never finished has an id only."""
    found = list(rows)
    columns = (_RUN_COLUMNS[0], RowColumn(Column("state", "state"), _state), *_RUN_COLUMNS[1:])
    footer = counted(len(found), "run") if found else None
    return table_of("runs", "Runs", columns, found, {}, footer=footer, nothing="no runs")


def run_view(row: PlainRow) -> TableView:
    """A run's summary as a record; its notes below."""
    columns = (
        *_RUN_COLUMNS[:5],
        column("version", "liveexec"),
        column("config_hash", "configuration", As.ID),
        column("strategies", "strategies", folds=True),
        column("instruments", "instruments", folds=True),
        column("orders", "orders", As.COUNT),
        column("orders_by_status", "by status", folds=True),
        column("fills", "fills", As.COUNT),
        column("initial_value", "initial value", As.AMOUNT),
        column("final_value", "final value", As.DERIVED),
        _RESULT,
        column("realized_pnl", "realised", As.PROFIT),
        column("unrealized_pnl", "unrealised", As.PROFIT),
        column("fees", "fees", As.DERIVED),
        column("max_drawdown", "drawdown", As.DERIVED),
        column("currency", "in"),
        column("signals", "signals", As.COUNT),
        column("windows", "windows", As.COUNT),
        column("bytes_read", "bytes of ticks read", As.COUNT),
        column("bytes_of_full_read", "of", As.COUNT),
        RowColumn(Column("share", "percent", Kind.AMOUNT), _share),
        column("notes", "notes", folds=True),
    )
    return table_of("run", "Run", columns, [row], {}, layout=Layout.RECORD)


_ORDER_COLUMNS: Final = (
    column("timestamp", "time (UTC)", As.TIME),
    column("id", "order", As.ID, priority=1),
    column("strategy_id", "strategy", As.ID, priority=6, min_width=8),
    column("venue", "venue", priority=3),
    column("instrument_id", "instrument", As.INSTRUMENT, priority=2),
    column("side", "side"),
    column("amount", "quantity", As.AMOUNT),
    column("price", "price", As.AMOUNT, priority=4),
    column("status", "status", As.STATUS),
    column("filled_amount", "filled", As.AMOUNT),
    column("average_price", "average", As.AVERAGE),
    column("exec_algorithm", "algorithm", priority=5),
    column("rejection_reason", "reason", priority=5),
)
_FILL_COLUMNS: Final = (
    column("timestamp", "time (UTC)", As.TIME),
    column("order_id", "order", As.ID, priority=2),
    column("venue", "venue", priority=3),
    column("instrument_id", "instrument", As.INSTRUMENT, priority=1),
    column("side", "side"),
    column("quantity", "quantity", As.AMOUNT),
    column("price", "price", As.AMOUNT),
    column("fee", "fee", As.AMOUNT, priority=4),
    column("fee_asset", "in", priority=4),
    column("liquidity", "liquidity", priority=5),
)
_POSITION_COLUMNS: Final = (
    column("timestamp", "time (UTC)", As.TIME),
    column("strategy_id", "strategy", As.ID, priority=3, min_width=8),
    column("venue", "venue", priority=4),
    column("instrument_id", "instrument", As.INSTRUMENT, priority=1),
    column("quantity", "quantity", As.AMOUNT),
    column("avg_entry_price", "average", As.AVERAGE),
    column("current_price", "price", As.AMOUNT, priority=2),
    column("unrealized_pnl", "unrealised", As.PROFIT),
    column("realized_pnl", "realised", As.PROFIT),
    column("settlement_asset", "in", priority=2),
)
_EQUITY_COLUMNS: Final = (
    column("timestamp", "time (UTC)", As.TIME),
    column("portfolio_value", "value", As.DERIVED),
    column("realized_pnl", "realised", As.PROFIT),
    column("unrealized_pnl", "unrealised", As.PROFIT),
    column("fees", "fees", As.DERIVED, priority=1),
    column("instrument_id", "instrument", As.INSTRUMENT, priority=2),
    column("position", "position", As.AMOUNT, priority=3),
    column("price", "price", As.AMOUNT, priority=3),
)


def run_orders_view(rows: Sequence[PlainRow], total: int) -> TableView:
    """Orders of a run; the footer says of how many."""
    return table_of("orders", "Orders", _ORDER_COLUMNS, rows, {}, footer=_of(rows, total), nothing="no orders")


def run_fills_view(rows: Sequence[PlainRow], total: int) -> TableView:
    """Fills of a run."""
    return table_of("fills", "Fills", _FILL_COLUMNS, rows, {}, footer=_of(rows, total), nothing="no fills")


def run_positions_view(rows: Sequence[PlainRow], total: int) -> TableView:
    """Positions of a run."""
    return table_of(
        "positions", "Positions", _POSITION_COLUMNS, rows, {}, footer=_of(rows, total), nothing="no positions"
    )


def run_equity_view(rows: Sequence[PlainRow], total: int) -> TableView:
    """Points of a run's curve."""
    return table_of(
        "equity_curve", "Equity curve", _EQUITY_COLUMNS, rows, {}, footer=_of(rows, total), nothing="no points"
    )


def _of(rows: Sequence[PlainRow], total: int) -> str | None:
    return f"the last {len(rows)} of {total}" if len(rows) < total else None


def compared_runs_view(rows: Iterable[PlainRow]) -> TableView:
    """Runs below each other, in the order in which they were named."""
    found = list(rows)
    columns = (*_RUN_COLUMNS, column("config_hash", "configuration", As.ID, priority=6))
    return table_of("runs", "Runs", columns, found, {}, footer=_configurations(found))


def _configurations(rows: Sequence[PlainRow]) -> str:
    number = len({row["config_hash"] for row in rows})
    return "one configuration" if number == 1 else f"{number} configurations"


_COMPARED_COLUMNS: Final = (
    column("operation_id", "operation id", As.ID),
    column("column", "column"),
    column("run_id", "run", As.ID, priority=1),
    column("first", "the first run's", min_width=8),
    column("other", "its own", min_width=8),
)


def compared_orders_view(rows: Sequence[PlainRow], orders: Mapping[str, Any]) -> TableView:
    """Where orders of one operation id differ from those of the first run; ``orders`` are how many were compared."""
    said = f"{orders['compared']} compared"
    if orders["alone"]:
        said += f", {orders['alone']} in one run only"
    return table_of(
        "differences",
        "Differences of orders",
        _COMPARED_COLUMNS,
        rows,
        {},
        footer=f"{counted(len(rows), 'difference')}, {said}" if rows else None,
        nothing=f"no difference ({said})",
    )
