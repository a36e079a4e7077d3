"""Clients that this project did not write trade at the loopback OKX: ccxt, and NautilusTrader's node."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from liveexec.domain.operation import OrderType, Side
from liveexec_nautilus.loopback.okx.venue import okx_venue
from liveexec_nautilus.loopback.shared.faults import RequestFault, StreamFault
from liveexec_nautilus.loopback.shared.orders import OrderRequest
from liveexec_nautilus.loopback.shared.server import Server, serve
from nautilus_loopback.clients import run_client

pytestmark = pytest.mark.anyio
USER = 1001
SWAP = "BTC-USDT-SWAP"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A venue where others bid and ask."""
    async with serve(okx_venue()) as running:
        for symbol in ("BTC-USDT", SWAP, "BTC-USD-SWAP"):
            running.control.rest(symbol, Side.BUY, Decimal(49_990), Decimal(1_000))
            running.control.rest(symbol, Side.SELL, Decimal(50_010), Decimal(1_000))
        yield running


async def test_ccxt_trades_over_rest_and_watches_over_websocket(server: Server) -> None:
    code, seen, errors = await run_client("ccxt", "okx_ccxt_client", server)
    assert code == 0, errors
    assert seen["rest"] == {
        "markets": ["future", "option", "spot", "swap"],
        "contract": 0.01,
        "book": [49_990, 1_000],
        "ticker": 50_010,
        "resting": "byccxt",
        "edited": True,
        "open": [[40_001, 20, "open"]],
        "cancelled": True,
        "fetched": "canceled",
        "bought": ["closed", 100, 50_010, "USDT"],
        "trade": [True, 50_010, 25.005, "taker"],
        "order_trades": 1,
        "closed": True,
        "canceled": ["byccxt"],
        "position": ["long", 100, 50_010],
        "balance": 100,
        "spot": 0.5,
        "cancelled_all": 2,
        "public": 50_010,
        "fee": 0.0005,
        "mode": "1001",
        "refused": [
            "OrderNotFound",
            "OrderNotFound",
            "InsufficientFunds",
            "InvalidOrder",
            "BadRequest",
            "InsufficientFunds",
            "AuthenticationError",
            "AuthenticationError",
        ],
    }
    assert seen["pro"] == {
        "book": [[49_990, 1_000], [50_010, 900]],
        "balance": 100,
        "ws": [True, True],
        "order": [True],
        # ccxt gives the venue's own sign here.
        "trade": [True, 49_990, "taker", -12.4975],
        "public": 49_990,
        "position": ["long", 100],
        "later": [49_990, 950],
        "ticker": 49_990,
    }


def was_there_before(server: Server) -> None:
    """A position and a resting order from before the client connects."""
    symbol = server.venue.floor.symbols[SWAP]
    for name, order_type, quantity, price in (
        ("before1", OrderType.MARKET, 2, None),
        ("before2", OrderType.LIMIT, 5, Decimal(45_000)),
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
    code, seen, errors = await run_client("nautilus", "nautilus_life", server, "okx")
    assert code == 0, errors
    assert seen["quote"] == ["49990.0", "50010.0"]
    assert seen["reconciled"] == {"orders": ["before2 5.00"], "positions": ["2 at 50010"]}
    own = [word for word in seen["seen"] if word not in {"book", "trade"}]
    assert own == [
        "accepted first",
        "filled first 1.00 at 49995.0 fee 0.09999000 USDT",
        "updated first 3.00 at 49994.0",
        "canceled first",
        "accepted held",
        "canceled held",
        # NautilusTrader takes a fill's fee from how the order's has grown, and the cancel had told it already.
        "filled held 1.00 at 49995.0 fee 0.00000000 USDT",
        "accepted gap",
        "cut True",
        "returned",
        # Nobody asks by itself for what was missed; asked, it is a fill without a fee.
        "filled gap 1.00 at 49995.0 fee None",
        "accepted last",
        # OKX tells fees as a sum, so that the next fill makes up for it.
        "filled gap 3.00 at 49995.0 fee 0.39996000 USDT",
        "filled last 4.00 at 49994.0 fee 0.39995200 USDT",
    ]
    assert {"book", "trade"} <= set(seen["seen"])
    truth = [(order.client_order_id[:6], order.status, order.filled) for order in server.control.orders(USER)]
    assert truth[1] == ("before", "WORKING", 0)
    assert [each[1:] for each in truth[2:]] == [("CANCELED", 1), ("CANCELED", 1), ("FILLED", 4), ("FILLED", 4)]
    assert server.venue.floor.position(USER, SWAP).quantity == 12


async def test_nautilus_survives_messages_without_a_fee_currency(server: Server) -> None:
    """What ends its process at Bybit it takes here for the settlement currency."""
    server.control.fault(StreamFault(kind="patch", topic="orders", times=None, fields={"feeCcy": "", "fillFeeCcy": ""}))
    for path in ("fills", "orders-history", "orders-pending", "order"):
        operation = f"GET /api/v5/trade/{path}"
        server.control.fault(RequestFault(kind="patch", operation=operation, times=None, fields={"feeCcy": ""}))
    was_there_before(server)
    code, seen, errors = await run_client("nautilus", "nautilus_life", server, "okx")
    assert code == 0, errors
    fills = [word for word in seen["seen"] if word.startswith("filled")]
    assert [word.rpartition("fee ")[2] for word in fills] == [
        "0.09999000 USDT",
        "0.09999000 USDT",
        "None",
        "0.39996000 USDT",
        "0.39995200 USDT",
    ]
