"""Whatever a client sends, a loopback Bybit or OKX answers in its own words, and stands."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_loopback.bybit_desk import NOW_MS, BybitDesk
from nautilus_loopback.okx_desk import OkxDesk

STRANGE: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(["", "0", "-1", "1e400", "1e-400", "NaN", "sNaN", "Infinity", "0x1", "1_0", "\u0000", "true"]),
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
    for path in ("public/instruments", "public/mark-price", "public/funding-rate", "market/books", "market/trades"):
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
