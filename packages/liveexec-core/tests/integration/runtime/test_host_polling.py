"""A venue that streams nothing: what happens there is asked for, and nothing of it is missed or believed too early."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from anyio import move_on_after

from liveexec import MemoryStore
from liveexec.domain.ids import AccountId
from liveexec.domain.instrument import Listing
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import OrderRef, SendOutcome, SendPlan, Sent, Snapshot
from liveexec.plugins.adapter import ExternalAdapter, Polls, VenueOrder
from support.hosting import SPOT_A, VENUE_A, differences, limit, local_desk, quiet_venue, quiet_world, until_order


class PolledVenue(Polls):
    """The paper venue as one that only answers: requests are taken without a word, and nothing is streamed."""

    poll_every_s = 0.02

    def __init__(self, behind: ExternalAdapter) -> None:
        self._behind = behind
        self.manifest, self.accounts = behind.manifest, behind.accounts

    async def connect(self) -> None:
        await self._behind.connect()

    async def disconnect(self) -> None:
        await self._behind.disconnect()

    async def listings(self) -> Sequence[Listing]:
        return await self._behind.listings()

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        await self._behind.submit(order, plan)
        return Sent()

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        await self._behind.cancel(ref)
        return Sent()

    async def order(self, ref: OrderRef) -> Any:
        return await self._behind.order(ref)

    async def open_orders(self, account_id: AccountId) -> Snapshot[Any]:
        return await self._behind.open_orders(account_id)

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[Any]:
        return await self._behind.fills(account_id, since_ns)

    async def positions(self, account_id: AccountId) -> Snapshot[Any]:
        return await self._behind.positions(account_id)

    async def balances(self, account_id: AccountId) -> Snapshot[Any]:
        return await self._behind.balances(account_id)


async def test_orders_live_and_end_by_what_the_venue_is_asked() -> None:
    store = MemoryStore()
    async with local_desk(quiet_world(quiet_venue())) as desk:
        adapters = {VENUE_A: PolledVenue(desk.adapters[VENUE_A])}
        async with desk.live(store, adapters=adapters) as live:
            await desk.others[VENUE_A].quote(SPOT_A, "60000", "60010")
            resting = (await live.submit(limit(Side.SELL, "60005", "1"))).order_id
            await until_order(live, resting, lambda order: order.status is OrderStatus.ACCEPTED)
            await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "0.4")
            await until_order(live, resting, lambda order: order.filled_quantity == Decimal("0.4"))
            await live.cancel(resting)
            ended = await until_order(live, resting, lambda order: not order.is_open)
            assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELED, Decimal("0.4"))

            # Taken and ended between two questions, so never seen open.
            taken = (await live.submit(limit(Side.BUY, "60010", "7", time_in_force=TimeInForce.IOC))).order_id
            gone = await until_order(live, taken, lambda order: not order.is_open)
            assert (gone.status, gone.filled_quantity) == (OrderStatus.CANCELED, Decimal(5))
            assert await differences(live, store, desk) == []


async def test_its_stream_says_nothing_and_does_not_end() -> None:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        reports = PolledVenue(desk.adapters[VENUE_A]).reports()
        with move_on_after(0.01) as waited:
            await anext(reports)
        assert waited.cancelled_caught
