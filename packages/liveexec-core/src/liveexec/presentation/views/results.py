"""What a caller got back, as a record: how the order stands and what it filled."""

from typing import Final

from liveexec.domain.result import ExecutionResult
from liveexec.presentation.table_view import Layout, TableView
from liveexec.presentation.views.row_columns import As, column, counted, table_of

__all__ = ["result_view"]

_COLUMNS: Final = (
    column("order_id", "order", As.ID),
    column("operation_id", "operation id", As.ID),
    column("status", "status", As.STATUS),
    column("filled_quantity", "filled", As.QUANTITY),
    column("average_price", "average", As.AVERAGE),
    column("rejection_reason", "reason"),
    column("message", "message", folds=True),
    column("fills", "fills", As.COUNT),
    column("repeated", "known before"),
)


def result_view(result: ExecutionResult) -> TableView:
    """A result as a record."""
    row = {
        "order_id": result.order_id,
        "operation_id": result.operation_id,
        "status": result.status,
        "filled_quantity": result.filled_quantity,
        "average_price": result.average_price,
        "rejection_reason": result.rejection_reason,
        "message": result.message,
        "fills": len(result.fills),
        "repeated": "yes" if result.repeated else None,
    }
    footer = counted(len(result.fills), "fill") if result.fills else None
    return table_of("result", "Result", _COLUMNS, [row], {}, layout=Layout.RECORD, footer=footer)
