"""A loop that is held up is seen, and where."""

import time

import anyio

from liveexec_testkit.conformance.loop_watch import LoopWatch


def _hold_up() -> None:
    time.sleep(0.5)


async def test_a_held_up_loop_is_seen_with_its_place() -> None:
    with LoopWatch() as watch:
        await anyio.sleep(0.03)
        _hold_up()
        await anyio.sleep(0.03)
    assert watch.longest_s > 0.25
    assert "_hold_up" in watch.told()


async def test_a_loop_that_turns_is_left_alone() -> None:
    with LoopWatch() as watch:
        await anyio.sleep(0.3)
    assert watch.longest_s < 0.25
