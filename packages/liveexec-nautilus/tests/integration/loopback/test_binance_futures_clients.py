"""Clients that this project did not write trade at the loopback of Binance USD-M futures.

NautilusTrader is this package's own dependency and runs in a process of its own; ccxt lives in an environment that
``uv run nox -s clients`` makes: ``build/clients/ccxt``.
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
from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue
from liveexec_nautilus.loopback.shared.accounts import default_accounts
from liveexec_nautilus.loopback.shared.server import Server, serve

pytestmark = pytest.mark.anyio

CCXT = Path(__file__).parents[5] / "build" / "clients" / "ccxt"
CCXT_PYTHON = CCXT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
SCRIPTS = Path(__file__).parents[2] / "clients"
USER = 1001


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A venue where others bid and ask for the perpetual."""
    async with serve(FuturesVenue()) as running:
        running.control.rest("BTCUSDT", Side.BUY, Decimal(48_990), Decimal(5))
        running.control.rest("BTCUSDT", Side.SELL, Decimal(50_010), Decimal(5))
        yield running


async def run_client(python: Path, script: str, *arguments: str) -> Any:
    """What the client printed last."""
    with anyio.fail_after(120):
        done = await anyio.run_process([str(python), str(SCRIPTS / script), *arguments], check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.decode().splitlines()[-1])


@pytest.mark.parametrize(("key", "wire"), [("ed25519", "--socket"), ("hmac", "--socket"), ("ed25519", "--rest")])
async def test_nautilus_trader_goes_through_an_orders_life(server: Server, key: str, wire: str) -> None:
    account = default_accounts(1, {})[0]
    chosen = next(each for each in account.keys if each.kind == key)
    asked = (wire, chosen.key, chosen.secret, server.http_url)
    seen = await run_client(Path(sys.executable), "nautilus_binance_client.py", *asked)
    assert seen["quote"] == ["48990.0", "50010.0"]
    words = [word.replace(".50", ".5").replace(".00", ".0") for word in seen["seen"]]
    assert [word for word in words if not word.startswith("trade") and word != "book"] == [
        "filled 0.050 at 50010.0",
        "position opened",
        "accepted",
        "updated 0.030",
        "filled 0.010 at 49000.5",
        "filled 0.010 at 49000.5",
        "canceled",
        "filled 0.070 at 48990.0",
        "position closed",
    ]
    assert {"book", "trade 50010.0", "trade 49000.5"} <= set(words)
    truth = server.control.orders(USER)
    assert [(order.status, order.filled, order.quantity) for order in truth] == [
        ("FILLED", Decimal("0.050"), Decimal("0.050")),
        ("CANCELED", Decimal("0.020"), Decimal("0.030")),
        ("FILLED", Decimal("0.070"), Decimal("0.070")),
    ]
    assert server.venue.floor.position(USER, "BTCUSDT").quantity == 0
    ways = {"--socket": "order.place", "--rest": "POST /fapi/v1/order"}
    placed = [request.operation for request in server.venue.requests if request.operation in ways.values()]
    assert placed == [ways[wire]] * 3


async def test_ccxt_trades_over_http_and_watches_over_websocket(server: Server) -> None:
    if not CCXT_PYTHON.exists():
        pytest.skip(f"ccxt is not here: `uv run nox -s clients` makes {CCXT.relative_to(Path.cwd())}")
    server.control.rest("BTCUSDT", Side.BUY, Decimal(47_990), Decimal(5))
    seen = await run_client(CCXT_PYTHON, "ccxt_binance_futures_client.py", server.http_url)
    assert seen["rest"] == {
        "markets": ["future", "swap"],
        "book": [48_990, 5],
        "ticker": 50_010,
        "resting": ["open", "by-ccxt", "PO"],
        "edited": [True, 48_000.1, 0.11],
        "open": [True],
        "partial": ["open", 0.04, 0.07, 48_000.1],
        "canceled": "canceled",
        "fetched": "canceled",
        "bought": ["closed", 0.05, 50_010],
        "trade": [True, 50_010, "USDT", "taker"],
        "closed": ["canceled", "closed"],
        "position": ["long", 0.09],
        # The margin balance: 100,000 less both fees, and both fills against the mark of 49,000.
        "balance": round(
            100_000
            - 0.04 * 48_000.1 * 0.0002
            - 0.05 * 50_010 * 0.0005
            + 0.04 * (49_000 - 48_000.1)
            + 0.05 * (49_000 - 50_010),
            4,
        ),
        "public": 50_010,
        "statistics": 50_010,
        "mode": False,
        "commission": 0.0005,
        "refused": {
            "unknown order": -2011,
            "absent order": -2013,
            "wrong secret": -1022,
            "late": -1021,
            "too much": -2019,
            "not at once": -5021,
            "would take": -5022,
            "not reducing": -2022,
            "conditional": -4120,
        },
        "flat": [],
    }
    assert seen["pro"] == {
        "quote": [47_990, 50_010],
        "new": [True, "open", 0],
        "partial": ["open", 0.005, 0.015],
        "trade": [True, 49_500, "maker"],
        "public": 49_500,
        "book": [49_500, 0.015],
        "late": ["closed", 0.02, [0.005, 0.015]],
        "over socket": ["open", 0.03, "canceled"],
    }
    assert server.venue.floor.position(USER, "BTCUSDT").quantity == Decimal("0.02")
