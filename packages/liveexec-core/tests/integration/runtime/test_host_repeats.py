"""Operation ids, unknown orders, streams, reads of one's own writes, draining and restarts, as a host meets them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from attrs import evolve

from liveexec import (
    ControlScope,
    EngineConfig,
    InvalidInput,
    MemoryStore,
    OrderStatus,
    PostgresStore,
    ScopeKind,
    TradingState,
)
from liveexec.domain.ids import OperationId, OrderId
from liveexec.domain.intent import CancelIntent, ReplaceIntent
from liveexec.domain.operation import Side
from liveexec.errors import Draining, LiveExecError, NotFound, OperationConflict
from liveexec.runtime.ports import JournalStore
from liveexec.storage.dsn import Dsn
from support.hosting import (
    ALICE,
    PATIENT,
    SPOT_A,
    VENUE_A,
    Desk,
    differences,
    limit,
    local_desk,
    market,
    remote_desk,
    until,
)

NOWHERE = OrderId("ORD-" + "0" * 25 + "1")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with local_desk() as desk:
        yield desk


async def test_a_repeated_operation_id_gives_the_first_result_in_memory_after_memory_and_after_a_restart(
    store: JournalStore, desk: Desk
) -> None:
    config = EngineConfig(timing=PATIENT, finished_orders_kept=1)
    intent = market(operation_id=OperationId("OP-1"))
    async with desk.live(store, config) as live:
        await desk.quoted(live)
        first = await live.submit(intent, wait="terminal", timeout_s=10)
        at_once = await live.submit(intent, wait="terminal", timeout_s=10)
        for _ in range(3):
            await live.submit(market(quantity="0.1"), wait="terminal", timeout_s=10)
        await live.synced()
        await until(lambda: first.order_id not in live.orders)
        later = await live.submit(intent, wait="terminal", timeout_s=10)
        with pytest.raises(OperationConflict, match="OP-1"):
            await live.submit(evolve(intent, quantity=Decimal("0.6")))
        other = await live.submit(intent, wait="terminal", timeout_s=10, principal="somebody else")
    async with desk.live(store, config) as live:
        restarted = await live.submit(intent, wait="terminal", timeout_s=10)
        with pytest.raises(OperationConflict, match="OP-1"):
            await live.submit(evolve(intent, quantity=Decimal("0.6")))
        with pytest.raises(OperationConflict, match="OP-1"):
            await live.cancel(CancelIntent(first.order_id, OperationId("OP-1")))
        for repeated in (at_once, later, restarted):
            assert (repeated.order_id, repeated.repeated) == (first.order_id, True)
            assert (repeated.status, repeated.filled_quantity) == (OrderStatus.FILLED, Decimal("0.5"))
            assert [fill.key for fill in repeated.fills] == [fill.key for fill in first.fills]
        assert (other.order_id == first.order_id, other.repeated) == (False, False)
        assert len(await desk.fills_at(VENUE_A)) == 5
        assert await differences(live, store, desk) == []


async def test_the_same_operation_sent_many_times_at_once_is_one_order(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        intent = market(operation_id=OperationId("OP-1"))
        results = await asyncio.gather(*(live.submit(intent, wait="terminal", timeout_s=10) for _ in range(20)))
        assert len({result.order_id for result in results}) == 1
        assert sorted(result.repeated for result in results) == [False] + [True] * 19
        assert len(await desk.fills_at(VENUE_A)) == 1
        assert await differences(live, store, desk) == []


async def test_cancels_and_replaces_of_what_is_not_there_or_has_ended(store: JournalStore, desk: Desk) -> None:
    config = EngineConfig(timing=PATIENT, finished_orders_kept=1)
    async with desk.live(store, config) as live:
        await desk.quoted(live)
        with pytest.raises(NotFound):
            await live.cancel(NOWHERE)
        with pytest.raises(NotFound):
            await live.replace(ReplaceIntent(NOWHERE, Decimal(1)))
        with pytest.raises(NotFound):
            await live.result(NOWHERE)
        with pytest.raises(InvalidInput):
            await live.cancel(OrderId("nonsense"))
        filled = await live.submit(market(), wait="terminal", timeout_s=10)
        for _ in range(2):
            canceled = await live.cancel(filled.order_id, wait="terminal", timeout_s=10)
            assert canceled.status is OrderStatus.FILLED
            with pytest.raises(InvalidInput, match="FILLED"):
                await live.replace(ReplaceIntent(filled.order_id, Decimal(1)))
            for _ in range(3):
                await live.submit(market(quantity="0.1"), wait="terminal", timeout_s=10)
            await until(lambda: filled.order_id not in live.orders)
        assert live.error is None
        assert await differences(live, store, desk) == []


@pytest.mark.parametrize("name", [ALICE, "control:main", "", "ORD-", "x" * 10_000, "ORD-\x00"])
async def test_a_name_that_is_no_order_id_is_not_found_and_harms_nothing(
    store: JournalStore, desk: Desk, name: str
) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        with pytest.raises((NotFound, InvalidInput)):
            async with asyncio.timeout(5):
                await live.result(OrderId(name))
        assert (await live.submit(market(), wait="terminal", timeout_s=10)).status is OrderStatus.FILLED


@pytest.mark.parametrize("word", ["\x00", "", "x" * 200, "a\nb", None])
async def test_a_principal_that_can_not_be_kept_is_refused_and_harms_nothing(
    store: JournalStore, desk: Desk, word: Any
) -> None:
    scope = ControlScope(ScopeKind.STRATEGY, "tests")
    async with desk.live(store) as live:
        await desk.quoted(live)
        placed = await live.submit(limit(), wait="ack", timeout_s=10)
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: live.submit(market(operation_id=OperationId("OP-1")), principal=word),
            lambda: live.cancel(placed.order_id, principal=word),
            lambda: live.replace(ReplaceIntent(placed.order_id, Decimal(1)), principal=word),
            lambda: live.kill(scope, principal=word, reason="test"),
            lambda: live.kill(scope, principal="tests", reason=word),
            lambda: live.set_trading_state(scope, TradingState.HALTED, principal=word, reason="test"),
            lambda: live.clear_latch(scope, "REPEATED_EXECUTION", principal="tests", reason=word),
        ]
        for call in calls:
            with pytest.raises(InvalidInput):
                async with asyncio.timeout(5):
                    await call()
        assert (await live.submit(market(), wait="terminal", timeout_s=10)).status is OrderStatus.FILLED
        assert live.orders[placed.order_id].is_open
        assert await differences(live, store, desk) == []


async def test_a_stream_shows_every_position_once_and_without_a_gap(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        stream = live.stream()
        after = live.shard.view.position
        await desk.quoted(live)
        await asyncio.gather(
            *(live.submit(market(quantity="0.01"), wait="terminal", timeout_s=10) for _ in range(30)),
            *(live.submit(limit(), wait="ack", timeout_s=10) for _ in range(10)),
        )
        through = live.shard.view.position
        items = []
        async for item in stream:
            items.append(item)
            if item.position == through:
                break
        stream.close()
        assert list(dict.fromkeys(item.position for item in items)) == list(range(after + 1, through + 1))
        by_stream: dict[str, list[int]] = {}
        for item in items:
            by_stream.setdefault(item.stream, []).append(item.sequence)
        for name, sequences in by_stream.items():
            assert sequences == list(range(sequences[0], sequences[0] + len(sequences))), name
        stored = await store.read_after("main", after, 10_000)
        assert [event for record in stored for event in map(type, record.record.events)][: len(items)] == [
            type(item.event) for item in items
        ]


async def test_a_listener_that_is_too_slow_is_told_so(desk: Desk) -> None:
    async with desk.live(MemoryStore()) as live:
        stream = live.stream(buffer=2)
        await desk.quoted(live)
        await live.submit(market(), wait="terminal", timeout_s=10)
        with pytest.raises(LiveExecError, match="more than 2 items"):
            async for _ in stream:
                pass


async def test_the_tables_show_what_the_caller_was_told_once_synced(
    postgres: PostgresStore, desk: Desk, database_dsn: Dsn
) -> None:
    connection = await asyncpg.connect(database_dsn.url)
    try:
        async with desk.live(postgres) as live:
            await desk.quoted(live)
            for number in range(10):
                result = await live.submit(market(quantity=f"0.{number + 1:02}"), wait="terminal", timeout_s=10)
                await live.synced()
                row = await connection.fetchrow(
                    "SELECT status, filled_quantity FROM unified_orders WHERE order_id = $1", result.order_id
                )
                assert (row["status"], row["filled_quantity"]) == ("FILLED", result.filled_quantity)
                fills = await connection.fetch("SELECT fill_key FROM fills WHERE order_id = $1", result.order_id)
                assert [row["fill_key"] for row in fills] == [fill.key for fill in result.fills]
    finally:
        await connection.close()


async def test_incident_6_a_closing_host_takes_cancels_but_no_risk_and_the_next_start_finds_what_is_open(
    store: JournalStore, tmp_path: Path
) -> None:
    async with local_desk() if isinstance(store, MemoryStore) else remote_desk(tmp_path) as desk:
        async with desk.live(store) as live:
            await desk.quoted(live)
            resting = [(await live.submit(limit(quantity=f"0.{n}"), wait="ack", timeout_s=10)).order_id for n in "123"]
            closing = asyncio.create_task(live.close())
            await asyncio.sleep(0)
            with pytest.raises(Draining):
                await live.submit(market())
            with pytest.raises(Draining):
                await live.replace(ReplaceIntent(resting[0], Decimal(1)))
            await closing
            with pytest.raises(LiveExecError):
                await live.submit(market())
        assert len(await desk.orders_at(VENUE_A)) == 3
        await desk.others[VENUE_A].clear()
        await desk.others[VENUE_A].rest(SPOT_A, Side.SELL, "59000", "0.2")
        async with desk.live(store) as live:
            found = {order.order_id: order for order in live.open_orders()}
            assert live.orders[resting[0]].filled_quantity + live.orders[resting[1]].filled_quantity == Decimal("0.2")
            assert set(found) <= set(resting)
            assert len(await desk.orders_at(VENUE_A)) == len(found)
            for order_id in found:
                assert (await live.cancel(order_id, wait="terminal", timeout_s=10)).status is OrderStatus.CANCELED
            assert await desk.orders_at(VENUE_A) == ()
            assert await differences(live, store, desk) == []


async def test_closing_ends_every_wait_with_an_error_and_loses_nothing(store: JournalStore, desk: Desk) -> None:
    async with desk.live(store) as live:
        await desk.quoted(live)
        placed = await live.submit(limit(), wait="ack", timeout_s=10)
        waiting = asyncio.create_task(live.submit(limit(operation_id=OperationId("OP-1")), wait="terminal"))
        stream = live.stream()
        await until(lambda: len(live.open_orders()) == 2)
        await live.close()
        with pytest.raises(LiveExecError):
            async with asyncio.timeout(5):
                await waiting
        async with asyncio.timeout(5):
            async for _ in stream:
                pass
    async with desk.live(store) as live:
        assert len(live.open_orders()) == 2
        assert (await live.submit(limit(operation_id=OperationId("OP-1")))).repeated
        assert placed.order_id in live.orders
        assert await differences(live, store, desk) == []


async def test_closing_twice_or_without_a_start_is_harmless(desk: Desk) -> None:
    never = desk.orchestrator(MemoryStore())
    await never.close()
    with pytest.raises(LiveExecError):
        await never.submit(market())
    live = desk.orchestrator(MemoryStore())
    await live.start()
    with pytest.raises(LiveExecError, match="started already"):
        await live.start()
    await live.close()
    await live.close()


async def test_many_lives_on_one_store_add_up(store: JournalStore, desk: Desk) -> None:
    for life in range(4):
        async with desk.live(store, owner=f"host {life}") as live:
            if life == 0:
                await desk.quoted(live)
            else:
                await desk.seen(live, [SPOT_A])
            assert (await live.submit(market(quantity="0.3"), wait="terminal", timeout_s=10)).status == "FILLED"
            assert live.positions[ALICE, market().strategy_id, SPOT_A].quantity == Decimal("0.3") * (life + 1)
            assert await differences(live, store, desk) == []
