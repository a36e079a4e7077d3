"""The files of a run, column by column, and rows that come back as they were written."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import money
from liveexec.domain.order_state import OrderStatus
from liveexec.errors import InvalidInput
from liveexec.storage.results.conversions import fill_of, order_of
from liveexec.storage.results.rows import (
    RESULT_TABLES,
    ColumnKind,
    EquityPoint,
    ResultFill,
    ResultOrder,
    result_columns,
)
from liveexec.storage.results.tables import arrow_schema, read_rows, table_bytes
from support.builders import make_order_in
from support.results import make_run, owned_fill

TIME, AMOUNT, TEXT, FLAG = "timestamp[ns, tz=UTC]", "decimal128(38, 18)", "string", "bool"

#: What readers of the files count on: name, type, whether it may be empty. Columns are only ever added at the end.
SCHEMAS: dict[str, list[tuple[str, str, bool]]] = {
    "orders": [
        ("id", TEXT, False),
        ("timestamp", TIME, False),
        ("side", TEXT, True),
        ("price", AMOUNT, True),
        ("amount", AMOUNT, False),
        ("status", TEXT, False),
        ("order_type", TEXT, False),
        ("time_in_force", TEXT, False),
        ("operation", TEXT, False),
        ("operation_id", TEXT, False),
        ("parent_id", TEXT, True),
        ("exec_algorithm", TEXT, False),
        ("strategy_id", TEXT, False),
        ("account_id", TEXT, True),
        ("venue", TEXT, True),
        ("instrument_id", TEXT, True),
        ("product_id", TEXT, True),
        ("filled_amount", AMOUNT, False),
        ("average_price", AMOUNT, True),
        ("updated", TIME, False),
        ("rejection_reason", TEXT, True),
        ("message", TEXT, True),
    ],
    "fills": [
        ("timestamp", TIME, False),
        ("order_id", TEXT, False),
        ("price", AMOUNT, False),
        ("quantity", AMOUNT, False),
        ("side", TEXT, False),
        ("fee", AMOUNT, False),
        ("fee_asset", TEXT, False),
        ("fill_id", TEXT, False),
        ("liquidity", TEXT, False),
        ("estimated", FLAG, False),
        ("strategy_id", TEXT, False),
        ("account_id", TEXT, False),
        ("venue", TEXT, False),
        ("instrument_id", TEXT, False),
    ],
    "positions": [
        ("timestamp", TIME, False),
        ("quantity", AMOUNT, False),
        ("avg_entry_price", AMOUNT, True),
        ("current_price", AMOUNT, True),
        ("unrealized_pnl", AMOUNT, True),
        ("realized_pnl", AMOUNT, False),
        ("settlement_asset", TEXT, False),
        ("strategy_id", TEXT, False),
        ("account_id", TEXT, False),
        ("venue", TEXT, False),
        ("instrument_id", TEXT, False),
    ],
    "equity_curve": [
        ("timestamp", TIME, False),
        ("portfolio_value", AMOUNT, False),
        ("realized_pnl", AMOUNT, False),
        ("unrealized_pnl", AMOUNT, False),
        ("position", AMOUNT, True),
        ("price", AMOUNT, True),
        ("fees", AMOUNT, False),
        ("currency", TEXT, False),
        ("instrument_id", TEXT, True),
    ],
}


@pytest.mark.parametrize("name", RESULT_TABLES)
def test_a_file_has_exactly_these_columns(name: str) -> None:
    kind = RESULT_TABLES[name]
    rows: Any = getattr(make_run(), name)
    assert rows
    schema = pq.read_schema(pa.BufferReader(table_bytes(kind, rows)))
    assert [(each.name, str(each.type), each.nullable) for each in schema] == SCHEMAS[name]
    assert schema.equals(arrow_schema(kind))
    assert [each.name for each in result_columns(kind)] == [each.name for each in fields(kind)]
    assert all((each.metadata or {})[b"says"] for each in schema)


@pytest.mark.parametrize("name", RESULT_TABLES)
def test_rows_come_back_as_they_were_and_no_rows_make_a_file_too(name: str) -> None:
    kind, rows = RESULT_TABLES[name], getattr(make_run(), name)
    assert read_rows(kind, table_bytes(kind, rows), name) == list(rows)
    assert read_rows(kind, table_bytes(kind, []), name) == []


_amounts = st.decimals(min_value=-(10**17), max_value=10**17, places=18, allow_nan=False)


@given(st.lists(st.tuples(st.integers(0, 2**62), _amounts, st.none() | _amounts, st.text(max_size=20)), max_size=5))
def test_no_amount_no_time_and_no_text_is_changed(values: list[tuple[int, Decimal, Decimal | None, str]]) -> None:
    points = [
        EquityPoint(
            timestamp=at_ns,
            portfolio_value=money.shortest(value),
            realized_pnl=Decimal(0),
            unrealized_pnl=Decimal(0),
            position=None,
            price=money.shortest(price) if price is not None else None,
            fees=Decimal(0),
            currency=text,
        )
        for at_ns, value, price, text in values
    ]
    assert read_rows(EquityPoint, table_bytes(EquityPoint, points), "x") == points


def test_an_amount_that_a_file_cannot_hold_is_refused_by_its_column() -> None:
    row = fill_of(owned_fill())
    with pytest.raises(InvalidInput, match="ResultFill: fee"):
        table_bytes(ResultFill, [evolve(row, fee=Decimal("1E-19"))])


def test_a_file_of_another_shape_is_refused_with_every_fault() -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"timestamp": [1], "order_id": ["x"]}), sink)
    with pytest.raises(InvalidInput) as caught:
        read_rows(ResultFill, sink.getvalue().to_pybytes(), "fills")
    said = {fault.path: fault.message for fault in caught.value.faults}
    assert said["timestamp"] == "is int64, not timestamp[ns, UTC]"
    assert said["price"] == "is no column"
    with pytest.raises(InvalidInput, match="can't be read as parquet"):
        read_rows(ResultFill, b"no parquet", "fills")


def test_what_later_versions_add_is_passed_over_and_what_may_be_empty_may_be_missing() -> None:
    rows = [order_of(make_order_in(OrderStatus.FILLED))]
    table = pq.read_table(pa.BufferReader(table_bytes(ResultOrder, rows)))
    table = table.append_column("new", pa.array(["x"])).drop_columns(["message"])
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    assert read_rows(ResultOrder, sink.getvalue().to_pybytes(), "orders") == rows


def test_every_kind_of_column_is_used() -> None:
    used = {each.kind for kind in RESULT_TABLES.values() for each in result_columns(kind)}
    assert used == set(ColumnKind)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_of_every_status_makes_a_row(status: OrderStatus) -> None:
    order = make_order_in(status)
    row = order_of(order)
    assert (row.id, row.status, row.amount) == (order.order_id, status, order.quantity)
    assert (row.filled_amount, row.average_price) == (order.filled_quantity, order.average_price)
    assert read_rows(ResultOrder, table_bytes(ResultOrder, [row]), "x") == [row]
