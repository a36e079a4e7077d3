"""What an order costs a whole host: journal records and objects, counted."""

import gc
from collections.abc import AsyncIterator, Mapping, Sequence

import anyio
import pytest

from liveexec import EngineConfig, LiveExecutionOrchestrator, MemoryStore, OrderStatus
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderReceived
from liveexec.domain.stored import StoredRecord
from support.hosting import PATIENT, SPOT_A, VENUE_A, Desk, local_desk, market, quiet_venue, quiet_world, until

KEPT = 16
TRADERS, ORDERS_EACH = 8, 50


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A venue where there is enough to trade for every order."""
    async with local_desk(quiet_world(quiet_venue())) as desk:
        await desk.others[VENUE_A].quote(SPOT_A, "60000", "60010", "900")
        yield desk


class ReadingStore(MemoryStore):
    """A store that remembers which streams were read back."""

    def __init__(self) -> None:
        super().__init__()
        self.streams_read: list[str] = []

    async def read_streams(self, shard: str, streams: Sequence[str]) -> Mapping[str, Sequence[StoredRecord]]:
        self.streams_read += streams
        return await super().read_streams(shard, streams)


async def trade(live: LiveExecutionOrchestrator, traders: int, orders_each: int) -> None:
    """Orders that fill at once, each trader's one after the other."""

    async def one_after_the_other(side: Side) -> None:
        for _ in range(orders_each):
            result = await live.submit(market(side, "0.001"), wait="terminal", timeout_s=30)
            assert result.status is OrderStatus.FILLED

    async with anyio.create_task_group() as group:
        for number in range(traders):
            group.start_soon(one_after_the_other, Side.BUY if number % 2 else Side.SELL)


@pytest.mark.parametrize("traders", [1, TRADERS])
async def test_an_order_that_fills_at_once_costs_two_records(desk: Desk, traders: int) -> None:
    # The fill says that the venue has the order, so the answer to the submit needs no record of its own.
    store = MemoryStore()
    async with desk.live(store) as live:
        await desk.seen(live, [SPOT_A])
        before = live.shard.journal.position
        await trade(live, traders, ORDERS_EACH)
        records = live.shard.journal.position - before
    assert records == 2 * traders * ORDERS_EACH


async def test_comparing_an_account_again_reads_no_finished_order(desk: Desk) -> None:
    # The overlap brings every fill of the last minutes again; each whose order came back into memory would cost more
    # than the order did.
    store = ReadingStore()
    config = EngineConfig(timing=PATIENT, finished_orders_kept=KEPT)
    async with desk.live(store, config, reconcile_every_s=0.2) as live:
        await desk.seen(live, [SPOT_A])
        await trade(live, TRADERS, ORDERS_EACH)
        await live.synced()
        await until(lambda: len(live.orders) <= KEPT)
        read = len(store.streams_read)
        await live.compared(max(session.rounds for session in live.shard.sessions) + 2)
        assert store.streams_read[read:] == []


async def test_finished_orders_leave_no_objects_behind(desk: Desk) -> None:
    async with desk.live(MemoryStore(), EngineConfig(timing=PATIENT, finished_orders_kept=KEPT)) as live:
        await desk.seen(live, [SPOT_A])
        # Tests before this one may have left some, in what they keep for a module or a session.
        orders, received = alive(Order), alive(OrderReceived)
        await trade(live, TRADERS, ORDERS_EACH)
        await live.synced()
        await until(lambda: len(live.orders) <= KEPT)
        # The engine's order and the durable view's, and nothing of what was decided about others.
        assert alive(Order) - orders <= 2 * KEPT
        assert alive(OrderReceived) - received <= KEPT


def alive(kind: type[object]) -> int:
    """How many of these there are in this process."""
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())
