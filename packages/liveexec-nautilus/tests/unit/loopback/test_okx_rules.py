"""The loopback OKX's own rules: who may ask, what is refused with which code, and what becomes of orders."""

import json
from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.okx.limits import DOCUMENTED_LIMITS
from liveexec_nautilus.loopback.shared.control import Control
from liveexec_nautilus.loopback.shared.faults import RequestFault
from nautilus_loopback.okx_desk import NOW_MS, OkxDesk

CONFIG = "/api/v5/account/config"
SWAP = "BTC-USDT-SWAP"


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({}, "0", 200),
        ({"key": ""}, "50103", 401),
        ({"passphrase": ""}, "50104", 401),
        ({"sign": ""}, "50106", 401),
        ({"timestamp": ""}, "50107", 401),
        ({"timestamp": "yesterday"}, "50112", 401),
        ({"timestamp": "2026-11-18T11:06:09.999Z"}, "50102", 401),
        ({"timestamp": "2026-11-18T11:06:10.000Z"}, "0", 200),
        ({"timestamp": "2026-11-18T11:07:10.001Z"}, "50102", 401),
        ({"key": "nobody"}, "50111", 401),
        ({"key": "loopback1-ed25519"}, "50111", 401),
        ({"sign": "AAAA"}, "50113", 401),
        ({"passphrase": "passphrase-of-loopback2"}, "50105", 401),
    ],
)
def test_a_request_is_signed_with_its_passphrase_and_on_time(headers: dict[str, str], code: str, status: int) -> None:
    answer = OkxDesk().send("GET", CONFIG, **headers)
    assert (json.loads(answer.body)["code"], answer.status) == (code, status)


def test_a_signature_covers_path_query_and_body() -> None:
    desk = OkxDesk()
    assert json.loads(desk.send("GET", "/api/v5/trade/orders-pending", "instType=SWAP").body)["code"] == "0"
    assert desk.place()["sCode"] == "0"
    assert json.loads(desk.send("POST", "/api/v5/trade/order", body="").body)["code"] == "50000"
    assert json.loads(desk.send("POST", "/api/v5/trade/order", body="{").body)["code"] == "50002"


def test_two_seconds_hold_so_many_requests() -> None:
    desk = OkxDesk(limits=DOCUMENTED_LIMITS)
    answers = [desk.send("GET", CONFIG) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert json.loads(answers[-1].body)["code"] == "50011"
    desk.venue.clock.offset_ms = 2_000
    assert desk.send("GET", CONFIG).status == 200


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"sz": "0.001"}, "51020"),
        ({"sz": "1.005"}, "51121"),
        ({"sz": "200000000"}, "51202"),
        ({"sz": "much"}, "51000"),
        ({"sz": ""}, "51000"),
        ({"px": "40000.05"}, "51000"),
        ({"px": ""}, "51000"),
        ({"sz": "1000000"}, "51008"),
        ({"side": "long"}, "51000"),
        ({"side": ""}, "50014"),
        ({"ordType": "trigger"}, "51000"),
        ({"tdMode": "cash"}, "51010"),
        ({"tdMode": "isolated"}, "51010"),
        ({"tdMode": "any"}, "51000"),
        ({"posSide": "long"}, "51000"),
        ({"instId": "NOTHING"}, "51001"),
        ({"instId": ""}, "50014"),
        ({"clOrdId": "with-hyphen"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"clOrdId": "used"}, "51016"),
        ({"tag": "with-hyphen"}, "51000"),
        ({"reduceOnly": True}, "51169"),
        ({"attachAlgoOrds": [{"slTriggerPx": "1"}]}, "51000"),
    ],
)
def test_an_order_is_refused_with_its_code(terms: dict[str, Any], code: str) -> None:
    desk = OkxDesk()
    assert desk.place(clOrdId="used")["sCode"] == "0"
    answer = desk.post("/api/v5/trade/order", desk.order(**terms))
    assert (answer["code"], answer["data"][0]["sCode"], answer["data"][0]["ordId"]) == ("1", code, "")
    assert len(desk.venue.floor.orders_of(1001)) == 1


def test_a_number_stands_for_an_instruments_name() -> None:
    desk = OkxDesk()
    (swap,) = desk.ask("/api/v5/public/instruments", instType="SWAP", instId=SWAP)["data"]
    order = desk.order(instIdCode=swap["instIdCode"])
    del order["instId"]
    assert desk.post("/api/v5/trade/order", order)["data"][0]["sCode"] == "0"
    assert desk.venue.floor.orders_of(1001)[0].symbol.name == SWAP


def test_a_post_only_order_that_would_take_is_taken_and_canceled_on_the_channel() -> None:
    desk = OkxDesk()
    desk.subscribe("private", {"channel": "orders", "instType": "SWAP"})
    desk.venue.floor.rest(SWAP, Side.SELL, Decimal(40_000), Decimal(1))
    placed = desk.place(ordType="post_only")
    assert placed["sCode"] == "0"
    told = [(each["data"][0]["state"], each["data"][0]["cancelSource"]) for each in desk.told("orders")]
    assert told == [("live", ""), ("canceled", "31")]
    (listed,) = desk.get("/api/v5/trade/order", instId=SWAP, ordId=placed["ordId"])["data"]
    assert (listed["state"], listed["accFillSz"], listed["avgPx"]) == ("canceled", "0", "")
    again = desk.post("/api/v5/trade/cancel-order", {"instId": SWAP, "ordId": placed["ordId"]})
    assert again["data"][0]["sCode"] == "51400"


@pytest.mark.parametrize(
    ("order_type", "state", "source", "filled"),
    [
        ("ioc", "canceled", "14", "4"),
        ("fok", "canceled", "13", "0"),
        ("market", "canceled", "14", "4"),
        ("limit", "partially_filled", "", "4"),
    ],
)
def test_an_order_ends_as_its_type_says(order_type: str, state: str, source: str, filled: str) -> None:
    desk = OkxDesk()
    desk.subscribe("private", {"channel": "orders", "instType": "SWAP"})
    desk.venue.floor.rest(SWAP, Side.SELL, Decimal(40_000), Decimal(4))
    desk.place(ordType=order_type, **({"px": ""} if order_type == "market" else {}))
    last = desk.told("orders")[-1]["data"][0]
    assert (last["state"], last["cancelSource"], last["accFillSz"]) == (state, source, filled)
    fills = [each["data"][0] for each in desk.told("orders") if each["data"][0]["tradeId"]]
    assert [(each["fillSz"], each["fillFee"], each["execType"]) for each in fills] == (
        [("4", "-0.8", "T")] if filled != "0" else []
    )


def test_a_spot_buyer_pays_its_fee_in_what_it_buys_and_may_name_an_amount_of_quote() -> None:
    desk = OkxDesk()
    for price in (40_000, 41_000):
        desk.venue.floor.rest("BTC-USDT", Side.SELL, Decimal(price), Decimal(1))
    desk.place(instId="BTC-USDT", tdMode="cash", ordType="market", px="", sz="60500")
    fills = desk.get("/api/v5/trade/fills", instType="SPOT")["data"]
    assert [(each["fillPx"], each["fillSz"], each["fee"], each["feeCcy"]) for each in fills] == [
        ("41000", "0.5", "-0.0005", "BTC"),
        ("40000", "1", "-0.001", "BTC"),
    ]
    (balance,) = desk.get("/api/v5/account/balance", ccy="BTC")["data"]
    assert [each["cashBal"] for each in balance["details"]] == ["11.4985"]


def test_an_amount_of_quote_need_not_divide_by_the_price() -> None:
    desk = OkxDesk()
    desk.venue.floor.rest("BTC-USDT", Side.SELL, Decimal(49_990), Decimal(1))
    desk.place(instId="BTC-USDT", tdMode="cash", ordType="market", px="", sz="1000")
    (fill,) = desk.get("/api/v5/trade/fills", instType="SPOT")["data"]
    assert Decimal(fill["fillSz"]) * 49_990 <= 1000 < (Decimal(fill["fillSz"]) + Decimal("0.00000001")) * 49_990


def test_balances_and_positions_tell_what_is_held_and_gained() -> None:
    desk = OkxDesk()
    desk.venue.floor.rest(SWAP, Side.SELL, Decimal(40_000), Decimal(100))
    desk.place(sz="100")
    desk.place(sz="100", px="39000")
    desk.place(instId="BTC-USDT", tdMode="cash", px="30000", sz="1")
    desk.venue.floor.market.set_mark(SWAP, Decimal(41_000))
    (position,) = desk.get("/api/v5/account/positions", instId=SWAP)["data"]
    shown = [Decimal(position[name]) for name in ("pos", "avgPx", "upl", "notionalUsd", "imr", "fee", "realizedPnl")]
    # A hundred contracts are one bitcoin; 40,000 cost a taker's fee of 20.
    assert shown == [100, 40_000, 1_000, 41_000, 4_100, -20, -20]
    (usdt,) = desk.get("/api/v5/account/balance", ccy="USDT")["data"][0]["details"]
    held = {name: Decimal(usdt[name]) for name in ("cashBal", "eq", "upl", "ordFrozen", "frozenBal", "availEq")}
    assert held == {
        "cashBal": Decimal(999_980),
        "eq": Decimal(1_000_980),
        "upl": Decimal(1_000),
        "ordFrozen": Decimal("33919.5"),
        "frozenBal": Decimal("37919.5"),
        "availEq": Decimal("963060.5"),
    }


def test_an_inverse_contract_is_a_hundred_dollars() -> None:
    desk = OkxDesk()
    desk.venue.floor.rest("BTC-USD-SWAP", Side.SELL, Decimal(40_000), Decimal(200))
    desk.place(instId="BTC-USD-SWAP", sz="200")
    desk.venue.floor.market.set_mark("BTC-USD-SWAP", Decimal(50_000))
    (position,) = desk.get("/api/v5/account/positions", instType="SWAP")["data"]
    assert (position["pos"], position["avgPx"], position["upl"], position["ccy"]) == ("200", "40000", "0.1", "BTC")
    assert Decimal(position["notionalUsd"]) == 20_000


def test_amends_keep_what_has_filled_and_batches_have_a_verdict_each() -> None:
    desk = OkxDesk()
    desk.venue.floor.rest(SWAP, Side.SELL, Decimal(40_000), Decimal(4))
    desk.place(clOrdId="mine")
    amend = "/api/v5/trade/amend-order"
    named = {"instId": SWAP, "clOrdId": "mine"}
    assert desk.post(amend, named)["data"][0]["sCode"] == "51500"
    assert desk.post(amend, named | {"newSz": "4"})["data"][0]["sCode"] == "51000"
    assert desk.post(amend, named | {"newSz": "5", "newPx": "39999"})["data"][0]["sCode"] == "0"
    orders = [named, {"instId": SWAP, "clOrdId": "another"}]
    answer = desk.post("/api/v5/trade/cancel-batch-orders", orders)
    assert answer["code"] == "2"
    assert [each["sCode"] for each in answer["data"]] == ["0", "51400"]
    assert desk.post(amend, named | {"newSz": "6"})["data"][0]["sCode"] == "51503"
    (order,) = desk.get("/api/v5/trade/orders-history", instType="SWAP")["data"]
    assert (order["sz"], order["px"], order["accFillSz"], order["state"]) == ("5", "39999", "4", "canceled")
    assert desk.get("/api/v5/trade/order", instId=SWAP, clOrdId="another")["code"] == "51603"


def test_pages_go_through_everything_once() -> None:
    desk = OkxDesk()
    for number in range(7):
        desk.place(clOrdId=f"n{number}")
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        rows = desk.get("/api/v5/trade/orders-pending", instType="SWAP", limit="3", **after)["data"]
        if not rows:
            break
        seen += [each["clOrdId"] for each in rows]
        after = {"after": rows[-1]["ordId"]}
    assert seen == [f"n{number}" for number in reversed(range(7))]
    assert desk.get("/api/v5/trade/orders-pending", instType="FUTURES")["data"] == []
    assert desk.get("/api/v5/trade/orders-pending", instType="BONDS")["code"] == "51000"


def test_trades_of_the_past_come_by_the_page() -> None:
    desk, path = OkxDesk(), "/api/v5/market/history-trades"
    for _ in range(5):
        Control(desk.venue).print_trade(SWAP, Side.BUY, Decimal(50_000), Decimal(1))
    seen: list[str] = []
    after: dict[str, str] = {}
    while rows := desk.ask(path, instId=SWAP, limit="2", **after)["data"]:
        seen += [each["tradeId"] for each in rows]
        after = {"after": rows[-1]["tradeId"]}
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)
    assert len(desk.ask(path, instId=SWAP, type="2", before=str(NOW_MS - 1))["data"]) == 5
    assert desk.ask(path, instId=SWAP, type="2", after=str(NOW_MS))["data"] == []
    for strange in ({"type": "3"}, {"after": "x"}, {"limit": "0"}):
        assert desk.ask(path, instId=SWAP, **strange)["code"] == "51000"


def test_the_settings_of_an_account_are_fixed() -> None:
    desk = OkxDesk()
    codes = [
        desk.post("/api/v5/account/set-position-mode", {"posMode": "net_mode"}),
        desk.post("/api/v5/account/set-position-mode", {"posMode": "long_short_mode"}),
        desk.post("/api/v5/account/set-leverage", {"instId": SWAP, "lever": "10", "mgnMode": "cross"}),
        desk.post("/api/v5/account/set-leverage", {"instId": SWAP, "lever": "5", "mgnMode": "cross"}),
    ]
    assert [each["code"] for each in codes] == ["0", "59000", "0", "51039"]
    (config,) = desk.get(CONFIG)["data"]
    assert (config["acctLv"], config["posMode"]) == ("2", "net_mode")
    assert "withdraw" not in config["perm"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apiKey": ""}, "60001"),
        ({"apiKey": "nobody"}, "60005"),
        ({"timestamp": str(NOW_MS // 1_000 - 31)}, "60006"),
        ({"timestamp": "now"}, "60006"),
        ({"sign": "AAAA"}, "60007"),
        ({"passphrase": "another"}, "60024"),
    ],
)
def test_a_log_in_is_refused_with_its_code(changes: dict[str, str], code: str) -> None:
    desk = OkxDesk()
    session = desk.open("private")
    refused = desk.log_in(session, **changes)
    assert (refused["event"], refused["code"]) == ("error", code)
    assert desk.say(session, {"op": "subscribe", "args": [{"channel": "account"}]})["code"] == "60011"
    assert desk.trade(session, "order", desk.order())["code"] == "60011"
    assert not desk.venue.floor.orders_of(1001)


def test_the_private_socket_takes_orders() -> None:
    desk = OkxDesk()
    session = desk.open("private")
    desk.log_in(session)
    placed = desk.trade(session, "order", desk.order(clOrdId="mine"))
    assert (placed["id"], placed["op"], placed["code"], placed["data"][0]["sCode"]) == ("7", "order", "0", "0")
    named = {"instId": SWAP, "clOrdId": "mine"}
    amended = desk.trade(session, "amend-order", named | {"newPx": "39000", "reqId": "a1"})
    assert amended["data"][0]["reqId"] == "a1"
    refused = desk.trade(session, "order", desk.order(clOrdId="with-hyphen"))
    assert (refused["code"], refused["data"][0]["sCode"]) == ("1", "51000")
    both = desk.trade(session, "batch-cancel-orders", named, named)
    assert (both["code"], [each["sCode"] for each in both["data"]]) == ("2", ["0", "51400"])
    assert desk.say(session, "ping") == "pong"
    assert desk.say(session, "{nonsense")["code"] == "60012"
    assert desk.say(desk.open("public"), {"op": "order", "args": [desk.order()]})["code"] == "60012"


def test_a_scripted_refusal_is_the_requests_or_its_orders() -> None:
    desk = OkxDesk()
    session = desk.open("private")
    desk.log_in(session)
    for code in ("51008", "50026"):
        desk.venue.faults.add(RequestFault(kind="error", operation="order", code=code))
        desk.venue.faults.add(RequestFault(kind="error", operation="POST /api/v5/trade/order", code=code))
    told = [desk.trade(session, "order", desk.order(clOrdId="mine")) for _ in range(2)]
    assert [(each["code"], [row["sCode"] for row in each["data"]]) for each in told] == [
        ("1", ["51008"]),
        ("50026", []),
    ]
    assert told[0]["data"][0]["clOrdId"] == "mine"
    answers = [desk.send("POST", "/api/v5/trade/order", body=json.dumps(desk.order())) for _ in range(2)]
    assert [(json.loads(each.body)["code"], each.status) for each in answers] == [("51008", 200), ("50026", 500)]
    assert not desk.venue.floor.orders_of(1001)
