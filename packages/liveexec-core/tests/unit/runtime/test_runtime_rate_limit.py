"""Rate limits: bursts, refills, the lane that is kept for cancels, and the order of those who wait."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.venue import RateLimit
from liveexec.errors import ConfigurationError
from liveexec.runtime import rate_limit
from liveexec.runtime.rate_limit import RateLimiter
from support.runtime_parts import turns, within


@pytest.fixture
def now_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the limiter reads this list's only number."""
    now = [1_000.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(rate_limit, "time", Time)
    return now


def took(limiter: RateLimiter, *, cancel: bool = False) -> bool:
    """Whether a request may leave at once."""
    waiting = limiter.slot(cancel=cancel)
    if waiting is None:
        return True
    waiting.close()
    return False


def test_a_burst_leaves_at_once_and_then_requests_come_as_tokens_do(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=2.0, burst=3))
    assert [took(limiter) for _ in range(4)] == [True, True, True, False]
    now_s[0] += 0.5
    assert [took(limiter) for _ in range(2)] == [True, False]


def test_tokens_do_not_pile_up_beyond_the_burst(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=100.0, burst=2))
    now_s[0] += 3_600
    assert [took(limiter) for _ in range(3)] == [True, True, False]


def test_the_last_tokens_are_kept_for_cancels(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=1.0, burst=5, cancel_lane=2))
    assert [took(limiter) for _ in range(4)] == [True, True, True, False]
    assert [took(limiter, cancel=True) for _ in range(3)] == [True, True, False]
    now_s[0] += 2.0
    assert not took(limiter), "what refills first is the cancels' own lane"
    assert took(limiter, cancel=True)


@given(
    st.integers(1, 10),
    st.integers(0, 9),
    st.lists(st.tuples(st.booleans(), st.floats(0.0, 2.0)), max_size=80),
)
def test_never_more_leave_than_the_burst_and_what_refilled_since(
    burst: int, lane: int, requests: list[tuple[bool, float]]
) -> None:
    limit = RateLimit(per_second=3.0, burst=burst, cancel_lane=min(lane, burst - 1))
    now = 50.0
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("liveexec.runtime.rate_limit.time.monotonic", lambda: now)
        limiter = RateLimiter(limit)
        left = 0
        for cancel, pause_s in requests:
            now += pause_s
            left += took(limiter, cancel=cancel)
            assert left <= burst + 3.0 * (now - 50.0) + 1e-6


async def test_who_waits_leaves_once_there_is_a_token() -> None:
    limiter = RateLimiter(RateLimit(per_second=1_000.0, burst=1))
    assert took(limiter)
    waiting = limiter.slot(cancel=False)
    assert waiting is not None
    await within(waiting)


async def test_who_comes_while_somebody_waits_gets_in_line_though_a_token_is_there(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=1.0, burst=1))
    assert took(limiter)
    waiting = limiter.slot(cancel=False)
    assert waiting is not None
    first = asyncio.create_task(waiting)
    await turns()
    now_s[0] += 2.0
    assert not took(limiter), "the token is for who has waited for it"
    first.cancel()
    await asyncio.wait((first,))
    assert took(limiter)


async def test_who_waits_leaves_in_the_order_of_coming() -> None:
    limiter = RateLimiter(RateLimit(per_second=100.0, burst=1))
    assert took(limiter)
    left: list[int] = []

    async def leave(number: int) -> None:
        if (waiting := limiter.slot(cancel=False)) is not None:
            await waiting
        left.append(number)

    await within(asyncio.gather(*(leave(number) for number in range(4))))
    assert left == [0, 1, 2, 3]


async def test_a_cancel_never_queues_behind_new_orders(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=1.0, burst=2, cancel_lane=1))
    assert took(limiter)
    waiting = limiter.slot(cancel=False)
    assert waiting is not None
    order = asyncio.create_task(waiting)
    await turns()
    assert took(limiter, cancel=True)
    assert not order.done()
    order.cancel()
    await asyncio.wait((order,))


async def test_a_cancel_that_waits_needs_no_more_than_its_own_token() -> None:
    limiter = RateLimiter(RateLimit(per_second=1_000.0, burst=2, cancel_lane=1))
    assert took(limiter, cancel=True)
    assert took(limiter, cancel=True)
    waiting = limiter.slot(cancel=True)
    assert waiting is not None
    await within(waiting)


async def test_who_gives_up_waiting_lets_the_next_one_go() -> None:
    limiter = RateLimiter(RateLimit(per_second=200.0, burst=1))
    assert took(limiter)
    slots = [limiter.slot(cancel=False) for _ in range(2)]
    first, second = (asyncio.create_task(slot) for slot in slots if slot is not None)
    await turns()
    first.cancel()
    await within(second)
    assert first.cancelled()


@pytest.mark.parametrize(
    ("limit", "faults"),
    [
        ((0.0, 5, 0), ["per_second"]),
        ((-1.0, 5, 0), ["per_second"]),
        ((float("nan"), 5, 0), ["per_second"]),
        ((float("inf"), 5, 0), ["per_second"]),
        ((1.0, 0, 0), ["burst"]),
        ((1.0, 5, 5), ["cancel_lane"]),
        ((1.0, 5, -1), ["cancel_lane"]),
        ((0.0, 0, 2), ["per_second", "burst", "cancel_lane"]),
    ],
)
def test_a_limit_under_which_nothing_would_ever_leave_is_refused(
    limit: tuple[float, int, int], faults: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        RateLimit(*limit)
    assert [fault.path for fault in refused.value.faults] == faults


async def test_cancels_without_end_do_not_keep_everybody_else_out(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=1.0, burst=3, cancel_lane=1))
    assert [took(limiter) for _ in range(3)] == [True, True, False]
    took_turns = []
    async with limiter._gate:  # somebody waits for a question to leave
        for _ in range(12):
            now_s[0] += 1.0
            if took(limiter, cancel=True):
                took_turns.append("cancel")
            if limiter._take(cancel=False):
                took_turns.append("question")
    assert took_turns.count("question") == 3
    assert took_turns[:4] == ["cancel", "cancel", "cancel", "question"], "a bucket of cancels comes first"


async def test_who_waits_leaves_as_soon_as_its_turn_comes(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=0.001, burst=3, cancel_lane=2))
    assert took(limiter, cancel=True)
    waiting = limiter.slot(cancel=False)
    assert waiting is not None
    question = asyncio.create_task(waiting)
    await turns()
    assert took(limiter, cancel=True)
    now_s[0] += 2_000.0
    assert [took(limiter, cancel=True) for _ in range(3)] == [True, True, False], "the last one is not theirs"
    # A thousand seconds before it would have looked again by itself.
    await within(question)


def test_while_nobody_waits_cancels_take_every_token(now_s: list[float]) -> None:
    limiter = RateLimiter(RateLimit(per_second=1.0, burst=2, cancel_lane=1))
    for _ in range(20):
        now_s[0] += 1.0
        assert took(limiter, cancel=True)
