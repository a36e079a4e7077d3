"""What a real server does to a writer: lost answers, requests that arrive late, kills, takeovers, a full disk."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest

from liveexec.domain.ids import OperationId
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch
from liveexec.errors import Fenced, JournalConflict, TransientStorageError
from liveexec.storage import database
from liveexec.storage.database import connect
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from support.builders import make_order_id, make_received
from support.faulty_link import FaultyLink, faulty_link
from support.journaling import ShardWriter
from support.postgres import TestServer, own_server, run_sql

LOCK_HEAD = "SELECT FROM journal_head WHERE shard = 'main' FOR UPDATE"


def received(writer: ShardWriter, number: int) -> Record:
    return writer.record(make_order_id(number), make_received(operation_id=OperationId(f"OP-{number}")))


async def streams_in(dsn: Dsn) -> list[str]:
    """The journal's streams, asked of the server itself."""
    connection = await asyncpg.connect(dsn.url)
    try:
        return [row["stream"] for row in await connection.fetch("SELECT stream FROM journal ORDER BY position")]
    finally:
        await connection.close()


@asynccontextmanager
async def transaction_on(dsn: Dsn) -> AsyncIterator[Any]:
    """Another client, within a transaction that it ends itself."""
    connection = await asyncpg.connect(dsn.url)
    try:
        await connection.execute("BEGIN")
        yield connection
    finally:
        connection.terminate()


async def until_somebody_waits(connection: Any) -> None:
    """Return when a statement waits for a lock of this connection's transaction."""
    with anyio.fail_after(10):
        while not await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        ):
            await anyio.lowlevel.checkpoint()


class Stream:
    """Batches of one record, written one after the other until something stops it."""

    def __init__(self, writer: ShardWriter, warm_up: int = 50) -> None:
        self.acknowledged: list[AppendBatch] = []
        self.last: AppendBatch | None = None
        self.is_warm = anyio.Event()
        self._writer = writer
        self._warm_up = warm_up

    async def run(self) -> None:
        for number in range(1, 100_000):
            self.last = self._writer.batch_of([received(self._writer, number)])
            await self._writer.store.append(self.last)
            self._writer.appended(self.last)
            self.acknowledged.append(self.last)
            if number == self._warm_up:
                self.is_warm.set()

    async def run_until(self, error: type[Exception]) -> None:
        with pytest.raises(error):
            await self.run()


@pytest.fixture
async def link(each_database_dsn: Dsn, tmp_path: Path) -> AsyncIterator[FaultyLink]:
    """A link to a fresh database on every server, whose faults strike the journal's connection."""
    async with faulty_link(each_database_dsn, tmp_path, "liveexec journal") as between:
        yield between


@pytest.fixture
async def linked(link: FaultyLink) -> AsyncIterator[ShardWriter]:
    """A writer whose connections go through the link, with one batch written."""
    async with PostgresStore(link.dsn) as store:
        writer = await ShardWriter.of(store)
        await writer.append(received(writer, 1))
        yield writer


async def test_a_lost_answer_is_settled_as_written(link: FaultyLink, linked: ShardWriter) -> None:
    batch = linked.batch_of([received(linked, 2)])
    link.lose_next_answer()
    with pytest.raises(TransientStorageError):
        await linked.store.append(batch)
    assert await linked.store.settle(batch)
    linked.appended(batch)
    await linked.append(received(linked, 3))
    assert [stored.position for stored in await linked.store.read_after("main", 0, 10)] == [1, 2, 3]


async def test_a_lost_answer_may_be_retried_at_once(link: FaultyLink, linked: ShardWriter) -> None:
    batch = linked.batch_of([received(linked, 2)])
    link.lose_next_answer()
    with pytest.raises(TransientStorageError):
        await linked.store.append(batch)
    await linked.store.append(batch)
    assert len(await linked.store.read_after("main", 0, 10)) == 2


async def test_a_request_still_on_its_way_writes_nothing_after_it_was_settled(
    link: FaultyLink, linked: ShardWriter, each_database_dsn: Dsn
) -> None:
    lost = linked.batch_of([received(linked, 2)])
    link.hold_next_request()
    with pytest.raises(TransientStorageError):
        await linked.store.append(lost)
    assert not await linked.store.settle(lost)
    await link.deliver_held_requests()
    other = await linked.append(received(linked, 3))
    assert other.batch == lost.batch
    assert await streams_in(each_database_dsn) == [make_order_id(1), make_order_id(3)]


async def test_a_lost_answer_of_a_projection_may_be_retried(each_database_dsn: Dsn, tmp_path: Path) -> None:
    async with (
        faulty_link(each_database_dsn, tmp_path, "liveexec projector") as between,
        PostgresStore(between.dsn) as store,
    ):
        writer = await ShardWriter.of(store)
        await writer.append(received(writer, 1))
        await writer.project()
        await writer.append(received(writer, 2))
        batch = writer.projection()
        between.lose_next_answer()
        with pytest.raises(TransientStorageError):
            await store.project(batch)
        await store.project(batch)
        assert (await store.load("main")).projected_through == 2


async def test_settling_waits_for_a_statement_that_is_still_at_work(writer: ShardWriter, database_dsn: Dsn) -> None:
    batch = writer.batch_of([received(writer, 1)])
    answers: list[bool] = []

    async def settle() -> None:
        answers.append(await writer.store.settle(batch))

    async with transaction_on(database_dsn) as other, anyio.create_task_group() as group:
        await other.execute("UPDATE journal_head SET batch = 1, position = 1")
        await other.execute(
            "INSERT INTO journal VALUES ('main', 1, $1, 1, 1, $2, 'test', $3)",
            batch.records[0].stream,
            batch.records[0].at_ns,
            "[]",
        )
        group.start_soon(settle)
        await until_somebody_waits(other)
        assert answers == []
        await other.execute("ROLLBACK")
    assert answers == [False]


async def test_an_append_that_meets_a_takeover_is_fenced(writer: ShardWriter, database_dsn: Dsn) -> None:
    async with transaction_on(database_dsn) as takeover, anyio.create_task_group() as group:
        await takeover.execute("UPDATE journal_head SET epoch = epoch + 1")

        async def append() -> None:
            with pytest.raises(Fenced):
                await writer.append(received(writer, 1))

        group.start_soon(append)
        await until_somebody_waits(takeover)
        await takeover.execute("COMMIT")
    assert await streams_in(database_dsn) == []


async def test_a_projection_that_meets_a_takeover_is_fenced(writer: ShardWriter, database_dsn: Dsn) -> None:
    await writer.append(received(writer, 1))
    async with transaction_on(database_dsn) as takeover, anyio.create_task_group() as group:
        await takeover.execute("UPDATE projection_head SET epoch = epoch + 1")

        async def project() -> None:
            with pytest.raises(Fenced):
                await writer.project()

        group.start_soon(project)
        await until_somebody_waits(takeover)
        await takeover.execute("COMMIT")
    state = await writer.store.load("main")
    assert (state.projected_through, list(state.open_orders)) == (0, [])


async def test_a_projection_keeps_no_append_waiting(writer: ShardWriter, database_dsn: Dsn) -> None:
    await writer.append(received(writer, 1))
    async with transaction_on(database_dsn) as projector:
        await projector.execute("UPDATE projection_head SET projected_through = 1")
        with anyio.fail_after(5):
            await writer.append(received(writer, 2))


async def test_an_owner_that_froze_within_a_projection_does_not_keep_the_next_one_out(
    writer: ShardWriter, database_dsn: Dsn
) -> None:
    frozen = await connect(database_dsn, "projector of a process that sleeps")
    try:
        await frozen.execute("BEGIN")
        await frozen.execute("UPDATE projection_head SET projected_through = 1")
        with anyio.fail_after(9):
            await ShardWriter.of(writer.store)
    finally:
        frozen.terminate()


async def test_two_writers_never_interleave(each_database_dsn: Dsn) -> None:
    async with PostgresStore(each_database_dsn) as first, PostgresStore(each_database_dsn) as second:
        old = await ShardWriter.of(first)
        stream = Stream(old)
        async with anyio.create_task_group() as group:
            group.start_soon(stream.run_until, Fenced)
            with anyio.fail_after(20):
                await stream.is_warm.wait()
            new = await ShardWriter.of(second)
            await new.append(received(new, 200_000))
        found = await second.read_after("main", 0, 100_000)
        assert [stored.position for stored in found] == list(range(1, len(found) + 1))
        assert [stored.epoch for stored in found] == [1] * len(stream.acknowledged) + [2]


async def test_a_row_that_stays_locked_is_not_waited_for_without_end(
    database_dsn: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BOUNDS", {"lock_timeout": "50ms"})
    async with PostgresStore(database_dsn) as store, transaction_on(database_dsn) as other:
        writer = await ShardWriter.of(store)
        await other.execute(LOCK_HEAD)
        batch = writer.batch_of([received(writer, 1)])
        with pytest.raises(TransientStorageError, match="locked for too long"):
            await store.append(batch)
        with pytest.raises(TransientStorageError, match="locked for too long"):
            await store.settle(batch)
        await other.execute("ROLLBACK")
        assert not await store.settle(batch)
        await store.append(batch)


async def test_a_cancelled_append_can_be_settled(writer: ShardWriter, database_dsn: Dsn) -> None:
    batch = writer.batch_of([received(writer, 1)])
    async with transaction_on(database_dsn) as other, anyio.create_task_group() as group:
        await other.execute(LOCK_HEAD)
        group.start_soon(writer.store.append, batch)
        await until_somebody_waits(other)
        group.cancel_scope.cancel()
    is_there = await writer.store.settle(batch)
    assert await streams_in(database_dsn) == ([make_order_id(1)] if is_there else [])
    await writer.store.append(batch)
    assert await streams_in(database_dsn) == [make_order_id(1)]


async def test_what_the_server_refuses_does_not_cost_the_connection(
    postgres_store: PostgresStore, database_dsn: Dsn
) -> None:
    writer = await ShardWriter.of(postgres_store)
    await writer.append(received(writer, 1))
    session = postgres_store._journal_session
    async with session.use("looking") as connection:
        pid = connection.get_server_pid()
    record = writer.batch_of([Record(make_order_id(1), 1, (make_received(),), "test", 1)])
    with pytest.raises(JournalConflict):
        await postgres_store.append(record)
    async with session.use("looking") as connection:
        assert connection.get_server_pid() == pid
    assert session.lost == []


async def test_an_ended_session_is_made_again(writer: ShardWriter, database_dsn: Dsn) -> None:
    await writer.append(received(writer, 1))
    run_sql(
        database_dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'liveexec journal'",
    )
    batch = writer.batch_of([received(writer, 2)])
    with suppress(TransientStorageError):  # whether the end is noticed before the request is sent is a race
        await writer.store.append(batch)
    await writer.store.append(batch)
    assert len(await streams_in(database_dsn)) == 2


@pytest.fixture
def own(each_server: TestServer) -> Iterator[TestServer]:
    """A server that may be killed, of the same version as the others."""
    if each_server.binaries is None:
        pytest.skip("a given server is not ours to kill")
    with own_server(each_server.binaries) as server:
        yield server


async def test_a_killed_server_loses_nothing_that_was_acknowledged(own: TestServer) -> None:
    dsn = own.create_migrated_database()
    async with PostgresStore(dsn) as store:
        writer = await ShardWriter.of(store)
        stream = Stream(writer)
        async with anyio.create_task_group() as group:
            group.start_soon(stream.run_until, TransientStorageError)
            with anyio.fail_after(20):
                await stream.is_warm.wait()
            own.kill()
        unknown = stream.last
        assert unknown is not None
        with pytest.raises(TransientStorageError):
            await store.settle(unknown)
        await anyio.to_thread.run_sync(own.restart)
        is_there = await store.settle(unknown)
        if is_there:
            writer.appended(unknown)
        await writer.append(received(writer, 200_000))
        found = await store.read_after("main", 0, 100_000)
        assert [stored.position for stored in found] == list(range(1, len(found) + 1))
        assert len(found) == len(stream.acknowledged) + is_there + 1


async def test_a_kill_while_an_append_waits_is_an_unknown_outcome(own: TestServer) -> None:
    dsn = own.create_migrated_database()
    async with PostgresStore(dsn) as store:
        writer = await ShardWriter.of(store)
        batch = writer.batch_of([received(writer, 1)])

        async def append() -> None:
            with pytest.raises(TransientStorageError):
                await store.append(batch)

        async with transaction_on(dsn) as other, anyio.create_task_group() as group:
            await other.execute(LOCK_HEAD)
            group.start_soon(append)
            await until_somebody_waits(other)
            own.kill_all()
        await anyio.to_thread.run_sync(own.restart)
        assert not await store.settle(batch)
        await store.append(batch)
        assert await streams_in(dsn) == [batch.records[0].stream]
