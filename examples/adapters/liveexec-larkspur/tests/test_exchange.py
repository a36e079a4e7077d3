"""The loopback's matching engine: what it makes is what the adapter is judged by, so it is judged here."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larkspur_loopback.exchange import PAIRS, Exchange, Refusal

PAIR = PAIRS["BTC-USD"]
ORDERS = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.sampled_from(["a", "b"]),
            "side": st.sampled_from(["buy", "sell"]),
            "type": st.sampled_from(["limit", "market"]),
            "tif": st.sampled_from(["gtc", "ioc", "fok"]),
            "ticks": st.integers(-4, 4),
            "lots": st.integers(1, 5),
            "post_only": st.booleans(),
            "cancels": st.booleans(),
        }
    ),
    max_size=30,
)


def exchange() -> Exchange:
    made = Exchange()
    for key in ("a", "b"):
        made.open_account(key, key, {"BTC": Decimal(10), "USD": Decimal(1_000_000)})
    return made


def asked(number: int, drawn: dict[str, Any]) -> dict[str, Any]:
    is_limit = drawn["type"] == "limit"
    price = 60_000 + drawn["ticks"] * PAIR.tick
    return {
        **drawn,
        "client_id": f"c{number}",
        "symbol": PAIR.symbol,
        "quantity": str(drawn["lots"] * PAIR.lot),
        "price": str(price) if is_limit else None,
        "post_only": drawn["post_only"] and is_limit and drawn["tif"] == "gtc",
    }


# The same examples every time, however busy the machine is.
@settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(ORDERS)
def test_nothing_comes_of_nothing(orders: list[dict[str, Any]]) -> None:
    venue = exchange()
    for number, drawn in enumerate(orders):
        account = venue.accounts[drawn["who"]]
        try:
            order = venue.place(account, asked(number, drawn))
        except Refusal:
            continue
        if drawn["cancels"] and order.status == "open":
            venue.cancel(account, order)
    accounts = list(venue.accounts.values())
    fees = sum((fill.fee for each in accounts for fill in each.fills), Decimal(0))
    assert sum(each.balances["BTC"] for each in accounts) == 20
    assert sum(each.balances["USD"] for each in accounts) + fees == 2_000_000
    for each in accounts:
        for order in each.orders.values():
            assert order.filled == sum((one.quantity for one in each.fills if one.order is order), Decimal(0))
            assert (order.status == "filled") == (not order.leaves)
        assert all(each.available(asset) >= 0 for asset in ("BTC", "USD"))
    bids, asks = (venue.books[PAIR.symbol].levels(side) for side in ("buy", "sell"))
    assert not bids or not asks or bids[0][0] < asks[0][0], "the book is crossed"


def test_a_better_price_comes_first_and_then_who_came_first() -> None:
    venue = exchange()
    a, b = venue.accounts["a"], venue.accounts["b"]
    resting = [
        venue.place(a, asked(number, {"side": "sell", "type": "limit", "tif": "gtc", "ticks": ticks, "lots": 1,
                                      "post_only": False}))
        for number, ticks in enumerate((2, 1, 1))
    ]  # fmt: skip
    taking = {"side": "buy", "type": "market", "tif": "ioc", "ticks": 0, "lots": 2, "post_only": False}
    venue.place(b, asked(9, taking))
    assert [each.status for each in resting] == ["open", "filled", "filled"]
    assert [fill.order for fill in a.fills] == [resting[1], resting[2]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NO-PAIR"}, "UNKNOWN_SYMBOL"),
        ({"quantity": "0.00005"}, "BAD_QUANTITY"),
        ({"quantity": "NaN"}, "BAD_QUANTITY"),
        ({"price": "60000.1"}, "BAD_PRICE"),
        ({"price": 60000}, "BAD_PRICE"),
        ({"price": None}, "BAD_REQUEST"),
        ({"client_id": ""}, "BAD_REQUEST"),
        ({"quantity": "1000"}, "INSUFFICIENT_FUNDS"),
        ({"expires_us": 1}, "EXPIRED_REQUEST"),
    ],
)
def test_what_can_not_be_is_refused_with_its_code(changes: dict[str, Any], code: str) -> None:
    venue = exchange()
    good = {"side": "buy", "type": "limit", "tif": "gtc", "ticks": 0, "lots": 1, "post_only": False}
    with pytest.raises(Refusal) as refused:
        venue.place(venue.accounts["a"], {**asked(1, good), **changes})
    assert refused.value.body["error"]["code"] == code
    assert not venue.accounts["a"].orders
