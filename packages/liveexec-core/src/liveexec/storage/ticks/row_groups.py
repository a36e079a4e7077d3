"""Which row groups of a file hold a time, and where in the file the bytes of their columns are: pure calculation.

Times come from the statistics of the column ``timestamp``; a group without them may hold any time. A file whose rows
are sorted by time in small groups is read in parts as small (``liveexec data layout``).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from attrs import frozen

from liveexec.domain.object_store import ByteRange
from liveexec.domain.recorded import MICROSECOND_NS
from liveexec.storage.ticks.windows import Window

__all__ = ["TIME_COLUMN", "GroupPlan", "chunk_ranges", "group_times_us", "merged_ranges", "plan_groups"]

TIME_COLUMN: Final = "timestamp"


@frozen
class GroupPlan:
    """A row group that is to be read: its index, its first row's number in the file, and its columns' bytes."""

    index: int
    first_row: int
    rows: int
    ranges: tuple[ByteRange, ...]


def plan_groups(metadata: Any, columns: Sequence[str], windows: Sequence[Window]) -> list[GroupPlan]:
    """The groups that hold a time of a window, in the file's order, and the bytes of those columns in each.

    ``windows`` are merged ones.
    """
    wanted = set(columns)
    plans, first_row = [], 0
    for index, times_us in enumerate(group_times_us(metadata)):
        group = metadata.row_group(index)
        if _overlaps(times_us, windows):
            plans.append(GroupPlan(index, first_row, group.num_rows, tuple(chunk_ranges(metadata, index, wanted))))
        first_row += group.num_rows
    return plans


def chunk_ranges(metadata: Any, index: int, columns: Collection[str] | None = None) -> list[ByteRange]:
    """Where the columns of a row group are, or those of them that are asked for, in the file's order."""
    group = metadata.row_group(index)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return sorted(_chunk_range(each) for each in chunks if columns is None or each.path_in_schema in columns)


def group_times_us(metadata: Any) -> list[tuple[int, int] | None]:
    """Earliest and latest time of each row group, UTC microseconds; ``None`` where there are no statistics of it."""
    names = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
    number = names.index(TIME_COLUMN)
    times: list[tuple[int, int] | None] = []
    for index in range(metadata.num_row_groups):
        found = metadata.row_group(index).column(number).statistics
        has_times = found is not None and found.has_min_max and isinstance(found.min, int)
        times.append((found.min, found.max) if has_times else None)
    return times


def merged_ranges(ranges: Iterable[ByteRange], gap: int) -> list[ByteRange]:
    """The same bytes in fewer ranges: those that lie at most ``gap`` bytes apart become one."""
    found: list[ByteRange] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _overlaps(times_us: tuple[int, int] | None, windows: Sequence[Window]) -> bool:
    if times_us is None:
        return bool(windows)
    low_ns, high_ns = times_us[0] * MICROSECOND_NS, times_us[1] * MICROSECOND_NS
    return any(window.start_ns <= high_ns and low_ns < window.end_ns for window in windows)


def _chunk_range(chunk: Any) -> ByteRange:
    """Where a column chunk begins (at its dictionary, if it has one) and ends."""
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        start = min(start, chunk.dictionary_page_offset)
    return start, start + chunk.total_compressed_size
