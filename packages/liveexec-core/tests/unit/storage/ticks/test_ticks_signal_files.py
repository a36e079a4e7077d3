"""Signals from files: both formats give the same, and every fault is said at once."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Literal
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.object_store import ObjectStore
from liveexec.domain.operation import OrderType, Side
from liveexec.errors import InvalidInput, ObjectNotFound
from liveexec.storage.objects.opening import open_store
from liveexec.storage.ticks.signal_files import MAX_FAULTS, Signals, read_signals, signals_of_rows

SPOT = "BINANCE-SPOT:SPOT_PAIR:BTC-USDT"
T0_NS = 1_723_161_300_000_000_000


@pytest.fixture
def store() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}")


def row(**changes: Any) -> dict[str, Any]:
    good = {
        "timestamp": "2024-08-08T23:55:00Z",
        "instrument_key": SPOT,
        "side": "BUY",
        "quantity": "0.5",
        "strategy_id": "momentum",
    }
    return good | changes


def put(store: ObjectStore, rows: object, name: str = "signals.json") -> str:
    store.put(name, json.dumps(rows).encode())
    return name


def put_table(store: ObjectStore, columns: dict[str, Any], name: str = "signals.parquet") -> str:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    store.put(name, sink.getvalue().to_pybytes())
    return name


def test_a_list_a_document_and_lines_of_json_are_the_same(store: ObjectStore) -> None:
    rows = [
        row(timestamp="2024-08-08T23:57:00+00:00", side="sell", price=61_000, order_type="limit"),
        row(timestamp=T0_NS // 1_000, exec_algorithm="TWAP", params={"horizon_secs": 300, "interval_secs": 30}),
    ]
    store.put("lines.jsonl", "\n".join(json.dumps(each) for each in rows).encode())
    one_line = [row()]
    store.put("line.jsonl", json.dumps(one_line[0]).encode())
    found = [read_signals(store, put(store, rows)), read_signals(store, put(store, {"signals": rows}, "b.json"))]
    found.append(read_signals(store, "lines.jsonl"))
    assert found[0] == found[1] == found[2]
    first, second = found[0].signals
    assert (first.time_ns, first.side, first.exec_algorithm) == (T0_NS, Side.BUY, "TWAP")
    assert first.params == {"horizon_secs": 300, "interval_secs": 30}
    assert (second.time_ns, second.side, second.price) == (T0_NS + 120_000_000_000, Side.SELL, Decimal(61_000))
    assert second.order_type is OrderType.LIMIT
    assert len(read_signals(store, "line.jsonl").signals) == 1


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_of_every_unit_are_exact(store: ObjectStore, unit: Literal["s", "ms", "us", "ns"]) -> None:
    moment = dt.datetime(2024, 8, 8, 23, 55, tzinfo=dt.UTC)
    times = pa.array([moment], pa.timestamp(unit, "UTC"))
    columns = {"timestamp": times, "instrument_key": [SPOT], "side": ["BUY"], "quantity": [0.1], "strategy_id": ["s"]}
    (signal,) = read_signals(store, put_table(store, columns)).signals
    assert signal.time_ns == T0_NS
    assert signal.quantity == Decimal("0.1")


def test_parquet_numbers_parameters_and_empty_cells(store: ObjectStore) -> None:
    columns = {
        "timestamp": [T0_NS // 1_000] * 4,
        "instrument_key": [SPOT] * 4,
        "side": ["BUY", "SELL", None, "BUY"],
        "quantity": pa.array([Decimal("1.5"), Decimal(2), None, Decimal(3)], pa.decimal128(38, 18)),
        "price": [None, 61_000.5, None, None],
        "order_type": [None, "LIMIT", None, None],
        "strategy_id": ["s"] * 4,
        "exec_algorithm": [None, None, None, "TWAP"],
        "params": ["", None, None, '{"horizon_secs": 60, "interval_secs": 5}'],
    }
    found = read_signals(store, put_table(store, columns))
    assert found.unchanged == 1
    assert [each.quantity for each in found.signals] == [Decimal("1.5"), Decimal(2), Decimal(3)]
    assert found.signals[1].price == Decimal("61000.5")
    assert [each.params for each in found.signals] == [None, None, {"horizon_secs": 60, "interval_secs": 5}]


def test_a_struct_of_parameters_leaves_out_what_a_row_does_not_have(store: ObjectStore) -> None:
    params = [{"horizon_secs": 60, "display": None}, {"horizon_secs": None, "display": 2}]
    columns = {key: [value] * 2 for key, value in row().items()} | {
        "params": params,
        "exec_algorithm": ["TWAP", "ICEBERG"],
    }
    first, second = read_signals(store, put_table(store, columns)).signals
    assert (first.params, second.params) == ({"horizon_secs": 60}, {"display": 2})


def test_intervals_without_a_change_are_counted_and_passed_over(store: ObjectStore) -> None:
    rows = [row(), row(side=None, quantity=None), row(timestamp="2024-08-08T23:58:00Z")]
    found = read_signals(store, put(store, rows))
    assert (len(found.signals), found.unchanged) == (2, 1)


def test_every_fault_is_named_with_its_row(store: ObjectStore) -> None:
    rows = [
        row(),
        row(side="LONG", quantity="much"),
        row(timestamp="2024-08-08T23:55:00"),
        row(timestamp=T0_NS),
        row(prize=1),
        {"timestamp": "2024-08-08T23:55:00Z", "quantity": 1},
        "BUY",
        row(order_type="LIMIT"),
        row(params="["),
        row(quantity=True),
    ]
    with pytest.raises(InvalidInput) as caught:
        read_signals(store, put(store, rows))
    assert [fault.path for fault in caught.value.faults] == [
        "[1].side",
        "[1].quantity",
        "[2].timestamp",
        "[3].timestamp",
        "[4].prize",
        "[5].instrument_key",
        "[5].side",
        "[5].strategy_id",
        "[6]",
        "[7].price",
        "[8].params",
        "[9].quantity",
    ]


def test_a_file_full_of_faults_is_cut_with_their_number(store: ObjectStore) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_signals(store, put(store, [row(side="LONG")] * (MAX_FAULTS + 7)))
    assert len(caught.value.faults) == MAX_FAULTS + 1
    assert str(caught.value.faults[-1]) == "and 7 more faults"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.json", b"{", "is not JSON"),
        ("a.json", b'"x"', "must be a list"),
        ("a.json", b"\xff", "is not JSON"),
        ("a.parquet", b"PAR1", "can't be read as parquet"),
        ("a.csv", b"", "must be called"),
    ],
)
def test_a_file_that_is_none_is_named(store: ObjectStore, name: str, data: bytes, says: str) -> None:
    store.put(name, data)
    with pytest.raises(InvalidInput, match=says):
        read_signals(store, name)


def test_columns_that_are_missing_or_unknown_are_named(store: ObjectStore) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_signals(store, put_table(store, {"timestamp": [1], "side": ["BUY"], "size": [1]}))
    said = [str(fault) for fault in caught.value.faults]
    assert said == [
        "instrument_key: is no column",
        "quantity: is no column",
        "strategy_id: is no column",
        "size: is not known",
    ]


def test_a_file_that_is_not_there_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound, match=r"signals\.json"):
        read_signals(store, "signals.json")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.decimals(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_values = {
    "timestamp": _json | st.just("2024-08-08T23:55:00Z"),
    "instrument_key": _json | st.just(SPOT),
    "side": _json | st.sampled_from(["BUY", "back", "SELL"]),
    "quantity": _json | st.just("1"),
    "strategy_id": _json | st.just("s"),
}
_optional = {
    "order_type": _json | st.just("LIMIT"),
    "price": _json | st.just(1),
    "exec_algorithm": _json | st.just("TWAP"),
    "params": _json | st.just({"horizon_secs": 1}),
}


def outcome(read: Callable[[], Signals]) -> Signals | InvalidInput:
    """What reading gives: signals, or the one error that it may end in."""
    try:
        return read()
    except InvalidInput as error:
        return error


@settings(max_examples=500)
@given(st.lists(st.fixed_dictionaries(_values, optional=_optional) | _json, max_size=4))
def test_whatever_a_row_holds_it_is_a_signal_or_an_error_that_names_it(rows: list[Any]) -> None:
    found = outcome(lambda: signals_of_rows(iter(rows)))
    if isinstance(found, InvalidInput):
        assert found.faults
        assert all(fault.path.startswith("[") for fault in found.faults)
    else:
        assert len(found.signals) + found.unchanged == len(rows)
        assert [each.time_ns for each in found.signals] == sorted(each.time_ns for each in found.signals)


@given(st.binary(max_size=60) | st.sampled_from([b"[", b"{}", b"[{}", b"null", b"1e999", b'{"signals": 1}']))
def test_whatever_a_file_holds_it_is_read_or_named(data: bytes) -> None:
    store = open_store(f"memory://{uuid4().hex}")
    for name in ("a.json", "a.parquet"):
        store.put(name, data)
        found = outcome(partial(read_signals, store, name))
        assert name in str(found) if isinstance(found, InvalidInput) else found.signals == ()


@pytest.mark.parametrize("params", [[1, 2], [["a"]], [[{}, 1]], [[1, 2]], ["ab"]])
def test_parameters_that_are_no_pairs_are_named(store: ObjectStore, params: list[Any]) -> None:
    with pytest.raises(InvalidInput, match=r"\[0\]\.params: must be an object"):
        read_signals(store, put(store, [row(params=params)]))
