"""Tick files laid out by the minute: the same rows, sorted, verified, and left alone the second time."""

import datetime as dt
import math
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId
from liveexec.domain.object_store import ObjectStore
from liveexec.domain.recorded import TickKind
from liveexec.errors import InvalidInput, ObjectExists, ObjectNotFound
from liveexec.storage.objects.opening import open_store
from liveexec.storage.ticks import relayout
from liveexec.storage.ticks.layout import TickFile, tick_files
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.relayout import LEAST_ROWS, is_laid_out, lay_out
from liveexec.storage.ticks.windows import Window

SPOT = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
FILE = TickFile(dt.date(1970, 1, 1), TickKind.TRADES, SPOT)
MINUTE_US = 60_000_000


def store() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}")


def trades(times: list[int], **columns: Any) -> pa.Table:
    """Trades whose prices tell the rows apart, by where they stood."""
    count = len(times)
    return pa.table(
        {
            "timestamp": pa.array(times, pa.int64()),
            "price": [float(number + 1) for number in range(count)],
            "amount": [1.0] * count,
            "side": ["buy" if number % 2 else None for number in range(count)],
            **columns,
        }
    )


def put(where: ObjectStore, table: pa.Table, *, file: TickFile = FILE, replace: bool = False, **options: Any) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    where.put(file.path, sink.getvalue().to_pybytes(), replace=replace)


def opened(where: ObjectStore) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(where.get(FILE.path)))


def row_words(table: pa.Table) -> list[str]:
    return [repr(row) for row in table.to_pylist()]


@given(
    st.lists(st.integers(0, 5 * MINUTE_US), max_size=60),
    st.integers(1, 20),
    st.booleans(),
    st.integers(1, 25),
)
def test_rows_are_the_same_sorted_and_no_minute_is_cut(
    times: list[int], group_rows: int, has_statistics: bool, least_rows: int
) -> None:
    source, target = store(), store()
    table = trades(times)
    put(source, table, row_group_size=group_rows, write_statistics=has_statistics)
    before = relayout.LEAST_ROWS
    try:
        relayout.LEAST_ROWS = least_rows  # type: ignore[misc]  # small groups, so that few rows make many
        done = lay_out(source, FILE, target)
    finally:
        relayout.LEAST_ROWS = before  # type: ignore[misc]
    with opened(target) as file:
        found = file.read()
        # The sort is stable: rows of one time stay in the order of the file.
        order = sorted(range(len(times)), key=lambda number: times[number])
        assert row_words(found) == row_words(table.take(pa.array(order, pa.int64())))
        minutes = [
            {row["timestamp"] // MINUTE_US for row in file.read_row_group(number).to_pylist()}
            for number in range(file.num_row_groups)
        ]
        assert all(not (one & other) for number, one in enumerate(minutes) for other in minutes[number + 1 :])
        rows = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        assert all(count >= least_rows for count in rows[:-1])
    assert (done.rows, done.groups, done.is_new) == (len(times), len(rows), True)


def test_it_is_left_alone_the_second_time_in_place_and_elsewhere() -> None:
    source, target = store(), store()
    put(source, trades([3, 1, 2]))
    assert lay_out(source, FILE, target).is_new
    written = target.get(FILE.path)
    assert not lay_out(source, FILE, target).is_new
    assert not lay_out(target, FILE, target).is_new
    assert target.get(FILE.path) == written
    assert lay_out(source, FILE, source).is_new
    assert is_laid_out(opened(source).metadata)


def test_a_file_of_another_source_is_never_written_over() -> None:
    source, target = store(), store()
    put(source, trades([3, 1, 2]))
    lay_out(source, FILE, target)
    put(source, trades([3, 1, 2, 4]), replace=True)
    written = target.get(FILE.path)
    with pytest.raises(ObjectExists):
        lay_out(source, FILE, target)
    assert target.get(FILE.path) == written


def test_a_window_of_a_laid_out_file_is_read_without_the_rest() -> None:
    source, target = store(), store()
    times = [minute * MINUTE_US + number * 1_000 for minute in range(10) for number in range(LEAST_ROWS)]
    put(source, trades(times[::-1]))
    lay_out(source, FILE, target)
    window = Window(3 * MINUTE_US * 1_000, 5 * MINUTE_US * 1_000)
    wanted = {SPOT: (window,)}
    markets = [WindowedMarket(each, wanted, kinds=[TickKind.TRADES]) for each in (source, target)]
    assert len(markets[1].plans[0].groups) == 2
    before, after = ([(event.time_ns, repr(event)) for event in market.events()] for market in markets)
    assert sorted(after) == after
    assert len(after) == 2 * LEAST_ROWS
    # The unsorted file runs backwards: every time of it counts as the highest before.
    assert len(before) == len(after)
    assert markets[1].count.bytes_read < markets[0].count.bytes_read / 3


def test_numbers_that_are_none_and_every_column_stay_as_they_are() -> None:
    source, target = store(), store()
    odd = {"extra": [math.nan, None, -0.0], "id": ["c", None, "a"], "exchange": ["x"] * 3}
    put(source, trades([3, 1, 2], **odd))
    lay_out(source, FILE, target)
    found = opened(target).read()
    assert found.column_names == ["timestamp", "price", "amount", "side", "extra", "id", "exchange"]
    assert [repr(value) for value in found.column("extra").to_pylist()] == ["None", "-0.0", "nan"]
    assert found.column("id").to_pylist() == [None, "a", "c"]


def test_what_is_not_written_as_it_was_read_is_never_put(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = store(), store()
    put(source, trades([3, 1, 2]))
    write = pq.ParquetWriter.write_table

    def bad(writer: pq.ParquetWriter, table: pa.Table, **options: Any) -> None:
        """A writer that loses a digit."""
        price = table.column_names.index("price")
        write(writer, table.set_column(price, "price", pa.array([9.0] * table.num_rows)), **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", bad)
    with pytest.raises(InvalidInput, match="row group 0 is not what was read; nothing was put"):
        lay_out(source, FILE, target)
    with pytest.raises(ObjectNotFound):
        target.head(FILE.path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (pa.table({"price": [1.0]}), "timestamp: is no column"),
        (pa.table({"timestamp": [1.5]}), "timestamp: must be int64"),
        (pa.table({"timestamp": pa.array([1, None], pa.int64())}), "is empty in a row"),
    ],
)
def test_a_file_that_holds_no_ticks_is_named(table: pa.Table, says: str) -> None:
    source = store()
    put(source, table)
    with pytest.raises(InvalidInput, match=says):
        lay_out(source, FILE, store())


def test_a_listing_of_tick_files_passes_over_what_is_none() -> None:
    where = store()
    put(where, trades([1]))
    where.put("raw_tick_data/by_date/day-1970-01-01/data_type-trades/README.parquet", b"")
    where.put("raw_tick_data/by_date/day-1970-01-01/data_type-trades/notes.txt", b"")
    assert [file for file, _ in tick_files(where)] == [FILE]
    assert list(tick_files(where, dt.date(1970, 1, 2))) == []
