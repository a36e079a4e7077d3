"""Reads for people, on real tables."""

from decimal import Decimal
from typing import Any

import attrs
import pytest

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OperationId, OrderId, StrategyId, child_order_id
from liveexec.domain.operation import Operation
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.stored import AuditRow
from liveexec.errors import InvalidInput, NotFound
from liveexec.storage.audit import EMPTY_CHAIN, chain_hash
from liveexec.storage.database import Database
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.queries import MAX_LIMIT, FillFilter, OrderFilter, PositionFilter, Queries
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    BETA_ACCOUNT,
    SPOT,
    SPOT_AT_BETA,
    SPOT_PRODUCT,
    STRATEGY,
    events_to,
    make_asset_moved,
    make_bet_intent,
    make_fill,
    make_intent,
    make_leg,
    make_order_id,
    make_plan,
    make_received,
    make_routed,
    make_submit_requested,
)
from support.journaling import ShardWriter
from support.postgres import run_sql

OTHER_STRATEGY = StrategyId("other")


@pytest.fixture
def queries(postgres_store: PostgresStore) -> Queries:
    return Queries(postgres_store.database)


async def receive(writer: ShardWriter, number: int, *events: ev.OrderEvent, **intent: Any) -> OrderId:
    order_id = make_order_id(number)
    received = make_received(make_intent(**intent), operation_id=OperationId(f"OP-{number}"))
    await writer.tell(order_id, received, *events)
    return order_id


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["order_id"] for row in rows]


async def test_orders_are_found_by_every_filter_newest_first(writer: ShardWriter, queries: Queries) -> None:
    working = await receive(writer, 1, *events_to(OrderStatus.ACCEPTED))
    filled = await receive(
        writer,
        2,
        make_routed(make_leg(SPOT_AT_BETA, account_id=BETA_ACCOUNT)),
        make_submit_requested(),
        ev.FillApplied(make_fill(2, instrument_id=SPOT_AT_BETA, quantity=Decimal(1))),
        strategy_id=OTHER_STRATEGY,
        instrument_key=SPOT_PRODUCT,
        atomic_group_id="G-1",
        sequence_in_group=0,
    )
    bet = make_order_id(3)
    await writer.tell(bet, make_received(make_bet_intent(), operation_id=OperationId("OP-3")))
    child = child_order_id(working, 1)
    await writer.tell(child, make_received(parent_order_id=working, ordinal=1, operation_id=OperationId("OP-4")))
    await writer.project(refs=[])
    rows = {order_id: (await queries.order(order_id)).row for order_id in (working, filled, bet, child)}
    created_at = {order_id: int(str(row["created_at"])) for order_id, row in rows.items()}
    for asked, expected in (
        (OrderFilter(), [child, bet, filled, working]),
        (OrderFilter(strategy_id=STRATEGY), [child, bet, working]),
        (OrderFilter(strategy_id=STRATEGY, is_open=True), [child, bet, working]),
        (OrderFilter(is_open=False), [filled]),
        (OrderFilter(venue=ALPHA, is_open=True), [child, working]),
        (OrderFilter(venue=BETA), [filled]),
        (OrderFilter(account_id=ALPHA_ACCOUNT), [working]),
        (OrderFilter(operation=Operation.BET), [bet]),
        (OrderFilter(status=OrderStatus.FILLED), [filled]),
        (OrderFilter(parent_order_id=working), [child]),
        (OrderFilter(atomic_group_id="G-1"), [filled]),
        (OrderFilter(tx_hash="0x1"), []),
        (OrderFilter(canonical_id=SPOT_AT_BETA), [filled]),
        (OrderFilter(product_id=SPOT_PRODUCT), [child, filled, working]),
        (OrderFilter(since_ns=created_at[bet]), [child, bet]),
        (OrderFilter(until_ns=created_at[bet]), [filled, working]),
        (OrderFilter(before=(created_at[bet], bet)), [filled, working]),
        (OrderFilter(strategy_id=STRATEGY, operation=Operation.TRADE, is_open=True), [child, working]),
    ):
        assert ids(await queries.orders(asked)) == expected, asked
    assert ids(await queries.orders(limit=2)) == [child, bet]
    assert rows[filled]["average_price"] == Decimal(45_000)
    assert rows[working]["venue_type"] == "CEFI"
    assert "venue_type" not in rows[filled]


async def test_pages_neither_lose_nor_repeat_orders_of_one_moment(writer: ShardWriter, queries: Queries) -> None:
    records = []
    for number in range(1, 8):
        writer.at_ns = 0
        received = make_received(operation_id=OperationId(f"OP-{number}"))
        records.append(writer.record(make_order_id(number), received))
    await writer.append(*records)
    await writer.project()
    seen: list[object] = []
    before = None
    while page := await queries.orders(OrderFilter(before=before), limit=3):
        seen += ids(page)
        before = (int(str(page[-1]["created_at"])), OrderId(str(page[-1]["order_id"])))
    assert seen == [make_order_id(number) for number in range(7, 0, -1)]


@pytest.mark.parametrize("limit", [0, -1, MAX_LIMIT + 1])
async def test_a_limit_out_of_bounds_is_refused(queries: Queries, limit: int) -> None:
    with pytest.raises(InvalidInput, match="limit: must be between"):
        await queries.orders(limit=limit)
    with pytest.raises(InvalidInput, match="limit: must be between"):
        await queries.fills(limit=limit)


async def test_an_order_is_shown_in_full(writer: ShardWriter, queries: Queries) -> None:
    order_id = await receive(writer, 1, *events_to(OrderStatus.PARTIALLY_FILLED))
    await writer.project()
    await writer.tell(order_id, ev.Canceled("requested", None))
    details = await queries.order(order_id)
    assert details.row["status"] == "PARTIALLY_FILLED"
    assert [type(event).__name__ for event in details.timeline[-1].record.events] == ["Canceled"]
    assert [stored.position for stored in details.timeline] == [1, 2]
    assert [fill["quantity"] for fill in details.fills] == [Decimal("0.5")]
    assert {(ref["kind"], ref["reference"]) for ref in details.refs} == {
        ("client", writer.ledger.orders[order_id].client_order_id),
        ("venue", "V-1"),
    }
    assert details.children == []
    assert details.row["routing"]["policy"] == "pinned"  # type: ignore[index]  # a document
    with pytest.raises(NotFound, match="ORD-"):
        await queries.order(make_order_id(9))


async def test_a_route_is_kept_by_later_states(writer: ShardWriter, queries: Queries) -> None:
    order_id = await receive(writer, 1, make_routed())
    await writer.project()
    await writer.tell(order_id, make_submit_requested())
    await writer.project()
    assert (await queries.order(order_id)).row["routing"]["legs"][0]["account_id"] == ALPHA_ACCOUNT  # type: ignore[index]  # a document


async def test_fills_are_found_newest_first_and_stay_when_busted(writer: ShardWriter, queries: Queries) -> None:
    first = await receive(writer, 1, *events_to(OrderStatus.PARTIALLY_FILLED))
    second = await receive(
        writer,
        2,
        make_routed(),
        make_submit_requested(plan=make_plan(make_order_id(2))),
        ev.FillApplied(make_fill(2)),
        strategy_id=OTHER_STRATEGY,
    )
    await writer.project()
    await writer.tell(first, ev.FillBusted(make_fill(1), "erroneous"))
    await writer.project()
    for asked, expected in (
        (FillFilter(), [(second, False), (first, True)]),
        (FillFilter(order_id=first), [(first, True)]),
        (FillFilter(strategy_id=OTHER_STRATEGY), [(second, False)]),
        (FillFilter(venue=ALPHA, account_id=ALPHA_ACCOUNT), [(second, False), (first, True)]),
        (FillFilter(venue=BETA), []),
    ):
        assert [(row["order_id"], row["busted"]) for row in await queries.fills(asked)] == expected
    newest = (await queries.fills(limit=1))[0]
    before = (int(str(newest["applied_at"])), str(newest["fill_key"]))
    assert [row["order_id"] for row in await queries.fills(FillFilter(before=before))] == [first]
    since = int(str(newest["applied_at"]))
    assert [row["order_id"] for row in await queries.fills(FillFilter(since_ns=since))] == [second]
    assert [row["order_id"] for row in await queries.fills(FillFilter(until_ns=since))] == [first]


async def test_positions_are_told_by_strategy_account_and_product(writer: ShardWriter, queries: Queries) -> None:
    await receive(writer, 1, *events_to(OrderStatus.FILLED))
    at_beta = make_fill(2, instrument_id=SPOT_AT_BETA, quantity=Decimal(2), price=Decimal(46_000))
    await receive(
        writer,
        2,
        make_routed(make_leg(SPOT_AT_BETA, account_id=BETA_ACCOUNT)),
        make_submit_requested(),
        ev.FillApplied(at_beta),
        instrument_key=SPOT_PRODUCT,
        strategy_id=OTHER_STRATEGY,
    )
    await writer.project(marks={SPOT: Decimal(46_000), SPOT_AT_BETA: Decimal(45_500)})
    rows = await queries.positions()
    assert [(row["venue"], row["strategy_id"], row["quantity"], row["unrealized_pnl"]) for row in rows] == [
        (ALPHA, STRATEGY, 1, 1000),
        (BETA, OTHER_STRATEGY, 2, -1000),
    ]
    assert len(await queries.positions(PositionFilter(strategy_id=OTHER_STRATEGY, venue=BETA))) == 1
    assert await queries.positions(PositionFilter(is_open=False)) == []
    assert [row["account_id"] for row in await queries.account_positions()] == [ALPHA_ACCOUNT, BETA_ACCOUNT]
    with pytest.raises(InvalidInput, match="strategy_id"):
        await queries.account_positions(PositionFilter(strategy_id=STRATEGY))
    (product,) = await queries.product_positions()
    assert (product["product_id"], product["quantity"], product["unrealized_pnl"]) == (SPOT_PRODUCT, 3, 0)
    assert product["venue_positions"] == {
        ALPHA: {"quantity": "1", "cost": "45000", "realized_pnl": "0", "unrealized_pnl": "1000"},
        BETA: {"quantity": "2", "cost": "92000", "realized_pnl": "0", "unrealized_pnl": "-1000"},
    }
    assert {row["asset"]: row["amount"] for row in await queries.assets(ALPHA_ACCOUNT)} == {
        "BTC": 1,
        "USDT": Decimal("-45002.25"),
    }
    assert [row["strategy_id"] for row in await queries.strategies()] == [STRATEGY, OTHER_STRATEGY]


async def test_a_position_without_a_price_makes_no_result_up(writer: ShardWriter, queries: Queries) -> None:
    await receive(writer, 1, *events_to(OrderStatus.FILLED))
    await writer.project()
    (product,) = await queries.product_positions()
    assert "unrealized_pnl" not in product
    assert product["venue_positions"][ALPHA]["unrealized_pnl"] is None  # type: ignore[index]  # a document


async def test_the_log_is_read_backwards_and_told_forwards(writer: ShardWriter, queries: Queries) -> None:
    for number in range(1, 6):
        await receive(writer, number)
    await writer.tell(make_order_id(2), make_routed())
    assert [stored.position for stored in await queries.newest_records("main", 3)] == [4, 5, 6]
    assert [stored.position for stored in await queries.newest_records("main", 2, before=4)] == [2, 3]
    assert [stored.position for stored in await queries.newest_records_of(make_order_id(2), 10)] == [2, 6]
    assert [stored.position for stored in await queries.newest_records_of(make_order_id(2), 10, before=6)] == [2]


async def test_how_far_the_tables_are(writer: ShardWriter, queries: Queries) -> None:
    await receive(writer, 1)
    assert await queries.projected_through("main") == 0
    await writer.project()
    assert await queries.projected_through("main") == 1
    with pytest.raises(NotFound):
        await queries.projected_through("nowhere")


async def test_controls_are_listed(writer: ShardWriter, queries: Queries) -> None:
    scope = ControlScope(ScopeKind.GLOBAL)
    await writer.tell("control:main", acc.StateChanged(scope, TradingState.HALTED, "anna", "drill"))
    await writer.project()
    (row,) = await queries.controls("main")
    assert (row["kind"], row["scope_kind"], row["state"], row["principal"]) == ("STATE", "GLOBAL", "HALTED", "anna")


async def test_the_audit_log_is_a_chain_that_goes_on_and_is_written_once(writer: ShardWriter, queries: Queries) -> None:
    scope = ControlScope(ScopeKind.GLOBAL)
    await writer.tell("control:main", acc.StateChanged(scope, TradingState.HALTED, "anna", "a \0 drill"))
    await writer.tell("control:main", acc.StateChanged(scope, TradingState.ACTIVE, "anna", "over"))
    first = await writer.project()
    await writer.tell("control:main", acc.StateChanged(scope, TradingState.REDUCING, "bert", "close"))
    by_hand = AuditRow(writer.at_ns, "root", "db.rebuild", "main", "drill", {"why": "test"})
    batch = writer.projection()
    await writer.store.project(attrs.evolve(batch, audit=[*batch.audit, by_hand]))
    rows = list(reversed(await queries.audit("main")))
    assert [(row["sequence"], row.get("position"), row["principal"]) for row in rows] == [
        (1, 1, "anna"),
        (2, 2, "anna"),
        (3, 3, "bert"),
        (4, None, "root"),
    ]
    previous = EMPTY_CHAIN.hash
    for row in rows:
        assert row["previous_hash"] == previous
        previous = chain_hash(previous, {"position": None, **row})
        assert row["hash"] == previous
    await writer.store.reset_projections(writer.owned)
    await writer.store.project(attrs.evolve(batch, after=0, audit=[*first.audit, *batch.audit]))
    assert len(await queries.audit("main")) == 4


@pytest.mark.parametrize("table", ["journal", "audit_log"])
@pytest.mark.parametrize("change", ["UPDATE {} SET shard = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_is_append_only_stays(database_dsn: Dsn, table: str, change: str) -> None:
    with pytest.raises(Exception, match=f"{table} is append-only"):
        run_sql(database_dsn, change.format(table))


async def test_times_are_shown_to_people(database_dsn: Dsn) -> None:
    database = Database(database_dsn)
    await database.open()
    try:
        async with database.read("asking the time") as connection:
            shown = await connection.fetchval(
                "SELECT to_char(liveexec_time($1) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
                1_765_189_800_123_456_789,
            )
    finally:
        await database.close()
    assert shown == "2025-12-08 10:30:00.123456"


async def test_assets_of_every_account(writer: ShardWriter, queries: Queries) -> None:
    await writer.tell(ALPHA_ACCOUNT, make_asset_moved("5", "BTC"))
    await writer.tell(BETA_ACCOUNT, make_asset_moved("7", account_id=BETA_ACCOUNT))
    await writer.project()
    assert [(row["account_id"], row["asset"], row["amount"]) for row in await queries.assets()] == [
        (ALPHA_ACCOUNT, "BTC", 5),
        (BETA_ACCOUNT, "USDT", 7),
    ]
