"""Every statement keeps its way through the indexes, on empty tables and on large ones, under one cached plan."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from liveexec.domain.ids import OperationId, OrderId, StrategyId, VenueName
from liveexec.domain.operation import Operation
from liveexec.storage import queries
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.projection_writer import statement_of
from liveexec.storage.queries import FillFilter, OrderFilter
from liveexec.storage.sql import statements
from support.builders import NOW_NS, make_order_id, make_received
from support.journaling import ShardWriter

LARGE = 20_000
#: Tables that grow with use: none of them may be read from end to end.
GROWING = ("journal", "unified_orders", "operations", "order_refs", "fills", "asset_moves", "audit_log")

FILL_TABLES = f"""
INSERT INTO journal (shard, position, stream, sequence, epoch, recorded_at, cause, events)
SELECT 's' || n % 4, n / 4, 'ORD-' || n / 2, n % 2, 1, {NOW_NS} + n, 'test', '[]' FROM generate_series(1, {LARGE}) AS n;
INSERT INTO unified_orders (
    order_id, shard, created_at, updated_at, last_sequence, attempt, is_open, status, strategy_id, account_id,
    parent_order_id, ordinal, operation, operation_id, principal, venue, order_type, time_in_force, flags, quantity,
    exec_algorithm, filled_quantity, filled_cost, atomic_group_id, sequence_in_group, tx_hash
)
SELECT 'ORD-' || n, 's' || n % 4, {NOW_NS} + n, {NOW_NS}, 1, 1, n % 2 = 0, 'FILLED', 'strategy-' || n % 20,
       'account-' || n % 4, CASE WHEN n % 10 > 0 THEN 'ORD-' || n / 10 * 10 END, n % 10,
       (ARRAY['trade', 'swap', 'bet'])[n % 3 + 1], 'OP-' || n, 'local', 'VENUE-' || n % 5, 'LIMIT', 'GTC', '{{}}', 1,
       'NORMAL', 0, 0, CASE WHEN n % 7 = 0 THEN 'G-' || n / 70 END, n % 70, CASE WHEN n % 7 = 0 THEN '0x' || n END
  FROM generate_series(1, {LARGE}) AS n;
INSERT INTO operations SELECT 's' || n % 4, 'local', 'OP-' || n, 'submit', 'hash', 'ORD-' || n, {NOW_NS}
  FROM generate_series(1, {LARGE}) AS n;
INSERT INTO order_refs SELECT 'account-' || n % 4, 'venue', 'V-' || n, 's' || n % 4, 'ORD-' || n, 1
  FROM generate_series(1, {LARGE}) AS n;
INSERT INTO fills
SELECT 'account-' || n % 4, 'key-' || n, 's' || n % 4, 'ORD-' || n, 'strategy-' || n % 20, 'A:SPOT_PAIR:B-C',
       'SPOT_PAIR:B-C', 'A', 'BUY', 1, 1, 0, 'C', 'TAKER', false, false, {NOW_NS}, {NOW_NS} + n
  FROM generate_series(1, {LARGE}) AS n;
INSERT INTO strategies SELECT 's1', 'strategy-' || n, {NOW_NS} FROM generate_series(0, 19) AS n;
INSERT INTO asset_moves SELECT 'account-' || n % 4, 'R-' || n, 's' || n % 4, 'USDT', 1, 'FEE', {NOW_NS}, {NOW_NS}
  FROM generate_series(1, {LARGE}) AS n;
INSERT INTO audit_log
SELECT 's' || n % 4, n, n, {NOW_NS}, 'anna', 'kill', 'all', 'drill', '{{}}', '', ''
  FROM generate_series(1, {LARGE}) AS n;
INSERT INTO journal_head SELECT 's' || n, 1, 1, {LARGE}, 0, '' FROM generate_series(0, 3) AS n;
INSERT INTO projection_head SELECT 's' || n, 1, 0, 0 FROM generate_series(0, 3) AS n;
"""

PARTS = tuple(
    name
    for name in statements("projections")
    if name not in {"head", "head_of", "audit_head", "count_shards", "rewind"}
)
ORDERS = {
    "orders of a strategy": OrderFilter(strategy_id=StrategyId("strategy-7")),
    "orders of a strategy since": OrderFilter(strategy_id=StrategyId("strategy-7"), since_ns=NOW_NS + 5),
    "open orders of a strategy": OrderFilter(strategy_id=StrategyId("strategy-0"), is_open=True),
    "open orders of a venue": OrderFilter(venue=VenueName("VENUE-0"), is_open=True),
    "orders of an operation": OrderFilter(operation=Operation.SWAP, until_ns=NOW_NS + 500),
    "orders of a group": OrderFilter(atomic_group_id="G-3"),
    "orders of a transaction": OrderFilter(tx_hash="0x7"),
    "children": OrderFilter(parent_order_id=OrderId("ORD-10")),
    "orders": OrderFilter(),
    "orders, next page": OrderFilter(before=(NOW_NS + 500, OrderId("ORD-500"))),
    "orders of a strategy, next page": OrderFilter(
        strategy_id=StrategyId("strategy-7"), before=(NOW_NS + 500, OrderId("ORD-500"))
    ),
}
FILLS = {
    "fills of an order": FillFilter(order_id=OrderId("ORD-5")),
    "fills of a strategy": FillFilter(strategy_id=StrategyId("strategy-7")),
    "fills": FillFilter(),
    "fills, next page": FillFilter(before=(NOW_NS + 500, "key-500")),
}
#: The index that each list goes through, so that it costs what it shows and not what the table holds.
INDEXES = {
    "orders of a strategy": "unified_orders_strategy_time_idx",
    "orders of a strategy since": "unified_orders_strategy_time_idx",
    "orders of a strategy, next page": "unified_orders_strategy_time_idx",
    "open orders of a strategy": "unified_orders_open_strategy_idx",
    "open orders of a venue": "unified_orders_open_venue_idx",
    "open orders": "unified_orders_open_venue_idx",
    "orders of an operation": "unified_orders_operation_time_idx",
    "orders": "unified_orders_operation_time_idx",
    "orders, next page": "unified_orders_operation_time_idx",
    "orders of a group": "unified_orders_atomic_group_idx",
    "orders of a transaction": "unified_orders_tx_hash_idx",
    "children": "unified_orders_children_idx",
    "children of parents": "unified_orders_children_idx",
    "fills of an order": "fills_order_idx",
    "fills of a strategy": "fills_strategy_time_idx",
    "fills": "fills_strategy_time_idx",
    "fills, next page": "fills_strategy_time_idx",
    "streams": "journal_stream_sequence_key",
    "journal after": "journal_pkey",
    "newest events": "journal_pkey",
    "newest events of a stream": "journal_stream_sequence_key",
    "refs": "order_refs_pkey",
    "operations": "operations_pkey",
    "asset moves": "asset_moves_pkey",
    "known fills": "fills_pkey",
    "order rows": "unified_orders_pkey",
    "audit": "audit_log_pkey",
    "audit bounds": "audit_log_pkey",
    "audit chain": "audit_log_pkey",
    "audit positions": "audit_log_position_idx",
}


def read_statements() -> Iterator[tuple[str, str, Sequence[Any]]]:
    journal, lookups, reads = statements("journal"), statements("lookups"), statements("reads")
    projections, ownership, audit = statements("projections"), statements("ownership"), statements("audit")
    for name, orders in ORDERS.items():
        yield name, *queries.orders_statement(orders, 100)
    for name, fills in FILLS.items():
        yield name, *queries.fills_statement(fills, 100)
    yield "append", journal["append"], ("s1", 1, 2, LARGE + 1, LARGE + 1, b"[]")
    yield "append_one", journal["append_one"], ("s1", 1, 2, LARGE + 1, "ORD-new", 1, NOW_NS, "test", b"[]")
    yield "journal head", journal["head"], ("s1",)
    yield "journal head for update", journal["head_for_update"], ("s1",)
    yield "journal after", journal["read_after"], ("s1", 100, 500)
    yield "streams", journal["read_streams"], ("s1", ["ORD-5", "ORD-7"])
    yield "newest events", reads["newest_events"], ("s1", 4000, 100)
    yield "newest events of a stream", reads["newest_events_of_stream"], ("ORD-5", 4000, 100)
    yield "audit", reads["audit"], ("s1", 100)
    yield "refs of an order", reads["refs"], ("account-1", "ORD-5")
    yield "open orders", lookups["open_orders"], ("s1",)
    yield "refs", lookups["refs"], ("s1", ["account-1"], ["venue"], ["V-1"])
    yield "operations", lookups["operations"], ("s1", ["local"], ["OP-1"])
    yield "children of parents", lookups["children"], ("s1", ["ORD-10", "ORD-20"])
    yield "asset moves", lookups["asset_moves"], (["account-1"], ["R-1"])
    yield "known fills", lookups["fills"], ("account-1", ["F-1"])
    yield "order rows", lookups["order_rows"], ("s1", ["ORD-1", "ORD-5"])
    yield "audit shards", audit["shards"], ()
    yield "audit bounds", audit["bounds"], ("s1",)
    yield "audit chain", audit["chain"], ("s1", 1, 5000, 100)
    yield "audit positions", audit["positions"], ("s1", 100, 200, 5000)
    yield "audit head", projections["audit_head"], ("s1",)
    yield "take", ownership["take"], ("s1", "owner", 1)
    yield "projection", statement_of(PARTS), ("s1", 1, 0, 1, NOW_NS, *[b"[]" for _ in PARTS])


STATEMENTS = {name: (statement, arguments) for name, statement, arguments in read_statements()}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def literal(value: object) -> str:
    match value:
        case bytes():
            return literal(value.decode())
        case list():
            return literal("{" + ",".join(str(each) for each in value) + "}")
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return str(value)


async def plan_of(connection: Any, name: str) -> list[dict[str, Any]]:
    """The plan that a prepared statement keeps (EXPLAIN of a statement with parameters would plan for their values)."""
    statement, arguments = STATEMENTS[name]
    await connection.execute(f"PREPARE kept AS {statement}")
    try:
        values = f"({', '.join(literal(argument) for argument in arguments)})" if arguments else ""
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE kept{values}")
        custom = await connection.fetchval("SELECT custom_plans FROM pg_prepared_statements WHERE name = 'kept'")
        assert custom == 0, "a plan for these values, not the one that is kept"
    finally:
        await connection.execute("DEALLOCATE kept")
    return list(nodes(json.loads(plan)[0]["Plan"]))


def read_whole(plan: list[dict[str, Any]]) -> list[str]:
    return [
        node["Relation Name"]
        for node in plan
        if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in GROWING
    ]


async def test_plans_keep_to_indexes_on_empty_and_on_large_tables(each_postgres_store: PostgresStore) -> None:
    for session in (each_postgres_store._journal_session, each_postgres_store._projector_session):
        async with session.use("explaining") as connection:
            empty = {name: await plan_of(connection, name) for name in STATEMENTS}
            assert {name: found for name in empty if (found := read_whole(empty[name]))} == {}
    async with each_postgres_store._projector_session.use("filling") as connection:
        await connection.execute(FILL_TABLES)
        await connection.execute("ANALYZE")
        large = {name: await plan_of(connection, name) for name in STATEMENTS}
    assert {name: found for name in large if (found := read_whole(large[name]))} == {}
    used = {name: {node["Index Name"] for node in plan if "Index Name" in node} for name, plan in large.items()}
    assert {name: index for name, index in INDEXES.items() if index not in used[name]} == {}


async def test_lists_of_orders_read_what_they_show(postgres_store: PostgresStore) -> None:
    async with postgres_store._projector_session.use("filling") as connection:
        await connection.execute(FILL_TABLES)
        await connection.execute("ANALYZE")
        for asked in ORDERS.values():
            statement, arguments = queries.orders_statement(asked, 10)
            plan = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments))
            scanned = [
                node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
                for node in nodes(plan[0]["Plan"])
                if node.get("Relation Name") == "unified_orders"
            ]
            # Of each operation as many as are shown, and a few that the last sort group holds beside.
            assert 0 < sum(scanned) <= 4 * 10 * len(Operation), asked


async def test_the_writers_keep_their_statements_and_plans(each_postgres_store: PostgresStore) -> None:
    writer = await ShardWriter.of(each_postgres_store)
    for number in range(1, 9):
        await writer.tell(make_order_id(number), make_received(operation_id=OperationId(f"OP-{number}")))
        await writer.project(positions={}, books=[])
    for session in (each_postgres_store._journal_session, each_postgres_store._projector_session):
        async with session.use("looking") as connection:
            kept = await connection.fetch(
                "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE 'WITH head AS%'"
            )
        assert [tuple(row) for row in kept] == [(8, 0)]
