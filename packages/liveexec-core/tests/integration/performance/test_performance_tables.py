"""What an order costs PostgreSQL does not grow with what is there: statements sent, and rows touched, by table."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId, VenueOrderId
from liveexec.domain.order_event import OrderEvent
from liveexec.storage import database
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    make_fill,
    make_order_id,
    make_plan,
    make_received,
    make_routed,
    make_submit_requested,
)
from support.journaling import ShardWriter
from support.postgres import TestServer, run_sql

FEW, MANY = 30, 30_000
ORDERS = 20
#: Tables that grow with every order.
GROWING = ("journal", "unified_orders", "operations", "order_refs", "fills")
_COUNTS = ("seq_scan", "seq_tup_read", "idx_tup_fetch", "n_tup_ins", "n_tup_upd", "n_tup_del")
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
#: An append is a statement; a projection is one within its transaction.
STATEMENTS_PER_APPEND, STATEMENTS_PER_PROJECTION = 1, 3


def past_of(orders: int, *, is_open: bool) -> tuple[str, ...]:
    """Statements that write a shard's past: orders of two records each, filled long ago or open still."""
    status, filled = ("ACCEPTED", 0) if is_open else ("FILLED", 1)
    series = f"FROM generate_series(1, {orders}) AS n"
    return (
        f"""INSERT INTO journal (shard, position, stream, sequence, epoch, recorded_at, cause, events)
            SELECT 'main', 2 * n - 1 + i, 'OLD-' || n, 1 + i, 0, {NOW_NS} - n, 'past', '[]'
            {series}, generate_series(0, 1) AS i""",
        f"""INSERT INTO unified_orders (
                order_id, shard, created_at, updated_at, last_sequence, attempt, is_open, status, strategy_id,
                account_id, operation, operation_id, principal, venue, order_type, time_in_force, flags, quantity,
                exec_algorithm, filled_quantity, filled_cost
            )
            SELECT 'OLD-' || n, 'main', {NOW_NS} - n, {NOW_NS}, 2, 1, {is_open}, '{status}', 'old', 'ALPHA-1', 'trade',
                   'OLD-' || n, 'local', 'ALPHA', 'LIMIT', 'GTC', '{{}}', 1, 'NORMAL', {filled}, {filled} {series}""",
        f"INSERT INTO operations SELECT 'main', 'local', 'OLD-' || n, 'submit', 'hash', 'OLD-' || n, 1 {series}",
        f"INSERT INTO order_refs SELECT 'ALPHA-1', 'client', 'OLD-' || n, 'main', 'OLD-' || n, 1 {series}",
        f"""INSERT INTO fills
            SELECT 'ALPHA-1', 'OLD-' || n, 'main', 'OLD-' || n, 'old', 'ALPHA:SPOT_PAIR:BTC-USDT',
                   'SPOT_PAIR:BTC-USDT', 'ALPHA', 'BUY', 1, 1, 0, 'USDT', 'TAKER', false, false, 1, 1 {series}""",
        f"INSERT INTO journal_head VALUES ('main', 0, {orders}, {2 * orders}, 0, '')",
        f"INSERT INTO projection_head VALUES ('main', 0, {2 * orders}, 0)",
        "VACUUM ANALYZE",
    )


@asynccontextmanager
async def writer_on(dsn: Dsn) -> AsyncIterator[tuple[PostgresStore, ShardWriter]]:
    """The owner of a shard with a past, at its end."""
    async with PostgresStore(dsn) as store:
        writer = await ShardWriter.of(store)
        writer.projected_through = writer.position
        yield store, writer


def life_of(number: int) -> tuple[OrderId, tuple[OrderEvent, ...], tuple[OrderEvent, ...]]:
    """An order that fills at once: what its submit records, and what its fill does."""
    order_id = make_order_id(number)
    submitted = (
        make_received(operation_id=f"OP-{number}"),
        make_routed(),
        ev.RiskApproved(ev.RiskStage.LEG, None),
        make_submit_requested(plan=make_plan(order_id, client_order_id=f"lx{number}")),
    )
    fill = make_fill(number)
    return order_id, submitted, (ev.Accepted(VenueOrderId(f"V-{number}"), NOW_NS), ev.FillApplied(fill))


async def live_through(writer: ShardWriter, numbers: range) -> None:
    """Orders one after the other, each appended twice and projected once."""
    for number in numbers:
        order_id, submitted, filled = life_of(number)
        await writer.tell(order_id, *submitted)
        await writer.tell(order_id, *filled)
        await writer.project()


async def look_up(store: PostgresStore, numbers: range) -> None:
    """What is asked about an order that has left memory: by its name at the venue, its operation id, its events."""
    for number in numbers:
        order_id = make_order_id(number)
        assert await store.find_refs("main", [(ALPHA_ACCOUNT, "client", f"lx{number}")])
        assert await store.find_operations("main", [("local", f"OP-{number}")])  # type: ignore[list-item]  # an operation id is text
        assert len((await store.read_streams("main", [order_id]))[order_id]) == 2
        assert await store.order_rows("main", [order_id])


async def others_gone(connection: asyncpg.Connection) -> None:
    """Wait until every other session has ended: its counts are complete then."""
    for _ in range(2_000):
        if not await connection.fetchval(_OTHERS):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a session did not end")


async def touched(dsn: Dsn) -> Mapping[str, Mapping[str, int]]:
    """How many rows were read, in which way, and written, by table, since the server counts."""
    connection = await asyncpg.connect(dsn.url)
    try:
        await others_gone(connection)
        rows = await connection.fetch(
            f"SELECT relname, {', '.join(_COUNTS)} FROM pg_stat_user_tables WHERE relname = ANY($1::text[])",
            list(GROWING),
        )
    finally:
        await connection.close()
    return {row["relname"]: {name: row[name] or 0 for name in _COUNTS} for row in rows}


async def rows_of_orders(server: TestServer, past: int, *, is_open: bool) -> dict[str, dict[str, int]]:
    """The rows that some orders touch, and the look-ups of them, where so many orders came before."""
    dsn = server.create_migrated_database()
    try:
        run_sql(dsn, *past_of(past, is_open=is_open))
        async with writer_on(dsn) as (store, writer):
            await live_through(writer, range(ORDERS))
            await look_up(store, range(ORDERS))
        before = await touched(dsn)
        async with writer_on(dsn) as (store, writer):
            await live_through(writer, range(ORDERS, 2 * ORDERS))
            await look_up(store, range(ORDERS, 2 * ORDERS))
        after = await touched(dsn)
    finally:
        server.drop_database(dsn)
    return {
        table: {name: count - before[table][name] for name, count in counts.items()} for table, counts in after.items()
    }


@pytest.mark.parametrize("is_open", [False, True], ids=["finished", "open"])
async def test_an_order_touches_the_same_rows_however_many_others_there_are(server: TestServer, is_open: bool) -> None:
    few = await rows_of_orders(server, FEW, is_open=is_open)
    many = await rows_of_orders(server, MANY, is_open=is_open)
    assert few == many
    for table in GROWING:
        assert many[table]["seq_scan"] == 0, table
    # One row an order in each table, two records and two names of it; the rows read are those that were looked up.
    written = {table: counts["n_tup_ins"] for table, counts in many.items()}
    assert written == {
        "journal": 2 * ORDERS,
        "unified_orders": ORDERS,
        "operations": ORDERS,
        "order_refs": 2 * ORDERS,
        "fills": ORDERS,
    }
    assert all(counts["n_tup_upd"] == counts["n_tup_del"] == 0 for counts in many.values())
    assert sum(counts["idx_tup_fetch"] for counts in many.values()) <= 8 * ORDERS


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that the two writers send from now on."""
    statements: list[str] = []
    connect = database.connect

    async def listened_to(dsn: Dsn, name: str) -> Any:
        connection = await connect(dsn, name)
        connection.add_query_logger(lambda query: statements.append(query.query))
        return connection

    monkeypatch.setattr(database, "connect", listened_to)
    return statements


@pytest.mark.parametrize("orders", [1, 50])
async def test_a_batch_costs_the_same_statements_however_many_orders_it_has(
    database_dsn: Dsn, sent: list[str], orders: int
) -> None:
    async with writer_on(database_dsn) as (_, writer):
        # A session's first statements prepare it.
        await live_through(writer, range(1_000, 1_001))
        sent.clear()
        lives = [life_of(number) for number in range(orders)]
        await writer.append(*[writer.record(order_id, *submitted) for order_id, submitted, _ in lives])
        assert len(sent) == STATEMENTS_PER_APPEND
        await writer.append(*[writer.record(order_id, *filled) for order_id, _, filled in lives])
        assert len(sent) == 2 * STATEMENTS_PER_APPEND
        sent.clear()
        await writer.project()
        assert len(sent) == STATEMENTS_PER_PROJECTION
