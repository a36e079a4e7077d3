"""Finished orders leave memory, come back when they are asked about, and leave again; late news of them count once."""

from collections.abc import AsyncIterator
from decimal import Decimal

import anyio
import pytest
from attrs import evolve

from liveexec import EngineConfig, ExecutionResult, OrderStatus
from liveexec.domain.fill import fill_key
from liveexec.domain.ids import OperationId
from liveexec.domain.operation import Side
from liveexec.domain.outcome import FillReport
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.rebuild import verify_tables
from support.hosting import (
    ALICE,
    PATIENT,
    SPOT_A,
    VENUE_A,
    Desk,
    differences,
    local_desk,
    market,
    quiet_venue,
    quiet_world,
    until,
)

_KEPT = 8


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        yield desk


def small() -> EngineConfig:
    return EngineConfig(timing=PATIENT, finished_orders_kept=_KEPT)


async def test_thousands_of_finished_orders_leave_memory(store: JournalStore, desk: Desk) -> None:
    results: list[ExecutionResult] = []
    async with desk.live(store, small()) as live:
        await desk.others[VENUE_A].quote(SPOT_A, "60000", "60010", "900")
        await desk.seen(live, [SPOT_A])
        most = 0

        async def trade(side: Side) -> None:
            nonlocal most
            for _ in range(250):
                results.append(await live.submit(market(side, "0.001"), wait="terminal", timeout_s=30))
                most = max(most, len(live.orders))

        async with anyio.create_task_group() as group:
            for side in (Side.BUY, Side.SELL) * 4:
                group.start_soon(trade, side)
        await live.synced()
        await until(lambda: len(live.orders) <= _KEPT)
        assert len(results) == 2_000
        # How far the projector is behind is the machine's affair; that orders leave meanwhile is ours.
        assert most < len(results)
        assert len(live.shard.engine.state.ledger.orders) <= _KEPT
        assert await differences(live, store, desk) == []
        assert live.positions[ALICE, market().strategy_id, SPOT_A].quantity == 0
        # Orders that are looked up come back only for a while.
        for result in results[:: len(results) // 60]:
            again = await live.result(result.order_id)
            assert (again.status, again.filled_quantity) == (OrderStatus.FILLED, Decimal("0.001"))
            assert [fill.key for fill in again.fills] == [fill.key for fill in result.fills]
        await live.synced()
        await until(lambda: len(live.orders) <= _KEPT)
        assert len(live.shard.engine.state.ledger.orders) <= _KEPT


async def test_a_late_duplicate_of_a_forgotten_fill_changes_nothing_and_a_new_fill_counts(
    store: JournalStore, desk: Desk
) -> None:
    async with desk.live(store, small()) as live:
        await desk.quoted(live)
        result = await live.submit(market(), wait="terminal", timeout_s=10)
        order = live.orders[result.order_id]
        assert order.venue_order_id is not None
        (fill,) = result.fills
        known = FillReport(ALICE, order.client_order_id, order.venue_order_id, fill)
        for _ in range(_KEPT + 2):
            await live.submit(market(quantity="0.001"), wait="terminal", timeout_s=10)
        await live.synced()
        await until(lambda: result.order_id not in live.orders)
        position = live.positions[ALICE, market().strategy_id, SPOT_A].quantity
        before = live.shard.view.position
        for _ in range(3):
            await live.shard.deliver(known)
        await until(lambda: result.order_id in live.orders)
        await live.submit(market(quantity="0.001", operation_id=OperationId("after")), wait="terminal", timeout_s=10)
        await live.synced()
        streams = {stored.record.stream for stored in await store.read_after("main", before, 1_000)}
        assert result.order_id not in streams
        assert live.positions[ALICE, market().strategy_id, SPOT_A].quantity == position + Decimal("0.001")
        assert await differences(live, store, desk) == []
        await until(lambda: len(live.orders) <= _KEPT)

        # An overfill that comes late is recorded on its order, wherever that was.
        key = fill_key(SPOT_A, order.venue_order_id, Side.BUY, "a further one")
        late = evolve(known, fill=evolve(fill, key=key, quantity=Decimal("0.1")))
        holding = live.positions[ALICE, market().strategy_id, SPOT_A]
        held = holding.quantity
        await live.shard.deliver(late)
        await until(lambda: holding.quantity == held + Decimal("0.1"))
        await live.synced()
        assert (await live.result(result.order_id)).filled_quantity == Decimal("0.6")
        assert await verify_tables(store, "main") == []


async def test_a_late_fill_of_a_child_whose_parent_was_forgotten_reaches_the_parent(
    store: JournalStore, desk: Desk
) -> None:
    config = EngineConfig(timing=PATIENT, finished_orders_kept=1)
    twap = market(exec_algorithm="TWAP", exec_algorithm_params={"horizon_secs": 0.2, "interval_secs": 0.1})
    async with desk.live(store, config) as live:
        await desk.quoted(live)
        result = await live.submit(twap, wait="terminal", timeout_s=10)
        child = live.orders[list(live.orders[result.order_id].children or ())[-1]]
        (fill,) = (child.fills or {}).values()
        await live.synced()
        for _ in range(3):
            await live.submit(market(Side.SELL, "0.1"), wait="terminal", timeout_s=10)
            await live.synced()
        await until(lambda: result.order_id not in live.orders)
        assert child.venue_order_id is not None
        key = fill_key(SPOT_A, child.venue_order_id, Side.BUY, "late")
        late = evolve(fill, key=key, quantity=Decimal("0.01"))
        position = live.positions[ALICE, market().strategy_id, SPOT_A]
        await live.shard.deliver(FillReport(ALICE, child.client_order_id, child.venue_order_id, late))
        await until(lambda: position.quantity == Decimal("0.21"))
        await live.synced()
        assert (await live.result(result.order_id)).filled_quantity == Decimal("0.51")
        assert await verify_tables(store, "main") == []
