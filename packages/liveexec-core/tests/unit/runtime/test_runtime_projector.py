"""The projector: tables follow the journal in coalesced rounds; it retries what may work and halts on what can't be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
import structlog
from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.ids import ClientOrderId, InstrumentId, OrderId
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import SendPlan
from liveexec.errors import (
    Fenced,
    InvariantViolation,
    JournalConflict,
    LiveExecError,
    OutcomeUnknown,
    StorageError,
    TransientStorageError,
)
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.projector import Projector
from liveexec.runtime.rebuild import verify_tables
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    events_to,
    make_asset_moved,
    make_fill,
    make_order_id,
    make_received,
)
from support.runtime_parts import Fault, ScriptedStore, ViewBench, tables_of, turns, until, within

ORDER = make_order_id(1)
LOST = TransientStorageError("connection lost")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry follows at once."""

    def at_once(backoff: Backoff) -> float:
        backoff.failures += 1
        return 0.0

    monkeypatch.setattr(Backoff, "next_s", at_once)


@define(eq=False)
class Desk:
    """A projector with a view and a store, and what it told of finished orders."""

    bench: ViewBench
    projector: Projector
    store: ScriptedStore
    metrics: Metrics
    finished: list[list[tuple[OrderId, int]]]
    marks: dict[InstrumentId, Decimal] = field(factory=dict)
    _numbers: int = 0

    async def deposit(self, count: int = 1) -> None:
        """So many records."""
        for _ in range(count):
            self._numbers += 1
            await self.bench.tell(ALPHA_ACCOUNT, make_asset_moved(Decimal(self._numbers)))
            self.projector.applied()

    async def tell(self, *events: ev.OrderEvent) -> None:
        await self.bench.tell(ORDER, *events)
        self.projector.applied()

    @property
    def rounds(self) -> list[tuple[int, int]]:
        """(after, through) of every write that was tried."""
        return [(batch.after, batch.through) for batch in self.store.calls.get("project", [])]


async def make_desk(interval_s: float = 0.0) -> Desk:
    store, metrics = ScriptedStore(), Metrics()
    bench = await ViewBench.of(store)
    finished: list[list[tuple[OrderId, int]]] = []
    marks: dict[InstrumentId, Decimal] = {}
    projector = Projector(
        store,
        bench.view,
        bench.epoch,
        VirtualClock(NOW_NS),
        metrics,
        marks=lambda: marks,
        on_projected=finished.append,
        interval_s=interval_s,
    )
    return Desk(bench, projector, store, metrics, finished, marks)


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(desk.projector.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_what_becomes_durable_is_in_the_tables_a_moment_later() -> None:
    desk = await make_desk()
    async with running(desk):
        await desk.tell(make_received())
        await within(desk.projector.reached(1))
    assert ORDER in await desk.store.order_rows("main", [ORDER])
    assert desk.bench.view.projected == 1
    assert await verify_tables(desk.store, "main") == []


async def test_what_comes_between_two_rounds_is_written_at_once() -> None:
    desk = await make_desk()
    await desk.tell(make_received())
    for event in events_to(OrderStatus.FILLED):
        await desk.tell(event)
    last = desk.bench.view.position
    async with running(desk):
        await within(desk.projector.reached(last))
    assert desk.rounds == [(0, last)]
    (batch,) = desk.store.calls["project"]
    assert len(batch.orders) == 1


async def test_rounds_follow_each_other_without_a_hole() -> None:
    desk = await make_desk()
    async with running(desk):
        for position in range(1, 6):
            await desk.deposit()
            await within(desk.projector.reached(position))
    assert desk.rounds == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


async def test_without_anything_new_nothing_is_written() -> None:
    desk = await make_desk()
    async with running(desk):
        desk.projector.applied()
        await turns()
    assert desk.rounds == []


async def test_a_round_waits_for_its_time_so_that_more_comes_together() -> None:
    desk = await make_desk(interval_s=3_600.0)
    async with running(desk):
        await desk.deposit(3)
        await turns()
        assert desk.rounds == []


async def test_a_round_starts_early_when_much_waits() -> None:
    desk = await make_desk(interval_s=3_600.0)
    async with running(desk):
        await desk.deposit(255)
        await turns()
        assert desk.rounds == []
        await desk.deposit(1)
        await until(lambda: desk.bench.view.projected == 256)
    assert desk.rounds == [(0, 256)]


async def test_a_round_starts_early_when_somebody_waits_for_it() -> None:
    desk = await make_desk(interval_s=3_600.0)
    async with running(desk):
        await desk.deposit(2)
        await turns()
        await within(desk.projector.reached(2))
    assert desk.rounds == [(0, 2)]


async def test_who_waits_for_what_is_there_does_not_wait() -> None:
    desk = await make_desk(interval_s=3_600.0)
    await within(desk.projector.reached(0))
    assert desk.rounds == []


async def test_everybody_waits_for_the_position_that_he_asked_for() -> None:
    desk = await make_desk()
    await desk.deposit(1)
    held = desk.store.hold("project")
    async with running(desk):
        first, second = (asyncio.create_task(desk.projector.reached(position)) for position in (1, 2))
        await until(lambda: desk.rounds)
        await desk.deposit(1)
        following = desk.store.hold("project")
        held.set()
        await within(first)
        assert not second.done()
        following.set()
        await within(second)
    assert desk.rounds == [(0, 1), (1, 2)]


async def test_who_gives_up_waiting_does_not_disturb() -> None:
    desk = await make_desk()
    held = desk.store.hold("project")
    async with running(desk):
        await desk.deposit(1)
        leaves = asyncio.create_task(desk.projector.reached(1))
        await turns()
        leaves.cancel()
        stays = asyncio.create_task(desk.projector.reached(1))
        await turns()
        held.set()
        await within(stays)
    assert leaves.cancelled()


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("error", [LOST, StorageError("the disk is full")])
async def test_a_failing_projection_is_retried_with_the_same_rows_though_orders_move_on(
    error: StorageError, carried_out: bool
) -> None:
    desk = await make_desk()
    released = asyncio.Event()
    desk.store.fail("project", Fault(error, carried_out), Fault(error, until=released))
    async with running(desk):
        await desk.tell(make_received(), *events_to(OrderStatus.SUBMITTED))
        await until(lambda: len(desk.rounds) == 2)
        # The order goes on while the write of what it was is being retried.
        await desk.tell(ev.Accepted(None, NOW_NS))
        held = desk.store.hold("project")
        third = desk.store.hold("project")
        released.set()
        held.set()
        await within(desk.projector.reached(1))
        rows = await desk.store.order_rows("main", [ORDER])
        assert rows[ORDER]["status"] is OrderStatus.SUBMITTED
        assert rows[ORDER]["last_sequence"] == 4
        third.set()
        await within(desk.projector.reached(2))
    batches = desk.store.calls["project"]
    assert batches[0] is batches[1] is batches[2]
    assert desk.rounds == [(0, 1), (0, 1), (0, 1), (1, 2)]
    assert await verify_tables(desk.store, "main") == []


async def test_a_projection_that_goes_on_failing_alarms_again_and_again() -> None:
    desk = await make_desk()
    desk.store.fail("project", *[StorageError("the disk is full")] * 65)
    with structlog.testing.capture_logs() as logs:
        async with running(desk):
            await desk.deposit(1)
            await within(desk.projector.reached(1))
    alarms = [entry for entry in logs if entry["event"] == "projection_failed"]
    assert len(alarms) == 3
    assert {(entry["log_level"], entry["through"], entry["error"]) for entry in alarms} == {
        ("error", 1, "the disk is full")
    }


@pytest.mark.parametrize(
    "error",
    [
        InvariantViolation("a fill key is there twice"),
        JournalConflict("it is there with other content"),
        Fenced("epoch 1 is over"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_it_halts_on_what_no_retry_can_cure(error: LiveExecError) -> None:
    desk = await make_desk()
    desk.store.fail("project", error)
    async with running(desk) as task:
        await desk.deposit(1)
        with pytest.raises(type(error)):
            await within(task)
    assert desk.rounds == [(0, 1)]
    assert desk.bench.view.projected == 0


async def test_a_fill_key_that_is_there_for_another_order_halts() -> None:
    desk = await make_desk()
    async with running(desk) as task:
        for number in (1, 2):
            order_id = make_order_id(number)
            received = make_received(operation_id=f"OP-{number}")
            await desk.bench.tell(order_id, received, *events_to(OrderStatus.ACCEPTED)[:2])
            await desk.bench.tell(
                order_id, ev.SubmitRequested(1, SendPlan(ClientOrderId(f"c{number}"), 0), Decimal(1), None)
            )
            await desk.bench.tell(order_id, ev.FillApplied(make_fill(1)))
            desk.projector.applied()
            await turns()
        with pytest.raises(InvariantViolation, match="fills"):
            await within(task)


async def test_a_second_owner_fences_the_first_ones_projector() -> None:
    desk = await make_desk()
    await desk.deposit(1)
    await desk.store.acquire("main", "owner-1", 30.0)
    async with running(desk) as task:
        with pytest.raises(Fenced):
            await within(task)
    assert tables_of(desk.store) == {}


async def test_finished_orders_are_told_with_the_sequence_that_the_tables_show() -> None:
    desk = await make_desk()
    held = desk.store.hold("project")
    async with running(desk):
        await desk.tell(make_received(), *events_to(OrderStatus.CANCELED))
        shown = desk.bench.view.ledger.orders[ORDER].last_sequence
        await until(lambda: desk.rounds)
        # A fill that comes late, while the tables are being written.
        await desk.tell(ev.FillApplied(make_fill()))
        held.set()
        await within(desk.projector.reached(1))
        assert desk.finished[0] == [(ORDER, shown)]
        await within(desk.projector.reached(2))
    assert desk.finished[1] == [(ORDER, shown + 1)]


async def test_orders_that_still_work_are_not_told_as_finished() -> None:
    desk = await make_desk()
    async with running(desk):
        await desk.tell(make_received(), *events_to(OrderStatus.ACCEPTED))
        await within(desk.projector.reached(1))
    assert desk.finished == [[]]


async def test_the_lag_counts_from_the_oldest_record_of_a_batch() -> None:
    desk = await make_desk()

    def lag(kind: str) -> float:
        return desk.metrics.registry.get_sample_value(f"liveexec_projection_lag_seconds_{kind}") or 0.0

    await desk.deposit(3)
    async with running(desk):
        await within(desk.projector.reached(3))
        assert lag("count") == 1
        await desk.deposit(1)
        await within(desk.projector.reached(4))
    assert lag("count") == 2
    assert lag("sum") > 0


async def test_positions_are_valued_at_the_markets_prices_of_the_round() -> None:
    desk = await make_desk()
    desk.marks[SPOT] = Decimal(46_000)
    async with running(desk):
        await desk.tell(make_received(), *events_to(OrderStatus.FILLED))
        await within(desk.projector.reached(1))
    (row,) = tables_of(desk.store)["positions"].values()
    assert row["unrealized_pnl"] == Decimal(1_000)


async def test_once_given_up_whoever_waits_and_whoever_comes_is_told() -> None:
    desk = await make_desk(interval_s=3_600.0)
    await desk.deposit(1)
    waiting = asyncio.create_task(desk.projector.reached(1))
    await turns()
    desk.projector.fail_all(OutcomeUnknown("the journal stopped"))
    for asked in (waiting, desk.projector.reached(1)):
        with pytest.raises(OutcomeUnknown):
            await within(asked)
