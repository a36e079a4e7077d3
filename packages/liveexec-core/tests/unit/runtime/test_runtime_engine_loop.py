"""The engine's loop: one input at a time, nothing told before it is durable, nothing decided about the unknown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from attrs import define, field

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.fill import fill_key
from liveexec.domain.ids import AccountId, OperationId, VenueOrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.outcome import AssetKind, AssetReport, FillReport, Gap, OrderReport
from liveexec.domain.record import Event
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import (
    AccountSnapshot,
    CancelOrder,
    ClearLatch,
    EngineInput,
    Forget,
    Report,
    SetTradingState,
)
from liveexec.engine.turn import Decision
from liveexec.errors import InvariantViolation, LiveExecError, NotFound, OutcomeUnknown
from liveexec.runtime import engine_loop as engine_loop_module
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.engine_loop import EngineLoop
from liveexec.runtime.hydrator import Hydrator
from liveexec.runtime.inbox import Inbox, Priority
from liveexec.runtime.journal import Journal
from liveexec.runtime.metrics import Metrics
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    PRINCIPAL,
    SPOT,
    make_cancel,
    make_fill,
    make_order_id,
    make_order_report,
)
from support.runtime_history import HISTORY, PLAIN
from support.runtime_parts import ScriptedStore, ViewBench, make_engine, turns, until

_GLOBAL = ControlScope(ScopeKind.GLOBAL)


@define(eq=False)
class Desk:
    """A loop with a real engine and journal; the store holds a history of which memory has nothing.

    ``durable`` is what became durable, ``told`` what callers were told.
    """

    store: ScriptedStore
    engine: ExecutionEngine
    journal: Journal
    hydrator: Hydrator
    inbox: Inbox
    clock: VirtualClock
    durable: list[Event]
    defects: list[Exception]
    loop: EngineLoop
    told: list[tuple[str, Decision | LiveExecError]] = field(factory=list)
    _numbers: "count[int]" = field(factory=lambda: count(1))

    def ask(self, name: str, given: EngineInput, priority: Priority = Priority.CONTROL) -> None:
        """Tell the engine something, and note what the caller hears."""

        def heard(said: Decision | LiveExecError) -> None:
            self.told.append((name, said))

        self.loop.tell(priority, given, heard, heard)

    def state(self, reason: str = "") -> SetTradingState:
        """An input that has a record."""
        return SetTradingState(0, _GLOBAL, TradingState.ACTIVE, PRINCIPAL, reason)

    def report(self, said: FillReport | AssetReport | Gap | OrderReport) -> None:
        self.loop.tell(Priority.REPORT, Report(0, said))

    @property
    def heard(self) -> list[str]:
        return [name for name, _ in self.told]

    @property
    def errors(self) -> dict[str, LiveExecError]:
        return {name: said for name, said in self.told if isinstance(said, LiveExecError)}

    @property
    def fills(self) -> list[str]:
        return [event.fill.key.rpartition("|")[2] for event in self.durable if isinstance(event, ev.FillApplied)]


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work()) for work in (desk.journal.run, desk.hydrator.run)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@pytest.fixture
async def desk() -> Desk:
    store = ScriptedStore()
    bench = await ViewBench.of(store)
    for step in HISTORY:
        await bench.tell(step.stream, *step.events)
    await bench.project()
    store.calls.clear()
    # The account and control streams go on where they stand; orders and the rest are in the store alone.
    engine, durable = make_engine(Ledger(sequences=dict(bench.view.ledger.sequences))), Ledger()
    owned = await store.acquire("main", "owner-1", 3_600.0)
    journal = Journal(store, owned, Metrics())
    hydrator = Hydrator(store, "main", engine, durable)
    inbox, clock = Inbox(), VirtualClock(NOW_NS + 10**12)
    became_durable: list[Event] = []
    defects: list[Exception] = []

    def on_durable(_: int, decision: Decision) -> None:
        became_durable.extend(event for record in decision.records for event in record.events)

    loop = EngineLoop(engine, journal, hydrator, inbox, clock, on_durable=on_durable, on_defect=defects.append)
    return Desk(store, engine, journal, hydrator, inbox, clock, became_durable, defects, loop)


def late_fill(number: int) -> FillReport:
    """A fill of the plain order, which ended long ago."""
    key = fill_key(SPOT, VenueOrderId("V-1b"), make_fill().side, f"late-{number}")
    return FillReport(ALPHA_ACCOUNT, None, VenueOrderId("V-1b"), make_fill(key=key, quantity=Decimal("0.1")))


def deposit(reference: str) -> AssetReport:
    return AssetReport(ALPHA_ACCOUNT, "USDT", Decimal(5), AssetKind.DEPOSIT, reference, NOW_NS)


async def test_a_caller_hears_of_a_decision_once_it_is_durable(desk: Desk) -> None:
    held = desk.store.hold("append")
    async with running(desk):
        desk.ask("state", desk.state())
        await turns()
        assert desk.told == []
        assert desk.durable == []
        held.set()
        await until(lambda: desk.told)
    assert desk.heard == ["state"]
    assert [type(event) for event in desk.durable] == [acc.StateChanged]


async def test_a_refusal_is_heard_at_once_and_leaves_nothing(desk: Desk) -> None:
    desk.ask("latch", ClearLatch(0, _GLOBAL, "NONE", PRINCIPAL, ""))
    await turns()
    ((_, said),) = desk.told
    assert isinstance(said, Decision)
    assert isinstance(said.error, NotFound)
    assert desk.journal.backlog == 0


async def test_inputs_are_decided_by_priority_and_each_is_stamped_with_a_time_that_never_falls(desk: Desk) -> None:
    states = {name: desk.state(name) for name in ("intent", "timer", "report", "control")}
    for name, priority in zip(
        states, (Priority.INTENT, Priority.TIMER, Priority.REPORT, Priority.CONTROL), strict=True
    ):
        desk.ask(name, states[name], priority)
    async with running(desk):
        await until(lambda: len(desk.told) == 4)
        desk.clock.time_ns -= 10**9
        desk.ask("later", desk.state("later"))
        await until(lambda: len(desk.told) == 5)
    assert desk.heard == ["control", "report", "timer", "intent", "later"]
    assert {state.at_ns for state in states.values()} == {NOW_NS + 10**12}
    assert [event.reason for event in desk.durable if isinstance(event, acc.StateChanged)] == desk.heard


async def test_nothing_is_served_before_the_event_loop_had_its_turn_and_then_64_at_a_time(desk: Desk) -> None:
    for number in range(100):
        desk.ask(str(number), desk.state())
    assert desk.inbox.depth(Priority.CONTROL) == 100
    await turns(1)
    assert desk.inbox.depth(Priority.CONTROL) == 100 - 64
    await turns(1)
    assert desk.inbox.depth(Priority.CONTROL) == 0


async def test_what_the_journal_cannot_take_yet_waits_in_its_queue(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_loop_module, "_MAX_BACKLOG", 3)
    for number in range(5):
        desk.ask(str(number), desk.state())
    await turns()
    assert desk.journal.backlog == 3
    assert desk.inbox.depth(Priority.CONTROL) == 2
    async with running(desk):
        await until(lambda: len(desk.told) == 3)
        desk.loop.wake()
        await until(lambda: len(desk.told) == 5)


# What left memory


async def test_a_report_about_an_order_that_left_memory_waits_until_it_is_back(desk: Desk) -> None:
    async with running(desk):
        desk.report(late_fill(1))
        await until(lambda: desk.fills)
    assert desk.fills == ["late-1"]
    assert desk.engine.state.ledger.orders[PLAIN].filled_quantity == Decimal("0.4")


async def test_a_fill_that_counts_already_changes_nothing_though_its_order_had_left_memory(desk: Desk) -> None:
    key = fill_key(SPOT, VenueOrderId("V-1b"), make_fill().side, "T-3")
    busted = fill_key(SPOT, VenueOrderId("V-1"), make_fill().side, "T-1")
    async with running(desk):
        for known in (key, busted):
            fill = make_fill(key=known, quantity=Decimal("0.3"))
            desk.report(FillReport(ALPHA_ACCOUNT, None, VenueOrderId("V-1b"), fill))
        await until(lambda: PLAIN in desk.engine.state.ledger.orders and not desk.inbox)
        await turns()
    assert desk.durable == []


async def test_a_report_never_overtakes_one_that_waits_for_the_same_order(desk: Desk) -> None:
    held = desk.store.hold("read_streams")
    async with running(desk):
        desk.report(late_fill(1))
        await until(lambda: desk.store.calls.get("read_streams"))
        # The look-up ends and the next report arrives in the same turn of the loop.
        held.set()
        desk.report(late_fill(2))
        await until(lambda: len(desk.fills) == 2)
    assert desk.fills == ["late-1", "late-2"]


async def test_a_report_waits_behind_one_that_came_while_its_order_was_looked_up(desk: Desk) -> None:
    first_round = desk.store.hold("read_streams")
    async with running(desk):
        desk.report(late_fill(1))
        await until(lambda: desk.store.calls.get("read_streams"))
        desk.report(late_fill(2))
        await turns()
        second_round = desk.store.hold("find_refs")
        first_round.set()
        await until(lambda: desk.fills == ["late-1"])
        # The order is in memory now, and its second report still waits.
        desk.report(late_fill(3))
        await turns()
        second_round.set()
        await until(lambda: len(desk.fills) == 3)
    assert desk.fills == ["late-1", "late-2", "late-3"]


async def test_reports_that_wait_take_the_room_of_those_to_come(desk: Desk) -> None:
    desk.inbox.max_reports = 2
    held = desk.store.hold("find_refs")
    async with running(desk):
        for number in (1, 2):
            desk.report(late_fill(number))
        await turns()
        assert desk.inbox.depth(Priority.REPORT) == 0
        assert not desk.inbox.has_report_room
        held.set()
        await until(lambda: len(desk.fills) == 2)
    assert desk.inbox.has_report_room


async def test_a_gap_waits_for_nothing(desk: Desk) -> None:
    desk.report(Gap(ALPHA_ACCOUNT, "lost"))
    await turns()
    assert desk.store.calls == {}
    assert not desk.inbox


async def test_a_movement_is_recorded_once_however_often_it_is_told(desk: Desk) -> None:
    async with running(desk):
        for reference in ("deposit-100000-USDT", "new", "new"):
            desk.report(deposit(reference))
        await until(lambda: desk.durable and not desk.inbox)
        desk.report(deposit("new"))
        await until(lambda: len(desk.store.calls["find_asset_moves"]) == 2)
        await turns()
    assert [event.reference for event in desk.durable if isinstance(event, acc.AssetMoved)] == ["new"]
    assert len(desk.durable) == 1
    assert desk.inbox.has_report_room
    assert desk.inbox._reports == 0


async def test_a_snapshot_that_still_shows_an_order_that_ended_here_does_not_adopt_it(desk: Desk) -> None:
    stale = make_order_report(client_order_id=None, venue_order_id=VenueOrderId("V-1b"))
    async with running(desk):
        desk.ask("snapshot", AccountSnapshot(0, ALPHA_ACCOUNT, NOW_NS, (stale,), True, (), ()), Priority.REPORT)
        await until(lambda: desk.told)
    assert desk.durable == []
    assert list(desk.engine.state.ledger.orders) == [PLAIN]


async def test_a_snapshot_waits_for_payments_that_are_looked_up_since_its_balances_hold_them(desk: Desk) -> None:
    held = desk.store.hold("find_asset_moves")
    seen: list[str] = []
    handle = desk.engine.handle

    def noted(given: EngineInput) -> Decision:
        seen.append(type(given).__name__)
        return handle(given)

    desk.engine.handle = noted  # type: ignore[method-assign]  # listens in
    async with running(desk):
        desk.report(deposit("new"))
        desk.ask("snapshot", AccountSnapshot(0, ALPHA_ACCOUNT, NOW_NS, (), True, (), ()), Priority.REPORT)
        other = AccountSnapshot(0, AccountId("ALPHA-2"), NOW_NS, (), True, (), ())
        desk.ask("another account's", other, Priority.REPORT)
        await until(lambda: "another account's" in desk.heard)
        assert seen == ["AccountSnapshot"]
        held.set()
        await until(lambda: "snapshot" in desk.heard)
    assert seen == ["AccountSnapshot", "Report", "AccountSnapshot"]
    assert desk.inbox._reports == 0


async def test_payments_that_come_later_hold_no_snapshot_up(desk: Desk) -> None:
    first, later = desk.store.hold("find_asset_moves"), desk.store.hold("find_asset_moves")
    async with running(desk):
        desk.report(deposit("first"))
        desk.ask("snapshot", AccountSnapshot(0, ALPHA_ACCOUNT, NOW_NS, (), True, (), ()), Priority.REPORT)
        await until(lambda: desk.store.calls.get("find_asset_moves"))
        desk.report(deposit("later"))
        await turns()
        first.set()
        await until(lambda: "snapshot" in desk.heard)
        assert [event.reference for event in desk.durable if isinstance(event, acc.AssetMoved)] == ["first"]
        later.set()
        await until(lambda: len(desk.durable) > 1)


async def test_an_order_that_left_memory_while_a_snapshot_waited_for_others_is_not_adopted(desk: Desk) -> None:
    stale = make_order_report(client_order_id=None, venue_order_id=VenueOrderId("V-1b"))
    foreign = make_order_report(client_order_id=None, venue_order_id=VenueOrderId("another's"))
    async with running(desk):
        desk.ask("first", AccountSnapshot(0, ALPHA_ACCOUNT, NOW_NS, (stale,), True, (), ()), Priority.REPORT)
        await until(lambda: desk.told)
        released = desk.store.hold("find_refs")
        both = AccountSnapshot(0, ALPHA_ACCOUNT, NOW_NS, (stale, foreign), True, (), ())
        desk.ask("second", both, Priority.REPORT)
        await until(lambda: len(desk.store.calls["find_refs"]) == 2)
        sequence = desk.engine.state.ledger.orders[PLAIN].last_sequence
        desk.loop.tell(Priority.FORGET, Forget(0, ((PLAIN, sequence),)))
        await until(lambda: not desk.engine.state.ledger.orders)
        released.set()
        await until(lambda: desk.heard == ["first", "second"])
    assert list(desk.engine.state.ledger.orders) == [PLAIN]


async def test_a_snapshot_comes_after_the_reports_that_came_before_it(desk: Desk) -> None:
    async with running(desk):
        desk.report(late_fill(1))
        desk.ask("snapshot", AccountSnapshot(0, ALPHA_ACCOUNT, NOW_NS, (), True, (), ()), Priority.REPORT)
        await until(lambda: desk.told)
    assert desk.fills == ["late-1"]


async def test_a_snapshot_of_what_is_known_waits_for_nothing(desk: Desk) -> None:
    desk.ask("snapshot", AccountSnapshot(0, ALPHA_ACCOUNT, NOW_NS, (), True, (), ()), Priority.REPORT)
    await turns()
    assert desk.heard == ["snapshot"]
    assert desk.store.calls == {}


# The end


async def test_an_engine_that_fails_is_served_no_more_and_its_caller_hears_that_nothing_was_recorded(
    desk: Desk,
) -> None:
    def defect(_: EngineInput) -> Decision:
        raise KeyError("a defect")

    broken: Any = desk.engine
    broken.handle = defect
    desk.ask("asks", desk.state())
    await turns()
    assert [type(error) for error in desk.defects] == [KeyError]
    assert "nothing was recorded" in str(desk.errors["asks"])
    assert desk.journal.backlog == 0


async def test_a_decision_that_cannot_be_written_is_a_defect_and_never_left_out(desk: Desk) -> None:
    unwritable = desk.state(reason=object())  # type: ignore[arg-type]  # what no journal can hold
    desk.ask("asks", unwritable)
    await turns()
    assert len(desk.defects) == 1
    assert "nothing was recorded" in str(desk.errors["asks"])


async def test_names_of_two_orders_in_one_report_are_a_defect(desk: Desk) -> None:
    async with running(desk):
        desk.report(late_fill(1))
        desk.report(FillReport(ALPHA_ACCOUNT, None, VenueOrderId("V-62"), make_fill()))
        await until(lambda: len(desk.engine.state.ledger.orders) > 1)
        both = make_order_report(client_order_id=None, venue_order_id=VenueOrderId("V-62"), refs={"perm": "99"})
        desk.report(both)
        desk.ask("behind it", desk.state(), Priority.INTENT)
        await until(lambda: desk.defects)
    assert isinstance(desk.defects[0], InvariantViolation)


async def test_what_follows_from_a_durable_decision_may_fail_but_its_caller_hears_of_it(desk: Desk) -> None:
    def fail(_: int, decision: Decision) -> None:
        raise InvariantViolation("the view contradicts the journal")

    desk.loop._on_durable = fail
    journal = asyncio.create_task(desk.journal.run())
    desk.ask("asks", desk.state())
    await asyncio.wait((journal,))
    assert isinstance(journal.exception(), InvariantViolation)
    assert isinstance(desk.errors["asks"], OutcomeUnknown)
    assert len(desk.told) == 1


async def test_stopping_tells_everybody_who_waits_and_everybody_who_comes(desk: Desk) -> None:
    for name in ("first", "second"):
        desk.ask(name, desk.state())
    error = OutcomeUnknown("the journal stopped")
    desk.loop.stop(error)
    assert desk.errors == {"first": error, "second": error}
    desk.ask("later", desk.state())
    desk.report(late_fill(1))
    assert desk.errors["later"] is error
    await turns()
    assert not desk.inbox
    assert desk.durable == []
    assert desk.journal.backlog == 0


async def test_a_cancel_of_what_is_not_in_memory_is_refused_and_not_guessed(desk: Desk) -> None:
    request = CancelOrder(0, OperationId("OP-9"), make_cancel(make_order_id(1)), PRINCIPAL, "0" * 32)
    desk.ask("cancel", request, Priority.INTENT)
    await turns()
    ((_, said),) = desk.told
    assert isinstance(said, Decision)
    assert isinstance(said.error, NotFound)
