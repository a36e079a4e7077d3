"""The journal: whole batches in order, once, by the owner alone."""

from decimal import Decimal

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.codec import encode_events
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.record import Record
from liveexec.domain.stored import StoredRecord
from liveexec.errors import Fenced, InvariantViolation, JournalConflict
from liveexec.runtime.ports import JournalStore
from support.builders import (
    events_to,
    make_asset_moved,
    make_fill,
    make_intent,
    make_order_id,
    make_received,
    make_record,
)
from support.journaling import ShardWriter

ORDER = make_order_id(1)
OTHER = make_order_id(2)


def told(records: list[StoredRecord]) -> list[tuple[object, ...]]:
    """Stored records as values that compare, their events letter by letter."""
    return [
        (
            stored.position,
            stored.epoch,
            stored.record.stream,
            stored.record.sequence,
            stored.record.cause,
            stored.record.at_ns,
            encode_events(stored.record.events),
        )
        for stored in records
    ]


async def journal_of(store: JournalStore, shard: str = "main") -> list[StoredRecord]:
    return list(await store.read_after(shard, 0, 1_000))


def new_orders(count: int) -> list[Record]:
    """Records of so many orders: one of them alone is appended by a statement of its own."""
    return [make_record(make_order_id(100 + number), 1, make_received()) for number in range(count)]


async def test_records_come_back_as_they_were_appended(writer: ShardWriter) -> None:
    intent = make_intent(metadata={"note": "größer ✓ 'quoted' \\ \"", "nested": {"b": [1, 1e22, None], "a": True}})
    records = [
        writer.record(ORDER, make_received(intent), *events_to(OrderStatus.ACCEPTED)),
        writer.record("ALPHA-1", make_asset_moved("0.000000000000000001")),
        writer.record(ORDER, ev.FillApplied(make_fill(quantity=Decimal("0.10"))), ev.Canceled("requested", None)),
    ]
    await writer.append(*records[:2])
    await writer.append(*records[2:])
    epoch = writer.owned.epoch
    assert told(await journal_of(writer.store)) == told(
        [StoredRecord(position, epoch, record) for position, record in enumerate(records, start=1)]
    )
    assert told(list(await writer.store.read_after("main", 1, 1))) == told([StoredRecord(2, epoch, records[1])])
    assert list(await writer.store.read_after("main", 3, 10)) == []


async def test_a_nul_in_a_venues_words_is_replaced_and_stops_nothing(writer: ShardWriter) -> None:
    told_by_venue = ev.VenueRejected("-2010", "a NUL \0, and no NUL \\u0000 \\\0", None)
    record = writer.record(ORDER, make_received(), *events_to(OrderStatus.SUBMITTED), told_by_venue)
    batch = await writer.append(record)
    assert await writer.store.settle(batch)
    event = (await journal_of(writer.store))[0].record.events[-1]
    assert isinstance(event, ev.VenueRejected)
    assert event.message == "a NUL \ufffd, and no NUL \\u0000 \\\ufffd"


async def test_streams_are_read_each_in_its_order(writer: ShardWriter) -> None:
    first = await writer.tell(ORDER, make_received())
    other = await writer.tell(OTHER, make_received())
    second = await writer.tell(ORDER, *events_to(OrderStatus.ACCEPTED))
    found = await writer.store.read_streams("main", [ORDER, OTHER, "nobody", ORDER])
    assert {stream: [stored.position for stored in records] for stream, records in found.items()} == {
        ORDER: [1, 3],
        OTHER: [2],
    }
    assert [stored.record.sequence for stored in found[ORDER]] == [first.sequence, second.sequence]
    assert other.sequence == 1
    assert await writer.store.read_streams("another shard", [ORDER]) == {}


async def test_encoding_beforehand_makes_no_difference(writer: ShardWriter) -> None:
    record = writer.record(ORDER, make_received())
    batch = writer.batch_of([record], encoded=[encode_events(record.events)])
    await writer.store.append(batch)
    assert told(await journal_of(writer.store)) == told([StoredRecord(1, writer.owned.epoch, record)])


async def test_the_identical_batch_again_is_a_success_and_changes_nothing(writer: ShardWriter) -> None:
    batch = await writer.append(writer.record(ORDER, make_received()))
    await writer.store.append(batch)
    assert len(await journal_of(writer.store)) == 1
    await writer.tell(OTHER, make_received())
    await writer.store.append(batch)
    assert len(await journal_of(writer.store)) == 2


async def test_a_batch_number_used_for_other_content_is_a_conflict(writer: ShardWriter) -> None:
    batch = await writer.append(writer.record(ORDER, make_received()))
    batch.records = [make_record(OTHER, 1, make_received())]
    with pytest.raises(JournalConflict, match="batch 1 is in the journal with other content"):
        await writer.store.append(batch)
    assert [stored.record.stream for stored in await journal_of(writer.store)] == [ORDER]


async def test_what_a_batch_begins_with_is_not_the_batch(writer: ShardWriter) -> None:
    records = [writer.record(ORDER, make_received()), writer.record(OTHER, make_received())]
    await writer.append(*records)
    beginning = writer.batch_of(records[:1], batch=1, first_position=1)
    with pytest.raises(JournalConflict, match="batch 1 is in the journal with other content"):
        await writer.store.append(beginning)
    with pytest.raises(JournalConflict):
        await writer.store.settle(beginning)


@pytest.mark.parametrize("records", [1, 2])
@pytest.mark.parametrize(("batch", "first_position"), [(3, 2), (2, 3), (2, 1), (9, 9)])
async def test_a_batch_that_does_not_follow_is_a_conflict(
    writer: ShardWriter, batch: int, first_position: int, records: int
) -> None:
    await writer.tell(ORDER, make_received())
    wrong = writer.batch_of(new_orders(records), batch=batch, first_position=first_position)
    with pytest.raises(JournalConflict, match="does not follow batch 1, which ends at 1"):
        await writer.store.append(wrong)
    assert len(await journal_of(writer.store)) == 1


async def test_a_sequence_that_is_taken_refuses_the_whole_batch(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    again = writer.batch_of([make_record(OTHER, 1, make_received()), make_record(ORDER, 1, make_received())])
    with pytest.raises(JournalConflict):
        await writer.store.append(again)
    assert len(await journal_of(writer.store)) == 1
    await writer.tell(OTHER, make_received())
    assert len(await journal_of(writer.store)) == 2


async def test_one_batch_with_the_same_sequence_twice_is_refused(writer: ShardWriter) -> None:
    record = make_record(ORDER, 1, make_received())
    with pytest.raises(JournalConflict):
        await writer.store.append(writer.batch_of([record, record]))
    assert await journal_of(writer.store) == []


async def test_an_empty_or_half_encoded_batch_is_refused(writer: ShardWriter) -> None:
    with pytest.raises(InvariantViolation, match="empty"):
        await writer.store.append(writer.batch_of([]))
    records: list[Record] = [make_record(ORDER, 1, make_received()), make_record(OTHER, 1, make_received())]
    with pytest.raises(InvariantViolation, match="encoded in part"):
        await writer.store.append(writer.batch_of(records, encoded=[b"[]"]))
    assert await journal_of(writer.store) == []


@pytest.mark.parametrize("records", [1, 2])
async def test_an_old_owner_writes_nothing_any_more(writer: ShardWriter, records: int) -> None:
    await writer.tell(ORDER, make_received())
    successor = await ShardWriter.of(writer.store)
    assert (successor.owned.epoch, successor.batch, successor.position) == (writer.owned.epoch + 1, 1, 1)
    stale = writer.batch_of(new_orders(records))
    with pytest.raises(Fenced, match="epoch 1 is over"):
        await writer.store.append(stale)
    with pytest.raises(Fenced):
        await writer.store.settle(stale)
    await successor.append(make_record(OTHER, 1, make_received()))
    assert [stored.epoch for stored in await journal_of(writer.store)] == [1, 2]


async def test_a_shard_that_nobody_took_is_not_written(store: JournalStore) -> None:
    writer = await ShardWriter.of(store)
    orphan = writer.batch_of([make_record(ORDER, 1, make_received())], shard="nobody's")
    with pytest.raises(Fenced):
        await store.append(orphan)
    with pytest.raises(Fenced):
        await store.settle(orphan)


async def test_shards_have_journals_of_their_own(writer: ShardWriter) -> None:
    other = await ShardWriter.of(writer.store, "other")
    await writer.tell(ORDER, make_received())
    await other.tell(OTHER, make_received())
    assert [stored.record.stream for stored in await journal_of(writer.store, "other")] == [OTHER]
    assert [stored.record.stream for stored in await journal_of(writer.store)] == [ORDER]
    assert await writer.store.read_streams("main", [OTHER]) == {}


async def test_settling_tells_whether_a_batch_is_there(writer: ShardWriter) -> None:
    batch = writer.batch_of([writer.record(ORDER, make_received())])
    assert not await writer.store.settle(batch)
    await writer.store.append(batch)
    assert await writer.store.settle(batch)
    writer.appended(batch)
    await writer.tell(OTHER, make_received())
    assert await writer.store.settle(batch)


async def test_settling_a_number_that_was_used_for_something_else_is_a_conflict(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    with pytest.raises(JournalConflict):
        await writer.store.settle(writer.batch_of([make_record(OTHER, 1, make_received())], batch=1, first_position=1))
