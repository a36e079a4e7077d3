"""Notes of listings: written behind everything else, and in the way of nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
import structlog

from liveexec.domain.instrument import Listing, TickBand, TickSchedule
from liveexec.domain.stored import ListedSteps
from liveexec.errors import StorageError, TransientStorageError
from liveexec.runtime.listing_notes import ListingNotes
from support.builders import LINEAR, NOW_NS, SPOT, make_listing
from support.hosting import until
from support.runtime_parts import Fault, ScriptedStore

LOST = TransientStorageError("gone")


@asynccontextmanager
async def noting(store: ScriptedStore) -> AsyncIterator[ListingNotes]:
    notes = ListingNotes(store, lambda: NOW_NS, "main", first_wait_s=0.0)
    running = asyncio.create_task(notes.run())
    try:
        yield notes
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait((running,))


def written(store: ScriptedStore) -> list[list[ListedSteps]]:
    calls: list[list[ListedSteps]] = store.calls.get("save_listings", [])
    return calls


def saved(store: ScriptedStore, *listings: Listing) -> Callable[[], bool]:
    wanted = {each.instrument_id: ListedSteps.of(each) for each in listings}
    return lambda: store._listings == wanted


async def test_what_is_taken_is_written_once() -> None:
    store, spot, linear = ScriptedStore(), make_listing(SPOT), make_listing(LINEAR)
    async with noting(store) as notes:
        notes.take([spot])
        await until(saved(store, spot))
        notes.take([spot, linear])
        await until(saved(store, spot, linear))
        notes.take([spot, linear])
        finer = make_listing(SPOT, ticks=TickSchedule.constant(Decimal("0.001")))
        notes.take([finer])
        await until(saved(store, finer, linear))
    assert [[each.instrument_id for each in call] for call in written(store)] == [[SPOT], [LINEAR], [SPOT]]


async def test_a_store_that_is_gone_is_tried_again_and_gets_what_is_newest() -> None:
    store, old = ScriptedStore(), make_listing(SPOT)
    new = make_listing(SPOT, ticks=TickSchedule.constant(Decimal("0.001")))
    answers = asyncio.Event()
    store.fail("save_listings", Fault(LOST, until=answers), LOST, LOST)
    with structlog.testing.capture_logs() as logged:
        async with noting(store) as notes:
            notes.take([old])
            await until(lambda: written(store))
            notes.take([new])
            answers.set()
            await until(saved(store, new))
    assert [each["event"] for each in logged] == ["listings_not_saved"]


@pytest.mark.parametrize("error", [StorageError("permission denied"), ZeroDivisionError("a defect")])
async def test_what_can_not_be_written_is_logged_and_given_up_until_it_is_taken_again(error: Exception) -> None:
    store, spot = ScriptedStore(), make_listing(SPOT)
    store.fail("save_listings", error)
    with structlog.testing.capture_logs() as logged:
        async with noting(store) as notes:
            notes.take([spot])
            await until(lambda: logged)
            assert not store._listings
            notes.take([spot])
            await until(saved(store, spot))
    assert [(each["event"], each["log_level"]) for each in logged] == [("listings_not_saved", "error")]
    assert str(error) in logged[0]["error"]


def test_the_finest_tick_is_the_one_whose_prices_need_the_most_digits() -> None:
    def finest(*ticks: str) -> Decimal:
        bands = tuple(TickBand(Decimal(start), Decimal(tick)) for start, tick in enumerate(ticks))
        return TickSchedule(bands).finest

    assert finest("0.01", "0.02", "0.5") == Decimal("0.01")
    assert finest("0.2", "0.25") == Decimal("0.25")
    assert finest("100", "1E+2", "25") == 25
