"""Reading windows of recorded ticks from stores: the events of a full read, less what lies outside, for fewer bytes."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from liveexec.domain.ids import InstrumentId
from liveexec.domain.object_store import ObjectInfo, ObjectStore
from liveexec.domain.recorded import MarketEvent, SourceBook, SourceTrade, TickKind
from liveexec.errors import InvalidInput
from liveexec.replay.market import events_of
from liveexec.replay.recorded_market import RecordedTicks
from liveexec.storage.objects.opening import open_store
from liveexec.storage.ticks.footers import FooterCache
from liveexec.storage.ticks.layout import tick_files
from liveexec.storage.ticks.reader import WindowedMarket
from liveexec.storage.ticks.windows import Window
from liveexec.venues.paper.parquet import RecordedMarket

SPOT = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
LINEAR = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN")
INVERSE = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USD@INV")
ALL = (SPOT, LINEAR, INVERSE)
SECOND_NS = 1_000_000_000
T0_NS = 1_723_161_300 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS


@pytest.fixture(scope="module")
def recorded() -> Path:
    default = Path(__file__).parents[7] / "shared" / "data"
    folder = Path(os.environ.get("LIVEEXEC_TEST_DATA", default)) / "market"
    if not folder.is_dir():
        pytest.skip(f"no recorded market at {folder}: set LIVEEXEC_TEST_DATA to the folder with the test data")
    return folder.resolve()


@pytest.fixture(scope="module")
def full(recorded: Path) -> list[MarketEvent]:
    return list(RecordedMarket(recorded, ALL).events())


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, recorded: Path) -> ObjectStore:
    on_disk = open_store(recorded.as_uri())
    if request.param == "file":
        return on_disk
    in_memory = open_store(f"memory://{uuid4().hex}/market")
    for file, _ in tick_files(on_disk):
        in_memory.put(file.path, on_disk.get(file.path))
    return in_memory


def words(events: Iterable[MarketEvent]) -> list[str]:
    return [repr(event) for event in events]


def day_windows() -> Window:
    """The recorded day and what its files hold of the next one: they are cut by when ticks arrived."""
    start_ns = T0_NS - T0_NS % DAY_NS
    return Window(start_ns, start_ns + DAY_NS + 10 * SECOND_NS)


def test_a_window_over_everything_gives_what_a_full_read_gives(store: ObjectStore, full: list[MarketEvent]) -> None:
    market = WindowedMarket(store, dict.fromkeys(ALL, (day_windows(),)))
    assert words(market.events()) == words(full)
    assert market.count.rows == len(full)
    assert market.count.bytes_of_full_read == sum(size for _, size in tick_files(store))
    assert market.count.bytes_read < market.count.bytes_of_full_read


def test_windows_give_the_events_within_them(store: ObjectStore, full: list[MarketEvent]) -> None:
    windows = {
        SPOT: (Window(T0_NS, T0_NS + 20 * SECOND_NS), Window(T0_NS + 60 * SECOND_NS, T0_NS + 61 * SECOND_NS)),
        INVERSE: (Window(T0_NS + 10 * SECOND_NS, T0_NS + 40 * SECOND_NS),),
    }
    market = WindowedMarket(store, windows)
    wanted = [
        event
        for event in full
        if any(each.start_ns <= event.time_ns < each.end_ns for each in windows.get(event.instrument_id, ()))
    ]
    found = list(market.events())
    assert words(found) == words(wanted)
    assert {type(event) for event in found} == {SourceBook, SourceTrade}
    assert market.start_ns == T0_NS
    assert market.instruments == (SPOT, INVERSE)
    whole = WindowedMarket(store, dict.fromkeys((SPOT, INVERSE), (day_windows(),)))
    assert len(list(whole.events())) > len(found)
    assert market.count.bytes_read < whole.count.bytes_read


class Counting:
    """A store that notes what was asked of it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.asked = 0

    @property
    def url(self) -> str:
        return self._store.url

    def head(self, path: str) -> ObjectInfo:
        return self._store.head(path)

    def get(self, path: str) -> bytes:
        raise AssertionError(f"all of {path} was asked for")

    def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        self.asked += sum(end - start for start, end in ranges)
        return self._store.get_ranges(path, ranges)

    def put(self, path: str, data: Any, *, replace: bool = False) -> None:
        raise AssertionError(f"{path} was written")

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix)


def test_the_bytes_that_are_counted_are_those_that_were_asked_for(store: ObjectStore) -> None:
    counting = Counting(store)
    market = WindowedMarket(counting, {LINEAR: (Window(T0_NS, T0_NS + 5 * SECOND_NS),)})
    assert list(market.events())
    assert market.count.bytes_read == counting.asked > 0


def test_a_footer_that_is_known_costs_nothing_again(store: ObjectStore, tmp_path: Path) -> None:
    windows = {LINEAR: (Window(T0_NS, T0_NS + 5 * SECOND_NS),)}
    footers = FooterCache(tmp_path)
    first = WindowedMarket(store, windows, footers=footers)
    again = WindowedMarket(store, windows, footers=footers)
    other_process = WindowedMarket(store, windows, footers=FooterCache(tmp_path))
    assert first.count.bytes_read > 0
    assert again.count.bytes_read == other_process.count.bytes_read == 0
    assert words(again.events()) == words(first.events()) == words(other_process.events())


def test_a_footer_on_disk_that_was_changed_is_read_again(store: ObjectStore, tmp_path: Path) -> None:
    windows = {LINEAR: (Window(T0_NS, T0_NS + 5 * SECOND_NS),)}
    first = WindowedMarket(store, windows, footers=FooterCache(tmp_path))
    for kept in tmp_path.iterdir():
        kept.write_bytes(kept.read_bytes()[:-20])
    again = WindowedMarket(store, windows, footers=FooterCache(tmp_path))
    assert again.count.bytes_read == first.count.bytes_read > 0


def test_shallow_books_are_the_first_levels_for_fewer_bytes(store: ObjectStore) -> None:
    windows = {SPOT: (Window(T0_NS, T0_NS + 20 * SECOND_NS),)}
    deep = WindowedMarket(store, windows, kinds=[TickKind.BOOKS])
    shallow = WindowedMarket(store, windows, kinds=[TickKind.BOOKS], depth=2)
    pairs = zip(deep.events(), shallow.events(), strict=True)
    for one, other in pairs:
        assert isinstance(one, SourceBook)
        assert isinstance(other, SourceBook)
        assert (other.bids, other.asks) == (one.bids[:2], one.asks[:2])
    assert shallow.count.bytes_read < deep.count.bytes_read


def _write(
    store: ObjectStore,
    kind: TickKind,
    rows: dict[str, list[Any]],
    day: str = "2024-01-01",
    instrument_id: InstrumentId = SPOT,
    **options: Any,
) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(rows), sink, **options)
    path = f"raw_tick_data/by_date/day-{day}/{kind}/{instrument_id}.parquet"
    store.put(path, sink.getvalue().to_pybytes())


def _trades(times_us: list[int]) -> dict[str, list[Any]]:
    count = len(times_us)
    return {"timestamp": times_us, "price": [1.5] * count, "amount": [2.0] * count, "side": ["buy"] * count}


MIDNIGHT_US = 1_704_153_600_000_000  # 2024-01-02


@pytest.fixture
def bare() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}")


def test_a_window_over_midnight_reads_both_days(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 2, MIDNIGHT_US - 1]))
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US, MIDNIGHT_US + 5]), "2024-01-02")
    window = Window(MIDNIGHT_US * 1_000 - 1_000, MIDNIGHT_US * 1_000 + 5_000)
    market = WindowedMarket(bare, {SPOT: (window,)}, kinds=[TickKind.TRADES])
    assert [event.time_ns // 1_000 - MIDNIGHT_US for event in market.events()] == [-1, 0]


def test_a_window_that_reaches_into_a_day_without_files_ends_with_the_day_that_has_them(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US, MIDNIGHT_US + 5]), "2024-01-02")
    window = Window(MIDNIGHT_US * 1_000 - 60_000_000_000, MIDNIGHT_US * 1_000 + 60_000_000_000)
    assert len(list(WindowedMarket(bare, {SPOT: (window,)}, kinds=[TickKind.TRADES]).events())) == 2


def _past_midnight(event: MarketEvent) -> tuple[InstrumentId, int]:
    return event.instrument_id, event.time_ns // 1_000 - MIDNIGHT_US


@pytest.mark.parametrize(("start", "end", "wanted"), [(1, 9, [2, 5]), (-9, 0, [-3, -1])])
def test_near_midnight_rows_are_found_in_the_file_of_the_day_beyond(
    bare: ObjectStore, start: int, end: int, wanted: list[int]
) -> None:
    # Files are cut by arrival: one has ticks of after its day, the other of before.
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 3, MIDNIGHT_US + 2]))
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 1, MIDNIGHT_US + 5]), "2024-01-02")
    window = Window((MIDNIGHT_US + start) * 1_000, (MIDNIGHT_US + end) * 1_000)
    market = WindowedMarket(bare, {SPOT: (window,)}, kinds=[TickKind.TRADES])
    assert [_past_midnight(event) for event in market.events()] == [(SPOT, each) for each in wanted]
    assert len(market.plans) == 2


def test_a_file_beyond_midnight_without_rows_of_the_window_costs_its_footer(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 3]))
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US + 5]), "2024-01-02")
    window = Window((MIDNIGHT_US + 1) * 1_000, (MIDNIGHT_US + 9) * 1_000)
    market = WindowedMarket(bare, {SPOT: (window,)}, kinds=[TickKind.TRADES])
    (plan,) = market.plans
    assert f"{plan.file.day}" == "2024-01-02"
    assert (market.count.bytes_of_full_read, market.count.requests) == (plan.size, 2)


def test_a_file_beyond_midnight_does_not_stand_for_one_that_is_missing(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 3, MIDNIGHT_US + 2]))
    window = Window((MIDNIGHT_US + 1) * 1_000, (MIDNIGHT_US + 9) * 1_000)
    with pytest.raises(InvalidInput, match=r"day-2024-01-02/.* is missing"):
        WindowedMarket(bare, {SPOT: (window,)}, kinds=[TickKind.TRADES])


def test_over_midnight_times_never_fall_whichever_file_a_row_is_in(bare: ObjectStore) -> None:
    # One recorder's clock is behind its venue's, the other one's ahead.
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 4, MIDNIGHT_US + 6, MIDNIGHT_US + 6]))
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US + 5, MIDNIGHT_US + 9]), "2024-01-02")
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 7]), instrument_id=LINEAR)
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 2, MIDNIGHT_US + 1]), "2024-01-02", LINEAR)
    window = Window((MIDNIGHT_US - 10) * 1_000, (MIDNIGHT_US + 10) * 1_000)
    wanted = [(LINEAR, -7), (SPOT, -4), (LINEAR, -2), (LINEAR, 1), (SPOT, 6), (SPOT, 6), (SPOT, 6), (SPOT, 9)]
    windows = {SPOT: (window,), LINEAR: (window,)}
    market = WindowedMarket(bare, windows, kinds=[TickKind.TRADES])
    assert [_past_midnight(event) for event in market.events()] == wanted
    chunks = list(RecordedTicks(WindowedMarket(bare, windows, kinds=[TickKind.TRADES])).chunks())
    assert [_past_midnight(event) for event in events_of(chunks)] == wanted
    assert all(one.end_ns < other.start_ns for one, other in pairwise(chunks))


def test_a_trade_that_is_none_is_named_by_its_own_day(bare: ObjectStore) -> None:
    rows = _trades([MIDNIGHT_US + 5, MIDNIGHT_US + 9])
    rows["amount"][1] = float("nan")
    _write(bare, TickKind.TRADES, _trades([MIDNIGHT_US - 4, MIDNIGHT_US - 3]))
    _write(bare, TickKind.TRADES, rows, "2024-01-02")
    window = Window((MIDNIGHT_US - 10) * 1_000, (MIDNIGHT_US + 10) * 1_000)
    market = WindowedMarket(bare, {SPOT: (window,)}, kinds=[TickKind.TRADES])
    for events in (market.events(), events_of(RecordedTicks(market).chunks())):
        with pytest.raises(InvalidInput, match=r"day-2024-01-02/.*row 1: "):
            list(events)


def test_row_groups_without_statistics_are_read_and_filtered(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, _trades(list(range(1, 101))), "1970-01-01", write_statistics=False, row_group_size=10)
    market = WindowedMarket(bare, {SPOT: (Window(20_000, 23_000),)}, kinds=[TickKind.TRADES])
    assert [event.time_ns for event in market.events()] == [20_000, 21_000, 22_000]


def test_row_groups_outside_of_the_windows_are_not_read(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, _trades(list(range(1, 101))), "1970-01-01", row_group_size=10)
    market = WindowedMarket(bare, {SPOT: (Window(20_000, 23_000), Window(90_000, 91_000))}, kinds=[TickKind.TRADES])
    (plan,) = market.plans
    assert [group.index for group in plan.groups] == [1, 2, 8]
    assert [event.time_ns // 1_000 for event in market.events()] == [20, 21, 22, 90]


def test_times_of_an_unsorted_file_never_fall(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, _trades([5, 3, 9, 7]), "1970-01-01")
    market = WindowedMarket(bare, {SPOT: (Window(4_000, 9_000),)}, kinds=[TickKind.TRADES])
    times = [event.time_ns for event in market.events()]
    assert times == [5_000, 7_000]
    assert all(one <= other for one, other in pairwise(times))


def test_every_fault_of_every_file_is_named_at_once(bare: ObjectStore) -> None:
    _write(bare, TickKind.TRADES, {"timestamp": [1.5], "price": [1.0]}, "1970-01-01")
    bare.put(f"raw_tick_data/by_date/day-1970-01-01/{TickKind.BOOKS}/{SPOT}.parquet", b"not parquet at all")
    window = (Window(1, 2),)
    with pytest.raises(InvalidInput) as caught:
        WindowedMarket(bare, {SPOT: window, LINEAR: window})
    said = {(fault.path.split("/", 1)[1], fault.message) for fault in caught.value.faults}
    assert said == {
        (f"{TickKind.TRADES}/{SPOT}.parquet", "has no column amount"),
        (f"{TickKind.TRADES}/{SPOT}.parquet", "has no column side"),
        (f"{TickKind.TRADES}/{SPOT}.parquet", "timestamp must be int64 microseconds, not double"),
        (f"{TickKind.BOOKS}/{SPOT}.parquet", "is no parquet file, or a broken one"),
        (f"{TickKind.TRADES}/{LINEAR}.parquet", "is missing"),
        (f"{TickKind.BOOKS}/{LINEAR}.parquet", "is missing"),
    }


def test_a_trade_that_is_none_is_named_by_its_row_in_the_file(bare: ObjectStore) -> None:
    rows = _trades(list(range(1, 31)))
    rows["price"][25] = float("nan")
    _write(bare, TickKind.TRADES, rows, "1970-01-01", row_group_size=10)
    market = WindowedMarket(bare, {SPOT: (Window(24_000, 30_000),)}, kinds=[TickKind.TRADES])
    with pytest.raises(InvalidInput, match="row 25"):
        list(market.events())


def test_without_windows_there_is_no_market(bare: ObjectStore) -> None:
    market = WindowedMarket(bare, {SPOT: ()})
    assert (list(market.events()), market.instruments, market.start_ns) == ([], (), 0)
