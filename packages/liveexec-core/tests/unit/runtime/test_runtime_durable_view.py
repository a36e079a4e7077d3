"""The durable view: what each event changes in the tables, and that it does not matter how often they are written."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain import order_event as ev
from liveexec.domain.codec import EVENT_TYPES
from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.money import MONEY
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.stored import ProjectionBatch
from liveexec.errors import InvariantViolation
from liveexec.runtime.rebuild import rebuild_tables, verify_tables
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    SPOT_AT_BETA,
    STRATEGY,
    events_to,
    make_asset_moved,
    make_fill,
    make_intent,
    make_order_id,
    make_plan,
    make_received,
    make_submit_requested,
)
from support.runtime_history import ADOPTED, CHILD, HISTORY, PARENT, PLAIN, SECOND_CHILD, Step
from support.runtime_parts import ScriptedStore, ViewBench, tables_of

#: What of a batch says that something changed.
PARTS = (
    "orders", "routes", "refs", "operations", "fills", "positions", "books", "asset_moves", "states", "latches",
    "cleared_latches", "drifts", "accepted_drifts", "flattenings", "ended_flattenings", "audit", "sequences",
)  # fmt: skip


@pytest.fixture(autouse=True)
def exact_money() -> Iterator[None]:
    """Rows are compared in the context in which they are made."""
    with localcontext(MONEY):
        yield


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
async def bench(store: ScriptedStore) -> ViewBench:
    return await ViewBench.of(store)


def dirty(batch: ProjectionBatch) -> set[str]:
    """Which parts a batch changes."""
    return {name for name in PARTS if getattr(batch, name)}


async def tell(bench: ViewBench, *steps: Step) -> None:
    for step in steps:
        await bench.tell(step.stream, *step.events)


async def assert_fold_is_row(bench: ViewBench) -> None:
    """Every order's row is what its fold says, and so are positions, books and controls."""
    orders = bench.view.ledger.orders
    store = bench.writer.store
    rows = await store.order_rows("main", list(orders))
    assert rows == {order_id: store.row_of(order) for order_id, order in orders.items()}
    assert await verify_tables(store, "main") == []


def test_the_history_has_every_event() -> None:
    assert {type(event).__name__ for step in HISTORY for event in step.events} == set(EVENT_TYPES)


@pytest.mark.parametrize("index", range(len(HISTORY)), ids=[step.name for step in HISTORY])
async def test_each_record_changes_exactly_what_it_tells_of(bench: ViewBench, index: int) -> None:
    await tell(bench, *HISTORY[:index])
    if index:
        await bench.project()
    await tell(bench, HISTORY[index])
    assert bench.view.pending == 1
    batch = await bench.project()
    assert dirty(batch) == HISTORY[index].dirty
    assert (batch.after, batch.through) == (index, index + 1)
    assert bench.view.pending == 0
    await assert_fold_is_row(bench)


async def tables_after(cuts: set[int]) -> dict[str, object]:
    """The tables when the history is projected after the records of these indexes, and at the end."""
    store = ScriptedStore()
    bench = await ViewBench.of(store)
    for index, step in enumerate(HISTORY):
        await tell(bench, step)
        if index in cuts:
            await bench.project()
    if bench.view.pending:
        await bench.project()
    await assert_fold_is_row(bench)
    tables = tables_of(store)
    # Which strategies had a row of their own in between depends on when somebody looked.
    del tables["strategies"]
    for fill in tables["fills"].values():
        # The fold does not know any more when a fill came that moves to another strategy.
        del fill["applied_at"]
    return dict(tables)


@settings(max_examples=15)
@given(st.sets(st.integers(0, len(HISTORY) - 1)))
def test_the_tables_are_the_same_however_often_they_are_written(cuts: set[int]) -> None:
    async def play() -> None:
        with localcontext(MONEY):
            assert await tables_after(cuts) == await tables_after(set())

    asyncio.run(play())


async def test_tables_made_anew_are_those_that_were_written_along_the_way(store: ScriptedStore) -> None:
    bench = await ViewBench.of(store)
    for step in HISTORY:
        await tell(bench, step)
        await bench.project()
    written = tables_of(store)
    await store.release(bench.writer.owned)
    await rebuild_tables(store, "main")
    anew = tables_of(store)
    for name in ("orders", "refs", "operations", "positions", "account_positions", "stream_heads"):
        assert anew[name] == written[name], name
    assert anew["audit"].keys() == written["audit"].keys()
    assert anew["fills"].keys() == written["fills"].keys()


async def test_an_order_that_moved_several_times_is_one_row_of_its_latest_state(bench: ViewBench) -> None:
    await bench.tell(PLAIN, make_received())
    for event in events_to(OrderStatus.FILLED):
        await bench.tell(PLAIN, event)
    assert bench.view.pending == 1 + len(events_to(OrderStatus.FILLED))
    batch = await bench.project()
    assert [order.status for order in batch.orders] == [OrderStatus.FILLED]
    await assert_fold_is_row(bench)


async def test_nothing_is_told_twice(bench: ViewBench) -> None:
    await tell(bench, *HISTORY)
    first = await bench.project()
    second = bench.take()
    assert dirty(first) >= {"orders", "fills", "audit"}
    assert dirty(second) == set()
    assert (second.after, second.through) == (len(HISTORY), len(HISTORY))


async def test_what_changes_after_a_batch_was_taken_is_in_the_next(bench: ViewBench) -> None:
    await bench.tell(PLAIN, make_received())
    batch = bench.take()
    await bench.tell(PLAIN, *events_to(OrderStatus.SUBMITTED))
    assert bench.view.pending == 1
    await bench.writer.store.project(batch)
    bench.view.projected = batch.through
    following = await bench.project()
    assert (following.after, following.through) == (1, 2)
    assert dirty(following) == {"orders", "routes", "refs"}
    await assert_fold_is_row(bench)


async def test_a_childs_fill_changes_its_parents_row_too(bench: ViewBench) -> None:
    names = [step.name for step in HISTORY]
    filled = names.index("child filled")
    await tell(bench, *HISTORY[:filled])
    await bench.project()
    await tell(bench, HISTORY[filled])
    batch = await bench.project()
    assert {order.order_id for order in batch.orders} == {CHILD, PARENT}
    rows = await bench.writer.store.order_rows("main", [PARENT])
    assert rows[PARENT]["filled_quantity"] == Decimal("0.2")


async def test_a_child_whose_parent_left_memory_is_projected_alone(bench: ViewBench) -> None:
    names = [step.name for step in HISTORY]
    filled = names.index("child filled")
    await tell(bench, *HISTORY[:filled])
    await bench.project()
    bench.view.drop(PARENT)
    await tell(bench, HISTORY[filled])
    assert {order.order_id for order in bench.take().orders} == {CHILD}


async def test_an_order_that_is_dropped_before_it_is_projected_is_projected_all_the_same(bench: ViewBench) -> None:
    await bench.tell(PLAIN, make_received(), *events_to(OrderStatus.FILLED))
    bench.view.drop(PLAIN)
    bench.view.drop(PLAIN)
    await bench.project()
    rows = await bench.writer.store.order_rows("main", [PLAIN])
    assert rows[PLAIN]["status"] is OrderStatus.FILLED


async def test_every_name_that_an_order_ever_had_finds_it(bench: ViewBench) -> None:
    await tell(bench, *HISTORY)
    await bench.project()
    names: dict[OrderId, list[tuple[str, str]]] = {
        PLAIN: [
            ("client", "lx-new"),
            ("venue", "V-1"),
            ("venue", "V-1b"),
            ("tws", "17"),
            ("tws", "18"),
            ("perm", "99"),
        ],
        CHILD: [("tx", "0xab")],
        SECOND_CHILD: [("venue", "V-62")],
        ADOPTED: [("client", "web-77"), ("venue", "V-77"), ("perm", "77")],
    }
    keys = {(AccountId(ALPHA_ACCOUNT), kind, name): order for order, all_ in names.items() for kind, name in all_}
    assert await bench.writer.store.find_refs("main", list(keys)) == keys


async def test_every_operation_id_is_kept_once_with_what_it_was_used_for(
    bench: ViewBench, store: ScriptedStore
) -> None:
    await tell(bench, *HISTORY)
    await bench.project()
    rows = tables_of(store)["operations"]
    kinds = {(str(row["operation_id"]), str(row["kind"])) for row in rows.values()}
    submits = {(f"OP-{number}", "submit") for number in range(1, 7)}
    # Children have ids of their own making, which nobody asks for.
    assert kinds == submits | {("OP-C", "cancel"), ("OP-R", "replace"), ("OP-R5", "replace")} - {("OP-6/1", "submit")}


async def test_fills_stand_in_the_table_as_they_count(bench: ViewBench, store: ScriptedStore) -> None:
    await tell(bench, *HISTORY)
    await bench.project()
    rows = {str(row["fill_key"]).rpartition("|")[2]: row for row in tables_of(store)["fills"].values()}
    assert {name: row["busted"] for name, row in rows.items()} == {
        "T-1": True,
        "T-2": True,
        "T-3": False,
        "T-61": False,
        "T-62": False,
        "T-63": False,
        "T-77": False,
    }
    assert rows["T-3"]["price"] == Decimal(44800)
    assert rows["T-77"]["strategy_id"] == STRATEGY, "it moved with its order"


async def test_counted_fills_add_up_to_the_orders_and_the_positions(bench: ViewBench, store: ScriptedStore) -> None:
    await tell(bench, *HISTORY)
    await bench.project()
    counted = [row for row in tables_of(store)["fills"].values() if not row["busted"]]
    for order_id in (PLAIN, CHILD, SECOND_CHILD, ADOPTED):
        mine = sum(Decimal(str(row["quantity"])) for row in counted if row["order_id"] == order_id)
        assert mine == bench.view.ledger.orders[order_id].filled_quantity
    signed = [Decimal(str(row["quantity"])) * (1 if row["side"] == "BUY" else -1) for row in counted]
    assert sum(signed) == bench.view.ledger.net_quantity(AccountId(ALPHA_ACCOUNT), SPOT)


async def test_marks_value_the_positions_of_a_batch(bench: ViewBench, store: ScriptedStore) -> None:
    await bench.tell(PLAIN, make_received(), *events_to(OrderStatus.FILLED))
    await bench.project(marks={SPOT: Decimal(46_000)})
    (row,) = tables_of(store)["positions"].values()
    assert (row["current_price"], row["unrealized_pnl"]) == (Decimal(46_000), Decimal(1_000))
    fill = make_fill(2, key=FillKey("late"), quantity=Decimal(1))
    await bench.tell(PLAIN, ev.FillApplied(fill))
    await bench.project()
    (row,) = tables_of(store)["positions"].values()
    assert "current_price" not in row
    assert "unrealized_pnl" not in row


async def test_a_book_names_only_what_changed_and_every_asset(bench: ViewBench) -> None:
    await tell(bench, *HISTORY)
    await bench.project()
    await bench.tell(ALPHA_ACCOUNT, make_asset_moved("7", "EUR"))
    (book,) = bench.take().books
    assert book.positions == {}
    assert set(book.assets) >= {"EUR", "USDT", "BTC"}


async def test_orders_of_one_batch_are_all_there(bench: ViewBench) -> None:
    for number in range(1, 6):
        intent = make_intent(operation_id=f"OP-{number}")
        await bench.tell(make_order_id(number), make_received(intent))
    batch = await bench.project()
    assert [order.order_id for order in batch.orders] == [make_order_id(number) for number in range(1, 6)]
    assert batch.at_ns == NOW_NS
    await assert_fold_is_row(bench)


async def sent(bench: ViewBench, number: int, client_order_id: str) -> OrderId:
    """An order that was sent under a client id."""
    order_id = make_order_id(number)
    intent = make_intent(operation_id=f"OP-{number}")
    plan = make_plan(order_id, client_order_id=client_order_id)
    await bench.tell(order_id, make_received(intent), *events_to(OrderStatus.PENDING), make_submit_requested(plan=plan))
    return order_id


async def test_a_fill_moves_the_position_of_the_instrument_that_it_names(bench: ViewBench) -> None:
    order_id = await sent(bench, 1, "c1")
    await bench.tell(order_id, ev.FillApplied(make_fill(instrument_id=SPOT_AT_BETA)))
    batch = await bench.project()
    assert {instrument_id for _, _, instrument_id in batch.positions} == {SPOT_AT_BETA}
    await assert_fold_is_row(bench)


async def test_a_fill_that_counts_for_two_orders_is_seen_within_one_batch(bench: ViewBench) -> None:
    first, second = await sent(bench, 1, "c1"), await sent(bench, 2, "c2")
    await bench.tell(first, ev.FillApplied(make_fill()))
    with pytest.raises(InvariantViolation, match="counts for two orders"):
        await bench.tell(second, ev.FillApplied(make_fill()))


async def test_a_name_of_two_orders_is_seen_within_one_batch(bench: ViewBench) -> None:
    await sent(bench, 1, "c1")
    with pytest.raises(InvariantViolation, match="client id c1 names two orders"):
        await sent(bench, 2, "c1")
