"""Every kind of order as a host sends it, to its end; after each, tables, journal and venues agree."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from liveexec import EngineConfig, ExecutionResult, MemoryStore, OrderIntent, OrderStatus, RouterConfig
from liveexec.domain.ids import InstrumentId, OperationId, StrategyId, venue_of
from liveexec.domain.intent import CancelIntent, ReplaceIntent
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.venue import ReplaceMode
from liveexec.runtime.ports import JournalStore
from support.hosting import (
    ALICE,
    LINEAR_A,
    PATIENT,
    PRODUCT,
    SPOT_A,
    VENUE_A,
    VENUE_B,
    Desk,
    differences,
    limit,
    local_desk,
    market,
    quiet_venue,
    quiet_world,
    remote_desk,
    until,
    until_order,
)


@pytest.fixture
async def desk(store: JournalStore, tmp_path: Path) -> AsyncIterator[Desk]:
    """Beside the memory store venues in this process; beside PostgreSQL a process of their own."""
    async with local_desk() if isinstance(store, MemoryStore) else remote_desk(tmp_path) as desk:
        yield desk


@pytest.fixture
async def local() -> AsyncIterator[Desk]:
    async with local_desk() as desk:
        yield desk


def ended(result: ExecutionResult) -> tuple[Any, ...]:
    return result.status, result.filled_quantity, result.average_price, result.rejection_reason


async def test_plain_orders_end_as_their_kind_says(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        ioc, fok = TimeInForce.IOC, TimeInForce.FOK

        async def done(intent: OrderIntent) -> tuple[Any, ...]:
            return ended(await live.submit(intent, wait="terminal", timeout_s=10))

        half = Decimal("0.5")
        assert await done(market()) == (OrderStatus.FILLED, half, 60010, None)
        assert await done(market(Side.SELL)) == (OrderStatus.FILLED, half, 60000, None)
        assert await done(limit(price="60010")) == (OrderStatus.FILLED, half, 60010, None)
        assert await done(limit(price="59990", time_in_force=ioc)) == (OrderStatus.CANCELED, 0, None, None)
        partly = await done(limit(price="60010", quantity="9", time_in_force=ioc))
        assert partly == (OrderStatus.CANCELED, 4, 60010, None)
        await desk.others[VENUE_A].rest(SPOT_A, Side.SELL, "60010", "1")
        await desk.seen(live, [SPOT_A])
        killed = await done(limit(price="60010", quantity="2", time_in_force=fok))
        assert killed[:3] == (OrderStatus.REJECTED, 0, None) or killed[:3] == (OrderStatus.CANCELED, 0, None)
        assert (await done(limit(price="60010", quantity="1", time_in_force=fok)))[:2] == (OrderStatus.FILLED, 1)
        assert (await done(limit(Side.SELL, "60000", post_only=True)))[0] is OrderStatus.REJECTED
        assert await differences(live, store, desk) == []


async def test_a_resting_order_is_filled_by_others_and_the_position_follows(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        placed = await live.submit(limit(Side.SELL, "60005", "2"), wait="ack", timeout_s=10)
        assert ended(placed)[:2] == (OrderStatus.ACCEPTED, 0)
        await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "0.5")
        order = await until_order(live, placed.order_id, lambda order: order.filled_quantity)
        assert (order.status, order.leaves) == (OrderStatus.PARTIALLY_FILLED, Decimal("1.5"))
        await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "1.5")
        order = await until_order(live, placed.order_id, lambda order: not order.is_open)
        assert (order.status, order.average_price) == (OrderStatus.FILLED, Decimal(60005))
        assert {key: position.quantity for key, position in live.positions.items()} == {(ALICE, "tests", SPOT_A): -2}
        assert await differences(live, store, desk) == []


async def test_a_product_goes_to_the_better_venue_and_a_split_to_both(store: JournalStore, desk: Desk) -> None:
    config = EngineConfig(timing=PATIENT, router=RouterConfig(policy="split"))
    async with desk.live(store, config) as live:
        await desk.others[VENUE_A].quote(SPOT_A, "60000", "60010", "2")
        await desk.others[VENUE_B].quote(InstrumentId(f"{VENUE_B}:{PRODUCT}"), "60000", "60011", "2")
        await desk.seen(live, [SPOT_A, InstrumentId(f"{VENUE_B}:{PRODUCT}")])
        routed = await live.submit(market(instrument_key=PRODUCT, quantity="1"), wait="terminal", timeout_s=10)
        assert {venue_of(fill.instrument_id) for fill in routed.fills} == {VENUE_A}
        books = live.shard.engine.state.market.books
        await until(lambda: books[SPOT_A].asks[0][1] == 1)
        intent = limit(price="60100", quantity="2", instrument_key=PRODUCT, time_in_force=TimeInForce.IOC)
        split = await live.submit(intent, wait="terminal", timeout_s=10)
        assert ended(split)[:2] == (OrderStatus.FILLED, 2)
        by_venue = {venue_of(fill.instrument_id): fill.quantity for fill in split.fills}
        assert by_venue == {VENUE_A: 1, VENUE_B: 1}
        children = live.orders[split.order_id].children or ()
        assert [live.orders[child].status for child in children] == [OrderStatus.FILLED] * 2
        assert await differences(live, store, desk) == []


async def test_a_twap_fills_in_slices_that_sum_up_exactly(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        intent = market(
            quantity="1.00001", exec_algorithm="TWAP", exec_algorithm_params={"horizon_secs": 1, "interval_secs": 0.25}
        )
        result = await live.submit(intent, wait="terminal", timeout_s=20)
        assert ended(result)[:3] == (OrderStatus.FILLED, Decimal("1.00001"), 60010)
        assert len(result.fills) == 4
        assert await differences(live, store, desk) == []


async def test_an_iceberg_shows_a_part_at_a_time(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        intent = limit(
            Side.SELL, "60005", "3", exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "1"}
        )
        placed = await live.submit(intent)
        for shown in range(3):
            await until(lambda: len(live.orders[placed.order_id].children or ()) == shown + 1)  # noqa: B023  (awaited here)
            child = list(live.orders[placed.order_id].children or ())[-1]
            await until_order(live, child, lambda order: order.status is OrderStatus.ACCEPTED)
            assert [order.quantity for order in await desk.orders_at(VENUE_A)] == [1]
            await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "1")
            await until_order(live, child, lambda order: order.status is OrderStatus.FILLED)
        result = await live.submit(evolve(market(), operation_id=OperationId("later")), wait="durable")
        assert result.order_id != placed.order_id
        order = await until_order(live, placed.order_id, lambda order: not order.is_open)
        assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, Decimal(3))
        await until_order(live, result.order_id, lambda order: not order.is_open)
        assert await differences(live, store, desk) == []


async def test_cancels_end_orders_parents_and_their_children(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        plain = await live.submit(limit(), wait="ack", timeout_s=10)
        iceberg = await live.submit(
            limit(quantity="3", exec_algorithm="ICEBERG", exec_algorithm_params={"visible_quantity": "1"}),
            wait="ack",
            timeout_s=10,
        )
        for order_id in (plain.order_id, iceberg.order_id):
            result = await live.cancel(order_id, wait="terminal", timeout_s=10)
            assert ended(result)[:2] == (OrderStatus.CANCELED, 0)
        assert live.open_orders() == []
        assert await desk.orders_at(VENUE_A) == ()
        again = await live.cancel(plain.order_id, wait="terminal", timeout_s=10)
        assert again.status is OrderStatus.CANCELED
        assert await differences(live, store, desk) == []


@pytest.mark.parametrize("mode", [ReplaceMode.ATOMIC_TOTAL, ReplaceMode.NONE])
async def test_a_replace_means_the_total_with_what_was_filled(
    store: JournalStore, mode: ReplaceMode, tmp_path: Path
) -> None:
    world = quiet_world(quiet_venue(replace=mode))
    async with (
        local_desk(world) if isinstance(store, MemoryStore) else remote_desk(tmp_path, world) as desk,
        desk.live(store) as live,
    ):
        await desk.quoted(live)
        placed = await live.submit(limit(Side.SELL, "60005", "2"), wait="ack", timeout_s=10)
        await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "0.5")
        await until_order(live, placed.order_id, lambda order: order.filled_quantity)
        await live.replace(ReplaceIntent(placed.order_id, Decimal(3), Decimal(60006), OperationId("R-1")))
        changed = await until_order(live, placed.order_id, lambda order: order.replace is None)
        assert (changed.quantity, changed.leaves, changed.price) == (Decimal(3), Decimal("2.5"), Decimal(60006))
        await until_order(live, placed.order_id, lambda order: order.status is OrderStatus.PARTIALLY_FILLED)
        at_venue = await desk.orders_at(VENUE_A)
        assert [(order.quantity - order.filled_quantity, order.price) for order in at_venue] == [
            (Decimal("2.5"), Decimal(60006))
        ]
        repeated = await live.replace(ReplaceIntent(placed.order_id, Decimal(3), Decimal(60006), OperationId("R-1")))
        assert repeated.repeated
        await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60006", "2.5")
        result = await live.result(placed.order_id)
        order = await until_order(live, result.order_id, lambda order: not order.is_open)
        assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, Decimal(3))
        assert await differences(live, store, desk) == []


async def test_waiting_ends_with_what_is_recorded_when_the_time_is_over(store: JournalStore, local: Desk) -> None:
    async with local.live(store) as live:
        await local.quoted(live)
        durable = await live.submit(limit())
        assert durable.status in (OrderStatus.SUBMITTED, OrderStatus.ACCEPTED)
        acknowledged = await live.submit(limit(quantity="0.6"), wait="ack", timeout_s=10)
        assert acknowledged.status is OrderStatus.ACCEPTED
        resting = await live.submit(limit(quantity="0.7"), wait="terminal", timeout_s=0.05)
        assert resting.status is OrderStatus.ACCEPTED
        terminal = asyncio.create_task(live.submit(limit(quantity="0.8"), wait="terminal"))
        await until(lambda: len(live.open_orders()) == 4)
        for order in live.open_orders():
            await live.cancel(order.order_id)
        assert (await terminal).status is OrderStatus.CANCELED
        assert await differences(live, store, local) == []


async def test_positions_of_a_derivative_and_a_second_strategy_stand_apart(store: JournalStore, local: Desk) -> None:
    async with local.live(store) as live:
        await local.others[VENUE_A].quote(LINEAR_A, "60000", "60010")
        await local.seen(live, [LINEAR_A])
        for strategy, side, quantity in (("one", Side.BUY, "2"), ("two", Side.SELL, "3")):
            intent = market(side, quantity, instrument_key=LINEAR_A, strategy_id=StrategyId(strategy))
            assert (await live.submit(intent, wait="terminal", timeout_s=10)).status is OrderStatus.FILLED
        assert {key[1]: position.quantity for key, position in live.positions.items()} == {"one": 2, "two": -3}
        (book,) = [book for book in live.accounts if LINEAR_A in book.positions]
        assert book.positions[LINEAR_A].quantity == -1
        assert await differences(live, store, local) == []


async def test_a_cancel_of_an_order_by_its_intent_carries_an_operation_id(store: JournalStore, local: Desk) -> None:
    async with local.live(store) as live:
        await local.quoted(live)
        placed = await live.submit(limit(), wait="ack", timeout_s=10)
        wish = CancelIntent(placed.order_id, OperationId("C-1"), "end of day")
        first = await live.cancel(wish, wait="terminal", timeout_s=10)
        second = await live.cancel(wish, wait="terminal", timeout_s=10)
        assert (first.repeated, second.repeated) == (False, True)
        assert first.status is second.status is OrderStatus.CANCELED
