"""SBE: what is written is read back, and every answer tells the same in SBE as in JSON."""

import struct
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_support.direct import Direct
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.spot import layouts, sbe_streams, words
from liveexec_nautilus.loopback.binance.spot.sbe import Data, Group, Layout, decode, encode, fields
from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue

LAYOUT = Layout(
    "Example",
    7,
    fields("a:i8 b:u8 c:i64? d:u16? e:i32"),
    (Group("rows", fields("x:i64"), (Group("inner", data=(Data("word"),)),), (Data("raw", 2, is_text=False),)),),
    (Data("text"), Data("long", 4, is_text=False)),
)
_ROW = st.fixed_dictionaries(
    {
        "x": st.integers(-(2**63), 2**63 - 1),
        "inner": st.lists(st.fixed_dictionaries({"word": st.text(max_size=60)}), max_size=3),
        "raw": st.binary(max_size=300),
    }
)
_VALUES = st.fixed_dictionaries(
    {
        "a": st.integers(-128, 127),
        "b": st.integers(0, 255),
        "c": st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
        "d": st.none() | st.integers(0, 2**16 - 2),
        "e": st.integers(-(2**31), 2**31 - 1),
        "rows": st.lists(_ROW, max_size=4),
        "text": st.text(max_size=60),
        "long": st.binary(max_size=400),
    }
)


@given(_VALUES)
def test_what_is_written_is_read_back(values: dict[str, Any]) -> None:
    assert decode(LAYOUT, encode(LAYOUT, values)) == values


def test_a_message_is_read_as_the_schema_has_it_byte_by_byte() -> None:
    written = encode(
        layouts.DEPTH,
        {
            "lastUpdateId": 7,
            "priceExponent": -8,
            "qtyExponent": -8,
            "bids": [{"price": 5, "qty": 6}],
            "asks": [],
        },
    )
    header = struct.pack("<HHHH", 10, 200, 3, 5)
    bids = struct.pack("<HI", 16, 1) + struct.pack("<qq", 5, 6)
    assert written == header + struct.pack("<qbb", 7, -8, -8) + bids + struct.pack("<HI", 16, 0)


#: Block lengths added up field by field from the published schema.
LENGTHS = [
    (layouts.ORDER, 163),
    (layouts.NEW_ORDER_FULL, 154),
    (layouts.EXECUTION_REPORT, 282),
    (layouts.ACCOUNT, 64),
    (layouts.WEBSOCKET_RESPONSE, 3),
    (sbe_streams.BEST_BID_ASK, 50),
    (sbe_streams.DEPTH_DIFF, 26),
    (sbe_streams.TRADES, 18),
]


@pytest.mark.parametrize(("layout", "length"), LENGTHS, ids=[layout.name for layout, _ in LENGTHS])
def test_a_block_is_as_long_as_in_the_schema(layout: Layout, length: int) -> None:
    zeros: dict[str, Any] = {each.name: 0 for each in layout.fields} | {group.name: [] for group in layout.groups}
    assert struct.unpack_from("<H", encode(layout, zeros)) == (length,)


def test_a_value_that_is_missing_or_does_not_fit_is_an_error() -> None:
    with pytest.raises(KeyError):
        encode(layouts.TIME, {})
    with pytest.raises(struct.error):
        encode(layouts.ERROR, {"code": 2**20, "msg": ""})
    with pytest.raises(ValueError, match="another message"):
        decode(layouts.PING, encode(layouts.TIME, {"serverTime": 1}))
    with pytest.raises(ValueError, match="more than its layout"):
        decode(layouts.PING, encode(layouts.PING, {}) + b"x")


# Both encodings of the same answer

_TIMES = {"time", "updateTime", "transactTime", "workingTime", "serverTime"}
SBE = {"accept": "application/sbe", "x-mbx-sbe": "3:5"}
_WORDS = {
    "selfTradePreventionMode": {"EXPIRE_MAKER": words.SELF_TRADE_PREVENTION},
    "expiryReason": words.EXPIRY_REASON,
    "status": words.ORDER_STATUS,
    "timeInForce": words.TIME_IN_FORCE,
    "side": words.SIDE,
    "orderType": words.ORDER_TYPE,
}
#: SBE names of fields that JSON calls otherwise.
_RENAMED = {"orderType": "type", "aggTradeId": "a"}


@pytest.fixture(scope="module")
def client() -> Direct:
    """An account that has rested, traded, amended and canceled."""
    venue = SpotVenue()
    venue.floor.rest("BTCUSDT", Side.SELL, Decimal(50_010), Decimal(5))
    client = Direct(venue)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "50000.01"}
    client.signed("POST", "/api/v3/order", **order, quantity="0.3", newClientOrderId="mine")
    venue.floor.take("BTCUSDT", Side.SELL, Decimal("0.1"))
    client.signed("POST", "/api/v3/order", **order | {"timeInForce": "IOC"}, quantity="0.2")
    return client


def both(client: Direct, method: str, path: str, layout: Layout, **parameters: object) -> tuple[Any, Any]:
    as_json = client.signed(method, path, **parameters)
    answer = client.asked_with(SBE, method, path, **parameters)
    assert (answer.status, answer.media_type) == (200, "application/sbe")
    return as_json, decode(layout, answer.body)


def agree(as_json: dict[str, Any], values: dict[str, Any]) -> int:
    """Compare what both name; returns how many fields that were."""
    compared = 0
    for name, value in values.items():
        told = as_json.get(_RENAMED.get(name, name))
        if told is None or value is None or isinstance(value, list):
            continue
        if name in _TIMES:
            assert told == value // 1_000, name
        elif name in _WORDS and isinstance(told, str):
            assert _WORDS[name][told] == value, name
        elif isinstance(told, str) and isinstance(value, int):
            assert Decimal(told) == Decimal(value).scaleb(words.EXPONENT), name
        else:
            assert told == value, name
        compared += 1
    return compared


def test_orders_are_the_same_in_both_encodings(client: Direct) -> None:
    path = "/api/v3/allOrders"
    as_json, values = both(client, "GET", path, layouts.ORDERS, symbol="BTCUSDT")
    assert [agree(*pair) for pair in zip(as_json, values["orders"], strict=True)] == [17, 18]
    one, value = both(client, "GET", "/api/v3/order", layouts.ORDER, symbol="BTCUSDT", origClientOrderId="mine")
    assert agree(one, value) == 17


def test_fills_balances_and_rates_are_the_same_in_both_encodings(client: Direct) -> None:
    as_json, values = both(client, "GET", "/api/v3/myTrades", layouts.ACCOUNT_TRADES, symbol="BTCUSDT")
    assert [agree(*pair) for pair in zip(as_json, values["trades"], strict=True)] == [12]
    as_json, values = both(client, "GET", "/api/v3/account", layouts.ACCOUNT)
    assert [agree(*pair) for pair in zip(as_json["balances"], values["balances"], strict=True)] == [3, 3, 3]
    assert Decimal(as_json["commissionRates"]["maker"]) == Decimal(values["commissionRateMaker"]).scaleb(-8)
    as_json, values = both(client, "GET", "/api/v3/account/commission", layouts.COMMISSION, symbol="BTCUSDT")
    assert Decimal(as_json["standardCommission"]["taker"]) == Decimal(values["standardCommissionTaker"]).scaleb(-8)


def test_market_data_is_the_same_in_both_encodings(client: Direct) -> None:
    as_json, values = both(client, "GET", "/api/v3/depth", layouts.DEPTH, symbol="BTCUSDT")
    for side in ("bids", "asks"):
        assert [[Decimal(part) for part in level] for level in as_json[side]] == [
            [Decimal(level["price"]).scaleb(-8), Decimal(level["qty"]).scaleb(-8)] for level in values[side]
        ]
    as_json, values = both(client, "GET", "/api/v3/trades", layouts.TRADES, symbol="BTCUSDT")
    assert [agree(*pair) for pair in zip(as_json, values["trades"], strict=True)] == [7]
    as_json, values = both(client, "GET", "/api/v3/aggTrades", layouts.AGG_TRADES, symbol="BTCUSDT")
    assert [trade["a"] for trade in as_json] == [trade["aggTradeId"] for trade in values["aggTrades"]]
    _, values = both(client, "GET", "/api/v3/time", layouts.TIME)
    assert values["serverTime"] > 10**15
    as_json, values = both(client, "GET", "/api/v3/exchangeInfo", layouts.EXCHANGE_INFO)
    for listed, symbol in zip(as_json["symbols"], values["symbols"], strict=True):
        assert (listed["symbol"], listed["baseAsset"]) == (symbol["symbol"], symbol["baseAsset"])
        price = decode(layouts.FILTER_PRICE, symbol["filters"][0]["filter"])
        assert Decimal(listed["filters"][0]["tickSize"]) == Decimal(price["tickSize"]).scaleb(-8)
        lot = decode(layouts.FILTER_LOT_SIZE, symbol["filters"][1]["filter"])
        assert Decimal(listed["filters"][1]["stepSize"]) == Decimal(lot["stepSize"]).scaleb(-8)


def test_answers_to_trading_are_messages_of_their_layouts(client: Direct) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "49000"}
    for wanted, layout in (
        ("ACK", layouts.NEW_ORDER_ACK),
        ("RESULT", layouts.NEW_ORDER_RESULT),
        ("FULL", layouts.NEW_ORDER_FULL),
    ):
        asked = order | {"quantity": "0.01", "newOrderRespType": wanted, "newClientOrderId": f"sbe-{wanted}"}
        answer = client.asked_with(SBE, "POST", "/api/v3/order", **asked)
        assert decode(layout, answer.body)["clientOrderId"] == f"sbe-{wanted}"
    named = {"symbol": "BTCUSDT", "origClientOrderId": "sbe-ACK"}
    answer = client.asked_with(SBE, "PUT", "/api/v3/order/amend/keepPriority", **named, newQty="0.005")
    assert decode(layouts.AMENDED, answer.body)["qty"] == 500_000
    answer = client.asked_with(SBE, "DELETE", "/api/v3/order", **named)
    assert decode(layouts.CANCELED, answer.body)["origClientOrderId"] == "sbe-ACK"
    answer = client.asked_with(SBE, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    gone = [
        decode(layouts.CANCELED, each["response"]) for each in decode(layouts.CANCELED_ALL, answer.body)["responses"]
    ]
    assert {each["origClientOrderId"] for each in gone} >= {"sbe-RESULT", "sbe-FULL"}
    refused = client.asked_with(SBE, "DELETE", "/api/v3/order", **named)
    assert (refused.status, decode(layouts.ERROR, refused.body)["code"]) == (400, -2011)


def test_what_has_no_layout_here_and_another_schema_are_refused(client: Direct) -> None:
    other = client.asked_with(SBE | {"x-mbx-sbe": "2:0"}, "GET", "/api/v3/time")
    assert (other.status, decode(layouts.ERROR, other.body)["code"]) == (400, -1152)
    without = client.asked_with(SBE, "GET", "/api/v3/ticker/24hr", symbol="BTCUSDT")
    assert without.status == 406
    assert msgspec.json.decode(client.answered("GET", "/api/v3/time").body)["serverTime"] > 10**12
