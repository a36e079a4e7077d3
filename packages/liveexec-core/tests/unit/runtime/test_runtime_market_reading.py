"""Market data: the stream at once; what was traded before it is asked for of few, and waits for its turn."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, field

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.engine.state import EngineState
from liveexec.errors import AdapterError
from liveexec.runtime.market_reading import read_market, remembered, traded_in
from support.builders import ALPHA, ALPHA_ACCOUNT, LINEAR, NOW_NS, SPOT, SPOT_AT_BETA, make_book
from support.engine_harness import EngineHarness
from support.runtime_parts import Ended, ScriptedVenue, turns, until, within

MANY = tuple(InstrumentId(f"ALPHA:SPOT_PAIR:C{number}-USDT") for number in range(1_000))


def bar(start_s: int, instrument_id: InstrumentId = SPOT) -> TradeBar:
    start_ns = NOW_NS + start_s * 1_000_000_000
    return TradeBar(instrument_id, start_ns, start_ns + 1_000_000_000, Decimal(1), Decimal(100), Decimal(100), 1)


@define(eq=False)
class Reading:
    """A venue that is read from, and what was taken in. A slot is waited for while ``full`` is set."""

    venue: ScriptedVenue = field(factory=ScriptedVenue)
    taken: list[Book | TradeBar] = field(factory=list)
    full: asyncio.Event = field(factory=asyncio.Event)
    slots: int = 0

    def slot(self) -> Coroutine[Any, Any, None] | None:
        self.slots += 1
        return self._room() if self.full.is_set() else None

    async def _room(self) -> None:
        while self.full.is_set():  # noqa: ASYNC110  (a test clears it)
            await asyncio.sleep(0)

    @asynccontextmanager
    async def running(self, past: tuple[InstrumentId, ...] = (SPOT,)) -> AsyncIterator[asyncio.Task[None]]:
        reading = read_market(self.venue, ALPHA, (SPOT, LINEAR), past, self.slot, self.taken.append)
        task = asyncio.create_task(reading)
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_books_wait_for_no_past_and_trades_come_behind_theirs() -> None:
    reading = Reading()
    reading.full.set()
    reading.venue.past_trades = (bar(-2), bar(-1))
    async with reading.running():
        await turns()
        assert reading.venue.asked == [("market", (SPOT, LINEAR))]
        for update in (bar(-1), bar(0), make_book(), bar(1), bar(0, LINEAR)):
            reading.venue.quotes.put(update)
        await until(lambda: len(reading.taken) == 2)
        assert [type(each) for each in reading.taken] == [Book, TradeBar]
        reading.full.clear()
        await until(lambda: len(reading.taken) == 6)
    spot = [each.start_ns for each in reading.taken if isinstance(each, TradeBar) and each.instrument_id == SPOT]
    # What both the past and the stream tell counts once.
    assert spot == [bar(second).start_ns for second in (-2, -1, 0, 1)]


async def test_every_question_takes_a_slot_of_its_own() -> None:
    reading = Reading()
    async with reading.running((SPOT, LINEAR)):
        await until(lambda: reading.venue.count("recent_trades") == 2)
    assert reading.slots == 2


async def test_a_past_that_is_not_told_costs_no_session() -> None:
    reading = Reading()
    reading.venue.answer("recent_trades", AdapterError("503"))
    async with reading.running() as task:
        await until(lambda: reading.venue.count("recent_trades") == 1)
        reading.venue.quotes.put(bar(0))
        await until(lambda: reading.taken)
        assert not task.done()


async def test_a_stream_that_ends_loses_the_session() -> None:
    reading = Reading()
    reading.full.set()
    async with reading.running() as task:
        reading.venue.quotes.put(Ended())
        with pytest.raises(ExceptionGroup, match="unhandled errors") as errors:
            await within(task)
    assert errors.group_contains(AdapterError, match="ended its stream of market data")


def test_the_past_of_thousands_is_not_asked_for_unless_they_are_chosen_or_traded() -> None:
    def nothing() -> frozenset[InstrumentId]:
        return frozenset()

    assert remembered(MANY, is_chosen=False, traded=nothing) == ()
    assert remembered(MANY, is_chosen=False, traded=lambda: {MANY[7], SPOT}) == (MANY[7],)
    assert remembered(MANY, is_chosen=True, traded=nothing) == MANY
    assert remembered(MANY[:5], is_chosen=False, traded=nothing) == MANY[:5]


def test_traded_is_what_is_held_and_what_is_open_in_any_instrument_of_its_product() -> None:
    assert traded_in(EngineHarness().engine.state) == frozenset()
    harness = EngineHarness().start()
    harness.fill(harness.working(instrument_key=LINEAR), "1")
    harness.working(instrument_key=SPOT)
    state: EngineState = harness.engine.state
    assert {SPOT, LINEAR} <= traded_in(state)
    assert ALPHA_ACCOUNT in state.ledger.books
    assert SPOT_AT_BETA not in traded_in(state)
