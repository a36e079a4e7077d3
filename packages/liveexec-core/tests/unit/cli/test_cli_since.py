"""Points in time as people give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.cli.since import parse_since
from liveexec.errors import InvalidInput
from liveexec.presentation.formatting import time_text

NOW_NS = 1_765_189_800_000_000_000  # 2025-12-08T10:30:00Z
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "since_ns"),
    [
        ("0s", NOW_NS),
        ("90s", NOW_NS - 90 * SECOND_NS),
        (" 10m ", NOW_NS - 600 * SECOND_NS),
        ("2h", NOW_NS - 7_200 * SECOND_NS),
        ("1d", NOW_NS - 86_400 * SECOND_NS),
        ("2025-12-08T10:30:00Z", NOW_NS),
        ("2025-12-08T10:30:00", NOW_NS),
        ("2025-12-08T11:30:00+01:00", NOW_NS),
        ("2025-12-08T10:30:00.25Z", NOW_NS + SECOND_NS // 4),
        ("2025-12-08", NOW_NS - 37_800 * SECOND_NS),
        ("1970-01-01", 0),
    ],
)
def test_times_are_utc_and_durations_lie_before_now(text: str, since_ns: int) -> None:
    assert parse_since(text, NOW_NS) == since_ns


@given(st.integers(0, 2**62))
def test_what_a_table_shows_can_be_given_back(at_ns: int) -> None:
    assert parse_since(time_text(at_ns), NOW_NS) == at_ns - at_ns % 1_000_000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "10", "-5m", "5 m", "1.5h", "2025-13-01", "10:30", "٣m", "9" * 10 + "s"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--since"):
        parse_since(text, NOW_NS)
