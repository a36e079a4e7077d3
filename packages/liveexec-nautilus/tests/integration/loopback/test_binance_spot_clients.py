"""Clients that this project did not write trade at the loopback of Binance Spot.

NautilusTrader is this package's own dependency and runs in a process of its own, with SBE answers and market data in
JSON or in SBE; ccxt lives in an environment that ``uv run nox -s clients`` makes: ``build/clients/ccxt``.
"""

import json
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue
from liveexec_nautilus.loopback.shared.accounts import default_accounts
from liveexec_nautilus.loopback.shared.server import Server, serve

pytestmark = pytest.mark.anyio

CCXT = Path(__file__).parents[5] / "build" / "clients" / "ccxt"
CCXT_PYTHON = CCXT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
SCRIPTS = Path(__file__).parents[2] / "clients"
USER = 1001


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A venue where others bid and ask for bitcoin."""
    async with serve(SpotVenue()) as running:
        running.control.rest("BTCUSDT", Side.BUY, Decimal(48_990), Decimal(5))
        running.control.rest("BTCUSDT", Side.SELL, Decimal(50_010), Decimal(5))
        yield running


async def run_client(python: Path, script: str, *arguments: str) -> Any:
    """What the client printed last."""
    with anyio.fail_after(120):
        done = await anyio.run_process([str(python), str(SCRIPTS / script), *arguments], check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.decode().splitlines()[-1])


@pytest.mark.parametrize("market_data", ["--json", "--sbe"])
async def test_nautilus_trader_goes_through_an_orders_life(server: Server, market_data: str) -> None:
    key = next(each for each in default_accounts(1, {})[0].keys if each.kind == "ed25519")
    asked = ("--spot", market_data, key.key, key.secret, server.http_url)
    seen = await run_client(Path(sys.executable), "nautilus_binance_client.py", *asked)
    assert seen["quote"] == ["48990.00", "50010.00"]
    assert [word for word in seen["seen"] if not word.startswith("trade") and word != "book"] == [
        "filled 0.05000 at 50010.00",
        "position opened",
        "accepted",
        "updated 0.03000",
        "filled 0.01000 at 49000.50",
        "position opened",
        # What happened while its streams were away is inferred from the order, whose average price this client's
        # release reads with the wrong exponent.
        "filled 0.01000 at 0.00",
        "canceled",
        "filled 0.07000 at 48990.00",
        "position opened",
    ]
    assert {"book", "trade 50010.00", "trade 49000.50"} <= set(seen["seen"])
    truth = server.control.orders(USER)
    assert [(order.status, order.filled, order.quantity, order.price) for order in truth] == [
        ("FILLED", Decimal("0.05"), Decimal("0.05"), None),
        ("CANCELED", 0, Decimal("0.02"), 49_000),
        ("CANCELED", Decimal("0.02"), Decimal("0.03"), Decimal("49000.5")),
        ("FILLED", Decimal("0.07"), Decimal("0.07"), None),
    ]
    # Replacing cancels the order and places another under the same client id.
    assert truth[1].client_order_id == truth[2].client_order_id
    assert [each.fee_asset for each in server.control.executions(USER)] == ["BTC", "BTC", "BTC", "USDT"]


async def test_ccxt_trades_over_http_and_watches_over_websocket(server: Server) -> None:
    if not CCXT_PYTHON.exists():
        pytest.skip(f"ccxt is not here: `uv run nox -s clients` makes {CCXT.relative_to(Path.cwd())}")
    server.control.rest("BTCUSDT", Side.BUY, Decimal(47_990), Decimal(5))
    seen = await run_client(CCXT_PYTHON, "ccxt_binance_spot_client.py", server.http_url)
    assert seen["rest"] == {
        "markets": ["BTC/USDT", "ETH/BTC", "ETH/USDT"],
        "book": [48_990, 5],
        "ticker": 50_010,
        "resting": ["open", "by-ccxt", "limit"],
        "open": [True],
        "partial": ["open", 0.04, 0.06, 48_000],
        "replaced": [True, 48_000.01, 0.06, "open"],
        "canceled": "canceled",
        "bought": ["closed", 0.05, 50_010, 1],
        "trade": [True, 50_010, "BTC", "taker"],
        "orders": ["canceled", "canceled", "closed"],
        # A buyer pays its fee in what it bought: a thousandth of 0.09.
        "balance": [2.08991, 100_000 - 0.04 * 48_000 - 0.05 * 50_010],
        "public": 50_010,
        "refused": {
            "unknown order": "OrderNotFound",
            "absent order": "OrderNotFound",
            "wrong secret": "AuthenticationError",
            "too much": "InsufficientFunds",
            "would take": "OrderImmediatelyFillable",
            "too small": "BadRequest",
        },
    }
    assert seen["pro"] == {
        "quote": [47_990, 50_010],
        "new": [True, "open", 0],
        "partial": ["open", 0.005, 0.015],
        "trade": [True, 49_500, "maker", 0.000005],
        "public": 49_500,
        "book": [49_500, 0.015],
        "late": ["closed", 0.02, [0.005, 0.015]],
        "over socket": ["open", "canceled"],
    }
