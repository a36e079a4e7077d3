"""The database dies while a host trades, and comes back: nothing told is lost, nothing doubled, trading goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count

import anyio
import pytest

from liveexec import ExecutionResult, InvalidInput, OrderStatus, PostgresStore
from liveexec.domain.ids import OperationId
from liveexec.errors import Halted, LiveExecError, OutcomeUnknown
from liveexec.runtime.journal import JournalState
from support.hosting import (
    HASTY,
    VENUE_A,
    Desk,
    differences,
    limit,
    local_desk,
    market,
    quiet_venue,
    quiet_world,
    until,
)
from support.postgres import TestServer, own_server

_OVER = (OutcomeUnknown, Halted)


@pytest.fixture(scope="module")
def mortal() -> Iterator[TestServer]:
    """A server that tests of this module may kill."""
    with own_server() as server:
        yield server


@pytest.fixture
async def store(mortal: TestServer) -> AsyncIterator[PostgresStore]:
    dsn = mortal.create_migrated_database()
    async with PostgresStore(dsn) as opened:
        yield opened


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        yield desk


@pytest.mark.parametrize("whole", [False, True], ids=["the postmaster", "every process"])
async def test_a_database_that_is_killed_under_load_loses_and_doubles_nothing(
    mortal: TestServer, store: PostgresStore, desk: Desk, whole: bool
) -> None:
    told: dict[str, ExecutionResult] = {}
    unknown: list[str] = []
    stopping = False
    async with desk.live(store) as live:
        await desk.quoted(live)
        numbers = count(1)

        async def submit_on_and_on() -> None:
            while not stopping:
                name = f"OP-{next(numbers)}"
                try:
                    told[name] = await live.submit(
                        market(quantity="0.001", operation_id=OperationId(name)), wait="terminal", timeout_s=60
                    )
                except _OVER:
                    unknown.append(name)
                    await anyio.sleep(0.01)

        workers = [asyncio.create_task(submit_on_and_on()) for _ in range(8)]
        await until(lambda: len(told) > 30)
        (mortal.kill_all if whole else mortal.kill)()
        # Whether the journal notices depends on what everybody waits for: those who look an operation up write nothing.
        before = len(told)
        await anyio.to_thread.run_sync(mortal.restart)
        await until(lambda: len(told) > before + 30, 60)
        stopping = True
        async with asyncio.timeout(60):
            await asyncio.gather(*workers)
        assert live.error is None
        for name in unknown:
            result = await live.submit(
                market(quantity="0.001", operation_id=OperationId(name)), wait="terminal", timeout_s=20
            )
            told[name] = result
        # What could not become durable before its deadline was provably not sent.
        filled = [result for result in told.values() if result.status is OrderStatus.FILLED]
        stopped = [result for result in told.values() if result.rejection_reason == "NOT_SENT"]
        assert len(filled) + len(stopped) == len(told) == len({result.order_id for result in told.values()})
        assert len(filled) == len(await desk.fills_at(VENUE_A))
        assert await differences(live, store, desk) == []


async def test_while_the_journal_is_stalled_no_risk_is_taken_and_then_it_goes_on(
    mortal: TestServer, store: PostgresStore, desk: Desk
) -> None:
    async with desk.live(store, HASTY) as live:
        await desk.quoted(live)
        resting = await live.submit(limit(), wait="ack", timeout_s=10)
        await live.synced()
        mortal.kill_all()
        with pytest.raises(Halted):
            async with asyncio.timeout(10):
                await live.submit(market(operation_id=OperationId("OP-1")))
        stalled = asyncio.create_task(live.submit(market(), wait="terminal"))
        await until(lambda: live.shard.journal.state is JournalState.STALLED)
        with pytest.raises(Halted):
            await live.submit(market())
        with pytest.raises(InvalidInput):
            await live.submit(market(), principal="")
        assert await desk.fills_at(VENUE_A) == ()
        canceling = asyncio.create_task(live.cancel(resting.order_id, wait="terminal"))
        await anyio.to_thread.run_sync(mortal.restart)
        async with asyncio.timeout(30):
            result = await stalled
            assert (result.status, result.rejection_reason) == (OrderStatus.REJECTED, "NOT_SENT")
            assert (await canceling).status is OrderStatus.CANCELED
            assert live.shard.journal.state is JournalState.WRITING
            assert live.error is None
            assert (await live.submit(market(), wait="terminal")).status is OrderStatus.FILLED
        assert await differences(live, store, desk) == []


async def test_a_host_that_is_started_while_the_database_is_down_says_so(
    mortal: TestServer, store: PostgresStore, desk: Desk
) -> None:
    mortal.kill_all()
    try:
        live = desk.orchestrator(store)
        with pytest.raises(LiveExecError):
            async with asyncio.timeout(45):
                await live.start()
        await live.close()
    finally:
        await anyio.to_thread.run_sync(mortal.restart)
    async with desk.live(store) as live:
        await desk.quoted(live)
        assert (await live.submit(market(), wait="terminal", timeout_s=10)).status is OrderStatus.FILLED
