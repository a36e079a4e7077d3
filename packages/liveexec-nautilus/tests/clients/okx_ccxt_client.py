"""ccxt against a loopback OKX, REST and WebSocket: run in an environment of its own, with the venue's URL.

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
#: What is still bid for when the client has sold fifty contracts.
LEFT = 950
KEYS = {"apiKey": "loopback1", "secret": "secret-of-loopback1", "password": "passphrase-of-loopback1"}


def directed(client: Any, url: str) -> Any:
    """The client with its URLs turned to the venue."""
    client.urls["api"] = {"rest": url, "ws": f"{url.replace('http://', 'ws://')}/ws/v5"}
    client.options["watchPositions"] = {"fetchPositionsSnapshot": False}  # the first that it tells is then the stream's
    return client


def rest(url: str) -> dict[str, Any]:
    """Trade and look, over HTTP."""
    client = directed(ccxt.okx(KEYS), url)
    seen: dict[str, Any] = {"markets": sorted({market["type"] for market in client.load_markets().values()})}
    seen["contract"] = client.market(LINEAR)["contractSize"]
    seen["book"] = client.fetch_order_book(LINEAR)["bids"][0][:2]
    seen["ticker"] = client.fetch_ticker(LINEAR)["ask"]
    resting = client.create_order(LINEAR, "limit", "buy", 10, 40_000, {"clientOrderId": "byccxt", "postOnly": True})
    seen["resting"] = resting["clientOrderId"]
    edited = client.edit_order(resting["id"], LINEAR, "limit", "buy", 20, 40_001)
    seen["edited"] = edited["id"] == resting["id"]
    seen["open"] = [[each["price"], each["amount"], each["status"]] for each in client.fetch_open_orders(LINEAR)]
    seen["cancelled"] = client.cancel_order(resting["id"], LINEAR)["id"] == resting["id"]
    seen["fetched"] = client.fetch_order(resting["id"], LINEAR)["status"]
    bought = client.create_order(LINEAR, "market", "buy", 100)
    done = client.fetch_order(bought["id"], LINEAR)
    seen["bought"] = [done["status"], done["filled"], done["average"], done["fee"]["currency"]]
    trade = client.fetch_my_trades(LINEAR)[-1]
    seen["trade"] = [trade["order"] == bought["id"], trade["price"], trade["fee"]["cost"], trade["takerOrMaker"]]
    seen["order_trades"] = len(client.fetch_order_trades(bought["id"], LINEAR))
    seen["closed"] = client.fetch_closed_orders(LINEAR)[0]["id"] == bought["id"]
    seen["canceled"] = [each["clientOrderId"] for each in client.fetch_canceled_orders(LINEAR)]
    position = client.fetch_position(LINEAR)
    seen["position"] = [position["side"], position["contracts"], position["entryPrice"]]
    seen["balance"] = client.fetch_balance()["ETH"]["total"]
    spot = client.create_order(SPOT, "market", "buy", 0.5, None, {"tgtCcy": "base_ccy"})
    seen["spot"] = client.fetch_order(spot["id"], SPOT)["filled"]
    orders = [client.create_order(INVERSE, "limit", "buy", 1, 40_000)["id"] for _ in range(2)]
    seen["cancelled_all"] = len(client.cancel_orders(orders, INVERSE))
    seen["public"] = client.fetch_trades(LINEAR)[-1]["price"]
    seen["fee"] = client.fetch_trading_fee(LINEAR)["taker"]
    seen["mode"] = client.fetch_accounts()[0]["id"]
    seen["refused"] = [
        refused(lambda: client.cancel_order("2600000000000000001", LINEAR)),
        refused(lambda: client.fetch_order("2600000000000000001", LINEAR)),
        refused(lambda: client.create_order(LINEAR, "limit", "buy", 900_000, 49_000)),
        refused(lambda: client.create_order(LINEAR, "limit", "buy", 1, 40_000, {"clientOrderId": "byccxt"})),
        refused(lambda: client.create_order(LINEAR, "limit", "buy", 1, 40_000, {"clientOrderId": "with-hyphen"})),
        refused(lambda: client.create_order(SPOT, "limit", "sell", 900, 60_000)),
        refused(lambda: directed(ccxt.okx(KEYS | {"secret": "another"}), url).fetch_balance()),
        refused(lambda: directed(ccxt.okx(KEYS | {"password": "another"}), url).fetch_balance()),
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
    client = directed(ccxt.pro.okx(KEYS), url)
    seen: dict[str, Any] = {}
    try:
        await client.load_markets()
        book = await asyncio.wait_for(client.watch_order_book(LINEAR), PATIENCE_S)
        seen["book"] = [list(book["bids"][0][:2]), list(book["asks"][0][:2])]
        balance = await asyncio.wait_for(client.watch_balance(), PATIENCE_S)
        seen["balance"] = balance["ETH"]["total"]
        tasks = {
            "orders": asyncio.create_task(client.watch_orders(LINEAR)),
            "trades": asyncio.create_task(client.watch_my_trades(LINEAR)),
            "public": asyncio.create_task(client.watch_trades(LINEAR)),
            "positions": asyncio.create_task(client.watch_positions([LINEAR])),
        }
        await subscribed(url, {"orders", "account", "positions", "trades"})
        resting = await client.create_order_ws(LINEAR, "limit", "sell", 50, 60_000)
        edited = await client.edit_order_ws(resting["id"], LINEAR, "limit", "sell", 40, 60_001)
        cancelled = await client.cancel_order_ws(resting["id"], LINEAR)
        seen["ws"] = [edited["id"] == resting["id"], cancelled["id"] == resting["id"]]
        first = await asyncio.wait_for(tasks["orders"], PATIENCE_S)
        seen["order"] = [each["id"] == resting["id"] for each in first]
        sold = await client.create_order(LINEAR, "market", "sell", 50)
        trade = (await asyncio.wait_for(tasks["trades"], PATIENCE_S))[-1]
        seen["trade"] = [trade["order"] == sold["id"], trade["price"], trade["takerOrMaker"], trade["fee"]["cost"]]
        seen["public"] = (await asyncio.wait_for(tasks["public"], PATIENCE_S))[-1]["price"]
        position = (await asyncio.wait_for(tasks["positions"], PATIENCE_S))[-1]
        seen["position"] = [position["side"], position["contracts"]]
        async with asyncio.timeout(PATIENCE_S):
            while book["bids"][0][1] != LEFT:  # the book is the client's own, which its updates change
                book = await client.watch_order_book(LINEAR)  # and whose checksum it compares
        seen["later"] = list(book["bids"][0][:2])
        seen["ticker"] = (await asyncio.wait_for(client.watch_ticker(LINEAR), PATIENCE_S))["last"]
    finally:
        await client.close()
    return seen


async def subscribed(url: str, channels: set[str]) -> None:
    """Wait until the venue knows of these subscriptions."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            sessions = json.loads(await asyncio.to_thread(_get, f"{url}/loopback/sessions"))["result"]
            if channels <= {topic.partition(":")[0] for session in sessions for topic in session["topics"]}:
                return
            await asyncio.sleep(0)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    print(json.dumps({"rest": rest(sys.argv[-1]), "pro": asyncio.run(pro(sys.argv[-1]))}))
