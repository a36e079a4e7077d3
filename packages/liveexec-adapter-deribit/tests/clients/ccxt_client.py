"""ccxt against a loopback venue, REST and WebSocket: run in an environment of its own, with the venue's URL.

It imports nothing of liveexec, and prints one JSON object of what it saw.
"""

# mypy: disable-error-code="import-not-found"
# ccxt is in the environment that runs this file and not in ours.

import asyncio
import json
import sys
import urllib.request
from typing import Any

import ccxt
import ccxt.pro

SYMBOL = "BTC/USD:BTC"
PATIENCE_S = 15


def directed(client: Any, url: str) -> Any:
    """The client with its URLs turned to the venue."""
    client.urls["api"]["rest"] = url
    client.urls["api"]["ws"] = f"{url.replace('http://', 'ws://')}/ws/api/v2"
    return client


def rest(url: str) -> dict[str, Any]:
    """Log in, trade and look, over HTTP."""
    client = directed(ccxt.deribit({"apiKey": "loopback1", "secret": "secret-of-loopback1"}), url)
    seen: dict[str, Any] = {"markets": sorted({market["type"] for market in client.load_markets().values()})}
    seen["book"] = client.fetch_order_book(SYMBOL)["bids"][0]
    seen["ticker"] = client.fetch_ticker(SYMBOL)["ask"]
    resting = client.create_order(SYMBOL, "limit", "buy", 100, 50_000, {"label": "by-ccxt", "post_only": True})
    seen["resting"] = resting["status"]
    edited = client.edit_order(resting["id"], SYMBOL, "limit", "buy", 110, 50_001)
    seen["edited"] = [edited["price"], edited["amount"]]
    seen["open"] = [order["id"] == resting["id"] for order in client.fetch_open_orders(SYMBOL)]
    seen["canceled"] = client.cancel_order(resting["id"])["status"]
    seen["fetched"] = client.fetch_order(resting["id"])["status"]
    bought = client.create_order(SYMBOL, "market", "buy", 100)
    seen["bought"] = [bought["status"], bought["filled"], bought["average"]]
    trade = client.fetch_my_trades(SYMBOL)[-1]
    seen["trade"] = [trade["order"] == bought["id"], trade["price"], trade["fee"]["currency"]]
    seen["order_trades"] = len(client.fetch_order_trades(bought["id"]))
    seen["closed"] = client.fetch_closed_orders(SYMBOL)[0]["id"] == bought["id"]
    seen["position"] = [client.fetch_position(SYMBOL)["side"], client.fetch_positions([SYMBOL])[0]["contracts"]]
    seen["balance"] = round(client.fetch_balance()["BTC"]["total"], 3)
    seen["public"] = client.fetch_trades(SYMBOL)[0]["price"]
    seen["candle"] = client.fetch_ohlcv(SYMBOL, "1m")[-1][4]
    seen["status"] = client.fetch_status()["status"]
    trailing = client.create_trailing_amount_order(SYMBOL, "market", "sell", 100, None, 500)
    seen["trailing"] = [trailing["status"], trailing["info"]["order_type"], float(trailing["info"]["trigger_offset"])]
    client.cancel_order(trailing["id"])
    try:
        client.cancel_order("123")
    except ccxt.OrderNotFound as error:
        seen["unknown"] = type(error).__name__
    wrong = directed(ccxt.deribit({"apiKey": "loopback1", "secret": "another"}), url)
    try:
        wrong.fetch_balance()
    except ccxt.AuthenticationError as error:
        seen["wrong_secret"] = type(error).__name__
    return seen


async def pro(url: str) -> dict[str, Any]:
    """Watch the book, orders, trades and balance over WebSocket while an order fills."""
    client = directed(ccxt.pro.deribit({"apiKey": "loopback1", "secret": "secret-of-loopback1"}), url)
    seen: dict[str, Any] = {}
    try:
        await client.load_markets()
        book = await asyncio.wait_for(client.watch_order_book(SYMBOL), PATIENCE_S)
        seen["book"] = [list(book["bids"][0][:2]), list(book["asks"][0][:2])]
        balance = await asyncio.wait_for(client.watch_balance(), PATIENCE_S)
        while "BTC" not in balance:  # each message is about one currency
            balance = await asyncio.wait_for(client.watch_balance(), PATIENCE_S)
        seen["balance"] = round(float(balance["BTC"]["info"]["balance"]), 3)
        orders = asyncio.create_task(client.watch_orders(SYMBOL))
        trades = asyncio.create_task(client.watch_my_trades(SYMBOL))
        public = asyncio.create_task(client.watch_trades(SYMBOL))
        await subscribed(url, {"user.orders", "user.trades", "trades"})
        sold = await client.create_order(SYMBOL, "market", "sell", 50)
        watched = (await asyncio.wait_for(orders, PATIENCE_S))[-1]
        seen["order"] = [watched["id"] == sold["id"], watched["status"], watched["filled"]]
        trade = (await asyncio.wait_for(trades, PATIENCE_S))[-1]
        seen["trade"] = [trade["order"] == sold["id"], trade["price"], trade["takerOrMaker"]]
        seen["public"] = (await asyncio.wait_for(public, PATIENCE_S))[-1]["price"]
        seen["ticker"] = (await asyncio.wait_for(client.watch_ticker(SYMBOL), PATIENCE_S))["last"]
        seen["candle"] = (await asyncio.wait_for(client.watch_ohlcv(SYMBOL, "1m"), PATIENCE_S))[-1][4]
    finally:
        await client.close()
    return seen


async def subscribed(url: str, families: set[str]) -> None:
    """Wait until the venue knows of a subscription of each family."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            sessions = json.loads(await asyncio.to_thread(_get, f"{url}/loopback/sessions"))["result"]
            channels = [channel for session in sessions for channel in session["channels"]]
            if all(any(channel.startswith(f"{family}.") for channel in channels) for family in families):
                return
            await asyncio.sleep(0)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    print(json.dumps({"rest": rest(sys.argv[-1]), "pro": asyncio.run(pro(sys.argv[-1]))}))
