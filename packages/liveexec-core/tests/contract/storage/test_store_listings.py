"""What a store remembers of listings: a cache for readers, which no shard owns."""

from decimal import Decimal

from liveexec.domain.ids import InstrumentId
from liveexec.domain.stored import ListedSteps
from liveexec.runtime.ports import JournalStore
from support.builders import LINEAR, NOW_NS, SPOT
from support.journaling import ShardWriter


def steps(instrument_id: InstrumentId, tick: str, lot: str) -> ListedSteps:
    return ListedSteps(instrument_id, Decimal(tick), Decimal(lot))


async def test_what_was_listed_last_is_known_by_its_id(store: JournalStore) -> None:
    assert list(await store.listed_steps()) == []
    spot, linear = steps(SPOT, "0.01", "0.00001"), steps(LINEAR, "0.5", "100")
    await store.save_listings([spot, linear], NOW_NS)
    await store.save_listings([], NOW_NS)
    assert list(await store.listed_steps()) == sorted((spot, linear), key=lambda each: each.instrument_id)
    finer = steps(SPOT, "0.000000000000000001", "99999999999999999")
    await store.save_listings([finer], NOW_NS + 1)
    assert list(await store.listed_steps()) == sorted((finer, linear), key=lambda each: each.instrument_id)


async def test_of_an_instrument_that_is_named_twice_the_last_counts(store: JournalStore) -> None:
    await store.save_listings([steps(SPOT, "1", "1"), steps(SPOT, "0.1", "2")], NOW_NS)
    assert list(await store.listed_steps()) == [steps(SPOT, "0.1", "2")]


async def test_many_are_kept_in_the_order_of_their_ids(store: JournalStore) -> None:
    many = [steps(InstrumentId(f"VENUE:SPOT_PAIR:A{number}-B"), "0.01", "1") for number in range(12_000)]
    await store.save_listings(many, NOW_NS)
    assert list(await store.listed_steps()) == sorted(many, key=lambda each: each.instrument_id)


async def test_they_stay_when_the_tables_are_made_anew(store: JournalStore, writer: ShardWriter) -> None:
    spot = steps(SPOT, "0.01", "0.00001")
    await store.save_listings([spot], NOW_NS)
    await store.reset_projections(writer.owned)
    assert list(await store.listed_steps()) == [spot]
