"""Fills fold into positions without losing or making money."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from liveexec_deribit.loopback.instruments import Instrument
from liveexec_deribit.loopback.orders import Direction
from liveexec_deribit.loopback.positions import Position
from loopback_support.exchanges import STEADY, make_desk

MARKETS = make_desk().exchange.markets
FILLS = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 500), st.integers(1_000, 200_000)),
    min_size=1,
    max_size=30,
)
INSTRUMENTS = st.sampled_from(
    [MARKETS[name].instrument for name in ("BTC-PERPETUAL", "ETH_USDC-PERPETUAL", "BTC-26JUN26-100000-C")]
)
NEARLY = Decimal("1e-15")


def cash_of(instrument: Instrument, direction: Direction, amount: Decimal, price: Decimal) -> Decimal:
    """What a fill would bring if every fill were paid in full: the same money as profits, told another way."""
    sign = 1 if direction == "buy" else -1
    return sign * amount / price if instrument.amount_in_dollars else -sign * amount * price


@STEADY
@given(INSTRUMENTS, FILLS, st.integers(1_000, 200_000))
def test_profits_are_what_paying_every_fill_in_full_would_come_to(
    instrument: Instrument, fills: Sequence[tuple[Direction, int, int]], mark: int
) -> None:
    position, cash, size = Position(instrument), Decimal(0), Decimal(0)
    for direction, amount, price in fills:
        position.fill(direction, Decimal(amount), Decimal(price))
        cash += cash_of(instrument, direction, Decimal(amount), Decimal(price))
        size += amount if direction == "buy" else -amount
        assert position.size == size
        assert (position.average_price == 0) == (size == 0)
    closing: Direction = "sell" if size > 0 else "buy"
    worth = cash + cash_of(instrument, closing, abs(size), Decimal(mark))
    earned = position.realized + position.floating(Decimal(mark))
    assert abs(earned - worth) <= NEARLY * max(Decimal(1), abs(worth)) * len(fills) * 1_000


@STEADY
@given(INSTRUMENTS, FILLS)
def test_an_average_price_lies_between_the_prices_that_opened_it(
    instrument: Instrument, fills: Sequence[tuple[Direction, int, int]]
) -> None:
    position = Position(instrument)
    low = high = Decimal(0)
    for direction, amount, price in fills:
        before = position.size
        position.fill(direction, Decimal(amount), Decimal(price))
        if not position.size:
            continue
        if not before or (before > 0) != (position.size > 0):
            low = high = Decimal(price)
        elif abs(position.size) > abs(before):
            low, high = min(low, Decimal(price)), max(high, Decimal(price))
        assert low * (1 - NEARLY) <= position.average_price <= high * (1 + NEARLY)


def test_an_inverse_position_counts_dollars_and_earns_coins() -> None:
    position = Position(MARKETS["BTC-PERPETUAL"].instrument)
    position.fill("buy", Decimal(100), Decimal(50_000))
    position.fill("buy", Decimal(100), Decimal(100_000))
    assert round(position.average_price, 6) == Decimal("66666.666667")
    earned = position.fill("sell", Decimal(200), Decimal(100_000))
    assert round(earned, 12) == Decimal("0.001")
    assert (position.size, position.average_price) == (0, 0)


def test_a_position_that_turns_round_opens_at_the_price_that_turned_it() -> None:
    position = Position(MARKETS["ETH_USDC-PERPETUAL"].instrument)
    position.fill("buy", Decimal(2), Decimal(3_000))
    assert position.fill("sell", Decimal(5), Decimal(3_100)) == 200
    assert (position.size, position.average_price, position.realized) == (-3, 3_100, 200)
    wire = position.wire(mark=Decimal(3_000), index=Decimal(3_000), open_orders_margin=Decimal(0))
    assert (wire["direction"], wire["size"], wire["floating_profit_loss"]) == ("sell", -3, 300)
