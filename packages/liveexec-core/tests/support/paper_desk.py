"""A paper venue's adapter on a clock that a test moves, and short words for its requests and its streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from liveexec.domain.ids import ClientOrderId
from liveexec.domain.market import Book
from liveexec.domain.operation import Side
from liveexec.domain.outcome import SendPlan, VenueReport
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.adapter import PaperAdapter, paper_adapters
from liveexec.venues.paper.exchange import PaperExchange
from liveexec.venues.paper.world_config import PaperWorldConfig
from support.paper import FOREVER_NS, SPOT, VENUE, Floor, ManualClock, levels, venue_config

BIDS, ASKS = levels((99, 1_000)), levels((101, 1_000))


class PaperDesk:
    """An adapter on a manual clock, and short words for its requests."""

    def __init__(self, **changes: Any) -> None:
        self.clock = ManualClock(1_000)
        world = PaperWorldConfig((venue_config(**changes),))
        self.adapter: PaperAdapter = paper_adapters(world, self.clock)[VENUE]
        self.exchange: PaperExchange = self.adapter._exchange
        self.exchange.on_book(Book(SPOT, BIDS, ASKS, 1_000, 1_000))
        self._count = 0

    def order(self, quantity: int = 5, price: int | None = None, side: Side = Side.BUY) -> VenueOrder:
        return Floor().order(side, quantity, price)

    def plan(self, client_id: str | None = None) -> SendPlan:
        self._count += 1
        return SendPlan(ClientOrderId(client_id or f"c{self._count}"), FOREVER_NS)

    async def connect(self) -> AsyncIterator[VenueReport]:
        await self.adapter.connect()
        return self.adapter.reports()


async def taken(reports: AsyncIterator[VenueReport], count: int) -> list[VenueReport]:
    return [await asyncio.wait_for(anext(reports), 5) for _ in range(count)]


async def is_waiting(reports: AsyncIterator[Any]) -> bool:
    """Whether no report is there: the stream would wait."""
    task = asyncio.ensure_future(anext(reports))
    await ManualClock.settle()
    if task.done():
        return False
    task.cancel()
    await asyncio.wait([task])
    return True
