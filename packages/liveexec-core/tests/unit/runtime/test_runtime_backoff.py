"""Backoff: waits grow to their bound, spread out, and begin anew after a success."""

import random

from hypothesis import given
from hypothesis import strategies as st

from liveexec.runtime.backoff import Backoff


@given(st.floats(0.001, 10.0), st.floats(0.001, 100.0), st.integers(1, 2_000), st.integers(0, 2**32))
def test_a_wait_lies_between_half_and_all_of_its_step(first_s: float, longest_s: float, tries: int, seed: int) -> None:
    backoff = Backoff(first_s, longest_s, random=random.Random(seed))
    for failures in range(min(tries, 60)):
        step = min(longest_s, first_s * 2.0**failures) if failures < 31 else min(longest_s, first_s * 2.0**30)
        assert step / 2 <= backoff.next_s() <= step


def test_any_number_of_failures_is_counted_and_stays_within_the_longest_wait() -> None:
    backoff = Backoff(0.1, 30.0)
    waits = [backoff.next_s() for _ in range(5_000)]
    assert backoff.failures == 5_000
    assert max(waits) <= 30.0
    assert min(waits[20:]) >= 15.0


def test_two_that_failed_together_do_not_come_back_together() -> None:
    one, other = Backoff(1.0, 1.0), Backoff(1.0, 1.0)
    assert [one.next_s() for _ in range(5)] != [other.next_s() for _ in range(5)]


def test_after_a_success_the_next_failure_is_the_first_again() -> None:
    backoff = Backoff(1.0, 64.0)
    for _ in range(7):
        backoff.next_s()
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next_s() <= 1.0
