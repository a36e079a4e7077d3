"""Clocks: engine time never falls, scaled time is the same in every process, virtual time is moved by hand."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.runtime.clock import Clock, ScaledClock, VirtualClock, WallClock
from support.builders import NOW_NS

_S = 1_000_000_000


@pytest.fixture
def machine_time(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The machine's clocks read this list's only number."""
    now = [NOW_NS]
    monkeypatch.setattr("liveexec.runtime.clock.time.time_ns", lambda: now[0])
    monkeypatch.setattr("liveexec.runtime.clock.time.monotonic_ns", lambda: now[0])
    return now


def test_the_wall_clock_holds_still_while_the_machines_clock_is_set_back(machine_time: list[int]) -> None:
    clock = WallClock()
    assert clock.now_ns() == NOW_NS
    machine_time[0] = NOW_NS - 3_600 * _S
    assert clock.now_ns() == NOW_NS
    machine_time[0] = NOW_NS + 1
    assert clock.now_ns() == NOW_NS + 1


def test_the_wall_clock_counts_the_wait_from_the_time_that_it_tells(machine_time: list[int]) -> None:
    clock = WallClock()
    assert clock.seconds_until(NOW_NS + 2 * _S) == 2.0
    machine_time[0] = NOW_NS - 100 * _S
    assert clock.seconds_until(NOW_NS + 2 * _S) == 2.0


def test_a_scaled_clock_runs_faster_than_the_wall_and_waits_shorter(machine_time: list[int]) -> None:
    clock = ScaledClock(start_ns=5 * _S, anchor_ns=NOW_NS, speed=20.0)
    assert clock.now_ns() == 5 * _S
    machine_time[0] += _S
    assert clock.now_ns() == 25 * _S
    assert clock.seconds_until(45 * _S) == pytest.approx(1.0)
    assert clock.seconds_until(25 * _S) == 0.0


def test_scaled_clocks_of_one_anchor_tell_the_same_time(machine_time: list[int]) -> None:
    ours, theirs = (ScaledClock(start_ns=NOW_NS, anchor_ns=NOW_NS - 7, speed=100.0) for _ in range(2))
    machine_time[0] += 123_456_789
    assert ours.now_ns() == theirs.now_ns() == NOW_NS + (123_456_789 + 7) * 100


@given(
    st.lists(st.integers(0, 10**17), min_size=2).map(sorted),
    st.floats(0.001, 10_000.0, allow_nan=False),
)
def test_scaled_time_never_falls_for_whatever_speed(passed: list[int], speed: float) -> None:
    start = time.monotonic_ns()
    told = []
    with pytest.MonkeyPatch.context() as patched:
        for after_ns in passed:
            patched.setattr("liveexec.runtime.clock.time.monotonic_ns", lambda after_ns=after_ns: start + after_ns)
            told.append(ScaledClock(0, start, speed).now_ns())
    assert told == sorted(told)


def test_virtual_time_stands_still_until_it_is_moved_and_is_not_moved_back() -> None:
    clock = VirtualClock(NOW_NS)
    assert clock.now_ns() == clock.now_ns() == NOW_NS
    clock.advance_to(NOW_NS + 5)
    clock.advance_to(NOW_NS + 3)
    assert clock.now_ns() == NOW_NS + 5
    assert clock.seconds_until(NOW_NS + 10**12) == 0.0


@pytest.mark.parametrize("clock", [WallClock(), ScaledClock(0, 0, 50.0), VirtualClock(NOW_NS)])
def test_a_time_that_has_passed_needs_no_wait(clock: Clock) -> None:
    assert clock.seconds_until(clock.now_ns() - 1) == 0.0
