"""A venue's clock: measured between question and answer; alarmed once when it is surely off, and once when not."""

import asyncio

import pytest
from attrs import define
from structlog.testing import capture_logs

from liveexec.errors import AdapterError
from liveexec.plugins.adapter import TellsTime
from liveexec.runtime import venue_clock
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.venue_clock import VenueClock
from support.builders import ALPHA, NOW_NS

MS = 1_000_000
ALLOWED_NS = 500 * MS


@define(eq=False)
class Venue(TellsTime):
    """Is ahead of ours by ``ahead_ns``, and takes its time to answer: as long for the way there as for the way back."""

    clock: VirtualClock
    ahead_ns: int = 0
    took_ns: int = 0
    fails: Exception | None = None
    answers: bool = True

    async def venue_time_ns(self) -> int:
        if self.fails is not None:
            raise self.fails
        if not self.answers:
            await asyncio.Event().wait()
        self.clock.time_ns += self.took_ns // 2
        told_ns = self.clock.time_ns + self.ahead_ns
        self.clock.time_ns += self.took_ns // 2
        return told_ns


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def venue() -> Venue:
    return Venue(VirtualClock(NOW_NS))


@pytest.fixture
def clock(venue: Venue, metrics: Metrics) -> VenueClock:
    return VenueClock(ALPHA, venue.clock.now_ns, ALLOWED_NS, metrics.clock_offset(ALPHA))


@pytest.mark.parametrize("ahead_ms", [-5_000, 0, 5_000])
@pytest.mark.parametrize("took_ms", [0, 80])
async def test_the_way_there_and_back_is_taken_out(
    clock: VenueClock, venue: Venue, metrics: Metrics, ahead_ms: int, took_ms: int
) -> None:
    venue.ahead_ns, venue.took_ns = ahead_ms * MS, took_ms * MS
    await clock.measure(venue)
    assert clock.offset_ns == ahead_ms * MS
    assert metrics.registry.get_sample_value("liveexec_venue_clock_offset_seconds", {"venue": ALPHA}) == ahead_ms / 1e3


async def test_it_is_alarmed_when_it_begins_and_said_when_it_is_over(clock: VenueClock, venue: Venue) -> None:
    with capture_logs() as logs:
        for ahead_ms in (0, 501, 900, -501, 500, 0):
            venue.ahead_ns = ahead_ms * MS
            await clock.measure(venue)
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [
        ("error", "venue_clock_off"),
        ("warning", "venue_clock_right_again"),
    ]
    assert not clock.is_off


async def test_what_may_be_the_slow_answers_doing_is_no_alarm(clock: VenueClock, venue: Venue) -> None:
    venue.ahead_ns, venue.took_ns = 600 * MS, 200 * MS
    await clock.measure(venue)
    assert not clock.is_off
    venue.took_ns = 100 * MS
    await clock.measure(venue)
    assert clock.is_off


@pytest.mark.parametrize("failure", [AdapterError("503"), ConnectionResetError("gone"), EOFError(), None], ids=repr)
async def test_without_an_answer_the_last_one_holds(
    clock: VenueClock, venue: Venue, failure: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.ahead_ns = 300 * MS
    await clock.measure(venue)
    monkeypatch.setattr(venue_clock, "_ANSWER_TIMEOUT_S", 0.01)
    venue.fails, venue.answers = failure, failure is not None
    with capture_logs() as logs:
        await clock.measure(venue)
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [("warning", "venue_time_not_told")]
    assert clock.offset_ns == 300 * MS


async def test_a_defect_of_the_adapter_is_not_taken_for_silence(clock: VenueClock, venue: Venue) -> None:
    venue.fails = TypeError("a defect")
    with pytest.raises(TypeError, match="a defect"):
        await clock.measure(venue)
