"""Every message of the futures loopback has the fields and JSON types of the venue's own."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from binance_support.direct import Direct, Listener
from binance_support.recorded import differences, recorded
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue

#: Pushed for trailing stops only, which this venue does not take ("Event: Order Update").
TRAILING_ONLY = {"-o.AP", "-o.cr"}
#: Documented since the payloads were recorded: price match, good-till date, expiry reason.
LATER = {"+o.pm", "+o.gtd", "+o.er"}


class Traded:
    """A venue where an account has rested, traded a part, and listened all along."""

    def __init__(self) -> None:
        self.venue = FuturesVenue()
        self.client = Direct(self.venue)
        key = self.client.keyed("POST", "/fapi/v1/listenKey")["listenKey"]
        self.user = Listener(self.venue, f"/ws/{key}")
        names = ("bookTicker", "depth@0ms", "aggTrade", "trade", "markPrice")
        self.market = Listener(self.venue, "/ws")
        self.market.say(method="SUBSCRIBE", params=[f"btcusdt@{name}" for name in names], id=1)
        self.venue.floor.rest("BTCUSDT", Side.SELL, Decimal(50_010), Decimal(5))
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "newClientOrderId": "mine"}
        self.placed = self.client.signed("POST", "/fapi/v1/order", **order, quantity="0.002", price="50000.00")
        self.venue.floor.take("BTCUSDT", Side.SELL, Decimal("0.001"))
        self.venue.floor.market.set_mark("BTCUSDT", Decimal(50_005))

    def asked(self, path: str, **parameters: object) -> Any:
        return self.client.signed("GET", path, **parameters)

    def told(self, event: str, change: str | None = None) -> Any:
        """The first message of this kind that a stream told."""
        return next(
            message
            for message in [*self.user.messages, *self.market.messages]
            if message.get("e") == event and (change is None or message["o"]["x"] == change)
        )


@pytest.fixture(scope="module")
def traded() -> Traded:
    """One such venue for all of these tests, which only look."""
    return Traded()


ANSWERS: list[tuple[str, Callable[[Traded], Any]]] = [
    ("http_json/account_info_v2.json", lambda it: it.asked("/fapi/v2/account")),
    ("http_json/balance.json", lambda it: it.asked("/fapi/v2/balance")),
    (
        "http_json/order_response.json",
        lambda it: it.asked("/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="mine"),
    ),
    ("http_json/position_risk.json", lambda it: it.asked("/fapi/v2/positionRisk", symbol="BTCUSDT")),
    ("market_data_json/agg_trade_stream.json", lambda it: it.told("aggTrade")),
    ("market_data_json/book_ticker_stream.json", lambda it: it.told("bookTicker")),
    ("market_data_json/mark_price_stream.json", lambda it: it.told("markPriceUpdate")),
    ("market_data_json/trade_stream.json", lambda it: it.told("trade")),
    ("user_data_json/account_update.json", lambda it: it.told("ACCOUNT_UPDATE")),
    ("user_data_json/trade_lite.json", lambda it: it.told("TRADE_LITE")),
]


@pytest.mark.parametrize(("name", "ours"), ANSWERS, ids=[name for name, _ in ANSWERS])
def test_a_message_has_the_recorded_fields_and_types(traded: Traded, name: str, ours: Callable[[Traded], Any]) -> None:
    assert list(differences(ours(traded), recorded(f"futures/{name}"))) == []


def test_a_book_difference_has_the_recorded_fields(traded: Traded) -> None:
    theirs = recorded("futures/market_data_json/depth_update_stream.json")
    ours = traded.told("depthUpdate")
    assert set(ours) == set(theirs)
    assert all(isinstance(part, str) for level in (*ours["b"], *ours["a"]) for part in level)


@pytest.mark.parametrize(("change", "name"), [("NEW", "order_update_new"), ("TRADE", "order_update_trade_partial")])
def test_an_order_update_has_the_recorded_fields_and_types(traded: Traded, change: str, name: str) -> None:
    theirs = recorded(f"futures/user_data_json/{name}.json")
    found = set(differences(traded.told("ORDER_TRADE_UPDATE", change), theirs))
    assert found == TRAILING_ONLY | LATER


def test_the_answer_to_a_new_order_has_the_fields_of_one_asked_about(traded: Traded) -> None:
    """It has the sum ``cumQty`` besides, and no time of placing."""
    theirs = recorded("futures/http_json/order_response.json")
    assert set(differences(traded.placed, theirs)) == {"+cumQty", "-time"}
