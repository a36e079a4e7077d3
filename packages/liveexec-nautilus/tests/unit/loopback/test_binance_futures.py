"""Binance USD-M futures on a loopback, asked without a transport: orders, errors, streams, keys and limits."""

import base64
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from binance_support.direct import Direct, Listener
from liveexec.domain.operation import Side
from liveexec.domain.outcome import AssetKind
from liveexec_nautilus.loopback.binance.futures.config import FuturesConfig
from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue
from liveexec_nautilus.loopback.shared.accounts import ApiKey
from liveexec_nautilus.loopback.shared.clock import VenueClock

ORDER = "/fapi/v1/order"
USER = 1001
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "49000"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}


@pytest.fixture
def venue() -> FuturesVenue:
    """A venue where 5 are offered at 50,000."""
    made = FuturesVenue()
    made.floor.rest("BTCUSDT", Side.SELL, Decimal(50_000), Decimal(5))
    return made


@pytest.fixture
def client(venue: FuturesVenue) -> Direct:
    """Its first account."""
    return Direct(venue)


def listening(client: Direct) -> Listener:
    key = client.keyed("POST", "/fapi/v1/listenKey")["listenKey"]
    return Listener(client.venue, f"/ws/{key}")


def changes(listener: Listener) -> list[tuple[str, str, str]]:
    return [
        (message["o"]["x"], message["o"]["X"], message["o"]["z"])
        for message in listener.messages
        if message["e"] == "ORDER_TRADE_UPDATE"
    ]


# Orders


def test_an_order_rests_fills_in_part_and_is_canceled(venue: FuturesVenue, client: Direct) -> None:
    stream = listening(client)
    placed = client.signed("POST", ORDER, **LIMIT, newClientOrderId="mine")
    assert (placed["status"], placed["clientOrderId"], placed["executedQty"]) == ("NEW", "mine", "0.000")
    venue.floor.take("BTCUSDT", Side.SELL, Decimal("0.04"))
    found = client.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
    assert (found["status"], found["executedQty"], found["avgPrice"]) == ("PARTIALLY_FILLED", "0.040", "49000.00")
    canceled = client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert (canceled["status"], canceled["cumQty"]) == ("CANCELED", "0.040")
    assert changes(stream) == [
        ("NEW", "NEW", "0.000"),
        ("TRADE", "PARTIALLY_FILLED", "0.040"),
        ("CANCELED", "CANCELED", "0.040"),
    ]
    (fill,) = client.signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    assert (fill["qty"], fill["price"], fill["maker"], fill["commission"]) == ("0.040", "49000.00", True, "0.39200000")


def test_an_acknowledgement_tells_nothing_of_the_fill_and_a_result_does(client: Direct) -> None:
    told = client.signed("POST", ORDER, **MARKET)
    assert (told["status"], told["executedQty"]) == ("NEW", "0.000")
    told = client.signed("POST", ORDER, **MARKET, newOrderRespType="RESULT")
    assert (told["status"], told["executedQty"], told["avgPrice"], told["cumQuote"]) == (
        "FILLED",
        "0.100",
        "50000.00",
        "5000.00000",
    )


def test_a_fill_tells_the_lean_message_the_account_and_the_order_in_turn(client: Direct) -> None:
    stream = listening(client)
    client.signed("POST", ORDER, **MARKET)
    told = stream.messages
    assert [message["e"] for message in told] == [
        "ORDER_TRADE_UPDATE",
        "TRADE_LITE",
        "ACCOUNT_UPDATE",
        "ORDER_TRADE_UPDATE",
    ]
    (balance,), (position,) = told[2]["a"]["B"], told[2]["a"]["P"]
    assert (balance["wb"], position["pa"], position["ep"]) == ("99997.50000000", "0.100", "50000.00000")
    assert (told[3]["o"]["n"], told[3]["o"]["N"]) == ("2.50000000", "USDT")


def test_each_fill_tells_the_wallet_as_it_was_right_after_it(venue: FuturesVenue, client: Direct) -> None:
    venue.floor.rest("BTCUSDT", Side.SELL, Decimal(49_900), Decimal("0.05"))
    stream = listening(client)
    client.signed("POST", ORDER, **MARKET)
    told = [message["a"] for message in stream.messages if message["e"] == "ACCOUNT_UPDATE"]
    assert [(each["B"][0]["wb"], each["P"][0]["pa"]) for each in told] == [
        ("99998.75250000", "0.050"),
        ("99997.50250000", "0.100"),
    ]


def test_a_modified_order_keeps_its_id_and_says_amendment(client: Direct) -> None:
    stream = listening(client)
    placed = client.signed("POST", ORDER, **LIMIT)
    changed = client.signed(
        "PUT", ORDER, symbol="BTCUSDT", orderId=placed["orderId"], side="BUY", quantity="0.2", price="49000.1"
    )
    assert (changed["orderId"], changed["origQty"], changed["price"]) == (placed["orderId"], "0.200", "49000.10")
    assert changes(stream)[-1] == ("AMENDMENT", "NEW", "0.000")


def test_a_modification_to_what_has_filled_or_of_a_maker_through_the_market_cancels(
    venue: FuturesVenue, client: Direct
) -> None:
    placed = client.signed("POST", ORDER, **LIMIT)
    venue.floor.take("BTCUSDT", Side.SELL, Decimal("0.04"))
    terms = {"symbol": "BTCUSDT", "side": "BUY", "orderId": placed["orderId"]}
    assert client.signed("PUT", ORDER, **terms, quantity="0.04", price="49000")["status"] == "CANCELED"
    placed = client.signed("POST", ORDER, **LIMIT | {"timeInForce": "GTX"})
    terms["orderId"] = placed["orderId"]
    assert client.signed("PUT", ORDER, **terms, quantity="0.1", price="50000")["status"] == "CANCELED"


def test_what_is_left_of_an_immediate_order_expires(client: Direct) -> None:
    stream = listening(client)
    client.signed("POST", ORDER, **LIMIT | {"timeInForce": "IOC", "price": "50000", "quantity": "6"})
    assert changes(stream)[-1] == ("EXPIRED", "EXPIRED", "5.000")


def test_an_order_good_till_a_date_expires_then() -> None:
    now = [1_700_000_000_000_000_000]
    venue = FuturesVenue(clock=VenueClock(lambda: now[0]))
    client = Direct(venue)
    until = now[0] // 1_000_000 + 700_000
    placed = client.signed("POST", ORDER, **LIMIT | {"timeInForce": "GTD"}, goodTillDate=until)
    assert placed["goodTillDate"] == until
    now[0] += 701_000_000_000
    venue.tick()
    assert client.signed("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "EXPIRED"


REFUSED: list[tuple[dict[str, str], int]] = [
    (LIMIT | {"symbol": "NOPE"}, -1121),
    (LIMIT | {"side": "UP"}, -1117),
    (LIMIT | {"type": "ICEBERG"}, -1116),
    (LIMIT | {"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
    (LIMIT | {"timeInForce": "DAY"}, -1115),
    ({name: value for name, value in LIMIT.items() if name != "timeInForce"}, -1102),
    (LIMIT | {"quantity": "0.0001"}, -1111),
    (LIMIT | {"quantity": "0"}, -4003),
    (LIMIT | {"quantity": "5000"}, -4005),
    (LIMIT | {"quantity": "ten"}, -1102),
    (LIMIT | {"price": "49000.05"}, -4014),
    (LIMIT | {"price": "49000.123"}, -1111),
    (LIMIT | {"quantity": "0.001", "price": "100"}, -4164),
    (LIMIT | {"price": "50000", "timeInForce": "GTX"}, -5022),
    (LIMIT | {"price": "50000", "quantity": "6", "timeInForce": "FOK"}, -5021),
    (LIMIT | {"quantity": "900"}, -2019),
    (LIMIT | {"reduceOnly": "true"}, -2022),
    (LIMIT | {"positionSide": "LONG"}, -4061),
    (LIMIT | {"newClientOrderId": "with a space"}, -4015),
    (LIMIT | {"priceMatch": "QUEUE"}, -5037),
    (LIMIT | {"selfTradePreventionMode": "EXPIRE_BOTH"}, -5039),
    (LIMIT | {"timeInForce": "GTD"}, -1102),
    (MARKET | {"price": "49000"}, -1106),
]


@pytest.mark.parametrize(("order", "code"), REFUSED, ids=[str(code) for _, code in REFUSED])
def test_an_order_is_refused_with_the_venues_code_and_leaves_nothing(
    venue: FuturesVenue, client: Direct, order: dict[str, str], code: int
) -> None:
    assert client.signed("POST", ORDER, **order)["code"] == code
    assert client.signed("GET", "/fapi/v1/openOrders") == []
    assert venue.floor.orders_of(USER) == []


def test_orders_that_are_not_there_have_codes_of_their_own(client: Direct) -> None:
    placed = client.signed("POST", ORDER, **MARKET)
    terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.2", "price": "49000"}
    assert client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1)["code"] == -2011
    assert client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])["code"] == -2011
    assert client.signed("GET", ORDER, symbol="BTCUSDT", orderId=1)["code"] == -2013
    assert client.signed("GET", ORDER, symbol="ETHUSDT", orderId=placed["orderId"])["code"] == -2013
    assert client.signed("GET", ORDER, symbol="BTCUSDT")["code"] == -1102
    assert client.signed("PUT", ORDER, **terms, orderId=1)["code"] == -2013
    assert client.signed("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=placed["orderId"])["code"] == -2013


def test_an_unchanged_modification_and_a_client_id_of_an_open_order_are_refused(client: Direct) -> None:
    placed = client.signed("POST", ORDER, **LIMIT, newClientOrderId="mine")
    terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.1", "price": "49000", "orderId": placed["orderId"]}
    assert client.signed("PUT", ORDER, **terms)["code"] == -5027
    assert client.signed("PUT", ORDER, **terms | {"side": "SELL"})["code"] == -1117
    assert client.signed("POST", ORDER, **LIMIT, newClientOrderId="mine")["code"] == -4116
    client.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
    again = client.signed("POST", ORDER, **LIMIT, newClientOrderId="mine")
    assert again["orderId"] != placed["orderId"]
    assert client.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine")["orderId"] == again["orderId"]


def test_a_batch_answers_each_of_its_orders(client: Direct) -> None:
    placed = client.signed("POST", "/fapi/v1/batchOrders", batchOrders=_json([LIMIT, LIMIT | {"quantity": "0"}]))
    assert [each.get("status", each.get("code")) for each in placed] == ["NEW", -4003]
    numbers = _json([placed[0]["orderId"], 1])
    canceled = client.signed("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", orderIdList=numbers)
    assert [each.get("status", each.get("code")) for each in canceled] == ["CANCELED", -2011]
    assert client.signed("POST", "/fapi/v1/batchOrders", batchOrders=_json([LIMIT] * 6))["code"] == -4082


def test_histories_are_read_from_an_id_and_by_time(client: Direct) -> None:
    orders = [client.signed("POST", ORDER, **MARKET) for _ in range(3)]
    asked = {"symbol": "BTCUSDT", "limit": 2}
    numbers = [order["orderId"] for order in orders]
    latest = client.signed("GET", "/fapi/v1/allOrders", **asked)
    assert [order["orderId"] for order in latest] == numbers[1:]
    first = client.signed("GET", "/fapi/v1/allOrders", **asked, orderId=numbers[0])
    assert [order["orderId"] for order in first] == numbers[:2]
    fills = client.signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", orderId=numbers[1])
    assert [fill["orderId"] for fill in fills] == [numbers[1]]
    later = client.signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", startTime=fills[0]["time"] + 60_000)
    assert later == []


# Access


def test_a_request_shows_who_asks_and_when(client: Direct) -> None:
    now_ms = client.venue.clock.now_ms()
    stranger = Direct(client.venue, ApiKey("nobody", "nothing"))
    forger = Direct(client.venue, ApiKey(client.key.key, "another secret"))
    path = "/fapi/v2/balance"
    assert stranger.signed("GET", path)["code"] == -2015
    assert forger.signed("GET", path)["code"] == -1022
    assert client.keyed("GET", path)["code"] == -1102
    assert client.public("GET", path)["code"] == -2014
    assert client.signed("GET", path, timestamp=now_ms - 6_000)["code"] == -1021
    assert client.signed("GET", path, timestamp=now_ms + 5_000)["code"] == -1021
    assert client.signed("GET", path, recvWindow=70_000)["code"] == -1131
    assert client.signed("GET", path, timestamp=now_ms - 6_000, recvWindow=10_000)[0]["asset"] == "USDT"


def test_accounts_know_nothing_of_each_other(venue: FuturesVenue, client: Direct) -> None:
    placed = client.signed("POST", ORDER, **LIMIT)
    other = Direct(venue, list(venue.floor.accounts.values())[1].keys[0])
    stream = listening(other)
    assert other.signed("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])["code"] == -2013
    client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert stream.messages == []


def test_limits_are_counted_by_the_minute() -> None:
    now = [1_700_000_000_000_000_000]
    venue = FuturesVenue(FuturesConfig(weight_per_minute=12, orders_per_minute=2), VenueClock(lambda: now[0]))
    client = Direct(venue)
    answers = [client.answered("POST", ORDER, **LIMIT) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[1].headers["x-mbx-order-count-1m"] == "2"
    assert b"-1015" in answers[2].body
    assert client.answered("GET", "/fapi/v2/account").headers["x-mbx-used-weight-1m"] == "5"
    assert client.answered("GET", "/fapi/v2/account").status == 200
    refused = client.answered("GET", "/fapi/v2/account")
    assert (refused.status, int(refused.headers["retry-after"]) > 0) == (429, True)
    now[0] += 60_000_000_000
    assert client.answered("GET", "/fapi/v2/account").status == 200


def test_what_this_venue_does_not_do_is_refused(client: Direct) -> None:
    assert client.signed("POST", "/fapi/v1/positionSide/dual", dualSidePosition=True)["code"] == -1020
    assert client.signed("POST", "/fapi/v1/positionSide/dual", dualSidePosition=False)["code"] == -4059
    assert client.signed("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5)["code"] == -4028
    assert client.signed("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=20)["leverage"] == 20
    assert client.signed("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="CROSSED")["code"] == -4046
    assert client.signed("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")["code"] == -1020
    assert client.answered("GET", "/fapi/v1/nowhere").status == 404


# Streams


def test_a_listen_key_is_renewed_expires_and_says_so(client: Direct) -> None:
    stream = listening(client)
    key = client.keyed("PUT", "/fapi/v1/listenKey")["listenKey"]
    assert client.venue.expire_credentials() == 1
    client.signed("POST", ORDER, **LIMIT)
    assert [(message["e"], message["listenKey"]) for message in stream.messages] == [("listenKeyExpired", key)]
    assert client.keyed("PUT", "/fapi/v1/listenKey")["code"] == -1125
    assert client.keyed("POST", "/fapi/v1/listenKey")["listenKey"] != key


def test_a_listen_key_lives_for_an_hour() -> None:
    now = [1_700_000_000_000_000_000]
    venue = FuturesVenue(clock=VenueClock(lambda: now[0]))
    stream = listening(Direct(venue))
    now[0] += 3_599_000_000_000
    venue.tick()
    assert stream.messages == []
    now[0] += 2_000_000_000
    venue.tick()
    assert stream.messages[0]["e"] == "listenKeyExpired"


def test_streams_are_named_in_the_path_or_subscribed_to(venue: FuturesVenue) -> None:
    plain = Listener(venue, "/public/ws/btcusdt@aggTrade")
    wrapped = Listener(venue, "/stream", "streams=btcusdt@aggTrade/btcusdt@trade")
    asked = Listener(venue, "/ws")
    assert asked.say(method="SUBSCRIBE", params=["btcusdt@trade"], id=7) == {"result": None, "id": 7}
    assert asked.say(method="LIST_SUBSCRIPTIONS", id=8) == {"result": ["btcusdt@trade"], "id": 8}
    venue.floor.market.print_trade("BTCUSDT", Side.BUY, Decimal(50_000), Decimal(1))
    assert [message["e"] for message in plain.messages] == ["aggTrade"]
    assert [message["stream"] for message in wrapped.messages] == ["btcusdt@aggTrade", "btcusdt@trade"]
    assert asked.messages[-1]["e"] == "trade"
    asked.say(method="UNSUBSCRIBE", params=["btcusdt@trade"], id=9)
    venue.floor.market.print_trade("BTCUSDT", Side.BUY, Decimal(50_000), Decimal(1))
    assert asked.messages[-1] == {"result": None, "id": 9}
    assert not Listener(venue, "/elsewhere").is_taken


def test_a_book_is_kept_from_a_snapshot_and_differences(venue: FuturesVenue) -> None:
    stream = Listener(venue, "/ws/btcusdt@depth@100ms")
    client = Direct(venue)
    snapshot = client.public("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
    held = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    venue.floor.rest("BTCUSDT", Side.BUY, Decimal(49_000), Decimal(2))
    venue.floor.take("BTCUSDT", Side.BUY, Decimal(1))
    venue.floor.clear_book("BTCUSDT")
    venue.floor.rest("BTCUSDT", Side.BUY, Decimal(48_000), Decimal(3))
    last = snapshot["lastUpdateId"]
    for message in stream.messages:
        assert message["pu"] == last
        last = message["u"]
        for side, name in (("bids", "b"), ("asks", "a")):
            for price, quantity in message[name]:
                held[side][price] = quantity
    shown = client.public("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
    for side in ("bids", "asks"):
        assert {price: quantity for price, quantity in held[side].items() if Decimal(quantity)} == dict(shown[side])


def test_best_prices_come_at_once_and_with_every_change(venue: FuturesVenue) -> None:
    venue.floor.rest("BTCUSDT", Side.BUY, Decimal(49_000), Decimal(2))
    stream = Listener(venue, "/ws/btcusdt@bookTicker")
    venue.floor.take("BTCUSDT", Side.SELL, Decimal(1))
    assert [(message["b"], message["B"]) for message in stream.messages] == [
        ("49000.00", "2.000"),
        ("49000.00", "1.000"),
    ]


def test_assets_that_move_by_themselves_are_told(client: Direct) -> None:
    stream = listening(client)
    client.venue.floor.move_asset(USER, "USDT", Decimal("-1.5"), AssetKind.FUNDING)
    (told,) = stream.messages
    assert (told["a"]["m"], told["a"]["B"][0]["wb"]) == ("FUNDING_FEE", "99998.50000000")
    assert client.signed("GET", "/fapi/v2/balance")[0]["balance"] == "99998.50000000"


# The WebSocket trading API


def _signed(venue: FuturesVenue, **params: object) -> dict[str, object]:
    """Parameters signed with the account's Ed25519 key, in the order of their names."""
    key = next(each for each in venue.floor.accounts[USER].keys if each.kind == "ed25519")
    given = {"apiKey": key.key, "timestamp": venue.clock.now_ms()} | params
    private = serialization.load_pem_private_key(key.secret.encode(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    text = "&".join(f"{name}={given[name]}" for name in sorted(given))
    return given | {"signature": base64.b64encode(private.sign(text.encode())).decode()}


def test_a_session_trades_with_signed_requests(venue: FuturesVenue) -> None:
    session = Listener(venue, "/ws-fapi/v1")
    placed = session.say(id="1", method="order.place", params=_signed(venue, **LIMIT))
    assert (placed["id"], placed["status"], placed["result"]["status"]) == ("1", 200, "NEW")
    assert placed["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
    number = placed["result"]["orderId"]
    terms = {"symbol": "BTCUSDT", "orderId": number}
    changed = session.say(
        id="2", method="order.modify", params=_signed(venue, **terms, side="BUY", quantity="0.3", price="49000")
    )
    assert changed["result"]["origQty"] == "0.300"
    assert session.say(id="3", method="order.status", params=_signed(venue, **terms))["result"]["status"] == "NEW"
    assert session.say(id="4", method="order.cancel", params=_signed(venue, **terms))["result"]["status"] == "CANCELED"
    refused = session.say(id="5", method="order.cancel", params=_signed(venue, **terms))
    assert (refused["status"], refused["error"]["code"]) == (400, -2011)


def test_a_session_that_logged_on_need_not_sign(venue: FuturesVenue) -> None:
    session = Listener(venue, "/ws-fapi/v1")
    plain = {**LIMIT, "timestamp": venue.clock.now_ms()}
    assert session.say(id="0", method="order.place", params=plain)["error"]["code"] == -2014
    status = session.say(id="1", method="session.logon", params=_signed(venue))
    assert status["result"]["apiKey"] == "loopback1-ed25519"
    assert session.say(id="2", method="order.place", params=plain)["status"] == 200
    session.say(id="3", method="session.logout")
    assert session.say(id="4", method="order.place", params=plain)["error"]["code"] == -2014
    assert session.say(id="5", method="nonsense")["status"] == 400


def test_a_tampered_request_over_a_session_is_refused(venue: FuturesVenue) -> None:
    session = Listener(venue, "/ws-fapi/v1")
    given = _signed(venue, **LIMIT) | {"quantity": "0.9"}
    assert session.say(id="1", method="order.place", params=given)["error"]["code"] == -1022
    assert venue.floor.orders_of(USER) == []


def test_requests_are_logged_without_their_credentials(venue: FuturesVenue, client: Direct) -> None:
    client.signed("POST", ORDER, **LIMIT)
    Listener(venue, "/ws-fapi/v1").say(id="1", method="order.place", params=_signed(venue, **LIMIT))
    for request in venue.requests:
        assert not {"signature", "apiKey"} & set(request.parameters)
    assert [request.operation for request in venue.requests] == ["POST /fapi/v1/order", "order.place"]


def _json(content: Any) -> str:
    return msgspec.json.encode(content).decode()
