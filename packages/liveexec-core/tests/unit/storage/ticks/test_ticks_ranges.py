"""Ranges of bytes: merged without losing any, and a file of fetched parts that gives nothing else."""

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.storage.ticks.ranged_file import RangedFile
from liveexec.storage.ticks.row_groups import merged_ranges

_ranges = st.lists(
    st.tuples(st.integers(0, 90), st.integers(1, 10)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    min_size=1,
    max_size=10,
)


@given(_ranges, st.integers(0, 20))
def test_merged_ranges_hold_every_byte_and_no_gap_that_is_larger(ranges: list[tuple[int, int]], gap: int) -> None:
    found = merged_ranges(ranges, gap)
    asked = {at for start, end in ranges for at in range(start, end)}
    read = {at for start, end in found for at in range(start, end)}
    assert asked <= read
    assert all(other[0] - one[1] > gap for one, other in pairwise(found))
    if gap == 0:
        assert asked == read


@given(_ranges, st.data())
def test_a_ranged_file_gives_what_was_fetched(ranges: list[tuple[int, int]], data: st.DataObject) -> None:
    whole = bytes(range(100))
    fetched = merged_ranges(ranges, 0)
    file = RangedFile(100, fetched, [whole[start:end] for start, end in fetched])
    start, end = data.draw(st.sampled_from(fetched))
    first = data.draw(st.integers(start, end - 1))
    file.seek(first)
    assert file.read(end - first) == whole[first:end]
    assert file.tell() == end


def test_reading_what_was_not_fetched_is_an_error() -> None:
    file = RangedFile(100, [(10, 20)], [bytes(10)])
    for start in (0, 5, 15, 20, 60):
        file.seek(start)
        with pytest.raises(EOFError, match="not fetched"):
            file.read(10)
    assert file.seek(-2, io.SEEK_END) == 98


def test_a_part_of_another_length_says_that_the_file_changed() -> None:
    with pytest.raises(EOFError, match="has changed"):
        RangedFile(100, [(10, 20)], [bytes(9)])
