"""A session that goes through every method and kind of channel of a loopback venue."""

import time
from decimal import Decimal

import pytest

from liveexec_deribit.loopback.server import Server
from loopback_support.wire_client import RequestRefused, WireClient, connected

_CHANNELS = (
    "user.orders.any.any.raw",
    "user.orders.BTC-PERPETUAL.100ms",
    "user.trades.any.any.raw",
    "user.changes.BTC-PERPETUAL.raw",
    "user.changes.any.any.100ms",
    "user.portfolio.any",
    "book.BTC-PERPETUAL.raw",
    "book.BTC-PERPETUAL.100ms",
    "book.BTC-PERPETUAL.none.10.100ms",
    "ticker.BTC-PERPETUAL.raw",
    "quote.BTC-PERPETUAL",
    "trades.BTC-PERPETUAL.raw",
    "perpetual.BTC-PERPETUAL.raw",
    "chart.trades.BTC-PERPETUAL.1",
    "deribit_price_index.btc_usd",
    "platform_state",
    "instrument.state.any.any",
)


async def every_method(server: Server) -> WireClient:
    """Trade every kind of instrument, ask everything, and return the client with all of its traffic."""
    control = server.control
    option = next(name for name in server.venue.exchange.markets if name.startswith("BTC-") and name.endswith("-C"))
    for name, price, amount in (
        ("BTC-PERPETUAL", "90010", "1000"),
        ("ETH_USDC-PERPETUAL", "3000.05", "5"),
        (option, "0.0505", "2"),
        ("BTC_USDC", "90010", "0.5"),
    ):
        control.rest(name, "sell", Decimal(price), Decimal(amount))
    async with connected(server) as client:
        await _session(client)
        for name, taken in (("BTC-PERPETUAL", 100), ("ETH_USDC-PERPETUAL", 0.5), (option, 0.3), ("BTC_USDC", 0.01)):
            await client.call("private/buy", instrument_name=name, amount=taken, type="market", label="taken")
        await _orders(client)
        await _lookups(client, option)
        await _market_data(client)
        control.set_index("btc_usd", Decimal(90_100))
        control.set_locked("eth_usd", is_locked=True)
        control.set_active("ETH_BTC", is_active=False)
        await _settled(server, client, option)
        for channel in _CHANNELS:
            await client.notified(channel)
        await client.call("private/unsubscribe", channels=[_CHANNELS[0]])
        await client.call("public/unsubscribe", channels=["platform_state"])
        await client.call("public/unsubscribe_all")
        await client.call("private/unsubscribe_all")
        await client.send("private/logout")  # which the venue answers by closing
        await client.closed()
    return client


async def _session(client: WireClient) -> None:
    await client.call("public/hello", client_name="tests", client_version="1")
    await client.login(state="kept")
    await client.call("public/test")
    await client.call("public/get_time")
    await client.call("public/status")
    await client.call("public/set_heartbeat", interval=60)
    await client.call("public/disable_heartbeat")
    await client.call("private/enable_cancel_on_disconnect", scope="connection")
    await client.call("private/get_cancel_on_disconnect")
    await client.call("private/disable_cancel_on_disconnect", scope="connection")
    await client.call("private/set_self_trading_config", mode="cancel_maker", extended_to_subaccounts=False)
    taken = await client.call("private/subscribe", channels=[*_CHANNELS, "no.such.channel"])
    assert taken == list(_CHANNELS)
    assert await client.call("public/subscribe", channels=["quote.BTC-PERPETUAL"]) == ["quote.BTC-PERPETUAL"]


async def _orders(client: WireClient) -> None:
    rest = {"instrument_name": "BTC-PERPETUAL", "amount": 50, "price": 80_000}
    order = (await client.call("private/buy", **rest, label="mine", post_only=True, reject_post_only=True))["order"]
    await client.call("private/edit", order_id=order["order_id"], amount=60, price=80_001)
    await client.call("private/edit_by_label", label="mine", instrument_name="BTC-PERPETUAL", amount=40)
    await client.call("private/get_order_state", order_id=order["order_id"])
    await client.call("private/get_open_orders")
    await client.call("private/get_open_orders_by_currency", currency="BTC")
    await client.call("private/get_open_orders_by_instrument", instrument_name="BTC-PERPETUAL")
    await client.call("private/get_open_orders_by_label", currency="BTC", label="mine")
    await client.call("private/cancel", order_id=order["order_id"])
    trigger = {"trigger": "mark_price", "trigger_price": 60_000}
    for order_type in ({"type": "stop_market"}, {"type": "stop_limit", "price": 59_000}):
        await client.call(
            "private/sell", instrument_name="BTC-PERPETUAL", amount=50, reduce_only=True, **order_type, **trigger
        )
    trailing = {"type": "trailing_stop", "trigger": "index_price", "trigger_offset": 5_000}
    placed = await client.call("private/sell", instrument_name="BTC-PERPETUAL", amount=50, reduce_only=True, **trailing)
    await client.call("private/edit", order_id=placed["order"]["order_id"], amount=50, trigger_offset=6_000)
    await client.call("private/buy", instrument_name="BTC-PERPETUAL", amount=50, type="market_limit")
    await client.call("private/buy", **rest | {"amount": 5_000}, display_amount=1_000)
    await client.call("private/get_open_orders", type="trigger_all")
    await client.call("private/cancel_all", detailed=False)
    for method, params in (
        ("private/cancel_all_by_currency", {"currency": "BTC"}),
        ("private/cancel_all_by_instrument", {"instrument_name": "BTC-PERPETUAL"}),
        ("private/cancel_all_by_currency_pair", {"currency_pair": "btc_usd"}),
        ("private/cancel_all_by_kind_or_type", {"currency": ["BTC"], "type": "limit"}),
        ("private/cancel_by_label", {"label": "mine", "currency": "BTC"}),
    ):
        await client.call("private/buy", **rest, label="mine")
        assert await client.call(method, **params) == 1
    await client.call("private/close_position", instrument_name="ETH_USDC-PERPETUAL", type="limit", price=3_500)
    with pytest.raises(RequestRefused, match="10002 qty_too_low"):
        await client.call("private/buy", **rest | {"amount": 3})


async def _lookups(client: WireClient, option: str) -> None:
    now = int(time.time() * 1_000)
    span = {"start_timestamp": now - 3_600_000, "end_timestamp": now + 3_600_000}
    trades = await client.call("private/get_user_trades_by_currency", currency="BTC")
    await client.call("private/get_user_trades_by_currency_and_time", currency="USDC", **span)
    await client.call("private/get_user_trades_by_instrument", instrument_name="BTC-PERPETUAL")
    await client.call("private/get_user_trades_by_instrument_and_time", instrument_name=option, **span)
    await client.call("private/get_user_trades_by_order", order_id=trades["trades"][0]["order_id"])
    await client.call("private/get_order_state_by_label", currency="BTC", label="mine")
    await client.call("private/get_order_history_by_currency", currency="BTC", include_unfilled=True)
    await client.call("private/get_order_history_by_instrument", instrument_name="BTC-PERPETUAL")
    await client.call("private/get_positions")
    await client.call("private/get_position", instrument_name="BTC-PERPETUAL")
    await client.call("private/get_position", instrument_name=option)
    await client.call("private/get_account_summary", currency="BTC", extended=True)
    await client.call("private/get_account_summaries", extended=True)
    await client.call("private/get_subaccounts")
    await client.call("private/get_margins", instrument_name="BTC-PERPETUAL", amount=100, price=90_000)
    for currency in ("BTC", "USDC"):
        await client.call("private/get_transaction_log", currency=currency, **span)


async def _settled(server: Server, client: WireClient, option: str) -> None:
    """What the venue books by itself, and how it tells of that."""
    control, now = server.control, int(time.time() * 1_000)
    control.pay_funding("BTC-PERPETUAL", Decimal("0.0001"))
    control.settle()
    control.move(client_user(server), "BTC", Decimal("0.5"))
    control.deliver(option, Decimal(110_000))
    span = {"start_timestamp": now - 3_600_000, "end_timestamp": now + 3_600_000}
    told = await client.call("private/get_transaction_log", currency="BTC", **span)
    assert {entry["type"] for entry in told["logs"]} == {"trade", "settlement", "deposit", "delivery"}
    await client.call("private/get_settlement_history_by_currency", currency="BTC", count=1)
    await client.call("private/get_settlement_history_by_instrument", instrument_name=option)


def client_user(server: Server) -> int:
    """Whom clients log in as."""
    return next(iter(server.venue.exchange.accounts))


async def _market_data(client: WireClient) -> None:
    now = int(time.time() * 1_000)
    span = {"start_timestamp": now - 3_600_000, "end_timestamp": now + 3_600_000}
    perpetual = {"instrument_name": "BTC-PERPETUAL"}
    await client.call("public/get_currencies")
    await client.call("public/get_instruments", currency="any")
    await client.call("public/get_instrument", **perpetual)
    await client.call("public/get_contract_size", **perpetual)
    await client.call("public/get_expirations", currency="any", kind="any")
    await client.call("public/get_index_price", index_name="btc_usd")
    await client.call("public/get_index_price_names")
    await client.call("public/get_order_book", **perpetual, depth=10)
    await client.call("public/ticker", **perpetual)
    await client.call("public/get_book_summary_by_instrument", **perpetual)
    await client.call("public/get_book_summary_by_currency", currency="BTC")
    await client.call("public/get_last_trades_by_instrument", **perpetual)
    await client.call("public/get_last_trades_by_instrument_and_time", **perpetual, **span)
    await client.call("public/get_last_trades_by_currency", currency="BTC")
    await client.call("public/get_tradingview_chart_data", **perpetual, **span, resolution="1")
