"""Clients that this project did not write log in to the loopback venue, trade, and watch their orders and trades.

They live in environments of their own, which ``uv run nox -s clients`` makes: ``build/clients/NAME``.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from liveexec_deribit.loopback.server import Server

pytestmark = pytest.mark.anyio

ENVIRONMENTS = Path(__file__).parents[5] / "build" / "clients"
SCRIPTS = Path(__file__).parents[2] / "clients"


async def run_client(name: str, server: Server) -> Any:
    """What the client of this name printed last; skips where its environment was not made."""
    python = ENVIRONMENTS / name / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        pytest.skip(f"{name} is not here: `uv run nox -s clients` makes {python.parent.parent.relative_to(Path.cwd())}")
    with anyio.fail_after(90):
        done = await anyio.run_process([str(python), str(SCRIPTS / f"{name}_client.py"), server.http_url], check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.decode().splitlines()[-1])


def offer(server: Server) -> None:
    """Let others bid and ask for the perpetual."""
    server.control.rest("BTC-PERPETUAL", "buy", Decimal(89_990), Decimal(10_000))
    server.control.rest("BTC-PERPETUAL", "sell", Decimal(90_010), Decimal(10_000))


async def test_ccxt_trades_over_http_and_watches_over_websocket(server: Server) -> None:
    offer(server)
    seen = await run_client("ccxt", server)
    rest, pro = seen["rest"], seen["pro"]
    assert rest == {
        "markets": ["future", "option", "spot", "swap"],
        "book": [89_990, 10_000],
        "ticker": 90_010,
        "resting": "open",
        "edited": [50_001, 110],
        "open": [True],
        "canceled": "canceled",
        "fetched": "canceled",
        "bought": ["closed", 100, 90_010],
        "trade": [True, 90_010, "BTC"],
        "order_trades": 1,
        "closed": True,
        "position": ["long", 100],
        "balance": 100,
        "public": 90_010,
        "candle": 90_010,
        "status": "ok",
        "trailing": ["open", "trailing_stop", 500],
        "unknown": "OrderNotFound",
        "wrong_secret": "AuthenticationError",
    }
    assert pro == {
        "book": [[89_990, 10_000], [90_010, 9_900]],
        "balance": 100,
        "order": [True, "closed", 50],
        "trade": [True, 89_990, "taker"],
        "public": 89_990,
        "ticker": 89_990,
        "candle": 89_990,
    }
    truth = server.control.orders(1001)
    assert [(order.state, order.filled) for order in truth] == [
        ("cancelled", 0), ("filled", 100), ("cancelled", 0), ("filled", 50),
    ]  # fmt: skip
    assert truth[0].label == "by-ccxt"


async def test_nautilus_trader_goes_through_an_orders_life(server: Server) -> None:
    offer(server)
    seen = await run_client("nautilus", server)
    assert seen["quote"] == ["89990.0", "90010.0"]
    own = [word for word in seen["seen"] if not word.startswith("trade") and word != "book"]
    assert own == [
        "filled 50 at 90010.0",
        "position opened",
        "accepted",
        "updated 30",
        "canceled",
        "filled 50 at 89990.0",
        "position closed",
    ]
    assert {"book", "trade 90010.0", "trade 89990.0"} <= set(seen["seen"])
    truth = server.control.orders(1001)
    assert [(order.state, order.filled, order.amount) for order in truth] == [
        ("filled", 50, 50),
        ("cancelled", 0, 30),
        ("filled", 50, 50),
    ]
    assert server.venue.exchange.account(1001).positions["BTC-PERPETUAL"].size == 0
