"""The market around signals: recorded books and trades of a few windows, read from an object store part by part.

What comes out is what reading everything would give, less what lies outside the windows. How many bytes were read for
it, and how many a full read would have cost, is counted as it happens.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final

from attrs import define, frozen

from liveexec.domain.ids import InstrumentId
from liveexec.domain.object_store import ObjectStore, StreamsTimeRanges
from liveexec.domain.recorded import (
    DEPTH,
    MICROSECOND_NS,
    KeyedEvent,
    MarketEvent,
    RowDecoder,
    TickKind,
    columns_of,
    decoder_of,
    in_order,
)
from liveexec.errors import Fault, InvalidInput, ObjectNotFound
from liveexec.storage.objects.extra import needed
from liveexec.storage.ticks.footers import Footer, FooterCache
from liveexec.storage.ticks.layout import TickFile, days_between
from liveexec.storage.ticks.ranged_file import RangedFile
from liveexec.storage.ticks.row_groups import TIME_COLUMN, GroupPlan, merged_ranges, plan_groups
from liveexec.storage.ticks.windows import Window, merged

__all__ = ["FilePlan", "TickReadCount", "WindowedMarket"]

#: Bytes between two parts that are read along rather than asked for in two requests.
MERGE_GAP: Final = 16 * 1024
#: Bytes of one file that are fetched, and held, at a time.
FETCH_BYTES: Final = 16 * 1024 * 1024
#: Rows that become Python objects at a time.
BATCH_ROWS: Final = 4_096
#: Files are cut by when ticks arrived, at a recorder's clock, and read by when they happened, at the venue's: so near
#: to midnight the rows of a window may be in the file of the day before or after.
NEAR_MIDNIGHT_NS: Final = 60 * 1_000_000_000


@define
class TickReadCount:
    """What reading has cost so far, against what reading the same files whole would have cost.

    ``is_exact`` is false where a store cuts out rows itself: what it read for them only it knows, and the size of what
    it gave is counted.
    """

    bytes_read: int = 0
    bytes_of_full_read: int = 0
    requests: int = 0
    rows: int = 0
    is_exact: bool = True


@frozen(eq=False)
class FilePlan:
    """What is read of one file of ``size`` bytes: row groups by its footer, or windows where the store cuts them out
    (then there is no footer)."""

    file: TickFile
    windows: tuple[Window, ...]
    size: int
    footer: Footer | None = None
    groups: tuple[GroupPlan, ...] = ()

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The bytes that will be asked for."""
        return [each for batch in _batches(self.groups) for each in _ranges_of(batch)]


class WindowedMarket:
    """The windows of recorded instruments, oldest first, as one market.

    ``depth`` is how many levels a side are read of books. A window that reaches into a day that was not recorded ends
    with the day that was; one without any file is a fault. Near midnight the file of the day beyond it is looked into
    as well, where there is one.

    Raises:
        InvalidInput: a file or a column is missing, or a file is none; every fault is named.
        ObjectStoreError: the store can't be read.
    """

    def __init__(
        self,
        store: ObjectStore,
        windows: Mapping[InstrumentId, Collection[Window]],
        *,
        kinds: Collection[TickKind] = tuple(TickKind),
        depth: int = DEPTH,
        footers: FooterCache | None = None,
    ) -> None:
        if not 1 <= depth <= DEPTH:
            raise InvalidInput("recorded market", [Fault("depth", f"must be between 1 and {DEPTH}")])
        self._store = store
        self._depth = depth
        self._windows = {instrument_id: merged(each) for instrument_id, each in windows.items() if each}
        self.count = TickReadCount()
        self.plans = tuple(self._planned(tuple(kinds), footers if footers is not None else FooterCache()))

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return tuple(self._windows)

    @property
    def windows(self) -> Mapping[InstrumentId, tuple[Window, ...]]:
        """What is read, by recorded instrument."""
        return self._windows

    @property
    def start_ns(self) -> int:
        """When the first window begins, UTC nanoseconds; 0 without one. No event is earlier."""
        return min((each[0].start_ns for each in self._windows.values()), default=0)

    def events(self) -> Iterator[MarketEvent]:
        """Every event of the windows in the order of their times; read, and counted, as it is asked for.

        Raises:
            InvalidInput: a trade is not a number above zero; the file and the row are named.
            ObjectStoreError: the store can't be read any more.
        """
        yield from in_order(self._events_of(plans) for plans in self.streams)

    @property
    def streams(self) -> tuple[tuple[FilePlan, ...], ...]:
        """The :attr:`plans` of each instrument's trades, and of its books, in the order of their days: one stream, of
        which times never fall. Days are not told apart otherwise, since the rows of one may be in the file of another.
        """
        # Plans are made by instrument, kind and day.
        by_stream = groupby(self.plans, key=lambda plan: (plan.file.instrument_id, plan.file.kind))
        return tuple(tuple(plans) for _, plans in by_stream)

    def tables(self, plan: FilePlan) -> Iterator[tuple[Any, Sequence[int]]]:
        """The rows of one of the :attr:`plans` that lie in its windows, as pyarrow tables with the columns of
        :meth:`columns`, each with its rows' numbers in the file; read, and counted, as it is asked for.

        Raises:
            ObjectStoreError: the store can't be read any more.
        """
        columns = self.columns(plan)
        found = self._cut_tables(plan, columns) if plan.footer is None else self._group_tables(plan, columns)
        for table, numbers in found:
            self.count.rows += table.num_rows
            yield table, numbers

    def columns(self, plan: FilePlan) -> tuple[str, ...]:
        """The columns that are read of a file, in the order in which :func:`decoder_of` takes a row."""
        return columns_of(plan.file.kind, self._depth)

    def decoder(self, plan: FilePlan, after_ns: int = 0) -> RowDecoder:
        """What makes events of the file's rows, none of them before ``after_ns``."""
        return decoder_of(plan.file.kind, plan.file.instrument_id, plan.file.name, self._depth, after_ns)

    def _planned(self, kinds: Sequence[TickKind], footers: FooterCache) -> Iterator[FilePlan]:
        faults: list[Fault] = []
        plans = []
        for instrument_id, windows in self._windows.items():
            for kind in (kind for kind in TickKind if kind in kinds):
                covered: set[Window] = set()
                for day, of_day in _by_day(windows).items():
                    file = TickFile(day, kind, instrument_id)
                    within = {window for window in of_day if day in days_between(window.start_ns, window.end_ns)}
                    try:
                        plan = self._plan_of(file, of_day, footers)
                    except ObjectNotFound:
                        continue
                    except InvalidInput as error:
                        covered.update(within)
                        faults += [Fault(file.name, fault.message) for fault in error.faults]
                        continue
                    covered.update(within)
                    if within or plan.footer is None or plan.groups:
                        self.count.bytes_of_full_read += plan.size
                        plans.append(plan)
                for window in windows:
                    if window not in covered:
                        missing = TickFile(next(days_between(window.start_ns, window.end_ns)), kind, instrument_id)
                        faults.append(Fault(missing.name, "is missing"))
        if faults:
            raise InvalidInput(f"recorded market {self._store.url}", dict.fromkeys(faults))
        yield from plans

    def _plan_of(self, file: TickFile, windows: tuple[Window, ...], footers: FooterCache) -> FilePlan:
        if isinstance(self._store, StreamsTimeRanges):
            return FilePlan(file, windows, self._store.head(file.path).size)
        footer = footers.footer(self._store, file.path)
        columns = columns_of(file.kind, self._depth)
        schema = footer.metadata.schema.to_arrow_schema()
        faults = [Fault("", f"has no column {name}") for name in columns if name not in schema.names]
        if TIME_COLUMN in schema.names and str(schema.field(TIME_COLUMN).type) != "int64":
            faults.append(Fault("", f"{TIME_COLUMN} must be int64 microseconds, not {schema.field(TIME_COLUMN).type}"))
        if faults:
            raise InvalidInput(file.name, faults)
        self.count.bytes_read += footer.bytes_read
        self.count.requests += footer.requests
        groups = plan_groups(footer.metadata, columns, windows)
        return FilePlan(file, windows, footer.info.size, footer, tuple(groups))

    def _events_of(self, plans: Sequence[FilePlan]) -> Iterator[KeyedEvent]:
        latest_ns = 0
        for plan in plans:
            columns, decode = self.columns(plan), self.decoder(plan, latest_ns)
            for table, numbers in self.tables(plan):
                for start in range(0, table.num_rows, BATCH_ROWS):
                    part = table.slice(start, BATCH_ROWS)
                    rows = zip(*(part.column(name).to_pylist() for name in columns), strict=True)
                    for number, row in zip(numbers[start : start + BATCH_ROWS], rows, strict=True):
                        keyed = decode(row, number)
                        latest_ns = keyed[0]
                        yield keyed

    def _group_tables(self, plan: FilePlan, columns: Sequence[str]) -> Iterator[tuple[Any, Sequence[int]]]:
        """The rows of the windows, a few row groups at a time, with their numbers in the file."""
        pq = needed("pyarrow.parquet", "reading parquet files")
        assert plan.footer is not None
        for batch in _batches(plan.groups):
            ranges = _ranges_of(batch)
            parts = self._store.get_ranges(plan.file.path, ranges)
            self.count.bytes_read += sum(end - start for start, end in ranges)
            self.count.requests += len(ranges)
            source = RangedFile(plan.size, ranges, parts)
            with pq.ParquetFile(source, metadata=plan.footer.metadata, pre_buffer=False) as file:
                for group in batch:
                    table = file.read_row_group(group.index, columns=list(columns), use_threads=False)
                    numbers = _within(table, plan.windows)
                    yield table.take(numbers), [group.first_row + each for each in numbers.to_pylist()]

    def _cut_tables(self, plan: FilePlan, columns: Sequence[str]) -> Iterator[tuple[Any, Sequence[int]]]:
        """The same from a store that cuts rows out itself; their numbers are those within what it gave."""
        assert isinstance(self._store, StreamsTimeRanges)
        pa = needed("pyarrow", "reading ticks")
        self.count.is_exact = False
        row = 0
        for window in plan.windows:
            start_us, end_us = -(-window.start_ns // MICROSECOND_NS), -(-window.end_ns // MICROSECOND_NS)
            self.count.requests += 1
            for given in self._store.rows_between(plan.file.path, columns, start_us, end_us):
                table = pa.table(given).select(list(columns))
                self.count.bytes_read += table.nbytes
                numbers = _within(table, (window,))
                yield table.take(numbers), [row + each for each in numbers.to_pylist()]
                row += table.num_rows


def _by_day(windows: Sequence[Window]) -> dict[date, tuple[Window, ...]]:
    """The windows of each UTC day that they touch or come near to; one over midnight belongs to both."""
    found: dict[date, list[Window]] = {}
    for window in windows:
        for day in days_between(max(0, window.start_ns - NEAR_MIDNIGHT_NS), window.end_ns + NEAR_MIDNIGHT_NS):
            found.setdefault(day, []).append(window)
    return {day: tuple(each) for day, each in found.items()}


def _batches(groups: Sequence[GroupPlan]) -> Iterator[list[GroupPlan]]:
    """The groups in runs of at most so many bytes, or of one."""
    batch: list[GroupPlan] = []
    size = 0
    for group in groups:
        length = sum(end - start for start, end in group.ranges)
        if batch and size + length > FETCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(group)
        size += length
    if batch:
        yield batch


def _ranges_of(batch: Sequence[GroupPlan]) -> list[tuple[int, int]]:
    return merged_ranges((each for group in batch for each in group.ranges), MERGE_GAP)


def _within(table: Any, windows: Sequence[Window]) -> Any:
    """The indices of the rows whose time is in a window."""
    pa, pc = needed("pyarrow", "reading ticks"), needed("pyarrow.compute", "reading ticks")
    times = table.column(TIME_COLUMN)
    mask = pa.chunked_array([pa.repeat(pa.scalar(False), table.num_rows)]) if table.num_rows else None
    bounds = pc.min_max(times).as_py()
    for window in windows if mask is not None else ():
        start_us, end_us = -(-window.start_ns // MICROSECOND_NS), -(-window.end_ns // MICROSECOND_NS)
        if bounds["min"] < end_us and start_us <= bounds["max"]:
            inside = pc.and_(pc.greater_equal(times, start_us), pc.less(times, end_us))
            mask = pc.or_(mask, inside)
    return pc.indices_nonzero(mask) if mask is not None else pa.array([], pa.uint64())
