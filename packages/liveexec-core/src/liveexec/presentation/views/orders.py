"""Orders as a list, one order in full, and the children of a parent: rows of ``unified_orders``."""

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve

from liveexec.presentation.cells import Cell, Tone, document, flag, text
from liveexec.presentation.formatting import Places, Precision, single_line
from liveexec.presentation.table_view import Column, Kind, Layout, TableView
from liveexec.presentation.views.row_columns import As, PlainRow, RowColumn, column, counted, table_of

__all__ = ["children_view", "order_view", "orders_view"]


def _flags(row: PlainRow, _: Places | None) -> Cell:
    flags: Mapping[str, object] = row["flags"]
    words = [
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {value}".lower()
        for name, value in sorted(flags.items())
        if value
    ]
    return evolve(document(flags), text=single_line(", ".join(words)))


def _algorithm(row: PlainRow, _: Places | None) -> Cell:
    # Most orders have none; the name of having none would fill a column.
    algorithm: str = row["exec_algorithm"]
    made = text(algorithm)
    return evolve(made, text="") if algorithm == "NORMAL" else made


def _openness(row: PlainRow, _: Places | None) -> Cell:
    return flag(row["is_open"], "open")


def _code(row: PlainRow, _: Places | None) -> Cell:
    return text(row.get("rejection_reason"), Tone.BAD)


#: Every column of the table, in the order of a reader's questions: which, what, how far, why, where, when.
_COLUMNS: Final = (
    column("order_id", "order", As.ID),
    column("operation_id", "operation id", As.ID, priority=7, min_width=12),
    column("parent_order_id", "parent", As.ID, listed=False),
    column("ordinal", "no.", As.COUNT, listed=False),
    column("strategy_id", "strategy", As.ID, priority=6, min_width=8),
    column("operation", "operation", listed=False),
    column("canonical_id", "instrument", As.INSTRUMENT, listed=False),
    column("product_id", "product", As.INSTRUMENT, priority=1),
    column("asset", "asset", priority=1),
    column("source_token", "from", priority=4),
    column("target_token", "to", priority=4),
    column("side", "side"),
    column("quantity", "quantity", As.QUANTITY),
    column("order_type", "type", priority=4),
    column("price", "price", As.PRICE, priority=2),
    column("trigger_price", "trigger", As.PRICE, priority=4),
    column("odds", "odds", As.AMOUNT, priority=3),
    column("selection", "selection", priority=4, min_width=8),
    column("time_in_force", "tif", priority=8),
    RowColumn(Column("flags", "flags", Kind.DOCUMENT, priority=8), _flags),
    RowColumn(Column("exec_algorithm", "algo", priority=5), _algorithm),
    column("exec_algorithm_params", "algo parameters", As.DOCUMENT, listed=False),
    column("status", "status", As.STATUS),
    RowColumn(Column("is_open", "open", Kind.FLAG, listed=False), _openness),
    column("filled_quantity", "filled", As.QUANTITY, priority=1),
    column("average_price", "average", As.AVERAGE, priority=3),
    column("filled_cost", "filled cost", As.AMOUNT, listed=False),
    RowColumn(Column("rejection_reason", "reason", priority=4, min_width=10), _code),
    column("error_message", "message", listed=False, folds=True),
    column("venue", "venue", priority=2),
    column("venue_type", "venue type", listed=False),
    column("account_id", "account", As.ID, listed=False),
    column("client_order_id", "client order id", As.ID, listed=False),
    column("venue_order_id", "venue order id", As.ID, listed=False),
    column("source_venue", "from venue", priority=4),
    column("target_venue", "to venue", priority=4),
    column("max_slippage", "max slippage", As.AMOUNT, listed=False),
    column("tx_hash", "transaction", As.ID, listed=False),
    column("gas_used", "gas used", As.AMOUNT, listed=False),
    column("gas_price_gwei", "gas price (gwei)", As.AMOUNT, listed=False),
    column("max_gas_price_gwei", "max gas price (gwei)", As.AMOUNT, listed=False),
    column("contract_address", "contract", As.ID, listed=False),
    column("potential_payout", "potential payout", As.AMOUNT, listed=False),
    column("atomic_group_id", "atomic group", As.ID, listed=False),
    column("sequence_in_group", "no. in group", As.COUNT, listed=False),
    column("attempt", "attempts", As.COUNT, listed=False),
    column("created_at", "created (UTC)", As.TIME, priority=3),
    column("updated_at", "updated (UTC)", As.TIME, listed=False),
    column("expire_at", "expires (UTC)", As.TIME, listed=False),
    column("principal", "principal", listed=False),
    column("last_sequence", "last event", As.COUNT, listed=False),
    column("expected_deltas", "expected changes", As.DOCUMENT, listed=False),
    column("metadata", "metadata", As.DOCUMENT, listed=False),
)
_ROUTING: Final = column("routing", "routing", As.DOCUMENT, listed=False)

#: What a family's table shows: the parent says the rest.
_CHILD_PRIORITIES: Final = {
    "ordinal": 0,
    "order_id": 0,
    "venue": 1,
    "side": 4,
    "quantity": 0,
    "order_type": 5,
    "price": 2,
    "status": 0,
    "filled_quantity": 0,
    "average_price": 2,
    "rejection_reason": 3,
    "created_at": 3,
}


def orders_view(rows: Iterable[PlainRow], precision: Precision) -> TableView:
    """A list of orders, in the order of the rows."""
    found = list(rows)
    still_open = sum(1 for row in found if row["is_open"])
    return table_of(
        "orders",
        "Orders",
        _COLUMNS,
        found,
        precision,
        footer=f"{counted(len(found), 'order')}, {still_open} open" if found else None,
        nothing="no orders",
    )


def order_view(row: PlainRow, precision: Precision) -> TableView:
    """Everything that the table holds of one order, as a record; empty fields are left out for people."""
    shown = [each.listed_as(each.column.priority) for each in _COLUMNS]
    return table_of("order", f"Order {row['order_id']}", [*shown, _ROUTING], [row], precision, layout=Layout.RECORD)


def children_view(rows: Iterable[PlainRow], precision: Precision) -> TableView:
    """The children of one parent, by their ordinals."""
    columns = [
        each.listed_as(_CHILD_PRIORITIES[each.column.id]) if each.column.id in _CHILD_PRIORITIES else each.unlisted()
        for each in _COLUMNS
    ]
    in_front = [each for each in columns if each.column.id == "ordinal"]
    view = table_of(
        "children",
        "Children",
        [*in_front, *(each for each in columns if each.column.id != "ordinal")],
        rows,
        precision,
        nothing="no children",
    )
    return view.sorted_by("ordinal")
