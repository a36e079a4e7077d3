"""Orders that are well formed and impossible: each gets one clear answer, and nothing of it reaches a venue."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from liveexec import InvalidInput, MemoryStore, OrderIntent, OrderStatus, ReplaceIntent
from liveexec.domain.ids import AccountId, OperationId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.errors import OperationConflict
from support.hosting import SPOT_A, VENUE_A, VENUE_B, Desk, differences, limit, local_desk, market, until_order

TWAP: dict[str, Any] = {"exec_algorithm": "TWAP"}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with local_desk() as desk:
        yield desk


async def _nothing_arrived(desk: Desk) -> bool:
    return not any([await desk.orders_at(venue) or await desk.fills_at(venue) for venue in (VENUE_A, VENUE_B)])


@pytest.mark.parametrize(
    ("intent", "says"),
    [
        (limit(price="59000.001"), "tick"),
        (limit(quantity="0.0000001"), "lot"),
        (limit(quantity="0.000015"), "lot"),
        (limit(quantity="0.00002", price="60000"), "minimum 5"),
        (market(quantity="0.000015"), "lot"),
        (market(instrument_key=f"{VENUE_A}:SPOT_PAIR:DOGE-USDT"), "lists"),
        (market(instrument_key="NOWHERE:SPOT_PAIR:BTC-USDT"), "not listed"),
        (market(instrument_key="SPOT_PAIR:DOGE-USDT"), "lists"),
        (market(account_id=AccountId("nobody")), "nobody"),
        (market(order_type=OrderType.STOP_MARKET, trigger_price=Decimal(61_000)), "STOP_MARKET"),
        (market(reduce_only=True), "reduce"),
        (limit(price="100000000000000000", quantity="100000000000000000"), ""),
    ],
)
async def test_what_a_venue_can_not_take_is_recorded_as_refused_and_never_sent(
    desk: Desk, intent: OrderIntent, says: str
) -> None:
    store = MemoryStore()
    async with desk.live(store) as live:
        await desk.quoted(live)
        result = await live.submit(intent, wait="terminal", timeout_s=5)
        assert result.status is OrderStatus.REJECTED
        assert result.rejection_reason
        assert result.message
        assert says in result.message
        assert await _nothing_arrived(desk)
        assert await differences(live, store, desk) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exec_algorithm": "VWOP"}, "NORMAL, ICEBERG, TWAP, VWAP"),
        (
            {
                "order_type": OrderType.LIMIT,
                "price": Decimal(60_000),
                "time_in_force": TimeInForce.GTD,
                "expire_at_ns": 1,
            },
            "expire_at_ns: has passed already",
        ),
        ({"exec_algorithm_params": {"horizon_secs": 1}}, "NORMAL takes none"),
        (TWAP, "horizon_secs"),
        ({**TWAP, "exec_algorithm_params": {"horizon_secs": 60, "interval_secs": 10, "speed": 1}}, "speed"),
        ({**TWAP, "exec_algorithm_params": {"horizon_secs": -60, "interval_secs": 10}}, "horizon_secs"),
        ({**TWAP, "exec_algorithm_params": {"horizon_secs": 60, "interval_secs": 0}}, "interval_secs"),
        ({**TWAP, "exec_algorithm_params": {"horizon_secs": "long", "interval_secs": []}}, "interval_secs"),
        ({**TWAP, "exec_algorithm_params": {"horizon_secs": 10**15, "interval_secs": 1}}, "horizon_secs"),
        ({"exec_algorithm": "ICEBERG", "exec_algorithm_params": {"visible_quantity": "1"}}, "ICEBERG"),
        ({"exec_algorithm": "VWAP", "exec_algorithm_params": {"horizon_secs": 60, "intervals": 10**9}}, "intervals"),
    ],
)
async def test_what_an_algorithm_refuses_is_an_error_and_not_recorded(
    desk: Desk, changes: dict[str, Any], says: str
) -> None:
    store = MemoryStore()
    async with desk.live(store) as live:
        await desk.quoted(live)
        before = live.shard.view.position
        with pytest.raises(InvalidInput, match=says):
            await live.submit(market(operation_id=OperationId("OP-1"), **changes))
        assert live.shard.view.position == before
        assert await _nothing_arrived(desk)
        # What was not recorded used nothing up.
        assert not (await live.submit(market(operation_id=OperationId("OP-1")))).repeated


async def test_operations_that_no_venue_here_has_are_refused(desk: Desk) -> None:
    store = MemoryStore()
    intents = [
        OrderIntent(
            operation=Operation.BET,
            instrument_key="BETFAIR:EXCHANGE_ODDS:1.23456789-47972",
            side=Side.BACK,
            quantity=Decimal(10),
            odds=Decimal(2),
            selection="47972",
            strategy_id=market().strategy_id,
        ),
        OrderIntent(
            operation=Operation.TRANSFER,
            asset="USDT",
            quantity=Decimal(10),
            source_venue=VENUE_A,
            target_venue=VENUE_B,
            strategy_id=market().strategy_id,
        ),
    ]
    async with desk.live(store) as live:
        await desk.quoted(live)
        for intent in intents:
            result = await live.submit(intent, wait="terminal", timeout_s=5)
            assert (result.status, bool(result.message)) == (OrderStatus.REJECTED, True)
        assert await _nothing_arrived(desk)
        assert await differences(live, store, desk) == []


async def test_an_operation_id_with_other_content_is_a_conflict_whatever_differs(desk: Desk) -> None:
    async with desk.live(MemoryStore()) as live:
        await desk.quoted(live)
        operation_id = OperationId("OP-1")
        await live.submit(limit(operation_id=operation_id), wait="ack", timeout_s=5)
        others = [
            limit(operation_id=operation_id, quantity="0.6"),
            limit(operation_id=operation_id, price="58999"),
            limit(Side.SELL, "61000", operation_id=operation_id),
            limit(operation_id=operation_id, metadata={"a": 1}),
            market(operation_id=operation_id),
        ]
        for intent in others:
            with pytest.raises(OperationConflict):
                await live.submit(intent)
        assert (await live.submit(limit(operation_id=operation_id, quantity="0.50"))).repeated
        assert len(await desk.orders_at(VENUE_A)) == 1


async def test_a_replace_that_the_listing_does_not_allow_leaves_the_order_working(desk: Desk) -> None:

    store = MemoryStore()
    async with desk.live(store) as live:
        await desk.quoted(live)
        placed = await live.submit(limit(), wait="ack", timeout_s=5)
        for change in (
            ReplaceIntent(placed.order_id, price=Decimal("59000.001")),
            ReplaceIntent(placed.order_id, quantity=Decimal("0.0000001")),
            ReplaceIntent(placed.order_id, quantity=Decimal(100000000000000000)),
        ):
            result = await live.replace(change)
            assert result.status is OrderStatus.ACCEPTED
            await until_order(live, placed.order_id, lambda order: order.replace is None)
        (order,) = await desk.orders_at(VENUE_A)
        assert (order.quantity, order.price, order.instrument_id) == (Decimal("0.5"), Decimal(59000), SPOT_A)
        assert await differences(live, store, desk) == []
