"""ccxt against the loopback of Binance Spot, REST and WebSocket: in an environment of its own, with the URL.

It imports nothing of liveexec, and prints one JSON object of what it saw.
"""

# mypy: disable-error-code="import-not-found, no-untyped-call"
# ccxt is in the environment that runs this file and not in ours.

import asyncio
import json
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

import ccxt
import ccxt.pro

SYMBOL = "BTC/USDT"
PATIENCE_S = 30
KEYS = {"apiKey": "loopback1", "secret": "secret-of-loopback1"}
OPTIONS = {
    "options": {
        "fetchCurrencies": False,
        "fetchMargins": False,
        "fetchMarkets": {"types": ["spot"]},
        "defaultType": "spot",
    }
}


def directed(client: Any, url: str) -> Any:
    """The client with its URLs turned to the venue."""
    api = client.urls["api"]
    for name, address in api.items():
        if isinstance(address, str):
            api[name] = address.replace("https://api.binance.com", url)
    if "ws" in api:
        stream = url.replace("http://", "ws://")
        api["ws"]["spot"] = f"{stream}/ws"
        api["ws"]["ws-api"]["spot"] = f"{stream}/ws-api/v3"
    return client


def rest(url: str) -> dict[str, Any]:
    """Log in, trade and look, over HTTP."""
    client = directed(ccxt.binance(KEYS | OPTIONS), url)
    seen: dict[str, Any] = {"markets": sorted(client.load_markets())}
    seen["book"] = client.fetch_order_book(SYMBOL)["bids"][0]
    seen["ticker"] = client.fetch_ticker(SYMBOL)["ask"]
    resting = client.create_order(SYMBOL, "limit", "buy", 0.1, 48_000, {"clientOrderId": "by-ccxt", "postOnly": True})
    seen["resting"] = [resting["status"], resting["clientOrderId"], resting["type"]]
    seen["open"] = [order["id"] == resting["id"] for order in client.fetch_open_orders(SYMBOL)]
    ask_venue(url, "take", symbol="BTCUSDT", side="SELL", quantity="5.04")
    partial = client.fetch_order(resting["id"], SYMBOL)
    seen["partial"] = [partial["status"], partial["filled"], partial["remaining"], partial["average"]]
    replaced = client.edit_order(resting["id"], SYMBOL, "limit", "buy", 0.06, 48_000.01)
    seen["replaced"] = [replaced["id"] != resting["id"], replaced["price"], replaced["amount"], replaced["status"]]
    seen["canceled"] = client.cancel_order(replaced["id"], SYMBOL)["status"]
    bought = client.create_order(SYMBOL, "market", "buy", 0.05)
    seen["bought"] = [bought["status"], bought["filled"], bought["average"], len(bought["trades"])]
    trade = client.fetch_my_trades(SYMBOL)[-1]
    seen["trade"] = [trade["order"] == bought["id"], trade["price"], trade["fee"]["currency"], trade["takerOrMaker"]]
    seen["orders"] = [order["status"] for order in client.fetch_orders(SYMBOL)]
    balance = client.fetch_balance()
    seen["balance"] = [balance["BTC"]["total"], round(balance["USDT"]["total"], 4)]
    seen["public"] = client.fetch_trades(SYMBOL)[-1]["price"]
    seen["refused"] = refusals(client, url)
    return seen


def refusals(client: Any, url: str) -> dict[str, str]:
    """What ccxt makes of the venue's refusals, by their codes and sentences."""
    wrong = directed(ccxt.binance({"apiKey": "loopback1", "secret": "another"} | OPTIONS), url)
    attempts: dict[str, Callable[[], Any]] = {
        "unknown order": lambda: client.cancel_order("123", SYMBOL),
        "absent order": lambda: client.fetch_order("123", SYMBOL),
        "wrong secret": wrong.fetch_balance,
        "too much": lambda: client.create_order(SYMBOL, "limit", "buy", 9, 48_000),
        "would take": lambda: client.create_order(SYMBOL, "limit", "buy", 0.1, 50_010, {"postOnly": True}),
        "too small": lambda: client.privatePostOrder(
            {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.00001",
                "price": "48000",
            }
        ),
    }
    seen: dict[str, str] = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except ccxt.BaseError as error:
            seen[name] = type(error).__name__
    return seen


async def pro(url: str) -> dict[str, Any]:
    """Watch the book, orders, trades and balance over WebSocket while an order fills."""
    client = directed(ccxt.pro.binance(KEYS | OPTIONS), url)
    seen: dict[str, Any] = {}
    try:
        await client.load_markets()
        orders = asyncio.create_task(client.watch_orders(SYMBOL))
        trades = asyncio.create_task(client.watch_my_trades(SYMBOL))
        public = asyncio.create_task(client.watch_trades(SYMBOL))
        quotes = asyncio.create_task(client.watch_bids_asks([SYMBOL]))
        book = asyncio.create_task(client.watch_order_book(SYMBOL))
        await heard(url, {"trade", "bookTicker", "depth"})
        quote = await asyncio.wait_for(quotes, PATIENCE_S)
        seen["quote"] = [quote[SYMBOL]["bid"], quote[SYMBOL]["ask"]]
        resting = await client.create_order(SYMBOL, "limit", "buy", 0.02, 49_500)
        watched = (await asyncio.wait_for(orders, PATIENCE_S))[-1]
        seen["new"] = [watched["id"] == resting["id"], watched["status"], watched["filled"]]
        # Who watches only afterwards may have missed it.
        orders = asyncio.create_task(client.watch_orders(SYMBOL))
        await asyncio.to_thread(ask_venue, url, "take", symbol="BTCUSDT", side="SELL", quantity="0.005")
        watched = (await asyncio.wait_for(orders, PATIENCE_S))[-1]
        seen["partial"] = [watched["status"], watched["filled"], watched["remaining"]]
        trade = (await asyncio.wait_for(trades, PATIENCE_S))[-1]
        seen["trade"] = [trade["order"] == resting["id"], trade["price"], trade["takerOrMaker"], trade["fee"]["cost"]]
        seen["public"] = (await asyncio.wait_for(public, PATIENCE_S))[-1]["price"]
        await asyncio.wait_for(book, PATIENCE_S)
        seen["book"] = await best_bid(client, 0.015)
        seen["late"] = await late_fill(client, url, resting["id"])
        placed = await client.create_order_ws(SYMBOL, "limit", "buy", 0.02, 49_400)
        canceled = await client.cancel_order_ws(placed["id"], SYMBOL)
        seen["over socket"] = [placed["status"], canceled["status"]]
    finally:
        await client.close()
    return seen


async def best_bid(client: Any, quantity: float) -> list[float]:
    """The best bid of the client's own book, once what was taken from it has come through."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            price, left = client.orderbooks[SYMBOL]["bids"][0][:2]
            if left == quantity:
                return [price, left]
            await asyncio.sleep(0)


async def late_fill(client: Any, url: str, order_id: str) -> list[Any]:
    """The sessions are cut, the order fills meanwhile, and is found filled when asked for."""
    await asyncio.to_thread(ask_venue, url, "cut")
    await asyncio.to_thread(ask_venue, url, "take", symbol="BTCUSDT", side="SELL", quantity="0.015")
    found = await client.fetch_order(order_id, SYMBOL)
    fills = [trade["amount"] for trade in await client.fetch_my_trades(SYMBOL) if trade["order"] == order_id]
    return [found["status"], found["filled"], fills]


async def heard(url: str, kinds: set[str]) -> None:
    """Wait until the venue knows of a subscription of each kind, and of the account's stream."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            sessions = (await asyncio.to_thread(ask_venue, url, "sessions"))["result"]
            topics = [topic for session in sessions for topic in session["topics"]]
            requests = (await asyncio.to_thread(ask_venue, url, "requests"))["result"]
            own = any(request["operation"].startswith("userDataStream.subscribe") for request in requests)
            if own and all(any(kind in topic for topic in topics) for kind in kinds):
                return
            await asyncio.sleep(0)


def ask_venue(url: str, act: str, **fields: object) -> Any:
    """Let something happen at the venue."""
    with urllib.request.urlopen(f"{url}/loopback/{act}", data=json.dumps(fields).encode()) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    print(json.dumps({"rest": rest(sys.argv[-1]), "pro": asyncio.run(pro(sys.argv[-1]))}))
