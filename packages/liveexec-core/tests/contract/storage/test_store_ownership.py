"""Who owns a shard, until when, and how another takes it over."""

import time
from collections.abc import Awaitable, Callable

import pytest

from liveexec.domain.ids import OperationId
from liveexec.errors import Fenced, NotFound
from liveexec.runtime.ports import JournalStore
from support.builders import make_order_id, make_received
from support.journaling import ShardWriter

ENDED_S = 0.0
LONG_S = 60.0


async def receive(writer: ShardWriter, *numbers: int) -> None:
    """Append the first record of each of these orders as one batch."""
    records = []
    for number in numbers:
        received = make_received(operation_id=OperationId(f"OP-{number}"))
        records.append(writer.record(make_order_id(number), received))
    await writer.append(*records)


async def test_a_new_shard_begins_at_nothing(store: JournalStore) -> None:
    before_s = time.monotonic()
    owned = await store.acquire("main", "one", LONG_S)
    assert (owned.shard, owned.epoch, owned.batch, owned.position) == ("main", 1, 0, 0)
    assert before_s + LONG_S <= owned.lease_until_s <= time.monotonic() + LONG_S
    state = await store.load("main")
    assert (state.projected_through, list(state.open_orders), state.positions, list(state.books)) == (0, [], {}, [])


async def test_loading_a_shard_that_is_not_there_is_an_error(store: JournalStore) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await store.load("nowhere")


async def test_a_lease_keeps_others_out(
    open_store: Callable[[], Awaitable[JournalStore]],
) -> None:
    one, two = await open_store(), await open_store()
    await one.acquire("main", "one", LONG_S)
    with pytest.raises(Fenced, match=r"main is owned by 'one', whose lease holds for (60|59)\.\d s more"):
        await two.acquire("main", "two", LONG_S)
    assert (await one.shards())[0].epoch == 1
    await two.acquire("other", "two", LONG_S)


async def test_an_owner_that_comes_back_gets_a_new_epoch_at_once(store: JournalStore) -> None:
    await store.acquire("main", "one", LONG_S)
    assert (await store.acquire("main", "one", LONG_S)).epoch == 2


async def test_a_lease_that_ended_lets_another_in(store: JournalStore) -> None:
    old = await store.acquire("main", "one", ENDED_S)
    new = await store.acquire("main", "two", LONG_S)
    assert new.epoch == old.epoch + 1
    with pytest.raises(Fenced, match="epoch 1 is over"):
        await store.renew(old, LONG_S)


async def test_renewing_keeps_others_out(store: JournalStore) -> None:
    owned = await store.acquire("main", "one", ENDED_S)
    before_s = time.monotonic()
    assert before_s + LONG_S <= await store.renew(owned, LONG_S) <= time.monotonic() + LONG_S
    with pytest.raises(Fenced):
        await store.acquire("main", "two", LONG_S)


async def test_giving_up_lets_another_in_at_once(store: JournalStore) -> None:
    await store.release(await store.acquire("main", "one", LONG_S))
    assert (await store.acquire("main", "two", LONG_S)).epoch == 2


async def test_giving_up_what_another_owns_changes_nothing(store: JournalStore) -> None:
    old = await store.acquire("main", "one", ENDED_S)
    await store.acquire("main", "two", LONG_S)
    await store.release(old)
    with pytest.raises(Fenced):
        await store.acquire("main", "three", LONG_S)


async def test_a_takeover_sees_all_that_was_written(store: JournalStore) -> None:
    writer = await ShardWriter.of(store)
    await receive(writer, 1, 2)
    await writer.project()
    await receive(writer, 3)
    owned = await store.acquire("main", "owner-1", LONG_S)
    assert (owned.epoch, owned.batch, owned.position) == (2, 2, 3)
    assert (await store.load("main")).projected_through == 2


async def test_shards_are_listed_with_both_heads(store: JournalStore) -> None:
    writer = await ShardWriter.of(store, "b")
    await receive(writer, 1, 2)
    await writer.project()
    await receive(writer, 3)
    await store.release(await store.acquire("a", "somebody", LONG_S))
    first, second = await store.shards()
    assert (first.shard, first.epoch, first.owner, first.lease_until_ns) == ("a", 1, "somebody", 0)
    assert (second.shard, second.batch, second.position, second.projected_through) == ("b", 2, 3, 2)
    assert second.lease_until_ns > time.time_ns()
