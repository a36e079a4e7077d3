"""Whatever a client sends, a loopback venue answers in its own words, and stands."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_support.direct import Direct, Listener
from liveexec_nautilus.loopback.binance.futures.registry import ENDPOINTS as FUTURES
from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue
from liveexec_nautilus.loopback.binance.spot.registry import ENDPOINTS as SPOT
from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue
from liveexec_nautilus.loopback.binance.venue import BinanceVenue
from liveexec_nautilus.loopback.shared.traffic import HttpRequest
from nautilus_loopback.bybit_desk import NOW_MS, BybitDesk
from nautilus_loopback.okx_desk import OkxDesk

STRANGE: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(["", "0", "-1", "1e400", "1e-400", "NaN", "sNaN", "Infinity", "0x1", "1_0", "\u0000", "true"]),
    # Too many digits for exact arithmetic, for a decimal, and for an int.
    st.sampled_from(["9" * 30, "9" * 5_000, "1e60", "1e999999999", "1e-99999999999999", "\u0663"]),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
BYBIT_FIELDS = [
    "category",
    "symbol",
    "side",
    "orderType",
    "qty",
    "price",
    "timeInForce",
    "orderLinkId",
    "orderId",
    "reduceOnly",
    "positionIdx",
    "triggerPrice",
    "marketUnit",
    "request",
    "limit",
    "cursor",
    "startTime",
    "settleCoin",
    "openOnly",
    "buyLeverage",
    "mode",
    "setMarginMode",
    "accountType",
    "orderStatus",
]
OKX_FIELDS = [
    "instId",
    "instIdCode",
    "tdMode",
    "side",
    "posSide",
    "ordType",
    "sz",
    "px",
    "clOrdId",
    "ordId",
    "tag",
    "tgtCcy",
    "reduceOnly",
    "newSz",
    "newPx",
    "reqId",
    "attachAlgoOrds",
    "instType",
    "instFamily",
    "limit",
    "after",
    "begin",
    "lever",
    "mgnMode",
    "posMode",
    "ccy",
    "state",
]


def changes(fields: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Some fields with strange values."""
    return st.dictionaries(st.sampled_from(fields), STRANGE, min_size=1, max_size=4)


@given(changed=changes(BYBIT_FIELDS), op=STRANGE, told=STRANGE)
@settings(deadline=None, derandomize=True, max_examples=30)
def test_bybit_answers_whatever_comes(changed: dict[str, Any], op: Any, told: Any) -> None:
    desk = BybitDesk()
    order = desk.order(side="Buy", qty="1", price="40000", orderLinkId="mine")
    desk.post("/v5/order/create", **order)
    strange = {**order, **changed}
    for path in ("create", "amend", "cancel", "cancel-all", "create-batch", "cancel-batch"):
        assert isinstance(desk.post(f"/v5/order/{path}", **strange)["retCode"], int)
    for path in ("/v5/position/switch-mode", "/v5/position/set-leverage", "/v5/account/set-margin-mode"):
        assert isinstance(desk.post(path, **strange)["retCode"], int)
    asked = {name: str(value) for name, value in strange.items()}
    for path in ("order/realtime", "order/history", "execution/list", "position/list", "account/wallet-balance"):
        assert isinstance(desk.get(f"/v5/{path}", **asked)["retCode"], int)
    for path in ("instruments-info", "tickers", "orderbook", "recent-trade"):
        assert isinstance(desk.ask(f"/v5/market/{path}", **asked)["retCode"], int)
    header = {"X-BAPI-TIMESTAMP": str(NOW_MS)}
    for path in ("/v5/trade", "/v5/private", "/v5/public/linear"):
        session = desk.open(path)
        for operation in ("order.create", "order.cancel-batch", "subscribe", "ping", "auth", op):
            for args in ([strange], told, [told]):
                request = {"op": operation, "args": args, "header": header, "reqId": told, "req_id": told}
                assert isinstance(desk.say(session, request), dict)
        if path != "/v5/public/linear":
            assert desk.log_in(session)
            assert isinstance(desk.say(session, {"op": "order.create", "args": [strange], "header": told}), dict)
        assert isinstance(desk.say(session, told if isinstance(told, str) else json.dumps(told)), dict)


@given(changed=changes(OKX_FIELDS), op=STRANGE, told=STRANGE)
@settings(deadline=None, derandomize=True, max_examples=30)
def test_okx_answers_whatever_comes(changed: dict[str, Any], op: Any, told: Any) -> None:
    desk = OkxDesk()
    desk.place(clOrdId="mine")
    strange = {**desk.order(clOrdId="mine"), **changed}
    for path in ("order", "amend-order", "cancel-order", "batch-orders", "cancel-batch-orders"):
        for content in (strange, [strange], told, [told]):
            assert isinstance(desk.post(f"/api/v5/trade/{path}", content)["code"], str)
    for path in ("set-position-mode", "set-leverage"):
        for content in (strange, told):
            assert isinstance(desk.post(f"/api/v5/account/{path}", content)["code"], str)
    asked = {name: str(value) for name, value in strange.items()}
    private = (
        "trade/order",
        "trade/orders-pending",
        "trade/orders-history",
        "trade/fills",
        "trade/orders-algo-pending",
    )
    for path in (*private, "account/balance", "account/positions", "account/trade-fee", "account/leverage-info"):
        assert isinstance(desk.get(f"/api/v5/{path}", **asked)["code"], str)
    public = ("public/instruments", "public/mark-price", "public/funding-rate")
    for path in (*public, "market/books", "market/trades", "market/history-trades"):
        assert isinstance(desk.ask(f"/api/v5/{path}", **asked)["code"], str)
    for socket in ("private", "public", "business"):
        session = desk.open(socket)
        for again in range(2):
            for operation in ("order", "batch-cancel-orders", "subscribe", "unsubscribe", "login", op):
                for args in ([strange], [told], [{**strange, "channel": "orders"}], [{"channel": told}], told):
                    assert isinstance(desk.say(session, {"id": told, "op": operation, "args": args}), dict)
            if not again and socket != "public":
                assert desk.log_in(session)
        assert desk.say(session, told if isinstance(told, str) else json.dumps(told))


BINANCE_FIELDS = [
    "symbol",
    "symbols",
    "side",
    "type",
    "timeInForce",
    "quantity",
    "price",
    "newClientOrderId",
    "orderId",
    "origClientOrderId",
    "goodTillDate",
    "recvWindow",
    "timestamp",
    "limit",
    "fromId",
    "startTime",
    "batchOrders",
    "orderIdList",
    "newQty",
    "cancelOrderId",
    "leverage",
]
SPOT_ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "40"}


@pytest.mark.parametrize("venue", [FuturesVenue, SpotVenue])
@given(changed=changes(BINANCE_FIELDS), method=STRANGE, told=STRANGE)
@settings(deadline=None, derandomize=True, max_examples=30)
def test_binance_answers_whatever_comes(
    venue: type[FuturesVenue | SpotVenue], changed: dict[str, Any], method: Any, told: Any
) -> None:
    direct = Direct(venue())
    strange = {**SPOT_ORDER, "origClientOrderId": "mine", **changed}
    endpoints = FUTURES if venue is FuturesVenue else SPOT
    for verb, path in endpoints.paths():
        assert direct.answered(verb, path, **strange).status < 500
    trading = "/ws-fapi/v1" if venue is FuturesVenue else "/ws-api/v3"
    for path in ("/ws", "/stream", trading):
        listener = Listener(direct.venue, path)
        for named in ("SUBSCRIBE", "UNSUBSCRIBE", "SET_PROPERTY", "order.place", "session.logon", "depth", method):
            for params in (told, [told], strange, {"signature": told, "apiKey": "loopback1", "timestamp": told}):
                before = len(listener.raw)
                listener.say(id=told, method=named, params=params)
                assert len(listener.raw) > before


@pytest.mark.parametrize("venue", [FuturesVenue, SpotVenue])
@pytest.mark.parametrize("signature", ["%C3%A9", "%FF", "a", "===="])
@pytest.mark.parametrize("number", [0, 1])
def test_a_signature_that_is_none_is_refused_by_the_venue(
    venue: type[BinanceVenue], signature: str, number: int
) -> None:
    asked = venue()  # type: ignore[call-arg]  # both have defaults for everything
    key = asked.floor.accounts[1001].keys[number].key
    path = "/fapi/v1/openOrders" if venue is FuturesVenue else "/api/v3/openOrders"
    request = HttpRequest("GET", path, f"timestamp=1&signature={signature}", {"x-mbx-apikey": key}, b"")
    due = asked.take_request(request)
    assert due.answer is not None
    assert json.loads(due.answer.body)["code"] == -1022


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=\xff", b'{"a":"\xff"}', b"{", b"[1]"])
def test_a_body_that_is_no_text_is_refused_by_each_venue(body: bytes) -> None:
    for venue, path, headers in (
        (FuturesVenue(), "/fapi/v1/order", {"x-mbx-apikey": "loopback1"}),
        (SpotVenue(), "/api/v3/order", {"x-mbx-apikey": "loopback1"}),
        (BybitDesk().venue, "/v5/order/create", {"x-bapi-api-key": "loopback1", "x-bapi-timestamp": str(NOW_MS)}),
        (
            OkxDesk().venue,
            "/api/v5/trade/order",
            {
                "ok-access-key": "loopback1",
                "ok-access-passphrase": "passphrase-of-loopback1",
                "ok-access-sign": "a",
                "ok-access-timestamp": "2026-11-18T10:40:00.000Z",
            },
        ),
    ):
        due = venue.take_request(HttpRequest("POST", path, "", headers, body))
        assert due.answer is not None
        assert {"code", "retCode"} & set(json.loads(due.answer.body))
