"""Hydration: what left memory is back before anybody is asked about it; many look-ups are one, and order is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from attrs import define, field

from liveexec.domain.ids import AccountId, ClientOrderId, OperationId, OrderId, VenueOrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.outcome import CumulativeFill, FillReport, OrderRef
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import Forget
from liveexec.errors import Busy, Halted, InvariantViolation, OutcomeUnknown, StorageError, TransientStorageError
from liveexec.runtime import hydrator as hydrator_module
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.hydrator import Hydrator, ref_keys, ref_of_report
from support.builders import (
    ALPHA_ACCOUNT,
    BETA_ACCOUNT,
    PRINCIPAL,
    SPOT,
    make_fill,
    make_order_id,
    make_order_report,
)
from support.runtime_history import CHILD, HISTORY, PARENT, PLAIN, REJECTED, SECOND_CHILD
from support.runtime_parts import ScriptedStore, ViewBench, make_engine, turns, until, within

LOST = TransientStorageError("connection lost")
DEPOSIT = "deposit-100000-USDT"


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry follows at once."""

    def at_once(backoff: Backoff) -> float:
        backoff.failures += 1
        return 0.0

    monkeypatch.setattr(Backoff, "next_s", at_once)


def ref(client: str | None = None, venue: str | None = None, account: str = ALPHA_ACCOUNT, **refs: str) -> OrderRef:
    """An order as a venue calls it."""
    return OrderRef(
        AccountId(account),
        SPOT,
        ClientOrderId(client) if client else None,
        VenueOrderId(venue) if venue else None,
        refs or None,
    )


@define(eq=False)
class Desk:
    """A hydrator before a store that holds the whole history; the engine and the view remember nothing of it."""

    store: ScriptedStore
    bench: ViewBench
    engine: ExecutionEngine
    durable: Ledger
    hydrator: Hydrator
    finished: list[list[tuple[OrderId, int]]]
    resumed: list[str] = field(factory=list)

    def hold(self, name: str, order: OrderRef) -> None:
        self.hydrator.hold([order], lambda: self.resumed.append(name))

    def asked(self, method: str) -> list[Any]:
        return self.store.calls.get(method, [])


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(desk.hydrator.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


@pytest.fixture
async def desk() -> Desk:
    store = ScriptedStore()
    bench = await ViewBench.of(store)
    for step in HISTORY:
        await bench.tell(step.stream, *step.events)
    await bench.project()
    engine, durable = make_engine(), Ledger()
    finished: list[list[tuple[OrderId, int]]] = []
    hydrator = Hydrator(store, "main", engine, durable, on_finished=finished.append)
    return Desk(store, bench, engine, durable, hydrator, finished)


# Orders


async def test_a_report_is_resumed_once_its_order_is_back_in_both_memories(desk: Desk) -> None:
    order = ref(venue="V-1b")
    assert not desk.engine.knows(order)
    async with running(desk):
        desk.hold("report", order)
        assert desk.resumed == []
        assert desk.hydrator.is_held(order)
        await until(lambda: desk.resumed)
    assert desk.resumed == ["report"]
    assert not desk.hydrator.is_held(order)
    assert desk.engine.knows(order)
    engines, views = desk.engine.state.ledger.orders[PLAIN], desk.durable.orders[PLAIN]
    original = desk.bench.view.ledger.orders[PLAIN]
    assert engines is not views, "the two change apart from each other"
    for found in (engines, views):
        assert desk.store.row_of(found) == desk.store.row_of(original)
        assert found.fills is not None
        assert found.fills.keys() == (original.fills or {}).keys()
        assert found.undone_fills == original.undone_fills


@pytest.mark.parametrize(
    "order",
    [
        ref(client="lx-new"),
        ref(venue="V-1"),
        ref(venue="V-1b"),
        ref(tws="17"),
        ref(perm="99"),
        ref(client="nobody's", venue="V-1"),
        ref(venue="nobody's", tws="18"),
    ],
    ids=lambda order: str(ref_keys(order)),
)
async def test_every_name_that_an_order_ever_had_finds_it(desk: Desk, order: OrderRef) -> None:
    async with running(desk):
        desk.hold("report", order)
        await until(lambda: desk.resumed)
    assert list(desk.engine.state.ledger.orders) == [PLAIN]
    assert all(desk.engine.knows(known) for known in (ref(client="lx-new"), ref(venue="V-1"), ref(perm="99")))


@pytest.mark.parametrize(
    "order", [ref(venue="V-999"), ref(venue="V-1", account=BETA_ACCOUNT), ref(client="V-1")], ids=str
)
async def test_what_nobody_knows_resumes_as_looked_up(desk: Desk, order: OrderRef) -> None:
    async with running(desk):
        desk.hold("report", order)
        await until(lambda: desk.resumed)
    assert desk.engine.state.ledger.orders == {}
    assert desk.durable.orders == {}
    assert desk.asked("read_streams") == []


async def test_a_report_without_any_name_is_not_lost_and_keeps_its_place(desk: Desk) -> None:
    async with running(desk):
        desk.hold("first", ref(venue="V-1"))
        desk.hold("nameless", ref())
        desk.hold("last", ref(venue="V-62"))
        await until(lambda: len(desk.resumed) == 3)
    assert desk.resumed == ["first", "nameless", "last"]
    assert not desk.hydrator.is_held(ref())


async def test_a_snapshot_is_resumed_once_all_of_its_orders_were_looked_up_and_what_came_before_is_resumed(
    desk: Desk,
) -> None:
    async with running(desk):
        assert not desk.hydrator.is_busy
        desk.hold("fill", ref(venue="V-1"))
        snapshot = [ref(venue="V-62"), ref(venue="nobody's"), ref(client="web-77")]
        desk.hydrator.hold(snapshot, lambda: desk.resumed.append("snapshot"))
        desk.hydrator.hold([], lambda: desk.resumed.append("snapshot without orders"))
        assert desk.hydrator.is_busy
        await until(lambda: not desk.hydrator.is_busy)
    assert desk.resumed == ["fill", "snapshot", "snapshot without orders"]
    assert all(desk.engine.knows(order) for order in (ref(venue="V-1"), ref(venue="V-62"), ref(client="web-77")))


async def test_many_reports_are_one_look_up(desk: Desk) -> None:
    async with running(desk):
        for number in range(100):
            desk.hold(f"plain {number}", ref(venue="V-1"))
            desk.hold(f"unknown {number}", ref(venue=f"nobody's {number}"))
            desk.hold(f"child {number}", ref(venue="V-62"))
        await until(lambda: len(desk.resumed) == 300)
    keys = desk.asked("find_refs")
    assert [len(each) for each in keys] == [87, 17], "256 reports at a time, each name once"
    assert sum(len(each) for each in keys) == 104
    assert len(desk.asked("read_streams")) == 2, "the orders of a batch, and then their families"


async def test_what_comes_while_a_look_up_is_under_way_makes_up_the_next(desk: Desk) -> None:
    held = desk.store.hold("find_refs")
    async with running(desk):
        desk.hold("first", ref(venue="V-1"))
        await until(lambda: desk.asked("find_refs"))
        for number in range(5):
            desk.hold(f"later {number}", ref(venue=f"nobody's {number}"))
        held.set()
        await until(lambda: len(desk.resumed) == 6)
    assert [len(keys) for keys in desk.asked("find_refs")] == [1, 5]


async def test_reports_are_resumed_in_the_order_in_which_they_came_whatever_they_call_their_orders(desk: Desk) -> None:
    async with running(desk):
        desk.hold("by client", ref(client="lx-new"))
        desk.hold("by venue", ref(venue="V-1b"))
        desk.hold("by both", ref(client="lx-new", venue="V-1b"))
        desk.hold("by the first again", ref(client="lx-new"))
        await until(lambda: len(desk.resumed) == 4)
    assert desk.resumed == ["by client", "by venue", "by both", "by the first again"]


async def test_a_report_behind_another_is_looked_up_by_all_of_its_own_names(desk: Desk) -> None:
    async with running(desk):
        desk.hold("unknown name", ref(client="nobody's"))
        desk.hold("with a known one", ref(client="nobody's", venue="V-1"))
        await until(lambda: len(desk.resumed) == 2)
    assert desk.engine.knows(ref(venue="V-1"))


async def test_whatever_shares_a_name_with_what_waits_has_to_wait_too(desk: Desk) -> None:
    held = desk.store.hold("find_refs")
    async with running(desk):
        desk.hold("report", ref(client="c", venue="v", tws="1"))
        await until(lambda: desk.asked("find_refs"))
        assert desk.hydrator.is_held(ref(client="c"))
        assert desk.hydrator.is_held(ref(venue="v"))
        assert desk.hydrator.is_held(ref(client="other", tws="1"))
        assert not desk.hydrator.is_held(ref(client="v"))
        assert not desk.hydrator.is_held(ref(client="c", account=BETA_ACCOUNT))
        held.set()
        await until(lambda: desk.resumed)
    assert not desk.hydrator.is_held(ref(client="c"))


async def test_a_child_comes_back_with_its_family_and_the_parents_sums_are_whole(desk: Desk) -> None:
    async with running(desk):
        desk.hold("late fill", ref(venue="V-62"))
        await until(lambda: desk.resumed)
    for orders in (desk.engine.state.ledger.orders, desk.durable.orders):
        assert set(orders) == {PARENT, CHILD, SECOND_CHILD}
        parent, original = orders[PARENT], desk.bench.view.ledger.orders[PARENT]
        assert parent.filled_quantity == Decimal("0.8")
        assert desk.store.row_of(parent) == desk.store.row_of(original)
    assert list(desk.engine.state.ledger.orders) == [PARENT, CHILD, SECOND_CHILD], "oldest first"


async def test_a_parent_comes_back_with_its_children_and_they_stay_good_when_they_leave_again(desk: Desk) -> None:
    async with running(desk):
        family = await within(desk.hydrator.order(PARENT))
    desk.durable.orders.clear()
    assert family is not None
    assert set(family) == {PARENT, CHILD, SECOND_CHILD}
    assert family[PARENT].filled_quantity == Decimal("0.8")
    assert set(desk.engine.state.ledger.orders) == {PARENT, CHILD, SECOND_CHILD}


async def test_orders_that_are_in_memory_stay_as_they_are_and_are_not_read_again(desk: Desk) -> None:
    async with running(desk):
        assert await within(desk.hydrator.order(PLAIN))
        engines, views = desk.engine.state.ledger.orders[PLAIN], desk.durable.orders[PLAIN]
        reads = len(desk.asked("read_streams"))
        desk.hold("report", ref(venue="V-1"))
        await until(lambda: desk.resumed)
        assert await within(desk.hydrator.order(PLAIN))
    assert len(desk.asked("read_streams")) == reads
    assert desk.engine.state.ledger.orders[PLAIN] is engines
    assert desk.durable.orders[PLAIN] is views


async def test_an_order_that_there_never_was_is_not_there(desk: Desk) -> None:
    async with running(desk):
        assert await within(desk.hydrator.order(make_order_id(999))) is None


async def test_one_look_up_answers_everybody_who_asks_for_the_same_order(desk: Desk) -> None:
    async with running(desk):
        asked = [asyncio.create_task(desk.hydrator.order(PLAIN)) for _ in range(20)]
        found = await within(asyncio.gather(*asked))
    assert all(orders is not None and orders[PLAIN] is desk.durable.orders[PLAIN] for orders in found)
    assert desk.asked("read_streams") == [[PLAIN]]


async def test_who_gives_up_waiting_does_not_disturb(desk: Desk) -> None:
    held = desk.store.hold("read_streams")
    async with running(desk):
        leaves, stays = (asyncio.create_task(desk.hydrator.order(PLAIN)) for _ in range(2))
        await until(lambda: desk.asked("read_streams"))
        leaves.cancel()
        held.set()
        assert await within(stays)
    assert leaves.cancelled()


async def test_what_came_back_and_has_ended_is_told_so_that_it_can_leave_again(desk: Desk) -> None:
    async with running(desk):
        desk.hold("report", ref(venue="V-1"))
        await until(lambda: desk.finished)
        assert desk.resumed == ["report"], "who waited is served first"
        assert await within(desk.hydrator.order(PARENT))
    sequences = {order_id: order.last_sequence for order_id, order in desk.bench.view.ledger.orders.items()}
    family = [(order_id, sequences[order_id]) for order_id in (PARENT, CHILD, SECOND_CHILD)]
    assert desk.finished == [[(PLAIN, sequences[PLAIN])], family]


async def test_a_journal_that_contradicts_itself_is_not_looked_over(desk: Desk) -> None:
    desk.store._streams[PLAIN].pop(2)
    async with running(desk) as task:
        desk.hold("report", ref(venue="V-1"))
        with pytest.raises(InvariantViolation, match="sequence"):
            await within(task)
    assert desk.resumed == []


# Operations


async def test_what_an_operation_id_was_used_for_is_found(desk: Desk) -> None:
    async with running(desk):
        found = await within(desk.hydrator.operation(PRINCIPAL, OperationId("OP-4")))
        cancel = await within(desk.hydrator.operation(PRINCIPAL, OperationId("OP-C")))
    assert found is not None
    assert (found.kind, found.order_id) == ("submit", REJECTED)
    assert found.content_hash == desk.bench.view.ledger.orders[REJECTED].content_hash
    assert cancel is not None
    assert (cancel.kind, cancel.order_id) == ("cancel", PLAIN)


async def test_an_operation_id_of_another_caller_is_unused(desk: Desk) -> None:
    async with running(desk):
        assert await within(desk.hydrator.operation("somebody else", OperationId("OP-4"))) is None
        assert await within(desk.hydrator.operation(PRINCIPAL, OperationId("OP-999"))) is None


async def test_many_callers_are_one_look_up(desk: Desk) -> None:
    async with running(desk):
        asked = [desk.hydrator.operation(PRINCIPAL, OperationId(f"OP-{number % 50}")) for number in range(200)]
        found = await within(asyncio.gather(*asked))
    assert len(desk.asked("find_operations")) == 1
    assert len(desk.asked("find_operations")[0]) == 50
    assert [number for number in range(50) if found[number] is not None] == [1, 2, 3, 4, 5, 6]


async def test_a_crowd_beyond_the_bound_is_refused_as_busy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hydrator_module, "_MAX_OPERATIONS", 2)
    asked = [
        asyncio.create_task(desk.hydrator.operation(PRINCIPAL, OperationId(f"OP-{number}"))) for number in range(2)
    ]
    await turns()
    with pytest.raises(Busy):
        await desk.hydrator.operation(PRINCIPAL, OperationId("OP-3"))
    async with running(desk):
        await within(asyncio.gather(*asked))
        assert await within(desk.hydrator.operation(PRINCIPAL, OperationId("OP-3"))) is not None


# Assets


async def test_a_movement_that_is_recorded_is_told_from_one_that_is_not(desk: Desk) -> None:
    told: list[tuple[str, bool]] = []

    def note(reference: str, known: bool) -> None:
        told.append((reference, known))

    async with running(desk):
        for reference in (DEPOSIT, "new", DEPOSIT, "new"):
            desk.hydrator.hold_asset(ALPHA_ACCOUNT, reference, partial(note, reference))
        desk.hydrator.hold_asset(BETA_ACCOUNT, DEPOSIT, lambda known: told.append(("BETA", known)))
        await until(lambda: len(told) == 5)
    assert sorted(told) == [("BETA", False), (DEPOSIT, True), (DEPOSIT, True), ("new", False), ("new", False)]
    assert len(desk.asked("find_asset_moves")) == 1


# A store that fails


@pytest.mark.parametrize("error", [LOST, StorageError("permission denied")])
@pytest.mark.parametrize("method", ["find_refs", "read_streams"])
async def test_a_store_that_fails_is_asked_again_and_the_order_is_kept(
    desk: Desk, method: str, error: StorageError
) -> None:
    desk.store.fail(method, error, error)
    async with running(desk):
        desk.hold("first", ref(venue="V-1"))
        desk.hold("second", ref(venue="V-62"))
        desk.hold("third", ref(venue="V-1"))
        await until(lambda: len(desk.resumed) == 3)
    assert desk.resumed == ["first", "second", "third"]
    assert desk.engine.knows(ref(venue="V-1"))
    assert desk.engine.knows(ref(venue="V-62"))


async def test_what_fails_for_some_is_answered_for_the_others(desk: Desk) -> None:
    # Assets can't be read for longer than any of the others takes.
    desk.store.fail("find_asset_moves", *[LOST] * 50)
    told: list[bool] = []
    async with running(desk):
        desk.hydrator.hold_asset(ALPHA_ACCOUNT, DEPOSIT, told.append)
        desk.hold("report", ref(venue="V-1"))
        found = await within(desk.hydrator.operation(PRINCIPAL, OperationId("OP-4")))
        await until(lambda: desk.resumed)
        assert told == []
        await until(lambda: told)
    assert found is not None
    assert told == [True]


async def test_callers_do_not_wait_for_ever_but_reports_do(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hydrator_module, "_PATIENCE_S", 0.0)
    for method in ("find_refs", "find_operations", "read_streams"):
        desk.store.fail(method, *[LOST] * 3)
    async with running(desk):
        desk.hold("report", ref(venue="V-1"))
        for asked in (desk.hydrator.operation(PRINCIPAL, OperationId("OP-4")), desk.hydrator.order(PLAIN)):
            with pytest.raises(Halted, match="nothing was done"):
                await within(asked)
        await until(lambda: desk.resumed)
        assert await within(desk.hydrator.operation(PRINCIPAL, OperationId("OP-4"))) is not None


async def test_once_given_up_callers_are_told_and_reports_are_forgotten(desk: Desk) -> None:
    error = OutcomeUnknown("the journal stopped")
    waiting = [
        asyncio.create_task(desk.hydrator.operation(PRINCIPAL, OperationId("OP-4"))),
        asyncio.create_task(desk.hydrator.order(PLAIN)),
    ]
    desk.hold("report", ref(venue="V-1"))
    await turns()
    desk.hydrator.fail_all(error)
    for asked in (*waiting, desk.hydrator.operation(PRINCIPAL, OperationId("OP-4")), desk.hydrator.order(PLAIN)):
        with pytest.raises(OutcomeUnknown):
            await within(asked)
    assert desk.resumed == []


async def test_an_order_that_leaves_memory_while_others_are_read_is_read_as_well(desk: Desk) -> None:
    async with running(desk):
        desk.hold("first", ref(venue="V-1"))
        await until(lambda: desk.resumed)
        released = desk.store.hold("read_streams")
        desk.hold("second", ref(venue="V-1"))
        desk.hold("of another order", ref(client=desk.bench.view.ledger.orders[REJECTED].client_order_id))
        await until(lambda: len(desk.asked("read_streams")) == 2)
        desk.engine.handle(Forget(0, ((PLAIN, desk.engine.state.ledger.orders[PLAIN].last_sequence),)))
        assert not desk.engine.knows(ref(venue="V-1"))
        released.set()
        await until(lambda: len(desk.resumed) == 3)
        assert desk.engine.knows(ref(venue="V-1"))


# Names


def test_a_report_is_known_by_every_name_in_it() -> None:
    said = make_order_report(refs={"perm": "1"})
    assert ref_keys(ref_of_report(said)) == [
        (ALPHA_ACCOUNT, "client", "web-77"),
        (ALPHA_ACCOUNT, "venue", "V-77"),
        (ALPHA_ACCOUNT, "perm", "1"),
    ]
    fill = FillReport(ALPHA_ACCOUNT, None, VenueOrderId("V-9"), make_fill())
    assert ref_keys(ref_of_report(fill)) == [(ALPHA_ACCOUNT, "venue", "V-9")]
    assert ref_of_report(fill).instrument_id == SPOT
    total = CumulativeFill(
        ALPHA_ACCOUNT, SPOT, ClientOrderId("c"), None, fill.fill.side, Decimal(1), Decimal(2), Decimal(0), "USDT", 0
    )
    assert ref_keys(ref_of_report(total)) == [(ALPHA_ACCOUNT, "client", "c")]
