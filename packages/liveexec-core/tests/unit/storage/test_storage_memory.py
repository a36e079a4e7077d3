"""What the twin in memory adds to the suite that it shares: clocks of its user's, and no waits."""

from collections.abc import Coroutine
from typing import Any

import pytest

from liveexec.domain.ids import OperationId
from liveexec.domain.order_event import FillBusted
from liveexec.domain.order_state import OrderStatus
from liveexec.errors import Fenced
from liveexec.storage.memory import MemoryStore
from support.builders import ALPHA_ACCOUNT, events_to, make_fill, make_order_id, make_received
from support.journaling import ShardWriter
from support.twin_stores import tables_in_memory


class Clock:
    """A time that moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000

    def monotonic_s(self) -> float:
        return float(self.seconds)

    def now_ns(self) -> int:
        return self.seconds * 1_000_000_000


def at_once[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as returned:
        value: T = returned.value
        return value
    coroutine.close()
    raise AssertionError("it waits")


def test_leases_follow_the_clocks_that_are_handed_in() -> None:
    clock = Clock()
    store = MemoryStore(monotonic_s=clock.monotonic_s, now_ns=clock.now_ns)
    owned = at_once(store.acquire("main", "one", 5.0))
    assert owned.lease_until_s == 1_005.0
    clock.seconds += 4
    with pytest.raises(Fenced, match=r"holds for 1\.0 s more"):
        at_once(store.acquire("main", "two", 5.0))
    assert at_once(store.renew(owned, 5.0)) == 1_009.0
    clock.seconds += 5
    assert at_once(store.acquire("main", "two", 5.0)).epoch == 2


def test_nothing_waits() -> None:
    async def everything() -> None:
        store = MemoryStore()
        writer = await ShardWriter.of(store)
        order_id = make_order_id()
        await writer.tell(order_id, make_received(operation_id=OperationId("OP-1")))
        await writer.project()
        await store.settle(writer.batch_of([writer.record("control:main")]))
        await store.load("main")
        await store.read_after("main", 0, 10)
        await store.read_streams("main", [order_id])
        await store.find_refs("main", [])
        await store.find_operations("main", [("local", OperationId("OP-1"))])
        await store.find_children("main", [order_id])
        await store.find_asset_moves([])
        await store.find_fills(ALPHA_ACCOUNT, [])
        await store.order_rows("main", [order_id])
        await store.reset_projections(writer.owned)
        await store.shards()
        await store.renew(writer.owned, 1.0)
        await store.release(writer.owned)

    at_once(everything())


def test_an_upsert_leaves_what_only_an_insert_sets() -> None:
    async def bust_a_fill() -> None:
        store = MemoryStore()
        writer = await ShardWriter.of(store)
        order_id, fill = make_order_id(), make_fill()
        await writer.tell(order_id, make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
        applied_at_ns = writer.at_ns
        await writer.project()
        first = tables_in_memory(store)
        await writer.tell(order_id, FillBusted(fill, "erroneous"))
        await writer.tell(make_order_id(2), make_received(operation_id=OperationId("OP-2")))
        await writer.project()
        second = tables_in_memory(store)
        assert [(row["busted"], row["applied_at"]) for row in second["fills"]] == [(True, applied_at_ns)]
        assert second["strategies"] == first["strategies"]

    at_once(bust_a_fill())


def test_what_is_read_shares_nothing_with_what_is_kept() -> None:
    async def read_twice() -> None:
        store = MemoryStore()
        writer = await ShardWriter.of(store)
        await writer.tell(make_order_id(), make_received())
        first, second = [(await store.read_after("main", 0, 1))[0] for _ in range(2)]
        assert first.record.events[0] is not second.record.events[0]
        await writer.project()
        rows = await store.order_rows("main", [make_order_id()])
        assert rows[make_order_id()] is not (await store.order_rows("main", [make_order_id()]))[make_order_id()]

    at_once(read_twice())
