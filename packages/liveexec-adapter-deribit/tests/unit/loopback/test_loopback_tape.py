"""The tape and its figures: ticks, candles, and a day that moves on."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loopback_support.exchanges import STEADY, make_desk

TRADES = st.lists(
    st.tuples(st.integers(0, 20 * 3_600_000), st.integers(1, 50), st.integers(89_000, 91_000)), min_size=1, max_size=25
)
DAY_MS = 24 * 3_600_000


@STEADY
@given(TRADES, st.integers(0, 3 * DAY_MS))
def test_a_days_figures_are_those_of_the_trades_of_that_day(
    trades: Sequence[tuple[int, int, int]], later_ms: int
) -> None:
    desk = make_desk()
    clock, market = desk.exchange.clock, desk.exchange.market("BTC-PERPETUAL")
    for wait_ms, contracts, price in trades:
        clock.advance(wait_ms)
        desk.place(desk.second, "sell", contracts * 10, price)
        desk.place(desk.first, "buy", contracts * 10, price, time_in_force="immediate_or_cancel")
        market.stats(clock.now_ms())
    clock.advance(later_ms)
    now = clock.now_ms()
    day = [trade for trade in market.tape if trade.at_ms > now - DAY_MS]
    stats: Any = market.stats(now)
    assert stats["high"] == max((trade.price for trade in day), default=None)
    assert stats["low"] == min((trade.price for trade in day), default=None)
    assert stats["volume_usd"] == sum(trade.amount for trade in day)
    assert abs(stats["volume"] - sum((trade.coins for trade in day), Decimal(0))) < Decimal("1e-12")
    assert (stats["price_change"] is None) == (not day)


@STEADY
@given(TRADES, st.sampled_from([60_000, 3_600_000, DAY_MS]))
def test_candles_hold_every_trade_once(trades: Sequence[tuple[int, int, int]], width_ms: int) -> None:
    desk = make_desk()
    clock, market = desk.exchange.clock, desk.exchange.market("BTC-PERPETUAL")
    begun = clock.now_ms()
    for wait_ms, contracts, price in trades:
        clock.advance(wait_ms)
        desk.place(desk.second, "sell", contracts * 10, price)
        desk.place(desk.first, "buy", contracts * 10, price, time_in_force="immediate_or_cancel")
    candles: list[Any] = market.candles(begun, clock.now_ms(), width_ms)
    assert sum(candle["cost"] for candle in candles) == sum(trade.amount for trade in market.tape)
    ticks = [candle["tick"] for candle in candles]
    assert ticks == sorted(set(ticks))
    assert all(tick % width_ms == 0 for tick in ticks)
    for candle in candles:
        assert candle["low"] <= min(candle["open"], candle["close"])
        assert candle["high"] >= max(candle["open"], candle["close"])


def test_the_tick_direction_remembers_the_last_change() -> None:
    desk = make_desk()
    for price in (90_000, 90_000, 89_990, 89_990, 90_010):
        desk.place(desk.second, "sell", 10, price)
        desk.place(desk.first, "buy", 10, price)
    directions = [trade.tick_direction for trade in desk.exchange.market("BTC-PERPETUAL").tape]
    assert directions == [0, 1, 2, 3, 0]


def test_a_mark_follows_what_there_is() -> None:
    desk = make_desk()
    market = desk.exchange.market("BTC-PERPETUAL")
    assert market.mark_price == 90_000  # the index
    desk.place(desk.second, "sell", 10, 90_100)
    desk.place(desk.first, "buy", 10, 90_100)
    assert market.mark_price == 90_100  # the last trade
    desk.place(desk.second, "sell", 10, 90_400)
    desk.place(desk.second, "buy", 10, 90_000)
    assert market.mark_price == 90_200  # the middle
    desk.exchange.set_mark(market, Decimal(95_000))
    assert market.mark_price == 95_000
    assert (market.bound("buy"), market.bound("sell")) == (142_500, 47_500)
    order, _ = desk.place(desk.first, "buy", 10, 200_000, time_in_force="immediate_or_cancel")
    assert order.price == 142_500  # clamped, as the venue does with futures
