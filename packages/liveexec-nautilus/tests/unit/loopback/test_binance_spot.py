"""Binance Spot on a loopback, asked without a transport: orders, errors, the WebSocket API, and streams."""

from decimal import Decimal

import msgspec
import pytest

from binance_support.direct import Direct, Listener
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.spot import layouts, sbe_streams
from liveexec_nautilus.loopback.binance.spot.sbe import decode
from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue

ORDER = "/api/v3/order"
USER = 1001
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "49000"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
SBE_QUERY = "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5"


@pytest.fixture
def venue() -> SpotVenue:
    """A venue where 5 are offered at 50,000."""
    made = SpotVenue()
    made.floor.rest("BTCUSDT", Side.SELL, Decimal(50_000), Decimal(5))
    return made


@pytest.fixture
def client(venue: SpotVenue) -> Direct:
    """Its first account."""
    return Direct(venue)


def listening(client: Direct, query: str = "") -> Listener:
    session = Listener(client.venue, "/ws-api/v3", query)
    client.venue.take_message(session.session, _json("userDataStream.subscribe.signature", client.parameters()))
    session.raw.clear()
    return session


def _json(method: str, params: dict[str, object]) -> str:
    return msgspec.json.encode({"id": "1", "method": method, "params": params}).decode()


def free(client: Direct, asset: str) -> tuple[str, str]:
    balances = {row["asset"]: row for row in client.signed("GET", "/api/v3/account")["balances"]}
    return balances[asset]["free"], balances[asset]["locked"]


def test_a_resting_order_locks_what_it_may_cost_and_gives_it_back(client: Direct) -> None:
    placed = client.signed("POST", ORDER, **LIMIT)
    assert free(client, "USDT") == ("95100.00000000", "4900.00000000")
    client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert free(client, "USDT") == ("100000.00000000", "0.00000000")


def test_a_buyer_pays_in_what_it_buys_and_a_seller_in_what_it_gets(venue: SpotVenue, client: Direct) -> None:
    bought = client.signed("POST", ORDER, **MARKET)
    assert [(fill["commission"], fill["commissionAsset"]) for fill in bought["fills"]] == [("0.00010000", "BTC")]
    venue.floor.rest("BTCUSDT", Side.BUY, Decimal(49_000), Decimal(5))
    sold = client.signed("POST", ORDER, **MARKET | {"side": "SELL"})
    assert [(fill["commission"], fill["commissionAsset"]) for fill in sold["fills"]] == [("4.90000000", "USDT")]
    assert free(client, "BTC") == ("1.99990000", "0.00000000")


def test_orders_that_end_by_their_own_terms_say_why(client: Direct) -> None:
    told = client.signed("POST", ORDER, **LIMIT | {"timeInForce": "IOC"})
    assert (told["status"], told["expiryReason"]) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    told = client.signed("POST", ORDER, **LIMIT | {"timeInForce": "FOK"})
    assert (told["status"], told["expiryReason"]) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    told = client.signed("POST", ORDER, **MARKET | {"side": "SELL"})
    assert (told["status"], told["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")


REFUSED: list[tuple[dict[str, str], int]] = [
    (LIMIT | {"symbol": "NOPE"}, -1121),
    (LIMIT | {"side": "UP"}, -1117),
    (LIMIT | {"type": "STOP_LOSS"}, -1116),
    (LIMIT | {"timeInForce": "GTX"}, -1115),
    (LIMIT | {"quantity": "0.000001"}, -1013),
    (LIMIT | {"price": "49000.001"}, -1013),
    (LIMIT | {"quantity": "0.00001"}, -1013),
    (LIMIT | {"quantity": "8"}, -2010),
    (LIMIT | {"icebergQty": "0.01"}, -1106),
    (LIMIT | {"newClientOrderId": "with a space"}, -1100),
    (MARKET | {"timeInForce": "GTC"}, -1106),
    (MARKET | {"price": "1"}, -1106),
    (MARKET | {"quoteOrderQty": "100"}, -2010),
    (
        {name: value for name, value in LIMIT.items() if name != "timeInForce"}
        | {"type": "LIMIT_MAKER", "price": "50000"},
        -2010,
    ),
]


@pytest.mark.parametrize(("order", "code"), REFUSED, ids=[str(code) for _, code in REFUSED])
def test_an_order_is_refused_with_the_venues_code_and_leaves_nothing(
    venue: SpotVenue, client: Direct, order: dict[str, str], code: int
) -> None:
    assert client.signed("POST", ORDER, **order)["code"] == code
    assert venue.floor.orders_of(USER) == []


def test_replacing_cancels_and_places_or_says_which_half_failed(venue: SpotVenue, client: Direct) -> None:
    path = "/api/v3/order/cancelReplace"
    placed = client.signed("POST", ORDER, **LIMIT, newClientOrderId="mine")
    asked = LIMIT | {"cancelReplaceMode": "STOP_ON_FAILURE", "newClientOrderId": "mine", "price": "48000"}
    told = client.signed("POST", path, **asked, cancelOrderId=placed["orderId"])
    assert (told["cancelResult"], told["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert told["cancelResponse"]["origClientOrderId"] == "mine"
    again = client.signed("POST", path, **asked, cancelOrderId=placed["orderId"])
    assert (again["code"], again["data"]["newOrderResult"]) == (-2022, "NOT_ATTEMPTED")
    number = told["newOrderResponse"]["orderId"]
    half = client.signed("POST", path, **asked | {"quantity": "8"}, cancelOrderId=number)
    assert (half["code"], half["data"]["cancelResult"], half["data"]["newOrderResponse"]["code"]) == (
        -2021,
        "SUCCESS",
        -2010,
    )
    assert venue.floor.orders_of(USER, open_only=True) == []
    other = client.signed("POST", path, **asked | {"cancelReplaceMode": "ALLOW_FAILURE"}, cancelOrderId=number)
    assert (other["data"]["cancelResult"], other["data"]["newOrderResult"]) == ("FAILURE", "SUCCESS")


def test_a_quantity_is_lowered_and_never_raised(client: Direct) -> None:
    placed = client.signed("POST", ORDER, **LIMIT)
    named = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    path = "/api/v3/order/amend/keepPriority"
    assert client.signed("PUT", path, **named, newQty="0.05")["amendedOrder"]["qty"] == "0.05000000"
    assert client.signed("PUT", path, **named, newQty="0.07")["code"] == -2038
    assert client.signed("GET", ORDER, **named)["origQty"] == "0.05000000"


def test_an_accounts_events_come_over_the_api_in_json(venue: SpotVenue, client: Direct) -> None:
    session = listening(client)
    placed = client.signed("POST", ORDER, **LIMIT, newClientOrderId="mine")
    venue.floor.take("BTCUSDT", Side.SELL, Decimal("0.04"))
    client.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"], newClientOrderId="gone")
    events = [message["event"] for message in session.messages]
    reports = [event for event in events if event["e"] == "executionReport"]
    assert [(event["x"], event["X"], event["z"], event["c"], event["C"]) for event in reports] == [
        ("NEW", "NEW", "0.00000000", "mine", ""),
        ("TRADE", "PARTIALLY_FILLED", "0.04000000", "mine", ""),
        ("CANCELED", "CANCELED", "0.04000000", "gone", "mine"),
    ]
    positions = [event["B"] for event in events if event["e"] == "outboundAccountPosition"]
    assert {row["a"]: (row["f"], row["l"]) for row in positions[-1]} == {
        "USDT": ("98040.00000000", "0.00000000"),
        "BTC": ("2.03996000", "0.00000000"),
    }
    assert len({event["I"] for event in reports}) == 3


def test_the_same_events_come_in_sbe_where_the_session_asked_for_it(client: Direct) -> None:
    session = listening(client, SBE_QUERY)
    client.signed("POST", ORDER, **MARKET)
    written = [message for message in session.raw if isinstance(message, bytes)]
    report = decode(layouts.EXECUTION_REPORT, written[2])
    assert (report["lastQty"], report["commissionAsset"], report["subscriptionId"]) == (10_000_000, "BTC", 0)
    position = decode(layouts.ACCOUNT_POSITION, written[3])
    assert {row["asset"] for row in position["balances"]} == {"BTC", "USDT"}
    client.venue.floor.move_asset(USER, "BTC", Decimal("0.5"))
    written = [message for message in session.raw if isinstance(message, bytes)]
    assert decode(layouts.BALANCE_UPDATE, written[4])["freeQtyDelta"] == 50_000_000


def test_a_stream_that_expires_says_so_and_tells_no_more(venue: SpotVenue, client: Direct) -> None:
    plain, binary = listening(client), listening(client, SBE_QUERY)
    assert venue.expire_credentials() == 2
    client.signed("POST", ORDER, **LIMIT)
    assert [message["event"]["e"] for message in plain.messages] == ["eventStreamTerminated"]
    (ended,) = [message for message in binary.raw if isinstance(message, bytes)]
    assert decode(layouts.STREAM_ENDED, ended)["subscriptionId"] == 0


def test_answers_over_the_api_are_wrapped_in_sbe(client: Direct) -> None:
    session = Listener(client.venue, "/ws-api/v3", SBE_QUERY)
    client.venue.take_message(session.session, _json("order.place", client.parameters(**LIMIT)))
    client.venue.take_message(session.session, _json("order.cancel", client.parameters(symbol="BTCUSDT", orderId=1)))
    client.venue.take_message(session.session, _json("session.status", {}))
    answers = [decode(layouts.WEBSOCKET_RESPONSE, each) for each in session.raw if isinstance(each, bytes)]
    assert [(answer["id"], answer["status"]) for answer in answers] == [("1", 200), ("1", 400), ("1", 200)]
    assert decode(layouts.NEW_ORDER_FULL, answers[0]["result"])["symbol"] == "BTCUSDT"
    assert decode(layouts.ERROR, answers[1]["result"])["code"] == -2011
    assert decode(layouts.SESSION_STATUS, answers[2]["result"])["authorizedSince"] is None


def test_subscriptions_to_an_account_begin_and_end(client: Direct) -> None:
    session = listening(client)
    again = session.say(id="2", method="userDataStream.subscribe.signature", params=client.parameters())
    assert again["status"] == 400
    assert session.say(id="3", method="userDataStream.unsubscribe", params={"subscriptionId": 0})["status"] == 200
    client.signed("POST", ORDER, **LIMIT)
    assert [message for message in session.messages if "event" in message] == []
    assert session.say(id="4", method="userDataStream.subscribe", params={})["status"] == 401


def test_market_data_streams_in_json_and_in_sbe(venue: SpotVenue) -> None:
    names = "streams=btcusdt@bestBidAsk/btcusdt@depth/btcusdt@trade/btcusdt@depth20"
    plain = Listener(venue, "/ws/btcusdt@bookTicker")
    nobody = Listener(venue, "/sbe/stream", names)
    assert not nobody.is_taken
    key = next(each for each in venue.floor.accounts[USER].keys if each.kind == "ed25519")
    binary = Listener(venue, "/sbe/stream", names, {"x-mbx-apikey": key.key})
    venue.floor.rest("BTCUSDT", Side.BUY, Decimal(49_000), Decimal(2))
    venue.floor.take("BTCUSDT", Side.SELL, Decimal(1))
    assert [(message["b"], message["B"]) for message in plain.messages] == [
        ("49000.00000000", "2.00000000"),
        ("49000.00000000", "1.00000000"),
    ]
    written = [message for message in binary.raw if isinstance(message, bytes)]
    best = decode(sbe_streams.BEST_BID_ASK, written[0])
    assert (best["bidPrice"], best["askPrice"], best["symbol"]) == (49_000 * 10**8, 50_000 * 10**8, "BTCUSDT")
    difference = decode(sbe_streams.DEPTH_DIFF, written[1])
    assert [level["qty"] for level in difference["bids"]] == [2 * 10**8]
    assert len(decode(sbe_streams.DEPTH_SNAPSHOT, written[2])["asks"]) == 1
    (trade,) = decode(sbe_streams.TRADES, written[3])["trades"]
    assert (trade["qty"], trade["isBuyerMaker"]) == (10**8, 1)
