"""The loop of the simulator: virtual time, seeded order, processes that stop where they are."""

import asyncio
from collections.abc import Iterator
from contextvars import Context
from random import Random

import pytest

from liveexec_testkit.simulator.loop import PROCESS, START_S, SimLoop, SimTask, StuckLoop, drop_tasks

_S = 1_000_000_000


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    loop = SimLoop(Random(1))
    yield loop
    loop.close()


def of_process(number: int) -> Context:
    context = Context()
    context.run(PROCESS.set, number)
    return context


def order_of_tasks(seed: int) -> list[int]:
    loop = SimLoop(Random(seed))
    ran: list[int] = []

    async def note(number: int) -> None:
        ran.append(number)

    async def main() -> None:
        await asyncio.gather(*(note(number) for number in range(8)))

    loop.run_until_complete(main())
    loop.close()
    return ran


def test_time_passes_only_where_somebody_waits_for_it(loop: SimLoop) -> None:
    loop.run_until_complete(asyncio.sleep(3_600))
    assert loop.now_ns // _S == START_S + 3_600
    assert loop.steps < 10


def test_a_time_in_the_past_comes_at_once(loop: SimLoop) -> None:
    rang: list[float] = []
    loop.call_at(0.0, lambda: rang.append(loop.time()))
    loop.call_later(-5, lambda: rang.append(loop.time()))
    loop.run_until_complete(asyncio.sleep(0.001))
    assert [int(at_s) for at_s in rang] == [START_S, START_S]


def test_the_seed_decides_which_task_goes_next() -> None:
    assert order_of_tasks(7) == order_of_tasks(7)
    assert sorted(order_of_tasks(7)) == list(range(8))
    assert len({tuple(order_of_tasks(seed)) for seed in range(6)}) > 3


def test_callbacks_keep_their_order(loop: SimLoop) -> None:
    ran: list[int] = []
    for number in range(20):
        loop.call_soon(ran.append, number)
    loop.run_until_complete(asyncio.sleep(0.001))
    assert ran == list(range(20))


def test_sets_of_tasks_iterate_in_the_order_of_their_numbers(loop: SimLoop) -> None:
    async def main() -> list[int]:
        tasks = {loop.create_task(asyncio.sleep(0)) for _ in range(30)}
        numbers = [task.sequence for task in tasks if isinstance(task, SimTask)]
        await asyncio.wait(tasks)
        return numbers

    numbers = loop.run_until_complete(main())
    assert len(numbers) == 30
    assert numbers == sorted(numbers, key=lambda number: hash(number) % 128)


def test_what_is_killed_runs_not_a_line_more(loop: SimLoop) -> None:
    seen: list[str] = []

    async def life() -> None:
        try:
            seen.append("begins")
            await asyncio.sleep(1)
            seen.append("goes on")
        finally:
            seen.append("cleans up")

    task = SimTask(life(), loop=loop, context=of_process(5))
    loop.call_later(0.5, loop.kill, 5)
    loop.run_until_complete(asyncio.sleep(2))
    assert seen == ["begins"]
    assert not task.done()
    drop_tasks(loop)


def test_what_is_frozen_goes_on_where_it_was(loop: SimLoop) -> None:
    seen: list[float] = []

    async def life() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(round(loop.time() - START_S, 1))

    task = SimTask(life(), loop=loop, context=of_process(5))
    loop.call_later(1.5, loop.freeze, 5)
    loop.call_later(9.0, loop.thaw, 5)
    loop.run_until_complete(asyncio.sleep(12))
    assert seen == [1.0, 9.0, 10.0]
    assert task.done()


def test_a_loop_with_nothing_to_wait_for_says_so(loop: SimLoop) -> None:
    async def forever() -> None:
        await loop.create_future()

    task = loop.create_task(forever())
    with pytest.raises(StuckLoop):
        loop.run_forever()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


def test_it_has_no_threads(loop: SimLoop) -> None:
    async def reach_out() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(RuntimeError, match="no threads"):
        loop.run_until_complete(reach_out())


def test_to_pause_is_to_sleep(loop: SimLoop) -> None:
    async def life() -> list[float]:
        await asyncio.sleep(0.0003)
        slept = loop.time()
        await loop.pause(300_000)
        return [slept, loop.time()]

    slept, paused = loop.run_until_complete(life())
    assert round(paused - slept, 4) == round(slept - START_S, 4) == 0.0003


def test_a_pause_that_is_given_up_rings_for_nobody(loop: SimLoop) -> None:
    async def life() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.pause(2 * _S), 1)
        before = loop.steps
        await asyncio.sleep(3)
        assert loop.steps - before == 1

    loop.run_until_complete(life())
    assert loop.now_ns // _S == START_S + 4
    assert loop.errors == []
