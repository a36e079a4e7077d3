"""Verifying finds every value that the tables hold otherwise than the journal says; a rebuild makes them right."""

from collections.abc import Iterator
from decimal import Decimal, localcontext

import pytest

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OperationId, StrategyId
from liveexec.domain.money import MONEY
from liveexec.errors import Fenced, InvariantViolation, NotFound, TransientStorageError
from liveexec.runtime.rebuild import differing_columns, rebuild_tables, verify_tables
from support.builders import ALPHA_ACCOUNT, SPOT, make_asset_moved, make_bet_intent, make_order_id, make_received
from support.runtime_history import CHILD, HISTORY, PLAIN
from support.runtime_parts import Fault, ScriptedStore, ViewBench, tables_of


@pytest.fixture
async def bench() -> ViewBench:
    """The whole history, projected along the way."""
    bench = await ViewBench.of(ScriptedStore())
    for step in HISTORY:
        await bench.tell(step.stream, *step.events)
        await bench.project()
    return bench


@pytest.fixture
def store(bench: ViewBench) -> ScriptedStore:
    assert isinstance(bench.writer.store, ScriptedStore)
    return bench.writer.store


async def rebuild(bench: ViewBench) -> None:
    await bench.writer.store.release(bench.writer.owned)
    await rebuild_tables(bench.writer.store, "main")


async def found(store: ScriptedStore) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.table, each.key, each.column, each.journal, each.stored) for each in await verify_tables(store, "main")
    ]


async def test_tables_that_are_right_have_no_difference(store: ScriptedStore) -> None:
    assert await found(store) == []


async def test_what_is_not_projected_yet_is_no_difference(bench: ViewBench, store: ScriptedStore) -> None:
    await bench.tell(ALPHA_ACCOUNT, make_asset_moved("77"))
    assert await found(store) == []


CONTROL_KEY = ("INSTRUMENT", SPOT)
TAMPERED: dict[str, tuple[str, tuple[object, ...], dict[str, object], tuple[str, str, str, str, str]]] = {
    "an amount of an order": (
        "orders", (PLAIN,), {"filled_quantity": Decimal("0.31")},
        ("unified_orders", PLAIN, "filled_quantity", "0.3", "0.31"),
    ),
    "a status": ("orders", (CHILD,), {"status": "FILLED"}, ("unified_orders", CHILD, "status", "CANCELED", "FILLED")),
    "a column that has to be empty": (
        "orders", (CHILD,), {"tx_hash": "0xdead"}, ("unified_orders", CHILD, "tx_hash", "", "0xdead"),
    ),
    "a strategy's position": (
        "positions", (ALPHA_ACCOUNT, StrategyId("momentum-btc-v1"), SPOT), {"quantity": Decimal(9)},
        ("unified_positions", f"{ALPHA_ACCOUNT} momentum-btc-v1 {SPOT}", "quantity", "0.6", "9"),
    ),
    "an account's net": (
        "account_positions", (ALPHA_ACCOUNT, SPOT), {"realized_pnl": Decimal(1)},
        ("account_positions", f"{ALPHA_ACCOUNT} {SPOT}", "realized_pnl", "*", "1"),
    ),
    "an asset": (
        "assets", (ALPHA_ACCOUNT, "BTC"), {"amount": Decimal(-1)},
        ("account_assets", f"{ALPHA_ACCOUNT} BTC", "amount", "*", "-1"),
    ),
    "a trading state": (
        "controls", ("main", "STATE", *CONTROL_KEY, ""), {"state": "HALTED"},
        ("control_state", f"INSTRUMENT:{SPOT}", "state", "ACTIVE", "HALTED"),
    ),
    "a drift": (
        "controls", ("main", "DRIFT", "ACCOUNT", ALPHA_ACCOUNT, "position:b"), {"theirs": Decimal(1)},
        (
            "control_state", f"{ALPHA_ACCOUNT} position:b", "drift", "1 here, 3 at the venue",
            "1 here, 1 at the venue",
        ),
    ),
    "where a stream stands": (
        "stream_heads", ("main", ALPHA_ACCOUNT), {"next_sequence": 2},
        ("stream_heads", ALPHA_ACCOUNT, "next_sequence", "*", "2"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_tampered_value_is_found_and_a_rebuild_makes_it_right(
    bench: ViewBench, store: ScriptedStore, name: str
) -> None:
    table, key, columns, expected = TAMPERED[name]
    before = tables_of(store)[table]
    store._tables._rows[table][key].update(columns)
    differences = await found(store)
    assert len(differences) == 1
    assert [each for each, wanted in zip(differences[0], expected, strict=True) if wanted not in ("*", each)] == []
    await rebuild(bench)
    assert await found(store) == []
    assert {key: {**row, "updated_at": 0} for key, row in tables_of(store)[table].items()} == {
        key: {**row, "updated_at": 0} for key, row in before.items()
    }


@pytest.mark.parametrize(
    ("table", "key", "says"),
    [
        ("orders", (PLAIN,), ("unified_orders", PLAIN, "")),
        ("positions", (ALPHA_ACCOUNT, StrategyId("momentum-btc-v1"), SPOT), ("unified_positions", "", "quantity")),
        ("assets", (ALPHA_ACCOUNT, "USDT"), ("account_assets", f"{ALPHA_ACCOUNT} USDT", "amount")),
        ("controls", ("main", "LATCH", *CONTROL_KEY, "OTHER"), ("control_state", f"INSTRUMENT:{SPOT} OTHER", "latch")),
        ("stream_heads", ("main", "control:main"), ("stream_heads", "control:main", "next_sequence")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_row_that_is_missing_is_found_and_comes_back(
    bench: ViewBench, store: ScriptedStore, table: str, key: tuple[object, ...], says: tuple[str, str, str]
) -> None:
    del store._tables._rows[table][key]
    differences = await found(store)
    assert differences
    assert any(all(said in each[part] for part, said in enumerate(says)) for each in differences)
    assert all(each[4] == "" for each in differences)
    await rebuild(bench)
    assert await found(store) == []
    assert key in store._tables._rows[table]


@pytest.mark.parametrize(
    ("part", "table", "column", "value"),
    [
        ("fills", "fills", "price", Decimal("0.5")),
        ("fills", "fills", "busted", None),
        ("operations", "operations", "content_hash", "another"),
        ("refs", "order_refs", "order_id", make_order_id(99)),
    ],
)
async def test_fills_operations_and_references_are_compared_value_by_value(
    bench: ViewBench, store: ScriptedStore, part: str, table: str, column: str, value: object
) -> None:
    rows = store._tables._rows[part]
    row = next(iter(rows.values()))
    row[column] = value if value is not None else not row[column]
    ((at, _, changed, journal, stored),) = await found(store)
    assert (at, changed) == (table, column)
    assert journal != stored
    await rebuild(bench)
    assert await found(store) == []


@pytest.mark.parametrize(
    ("part", "table"),
    [("orders", "unified_orders"), ("fills", "fills"), ("operations", "operations"), ("refs", "order_refs")],
)
async def test_a_row_too_many_or_too_few_is_found_once(
    bench: ViewBench, store: ScriptedStore, part: str, table: str
) -> None:
    rows = store._tables._rows[part]
    key, row = next(iter(rows.items()))
    name = {"orders": "order_id", "fills": "fill_key", "operations": "operation_id", "refs": "reference"}[part]
    odd = {**row, name: "odd"}
    rows["odd",] = odd
    ((at, which, *rest),) = await found(store)
    assert (at, rest) == (table, ["", "", "a row"])
    assert "odd" in which
    del rows["odd",]
    del rows[key]
    ((at, _, column, journal, stored),) = await found(store)
    assert (at, column, stored) == (table, "", "")
    assert journal in {"a row", "an order"}
    await rebuild(bench)
    assert await found(store) == []


async def test_a_latch_that_nobody_set_is_found(bench: ViewBench, store: ScriptedStore) -> None:
    rows = store._tables._rows["controls"]
    latch = rows["main", "LATCH", *CONTROL_KEY, "OTHER"]
    rows["main", "LATCH", *CONTROL_KEY, "ODD"] = {**latch, "code": "ODD"}
    assert await found(store) == [("control_state", f"INSTRUMENT:{SPOT} ODD", "latch", "", "set")]
    await rebuild(bench)
    assert await found(store) == []


async def test_amounts_that_are_equal_are_no_difference_however_they_are_written(store: ScriptedStore) -> None:
    store._tables._rows["orders"][PLAIN,]["quantity"] = Decimal("2.000000000000000000")
    assert await found(store) == []
    assert differing_columns({"a": Decimal("1.0"), "b": 1}, {"a": Decimal(1), "c": 2}) == [
        ("c", "2", ""),
        ("b", "", "1"),
    ]


async def test_the_comparison_is_exact_whatever_the_callers_context_is() -> None:
    bench = await ViewBench.of(ScriptedStore())
    intent = make_bet_intent(
        quantity=Decimal("123456789012345.123456789012345678"),
        odds=Decimal("3.55"),
        operation_id=OperationId("OP-1"),
    )
    with localcontext(MONEY):
        await bench.tell(make_order_id(1), make_received(intent), ev.RiskApproved(ev.RiskStage.PARENT, None))
        await bench.project()
    assert await verify_tables(bench.writer.store, "main") == []


async def test_a_shard_that_there_is_not_has_nothing_to_verify() -> None:
    with pytest.raises(NotFound, match="'nowhere'"):
        await verify_tables(ScriptedStore(), "nowhere")


async def test_a_journal_shorter_than_its_tables_is_said_to_be(store: ScriptedStore) -> None:
    del store._shards["main"].journal[5:]
    with pytest.raises(InvariantViolation, match=rf"stand at {len(HISTORY)}, its journal ends at 5"):
        await verify_tables(store, "main")


async def test_a_shard_that_somebody_owns_is_not_rebuilt(bench: ViewBench, store: ScriptedStore) -> None:
    before = tables_of(store)
    with pytest.raises(Fenced):
        await rebuild_tables(store, "main")
    assert tables_of(store) == before
    assert bench.epoch == (await store.shards())[0].epoch


async def test_a_rebuild_gives_the_shard_up_at_its_end(bench: ViewBench, store: ScriptedStore) -> None:
    await rebuild(bench)
    owned = await store.acquire("main", "owner-2", 30.0)
    assert owned.position == len(HISTORY)


async def test_a_rebuild_that_fails_gives_the_shard_up_and_can_be_done_again(
    bench: ViewBench, store: ScriptedStore
) -> None:
    store.fail("project", Fault(TransientStorageError("connection lost")))
    with pytest.raises(TransientStorageError):
        await rebuild(bench)
    await rebuild_tables(store, "main")
    assert await found(store) == []


async def test_a_long_journal_is_rebuilt_page_by_page() -> None:
    store = ScriptedStore()
    bench = await ViewBench.of(store)
    records = [bench.writer.record(ALPHA_ACCOUNT, make_asset_moved(Decimal(number))) for number in range(1, 4_501)]
    await bench.writer.append(*records)
    await rebuild(bench)
    assert [(batch.after, batch.through) for batch in store.calls["project"]] == [
        (0, 2_000), (2_000, 4_000), (4_000, 4_500),
    ]  # fmt: skip
    assert len(store.calls["renew"]) == 3
    assert await verify_tables(store, "main") == []


@pytest.fixture(autouse=True)
def plain_context() -> Iterator[None]:
    """Python's own context: what verifies has to bring the exact one along."""
    with localcontext() as context:
        context.prec = 28
        yield
