"""Positions over time and the curve of the equity, from fills and prices."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.money import MONEY
from liveexec.domain.operation import Side
from liveexec.errors import InvalidInput
from liveexec.storage.results.history import PortfolioHistory
from support.builders import INVERSE, INVERSE_TERMS, NOW_NS, SPOT, SPOT_TERMS
from support.results import MINUTE_NS, make_run, owned_fill


def test_the_curve_is_what_was_earned_less_fees() -> None:
    run = make_run()
    bought, sold, marked = run.equity_curve
    assert (bought.portfolio_value, bought.realized_pnl, bought.position) == (
        Decimal("99997.75"),
        Decimal(0),
        Decimal("0.5"),
    )
    assert (sold.realized_pnl, sold.unrealized_pnl, sold.fees) == (Decimal(25), Decimal(25), Decimal("4.5"))
    assert marked.unrealized_pnl == Decimal(50)
    assert marked.portfolio_value == Decimal(100_000) + 25 + 50 - Decimal("4.5")
    assert [point.timestamp for point in run.equity_curve] == [NOW_NS, NOW_NS + MINUTE_NS, NOW_NS + 2 * MINUTE_NS]


def test_positions_are_noted_when_they_change_and_at_the_end() -> None:
    first, second, last = make_run().positions
    assert [row.quantity for row in (first, second, last)] == [Decimal("0.5"), Decimal("0.25"), Decimal("0.25")]
    assert (first.avg_entry_price, first.current_price, first.unrealized_pnl) == (Decimal(45_000),) * 2 + (Decimal(0),)
    assert (last.current_price, last.unrealized_pnl, last.realized_pnl) == (Decimal(45_200), Decimal(50), Decimal(25))


_trades = st.lists(
    st.tuples(st.sampled_from([Side.BUY, Side.SELL]), st.integers(1, 50), st.integers(40_000, 50_000)),
    min_size=1,
    max_size=20,
)


@given(_trades, st.integers(40_000, 50_000))
def test_the_value_is_the_cash_that_moved_and_what_is_held(trades: list[tuple[Side, int, int]], mark: int) -> None:
    history = PortfolioHistory("USDT", Decimal(1_000))
    with localcontext(MONEY):
        cash, held = Decimal(1_000), Decimal(0)
        for number, (side, lots, price) in enumerate(trades):
            quantity = Decimal(lots) / 100
            history.fill(
                owned_fill(number, side=side, quantity=quantity, price=Decimal(price), fee=Decimal("0.01")), SPOT_TERMS
            )
            cash -= side.sign * quantity * price + Decimal("0.01")
            held += side.sign * quantity
        history.mark(SPOT, Decimal(mark), NOW_NS)
        found = history.equity_curve[-1]
        assert found.position == held
        # Shares of an average are rounded to 18 places.
        assert abs(found.portfolio_value - (cash + held * mark)) <= Decimal("1E-15")
        parts = found.realized_pnl + found.unrealized_pnl - found.fees
        assert found.portfolio_value == 1_000 + parts


def test_what_settles_in_another_asset_is_worth_its_rate() -> None:
    history = PortfolioHistory("USD", rates={"BTC": Decimal(50_000)})
    buy = owned_fill(
        1,
        instrument_id=INVERSE,
        quantity=Decimal(50_000),
        price=Decimal(50_000),
        fee=Decimal("0.0001"),
        fee_asset="BTC",
    )
    history.fill(buy, INVERSE_TERMS)
    history.mark(INVERSE, Decimal(62_500), NOW_NS + 1)
    # Coin-margined: entry value 50,000 / 50,000 = 1 BTC, 0.8 at 62,500, so 0.2 BTC were earned.
    multiplier = INVERSE_TERMS.multiplier
    assert history.equity_curve[-1].unrealized_pnl == Decimal("0.2") * multiplier * 50_000
    assert history.equity_curve[-1].fees == 5


def test_assets_without_a_rate_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"BTC: has no rate in EUR; USDT: has no rate in EUR"):
        PortfolioHistory("EUR").fill(owned_fill(1, fee_asset="BTC"), SPOT_TERMS)


def test_what_was_before_the_beginning_is_no_result_of_the_run() -> None:
    history = PortfolioHistory("USDT", Decimal(500))
    history.fill(owned_fill(1), SPOT_TERMS)
    history.fill(owned_fill(2, side=Side.SELL, quantity=Decimal("0.25"), price=Decimal(46_000)), SPOT_TERMS)
    history.begin()
    assert (history.positions, history.equity_curve) == ([], [])
    history.fill(
        owned_fill(3, side=Side.SELL, quantity=Decimal("0.25"), price=Decimal(45_400), fee=Decimal(1)), SPOT_TERMS
    )
    (point,) = history.equity_curve
    assert (point.realized_pnl, point.fees, point.portfolio_value) == (Decimal(100), Decimal(1), Decimal(599))
    assert history.positions[-1].realized_pnl == Decimal(350)
