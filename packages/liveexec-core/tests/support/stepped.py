"""A live host on time that a test moves: the orchestrator, paper venues and a market, a step at a time.

At every step the market comes first: the venues move, and the host hears of it before its own clock, and with it its
timers, comes to the step.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from liveexec.composition import build
from liveexec.domain.record import Record
from liveexec.engine.config import EngineConfig
from liveexec.replay.parts import TimedIntent
from liveexec.runtime.clock import VirtualClock
from liveexec.storage.memory import MemoryStore
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.driver import WorldDriver
from liveexec.venues.paper.market import MarketSource
from liveexec.venues.paper.world import PaperWorld
from liveexec.venues.paper.world_config import PaperWorldConfig
from support.paper import ManualClock

__all__ = ["SteppedHost"]

#: Turns of the event loop in which everybody does what they do at a step.
_TURNS: Final = 60
_PAGE: Final = 100_000


class SteppedHost:
    """One host on the venues of a world. It starts when the market's warm-up is over."""

    def __init__(self, world: PaperWorldConfig, market: MarketSource, config: EngineConfig) -> None:
        paper = PaperWorld(world, market)
        self._venue_clock = ManualClock(paper.start_ns)
        self._clock = VirtualClock(paper.start_ns)
        driver = WorldDriver(paper, self._venue_clock)
        adapters = [PaperAdapter(driver, venue.venue) for venue in world.venues]
        self._config = config
        self._store = MemoryStore()
        self._live = build(config, self._store, adapters, clock=self._clock)
        self._start_ns = paper.start_ns

    async def run(self, signals: Sequence[TimedIntent], end_ns: int, step_ns: int) -> list[Record]:
        """Send every signal at its time, go on until the end, and give the journal."""
        waiting = sorted(signals, key=lambda signal: signal.at_ns)
        async with self._live as live:
            await live.active(timeout_s=15)
            now_ns = self._start_ns
            while now_ns < end_ns:
                now_ns = min([now_ns + step_ns, end_ns, *(signal.at_ns for signal in waiting[:1])])
                await self._venue_clock.move_to(now_ns)
                await self._settle()
                self._clock.advance_to(now_ns)
                await self._settle()
                while waiting and waiting[0].at_ns <= now_ns:
                    await live.submit(waiting.pop(0).intent)
                    await self._settle()
            return [stored.record for stored in await self._store.read_after(self._config.shard, 0, _PAGE)]

    async def _settle(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
