"""The loopback Bybit's public streams: a snapshot and its deltas are the book, whatever happens to it."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.operation import Side
from nautilus_loopback.bybit_desk import BybitDesk

LINEAR = "linear.BTCUSDT"

#: What others do: rest somewhere, take something, or leave.
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["rest", "take", "clear"]),
        st.sampled_from([Side.BUY, Side.SELL]),
        st.integers(0, 60),
        st.integers(1, 5),
    ),
    max_size=40,
)


@given(acts=ACTS)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_a_snapshot_and_its_deltas_are_the_book(acts: list[tuple[str, Side, int, int]]) -> None:
    desk = BybitDesk()
    floor = desk.venue.floor
    topics = {1: "orderbook.1.BTCUSDT", 50: "orderbook.50.BTCUSDT"}
    desk.subscribe("/v5/public/linear", *topics.values())
    for act, side, tick, quantity in acts:
        if act == "rest":
            away = -tick - 1 if side is Side.BUY else tick
            floor.rest(LINEAR, side, Decimal(50_000) + Decimal(away) / 10, Decimal(quantity))
        elif act == "take":
            floor.take(LINEAR, side, Decimal(quantity))
        else:
            floor.clear_book(LINEAR)
    for depth, topic in topics.items():
        sides: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}
        for number, message in enumerate(desk.told(topic)):
            data = message["data"]
            assert data["u"] == number + 1  # no gap: whoever misses one can tell
            for name, levels in sides.items():
                if message["type"] == "snapshot":
                    levels.clear()
                for price, size in data[name]:
                    levels[Decimal(price)] = Decimal(size)
                    if not Decimal(size):
                        del levels[Decimal(price)]
        bids, asks = floor.market.book(LINEAR, depth)
        assert sides["b"] == dict(bids)
        assert sides["a"] == dict(asks)


def test_a_category_has_its_own_topics() -> None:
    desk = BybitDesk()
    session = desk.open("/v5/public/inverse")
    assert desk.say(session, {"op": "subscribe", "args": ["publicTrade.BTCUSDT"]})["success"] is False
    assert desk.say(session, {"op": "subscribe", "args": ["publicTrade.BTCUSD"]})["success"] is True
    desk.venue.floor.market.print_trade(LINEAR, Side.BUY, Decimal(50_000), Decimal(1))
    desk.venue.floor.market.print_trade("inverse.BTCUSD", Side.SELL, Decimal(50_000), Decimal(7))
    (told,) = [message["data"][0] for message in desk.told("publicTrade.BTCUSD")]
    assert (told["S"], told["v"], told["p"]) == ("Sell", "7", "50000")
    assert desk.say(session, {"op": "unsubscribe", "args": ["publicTrade.BTCUSD"]})["success"] is True
    desk.venue.floor.market.print_trade("inverse.BTCUSD", Side.SELL, Decimal(50_000), Decimal(7))
    assert len(desk.told("publicTrade.BTCUSD")) == 1


def test_a_path_without_a_category_has_all_of_them() -> None:
    desk = BybitDesk()
    topics = ["publicTrade.BTCUSDT", "publicTrade.BTCUSDC", "publicTrade.BTCUSD"]
    desk.subscribe("/v5/public", *topics)
    for number, name in enumerate(("spot.BTCUSDT", LINEAR, "spot.BTCUSDC", "inverse.BTCUSD"), 1):
        desk.venue.floor.market.print_trade(name, Side.BUY, Decimal(50_000), Decimal(number))
    # The name that is a contract and a pair is the contract.
    assert [[each["data"][0]["v"] for each in desk.told(topic)] for topic in topics] == [["2"], ["3"], ["4"]]


def test_a_path_of_no_category_leads_nowhere() -> None:
    desk = BybitDesk()
    assert desk.open("/v5/public/spot").session_id in desk.venue.sessions
    with pytest.raises(AssertionError):
        desk.open("/v5/public/margin")
