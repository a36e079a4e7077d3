"""The loopback Bybit's own rules: who may ask, what is refused with which code, and what becomes of orders."""

import json
from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.bybit.limits import DOCUMENTED_LIMITS
from liveexec_nautilus.loopback.shared.faults import RequestFault
from nautilus_loopback.bybit_desk import NOW_MS, BybitDesk

INFO = "/v5/account/info"
LINEAR = "linear.BTCUSDT"


def sized(**changes: Any) -> dict[str, Any]:
    """A limit order's own terms."""
    return {"side": "Buy", "qty": "1", "price": "40000"} | changes


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 0),
        ({"key": "nobody"}, 10003),
        ({"key": "loopback1-ed25519"}, 10003),
        ({"sign": "0" * 64}, 10004),
        ({"timestamp": "yesterday"}, 10001),
        ({"timestamp": str(NOW_MS - 5_001)}, 10002),
        ({"timestamp": str(NOW_MS - 5_000)}, 0),
        ({"timestamp": str(NOW_MS - 5_001), "window": "6000"}, 0),
        ({"timestamp": str(NOW_MS + 999)}, 0),
        ({"timestamp": str(NOW_MS + 1_000)}, 10002),
    ],
)
def test_a_request_is_signed_and_arrives_in_its_window(headers: dict[str, str], code: int) -> None:
    assert json.loads(BybitDesk().send("GET", INFO, **headers).body)["retCode"] == code


def test_a_signature_covers_the_query_as_it_was_sent() -> None:
    desk = BybitDesk()
    signed = desk.send("GET", "/v5/order/realtime", "category=linear&symbol=BTCUSDT").body
    assert json.loads(signed)["retCode"] == 0
    desk.send("GET", "/v5/order/realtime", "category=linear&symbol=BTCUSDT")
    assert all("x-bapi" not in json.dumps(dict(each.parameters)) for each in desk.venue.requests)


def test_a_second_holds_so_many_requests_and_every_answer_tells_what_is_left() -> None:
    desk = BybitDesk(limits=DOCUMENTED_LIMITS)
    left = [desk.send("GET", "/v5/account/fee-rate", "category=spot") for _ in range(11)]
    assert [answer.headers["X-Bapi-Limit-Status"] for answer in left] == [str(max(9 - n, 0)) for n in range(11)]
    assert {answer.headers["X-Bapi-Limit"] for answer in left} == {"10"}
    assert [json.loads(answer.body)["retCode"] for answer in left] == [0] * 10 + [10006]
    desk.venue.clock.offset_ms = 1_000
    assert (
        desk.send("GET", "/v5/account/fee-rate", "category=spot", timestamp=str(NOW_MS + 1_000)).headers[
            "X-Bapi-Limit-Status"
        ]
        == "9"
    )


@pytest.mark.parametrize(
    ("terms", "linear", "spot"),
    [
        ({"qty": "0.0000001"}, 10001, 170137),
        ({"qty": "20000"}, 10001, 170136),
        ({"qty": "nothing"}, 10001, 10001),
        ({"price": "40000.05"}, 110003, 170134),
        ({"price": ""}, 10001, 170130),
        ({"qty": "0.001", "price": "4000"}, 110094, 170140),
        ({"qty": "10000"}, 110007, 170131),
        ({"side": "Long"}, 10001, 10001),
        ({"orderType": "Stop"}, 10001, 170116),
        ({"timeInForce": "GTD"}, 10001, 170115),
        ({"symbol": "NOTHING"}, 10001, 170121),
        ({"triggerPrice": "45000"}, 10001, 10001),
        ({"positionIdx": 1}, 10001, 10001),
        ({"orderLinkId": "x" * 46}, 10001, 10001),
        ({"orderLinkId": "used"}, 110072, 170141),
        ({"category": "margin"}, 10001, 10001),
    ],
)
def test_an_order_is_refused_with_its_categorys_code(terms: dict[str, Any], linear: int, spot: int) -> None:
    desk = BybitDesk()
    for category, code in (("linear", linear), ("spot", spot)):
        assert desk.post("/v5/order/create", **desk.order(**sized(category=category, orderLinkId="used")))[
            "retMsg"
        ] in {
            "OK",
            "OrderLinkedID is duplicate.",
            "Duplicate clientOrderId.",
        }
        asked = desk.order(**sized(category=category)) | terms
        assert desk.post("/v5/order/create", **asked)["retCode"] == code, category


def test_reduce_only_needs_a_position() -> None:
    desk = BybitDesk()
    assert desk.post("/v5/order/create", **desk.order(**sized(reduceOnly=True)))["retCode"] == 110017


@pytest.mark.parametrize(("category", "status"), [("linear", "Cancelled"), ("spot", "Rejected")])
def test_a_post_only_order_that_would_take_is_taken_and_ended_on_the_stream(category: str, status: str) -> None:
    desk = BybitDesk()
    desk.subscribe("/v5/private", "order")
    desk.venue.floor.rest(f"{category}.BTCUSDT", Side.SELL, Decimal(40_000), Decimal(1))
    placed = desk.create(category=category, **sized(timeInForce="PostOnly"))
    told = [(message["data"][0]["orderStatus"], message["data"][0]["rejectReason"]) for message in desk.told("order")]
    assert told == [("New", "EC_NoError"), (status, "EC_PostOnlyWillTakeLiquidity")]
    listed = desk.get("/v5/order/history", category=category, orderId=placed["orderId"])["result"]["list"]
    assert [(each["orderStatus"], each["cumExecQty"]) for each in listed] == [(status, "0")]
    again = desk.post("/v5/order/cancel", category=category, symbol="BTCUSDT", orderId=placed["orderId"])
    assert again["retCode"] == (110001 if category == "linear" else 170213)


@pytest.mark.parametrize(
    ("time_in_force", "category", "status", "reason", "filled"),
    [
        ("IOC", "linear", "Cancelled", "EC_CancelForNoFullFill", "0.4"),
        ("IOC", "spot", "PartiallyFilledCanceled", "EC_CancelForNoFullFill", "0.4"),
        ("FOK", "linear", "Cancelled", "EC_NoEnoughQtyToFill", "0"),
        ("GTC", "linear", "PartiallyFilled", "EC_NoError", "0.4"),
    ],
)
def test_an_order_ends_as_its_terms_say(
    time_in_force: str, category: str, status: str, reason: str, filled: str
) -> None:
    desk = BybitDesk()
    desk.subscribe("/v5/private", "order", "execution")
    desk.venue.floor.rest(f"{category}.BTCUSDT", Side.SELL, Decimal(40_000), Decimal("0.4"))
    desk.create(category=category, **sized(timeInForce=time_in_force))
    last = desk.told("order")[-1]["data"][0]
    assert (last["orderStatus"], last["rejectReason"], last["cumExecQty"]) == (status, reason, filled)
    assert [each["data"][0]["execQty"] for each in desk.told("execution")] == ([filled] if filled != "0" else [])


def test_a_spot_buyer_pays_its_fee_in_what_it_buys_and_may_name_an_amount_of_quote_coin() -> None:
    desk = BybitDesk()
    desk.subscribe("/v5/private", "execution", "wallet")
    for price in (40_000, 41_000):
        desk.venue.floor.rest("spot.BTCUSDT", Side.SELL, Decimal(price), Decimal(1))
    desk.create(category="spot", side="Buy", orderType="Market", qty="60500")
    fills = [each["data"][0] for each in desk.told("execution")]
    assert [(each["execPrice"], each["execQty"], each["feeCurrency"]) for each in fills] == [
        ("40000", "1", "BTC"),
        ("41000", "0.5", "BTC"),
    ]
    assert [each["execFee"] for each in fills] == ["0.001", "0.0005"]
    wallet = {each["coin"]: each["walletBalance"] for each in desk.told("wallet")[-1]["data"][0]["coin"]}
    assert (wallet["BTC"], wallet["USDT"]) == ("11.4985", "939500")


def test_an_amount_of_quote_coin_need_not_divide_by_the_price() -> None:
    desk = BybitDesk()
    desk.subscribe("/v5/private", "execution")
    desk.venue.floor.rest("spot.BTCUSDT", Side.SELL, Decimal(49_990), Decimal(1))
    desk.create(category="spot", side="Buy", orderType="Market", qty="1000")
    (fill,) = (each["data"][0] for each in desk.told("execution"))
    assert fill["execQty"] == "0.020004"


def test_the_wallet_tells_what_orders_and_positions_hold() -> None:
    desk = BybitDesk()
    desk.venue.floor.rest(LINEAR, Side.SELL, Decimal(40_000), Decimal(1))
    desk.create(**sized())
    desk.create(category="linear", **sized(price="39000"))
    desk.create(category="spot", **sized(price="30000"))
    desk.venue.floor.market.set_mark(LINEAR, Decimal(41_000))
    answer = desk.get("/v5/account/wallet-balance", accountType="UNIFIED", coin="USDT")
    (coin,) = answer["result"]["list"][0]["coin"]
    shown = {name: Decimal(coin[name]) for name in ("locked", "totalPositionIM", "totalOrderIM", "unrealisedPnl")}
    # Contracts hold a tenth of their value, an order its fee too; 40,000 cost a taker's fee of 22.
    assert shown == {
        "locked": Decimal(30_000),
        "totalPositionIM": Decimal(4_000),
        "totalOrderIM": Decimal("3921.45"),
        "unrealisedPnl": Decimal(1_000),
    }
    assert Decimal(coin["walletBalance"]) == 999_978
    assert Decimal(coin["equity"]) == 1_000_978


def test_an_inverse_position_gains_in_its_base_coin() -> None:
    desk = BybitDesk()
    desk.venue.floor.rest("inverse.BTCUSD", Side.SELL, Decimal(40_000), Decimal(20_000))
    desk.create(category="inverse", symbol="BTCUSD", **sized(qty="20000"))
    desk.venue.floor.market.set_mark("inverse.BTCUSD", Decimal(50_000))
    (row,) = desk.get("/v5/position/list", category="inverse")["result"]["list"]
    assert (row["side"], row["size"], row["avgPrice"]) == ("Buy", "20000", "40000")
    assert (row["positionValue"], row["unrealisedPnl"]) == ("0.5", "0.1")


def test_amends_and_batches() -> None:
    desk = BybitDesk()
    placed = desk.create(**sized(orderLinkId="mine"))
    named = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "mine"}
    assert desk.post("/v5/order/amend", **named, qty="2", price="40001")["result"] == placed
    assert desk.post("/v5/order/amend", **named, qty="2")["retMsg"] == "order not modified"
    requests = [{"symbol": "BTCUSDT", "orderLinkId": "mine"}, {"symbol": "BTCUSDT", "orderLinkId": "another"}]
    answer = desk.post("/v5/order/cancel-batch", category="linear", request=requests)
    assert [each["code"] for each in answer["retExtInfo"]["list"]] == [0, 110001]
    assert [each["orderLinkId"] for each in answer["result"]["list"]] == ["mine", "another"]


def test_pages_go_through_everything_once() -> None:
    desk = BybitDesk()
    for number in range(7):
        desk.create(**sized(orderLinkId=f"n{number}"))
    seen: list[str] = []
    cursor = ""
    while True:
        paged = {"cursor": cursor} if cursor else {}
        result = desk.get("/v5/order/realtime", category="linear", settleCoin="USDT", limit="3", **paged)["result"]
        seen += [each["orderLinkId"] for each in result["list"]]
        cursor = result["nextPageCursor"]
        if not cursor:
            break
    assert seen == [f"n{number}" for number in reversed(range(7))]
    assert desk.get("/v5/order/realtime", category="linear", settleCoin="USDC")["result"]["list"] == []
    assert desk.get("/v5/order/realtime", category="linear")["retCode"] == 10001
    conditional = desk.get("/v5/order/realtime", category="linear", settleCoin="USDT", orderFilter="StopOrder")
    assert conditional["result"]["list"] == []


def test_the_settings_of_an_account_are_fixed() -> None:
    desk = BybitDesk()
    named = {"category": "linear", "symbol": "BTCUSDT"}
    codes = [
        desk.post("/v5/position/switch-mode", **named, mode=0),
        desk.post("/v5/position/switch-mode", **named, mode=3),
        desk.post("/v5/position/set-leverage", **named, buyLeverage="10", sellLeverage="10"),
        desk.post("/v5/position/set-leverage", **named, buyLeverage="5", sellLeverage="5"),
        desk.post("/v5/account/set-margin-mode", setMarginMode="REGULAR_MARGIN"),
        desk.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN"),
    ]
    assert [each["retCode"] for each in codes] == [110025, 110029, 110043, 110013, 0, 110073]


def test_the_trade_socket_wants_a_log_in_a_header_and_one_order() -> None:
    desk = BybitDesk()
    session = desk.open("/v5/trade")
    assert desk.trade(session, "order.create", **sized())["retCode"] == 10003
    desk.log_in(session)
    assert desk.trade(session, "order.create", **sized())["retCode"] == 0
    assert desk.trade(session, "order.remove", **sized())["retCode"] == 10404
    assert desk.say(session, {"op": "order.create", "args": [desk.order(**sized())]})["retCode"] == 10001
    header = {"X-BAPI-TIMESTAMP": str(NOW_MS - 6_000)}
    late = {"op": "order.create", "header": header, "args": [desk.order(**sized())]}
    assert desk.say(session, late)["retCode"] == 10002
    assert desk.say(session, "{nonsense")["success"] is False
    assert len(desk.venue.floor.orders_of(1001)) == 1


def test_private_topics_want_a_log_in_and_a_known_name() -> None:
    desk = BybitDesk()
    session = desk.open("/v5/private")
    assert desk.say(session, {"op": "subscribe", "args": ["order"]})["success"] is False
    desk.log_in(session)
    assert desk.say(session, {"op": "subscribe", "args": ["order", "fills"]})["success"] is False
    assert not session.topics
    assert desk.say(session, {"op": "subscribe", "args": ["order.linear"]})["success"] is True
    desk.create(category="spot", **sized())
    desk.create(**sized())
    assert [each["data"][0]["category"] for each in desk.told("order.linear")] == ["linear"]


def test_scripted_refusals_and_changes_of_answers() -> None:
    desk = BybitDesk()
    session = desk.open("/v5/trade")
    desk.log_in(session)
    for operation in ("order.create", "POST /v5/order/create"):
        desk.venue.faults.add(RequestFault(kind="error", operation=operation, code="10016"))
    refused = desk.trade(session, "order.create", **sized())
    assert (refused["retCode"], refused["retMsg"], refused["reqId"]) == (10016, "Server error.", "1")
    assert desk.post("/v5/order/create", **desk.order(**sized()))["retCode"] == 10016
    assert not desk.venue.floor.orders_of(1001)
    desk.venue.faults.add(RequestFault(kind="error", operation="order.create", code="170131", carried_out=True))
    assert desk.trade(session, "order.create", **sized())["retCode"] == 170131
    assert len(desk.venue.floor.orders_of(1001)) == 1
    desk.venue.faults.add(RequestFault(kind="patch", operation="GET /v5/order/*", fields={"orderStatus": "Odd"}))
    (row,) = desk.get("/v5/order/realtime", category="linear", symbol="BTCUSDT")["result"]["list"]
    assert row["orderStatus"] == "Odd"
