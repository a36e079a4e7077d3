"""Tick files anew: rows sorted by time, in row groups cut on the minute, so that a window is read without its day.

A file is read in parts that overlap in time no more than its rows do, so that a day takes about as much memory as its
file has bytes. Rows of one time keep their order. What was written is compared with what was read, bit by bit,
before anybody sees it. A file that is laid out already is left as it is.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from liveexec.domain.object_store import ObjectInfo, ObjectStore
from liveexec.errors import Fault, InvalidInput, ObjectNotFound
from liveexec.storage.objects.extra import needed
from liveexec.storage.ticks.footers import Footer, FooterCache
from liveexec.storage.ticks.layout import TickFile
from liveexec.storage.ticks.ranged_file import RangedFile
from liveexec.storage.ticks.row_groups import TIME_COLUMN, chunk_ranges, group_times_us, merged_ranges

__all__ = ["LAYOUT", "LaidOut", "is_laid_out", "lay_out"]

#: The mark of a file that was laid out so, in the key-value metadata of its footer.
LAYOUT: Final = (b"liveexec.layout", b"minutes-1")
#: Which file it was made of.
_SOURCE: Final = b"liveexec.source"
#: Quiet minutes share a row group until it has so many rows; a busy one has its own, however many it has.
LEAST_ROWS: Final = 4_096
_MINUTE_US: Final = 60_000_000
_ROW: Final = "__row"


@frozen
class LaidOut:
    """What became of a file. ``is_new`` is false for one that was laid out already."""

    file: TickFile
    rows: int
    groups_before: int
    groups: int
    bytes_before: int
    bytes: int
    is_new: bool


def is_laid_out(metadata: Any) -> bool:
    """Whether a file's footer says that its rows lie by minutes."""
    return bool((metadata.metadata or {}).get(LAYOUT[0]) == LAYOUT[1])


def lay_out(source: ObjectStore, file: TickFile, target: ObjectStore) -> LaidOut:
    """Lay a file out, into the target, or where it lies when the target is its own store.

    Raises:
        ObjectNotFound: there is no such file.
        ObjectExists: the target has a file of that name that was not made of this one.
        InvalidInput: it is no file of ticks, or what was written is not what was read; nothing was put then.
    """
    footers = FooterCache()
    before = footers.footer(source, file.path)
    in_place = source.url == target.url
    there = before if in_place else _footer_in(footers, target, file.path)
    if there is not None and is_laid_out(there.metadata) and (in_place or _is_made_of(there, before.info)):
        return _laid_out(file, before, there.metadata, there.info.size, is_new=False)
    _check(before, file)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "laid-out.parquet"
        _write(source, before, path)
        metadata = _verify(source, before, path, file)
        data = path.read_bytes()
    target.put(file.path, data, replace=in_place)
    return _laid_out(file, before, metadata, len(data), is_new=True)


def _laid_out(file: TickFile, before: Footer, metadata: Any, size: int, *, is_new: bool) -> LaidOut:
    old = before.metadata
    return LaidOut(file, old.num_rows, old.num_row_groups, metadata.num_row_groups, before.info.size, size, is_new)


def _footer_in(footers: FooterCache, store: ObjectStore, path: str) -> Footer | None:
    try:
        return footers.footer(store, path)
    except ObjectNotFound:
        return None


def _is_made_of(there: Footer, source: ObjectInfo) -> bool:
    return (there.metadata.metadata or {}).get(_SOURCE) == _mark_of(source)


def _mark_of(source: ObjectInfo) -> bytes:
    return f"{source.size} {source.etag or ''}".encode()


def _check(footer: Footer, file: TickFile) -> None:
    schema = footer.metadata.schema.to_arrow_schema()
    if TIME_COLUMN not in schema.names:
        raise InvalidInput(file.name, [Fault(TIME_COLUMN, "is no column")])
    if str(schema.field(TIME_COLUMN).type) != "int64":
        raise InvalidInput(file.name, [Fault(TIME_COLUMN, "must be int64 microseconds")])


def _write(source: ObjectStore, footer: Footer, path: Path) -> None:
    pq = needed("pyarrow.parquet", "laying out tick files")
    schema = footer.metadata.schema.to_arrow_schema()
    schema = schema.with_metadata({**(schema.metadata or {}), LAYOUT[0]: LAYOUT[1], _SOURCE: _mark_of(footer.info)})
    times = [name for name in schema.names if str(schema.field(name).type) == "int64"]
    others = [name for name in schema.names if name not in times]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=others,
        column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
        # Statistics of prices would make a footer of thousands of groups several times as long, and nobody asks.
        write_statistics=[TIME_COLUMN],
    ) as writer:
        for table in _minutes(source, footer):
            writer.write_table(table, row_group_size=table.num_rows)


def _verify(source: ObjectStore, footer: Footer, path: Path, file: TickFile) -> Any:
    """Compare what was written with the source, which is read a second time; the footer of what was written."""
    pq = needed("pyarrow.parquet", "laying out tick files")
    with pq.ParquetFile(path) as written:
        count = 0
        for table in _minutes(source, footer):
            if count == written.num_row_groups or not _same_bits(table, written.read_row_group(count)):
                raise InvalidInput(file.name, [Fault("", f"row group {count} is not what was read; nothing was put")])
            count += 1
        if (count, footer.metadata.num_rows) != (written.num_row_groups, written.metadata.num_rows):
            raise InvalidInput(file.name, [Fault("", "rows were lost or added; nothing was put")])
        return written.metadata


def _minutes(source: ObjectStore, footer: Footer) -> Iterator[Any]:
    """The rows by time, in tables of whole minutes."""
    pa, pc = needed("pyarrow", "laying out tick files"), needed("pyarrow.compute", "laying out tick files")
    waiting: Any = None
    for table in _sorted_runs(source, footer):
        table = table if waiting is None else pa.concat_tables([waiting, table])  # noqa: PLW2901  (what is left over)
        minutes = pc.divide(table.column(TIME_COLUMN).combine_chunks(), _MINUTE_US)
        ends = pc.run_end_encode(minutes).run_ends.to_pylist()
        start = 0
        # The last minute may go on in the next run.
        for end in ends[:-1]:
            if end - start >= LEAST_ROWS:
                yield table.slice(start, end - start)
                start = end
        waiting = table.slice(start)
    if waiting is not None and waiting.num_rows:
        yield waiting


def _sorted_runs(source: ObjectStore, footer: Footer) -> Iterator[Any]:
    """The rows by time, in tables that end where the next row group could still begin."""
    pa, pc = needed("pyarrow", "laying out tick files"), needed("pyarrow.compute", "laying out tick files")
    first_rows = _first_rows(footer.metadata)
    times = group_times_us(footer.metadata)
    # A group without statistics may begin anywhere: it comes first, and nothing is given out before it was read.
    order = sorted(range(len(times)), key=lambda index: (times[index] or (-(2**63), 0))[0])
    pending: list[Any] = []
    seen: list[Any] = []
    for position, index in enumerate(order):
        table = _read_group(source, footer, index)
        numbers = pa.array(range(first_rows[index], first_rows[index] + table.num_rows), pa.int64())
        pending.append(table.append_column(_ROW, numbers))
        if position + 1 < len(order):
            following = times[order[position + 1]]
            if following is None:
                continue
            # Only these can't be followed by an earlier row any more; the others wait, unsorted.
            split = [_before(each, following[0]) for each in pending]
            ready, pending = [one for one, _ in split], [other for _, other in split if other.num_rows]
        else:
            ready, pending = pending, []
        run = pa.concat_tables(ready).sort_by([(TIME_COLUMN, "ascending"), (_ROW, "ascending")])
        seen.append(run.column(_ROW))
        yield run.drop_columns([_ROW])
    rows = pa.chunked_array([chunk for column in seen for chunk in column.chunks], pa.int64())
    total = footer.metadata.num_rows
    bounds = pc.min_max(rows).as_py()
    if (len(rows), pc.count_distinct(rows).as_py()) != (total, total) or (
        total and (bounds["min"], bounds["max"]) != (0, total - 1)
    ):
        raise InvalidInput(footer.info.path, [Fault("", "rows were lost or read twice; nothing was put")])


def _before(table: Any, time_us: int) -> tuple[Any, Any]:
    """The rows before a time, and the others."""
    pc = needed("pyarrow.compute", "laying out tick files")
    is_before = pc.less(table.column(TIME_COLUMN), time_us)
    if pc.all(is_before).as_py():
        return table, table.slice(0, 0)
    return table.filter(is_before), table.filter(pc.invert(is_before))


def _read_group(source: ObjectStore, footer: Footer, index: int) -> Any:
    pq = needed("pyarrow.parquet", "laying out tick files")
    ranges = merged_ranges(chunk_ranges(footer.metadata, index), 0)
    file = RangedFile(footer.info.size, ranges, source.get_ranges(footer.info.path, ranges))
    with pq.ParquetFile(file, metadata=footer.metadata, pre_buffer=False) as opened:
        table = opened.read_row_group(index)
    if table.column(TIME_COLUMN).null_count:
        raise InvalidInput(footer.info.path, [Fault(TIME_COLUMN, f"is empty in a row of row group {index}")])
    return table


def _first_rows(metadata: Any) -> list[int]:
    found, row = [], 0
    for index in range(metadata.num_row_groups):
        found.append(row)
        row += metadata.row_group(index).num_rows
    return found


def _same_bits(one: Any, other: Any) -> bool:
    """Whether two tables hold the same, a NaN being the same as itself."""
    pa = needed("pyarrow", "laying out tick files")
    if one.column_names != other.column_names or one.num_rows != other.num_rows:
        return False
    for name in one.column_names:
        pair = [column.combine_chunks() for column in (one.column(name), other.column(name))]
        if pa.types.is_float64(pair[0].type):
            pair = [each.view(pa.int64()) for each in pair]
        if not pair[0].equals(pair[1]):
            return False
    return True
