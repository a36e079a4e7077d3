"""The orchestrator for synchronous code: the same orders and the same errors, from any thread."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest

from liveexec import InvalidInput, Operation, OrderIntent, OrderStatus, OrderType, Side
from liveexec.blocking import BlockingOrchestrator
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OrderId
from liveexec.engine.inputs import ControlKind
from liveexec.errors import ConfigurationError, LiveExecError, NotFound

PAPER: dict[str, Any] = {"mode": "paper", "external_adapters": {"PAPER": {}}, "database": {"url": "memory:"}}
ALL = ControlScope(ScopeKind.GLOBAL)


def order(**changes: Any) -> OrderIntent:
    values: dict[str, Any] = {
        "operation": Operation.TRADE,
        "quantity": Decimal("0.01"),
        "strategy_id": "mine",
        "instrument_key": "PAPER-A:SPOT_PAIR:BTC-USDT",
        "side": Side.BUY,
    }
    return OrderIntent(**(values | changes))


def test_a_strategy_trades_and_sees_what_it_did() -> None:
    with BlockingOrchestrator(PAPER) as live:
        filled = live.submit(order(), wait="terminal", timeout_s=20)
        assert filled.status is OrderStatus.FILLED
        resting = live.submit(order(order_type=OrderType.LIMIT, price=Decimal(50_000)), wait="ack", timeout_s=20)
        assert [each.order_id for each in live.open_orders()] == [resting.order_id]
        assert live.cancel(resting.order_id, wait="terminal", timeout_s=20).status is OrderStatus.CANCELED
        assert live.result(filled.order_id).filled_quantity == Decimal("0.01")
        assert set(live.orders) == {filled.order_id, resting.order_id}
        assert [position.quantity for position in live.positions.values()] == [Decimal("0.01")]
        live.synced()


def test_errors_are_the_same() -> None:
    with BlockingOrchestrator(PAPER) as live:
        with pytest.raises(NotFound):
            live.result(OrderId("ORD-" + "0" * 25 + "1"))
        with pytest.raises(InvalidInput):
            live.submit(order(exec_algorithm="NONE"))
    with pytest.raises(ConfigurationError), BlockingOrchestrator({**PAPER, "router": {"policy": "none"}}):
        pytest.fail("it started")


def test_operators_stop_everything() -> None:
    with BlockingOrchestrator(PAPER) as live:
        live.submit(order(), wait="terminal", timeout_s=20)
        live.kill(ALL, ControlKind.BLOCK, principal="operator", reason="a test")
        assert live.submit(order(), wait="terminal", timeout_s=20).rejection_reason == "TRADING_STATE"
        live.set_trading_state(ALL, TradingState.ACTIVE, principal="operator", reason="over")
        assert live.submit(order(), wait="terminal", timeout_s=20).status is OrderStatus.FILLED
        assert live.apply_config({**PAPER, "router": {"policy": "split"}}, principal="operator") == ("router.policy",)


def test_events_are_iterated() -> None:
    with BlockingOrchestrator(PAPER) as live:
        stream = live.stream()
        placed = live.submit(order(), wait="terminal", timeout_s=20)
        names = [type(item.event).__name__ for item in islice(stream, 4)]
        assert names == ["OrderReceived", "Routed", "RiskApproved", "SubmitRequested"]
        assert next(stream).stream == placed.order_id
        stream.close()  # type: ignore[attr-defined]  # an iterator that is a generator


def test_many_threads_share_one() -> None:
    with BlockingOrchestrator(PAPER) as live, ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda _: live.submit(order(), wait="terminal", timeout_s=20).status, range(40)))
    assert done == [OrderStatus.FILLED] * 40


def test_outside_of_its_block_it_says_so_and_leaves_no_thread() -> None:
    live = BlockingOrchestrator(PAPER)
    with pytest.raises(LiveExecError, match="use it in a with block"):
        live.submit(order())
    with live:
        assert live.open_orders() == []
        with pytest.raises(LiveExecError, match="started already"), live:
            pytest.fail("it started twice")
    with pytest.raises(LiveExecError, match="use it in a with block"):
        live.open_orders()
    assert "liveexec" not in {thread.name for thread in threading.enumerate()}
