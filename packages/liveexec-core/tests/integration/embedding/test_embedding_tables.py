"""What a host holds, as tables: in a notebook, in plain text, with the places of the listings."""

import sys
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, Side
from liveexec.domain.order import Order
from liveexec.domain.result import ExecutionResult
from liveexec.presentation.renderers.plain import plain_text
from liveexec.presentation.views.positions import PositionsBy
from liveexec.tables import install_in_notebook

PAPER: dict[str, Any] = {"mode": "paper", "external_adapters": {"PAPER": {}}, "database": {"url": "memory:"}}


class Formatter:
    """Keeps what is registered with it, as a notebook's formatters do."""

    def __init__(self) -> None:
        self.kinds: dict[type[Any], Callable[..., Any]] = {}

    def for_type(self, kind: type[Any], function: Callable[..., Any]) -> None:
        self.kinds[kind] = function


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> dict[str, Formatter]:
    formatters = {"text/html": Formatter(), "text/plain": Formatter()}
    shell = SimpleNamespace(display_formatter=SimpleNamespace(formatters=formatters))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return formatters


def buy(quantity: str = "0.01") -> OrderIntent:
    return OrderIntent(
        operation=Operation.TRADE,
        quantity=Decimal(quantity),
        strategy_id="mine",
        instrument_key="PAPER-A:SPOT_PAIR:BTC-USDT",
        side=Side.BUY,
    )


async def test_orders_and_positions_are_tables_with_the_places_of_their_listings() -> None:
    async with LiveExecutionOrchestrator.from_config(PAPER) as live:
        first = await live.submit(buy(), wait="terminal", timeout_s=20)
        second = await live.submit(buy("0.02"), wait="terminal", timeout_s=20)
        orders = live.orders_table()
        ids = [row[orders.index_of("order_id")].value for row in orders.rows]
        assert ids == [second.order_id, first.order_id]
        quantities = [row[orders.index_of("quantity")].text for row in orders.rows]
        assert quantities == ["0.02000", "0.01000"], "its lot is 0.00001"
        positions = live.positions_table(PositionsBy.VENUE)
        assert [row[positions.index_of("quantity")].text for row in positions.rows] == ["0.03000"]
        html = live._repr_html_()
        assert html.count("<table") == 2
        assert str(first.order_id) in html


async def test_in_a_notebook_what_is_handed_out_renders(notebook: dict[str, Formatter]) -> None:
    async with LiveExecutionOrchestrator.from_config(PAPER) as live:
        result = await live.submit(buy(), wait="terminal", timeout_s=20)
        html = notebook["text/html"].kinds
        assert "FILLED" in html[ExecutionResult](result)
        assert html[Order](live.orders[result.order_id]).count("<table") == 2
        shown = html[MappingProxyType](MappingProxyType(dict(live.orders)))
        assert str(result.order_id) in shown
        assert "0.01" in html[MappingProxyType](MappingProxyType(dict(live.positions)))
        assert html[MappingProxyType](MappingProxyType({"a": 1})) is None
        assert html[MappingProxyType](MappingProxyType({})) is None
        printed: list[str] = []
        printer = SimpleNamespace(text=printed.append)
        notebook["text/plain"].kinds[ExecutionResult](result, printer, False)
        notebook["text/plain"].kinds[MappingProxyType](MappingProxyType({"a": 1}), printer, False)
        assert "FILLED" in printed[0]
        assert printed[1] == "mappingproxy({'a': 1})"
        assert plain_text(live.orders_table()).count("\n") >= 2


def test_without_a_notebook_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not install_in_notebook()
