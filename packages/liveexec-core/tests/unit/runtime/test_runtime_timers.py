"""Timers: each key rings once at its time, in the order of the times, and costs nothing when it is taken back."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.engine.effects import TimerKey, TimerKind
from liveexec.runtime.clock import ScaledClock, VirtualClock
from liveexec.runtime.timers import Timers
from support.builders import NOW_NS
from support.runtime_parts import turns, within


def key(subject: object) -> TimerKey:
    return (TimerKind.ALGORITHM, str(subject))


class Bell:
    """Timers on virtual time, and what rang."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW_NS)
        self.rang: list[str] = []
        self.timers = Timers(self.clock, lambda rung: self.rang.append(rung[1]))

    async def pass_to(self, at_ns: int) -> list[str]:
        """Move time, let what is due ring; what rang since the last time."""
        self.clock.advance_to(NOW_NS + at_ns)
        await turns()
        rang, self.rang[:] = list(self.rang), []
        return rang


@pytest.fixture
async def bell() -> Bell:
    return Bell()


async def test_a_timer_rings_once_when_its_time_has_come(bell: Bell) -> None:
    bell.timers.arm(key("a"), NOW_NS + 10)
    assert await bell.pass_to(9) == []
    assert await bell.pass_to(10) == ["a"]
    assert await bell.pass_to(1_000) == []
    assert len(bell.timers) == 0


async def test_timers_ring_in_the_order_of_their_times_and_then_of_their_arming(bell: Bell) -> None:
    for subject, at_ns in (("late", 30), ("first", 10), ("second", 10), ("mid", 20)):
        bell.timers.arm(key(subject), NOW_NS + at_ns)
    assert await bell.pass_to(100) == ["first", "second", "mid", "late"]


async def test_a_time_that_has_passed_rings_at_the_next_turn_and_not_before(bell: Bell) -> None:
    bell.timers.arm(key("past"), NOW_NS - 1)
    assert bell.rang == []
    assert await bell.pass_to(0) == ["past"]


async def test_arming_a_key_again_moves_it_later_or_sooner(bell: Bell) -> None:
    bell.timers.arm(key("later"), NOW_NS + 10)
    bell.timers.arm(key("later"), NOW_NS + 50)
    bell.timers.arm(key("sooner"), NOW_NS + 40)
    bell.timers.arm(key("sooner"), NOW_NS + 5)
    assert await bell.pass_to(10) == ["sooner"]
    assert await bell.pass_to(49) == []
    assert await bell.pass_to(50) == ["later"]


async def test_a_key_moved_away_and_back_rings_once(bell: Bell) -> None:
    for at_ns in (10, 20, 10):
        bell.timers.arm(key("a"), NOW_NS + at_ns)
    assert await bell.pass_to(30) == ["a"]


async def test_a_key_that_was_taken_back_does_not_ring(bell: Bell) -> None:
    bell.timers.arm(key("a"), NOW_NS + 10)
    bell.timers.arm(key("b"), NOW_NS + 10)
    bell.timers.disarm(key("a"))
    bell.timers.disarm(key("never armed"))
    assert await bell.pass_to(10) == ["b"]
    bell.timers.arm(key("a"), NOW_NS + 20)
    assert await bell.pass_to(20) == ["a"]


async def test_timers_of_other_kinds_have_keys_of_their_own(bell: Bell) -> None:
    rang: list[TimerKey] = []
    timers = Timers(bell.clock, rang.append)
    timers.arm((TimerKind.CANCEL, "x"), NOW_NS)
    timers.arm((TimerKind.UNKNOWN, "x"), NOW_NS)
    timers.disarm((TimerKind.CANCEL, "x"))
    await turns()
    assert rang == [(TimerKind.UNKNOWN, "x")]


async def test_who_is_rung_may_arm_again(bell: Bell) -> None:
    rang: list[int] = []

    def ring(rung: TimerKey) -> None:
        rang.append(bell.clock.now_ns())
        if len(rang) < 3:
            timers.arm(rung, bell.clock.now_ns() + 10)

    timers = Timers(bell.clock, ring)
    timers.arm(key("again"), NOW_NS + 10)
    for at_ns in (10, 20, 30, 40):
        await bell.pass_to(at_ns)
    assert rang == [NOW_NS + 10, NOW_NS + 20, NOW_NS + 30]


async def test_closed_timers_ring_nothing(bell: Bell) -> None:
    bell.timers.arm(key("a"), NOW_NS + 10)
    bell.timers.close()
    assert await bell.pass_to(1_000) == []
    assert len(bell.timers) == 0


async def test_on_a_scaled_clock_a_far_time_comes_soon() -> None:
    clock = ScaledClock(start_ns=NOW_NS, anchor_ns=time.monotonic_ns(), speed=1_000_000.0)
    rang = asyncio.Event()
    timers = Timers(clock, lambda _: rang.set())
    due = clock.now_ns() + 3_600 * 1_000_000_000
    timers.arm(key("in an hour"), due)
    await within(rang.wait())
    assert clock.now_ns() >= due


async def test_a_clock_that_is_set_forward_is_noticed_long_before_the_wait_is_over() -> None:
    class WallThatIsSet:
        def __init__(self) -> None:
            self.time_ns = NOW_NS

        def now_ns(self) -> int:
            return self.time_ns

        def seconds_until(self, at_ns: int) -> float:
            return max(0.0, (at_ns - self.time_ns) / 1e9)

    clock, rang = WallThatIsSet(), asyncio.Event()
    timers = Timers(clock, lambda _: rang.set(), longest_wait_s=0.0)
    timers.arm(key("in an hour"), NOW_NS + 3_600 * 10**9)
    await turns()
    assert not rang.is_set()
    clock.time_ns += 3_600 * 10**9
    await within(rang.wait())


async def test_moving_and_taking_back_does_not_let_the_heap_grow(bell: Bell) -> None:
    for number in range(5_000):
        bell.timers.arm(key(number % 10), NOW_NS + 1_000 + number)
        assert len(bell.timers._heap) <= 64 + 2 * 10
    for number in range(5_000):
        bell.timers.arm(key(("gone", number)), NOW_NS + 1_000)
        bell.timers.disarm(key(("gone", number)))
        assert len(bell.timers._heap) <= 65 + 2 * 11
    assert len(bell.timers) == 10
    assert await bell.pass_to(10_000) == [str(number) for number in range(10)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("arm"), st.integers(0, 5), st.integers(0, 100)),
            st.tuples(st.just("disarm"), st.integers(0, 5), st.just(0)),
            st.tuples(st.just("pass"), st.just(0), st.integers(0, 100)),
        ),
        max_size=60,
    )
)
def test_timers_ring_as_a_plain_table_of_due_times_says(steps: list[tuple[str, int, int]]) -> None:
    async def play() -> None:
        bell = Bell()
        due: dict[str, int] = {}
        for step, subject, at_ns in steps:
            if step == "arm":
                # A time that has passed rings at the next turn; here everything is armed at or after now.
                due_ns = max(at_ns, bell.clock.now_ns() - NOW_NS)
                bell.timers.arm(key(subject), NOW_NS + due_ns)
                due[str(subject)] = due_ns
            elif step == "disarm":
                bell.timers.disarm(key(subject))
                due.pop(str(subject), None)
            else:
                rang = await bell.pass_to(at_ns)
                now = bell.clock.now_ns() - NOW_NS
                expected = {subject: at for subject, at in due.items() if at <= now}
                assert sorted(rang) == sorted(expected)
                assert [expected[subject] for subject in rang] == sorted(expected.values())
                due = {subject: at for subject, at in due.items() if at > now}
            assert len(bell.timers) == len(due)
        bell.timers.close()

    asyncio.run(play())
