"""Clients that this project did not write trade at the loopback Bybit: ccxt, and NautilusTrader's node."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from liveexec.domain.operation import OrderType, Side
from liveexec_nautilus.loopback.bybit.venue import bybit_venue
from liveexec_nautilus.loopback.shared.faults import RequestFault, StreamFault
from liveexec_nautilus.loopback.shared.orders import OrderRequest
from liveexec_nautilus.loopback.shared.server import Server, serve
from nautilus_loopback.clients import run_client

pytestmark = pytest.mark.anyio
USER = 1001
LINEAR = "linear.BTCUSDT"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A venue where others bid and ask."""
    async with serve(bybit_venue()) as running:
        for symbol, quantity in (("spot.BTCUSDT", 10), (LINEAR, 10), ("inverse.BTCUSD", 10_000)):
            running.control.rest(symbol, Side.BUY, Decimal(49_990), Decimal(quantity))
            running.control.rest(symbol, Side.SELL, Decimal(50_010), Decimal(quantity))
        yield running


async def test_ccxt_trades_over_rest_and_watches_over_websocket(server: Server) -> None:
    code, seen, errors = await run_client("ccxt", "bybit_ccxt_client", server)
    assert code == 0, errors
    assert seen["rest"] == {
        "markets": ["future", "option", "spot", "swap"],
        "book": [49_990, 10],
        "ticker": 50_010,
        "tickers": ["BTC/USDT", "BTC/USD:BTC"],
        "resting": "by-ccxt",
        "edited": True,
        "open": [[40_001, 2, "open"]],
        "cancelled": True,
        "fetched": "canceled",
        "bought": ["closed", 1, 50_010],
        "trade": [True, 50_010, "USDT", "taker"],
        "order_trades": 1,
        "position": ["long", 1, 50_010],
        "positions": ["BTC/USDT:USDT"],
        "balance": 100,
        "spot": 0.5,
        "inverse": True,
        "cancelled_all": 1,
        "public": 50_010,
        "fee": 0.00055,
        "refused": [
            "OrderNotFound",
            "InsufficientFunds",
            "InvalidOrder",
            "InvalidOrder",
            "InsufficientFunds",
            "AuthenticationError",
        ],
    }
    assert seen["pro"] == {
        "book": [[49_990, 10], [50_010, 9]],
        "ws": [True, True],
        "order": [True],
        "trade": [True, 49_990, "taker"],
        "public": 49_990,
        "balance": 100,
        "position": ["long", 0.5],
        "ticker": 49_990,
    }


def was_there_before(server: Server) -> None:
    """A position and a resting order from before the client connects."""
    symbol = server.venue.floor.symbols[LINEAR]
    for name, order_type, quantity, price in (
        ("before1", OrderType.MARKET, "0.2", None),
        ("before2", OrderType.LIMIT, "0.5", Decimal(45_000)),
    ):
        request = OrderRequest(
            symbol=symbol,
            side=Side.BUY,
            order_type=order_type,
            quantity=Decimal(quantity),
            client_order_id=name,
            price=price,
        )
        server.venue.floor.submit(USER, request)


async def test_nautilus_goes_from_reconciliation_through_a_lost_connection_to_a_late_fill(server: Server) -> None:
    was_there_before(server)
    code, seen, errors = await run_client("nautilus", "nautilus_life", server, "bybit")
    assert code == 0, errors
    assert seen["quote"] == ["49990.0", "50010.0"]
    assert seen["reconciled"] == {"orders": ["before2 0.500"], "positions": ["0.2 at 50010"]}
    own = [word for word in seen["seen"] if word not in {"book", "trade"}]
    assert own == [
        "accepted first",
        "filled first 0.100 at 49995.0 fee 0.99990000 USDT",
        "updated first 0.300 at 49994.0",
        "canceled first",
        "accepted held",
        "canceled held",
        "filled held 0.100 at 49995.0 fee 0.99990000 USDT",
        "accepted gap",
        "cut True",
        "returned",
        # Nobody asks by itself for what was missed; asked, it is a fill without a fee.
        "filled gap 0.100 at 49995.0 fee None",
        "accepted last",
        "filled gap 0.300 at 49995.0 fee 2.99970000 USDT",
        "filled last 0.400 at 49994.0 fee 3.99952000 USDT",
    ]
    assert {"book", "trade"} <= set(seen["seen"])
    truth = [(order.client_order_id[:6], order.status, order.filled) for order in server.control.orders(USER)]
    assert truth[1] == ("before", "WORKING", 0)
    assert [each[1:] for each in truth[2:]] == [
        ("CANCELED", Decimal("0.1")),
        ("CANCELED", Decimal("0.1")),
        ("FILLED", Decimal("0.4")),
        ("FILLED", Decimal("0.4")),
    ]
    assert server.venue.floor.position(USER, LINEAR).quantity == Decimal("1.2")


@pytest.mark.parametrize(
    "fault",
    [
        StreamFault(kind="patch", topic="execution", times=None, fields={"feeCurrency": ""}),
        RequestFault(kind="patch", operation="GET /v5/execution/list", fields={"feeCurrency": ""}),
    ],
    ids=["told", "asked"],
)
async def test_an_execution_without_its_fee_coin_ends_nautilus_process(
    server: Server, fault: StreamFault | RequestFault
) -> None:
    """The known killer, as a scripted fault: on the stream, and in what reconciliation asks for."""
    was_there_before(server)
    server.control.fault(fault)
    code, seen, errors = await run_client("nautilus", "nautilus_life", server, "bybit")
    assert code != 0
    assert seen is None
    assert "panicked" in errors
