"""What the loopback OKX says has the shape of what the real one said: field names and JSON types."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.operation import Side
from nautilus_loopback.okx_desk import OkxDesk
from nautilus_loopback.recorded import differences, recorded

SWAP = "BTC-USDT-SWAP"
#: Documented, and newer than the recordings.
MORE_IN_INSTRUMENTS = {"contTdSwTime", "futureSettlement", "instIdCode", "maxPlatOILmt", "openType", "posLmtAmt"} | {
    "posLmtPct",
    "preMktSwTime",
    "tradeQuoteCcyList",
}
MORE_IN_FILLS = {"subType", "tag", "fillPnl", "fillTime", "posSide", "feeRate"}
MORE_IN_BALANCES = {"availEq", "coinUsdPrice", "collateralRestrict", "colBorrAutoConversion"}
MORE_IN_ORDER_MESSAGES = {"fillFee", "fillFeeCcy", "fillPnl", "fillNotionalUsd", "notionalUsd", "lastPx", "code"} | {
    "amendResult",
    "amendSource",
    "reqId",
    "msg",
    "uid",
}


@pytest.fixture
def desk() -> OkxDesk:
    """A venue that has seen some trading: fills, an open order, a canceled one, a position."""
    desk = OkxDesk()
    desk.subscribe("private", {"channel": "orders", "instType": "ANY"}, {"channel": "account"})
    desk.subscribe(
        "public",
        *({"channel": channel, "instId": SWAP} for channel in ("books", "bbo-tbt", "books5", "tickers", "trades")),
        {"channel": "funding-rate", "instId": SWAP},
    )
    for name in (SWAP, "BTC-USDT"):
        desk.venue.floor.rest(name, Side.SELL, Decimal(50_000), Decimal(5))
        desk.venue.floor.rest(name, Side.BUY, Decimal(49_000), Decimal(5))
    desk.place(px="50000", sz="1", clOrdId="taker")
    desk.place(clOrdId="open")
    gone = desk.place(side="sell", px="51000", sz="2")
    desk.post("/api/v5/trade/cancel-order", {"instId": SWAP, "ordId": gone["ordId"]})
    desk.place(instId="BTC-USDT", tdMode="cash", px="50000", sz="1")
    return desk


@pytest.mark.parametrize(
    ("name", "path", "params", "more"),
    [
        ("http_get_account_balance", "/api/v5/account/balance", {}, MORE_IN_BALANCES),
        ("http_get_orders_history", "/api/v5/trade/orders-history", {"instType": "SWAP"}, ()),
        ("http_get_orders_pending", "/api/v5/trade/orders-pending", {}, ()),
        # The recorded position is of a time before margins were told for positions.
        ("http_get_positions", "/api/v5/account/positions", {}, {"imr"}),
        ("http_get_trade_fee_response", "/api/v5/account/trade-fee", {"instType": "SPOT"}, ()),
    ],
)
def test_what_an_account_asks(desk: OkxDesk, name: str, path: str, params: dict[str, str], more: set[str]) -> None:
    answer = desk.get(path, **params)
    assert answer["data"]
    assert differences(answer, recorded("okx", name), more=more) == []


def test_fills_and_orders_answers(desk: OkxDesk) -> None:
    theirs = recorded("okx", "http_transaction_detail")
    fills = desk.get("/api/v5/trade/fills")["data"]
    assert len(fills) == 2
    for fill in fills:
        assert differences(fill, theirs, more=MORE_IN_FILLS) == []
    assert differences(desk.place(), recorded("okx", "http_place_order_response"), more={"ts"}) == []


@pytest.mark.parametrize(
    ("name", "path", "params", "more"),
    [
        ("http_get_instruments_spot", "/api/v5/public/instruments", {"instType": "SPOT"}, MORE_IN_INSTRUMENTS),
        ("http_get_instruments_swap", "/api/v5/public/instruments", {"instType": "SWAP"}, ()),
        ("http_get_instruments_futures", "/api/v5/public/instruments", {"instType": "FUTURES"}, MORE_IN_INSTRUMENTS),
        ("http_get_instruments_option", "/api/v5/public/instruments", {"instType": "OPTION"}, MORE_IN_INSTRUMENTS),
        ("http_get_order_book", "/api/v5/market/books", {"instId": SWAP, "sz": "5"}, ()),
        ("http_get_trades", "/api/v5/market/trades", {"instId": SWAP}, ()),
        ("http_get_trades", "/api/v5/market/history-trades", {"instId": SWAP}, ()),
        ("http_get_mark_price", "/api/v5/public/mark-price", {"instType": "SWAP"}, ()),
    ],
)
def test_what_anybody_asks(desk: OkxDesk, name: str, path: str, params: dict[str, str], more: set[str]) -> None:
    answer = desk.ask(path, **params)
    assert answer["data"]
    assert differences(answer, recorded("okx", name), more=more) == []


def test_what_the_public_channels_tell(desk: OkxDesk) -> None:
    by_kind: dict[str, list[Any]] = {"snapshot": [], "update": []}
    for message in desk.told("books"):
        by_kind[message["action"]].append(message)
    assert by_kind["snapshot"]
    assert by_kind["update"]
    told = {
        "ws_books_snapshot": by_kind["snapshot"],
        "ws_books_update": by_kind["update"],
        "ws_bbo_tbt": desk.told("bbo-tbt"),
        "ws_tickers": desk.told("tickers"),
        "ws_trades": desk.told("trades"),
    }
    for name, messages in told.items():
        assert messages, name
        for message in messages:
            assert differences(message, recorded("okx", name)) == [], name


def test_what_the_funding_channel_tells(desk: OkxDesk) -> None:
    """The recording is of an example that left most fields out."""
    theirs = recorded("okx", "ws_funding_rate")
    (told,) = desk.told("funding-rate")
    assert not [fault for fault in differences(told, theirs) if not fault.endswith("too many")]


def test_what_the_private_channels_tell(desk: OkxDesk) -> None:
    theirs = [recorded("okx", name) for name in ("ws_orders", "ws_orders_ioc")]
    orders = desk.told("orders")
    assert {message["data"][0]["state"] for message in orders} == {"live", "filled", "canceled"}
    for message in orders:
        kind = theirs[message["data"][0]["instType"] == "SPOT"]
        message["arg"]["instType"] = kind["arg"]["instType"]
        assert differences(message, kind, more=MORE_IN_ORDER_MESSAGES) == []
    accounts = desk.told("account")
    assert accounts
    for message in accounts:
        assert differences(message, recorded("okx", "ws_account"), more={"uid"}) == []


def test_an_options_order_is_told_like_any_other(desk: OkxDesk) -> None:
    name = next(each for each in desk.venue.floor.symbols if each.endswith("-C"))
    assert desk.place(instId=name, px="0.0500", sz="1")["sCode"] == "0"
    theirs: Any = recorded("okx", "ws_orders_option")
    only_options = {"fillFwdPx", "fillMarkPx", "fillMarkVol", "fillPxUsd", "fillPxVol"}
    told = desk.told("orders")[-1]
    assert told["data"][0]["instId"] == name
    assert differences(told, theirs, more=MORE_IN_ORDER_MESSAGES, less=only_options) == []


def test_the_answer_to_a_position_mode(desk: OkxDesk) -> None:
    answer = desk.post("/api/v5/account/set-position-mode", {"posMode": "net_mode"})
    assert differences(answer, recorded("okx", "http_set_position_mode_response")) == []
