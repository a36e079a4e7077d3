"""The loopback OKX's channels: books and their checksums, and which subscriptions there are."""

import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.operation import Side
from nautilus_loopback.okx_desk import OkxDesk

SWAP = "BTC-USDT-SWAP"

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
def test_a_snapshot_and_its_updates_are_the_book(acts: list[tuple[str, Side, int, int]]) -> None:
    desk = OkxDesk()
    floor = desk.venue.floor
    depths = {"books": 400, "books50-l2-tbt": 50, "books5": 5, "bbo-tbt": 1}
    desk.subscribe("public", *({"channel": channel, "instId": SWAP} for channel in depths))
    for act, side, tick, quantity in acts:
        if act == "rest":
            away = -tick - 1 if side is Side.BUY else tick
            floor.rest(SWAP, side, Decimal(50_000) + Decimal(away) / 10, Decimal(quantity))
        elif act == "take":
            floor.take(SWAP, side, Decimal(quantity))
        else:
            floor.clear_book(SWAP)
    for channel, depth in depths.items():
        bids: dict[str, str] = {}
        asks: dict[str, str] = {}
        previous = -1
        for message in desk.told(channel):
            (row,) = message["data"]
            if message.get("action") != "update":
                bids.clear()
                asks.clear()
            else:
                assert row["prevSeqId"] == previous  # no gap: whoever misses one can tell
            previous = row["seqId"]
            for kept, told in ((bids, row["bids"]), (asks, row["asks"])):
                for price, size, *_ in told:
                    kept[price] = size
                    if size == "0":
                        del kept[price]
            if "checksum" in row:
                assert row["checksum"] == _checked(bids, asks)
        shown_bids, shown_asks = floor.market.book(SWAP, depth)
        assert {Decimal(price): Decimal(size) for price, size in bids.items()} == dict(shown_bids)
        assert {Decimal(price): Decimal(size) for price, size in asks.items()} == dict(shown_asks)


def _checked(bids: dict[str, str], asks: dict[str, str]) -> int:
    """The checksum as a client works it out from the text that it was told."""
    best_bids = sorted(bids.items(), key=lambda level: -Decimal(level[0]))[:25]
    best_asks = sorted(asks.items(), key=lambda level: Decimal(level[0]))[:25]
    parts: list[str] = []
    for number in range(25):
        for side in (best_bids, best_asks):
            parts += side[number] if number < len(side) else ()
    value = zlib.crc32(":".join(parts).encode())
    return value - 2**32 if value >= 2**31 else value


@pytest.mark.parametrize(
    ("socket", "arg", "code"),
    [
        ("public", {"channel": "tickers"}, "60012"),
        ("public", {"channel": "tickers", "instId": "NOTHING"}, "60018"),
        ("public", {"channel": "candle1m", "instId": SWAP}, "60018"),
        ("public", {"channel": "orders", "instType": "SWAP"}, "60018"),
        ("public", {"channel": "instruments", "instType": "BONDS"}, "60018"),
        ("private", {"channel": "fills"}, "60029"),
        ("private", {"channel": "orders"}, "60012"),
        ("business", {"channel": "account"}, "60018"),
    ],
)
def test_what_there_is_not_is_refused(socket: str, arg: dict[str, str], code: str) -> None:
    desk = OkxDesk()
    session = desk.open(socket)
    if socket != "public":
        desk.log_in(session)
    refused = desk.say(session, {"op": "subscribe", "args": [arg], "id": "s1"})
    assert (refused["event"], refused["code"], refused["id"]) == ("error", code, "s1")
    assert not session.topics


def test_orders_are_told_to_whom_they_fit() -> None:
    desk = OkxDesk()
    session = desk.subscribe("private", {"channel": "orders", "instType": "SWAP", "instFamily": "BTC-USDT"})
    desk.place()
    desk.place(instId="ETH-USDT-SWAP", px="2000")
    desk.place(instId="BTC-USDT", tdMode="cash", sz="1")
    assert [each["data"][0]["instId"] for each in desk.told("orders")] == [SWAP]
    ended: Any = desk.say(
        session,
        {"op": "unsubscribe", "args": [{"channel": "orders", "instType": "SWAP", "instFamily": "BTC-USDT"}]},
    )
    assert ended["event"] == "unsubscribe"
    desk.place()
    assert len(desk.told("orders")) == 1


def test_an_account_is_told_at_once_and_counted() -> None:
    desk = OkxDesk()
    desk.venue.floor.rest(SWAP, Side.SELL, Decimal(40_000), Decimal(4))
    desk.place(sz="4")
    everything = [{"channel": "account"}, {"channel": "positions", "instType": "ANY"}]
    desk.subscribe("private", *everything, {"channel": "balance_and_position"})
    assert [each["data"][0]["pos"] for each in desk.told("positions")] == ["4"]
    (whole,) = desk.told("balance_and_position")
    assert (whole["data"][0]["eventType"], whole["data"][0]["posData"][0]["pos"]) == ("snapshot", "4")
    counted = [message for _, message in desk.messages if message.get("event") == "channel-conn-count"]
    assert {(each["channel"], each["connCount"]) for each in counted} == {
        ("account", "1"),
        ("positions", "1"),
        ("balance_and_position", "1"),
    }
    desk.venue.floor.rest(SWAP, Side.BUY, Decimal(39_000), Decimal(4))
    desk.place(side="sell", sz="4", px="39000")
    assert desk.told("positions")[-1]["data"][0]["pos"] == "0"
    assert desk.told("balance_and_position")[-1]["data"][0]["eventType"] == "filled"
    desk.venue.floor.move_asset(1001, "USDT", Decimal(5))
    assert desk.told("balance_and_position")[-1]["data"][0]["eventType"] == "transferred"
