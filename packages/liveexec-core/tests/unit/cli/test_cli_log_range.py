"""Which events a log shows: since when, and how many."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.cli.log_range import last_events, parse_since
from liveexec.domain import order_event as ev
from liveexec.domain.record import Record
from liveexec.domain.stored import StoredRecord
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


def journal_of(sizes: list[int]) -> list[StoredRecord]:
    """Records with so many events each, a second apart."""
    records = []
    sequence = 1
    for position, size in enumerate(sizes, start=1):
        events = tuple(ev.Expired(f"{position}.{number}", None) for number in range(size))
        records.append(StoredRecord(position, 1, Record("ORD-1", sequence, events, "test", position * SECOND_NS)))
        sequence += size
    return records


@given(st.lists(st.integers(1, 4), max_size=30), st.integers(1, 60), st.none() | st.integers(0, 31))
async def test_log_is_the_end_of_the_journal_since_a_time(sizes: list[int], limit: int, since_s: int | None) -> None:
    journal = journal_of(sizes)
    asked: list[int] = []

    async def read(number: int, before: int | None) -> Sequence[StoredRecord]:
        asked.append(number)
        earlier = [stored for stored in journal if before is None or stored.position < before]
        return earlier[-number:]

    since_ns = None if since_s is None else since_s * SECOND_NS
    found = await last_events(read, limit, since_ns)
    everything = [
        (stored.record.sequence + offset, stored.record.at_ns)
        for stored in journal
        for offset in range(len(stored.record.events))
    ]
    recent = [(sequence, at_ns) for sequence, at_ns in everything if since_ns is None or at_ns >= since_ns]
    assert [(event.sequence, event.at_ns) for event in found] == recent[-limit:]
    assert sum(asked) <= 2 * limit
