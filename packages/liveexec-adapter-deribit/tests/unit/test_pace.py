"""Questions leave as fast as credits come back, and in their order."""

import asyncio

from liveexec_deribit.pace import Pace


async def test_a_burst_leaves_at_once_and_the_rest_evenly() -> None:
    loop, pace, left = asyncio.get_running_loop(), Pace(per_second=100, burst=5), []
    began_s = loop.time()

    async def one(number: int) -> None:
        await pace.turn()
        left.append((number, loop.time() - began_s))

    await asyncio.gather(*(one(number) for number in range(10)))
    assert [number for number, _ in left] == list(range(10))
    # Five credits that were not there take fifty milliseconds; never less, however busy the machine is.
    assert left[-1][1] >= 0.049
