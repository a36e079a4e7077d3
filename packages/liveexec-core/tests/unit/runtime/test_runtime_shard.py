"""One life of a shard, its parts together: what only shows where they meet."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, field

from liveexec import EngineConfig, LiveExecutionOrchestrator
from liveexec.composition import build
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import ClientOrderId, OperationId, OrderId, VenueOrderId
from liveexec.domain.intent import CancelIntent
from liveexec.domain.order import PendingCancel
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Accepted, FillReport, OrderReport, PositionReport, VenueOrderStatus
from liveexec.domain.stored import Ownership
from liveexec.domain.venue import Ordering
from liveexec.engine.inputs import ControlKind, EngineInput, Kill
from liveexec.engine.turn import Decision
from liveexec.errors import (
    Fenced,
    Halted,
    InvalidInput,
    InvariantViolation,
    LiveExecError,
    NotFound,
    OutcomeUnknown,
    StorageError,
    TransientStorageError,
)
from liveexec.runtime import engine_loop
from liveexec.runtime.clock import WallClock
from liveexec.runtime.rebuild import verify_tables
from liveexec.runtime.sessions import SessionState
from support.builders import (
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    make_book,
    make_fill,
    make_intent,
    make_listing,
    make_manifest,
)
from support.runtime_parts import Ended, Fault, ScriptedStore, ScriptedVenue, turns, until, within

EVERYTHING = ControlScope(ScopeKind.GLOBAL)


@define(eq=False)
class Desk:
    """A host before a scripted venue that quotes a spot pair and takes whatever it is sent."""

    store: ScriptedStore = field(factory=ScriptedStore)
    venue: ScriptedVenue = field(factory=ScriptedVenue)
    clock: WallClock = field(factory=WallClock)

    def host(self, *others: ScriptedVenue, **config: Any) -> LiveExecutionOrchestrator:
        return build(EngineConfig(**config), self.store, (self.venue, *others), clock=self.clock, owner="host")

    @asynccontextmanager
    async def live(self, *others: ScriptedVenue, **config: Any) -> AsyncIterator[LiveExecutionOrchestrator]:
        async with self.host(*others, **config) as live:
            self.venue.quotes.put(self.book())
            await within(live.active())
            yield live

    def book(self) -> Any:
        now_ns = self.clock.now_ns()
        return make_book(at_ns=now_ns, venue_time_ns=now_ns)

    def fill(self, order_id: str, number: int = 1, quantity: str = "1") -> FillReport:
        """The venue filled an order."""
        client_order_id = ClientOrderId(f"lx{order_id[4:]}")
        fill = make_fill(number, key=FillKey(f"T-{number}"), quantity=Decimal(quantity))
        return FillReport(ALPHA_ACCOUNT, client_order_id, VenueOrderId(f"V-{number}"), fill)

    async def filled(self, live: LiveExecutionOrchestrator, number: int, **intent: Any) -> OrderId:
        """An order that was sent and filled."""
        result = await within(live.submit(make_intent(**intent)))
        self.venue.told.put(self.fill(result.order_id, number))
        await until(lambda: (order := live.orders.get(result.order_id)) is None or not order.is_open)
        return result.order_id


# Kill


async def test_what_flattens_a_killed_scope_is_not_stopped_by_the_kill() -> None:
    desk = Desk()
    async with desk.live() as live:
        await desk.filled(live, 1)
        sent = desk.venue.count("submit")
        await within(live.kill(EVERYTHING, ControlKind.FLATTEN, principal="operator", reason="going home"))
        assert desk.venue.count("submit") == sent + 1
        flattening = [given[0] for name, given in desk.venue.asked if name == "submit"][-1]
        assert (flattening.side, flattening.quantity) == ("SELL", Decimal(1))
        assert live.shard.gate.killed == {}
        assert live.shard.engine.state.ledger.state_of(EVERYTHING) is TradingState.REDUCING


async def test_a_kill_holds_from_the_call_on_though_its_caller_gives_up() -> None:
    desk = Desk()
    async with desk.live() as live:
        killing = asyncio.create_task(
            live.kill(EVERYTHING, ControlKind.BLOCK, principal="operator", reason="something is wrong")
        )
        await asyncio.sleep(0)
        assert EVERYTHING in live.shard.gate.killed.values()
        killing.cancel()
        await asyncio.wait((killing,))
        ledger = live.shard.engine.state.ledger
        assert EVERYTHING in live.shard.gate.killed.values() or ledger.state_of(EVERYTHING) is TradingState.HALTED
        await until(lambda: not live.shard.gate.killed)
        assert ledger.state_of(EVERYTHING) is TradingState.HALTED


async def test_a_kill_outlives_the_life_that_could_not_record_it() -> None:
    desk = Desk()
    async with desk.live() as live:
        first = live.shard
        released = desk.store.hold("append")
        desk.store.faults["append"][-1].error = StorageError("the database was dropped")
        killing = asyncio.create_task(
            live.kill(EVERYTHING, ControlKind.BLOCK, principal="operator", reason="something is wrong")
        )
        await until(lambda: first.engine.state.ledger.state_of(EVERYTHING) is TradingState.HALTED)
        released.set()
        await within(killing)
        assert live.shard is not first
        assert live.shard.gate.killed == {}
        assert live.shard.view.ledger.state_of(EVERYTHING) is TradingState.HALTED


async def test_a_kill_holds_until_it_is_decided_whatever_was_asked_of_its_scope_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    async with desk.live() as live:
        handle, held = live.shard.engine.handle, []

        def watched(given: EngineInput) -> Decision:
            if isinstance(given, Kill):
                held.append((given.reason, EVERYTHING in live.shard.gate.killed.values()))
            return handle(given)

        monkeypatch.setattr(live.shard.engine, "handle", watched)
        await within(
            asyncio.gather(
                live.kill(EVERYTHING, ControlKind.FLATTEN, principal="operator", reason="going home"),
                live.set_trading_state(EVERYTHING, TradingState.ACTIVE, principal="operator", reason="after all not"),
                live.kill(EVERYTHING, ControlKind.BLOCK, principal="operator", reason="something is wrong"),
            )
        )
        assert held == [("going home", True), ("something is wrong", True)]
        assert live.shard.gate.killed == {}
        assert live.shard.engine.state.ledger.state_of(EVERYTHING) is TradingState.HALTED


async def test_once_closed_nothing_can_be_killed() -> None:
    desk = Desk()
    async with desk.live() as live:
        pass
    with pytest.raises(LiveExecError, match="not running"):
        await within(live.kill(EVERYTHING, principal="operator", reason="too late"))


@pytest.mark.parametrize(
    ("scope", "error"),
    [
        (ControlScope(ScopeKind.ACCOUNT, "ALFA-1"), NotFound),
        (ControlScope(ScopeKind.VENUE, "ALFA"), NotFound),
        (ControlScope(ScopeKind.INSTRUMENT, SPOT_AT_BETA), NotFound),
        (ControlScope(ScopeKind.INSTRUMENT, SPOT_PRODUCT), InvalidInput),
        (ControlScope(ScopeKind.INSTRUMENT, "BTC-USDT"), InvalidInput),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ControlKind)
async def test_what_is_not_here_can_not_be_stopped(
    scope: ControlScope, error: type[LiveExecError], kind: ControlKind
) -> None:
    desk = Desk()
    async with desk.live() as live:
        first, position = live.shard, live.shard.journal.position
        with pytest.raises(error):
            await within(live.kill(scope, kind, principal="operator", reason="a slip"))
        with pytest.raises(error):
            await within(live.set_trading_state(scope, TradingState.HALTED, principal="operator", reason="a slip"))
        assert live.shard is first
        assert (first.gate.killed, first.journal.position) == ({}, position)
        # What was stopped while it was configured may trade again.
        await within(live.set_trading_state(scope, TradingState.ACTIVE, principal="operator", reason="it is gone"))


# Ownership


async def test_a_store_that_does_not_say_who_owns_the_shard_is_a_failure_of_the_store() -> None:
    class Silent(ScriptedStore):
        async def acquire(self, shard: str, owner: str, lease_s: float) -> Ownership:
            await asyncio.Event().wait()
            raise AssertionError

    parts = Desk(store=Silent()).host()._parts
    with pytest.raises(TransientStorageError, match="who owns the shard"):
        await within(LiveExecutionOrchestrator(parts, takeover_timeout_s=0.01).start())


@pytest.mark.parametrize("steps", range(8))
async def test_closing_ends_whenever_the_store_fails_for_good_meanwhile(steps: int) -> None:
    desk = Desk()
    async with desk.live() as live:
        released = desk.store.hold("append")
        desk.store.faults["append"][-1].error = StorageError("the disk is full")
        asking = asyncio.create_task(live.submit(make_intent()))
        await until(lambda: not desk.store.faults["append"])
        released.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        await within(live.close())
        with pytest.raises(OutcomeUnknown, match="the disk is full"):
            await within(asking)


@pytest.mark.parametrize("is_taken_over", [True, False])
async def test_a_recovery_that_another_one_overtook_is_fenced_and_accuses_no_table(*, is_taken_over: bool) -> None:
    desk = Desk()
    async with desk.live() as live:
        order_id = await working(desk, live, 1)
    released = desk.store.hold("read_streams")
    host = desk.host()
    starting = asyncio.create_task(host.start())
    await until(lambda: not desk.store.faults["read_streams"])
    if is_taken_over:
        await desk.store.acquire("main", "host", 10.0)
    # What another life has written since this one read the journal.
    row = desk.store._tables.row("orders", order_id)
    assert row is not None
    row["filled_quantity"] = Decimal(1_000)
    released.set()
    with pytest.raises(Fenced if is_taken_over else InvariantViolation):
        await within(starting)


# Listeners


async def test_listeners_hear_of_what_became_durable_although_nobody_was_told() -> None:
    desk = Desk()
    async with desk.live() as live:
        heard = live.stream()
        first, position = live.shard, live.shard.journal.position
        desk.store.fail("append", Fault(StorageError("the connection went in the middle"), carried_out=True))
        with pytest.raises(OutcomeUnknown):
            await within(live.submit(make_intent(operation_id=OperationId("OP-1"))))
        await until(lambda: live.error is None and live.shard is not first)
        await within(live.set_trading_state(EVERYTHING, TradingState.ACTIVE, principal="operator", reason="a record"))
        last = live.shard.view.position
    items = [item async for item in heard]
    positions = list(dict.fromkeys(item.position for item in items))
    assert positions[: last - position] == list(range(position + 1, last + 1))
    received = [(each.event.operation_id, each.order) for each in items if isinstance(each.event, ev.OrderReceived)]
    assert [(operation_id, order is not None) for operation_id, order in received] == [("OP-1", True)]


# While the journal can't write


@asynccontextmanager
async def stalled(desk: Desk, live: LiveExecutionOrchestrator) -> AsyncIterator[asyncio.Event]:
    """The store does not answer, and it was noticed; set the event to end that."""
    live.shard.journal._stall_after_s = 0.0
    released = desk.store.hold("append")
    asking = asyncio.create_task(
        live.set_trading_state(
            ControlScope(ScopeKind.STRATEGY, "nobody"), TradingState.ACTIVE, principal="operator", reason="a record"
        )
    )
    await until(lambda: live.shard.journal.is_stalled)
    yield released
    released.set()
    await within(asking)


async def working(desk: Desk, live: LiveExecutionOrchestrator, number: int) -> OrderId:
    """An order that the venue works."""
    desk.venue.answer("submit", Accepted(VenueOrderId(f"V-{number}")))
    return (await within(live.submit(make_intent(), wait="ack"))).order_id


@pytest.mark.parametrize("operation_id", [None, OperationId("of-the-caller")])
async def test_a_cancel_leaves_at_once_and_once_while_the_journal_cannot_write(operation_id: OperationId) -> None:
    desk = Desk()
    async with desk.live() as live:
        order_id = await working(desk, live, 1)
        async with stalled(desk, live) as released:
            canceling = asyncio.create_task(live.cancel(CancelIntent(order_id, operation_id=operation_id)))
            await until(lambda: desk.venue.count("cancel"))
            await turns()
            assert not canceling.done(), "what a caller is told is durable"
            assert live.orders[order_id].cancel is PendingCancel.NONE
            with pytest.raises(Halted):
                await live.submit(make_intent())
            released.set()
            assert (await within(canceling)).order_id == order_id
        await live.synced()
        assert desk.venue.count("cancel") == 1
        assert await verify_tables(desk.store, "main") == []


async def test_a_kill_cancels_everything_while_the_journal_cannot_write() -> None:
    desk = Desk()
    async with desk.live() as live:
        orders = [await working(desk, live, number) for number in (1, 2)]
        async with stalled(desk, live) as released:
            killing = asyncio.create_task(live.kill(EVERYTHING, principal="operator", reason="something is wrong"))
            await until(lambda: desk.venue.count("cancel") == 2)
            assert not killing.done()
            released.set()
            await within(killing)
        assert desk.venue.count("cancel") == 2
        assert all(live.orders[order_id].cancel is not PendingCancel.NONE for order_id in orders)
        assert live.shard.view.ledger.state_of(EVERYTHING) is TradingState.HALTED


async def test_cancels_go_on_past_a_lease_that_ended_because_the_database_is_gone() -> None:
    desk = Desk()
    async with desk.live() as live:
        order_id = await working(desk, live, 1)
        async with stalled(desk, live):
            live.shard.gate.lease_until_s = time.monotonic()
            canceling = asyncio.create_task(live.cancel(order_id))
            await until(lambda: desk.venue.count("cancel"))
        await within(canceling)


async def test_who_slept_past_the_lease_sends_nothing_though_the_journal_is_stalled_when_it_wakes() -> None:
    desk = Desk()
    async with desk.live() as live:
        order_id = await working(desk, live, 1)
        live.shard.gate.lease_until_s = time.monotonic()
        async with stalled(desk, live):
            canceling = asyncio.create_task(live.cancel(order_id))
            await until(lambda: live.shard.engine.orders.get(order_id).cancel is not PendingCancel.NONE)  # type: ignore[union-attr]  # it is there
            await turns()
            assert desk.venue.count("cancel") == 0
        await within(canceling)


async def test_a_kill_does_not_wait_behind_a_full_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    async with desk.live() as live:
        await working(desk, live, 1)
        async with stalled(desk, live) as released:
            monkeypatch.setattr(engine_loop, "_MAX_BACKLOG", 0)
            killing = asyncio.create_task(live.kill(EVERYTHING, principal="operator", reason="something is wrong"))
            await until(lambda: desk.venue.count("cancel"))
            monkeypatch.undo()
            released.set()
            await within(killing)


async def test_what_was_durable_before_and_waits_for_its_turn_stays_here_while_the_journal_cannot_write() -> None:
    desk = Desk()
    desk.venue.manifest = make_manifest(ordering=Ordering.PER_ACCOUNT)
    async with desk.live() as live:
        answer = desk.venue.wait_with("submit")
        await within(live.submit(make_intent()))
        second = (await within(live.submit(make_intent()))).order_id
        assert desk.venue.count("submit") == 1
        async with stalled(desk, live):
            answer.set_result(Accepted(VenueOrderId("V-1")))
            await turns()
            assert desk.venue.count("submit") == 1
        await until(lambda: live.orders[second].status is OrderStatus.REJECTED)
        assert live.orders[second].code == "NOT_SENT"


async def test_a_session_that_is_lost_while_the_journal_cannot_write_comes_back_and_cancels() -> None:
    desk = Desk()
    async with desk.live() as live:
        await working(desk, live, 1)
        async with stalled(desk, live) as released:
            (session,) = live.shard.sessions
            desk.venue.told.put(Ended())
            await until(lambda: not session.is_connected)
            await until(lambda: session.is_connected)
            killing = asyncio.create_task(live.kill(EVERYTHING, principal="operator", reason="something is wrong"))
            await until(lambda: desk.venue.count("cancel"))
            assert session.state is SessionState.RECONCILING
            released.set()
            await within(killing)
            await within(live.active())


# Memory


async def test_an_operation_id_is_not_forgotten_between_the_look_and_the_decision() -> None:
    desk = Desk()
    async with desk.live(finished_orders_kept=0) as live:
        held = desk.store.hold("project")
        order_id = await desk.filled(live, 1, operation_id=OperationId("OP-1"))
        # The order is in memory still. In the turn in which it may be forgotten, the same operation comes again.
        await until(lambda: desk.store.calls.get("project"))
        projected = live.shard.projector._on_projected
        again: list[asyncio.Task[Any]] = []

        def forget_and_repeat(finished: list[tuple[OrderId, int]]) -> None:
            if finished and not again:
                again.append(asyncio.create_task(live.submit(make_intent(operation_id=OperationId("OP-1")))))
            projected(finished)

        live.shard.projector._on_projected = forget_and_repeat
        held.set()
        await until(lambda: again)
        result = await within(again[0])
        assert (result.order_id, result.repeated) == (order_id, True)
        assert desk.venue.count("submit") == 1


async def test_what_had_ended_when_the_last_owner_stopped_leaves_memory_again() -> None:
    desk = Desk()
    async with desk.live() as live:
        for number in range(1, 6):
            await desk.filled(live, number, quantity=Decimal(1), price=Decimal(45_000 + number))
        await within(live.synced())
    # A restart loads what the journal's tail touched; here all of it is loaded as if it had.
    async with desk.live(finished_orders_kept=2) as live:
        for order_id in list((await desk.store.load("main")).sequences):
            assert order_id not in live.orders
        last = await desk.filled(live, 6)
        await until(lambda: live.shard.view.pending == 0 and not live.shard.inbox)
        assert last in live.orders
        assert len(live.orders) <= 3
    assert await verify_tables(desk.store, "main") == []


async def test_a_late_report_of_an_order_that_left_memory_counts_once_and_the_order_leaves_again() -> None:
    desk = Desk()
    async with desk.live(finished_orders_kept=0) as live:
        order_id = await desk.filled(live, 1)
        await until(lambda: order_id not in live.orders)
        for _ in range(3):
            desk.venue.told.put(desk.fill(order_id, 1), desk.fill(order_id, 2, "0.25"))
        await until(lambda: live.positions[next(iter(live.positions))].quantity == Decimal("1.25"))
        result = await within(live.result(order_id))
        assert result.filled_quantity == Decimal("1.25")
        await within(live.synced())
        await until(lambda: order_id not in live.orders)
    assert await verify_tables(desk.store, "main") == []


async def test_a_stale_snapshot_does_not_adopt_an_order_that_left_memory() -> None:
    desk = Desk()
    async with desk.live(finished_orders_kept=0) as live:
        order_id = await desk.filled(live, 1)
        await until(lambda: order_id not in live.orders)
        stale = OrderReport(
            ALPHA_ACCOUNT, SPOT, ClientOrderId(f"lx{order_id[4:]}"), VenueOrderId("V-1"), VenueOrderStatus.WORKING,
            desk.fill(order_id).fill.side, make_intent().order_type, make_intent().time_in_force, Decimal(1),
            Decimal(45_000), Decimal(0), NOW_NS,
        )  # fmt: skip
        desk.venue.answer("open_orders", [stale])
        desk.venue.answer("positions", [PositionReport(ALPHA_ACCOUNT, SPOT, Decimal(1), None, NOW_NS)])
        desk.venue.told.put(Ended())
        await until(lambda: desk.venue.count("connect") == 2)
        await within(live.active())
        await within(live.synced())
    events = [event for stored in await desk.store.read_after("main", 0, 1_000) for event in stored.record.events]
    assert not any(isinstance(event, ev.Adopted) for event in events)
    assert await verify_tables(desk.store, "main") == []


# One venue's trouble, and the end


async def test_an_adapter_with_a_defect_does_not_take_the_others_down() -> None:
    desk = Desk()
    broken = ScriptedVenue(manifest=make_manifest(BETA), accounts=(BETA_ACCOUNT,), listed=(make_listing(SPOT_AT_BETA),))
    async with desk.live(broken) as live:
        broken.told.put(KeyError("execId"))
        await until(lambda: broken.count("disconnect") == 1)
        result = await within(live.submit(make_intent()))
        assert result.status in (OrderStatus.SUBMITTED, OrderStatus.ACCEPTED)
        assert live.error is None
        assert live.shard.sessions[0].state is SessionState.ACTIVE


async def test_nothing_goes_on_in_the_background_after_the_close() -> None:
    desk = Desk()
    host = desk.host()
    before = asyncio.all_tasks()
    await host.start()
    desk.venue.quotes.put(desk.book())
    await within(host.active())
    desk.venue.wait_with("submit")
    await within(host.submit(make_intent()))
    assert asyncio.all_tasks() - before
    await within(host.close(timeout_s=0.0))
    await turns()
    assert asyncio.all_tasks() - before == set()


async def test_a_life_that_ends_leaves_nobody_waiting() -> None:
    desk = Desk()
    desk.venue.answer("submit", Accepted(VenueOrderId("V-1")))
    async with desk.host() as live:
        desk.venue.quotes.put(desk.book())
        await within(live.active())
        shard = live.shard
        desk.store.hold("append")
        desk.store.hold("find_operations")
        waiting = [
            asyncio.create_task(live.submit(make_intent())),
            asyncio.create_task(live.submit(make_intent(operation_id=OperationId("OP-1")))),
            asyncio.create_task(shard.projector.reached(10_000)),
            asyncio.create_task(shard.hydrator.order(OrderId("ORD-00000000000000000000000000"))),
        ]
        await turns()
        shard.fail(RuntimeError("a defect"))
        done, _ = await within(asyncio.wait(waiting))
        assert len(done) == len(waiting)
        for task in waiting:
            assert isinstance(task.exception(), LiveExecError)
        await turns()
    assert isinstance(live.error, RuntimeError)


async def test_the_gate_stays_closed_for_what_was_decided_before_a_gap_and_open_after_it() -> None:
    desk = Desk()
    async with desk.live() as live:
        session = live.shard.sessions[0]
        desk.venue.told.put(Ended())
        await until(lambda: desk.venue.count("connect") == 2)
        await within(live.active())
        desk.venue.quotes.put(desk.book())
        since_ns = session.active_since_ns
        assert since_ns is not None
        result = await within(live.submit(make_intent()))
        order = live.orders[result.order_id]
        assert order.created_at_ns >= since_ns
        assert order.status is OrderStatus.SUBMITTED
        assert desk.venue.count("submit") == 1
