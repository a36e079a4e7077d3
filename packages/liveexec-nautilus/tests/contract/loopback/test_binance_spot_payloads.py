"""Every JSON message of the Spot loopback has the fields and types of the venue's own."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from binance_support.direct import Direct, Listener
from binance_support.recorded import differences, recorded
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.spot.venue import SpotVenue

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "50000"}
#: Documented, and left out of the recorded reports: iceberg quantity, list, execution id, quote amounts, working time,
#: self-trade prevention and an unused field.
REPORT_MORE = {"+F", "+g", "+I", "+M", "+Y", "+Q", "+W", "+V"}


class Traded:
    """A venue where an account has rested, traded and canceled, and listened all along."""

    def __init__(self) -> None:
        self.venue = SpotVenue()
        self.client = Direct(self.venue)
        self.user = Listener(self.venue, "/ws-api/v3")
        signed = self.client.parameters()
        self.user.say(id="1", method="userDataStream.subscribe.signature", params=signed)
        self.venue.floor.rest("BTCUSDT", Side.SELL, Decimal(50_010), Decimal(5))
        self.asked("POST", "order", **ORDER, quantity="0.002", newClientOrderId="mine")
        self.venue.floor.take("BTCUSDT", Side.SELL, Decimal("0.001"))
        self.market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
        self.placed = self.asked("POST", "order", **self.market)
        self.asked("POST", "order", **ORDER, quantity="0.003", newClientOrderId="other")
        self.canceled = self.asked("DELETE", "order", symbol="BTCUSDT", origClientOrderId="other")
        self.asked("POST", "order", **ORDER | {"timeInForce": "IOC"}, quantity="0.003")
        self.venue.floor.move_asset(1001, "BTC", Decimal("0.001"))

    def asked(self, method: str, path: str, **parameters: object) -> Any:
        return self.client.signed(method, f"/api/v3/{path}", **parameters)

    def shown(self, path: str, **parameters: object) -> Any:
        return self.client.public("GET", f"/api/v3/{path}", symbol="BTCUSDT", **parameters)

    def told(self, event: str, change: str | None = None) -> Any:
        """The first event of this kind on the account's stream."""
        return next(
            message["event"]
            for message in self.user.messages
            if message.get("event", {}).get("e") == event and (change is None or message["event"]["x"] == change)
        )


@pytest.fixture(scope="module")
def traded() -> Traded:
    """One such venue for all of these tests, which only look."""
    return Traded()


ANSWERS: list[tuple[str, Callable[[Traded], Any]]] = [
    ("account_response", lambda it: it.asked("GET", "account")),
    ("account_trades_response", lambda it: it.asked("GET", "myTrades", symbol="BTCUSDT")),
    ("all_orders_response", lambda it: it.asked("GET", "allOrders", symbol="BTCUSDT")[:1]),
    ("avg_price_response", lambda it: it.shown("avgPrice")),
    ("book_ticker_response", lambda it: it.shown("ticker/bookTicker")),
    ("cancel_order_response", lambda it: it.canceled),
    ("depth_response", lambda it: it.shown("depth") | {"bids": it.shown("depth")["asks"]}),
    ("new_order_full_response", lambda it: it.placed),
    ("open_orders_response", lambda it: it.asked("GET", "openOrders")),
    ("order_response", lambda it: it.asked("GET", "order", symbol="BTCUSDT", origClientOrderId="mine")),
    ("ping_response", lambda it: it.client.public("GET", "/api/v3/ping")),
    ("server_time_response", lambda it: it.client.public("GET", "/api/v3/time")),
    ("ticker_24hr_response", lambda it: it.shown("ticker/24hr")),
    ("ticker_price_response", lambda it: it.shown("ticker/price")),
    ("trades_response", lambda it: it.shown("trades")),
]


@pytest.mark.parametrize(("name", "ours"), ANSWERS, ids=[name for name, _ in ANSWERS])
def test_an_answer_has_the_recorded_fields_and_types(traded: Traded, name: str, ours: Callable[[Traded], Any]) -> None:
    assert list(differences(ours(traded), recorded(f"spot/http_json/{name}.json"))) == []


def test_the_listing_has_the_recorded_fields_and_types(traded: Traded) -> None:
    theirs = recorded("spot/http_json/exchange_info_response.json")
    ours = traded.client.public("GET", "/api/v3/exchangeInfo")
    # There are no smart order routes here.
    assert list(differences(ours | {"sors": theirs["sors"]}, theirs)) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [("NEW", "new"), ("TRADE", "trade"), ("CANCELED", "canceled"), ("EXPIRED", "expired")],
)
def test_an_execution_report_has_the_recorded_fields_and_types(traded: Traded, change: str, name: str) -> None:
    theirs = recorded(f"spot/user_data_json/execution_report_{name}.json")
    assert set(differences(traded.told("executionReport", change), theirs)) == REPORT_MORE


@pytest.mark.parametrize(
    ("event", "name"), [("outboundAccountPosition", "account_position"), ("balanceUpdate", "balance_update")]
)
def test_an_accounts_event_has_the_recorded_fields_and_types(traded: Traded, event: str, name: str) -> None:
    assert list(differences(traded.told(event), recorded(f"spot/user_data_json/{name}.json"))) == []


def test_an_event_is_wrapped_as_recorded(traded: Traded) -> None:
    theirs = recorded("spot/user_data_json/account_position_wrapped.json")
    ours = next(each for each in traded.user.messages if each.get("event", {}).get("e") == theirs["event"]["e"])
    assert list(differences(ours, theirs)) == []
