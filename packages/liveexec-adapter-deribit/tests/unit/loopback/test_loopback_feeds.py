"""Channels: which names there are, and books that a client can rebuild from what it is told."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec_deribit.loopback.channels import parse_channel
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.feeds import Feed
from liveexec_deribit.loopback.hub import Hub, feed_of
from liveexec_deribit.loopback.session import Session
from loopback_support.exchanges import STEADY, Desk, make_desk

FLOW = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.sampled_from(["buy", "sell"]), st.integers(1, 9), st.integers(89_990, 90_010)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.just(("flush",)),
    ),
    max_size=50,
)


def make_feed(desk: Desk, name: str, user_id: int | None = None) -> Feed:
    channel = parse_channel(name, desk.exchange.markets, desk.exchange.indexes)
    assert channel is not None
    return feed_of(desk.exchange, channel, user_id)


class Rebuilt:
    """A client's book, kept with the notifications alone."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
        self.change_id: int | None = None

    def take(self, data: Any) -> None:
        if data["type"] == "snapshot":
            assert "prev_change_id" not in data
        else:
            assert data["prev_change_id"] == self.change_id
            assert data["change_id"] > data["prev_change_id"]
        self.change_id = data["change_id"]
        for side, levels in self.sides.items():
            for action, price, amount in data[side]:
                assert (action == "new") == (price not in levels)
                if action == "delete":
                    del levels[price]
                else:
                    assert levels.get(price) != amount
                    levels[price] = amount

    def levels(self) -> list[list[tuple[Decimal, Decimal]]]:
        return [sorted(self.sides["bids"].items(), reverse=True), sorted(self.sides["asks"].items())]


@STEADY
@given(FLOW, st.sampled_from(["raw", "100ms", "agg2"]))
def test_a_book_can_be_rebuilt_from_its_channel(flow: Sequence[tuple[Any, ...]], interval: str) -> None:
    desk, book = make_desk(), Rebuilt()
    desk.place(desk.second, "buy", 50, 89_000)
    feed = make_feed(desk, f"book.BTC-PERPETUAL.{interval}")
    for data in feed.opening():
        book.take(data)
    for step in flow:
        seen = len(desk.published)
        if step[0] == "order":
            desk.place(desk.second if step[2] % 2 else desk.first, step[1], step[2] * 10, step[3])
        elif step[0] == "cancel":
            orders = desk.second.open_orders()
            if step[1] < len(orders):
                desk.exchange.cancel([orders[step[1]]])
        for effects in desk.published[seen:]:
            told = list(feed.take(effects))
            assert interval == "raw" or not told
            for data in told:
                book.take(data)
        if step[0] == "flush":
            for data in feed.flush():
                book.take(data)
        if interval == "raw" or step[0] == "flush":
            assert book.levels() == [desk.levels("buy"), desk.levels("sell")]
            assert list(feed.flush()) == []


def test_a_grouped_book_rounds_away_from_the_middle() -> None:
    desk = make_desk()
    for price in ("89999.5", "89998", "89994.5"):
        desk.place(desk.second, "buy", 10, Decimal(price))
    for price in ("90000.5", "90003", "90005.5"):
        desk.place(desk.second, "sell", 10, Decimal(price))
    grouped: Any = next(iter(make_feed(desk, "book.BTC-PERPETUAL.10.10.100ms").opening()))
    assert grouped["bids"] == [(89_995, 20), (89_990, 10)]
    assert grouped["asks"] == [(90_005, 20), (90_010, 10)]
    best: Any = next(iter(make_feed(desk, "book.BTC-PERPETUAL.none.1.100ms").opening()))
    assert (best["bids"], best["asks"]) == ([(Decimal("89999.5"), 10)], [(Decimal("90000.5"), 10)])


def test_raw_orders_come_one_by_one_and_others_as_a_list_of_last_states() -> None:
    desk = make_desk()
    raw, gathered = (make_feed(desk, f"user.orders.any.BTC.{interval}", 1001) for interval in ("raw", "100ms"))
    changes = make_feed(desk, "user.changes.BTC-PERPETUAL.raw", 1001)
    told: dict[str, list[Any]] = {"raw": [], "gathered": [], "changes": []}

    def publish() -> None:
        effects = desk.published.pop()
        for name, feed in (("raw", raw), ("gathered", gathered), ("changes", changes)):
            told[name] += feed.take(effects)

    desk.place(desk.second, "sell", 100, 90_000)
    publish()
    order, _ = desk.place(desk.first, "buy", 150, 90_000)
    publish()
    desk.exchange.cancel([order])
    publish()
    assert [(data["order_id"], data["order_state"]) for data in told["raw"]] == [
        (order.order_id, "open"),
        (order.order_id, "cancelled"),
    ]
    assert told["gathered"] == []
    [data] = list(gathered.flush())
    assert isinstance(data, list)
    assert [(each["order_id"], each["order_state"]) for each in data] == [(order.order_id, "cancelled")]
    first, second = told["changes"]
    assert [len(first[name]) for name in ("orders", "trades", "positions")] == [1, 1, 1]
    assert [len(second[name]) for name in ("orders", "trades", "positions")] == [1, 0, 0]


@pytest.mark.parametrize(
    "name",
    [
        "user.orders.BTC-PERPETUAL.raw",
        "user.orders.future.BTC.100ms",
        "user.trades.any.any.agg2",
        "user.changes.BTC-PERPETUAL.raw",
        "user.portfolio.btc",
        "book.BTC-PERPETUAL.agg2",
        "book.BTC-PERPETUAL.none.20.100ms",
        "ticker.BTC-PERPETUAL.raw",
        "quote.BTC-PERPETUAL",
        "trades.future.any.100ms",
        "perpetual.BTC-PERPETUAL.raw",
        "chart.trades.BTC-PERPETUAL.1D",
        "deribit_price_index.btc_usd",
        "instrument.state.any.any",
        "platform_state",
    ],
)
def test_channels_that_there_are(name: str) -> None:
    desk = make_desk()
    channel = parse_channel(name, desk.exchange.markets, desk.exchange.indexes)
    assert channel is not None
    assert channel.name == name
    assert channel.is_private == name.startswith("user.")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "book.NOTHING.raw",
        "book.BTC-PERPETUAL.10ms",
        "book.BTC-PERPETUAL.none.20.raw",
        "book.BTC-PERPETUAL.3.20.100ms",
        "user.orders.stocks.any.raw",
        "user.trades.BTC-PERPETUAL",
        "chart.trades.BTC-PERPETUAL.7",
        "deribit_price_index.gold",
        "user.mmp_trigger.btc_usd",
    ],
)
def test_channels_that_there_are_not(name: str) -> None:
    desk = make_desk()
    assert parse_channel(name, desk.exchange.markets, desk.exchange.indexes) is None


def test_private_channels_and_raw_data_need_a_login() -> None:
    desk, told = make_desk(), list[str]()
    hub = Hub(lambda _, channel, __: told.append(channel))
    session = Session(carrier="websocket", deliver=lambda _: None, end=lambda _: None)
    assert hub.subscribe(desk.exchange, session, ["user.portfolio.btc", "quote.BTC-PERPETUAL"], private=False) == [
        "quote.BTC-PERPETUAL"
    ]
    with pytest.raises(VenueError, match="13778"):
        hub.subscribe(desk.exchange, session, ["book.BTC-PERPETUAL.raw"], private=False)
    assert told == hub.of(session) == ["quote.BTC-PERPETUAL"]
    assert hub.unsubscribe(session, ["quote.BTC-PERPETUAL", "platform_state"]) == ["quote.BTC-PERPETUAL"]
    assert hub.of(session) == []
