"""What the loopback Bybit says has the shape of what the real one said: field names and JSON types."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.operation import Side
from nautilus_loopback.bybit_desk import BybitDesk
from nautilus_loopback.recorded import differences, recorded

#: Documented, and newer than the recording. NautilusTrader 2.0.0rc7 takes no execution without its fee coin.
MORE_IN_EXECUTIONS = {"feeCurrency", "createType"}
#: Documented (docs/v5/websocket/public/trade), and newer than the recording.
MORE_IN_TRADES = {"L", "RPI", "seq", "isRPITrade"}
#: The stream's wallet is that of REST, as documented; the recording is of a shortened example.
MORE_IN_WALLETS = {
    "accountType",
    "totalPerpUPL",
    "bonus",
    "borrowAmount",
    "collateralSwitch",
    "cumRealisedPnl",
    "locked",
    "marginCollateral",
    "unrealisedPnl",
    "usdValue",
}


@pytest.fixture
def desk() -> BybitDesk:
    """A venue that has seen some trading: fills on both sides, an open order, a canceled one, a position."""
    desk = BybitDesk()
    desk.subscribe("/v5/private", "order", "execution", "position", "wallet")
    desk.subscribe("/v5/public/linear", "orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT")
    for category, quantity in (("linear", 5), ("spot", 5), ("inverse", 10_000)):
        name = f"{category}.BTCUSD" + ("" if category == "inverse" else "T")
        desk.venue.floor.rest(name, Side.SELL, Decimal(50_000), Decimal(quantity))
        desk.venue.floor.rest(name, Side.BUY, Decimal(49_000), Decimal(quantity))
    desk.create(side="Buy", qty="1", price="50000")
    desk.create(side="Buy", qty="1", price="40000", orderLinkId="open")
    gone = desk.create(side="Sell", qty="2", price="51000")
    desk.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=gone["orderId"])
    return desk


@pytest.mark.parametrize(
    ("name", "path", "params", "more"),
    [
        ("http_get_account_info", "/v5/account/info", {}, ()),
        ("http_get_executions", "/v5/execution/list", {"category": "linear"}, ()),
        ("http_get_fee_rate", "/v5/account/fee-rate", {"category": "linear"}, ()),
        ("http_get_orders_history", "/v5/order/history", {"category": "linear"}, ("category",)),
        ("http_get_orders_realtime", "/v5/order/realtime", {"category": "linear", "symbol": "BTCUSDT"}, ("category",)),
        ("http_get_positions", "/v5/position/list", {"category": "linear", "settleCoin": "USDT"}, ()),
        ("http_get_user_query_api", "/v5/user/query-api", {}, ()),
        ("http_get_wallet_balance", "/v5/account/wallet-balance", {"accountType": "UNIFIED"}, ()),
    ],
)
def test_what_an_account_asks(desk: BybitDesk, name: str, path: str, params: dict[str, str], more: tuple[str]) -> None:
    # The recorded account info has no time, and the other a message that is empty.
    envelope = {"retExtInfo", "time"} if name == "http_get_account_info" else set()
    answer = desk.get(path, **params)
    assert answer["result"].get("list", ["something"])
    assert differences(answer, recorded("bybit", name), more={*more, *envelope}) == []


@pytest.mark.parametrize(
    ("name", "path", "params", "more"),
    [
        ("http_get_instruments_spot", "/v5/market/instruments-info", {"category": "spot"}, ("category",)),
        (
            "http_get_instruments_linear",
            "/v5/market/instruments-info",
            {"category": "linear"},
            ("category",),
        ),
        ("http_get_instruments_inverse", "/v5/market/instruments-info", {"category": "inverse"}, ("category",)),
        ("http_get_instruments_option", "/v5/market/instruments-info", {"category": "option"}, ("category",)),
        ("http_get_orderbook", "/v5/market/orderbook", {"category": "linear", "symbol": "BTCUSDT"}, ("retExtInfo",)),
        (
            "http_get_trades_recent",
            "/v5/market/recent-trade",
            {"category": "linear"},
            ("retExtInfo", "isRPITrade"),
        ),
    ],
)
def test_what_anybody_asks(desk: BybitDesk, name: str, path: str, params: dict[str, str], more: tuple[str]) -> None:
    answer = desk.ask(path, **params)
    assert differences(answer, recorded("bybit", name), more=more) == []


@pytest.mark.parametrize(
    ("name", "topic", "more"),
    [
        ("ws_account_execution", "execution", MORE_IN_EXECUTIONS),
        ("ws_account_order", "order", ()),
        ("ws_account_order_filled", "order", ()),
        ("ws_account_position", "position", ()),
        ("ws_account_wallet", "wallet", MORE_IN_WALLETS),
        ("ws_orderbook_snapshot", "orderbook.50.BTCUSDT", ("cts",)),
        ("ws_orderbook_delta", "orderbook.50.BTCUSDT", ("cts",)),
        ("ws_public_trade", "publicTrade.BTCUSDT", MORE_IN_TRADES),
    ],
)
def test_what_streams_tell(desk: BybitDesk, name: str, topic: str, more: set[str]) -> None:
    theirs, told = recorded("bybit", name), desk.told(topic)
    assert told
    # Once the stream spells it totalPerpUpl, REST and the documentation totalPerpUPL.
    for message in told:
        assert differences(message, theirs, more=more, less={"totalPerpUpl"}) == []


@pytest.mark.parametrize(("name", "topic"), [("ws_ticker_linear", "tickers.BTCUSDT")])
def test_a_ticker_begins_whole_and_goes_on_with_what_changed(desk: BybitDesk, name: str, topic: str) -> None:
    theirs, (first, *others) = recorded("bybit", name), desk.told(topic)
    assert differences(first, theirs) == []
    assert others
    for message in others:
        assert message["type"] == "delta"
        assert set(message["data"]) <= set(theirs["data"])
        assert all(isinstance(value, str) for value in message["data"].values())


def test_an_options_ticker() -> None:
    desk = BybitDesk()
    name = next(each for each in desk.venue.floor.symbols if each.endswith("-C")).removeprefix("option.")
    desk.subscribe("/v5/public/option", f"tickers.{name}")
    theirs: Any = recorded("bybit", "ws_ticker_option")
    (told,) = desk.told(f"tickers.{name}")
    assert differences(told, theirs, more={"cs"}, less={"id"}) == []


def test_subscriptions_log_ins_and_the_trade_socket() -> None:
    desk = BybitDesk()
    session = desk.open("/v5/public/linear")
    accepted = desk.say(session, {"op": "subscribe", "args": ["tickers.BTCUSDT"], "req_id": "1"})
    assert differences(accepted, recorded("bybit", "ws_subscription_ack")) == []
    refused = desk.say(session, {"op": "subscribe", "args": ["nothing.BTCUSDT"]})
    assert refused["success"] is False
    assert differences(refused, recorded("bybit", "ws_subscription_failure")) == []
    trade = desk.open("/v5/trade")
    # The recorded log-in carries both spellings: the private stream's ``success`` and the trade socket's ``retCode``.
    failed = desk.say(trade, {"op": "auth", "args": ["nobody", "1", "x"]})
    assert failed["retCode"] == 10003
    assert differences(failed, recorded("bybit", "ws_auth_failure"), less={"success"}) == []
    passed = desk.log_in(trade)
    assert differences(passed, recorded("bybit", "ws_auth_success"), less={"success"}) == []
    created = desk.trade(trade, "order.create", side="Buy", qty="1", price="40000")
    documented = {"retExtInfo", "header"}
    assert differences(created, recorded("bybit", "ws_order_response"), more=documented) == []
