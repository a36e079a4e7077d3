"""When effects leave: after readers can see why, and not before what they follow from is recorded."""

import asyncio

from liveexec import LiveExecutionOrchestrator, MemoryStore, OrderStatus
from liveexec.domain.outcome import OrderRef, SendOutcome, SendPlan
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.adapter import PaperAdapter
from support.hosting import ALICE, VENUE_A, Desk, limit, local_desk, quiet_venue, quiet_world, until
from support.runtime_parts import ScriptedStore


class Watching(PaperAdapter):
    """A venue that looks, at each request, at what the host's readers see of the order then."""

    def __init__(self, desk: Desk) -> None:
        adapter = desk.adapters[VENUE_A]
        assert isinstance(adapter, PaperAdapter)
        super().__init__(adapter._driver, VENUE_A, (ALICE,))
        self.live: LiveExecutionOrchestrator
        self.seen: list[tuple[str, OrderStatus | None]] = []

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        known = self.live.orders.get(order.order_id)
        self.seen.append(("submit", known.status if known is not None else None))
        return await super().submit(order, plan)

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        self.seen.append(("cancel", None))
        return await super().cancel(ref)


async def test_readers_see_an_order_before_its_venue_does() -> None:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        venue = Watching(desk)
        async with desk.live(MemoryStore(), adapters={VENUE_A: venue}) as live:
            venue.live = live
            await desk.quoted(live)
            await live.submit(limit(), wait="ack", timeout_s=10)
    assert venue.seen == [("submit", OrderStatus.SUBMITTED)]


async def test_an_order_that_waits_for_the_journal_is_sent_once_it_is_recorded_and_a_cancel_does_not_wait() -> None:
    store = ScriptedStore()
    async with local_desk(quiet_world(quiet_venue())) as desk:
        venue = Watching(desk)
        async with desk.live(store, adapters={VENUE_A: venue}) as live:
            venue.live = live
            await desk.quoted(live)
            resting = await live.submit(limit(), wait="ack", timeout_s=10)
            released = store.hold("append")
            waiting = asyncio.create_task(live.submit(limit(quantity="0.7"), wait="ack", timeout_s=10))
            await until(lambda: live.shard.journal.is_stalled)
            canceling = asyncio.create_task(live.cancel(resting.order_id, wait="terminal", timeout_s=10))
            await until(lambda: venue.seen[-1][0] == "cancel")
            assert [request for request, _ in venue.seen] == ["submit", "cancel"]
            released.set()
            assert (await waiting).status is OrderStatus.ACCEPTED
            assert (await canceling).status is OrderStatus.CANCELED
    assert [request for request, _ in venue.seen] == ["submit", "cancel", "submit"]
