"""Orders that live at random, projected in batches of any size: tables, folds and the journal always agree."""

from decimal import Decimal, localcontext
from random import Random

import pytest

from liveexec.domain.ids import OperationId
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.runtime.ports import JournalStore
from support.builders import (
    make_intent,
    make_order_id,
    make_plan,
    make_received,
    make_routed,
    make_submit_requested,
)
from support.journaling import ShardWriter
from support.lives import next_event

ORDERS = 8
STEPS = 60


async def live(writer: ShardWriter, random: Random, first: int) -> None:
    """Let some orders live, and project every now and then."""
    order_ids = [make_order_id(number) for number in range(first, first + ORDERS)]
    for order_id in order_ids:
        intent = make_intent(quantity=Decimal(random.randint(1, 300)) / 100, post_only=random.random() < 0.3)
        await writer.tell(order_id, make_received(intent, operation_id=OperationId(order_id)))
        if random.random() < 0.7:
            await writer.tell(order_id, make_routed(), make_submit_requested(plan=make_plan(order_id)))
    for step in range(STEPS):
        order = writer.ledger.orders[random.choice(order_ids)]
        event = next_event(order, step, random)
        if event is not None:
            await writer.tell(order.order_id, event)
        if writer.pending and random.random() < 0.15:
            await writer.project()
    if writer.pending:
        await writer.project()


async def folded(store: JournalStore) -> Ledger:
    """The ledger that the journal makes."""
    ledger = Ledger()
    with localcontext(MONEY):
        for stored in await store.read_after("main", 0, 100_000):
            ledger.apply(stored.record)
    return ledger


@pytest.mark.parametrize("seed", range(6))
async def test_tables_are_the_fold_of_the_journal(writer: ShardWriter, seed: int) -> None:
    await live(writer, Random(seed), first=1)
    store = writer.store
    ledger = await folded(store)
    rows = await store.order_rows("main", list(ledger.orders))
    assert rows == {order_id: store.row_of(order) for order_id, order in ledger.orders.items()}
    state = await store.load("main")
    assert set(state.open_orders) == {order_id for order_id, order in ledger.orders.items() if order.is_open}
    assert state.positions.keys() == ledger.positions.keys()
    for key, position in ledger.positions.items():
        found = state.positions[key]
        assert (found.quantity, found.cost, found.realized_pnl, found.fees, found.updated_at_ns) == (
            position.quantity,
            position.cost,
            position.realized_pnl,
            position.fees,
            position.updated_at_ns,
        )
    assert {book.account_id: book.assets for book in state.books} == {
        book.account_id: book.assets for book in ledger.books.values()
    }
    assert any(order.fills for order in ledger.orders.values()), "a life without fills shows little"
