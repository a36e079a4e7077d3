"""The same replay on the paper host and on NautilusTrader's backtest engine: the same orders, routes, children, fills.

Where matching rules differ the results may, and each such difference has a test here that shows it:

- An order that nothing is offered for: the backtest engine rejects it ("No market"), a paper venue accepts and cancels
  it.
- A limit order that the book comes through trades at its own price on both; how much of it may differ, since the
  backtest engine lets recorded trades and books fill it by rules of its own (queue positions are the same idea, worked
  out separately). Such fills are compared by their sum, within the tolerance that the test states.
"""

from decimal import Decimal
from typing import Any

import pytest
from attrs import asdict

from liveexec.domain.operation import Side
from liveexec.replay.driver import TimedIntent
from liveexec.replay.paper_host import PaperHost
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
