"""What a database does wrong under a host, short of losing what it acknowledged: trading halts, kill and cancels don't,
and all goes on by itself."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import anyio
import pytest

from liveexec import EngineConfig, LiveExecutionOrchestrator, OrderStatus, PostgresStore, Side
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OperationId
from liveexec.engine.config import JournalLoss
from liveexec.errors import Halted
from liveexec.storage.dsn import Dsn
from support.canaries import canary
from support.faulty_link import FaultyLink, faulty_link
from support.hosting import (
    PATIENT,
    VENUE_A,
    Desk,
    differences,
    limit,
    local_desk,
    market,
    quiet_venue,
    quiet_world,
    until_order,
)
from support.postgres import TestServer, own_server, run_sql

_GLOBAL = ControlScope(ScopeKind.GLOBAL)
_WAIT_S = 20.0
#: A server on this much memory is full after a few megabytes of ours.
_SMALL_DISK = "150m"


@pytest.fixture(scope="module")
def own() -> Iterator[TestServer]:
    """A server that tests of this module may do anything to."""
    with own_server() as server:
        yield server


@pytest.fixture
def dsn(own: TestServer) -> Iterator[Dsn]:
    database = own.create_migrated_database()
    yield database
    own.drop_database(database)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        yield desk


@asynccontextmanager
async def trading(desk: Desk, dsn: Dsn) -> AsyncIterator[tuple[LiveExecutionOrchestrator, PostgresStore]]:
    """A host that can trade; what it and the venue have agrees in the end."""
    async with PostgresStore(dsn) as store, desk.live(store) as live:
        await desk.quoted(live)
        yield live, store
        assert live.error is None
        assert (await live.submit(market(), wait="terminal", timeout_s=_WAIT_S)).status is OrderStatus.FILLED
        assert await differences(live, store, desk) == []


async def open_at_venue(desk: Desk, number: int) -> None:
    """Wait until the venue has so many open orders of the host."""
    async with asyncio.timeout(_WAIT_S):
        while len(await desk.orders_at(VENUE_A)) != number:  # noqa: ASYNC110  (the venue has to be asked)
            await asyncio.sleep(0.01)


async def goes_halted_and_still_cancels(
    live: LiveExecutionOrchestrator, desk: Desk, end: Callable[[], object], begin: Callable[[], object]
) -> None:
    """While the fault lasts: no order is taken, a cancel and a kill take effect at the venue, and nobody is told
    before it is durable. After it everything that was asked for is."""
    first, second = [(await live.submit(limit(price=price), wait="ack", timeout_s=5)) for price in ("58000", "58001")]
    await anyio.to_thread.run_sync(begin)
    try:
        # What is left of room or of connections is used up by and by.
        late = asyncio.create_task(live.submit(market(quantity="0.001"), wait="terminal"))
        async with asyncio.timeout(_WAIT_S):
            while not live.shard.journal.is_stalled:
                await asyncio.wait((late,), timeout=0.05)
                if late.done():
                    late = asyncio.create_task(live.submit(market(quantity="0.001"), wait="terminal"))
        filled = len(await desk.fills_at(VENUE_A))
        with pytest.raises(Halted):
            await live.submit(market())
        canceling = asyncio.create_task(live.cancel(first.order_id, wait="terminal"))
        await open_at_venue(desk, 1)
        killing = asyncio.create_task(live.kill(_GLOBAL, principal="operator", reason="test"))
        await open_at_venue(desk, 0)
        assert not canceling.done()
        assert not killing.done()
        assert live.orders[second.order_id].status is OrderStatus.ACCEPTED
        assert len(await desk.fills_at(VENUE_A)) == filled
    finally:
        await anyio.to_thread.run_sync(end)
    async with asyncio.timeout(_WAIT_S):
        assert (await canceling).status is OrderStatus.CANCELED
        await killing
        result = await late
    await until_order(live, second.order_id, lambda order: not order.is_open)
    # What was not durable when the fault began has never left.
    assert result.status is OrderStatus.FILLED or result.rejection_reason == "NOT_SENT"
    assert len(await desk.fills_at(VENUE_A)) == filled
    await live.set_trading_state(_GLOBAL, TradingState.ACTIVE, principal="operator", reason="it goes on")


async def test_a_database_that_is_gone(own: TestServer, dsn: Dsn, desk: Desk) -> None:
    async with trading(desk, dsn) as (live, _):
        await goes_halted_and_still_cancels(live, desk, own.restart, own.kill_all)


@pytest.mark.parametrize("is_idle", [False, True], ids=["while it writes", "while nothing waits to be written"])
async def test_orders_that_take_risk_go_where_that_is_wanted(
    own: TestServer, dsn: Dsn, desk: Desk, is_idle: bool
) -> None:
    config = EngineConfig(timing=PATIENT, on_journal_loss={"*": JournalLoss.CANCEL_RISK_ADDING})
    async with PostgresStore(dsn) as store, desk.live(store, config, lease_s=3.0) as live:
        await desk.quoted(live)
        held = await live.submit(market(quantity="0.002"), wait="terminal", timeout_s=_WAIT_S)
        assert held.status is OrderStatus.FILLED
        adding = await live.submit(limit(price="58000"), wait="ack", timeout_s=5)
        reducing = await live.submit(limit(Side.SELL, "61000", "0.001"), wait="ack", timeout_s=5)
        await anyio.to_thread.run_sync(own.kill_all)
        late = None if is_idle else asyncio.create_task(live.submit(market(quantity="0.001"), wait="terminal"))
        await open_at_venue(desk, 1)
        (left,) = await desk.orders_at(VENUE_A)
        assert left.client_order_id == live.orders[reducing.order_id].client_order_id
        assert live.orders[adding.order_id].status is OrderStatus.ACCEPTED, "told before it is durable"
        await anyio.to_thread.run_sync(own.restart)
        gone = await until_order(live, adding.order_id, lambda order: not order.is_open)
        assert gone.status is OrderStatus.CANCELED
        if late is not None:
            # Where killing took so long that the loss was noticed before this was asked, nothing was recorded of it.
            with suppress(Halted):
                await late
        assert live.orders[reducing.order_id].is_open
        assert await differences(live, store, desk) == []


async def test_a_database_that_does_not_answer(own: TestServer, dsn: Dsn, desk: Desk) -> None:
    postmaster = own._postmaster()

    def send(what: signal.Signals) -> None:
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(ProcessLookupError):
                os.kill(process.pid, what)

    async with trading(desk, dsn) as (live, _):
        await goes_halted_and_still_cancels(live, desk, lambda: send(signal.SIGCONT), lambda: send(signal.SIGSTOP))


async def test_a_database_that_turns_read_only_as_a_former_primary_does(own: TestServer, dsn: Dsn, desk: Desk) -> None:
    def become(state: str) -> None:
        # In a session that may write, whatever the database's sessions may.
        run_sql(own.dsn("postgres"), f'ALTER DATABASE "{dsn.database}" SET default_transaction_read_only = {state}')
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
        run_sql(own.dsn("postgres"), query.format(dsn.database))

    async with trading(desk, dsn) as (live, _):
        await goes_halted_and_still_cancels(live, desk, lambda: become("off"), lambda: become("on"))


async def test_a_database_that_takes_no_more_connections(own: TestServer, dsn: Dsn, desk: Desk) -> None:
    role = f"host_{dsn.database}"

    def become(most: int) -> None:
        run_sql(
            own.dsn("postgres"),
            f"ALTER ROLE {role} CONNECTION LIMIT {most}",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'",
        )

    run_sql(
        dsn,
        f"CREATE ROLE {role} LOGIN PASSWORD '{canary(role)}'",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT pg_signal_backend TO {role}",
    )
    try:
        async with trading(desk, as_role(dsn, role, canary(role))) as (live, _):
            await goes_halted_and_still_cancels(live, desk, lambda: become(-1), lambda: become(0))
    finally:
        run_sql(dsn, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def as_role(dsn: Dsn, role: str, password: str) -> Dsn:
    """The same database as another role."""
    parts = urlsplit(dsn.url)
    given = [(name, value) for name, value in parse_qsl(parts.query) if name not in {"user", "password", "passfile"}]
    query = urlencode([*given, ("user", role), ("password", password)], quote_via=quote)
    host = parts.netloc.rpartition("@")[2]
    return Dsn(parts._replace(netloc=host, query=query).geturl())


async def test_a_disk_that_is_full(desk: Desk) -> None:
    with small_disk() as folder:
        filler = folder / "filler"

        def fill() -> None:
            with filler.open("wb") as file, suppress(OSError):
                while True:
                    file.write(bytes(65_536))
                    file.flush()

        with own_server(folder=folder) as server:

            def make_room() -> None:
                filler.unlink()
                if not server.is_up:
                    # A server that could not write its log has ended itself.
                    server.restart()

            async with trading(desk, server.create_migrated_database()) as (live, _):
                await goes_halted_and_still_cancels(live, desk, make_room, fill)


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="lxd-"))
    folder.chmod(0o755)
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_SMALL_DISK},mode=755", "tmpfs", str(folder)],
        capture_output=True, check=False,
    ).returncode == 0  # fmt: skip
    try:
        if not mounted:
            pytest.skip("only root may mount a small file system")
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
async def link(own: TestServer, dsn: Dsn, tmp_path: Path) -> AsyncIterator[FaultyLink]:
    """A link that strikes the journal's connection."""
    async with faulty_link(dsn, tmp_path, "liveexec journal") as link:
        yield link


@pytest.mark.parametrize("times", [1, 20])
async def test_an_answer_to_a_commit_that_is_lost_is_asked_for_afterwards(
    link: FaultyLink, desk: Desk, times: int
) -> None:
    async with trading(desk, link.dsn) as (live, store):
        for number in range(times):
            link.lose_next_answer()
            result = await live.submit(
                market(quantity="0.05", operation_id=OperationId(f"OP-{number}")), wait="terminal", timeout_s=20
            )
            assert result.status is OrderStatus.FILLED
        assert len(await desk.fills_at(VENUE_A)) == times
        assert [row.position for row in await store.read_after("main", 0, 10_000)] == list(
            range(1, live.shard.journal.position + 1)
        )


async def test_a_commit_that_lands_after_it_was_given_up_writes_nothing(link: FaultyLink, desk: Desk) -> None:
    async with trading(desk, link.dsn) as (live, _):
        for _ in range(5):
            link.hold_next_request()
            result = await live.submit(market(), wait="terminal", timeout_s=20)
            assert result.status is OrderStatus.FILLED
            position = live.shard.journal.position
            await link.deliver_held_requests()
            await live.synced()
            assert live.shard.journal.position == position
        assert len(await desk.fills_at(VENUE_A)) == 5
