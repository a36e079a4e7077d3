"""The journal's writer: whole batches in the engine's order, once, and everybody is told exactly once what became."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch, StoredRecord
from liveexec.engine.effects import DisarmTimer, TimerKind
from liveexec.engine.turn import Decision
from liveexec.errors import (
    Fenced,
    InvariantViolation,
    JournalConflict,
    LiveExecError,
    OutcomeUnknown,
    StorageError,
    TransientStorageError,
)
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.journal import Journal, JournalState
from liveexec.runtime.metrics import Metrics
from support.builders import make_asset_moved, make_record
from support.runtime_parts import Fault, ScriptedStore, turns, until, within

LOST = TransientStorageError("connection lost")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry follows at once."""
    monkeypatch.setattr(Backoff, "next_s", _at_once)


def _at_once(backoff: Backoff) -> float:
    backoff.failures += 1
    return 0.0


@define(eq=False)
class Desk:
    """A journal with a store behind it, and what its callers were told: (number, position) or (number, error)."""

    store: ScriptedStore
    journal: Journal
    told: list[tuple[int, int | LiveExecError]] = field(factory=list)
    _numbers: "count[int]" = field(factory=lambda: count(1))
    _sequences: "count[int]" = field(factory=lambda: count(1))

    def append(self, records: int = 1, then: Callable[[], None] = lambda: None) -> int:
        """Append a decision of so many records (none: effects only); its number."""
        number = next(self._numbers)
        decision = Decision(tuple(self.record() for _ in range(records)), (DisarmTimer((TimerKind.CANCEL, "x")),))

        def done(position: int, durable: Decision) -> None:
            assert durable is decision
            self.told.append((number, position))
            then()

        self.journal.append(decision, done, lambda error: self.told.append((number, error)))
        return number

    def record(self) -> Record:
        sequence = next(self._sequences)
        return make_record("ALPHA-1", sequence, make_asset_moved(str(sequence)))

    async def stored(self) -> Sequence[StoredRecord]:
        return await self.store.read_after("main", 0, 10_000)

    def batches(self, method: str = "append") -> list[AppendBatch]:
        return self.store.calls.get(method, [])

    @property
    def numbers(self) -> list[int]:
        """Who was told, in order."""
        return [number for number, _ in self.told]

    @property
    def errors(self) -> list[tuple[int, LiveExecError]]:
        return [(number, error) for number, error in self.told if isinstance(error, LiveExecError)]


async def make_desk(store: ScriptedStore | None = None, **options: Any) -> Desk:
    store = store if store is not None else ScriptedStore()
    owned = await store.acquire("main", "owner", 3_600)
    return Desk(store, Journal(store, owned, Metrics(), **options))


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator["asyncio.Task[None]"]:
    """The journal's task, ended at last."""
    task = asyncio.create_task(desk.journal.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def drain(desk: Desk) -> None:
    await within(desk.journal.drained())


async def test_what_is_appended_is_told_durable_with_its_position() -> None:
    desk = await make_desk()
    async with running(desk):
        desk.append(2)
        desk.append(1)
        assert desk.told == []
        assert desk.journal.backlog == 2
        await drain(desk)
    assert desk.told == [(1, 1), (2, 3)]
    assert [stored.position for stored in await desk.stored()] == [1, 2, 3]
    assert desk.journal.position == 3
    assert desk.journal.backlog == 0


async def test_nobody_is_told_before_the_store_has_it() -> None:
    desk = await make_desk()
    released = desk.store.hold("append")
    async with running(desk):
        desk.append()
        await turns()
        assert desk.told == []
        released.set()
        await drain(desk)
        assert desk.told == [(1, 1)]


async def test_what_waits_while_a_batch_is_written_makes_up_the_next() -> None:
    desk = await make_desk()
    released = desk.store.hold("append")
    async with running(desk):
        desk.append()
        await turns()
        for _ in range(5):
            desk.append()
        released.set()
        await drain(desk)
    assert [len(batch.records) for batch in desk.batches()] == [1, 5]
    assert [(batch.batch, batch.first_position) for batch in desk.batches()] == [(1, 1), (2, 2)]
    assert desk.numbers == [1, 2, 3, 4, 5, 6]


async def test_the_next_batch_is_on_its_way_when_those_of_the_last_one_are_told() -> None:
    desk = await make_desk()
    released = desk.store.hold("append")
    written: list[int] = []
    async with running(desk):
        desk.append(1, then=lambda: written.append(len(desk.batches())))
        await turns()
        desk.append(1, then=lambda: written.append(len(desk.batches())))
        released.set()
        await drain(desk)
    assert written == [2, 2]
    assert desk.told == [(1, 1), (2, 2)]


async def test_a_listener_that_fails_while_the_next_batch_is_written_ends_that_too() -> None:
    desk = await make_desk()
    first, second = asyncio.Event(), asyncio.Event()

    def fail() -> None:
        assert len(desk.batches()) == 2, "the next batch is being written"
        raise InvariantViolation("the view contradicts the journal")

    desk.store.fail("append", Fault(None, until=first), Fault(None, until=second))
    async with running(desk) as task:
        desk.append(1, then=fail)
        await turns()
        desk.append(1)
        first.set()
        with pytest.raises(InvariantViolation):
            await within(task)
    assert desk.told[0] == (1, 1)
    assert [number for number, _ in desk.errors] == [2]
    assert desk.journal.state is JournalState.STOPPED
    assert len(await desk.stored()) == 1


@settings(max_examples=40)
@given(st.lists(st.integers(0, 70), min_size=1, max_size=40))
def test_a_batch_has_64_records_at_most_and_no_decision_is_split(sizes: list[int]) -> None:
    async def play() -> None:
        desk = await make_desk()
        for size in sizes:
            desk.append(size)
        async with running(desk):
            await drain(desk)
        batches = desk.batches()
        decisions = [size for size in sizes if size]
        for batch in batches:
            members: list[int] = []
            while sum(members) < len(batch.records):
                members.append(decisions.pop(0))
            assert sum(members) == len(batch.records), "a decision is one batch's whole"
            assert len(batch.records) <= 64 or len(members) == 1
        assert decisions == []
        assert desk.numbers == sorted(desk.numbers) == list(range(1, len(sizes) + 1))
        positions = [position for _, position in desk.told]
        assert positions == [1 + sum(sizes[:number]) for number in range(len(sizes))]
        assert [stored.record.sequence for stored in await desk.stored()] == list(range(1, sum(sizes) + 1))

    asyncio.run(play())


async def test_effects_alone_go_at_once_when_nothing_is_before_them() -> None:
    desk = await make_desk()
    desk.append(0)
    assert desk.told == [(1, 1)]
    assert desk.journal.backlog == 0


async def test_effects_alone_never_overtake_what_waits_or_is_being_written() -> None:
    desk = await make_desk()
    released = desk.store.hold("append")
    async with running(desk):
        desk.append(1)
        desk.append(0)
        assert desk.told == []
        await turns()
        desk.append(0)
        desk.append(1)
        desk.append(0)
        await turns()
        assert desk.told == []
        released.set()
        await drain(desk)
    assert desk.numbers == [1, 2, 3, 4, 5]


async def test_effects_that_a_durable_decision_leads_to_do_not_overtake_its_batch() -> None:
    desk = await make_desk()

    def effects_only() -> None:
        desk.append(0)

    desk.append(1, then=effects_only)
    desk.append(1)
    desk.append(1)
    async with running(desk):
        await drain(desk)
    assert desk.numbers == [1, 2, 3, 4]


async def test_effects_alone_need_no_write() -> None:
    desk = await make_desk()
    async with running(desk):
        desk.append(1)
        desk.append(0)
        await drain(desk)
        desk.append(0)
    assert len(desk.batches()) == 1
    assert desk.numbers == [1, 2, 3]


async def test_a_transient_failure_is_settled_and_the_identical_batch_written_again() -> None:
    desk = await make_desk()
    desk.store.fail("append", LOST)
    async with running(desk):
        desk.append(3)
        await turns()
        desk.append(1)
        await drain(desk)
    first, second = desk.batches()[:2]
    assert first is second
    assert desk.batches("settle") == [first]
    assert len(await desk.stored()) == 4
    assert desk.told == [(1, 1), (2, 4)]


async def test_a_batch_that_turns_out_to_be_there_is_not_written_again() -> None:
    desk = await make_desk()
    desk.store.fail("append", Fault(LOST, carried_out=True))
    async with running(desk):
        desk.append(2)
        await drain(desk)
        desk.append(1)
        await drain(desk)
    assert [len(batch.records) for batch in desk.batches()] == [2, 1]
    assert len(desk.batches("settle")) == 1
    assert desk.told == [(1, 1), (2, 3)]
    assert len(await desk.stored()) == 3


async def test_what_cannot_be_settled_yet_is_asked_again_before_anything_is_written() -> None:
    desk = await make_desk()
    desk.store.fail("append", LOST, Fault(LOST, carried_out=True))
    desk.store.fail("settle", LOST, LOST)
    async with running(desk):
        desk.append(1)
        await drain(desk)
    # append, settle, settle, settle: absent, append: done but lost again, settle: there.
    assert len(desk.batches()) == 2
    assert len(desk.batches("settle")) == 4
    assert desk.told == [(1, 1)]
    assert len(await desk.stored()) == 1


async def test_retries_are_counted() -> None:
    desk = await make_desk()
    desk.store.fail("append", LOST)
    desk.store.fail("settle", LOST)
    async with running(desk):
        desk.append(1)
        await drain(desk)
    assert desk.journal._metrics.journal_retries._value.get() == 2


async def test_a_store_that_keeps_failing_stalls_the_journal_and_its_recovery_ends_that() -> None:
    desk = await make_desk(stall_after_s=0.0)
    desk.store.fail("append", LOST)
    released = desk.store.hold("settle")
    async with running(desk):
        assert desk.journal.state is JournalState.WRITING
        desk.append(1)
        await until(lambda: desk.batches("settle"))
        assert desk.journal.state is JournalState.STALLED
        desk.append(0)
        assert desk.told == [], "effects wait for what is before them"
        released.set()
        await drain(desk)
    assert desk.journal.state is JournalState.WRITING
    assert desk.numbers == [1, 2]


async def test_a_store_that_does_not_answer_stalls_the_journal_as_soon_as_somebody_looks() -> None:
    desk = await make_desk(stall_after_s=0.0)
    released = desk.store.hold("append")
    async with running(desk):
        desk.journal.check()
        desk.append(1)
        await until(desk.batches)
        assert desk.journal.state is JournalState.WRITING
        desk.journal.check()
        assert desk.journal.is_stalled
        released.set()
        await drain(desk)
        desk.journal.check()
        assert desk.journal.state is JournalState.WRITING


async def test_of_everything_that_waits_while_it_is_stalled_somebody_hears_once() -> None:
    heard: list[Decision] = []
    desk = await make_desk(stall_after_s=0.0, on_delayed=heard.append)
    released = desk.store.hold("append")
    async with running(desk):
        desk.append(1)
        await until(desk.batches)
        desk.append(1)
        assert heard == []
        desk.journal.check()
        assert len(heard) == 2
        desk.append(1)
        desk.append(0)
        assert len(heard) == 4
        released.set()
        await drain(desk)
        desk.append(1)
        await drain(desk)
    assert len(heard) == 4
    assert len(desk.numbers) == 5


async def test_a_short_failure_does_not_stall() -> None:
    desk = await make_desk(stall_after_s=3_600.0)
    desk.store.fail("append", LOST, LOST, LOST)
    released = desk.store.hold("settle")
    async with running(desk):
        desk.append(1)
        await until(lambda: desk.batches("settle"))
        assert desk.journal.state is JournalState.WRITING
        released.set()
        await drain(desk)
    assert desk.told == [(1, 1)]


PERMANENT = [
    Fenced("epoch 1 is over"),
    StorageError("the disk is full"),
    JournalConflict("it is there with other content"),
    InvariantViolation("what was asked contradicts what is stored"),
    RuntimeError("a defect of the store"),
]


@pytest.mark.parametrize("error", PERMANENT, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["append", "settle"])
async def test_a_permanent_failure_stops_and_tells_everybody_who_waits_once(error: Exception, method: str) -> None:
    desk = await make_desk()
    if method == "settle":
        desk.store.fail("append", LOST)
    desk.store.fail(method, Fault(error, until=(released := asyncio.Event())))
    async with running(desk) as task:
        desk.append(2)
        desk.append(0)
        await turns()
        desk.append(1)
        desk.append(0)
        released.set()
        with pytest.raises(type(error)) as raised:
            await within(task)
        assert raised.value is error
        assert desk.journal.state is JournalState.STOPPED
        assert desk.numbers == [1, 2, 3, 4]
        assert [number for number, _ in desk.errors] == [1, 2, 3, 4]
        expected = Fenced if isinstance(error, Fenced) else OutcomeUnknown
        assert {type(told) for _, told in desk.errors} == {expected}
        await drain(desk)
        desk.journal.fail_all(OutcomeUnknown("and its owner says so, too"))
        assert len(desk.told) == 4
    assert await desk.stored() == []


async def test_who_comes_after_the_stop_is_told_at_once() -> None:
    desk = await make_desk()
    desk.store.fail("append", StorageError("the disk is full"))
    async with running(desk) as task:
        desk.append(1)
        with pytest.raises(StorageError):
            await within(task)
    desk.append(1)
    desk.append(0)
    assert [number for number, _ in desk.errors] == [1, 2, 3]
    assert desk.journal.backlog == 0
    await drain(desk)


async def test_giving_up_tells_those_whose_batch_is_being_written_too() -> None:
    desk = await make_desk()
    desk.store.hold("append")
    async with running(desk):
        desk.append(1)
        desk.append(1)
        await turns()
        desk.append(1)
        desk.journal.fail_all(OutcomeUnknown("the engine failed"))
        assert [number for number, _ in desk.errors] == [1, 2, 3]
        assert desk.journal.state is JournalState.STOPPED
        await drain(desk)


async def test_a_batch_that_is_written_after_giving_up_is_told_to_nobody() -> None:
    desk = await make_desk()
    released = desk.store.hold("append")
    async with running(desk):
        desk.append(1)
        await turns()
        desk.journal.fail_all(OutcomeUnknown("closing"))
        released.set()
        await turns()
    assert len(desk.told) == 1
    assert len(desk.errors) == 1


async def test_nothing_is_written_after_giving_up() -> None:
    desk = await make_desk()
    desk.store.fail("append", LOST)
    released = desk.store.hold("settle")
    async with running(desk):
        desk.append(1)
        await until(lambda: desk.batches("settle"))
        desk.journal.fail_all(OutcomeUnknown("closing"))
        desk.append(1)
        released.set()
        await turns()
    assert len(desk.batches()) == 1
    assert await desk.stored() == []
    assert [number for number, _ in desk.errors] == [1, 2]


async def test_a_listener_that_fails_leaves_nobody_without_an_answer() -> None:
    desk = await make_desk()

    def fail() -> None:
        raise InvariantViolation("the view contradicts the journal")

    async with running(desk) as task:
        desk.append(1)
        desk.append(1, then=fail)
        desk.append(1)
        desk.append(0)
        with pytest.raises(InvariantViolation):
            await within(task)
    assert desk.told[:2] == [(1, 1), (2, 2)]
    assert [number for number, _ in desk.errors] == [3, 4]
    assert desk.numbers == [1, 2, 3, 4]
    assert desk.journal.state is JournalState.STOPPED
    assert len(await desk.stored()) == 3


async def test_the_next_owner_goes_on_where_the_last_one_stopped() -> None:
    desk = await make_desk()
    async with running(desk):
        desk.append(3)
        await drain(desk)
    owned = await desk.store.acquire("main", "owner", 3_600)
    successor = Journal(desk.store, owned, Metrics())
    assert (successor.epoch, successor.position) == (2, 3)
    after = Desk(desk.store, successor, sequences=count(4))
    async with running(after):
        after.append(1)
        await drain(after)
    assert after.told == [(1, 4)]
    desk.append(1)
    async with running(desk) as task:
        with pytest.raises(Fenced):
            await within(task)
    assert len(await desk.stored()) == 4


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=25),
    st.lists(st.sampled_from(["before", "after"]), max_size=6),
    st.lists(st.sampled_from(["before", "fine"]), max_size=6),
    st.integers(1, 5),
)
def test_whatever_fails_in_between_the_journal_is_the_decisions_in_their_order(
    sizes: list[int], appends: list[str], settles: list[str], pace: int
) -> None:
    async def play() -> None:
        desk = await make_desk(stall_after_s=0.0)
        desk.store.fail("append", *(Fault(LOST, carried_out=when == "after") for when in appends))
        desk.store.fail("settle", *(Fault(LOST if when == "before" else None) for when in settles))
        async with running(desk):
            for size in sizes:
                desk.append(size)
                await turns(pace)
            await drain(desk)
        assert desk.numbers == list(range(1, len(sizes) + 1))
        assert desk.errors == []
        stored = await desk.stored()
        assert [each.record.sequence for each in stored] == list(range(1, sum(sizes) + 1))
        assert [each.position for each in stored] == list(range(1, sum(sizes) + 1))
        assert desk.journal.state is JournalState.WRITING

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Backoff, "next_s", _at_once)
        asyncio.run(play())
