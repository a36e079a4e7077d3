"""ccxt against a loopback Bybit, REST and WebSocket: run in an environment of its own, with the venue's URL.

It imports nothing of liveexec, and prints one JSON object of what it saw.
"""

# ccxt is in the environment that runs this file and not in ours.

import asyncio
import json
import sys
import urllib.request
from typing import Any

import ccxt
import ccxt.pro

SPOT, LINEAR, INVERSE = "BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC"
PATIENCE_S = 15
KEYS = {"apiKey": "loopback1", "secret": "secret-of-loopback1"}


def directed(client: Any, url: str) -> Any:
    """The client with its URLs turned to the venue."""
    for name in client.urls["api"]:
        client.urls["api"][name] = url
    socket = url.replace("http://", "ws://")
    private = {"spot": {"unified": f"{socket}/v5/private"}, "contract": f"{socket}/v5/private"}
    client.urls["api"]["ws"] = {
        "public": {name: f"{socket}/v5/public/{name}" for name in ("spot", "linear", "inverse", "option")},
        "private": {**private, "trade": f"{socket}/v5/trade"},
    }
    client.options["fetchMarkets"] = {
        "types": ["spot", "linear", "inverse", "option"],
        "options": {"baseCoins": ["BTC"]},
    }
    client.options["watchPositions"] = {"fetchPositionsSnapshot": False}  # the first that it tells is then the stream's
    return client


def rest(url: str) -> dict[str, Any]:
    """Trade and look, over HTTP."""
    client = directed(ccxt.bybit(KEYS), url)
    seen: dict[str, Any] = {"markets": sorted({market["type"] for market in client.load_markets().values()})}
    seen["book"] = client.fetch_order_book(LINEAR)["bids"][0]
    seen["ticker"] = client.fetch_ticker(LINEAR)["ask"]
    seen["tickers"] = sorted(client.fetch_tickers([SPOT])) + sorted(client.fetch_tickers([INVERSE]))
    named = {"clientOrderId": "by-ccxt", "postOnly": True}
    resting = client.create_order(LINEAR, "limit", "buy", 1, 40_000, named)
    seen["resting"] = resting["clientOrderId"]
    edited = client.edit_order(resting["id"], LINEAR, "limit", "buy", 2, 40_001)
    seen["edited"] = edited["id"] == resting["id"]
    seen["open"] = [[each["price"], each["amount"], each["status"]] for each in client.fetch_open_orders(LINEAR)]
    seen["cancelled"] = client.cancel_order(resting["id"], LINEAR)["id"] == resting["id"]
    seen["fetched"] = client.fetch_order(resting["id"], LINEAR, {"acknowledged": True})["status"]
    bought = client.create_order(LINEAR, "market", "buy", 1)
    done = client.fetch_closed_order(bought["id"], LINEAR)
    seen["bought"] = [done["status"], done["filled"], done["average"]]
    trade = client.fetch_my_trades(LINEAR)[-1]
    seen["trade"] = [trade["order"] == bought["id"], trade["price"], trade["fee"]["currency"], trade["takerOrMaker"]]
    seen["order_trades"] = len(client.fetch_order_trades(bought["id"], LINEAR))
    position = client.fetch_position(LINEAR)
    seen["position"] = [position["side"], position["contracts"], position["entryPrice"]]
    seen["positions"] = [each["symbol"] for each in client.fetch_positions([LINEAR])]
    seen["balance"] = client.fetch_balance()["ETH"]["total"]
    spot = client.create_order(SPOT, "market", "buy", 0.5, None, {"marketUnit": "baseCoin"})
    seen["spot"] = client.fetch_closed_order(spot["id"], SPOT)["filled"]
    seen["inverse"] = client.create_order(INVERSE, "limit", "buy", 100, 40_000)["id"] != ""
    seen["cancelled_all"] = len(client.cancel_all_orders(INVERSE))
    seen["public"] = client.fetch_trades(LINEAR)[-1]["price"]
    seen["fee"] = client.fetch_trading_fee(LINEAR)["taker"]
    seen["refused"] = [
        refused(lambda: client.cancel_order("00000000-0000-4000-8000-000000000001", LINEAR)),
        refused(lambda: client.create_order(LINEAR, "limit", "buy", 5_000, 49_000)),
        refused(lambda: client.create_order(LINEAR, "limit", "buy", 1, 40_000, {"clientOrderId": "by-ccxt"})),
        refused(lambda: client.create_order(LINEAR, "limit", "buy", 1, 40_000, {"reduceOnly": True})),
        refused(lambda: client.create_order(SPOT, "limit", "sell", 900, 60_000)),
        refused(lambda: directed(ccxt.bybit(KEYS | {"secret": "another"}), url).fetch_balance()),
    ]
    return seen


def refused(act: Any) -> str:
    """What ccxt makes of the venue's refusal."""
    try:
        act()
    except ccxt.BaseError as error:
        return type(error).__name__
    return "not refused"


async def pro(url: str) -> dict[str, Any]:
    """Watch everything over WebSocket while an order fills, and trade over it."""
    client = directed(ccxt.pro.bybit(KEYS), url)
    seen: dict[str, Any] = {}
    try:
        await client.load_markets()
        book = await asyncio.wait_for(client.watch_order_book(LINEAR), PATIENCE_S)
        seen["book"] = [list(book["bids"][0][:2]), list(book["asks"][0][:2])]
        tasks = {
            "orders": asyncio.create_task(client.watch_orders(LINEAR)),
            "trades": asyncio.create_task(client.watch_my_trades(LINEAR)),
            "public": asyncio.create_task(client.watch_trades(LINEAR)),
            "balance": asyncio.create_task(client.watch_balance()),
            "positions": asyncio.create_task(client.watch_positions([LINEAR])),
        }
        await subscribed(url, {"order", "execution", "wallet", "position", "publicTrade.BTCUSDT"})
        resting = await client.create_order_ws(LINEAR, "limit", "sell", 0.5, 60_000)
        edited = await client.edit_order_ws(resting["id"], LINEAR, "limit", "sell", 0.4, 60_001)
        cancelled = await client.cancel_order_ws(resting["id"], LINEAR)
        seen["ws"] = [edited["id"] == resting["id"], cancelled["id"] == resting["id"]]
        seen["order"] = [each["id"] == resting["id"] for each in await asyncio.wait_for(tasks["orders"], PATIENCE_S)]
        sold = await client.create_order(LINEAR, "market", "sell", 0.5)
        trade = (await asyncio.wait_for(tasks["trades"], PATIENCE_S))[-1]
        seen["trade"] = [trade["order"] == sold["id"], trade["price"], trade["takerOrMaker"]]
        seen["public"] = (await asyncio.wait_for(tasks["public"], PATIENCE_S))[-1]["price"]
        seen["balance"] = (await asyncio.wait_for(tasks["balance"], PATIENCE_S))["ETH"]["total"]
        position = (await asyncio.wait_for(tasks["positions"], PATIENCE_S))[-1]
        seen["position"] = [position["side"], position["contracts"]]
        seen["ticker"] = (await asyncio.wait_for(client.watch_ticker(LINEAR), PATIENCE_S))["last"]
    finally:
        await client.close()
    return seen


async def subscribed(url: str, topics: set[str]) -> None:
    """Wait until the venue knows of these subscriptions."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            sessions = json.loads(await asyncio.to_thread(_get, f"{url}/loopback/sessions"))["result"]
            if topics <= {topic for session in sessions for topic in session["topics"]}:
                return
            await asyncio.sleep(0)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    print(json.dumps({"rest": rest(sys.argv[-1]), "pro": asyncio.run(pro(sys.argv[-1]))}))
