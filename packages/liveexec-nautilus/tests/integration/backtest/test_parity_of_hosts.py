"""The same replay on the paper host and on NautilusTrader's backtest engine: the same orders, routes, children, fills.

Orders that take are equal to the last place. Orders that rest, and books that are taken from again and again, may fill
otherwise, since the matching rules differ; that is compared within a tolerance, and each difference has a test of its
own here:

- What was taken from a level stays taken on the backtest engine until that level's quantity changes; a paper venue also
  forgets it when the price leaves the visible book, and counts an increase as new liquidity only.
- A recorded trade that follows a book takes from its level on the backtest engine; on a paper venue it takes from no
  level, since the next book shows what it left.
- An order that meets an empty book is rejected there, and accepted and canceled on a paper venue.
"""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from attrs import asdict

from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.replay.market import EventMarket
from liveexec.replay.paper_host import PaperHost
from liveexec.replay.parts import TimedIntent
from liveexec.venues.paper.market import MarketEvent
from liveexec_nautilus.backtest.host import NautilusHost
from support.nautilus_replays import (
    NORTH_INVERSE,
    NORTH_PERP,
    NORTH_SPOT,
    PERP,
    Replayed,
    market,
    replay,
    signal,
)
from support.scripted_venues import Events, book, trade

SIGNALS = [
    signal(2, NORTH_PERP, Side.BUY, "0.5"),
    signal(3, NORTH_SPOT, Side.BUY, "0.25"),
    signal(4, NORTH_INVERSE, Side.SELL, "500"),
    signal(5, PERP, Side.BUY, "1.5"),
    signal(10, PERP, Side.SELL, "1.2", algorithm="TWAP", params={"horizon_secs": 20, "interval_secs": 5}),
    signal(33, NORTH_SPOT, Side.SELL, "0.8", algorithm="VWAP", params={"horizon_secs": 10, "intervals": 5}),
    signal(45, NORTH_PERP, Side.BUY, "1", algorithm="ICEBERG", price="60500", params={"visible_quantity": "0.2"}),
    signal(50, NORTH_PERP, Side.SELL, "0.4", reduce_only=True),
]


def both(signals: list[TimedIntent], seconds: int = 60, seed: int = 7) -> tuple[Replayed, Replayed]:
    return (
        replay(PaperHost(), signals, through=market(seconds, seed=seed)),
        replay(NautilusHost(), signals, through=market(seconds, seed=seed)),
    )


@pytest.fixture(scope="module")
def aggressive() -> tuple[Replayed, Replayed]:
    return both(SIGNALS)


def test_the_same_orders_and_children_end_the_same_way(aggressive: tuple[Replayed, Replayed]) -> None:
    paper, nautilus = aggressive

    def shape(replayed: Replayed) -> list[tuple[object, ...]]:
        return [
            (
                order.order_id,
                order.parent_id,
                order.instrument_id,
                order.account_id,
                order.status,
                order.quantity,
                order.filled_quantity,
                replayed.kinds(order),
            )
            for order in replayed.orders
        ]

    assert len(shape(paper)) > len(SIGNALS)
    assert shape(nautilus) == shape(paper)


def test_the_same_routes_for_the_same_reasons(aggressive: tuple[Replayed, Replayed]) -> None:
    paper, nautilus = aggressive

    def plans(replayed: Replayed) -> list[dict[str, Any]]:
        # Every leg and every candidate, with its price, fee, slippage, score, or why it was left out.
        return [asdict(route) for route in replayed.routes]

    assert len(plans(paper)) == len([order for order in paper.orders if order.instrument_id is not None])
    assert plans(nautilus) == plans(paper)


def test_fills_that_take_are_equal_to_the_last_place(aggressive: tuple[Replayed, Replayed]) -> None:
    paper, nautilus = aggressive

    def taken(replayed: Replayed) -> list[tuple[object, ...]]:
        return [
            (
                fill.instrument_id,
                fill.side,
                fill.quantity,
                fill.price,
                fill.fee_asset,
                fill.liquidity,
                fill.venue_time_ns,
            )
            for fill in replayed.fills
        ]

    assert taken(nautilus) == taken(paper)
    for ours, theirs in zip(paper.fills, nautilus.fills, strict=True):
        assert abs(ours.fee - theirs.fee) <= Decimal("1e-16")  # the library's amounts have 16 places, ours 18


def test_what_the_venues_hold_at_the_end_is_the_same(aggressive: tuple[Replayed, Replayed]) -> None:
    paper, nautilus = aggressive
    assert {each.instrument_id: each.quantity for each in nautilus.truth.positions} == {
        each.instrument_id: each.quantity for each in paper.truth.positions
    }
    theirs = {(each.account_id, each.asset): each.total for each in paper.truth.balances}
    for balance in nautilus.truth.balances:
        assert abs(balance.total - theirs[balance.account_id, balance.asset]) <= Decimal("1e-14")
    assert nautilus.truth.market_events == paper.truth.market_events
    assert nautilus.truth.ended_at_ns == paper.truth.ended_at_ns


LIMITS = ["59960.0", "59985.5", "59998.0", "60000.5", "60003.0", "60020.0", "60050.5"]
KINDS: list[dict[str, Any]] = [
    {},
    {"post_only": True},
    {"time_in_force": TimeInForce.IOC},
    {"time_in_force": TimeInForce.FOK},
    {"time_in_force": TimeInForce.DAY},
]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_orders_that_rest_fill_alike(seed: int) -> None:
    draw = Random(seed)
    signals = [
        signal(
            2 + number * 0.9,
            draw.choice([NORTH_PERP, NORTH_SPOT, PERP]),
            draw.choice([Side.BUY, Side.SELL]),
            f"{draw.randint(1, 2_500) / 1_000:.3f}",
            **({"price": draw.choice(LIMITS), **draw.choice(KINDS)} if number % 4 else {}),
        )
        for number in range(60)
    ]
    paper, nautilus = both(signals, seconds=65, seed=seed)
    theirs = {order.order_id: order for order in paper.orders}
    alike = [order for order in nautilus.orders if order.status is theirs[order.order_id].status]
    assert len(nautilus.orders) == len(theirs) >= 60
    assert len(alike) >= len(theirs) * Decimal("0.95")
    for ours in alike:
        other = theirs[ours.order_id]
        assert abs(ours.filled_quantity - other.filled_quantity) <= other.quantity / 20
        if ours.average_price is not None and other.average_price is not None:
            # A basis point.
            assert abs(ours.average_price - other.average_price) <= other.average_price / 10_000


@pytest.mark.parametrize("host", [PaperHost(), NautilusHost()], ids=["paper", "nautilus"])
def test_difference_an_empty_book(host: Any) -> None:
    bids = [("100.0", "1")]
    replayed = replay(
        host,
        [signal(1, NORTH_PERP, Side.BUY, "1")],
        through=EventMarket(Events([book(0, bids, []), book(9, bids, [])])),
    )
    (order,) = replayed.orders
    expected = OrderStatus.CANCELED if isinstance(host, PaperHost) else OrderStatus.REJECTED
    assert order.status is expected
    assert not replayed.fills


@pytest.mark.parametrize(("host", "left"), [(PaperHost(), "2"), (NautilusHost(), "1.5")], ids=["paper", "nautilus"])
def test_difference_a_trade_after_its_book(host: Any, left: str) -> None:
    events: list[MarketEvent] = [
        book(0, [("100.0", "1")], [("100.1", "2"), ("100.2", "5")]),
        trade(0.5, "100.1", "0.5", Side.BUY),
        book(9, [("100.0", "1")], [("100.1", "2")]),
    ]
    replayed = replay(host, [signal(1, NORTH_PERP, Side.BUY, "3")], through=EventMarket(Events(events)))
    assert [fill.quantity for fill in replayed.fills] == [Decimal(left), 3 - Decimal(left)]


@pytest.mark.parametrize(("host", "taken"), [(PaperHost(), "2"), (NautilusHost(), "1")], ids=["paper", "nautilus"])
def test_difference_a_level_that_was_out_of_sight(host: Any, taken: str) -> None:
    shown, gone = [("100.1", "1"), ("100.3", "9")], [("100.2", "4"), ("100.3", "9")]
    events = [book(second, [("100.0", "1")], asks) for second, asks in enumerate((shown, shown, gone, shown, shown))]
    signals = [
        signal(at_s, NORTH_PERP, Side.BUY, "1", price="100.1", time_in_force=TimeInForce.IOC) for at_s in (0.5, 3.5)
    ]
    replayed = replay(host, signals, through=EventMarket(Events(events)))
    assert sum(fill.quantity for fill in replayed.fills) == Decimal(taken)
