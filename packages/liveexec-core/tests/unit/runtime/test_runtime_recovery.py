"""Recovery: tables and the journal's tail give back what was true, twice; tables that lie are not traded on."""

import asyncio
import copy
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.ids import OrderId, is_order_id
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.position import AccountBook, Position
from liveexec.errors import InvariantViolation, NotFound
from liveexec.runtime.families import fold_family, read_families
from liveexec.runtime.rebuild import rebuild_tables, verify_tables
from liveexec.runtime.recovery import RecoveredShard, recover
from liveexec.storage.rows import row_of
from support.builders import ALPHA_ACCOUNT, make_asset_moved
from support.journaling import ShardWriter
from support.runtime_history import CHILD, EXPIRED, HISTORY, PARENT, PLAIN, SECOND_CHILD
from support.runtime_parts import ScriptedStore, ViewBench, tables_of

NAMES = [step.name for step in HISTORY]


@pytest.fixture(autouse=True)
def exact_money() -> Iterator[None]:
    with localcontext(MONEY):
        yield


async def written(journaled: int, projected: int) -> tuple[ScriptedStore, ViewBench]:
    """A store with so many records of the history, of which the tables show the first."""
    store = ScriptedStore()
    bench = await ViewBench.of(store)
    for index, step in enumerate(HISTORY[:journaled], 1):
        await bench.tell(step.stream, *step.events)
        if index == projected:
            await bench.project()
    return store, bench


def facts(ledger: Ledger) -> dict[str, Any]:
    """What a ledger holds beside its orders, as values that compare."""
    return {
        "positions": {key: _position(position) for key, position in ledger.positions.items()},
        "books": {account: _book(book) for account, book in ledger.books.items() if book.assets or book.positions},
        "states": {scope: (each.state, each.reason) for scope, each in ledger.states.items()},
        "latches": {latch: each.reason for latch, each in ledger.latches.items()},
        "drifts": {subject: (each.ours, each.theirs) for subject, each in ledger.drifts.items()},
        "opened": dict(ledger.opened),
        "sequences": dict(ledger.sequences),
    }


def _position(position: Position) -> tuple[object, ...]:
    fees = {asset: amount for asset, amount in position.fees.items() if amount}
    return (position.quantity, position.cost, position.realized_pnl, fees, position.terms, position.updated_at_ns)


def _book(book: AccountBook) -> tuple[object, object]:
    return {name: _position(net) for name, net in book.positions.items()}, dict(book.assets)


def assert_recovered(recovered: RecoveredShard, truth: Ledger) -> None:
    """Everything is as it was, in both folds; of orders those that matter are there."""
    for ledger in (recovered.engine_ledger, recovered.view.ledger):
        assert facts(ledger) == facts(truth)
        for order_id, order in ledger.orders.items():
            assert row_of(order) == row_of(truth.orders[order_id])
        assert {order_id for order_id, order in truth.orders.items() if order.is_open} <= ledger.orders.keys()


@pytest.mark.parametrize("journaled", range(1, len(HISTORY) + 1))
async def test_wherever_the_last_owner_stopped_everything_is_as_it_was(journaled: int) -> None:
    for projected in {0, journaled // 2, journaled}:
        store, bench = await written(journaled, projected)
        recovered = await recover(store, "main")
        assert_recovered(recovered, bench.view.ledger)
        assert (recovered.view.position, recovered.view.projected) == (journaled, projected)
        assert recovered.view.pending == journaled - projected
        assert recovered.last_at_ns == bench.writer.at_ns


@settings(max_examples=20)
@given(st.integers(1, len(HISTORY)), st.data())
def test_what_is_recovered_goes_on_as_if_nothing_had_happened(stopped: int, data: st.DataObject) -> None:
    projected = data.draw(st.integers(0, stopped))

    async def play() -> None:
        with localcontext(MONEY):
            store, bench = await written(stopped, projected)
            recovered = await recover(store, "main")
            # A second owner: it projects what was left, and the history goes on.
            successor = ViewBench(bench.writer, recovered.view)
            for step in HISTORY[stopped:]:
                orders = recovered.view.ledger.orders
                if is_order_id(step.stream) and step.stream not in orders:
                    # It had ended: hydration brings it back before something about it is handled.
                    family = await read_families(store, "main", [OrderId(step.stream)])
                    orders.update({each: order for each, order in fold_family(family).items() if each not in orders})
                await successor.tell(step.stream, *step.events)
            await successor.project()
            assert facts(recovered.view.ledger) == facts(bench.writer.ledger)
            assert await verify_tables(store, "main") == []

    asyncio.run(play())


async def test_the_two_folds_have_nothing_in_common_that_changes() -> None:
    store, bench = await written(len(HISTORY), len(HISTORY) // 2)
    recovered = await recover(store, "main")
    before = copy.deepcopy(facts(recovered.view.ledger))
    rows = {order_id: row_of(order) for order_id, order in recovered.view.ledger.orders.items()}
    engine = recovered.engine_ledger
    for position in engine.positions.values():
        position.trade(Decimal(1), Decimal(1), 0)
        position.pay_fee("X", Decimal(1))
    for book in engine.books.values():
        book.apply_asset(make_asset_moved("1", "X"))
        for net in book.positions.values():
            net.pay_fee("X", Decimal(1))
    for order in engine.orders.values():
        order.filled_quantity += 1
        (order.fills or {}).clear()
        (order.children or []).clear()
    engine.sequences.clear()
    engine.states.clear()
    engine.latches.clear()
    engine.drifts.clear()
    engine.orders.clear()
    assert facts(recovered.view.ledger) == before == facts(bench.view.ledger)
    for order_id, order in recovered.view.ledger.orders.items():
        assert row_of(order) == rows[order_id]
        assert list(order.fills or {}) == list(bench.view.ledger.orders[order_id].fills or {})


async def test_an_open_order_comes_with_its_names_and_its_whole_family() -> None:
    stopped = NAMES.index("parent finished")
    store, _ = await written(stopped, stopped)
    recovered = await recover(store, "main")
    open_family = {PARENT, CHILD, SECOND_CHILD}
    assert open_family <= recovered.engine_ledger.orders.keys()
    assert not recovered.engine_ledger.orders[CHILD].is_open
    assert recovered.engine_ledger.orders[PARENT].filled_quantity == Decimal("0.7")
    assert ("venue", "V-62") in recovered.names[SECOND_CHILD]
    assert PLAIN not in recovered.engine_ledger.orders, "what has ended and is projected stays in the store"


async def test_what_the_tail_touched_comes_though_it_has_ended() -> None:
    ended = NAMES.index("canceled") + 1
    store, _ = await written(ended, ended - 1)
    recovered = await recover(store, "main")
    assert not recovered.engine_ledger.orders[PLAIN].is_open
    assert ("perm", "99") in recovered.names[PLAIN]


async def test_a_shard_that_has_nothing_yet_is_empty() -> None:
    store = ScriptedStore()
    await store.acquire("main", "owner", 30.0)
    recovered = await recover(store, "main")
    assert recovered.engine_ledger.orders == {}
    assert (recovered.view.position, recovered.last_at_ns, recovered.view.pending) == (0, 0, 0)
    assert dict(recovered.names) == {}


async def test_a_shard_that_there_is_not_cannot_be_recovered() -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await recover(ScriptedStore(), "nowhere")


async def test_a_tail_of_many_pages_is_read_to_its_end() -> None:
    store = ScriptedStore()
    bench = await ViewBench.of(store)
    records = [bench.writer.record(ALPHA_ACCOUNT, make_asset_moved(Decimal(number))) for number in range(1, 4_001)]
    await bench.writer.append(*records)
    recovered = await recover(store, "main")
    assert recovered.view.position == recovered.view.pending == 4_000
    assert recovered.engine_ledger.books[ALPHA_ACCOUNT].assets["USDT"] == 4_000 * 4_001 // 2


# Tables that lie


def tamper(store: ScriptedStore, order_id: OrderId, **columns: object) -> None:
    """Somebody changed an order's row."""
    store._tables._rows["orders"][order_id,].update(columns)


async def working() -> ScriptedStore:
    """A store with an order at work, projected."""
    stopped = NAMES.index("works") + 1
    store, _ = await written(stopped, stopped)
    return store


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"filled_quantity": Decimal("0.25")}, "filled_quantity: 0.25 for 0"),
        ({"venue_order_id": "V-6"}, "venue_order_id: V-6 for V-5"),
        ({"last_sequence": 4}, "last_sequence: 4 for 5"),
        ({"price": None}, "price:  for 45000"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_an_order_whose_row_is_not_what_the_journal_says_refuses_and_says_what_to_do(
    columns: dict[str, object], says: str
) -> None:
    store = await working()
    tamper(store, EXPIRED, **columns)
    with pytest.raises(InvariantViolation) as refused:
        await recover(store, "main")
    message = str(refused.value)
    assert "1 orders" in message or "1 order" in message
    assert EXPIRED in message
    assert says in message
    assert "liveexec db rebuild" in message


async def test_what_it_tells_to_do_helps() -> None:
    store = await working()
    tamper(store, EXPIRED, status="CANCELED", quantity=Decimal(7))
    with pytest.raises(InvariantViolation):
        await recover(store, "main")
    await store.release(await store.acquire("main", "owner-1", 30.0))
    await rebuild_tables(store, "main")
    recovered = await recover(store, "main")
    assert recovered.engine_ledger.orders[EXPIRED].is_open


async def test_a_row_that_is_missing_refuses_too() -> None:
    store = await working()
    # The order is found by the journal's tail, in which it moves again.
    bench = ViewBench(await _writer(store), (await recover(store, "main")).view)
    await bench.tell(EXPIRED, *HISTORY[NAMES.index("replace rejected, then expired")].events)
    del store._tables._rows["orders"][EXPIRED,]
    with pytest.raises(InvariantViolation, match=r"the tables contradict the journal.*liveexec db rebuild"):
        await recover(store, "main")


async def test_all_that_differ_are_counted_and_the_first_is_shown() -> None:
    stopped = NAMES.index("second child spawned") + 1
    store, _ = await written(stopped, stopped)
    for order_id in (PARENT, CHILD):
        tamper(store, order_id, last_sequence=99)
    with pytest.raises(InvariantViolation, match="for 2 orders, first ORD-"):
        await recover(store, "main")


async def test_tables_are_compared_as_of_where_they_stand_and_not_with_the_tail() -> None:
    filled = NAMES.index("child filled") + 1
    store, bench = await written(filled, filled - 1)
    row = tables_of(store)["orders"][PARENT,]
    assert row["filled_quantity"] == 0
    recovered = await recover(store, "main")
    assert recovered.engine_ledger.orders[PARENT].filled_quantity == Decimal("0.2")
    assert_recovered(recovered, bench.view.ledger)


async def _writer(store: ScriptedStore) -> ShardWriter:
    writer = await ShardWriter.of(store)
    for stored in await store.read_after("main", 0, 1_000):
        writer.ledger.apply(stored.record)
    return writer
