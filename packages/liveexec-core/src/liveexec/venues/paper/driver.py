"""What moves a paper world through time: one task per process, while somebody is connected."""

import asyncio
from typing import Final

from liveexec.errors import AdapterError
from liveexec.venues.paper.clock import Clock
from liveexec.venues.paper.world import PaperWorld

__all__ = ["WorldDriver"]

#: The wall time between two looks at the market, and the longest sleep while something is scheduled.
SHORTEST_NS: Final = 5_000_000
LONGEST_NS: Final = 100_000_000
#: Events between two turns of the event loop, when the market has run ahead.
EVENTS_PER_TURN: Final = 1_000


class WorldDriver:
    """Advances a world with a clock. Every session holds it; it works while at least one does.

    The world is looked at every few milliseconds of wall time; a request that arrives in between advances it by
    itself, so that nobody meets an old book.
    """

    def __init__(self, world: PaperWorld, clock: Clock) -> None:
        self.world = world
        self.clock = clock
        speed = world.config.speed
        self._shortest_ns = max(1, int(SHORTEST_NS * speed))
        self._longest_ns = max(1, int(LONGEST_NS * speed))
        self._holds = 0
        self._task: asyncio.Task[None] | None = None
        self._scheduled = asyncio.Event()
        world.on_scheduled = self._scheduled.set

    def hold(self) -> None:
        """Keep the world moving; must be called in a running event loop."""
        self._holds += 1
        if self._task is None:
            self._task = asyncio.create_task(self._drive(), name="paper-world")

    async def release(self) -> None:
        """Give up one hold; with the last one the world stands still."""
        self._holds -= 1
        if self._holds == 0 and self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                # Its error has reached every session by now; asking for it here marks it as seen.
                task.exception()

    async def _drive(self) -> None:
        try:
            while True:
                if self.world.advance(self.clock.now_ns(), EVENTS_PER_TURN):
                    await self._sleep()
                else:
                    await asyncio.sleep(0)
        except AdapterError:
            # The world has told everybody already.
            return
        except Exception as error:
            self.world.fail(AdapterError(f"the paper market stopped: {error!r}"))
            raise

    async def _sleep(self) -> None:
        next_ns = self.world.next_event_ns
        while next_ns is None:
            self._scheduled.clear()
            await self._scheduled.wait()
            next_ns = self.world.next_event_ns
        now_ns = self.clock.now_ns()
        await self.clock.sleep_until_ns(min(max(next_ns, now_ns + self._shortest_ns), now_ns + self._longest_ns))
