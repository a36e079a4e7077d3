"""A list of fills is whole whether the client follows pages or not, and says so where it can't be."""

from collections.abc import Sequence

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from liveexec_nautilus.live.report_pages import all_fills

pytestmark = pytest.mark.anyio

PAGE = 5


@frozen
class Report:
    """As much of a fill report as is looked at."""

    trade_id: int
    ts_event: int
    instrument_id: str = "I"
    venue_order_id: str = "7"


@given(st.lists(st.integers(0, 100), max_size=60), st.booleans())
async def test_every_fill_of_the_span_or_the_word_that_some_are_missing(times: list[int], follows_pages: bool) -> None:
    there = [Report(number, at_ns) for number, at_ns in enumerate(sorted(times))]

    async def fetch(start_ns: int, end_ns: int) -> Sequence[Report]:
        found = [each for each in there if start_ns <= each.ts_event <= end_ns]
        return found if follows_pages else found[-PAGE:]

    found, is_all = await all_fills(fetch, 10, 90, PAGE)
    wanted = {each for each in there if 10 <= each.ts_event <= 90}
    assert set(found) <= wanted
    crowd = max((times.count(at_ns) for at_ns in range(10, 91)), default=0)
    if crowd < PAGE:
        assert is_all
    if is_all:
        assert set(found) == wanted
