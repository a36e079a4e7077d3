"""ccxt against the loopback of Binance USD-M futures, REST and WebSocket: in an environment of its own, with the URL.

It imports nothing of liveexec, and prints one JSON object of what it saw.
"""

# mypy: disable-error-code="import-not-found"
# ccxt is in the environment that runs this file and not in ours.

import asyncio
import json
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

import ccxt
import ccxt.pro

SYMBOL = "BTC/USDT:USDT"
PATIENCE_S = 30
KEYS = {"apiKey": "loopback1", "secret": "secret-of-loopback1"}
OPTIONS = {"options": {"fetchCurrencies": False}}


def directed(client: Any, url: str) -> Any:
    """The client with its URLs turned to the venue."""
    api = client.urls["api"]
    for name, address in api.items():
        if isinstance(address, str):
            api[name] = address.replace("https://fapi.binance.com", url)
    if "ws" in api:
        stream = url.replace("http://", "ws://")
        api["ws"]["future"] = f"{stream}/ws"
        api["ws"]["ws-api"]["future"] = f"{stream}/ws-fapi/v1"
    return client


def rest(url: str) -> dict[str, Any]:
    """Log in, trade and look, over HTTP."""
    client = directed(ccxt.binanceusdm(KEYS | OPTIONS), url)
    seen: dict[str, Any] = {"markets": sorted({market["type"] for market in client.load_markets().values()})}
    seen["book"] = client.fetch_order_book(SYMBOL)["bids"][0]
    seen["ticker"] = client.fetch_bids_asks([SYMBOL])[SYMBOL]["ask"]
    resting = client.create_order(SYMBOL, "limit", "buy", 0.1, 48_000, {"clientOrderId": "by-ccxt", "postOnly": True})
    seen["resting"] = [resting["status"], resting["clientOrderId"], resting["timeInForce"]]
    edited = client.edit_order(resting["id"], SYMBOL, "limit", "buy", 0.11, 48_000.1)
    seen["edited"] = [edited["id"] == resting["id"], edited["price"], edited["amount"]]
    seen["open"] = [order["id"] == resting["id"] for order in client.fetch_open_orders(SYMBOL)]
    ask_venue(url, "take", symbol="BTCUSDT", side="SELL", quantity="5.04")
    partial = client.fetch_order(resting["id"], SYMBOL)
    seen["partial"] = [partial["status"], partial["filled"], partial["remaining"], partial["average"]]
    seen["canceled"] = client.cancel_order(resting["id"], SYMBOL)["status"]
    seen["fetched"] = client.fetch_order(resting["id"], SYMBOL)["status"]
    bought = client.create_order(SYMBOL, "market", "buy", 0.05, None, {"newOrderRespType": "RESULT"})
    seen["bought"] = [bought["status"], bought["filled"], bought["average"]]
    trade = client.fetch_my_trades(SYMBOL)[-1]
    seen["trade"] = [trade["order"] == bought["id"], trade["price"], trade["fee"]["currency"], trade["takerOrMaker"]]
    seen["closed"] = [order["status"] for order in client.fetch_orders(SYMBOL)]
    position = client.fetch_positions([SYMBOL])[0]
    seen["position"] = [position["side"], position["contracts"]]
    seen["balance"] = round(client.fetch_balance()["USDT"]["total"], 4)
    seen["public"] = client.fetch_trades(SYMBOL)[-1]["price"]
    seen["statistics"] = client.fetch_ticker(SYMBOL)["last"]
    seen["mode"] = client.fetch_position_mode(SYMBOL)["hedged"]
    seen["commission"] = client.fetch_trading_fee(SYMBOL)["taker"]
    seen["refused"] = refusals(client, url)
    client.create_order(SYMBOL, "market", "sell", 0.09, None, {"reduceOnly": True})
    seen["flat"] = [each["contracts"] for each in client.fetch_positions([SYMBOL])]
    return seen


def refusals(client: Any, url: str) -> dict[str, int]:
    """The codes of the venue's refusals, out of the errors that ccxt raises for them."""
    wrong = directed(ccxt.binanceusdm({"apiKey": "loopback1", "secret": "another"} | OPTIONS), url)
    late = directed(ccxt.binanceusdm(KEYS | OPTIONS), url)
    late.nonce = lambda: client.milliseconds() - 60_000
    attempts: dict[str, Callable[[], Any]] = {
        "unknown order": lambda: client.cancel_order("123", SYMBOL),
        "absent order": lambda: client.fetch_order("123", SYMBOL),
        "wrong secret": wrong.fetch_balance,
        "late": late.fetch_balance,
        "too much": lambda: client.create_order(SYMBOL, "limit", "buy", 900, 48_000),
        "not at once": lambda: client.create_order(SYMBOL, "limit", "buy", 9, 50_010, {"timeInForce": "FOK"}),
        "would take": lambda: client.create_order(SYMBOL, "limit", "buy", 0.1, 50_010, {"postOnly": True}),
        "not reducing": lambda: client.create_order(SYMBOL, "market", "buy", 0.1, None, {"reduceOnly": True}),
        "conditional": lambda: client.fapiPrivatePostOrder(
            {"symbol": "BTCUSDT", "side": "BUY", "type": "STOP_MARKET", "quantity": "1", "stopPrice": "60000"}
        ),
    }
    seen: dict[str, int] = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except ccxt.BaseError as error:
            seen[name] = json.loads(str(error).partition(" ")[2])["code"]
    return seen


async def pro(url: str) -> dict[str, Any]:
    """Watch the book, orders, trades and balance over WebSocket while an order fills."""
    client = directed(ccxt.pro.binanceusdm(KEYS | OPTIONS), url)
    seen: dict[str, Any] = {}
    try:
        await client.load_markets()
        orders = asyncio.create_task(client.watch_orders(SYMBOL))
        trades = asyncio.create_task(client.watch_my_trades(SYMBOL))
        public = asyncio.create_task(client.watch_trades(SYMBOL))
        quotes = asyncio.create_task(client.watch_bids_asks([SYMBOL]))
        book = asyncio.create_task(client.watch_order_book(SYMBOL))
        await heard(url, {"trade", "bookTicker", "depth"}, streams_of_account=1)
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
        seen["trade"] = [trade["order"] == resting["id"], trade["price"], trade["takerOrMaker"]]
        seen["public"] = (await asyncio.wait_for(public, PATIENCE_S))[-1]["price"]
        await asyncio.wait_for(book, PATIENCE_S)
        seen["book"] = await best_bid(client, 0.015)
        seen["late"] = await late_fill(client, url, resting["id"])
        placed = await client.create_order_ws(SYMBOL, "limit", "buy", 0.02, 49_400)
        edited = await client.edit_order_ws(placed["id"], SYMBOL, "limit", "buy", 0.03, 49_400.1)
        canceled = await client.cancel_order_ws(placed["id"], SYMBOL)
        seen["over socket"] = [placed["status"], edited["amount"], canceled["status"]]
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


async def heard(url: str, kinds: set[str], *, streams_of_account: int) -> None:
    """Wait until the venue knows of a subscription of each kind, and of the account's stream."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            sessions = (await asyncio.to_thread(ask_venue, url, "sessions"))["result"]
            topics = [topic for session in sessions for topic in session["topics"]]
            own = sum(session["user_id"] is not None for session in sessions)
            if own >= streams_of_account and all(any(kind in topic for topic in topics) for kind in kinds):
                return
            await asyncio.sleep(0)


def ask_venue(url: str, act: str, **fields: object) -> Any:
    """Let something happen at the venue."""
    with urllib.request.urlopen(f"{url}/loopback/{act}", data=json.dumps(fields).encode()) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    print(json.dumps({"rest": rest(sys.argv[-1]), "pro": asyncio.run(pro(sys.argv[-1]))}))
