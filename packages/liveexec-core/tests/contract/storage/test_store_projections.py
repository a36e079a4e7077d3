"""The tables: what the fold of the journal says, moved on in whole batches by the owner alone."""

from decimal import Decimal
from typing import Any

import attrs
import pytest

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import AccountId, OperationId, VenueOrderId, child_order_id
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.position import Position
from liveexec.domain.stored import FillRow, FoundOperation, OperationRow, RefRow
from liveexec.errors import Fenced, InvariantViolation, StorageError
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    INVERSE,
    INVERSE_TERMS,
    SPOT_PRODUCT,
    STRATEGY,
    events_to,
    make_adopted,
    make_asset_moved,
    make_bet_intent,
    make_cancel_requested,
    make_fill,
    make_intent,
    make_order_id,
    make_received,
    make_replace_requested,
    make_routed,
    make_submit_requested,
)
from support.journaling import ShardWriter

ORDER = make_order_id(1)
OTHER = make_order_id(2)


def plain(position: Position) -> dict[str, Any]:
    """A position as a value that compares."""
    return attrs.asdict(position, recurse=False)


async def rows_equal_folds(writer: ShardWriter) -> bool:
    """Whether every order's row is what its fold says; the whole row, by value."""
    orders = writer.ledger.orders
    rows = await writer.store.order_rows("main", list(orders))
    expected = {order_id: writer.store.row_of(order) for order_id, order in orders.items()}
    assert rows == expected
    return True


@pytest.mark.parametrize("status", OrderStatus)
async def test_a_row_is_the_fold_in_every_status(writer: ShardWriter, status: OrderStatus) -> None:
    await writer.tell(ORDER, make_received(), *events_to(status))
    await writer.project()
    assert await rows_equal_folds(writer)
    state = await writer.store.load("main")
    assert list(state.open_orders) == ([ORDER] if status.is_open else [])


async def test_a_row_follows_its_order_through_its_life(writer: ShardWriter) -> None:
    for events in (
        [
            make_received(
                make_intent(
                    post_only=True,
                    metadata={"a": [1, "b"]},
                    exec_algorithm_params={"x": Decimal("0.5")},
                    details={"peak": Decimal("2.5")},
                )
            )
        ],
        [make_routed(), make_submit_requested()],
        [ev.Accepted(VenueOrderId("V-1"), None)],
        [make_replace_requested()],
        [ev.ReplaceUnknown("timeout")],
        [ev.Replaced(Decimal(2), Decimal(44_000), None, VenueOrderId("V-2"), None)],
        [ev.FillApplied(make_fill(1))],
        [make_cancel_requested(), ev.CancelUnknown("timeout")],
        [ev.FillBusted(make_fill(1), "erroneous")],
        [ev.FillApplied(make_fill(2, quantity=Decimal(3)))],
    ):
        await writer.tell(ORDER, *events)
        await writer.project()
        assert await rows_equal_folds(writer)
    row = (await writer.store.order_rows("main", [ORDER]))[ORDER]
    assert row["flags"] == {
        "post_only": True,
        "details": {"peak": "2.5"},
        "pending_cancel": "UNKNOWN",
        "overfilled": True,
    }


@pytest.mark.parametrize(
    "intent",
    [
        make_bet_intent(),
        make_intent(
            operation=Operation.SWAP,
            instrument_key="UNISWAPV3:POOL:WETH-USDC-500@ETHEREUM",
            side=Side.SELL,
            order_type=OrderType.MARKET,
            price=None,
            source_token="WETH",
            target_token="USDC",
            max_slippage=Decimal("0.005"),
            max_gas_price_gwei=Decimal(30),
            contract_address="0xE592427A0AEce92De3Edee1F18E0157C05861564",
            expected_deltas={"WETH": Decimal(-1), "USDC": Decimal("3000.50")},
            atomic_group_id="G-1",
            sequence_in_group=0,
        ),
        make_intent(
            operation=Operation.TRANSFER,
            instrument_key=None,
            side=None,
            order_type=OrderType.MARKET,
            price=None,
            asset="USDC",
            source_venue=ALPHA,
            target_venue=BETA,
        ),
        make_intent(instrument_key=SPOT_PRODUCT),
    ],
    ids=["bet", "swap", "transfer", "product"],
)
async def test_a_row_is_the_fold_of_every_operation(writer: ShardWriter, intent: Any) -> None:
    await writer.tell(ORDER, make_received(intent))
    await writer.project()
    assert await rows_equal_folds(writer)


async def test_a_nul_in_a_venues_words_stops_no_projection(writer: ShardWriter) -> None:
    await writer.tell(
        ORDER, make_received(), *events_to(OrderStatus.SUBMITTED), ev.VenueRejected("\0", "no \0 margin", None)
    )
    await writer.tell("control:main", acc.LatchSet(ControlScope(ScopeKind.GLOBAL), "LOSS_LIMIT", "a \0 reason"))
    await writer.project()
    assert await rows_equal_folds(writer)
    assert (await writer.store.order_rows("main", [ORDER]))[ORDER]["error_message"] == "no \ufffd margin"
    assert [latch.reason for latch in (await writer.store.load("main")).latches] == ["a \ufffd reason"]


async def test_an_adopted_order_has_a_row(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_adopted())
    await writer.project()
    assert await rows_equal_folds(writer)
    await writer.tell(ORDER, ev.Reattributed(STRATEGY, "operator", "found"))
    await writer.project()
    assert await rows_equal_folds(writer)


async def test_families_are_found_in_the_order_of_their_ordinals(writer: ShardWriter) -> None:
    parent = make_intent(exec_algorithm="TWAP", exec_algorithm_params={"horizon_secs": 60})
    await writer.tell(ORDER, make_received(parent), ev.ScheduleFixed({"slices": ["0.5", "0.5"]}))
    children = [child_order_id(ORDER, ordinal) for ordinal in (1, 2, 3)]
    for ordinal in (2, 3, 1):
        child = children[ordinal - 1]
        await writer.tell(ORDER, ev.ChildSpawned(child, ordinal, Decimal("0.5")))
        received = make_received(
            make_intent(quantity=Decimal("0.5")),
            parent_order_id=ORDER,
            ordinal=ordinal,
            operation_id=OperationId(f"OP-{ordinal + 1}"),
        )
        await writer.tell(child, received)
    await writer.project()
    assert await rows_equal_folds(writer)
    assert await writer.store.find_children("main", [ORDER, OTHER]) == {ORDER: children}
    assert await writer.store.find_children("another", [ORDER]) == {}


async def test_what_recovery_loads_is_what_was_folded(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
    opening = acc.PositionChanged(
        account_id=ALPHA_ACCOUNT,
        strategy_id="EXTERNAL",
        instrument_id=INVERSE,
        quantity=Decimal(-1000),
        price=Decimal(45_000),
        terms=INVERSE_TERMS,
        kind=acc.PositionChange.OPENING,
        reference="opening",
    )
    await writer.tell(
        ALPHA_ACCOUNT,
        make_asset_moved("12345.000000000000000001"),
        opening,
        acc.DriftSeen(ALPHA_ACCOUNT, "BTC", Decimal("1.5"), Decimal("-0.25")),
    )
    halted = acc.StateChanged(ControlScope(ScopeKind.GLOBAL), TradingState.HALTED, "anna", "drill")
    latch = acc.LatchSet(ControlScope(ScopeKind.STRATEGY, STRATEGY), "REPEATED_EXECUTION", "ten in a second")
    await writer.tell("control:main", halted, latch)
    await writer.project()
    state, ledger = await writer.store.load("main"), writer.ledger
    assert state.projected_through == writer.position
    assert {key: plain(position) for key, position in state.positions.items()} == {
        key: plain(position) for key, position in ledger.positions.items()
    }
    assert {
        book.account_id: ({key: plain(position) for key, position in book.positions.items()}, book.assets)
        for book in state.books
    } == {
        book.account_id: ({key: plain(position) for key, position in book.positions.items()}, book.assets)
        for book in ledger.books.values()
    }
    assert state.sequences == ledger.sequences
    for found, expected in (
        (state.states, [halted]),
        (state.latches, [latch]),
        (state.drifts, list(ledger.drifts.values())),
    ):
        assert [attrs.asdict(each) for each in found] == [attrs.asdict(each) for each in expected]


async def test_controls_are_replaced_and_cleared(writer: ShardWriter) -> None:
    scope = ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT)
    await writer.tell(
        "control:main",
        acc.StateChanged(scope, TradingState.HALTED, "anna", "drill"),
        acc.LatchSet(scope, "LOSS_LIMIT", "-100"),
        acc.LatchSet(scope, "REPEATED_EXECUTION", "ten in a second"),
    )
    await writer.tell(ALPHA_ACCOUNT, acc.DriftSeen(ALPHA_ACCOUNT, "BTC", Decimal(1), Decimal(2)))
    second = AccountId("ALPHA-2")
    await writer.tell(
        "control:main",
        acc.FlattenRequested(scope, ALPHA_ACCOUNT, make_order_id(8), "anna"),
        acc.FlattenRequested(scope, second, make_order_id(9), "anna"),
    )
    await writer.project()
    await writer.tell(
        "control:main",
        acc.StateChanged(scope, TradingState.ACTIVE, "anna", "over"),
        acc.LatchCleared(scope, "LOSS_LIMIT", "anna", "seen"),
        acc.FlattenEnded(scope, ALPHA_ACCOUNT, "it is being closed"),
    )
    await writer.tell(ALPHA_ACCOUNT, acc.DriftAccepted(ALPHA_ACCOUNT, "BTC", Decimal(2), "anna", "theirs is right"))
    await writer.project()
    state = await writer.store.load("main")
    assert [(each.scope, each.state) for each in state.states] == [(scope, TradingState.ACTIVE)]
    assert [each.code for each in state.latches] == ["REPEATED_EXECUTION"]
    assert list(state.drifts) == []
    waiting = [(each.scope, each.account_id, each.seed, each.principal) for each in state.flattenings]
    assert waiting == [(scope, second, make_order_id(9), "anna")]


async def test_setting_and_clearing_in_one_batch_is_refused(writer: ShardWriter) -> None:
    scope = ControlScope(ScopeKind.GLOBAL)
    await writer.tell("control:main", acc.LatchSet(scope, "LOSS_LIMIT", "-100"))
    with pytest.raises(InvariantViolation, match="both sets and clears"):
        await writer.project(cleared_latches=[(scope, "LOSS_LIMIT")])


async def test_projecting_the_same_batch_again_is_a_success(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.FILLED))
    batch = await writer.project()
    await writer.store.project(batch)
    assert await rows_equal_folds(writer)
    assert (await writer.store.load("main")).projected_through == batch.through


async def test_a_batch_that_is_tried_again_writes_what_it_held_at_first(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.ACCEPTED))
    seen = dict(writer.store.row_of(writer.ledger.orders[ORDER]))
    batch = writer.projection(through=2)
    with pytest.raises(InvariantViolation, match="the journal ends at 1"):
        await writer.store.project(batch)
    await writer.tell(ORDER, ev.Canceled("requested", None))
    await writer.store.project(batch)
    assert (await writer.store.order_rows("main", [ORDER]))[ORDER] == seen


async def test_a_projection_that_does_not_follow_the_tables_is_refused(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    await writer.project()
    await writer.tell(OTHER, make_received(operation_id=OperationId("OP-9")))
    for after in (0, 2):
        with pytest.raises(InvariantViolation, match="does not follow the tables, which stand at 1"):
            await writer.store.project(writer.projection(after=after))
    assert list(await writer.store.order_rows("main", [OTHER])) == []


async def test_what_is_not_durable_is_not_projected(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    with pytest.raises(InvariantViolation, match="the journal ends at 1"):
        await writer.store.project(writer.projection(through=2))
    assert list(await writer.store.order_rows("main", [ORDER])) == []


async def test_an_old_owner_projects_nothing_any_more(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    await ShardWriter.of(writer.store)
    with pytest.raises(Fenced):
        await writer.project()
    state = await writer.store.load("main")
    assert (state.projected_through, list(state.open_orders)) == (0, [])


async def test_names_at_venues_and_operations_are_found(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.ACCEPTED))
    await writer.project()
    plan = writer.ledger.orders[ORDER].plan
    assert plan is not None
    client, venue = (ALPHA_ACCOUNT, "client", plan.client_order_id), (ALPHA_ACCOUNT, "venue", "V-1")
    unknown = (ALPHA_ACCOUNT, "venue", "V-2")
    store = writer.store
    assert await store.find_refs("main", [client, unknown, venue]) == {client: ORDER, venue: ORDER}
    assert await store.find_refs("another", [client]) == {}
    assert await store.find_refs("main", []) == {}
    found = await store.find_operations("main", [("local", OperationId("OP-1")), ("other", OperationId("OP-1"))])
    assert {key: attrs.asdict(operation) for key, operation in found.items()} == {
        ("local", "OP-1"): attrs.asdict(FoundOperation("submit", writer.ledger.orders[ORDER].content_hash, ORDER))
    }
    assert await store.find_operations("another", [("local", OperationId("OP-1"))]) == {}


async def test_asset_movements_are_found_and_count_once(writer: ShardWriter) -> None:
    await writer.tell(ALPHA_ACCOUNT, make_asset_moved("1"), make_asset_moved("2"))
    await writer.project()
    key = (ALPHA_ACCOUNT, "deposit-1-USDT")
    assert list(await writer.store.find_asset_moves([key, (ALPHA_ACCOUNT, "deposit-3-USDT"), key])) == [key]
    await writer.tell(ALPHA_ACCOUNT, make_asset_moved("1"))
    with pytest.raises(InvariantViolation):
        await writer.project()
    state = await writer.store.load("main")
    assert [book.assets for book in state.books] == [{"USDT": Decimal(3)}]


async def test_a_fill_key_of_another_order_writes_nothing_of_the_batch(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
    await writer.project()
    await writer.tell(OTHER, make_received(operation_id=OperationId("OP-9")), make_routed())
    stolen = FillRow(ALPHA_ACCOUNT, STRATEGY, OTHER, make_fill(1), False, writer.at_ns)
    with pytest.raises(InvariantViolation, match="projecting fills: 1 of 1 rows"):
        await writer.project(fills=[stolen])
    assert list(await writer.store.order_rows("main", [OTHER])) == []
    assert (await writer.store.load("main")).projected_through == 1
    await writer.project()
    assert await rows_equal_folds(writer)


async def test_a_fill_key_twice_in_one_batch_is_refused(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
    row = FillRow(ALPHA_ACCOUNT, STRATEGY, ORDER, make_fill(1), False, writer.at_ns)
    with pytest.raises(InvariantViolation):
        await writer.project(fills=[row, row])


async def test_an_operation_id_is_used_once(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    await writer.project()
    used = OperationRow("local", OperationId("OP-1"), "submit", "another content", OTHER, writer.at_ns)
    await writer.tell(OTHER, make_received(operation_id=OperationId("OP-9")))
    with pytest.raises(InvariantViolation):
        await writer.project(operations=[used])
    assert list(await writer.store.order_rows("main", [OTHER])) == []
    await writer.project(operations=[attrs.evolve(used, principal="another caller")])


async def test_a_name_at_a_venue_belongs_to_one_order(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.ACCEPTED))
    await writer.project()
    await writer.tell(OTHER, make_received(operation_id=OperationId("OP-9")))
    with pytest.raises(InvariantViolation, match="projecting refs"):
        await writer.project(refs=[RefRow((ALPHA_ACCOUNT, "venue", "V-1"), OTHER, 1)])
    await writer.project(refs=[RefRow((ALPHA_ACCOUNT, "venue", "V-1"), ORDER, 2)])


async def test_an_account_belongs_to_one_shard(writer: ShardWriter) -> None:
    await writer.tell(ALPHA_ACCOUNT, make_asset_moved("1"))
    await writer.project()
    other = await ShardWriter.of(writer.store, "other")
    await other.tell("control:other", acc.ConfigApplied("hash", "anna", "all"))
    with pytest.raises(InvariantViolation, match="projecting assets"):
        await other.project(books=list(writer.ledger.books.values()))


async def test_an_amount_that_does_not_fit_is_refused_and_not_rounded(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    order = writer.ledger.orders[ORDER]
    order.filled_cost = Decimal("0.0000000000000000001")
    with pytest.raises(StorageError, match=f"filled_cost of {ORDER}"):
        await writer.project()
    order.filled_cost = Decimal(10) ** 18
    with pytest.raises(StorageError, match="more than the 18 \\+ 18 digits"):
        await writer.project()
    order.filled_cost = Decimal("999999999999999999.999999999999999999")
    await writer.project()
    assert await rows_equal_folds(writer)


async def test_a_book_may_tell_only_what_changed(writer: ShardWriter) -> None:
    await writer.tell(ALPHA_ACCOUNT, make_asset_moved("1"), make_asset_moved("5", "BTC"))
    await writer.project()
    await writer.tell(ALPHA_ACCOUNT, make_asset_moved("2"))
    book = writer.ledger.books[ALPHA_ACCOUNT]
    await writer.project(books=[attrs.evolve(book, assets={"USDT": book.assets["USDT"]})])
    assert [found.assets for found in (await writer.store.load("main")).books] == [book.assets]


async def test_rebuilding_gives_the_same_tables(writer: ShardWriter) -> None:
    other = await ShardWriter.of(writer.store, "other")
    await other.tell("control:other", acc.LatchSet(ControlScope(ScopeKind.GLOBAL), "LOSS_LIMIT", "-1"))
    await other.project()
    await writer.tell(ORDER, make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
    await writer.tell("control:main", acc.StateChanged(ControlScope(ScopeKind.GLOBAL), TradingState.HALTED, "a", "b"))
    await writer.project()
    store = writer.store
    before = await store.load("main")
    await store.reset_projections(writer.owned)
    emptied = await store.load("main")
    assert (emptied.projected_through, list(emptied.open_orders), emptied.positions) == (0, [], {})
    assert await store.find_refs("main", [(ALPHA_ACCOUNT, "venue", "V-1")]) == {}
    assert len((await store.load("other")).latches) == 1
    rebuilt = ShardWriter(store, writer.owned)
    for stored in await store.read_after("main", 0, 100):
        rebuilt.record(stored.record.stream, *stored.record.events)
        rebuilt.pending.append((stored.position, stored.record))
    rebuilt.position = writer.position
    rebuilt.at_ns = writer.at_ns
    await rebuilt.project()
    after = await store.load("main")
    assert list(after.open_orders) == list(before.open_orders)
    assert {key: plain(position) for key, position in after.positions.items()} == {
        key: plain(position) for key, position in before.positions.items()
    }
    assert await store.find_refs("main", [(ALPHA_ACCOUNT, "venue", "V-1")]) == {(ALPHA_ACCOUNT, "venue", "V-1"): ORDER}


async def test_only_the_owner_rebuilds(writer: ShardWriter) -> None:
    await writer.tell(ORDER, make_received())
    await writer.project()
    await ShardWriter.of(writer.store)
    with pytest.raises(Fenced):
        await writer.store.reset_projections(writer.owned)
    assert list((await writer.store.load("main")).open_orders) == [ORDER]
