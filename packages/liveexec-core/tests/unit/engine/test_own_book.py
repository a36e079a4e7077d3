"""OwnBook: the best own price of each side, whatever comes and goes."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from liveexec.engine.own_book import OwnBook
from support.builders import ALPHA_ACCOUNT, BETA_ACCOUNT, LINEAR, SPOT

BUY, SELL = 1, -1


def test_the_best_buy_is_the_highest_and_the_best_sell_the_lowest() -> None:
    own = OwnBook()
    for price in (10, 12, 11):
        own.add(ALPHA_ACCOUNT, SPOT, BUY, Decimal(price))
        own.add(ALPHA_ACCOUNT, SPOT, SELL, Decimal(price + 10))
    assert own.best(ALPHA_ACCOUNT, SPOT, BUY) == 12
    assert own.best(ALPHA_ACCOUNT, SPOT, SELL) == 20


def test_accounts_instruments_and_sides_are_apart() -> None:
    own = OwnBook()
    own.add(ALPHA_ACCOUNT, SPOT, BUY, Decimal(10))
    assert own.best(BETA_ACCOUNT, SPOT, BUY) is None
    assert own.best(ALPHA_ACCOUNT, LINEAR, BUY) is None
    assert own.best(ALPHA_ACCOUNT, SPOT, SELL) is None


def test_equal_prices_count_until_the_last_is_gone() -> None:
    own = OwnBook()
    own.add(ALPHA_ACCOUNT, SPOT, SELL, Decimal("10.0"))
    own.add(ALPHA_ACCOUNT, SPOT, SELL, Decimal("10.00"))
    own.remove(ALPHA_ACCOUNT, SPOT, SELL, Decimal(10))
    assert own.best(ALPHA_ACCOUNT, SPOT, SELL) == 10
    own.remove(ALPHA_ACCOUNT, SPOT, SELL, Decimal(10))
    assert own.best(ALPHA_ACCOUNT, SPOT, SELL) is None


def test_prices_that_nothing_rests_at_any_more_do_not_gather() -> None:
    own = OwnBook()
    own.add(ALPHA_ACCOUNT, SPOT, BUY, Decimal(1_000_000))
    for price in range(1, 5_000):
        own.add(ALPHA_ACCOUNT, SPOT, BUY, Decimal(price))
        own.remove(ALPHA_ACCOUNT, SPOT, BUY, Decimal(price))
    (side,) = own._sides.values()
    assert len(side.heap) == len(side.counts) < 200
    assert own.best(ALPHA_ACCOUNT, SPOT, BUY) == 1_000_000


@given(
    st.lists(
        st.tuples(st.sampled_from(("add", "remove", "best")), st.sampled_from((BUY, SELL)), st.integers(1, 8)),
        max_size=300,
    )
)
def test_it_agrees_with_a_list_of_all_prices(steps: list[tuple[str, int, int]]) -> None:
    own = OwnBook()
    naive: dict[int, list[int]] = {BUY: [], SELL: []}
    for action, sign, price in steps:
        if action == "add":
            own.add(ALPHA_ACCOUNT, SPOT, sign, Decimal(price))
            naive[sign].append(price)
        elif action == "remove" and price in naive[sign]:
            own.remove(ALPHA_ACCOUNT, SPOT, sign, Decimal(price))
            naive[sign].remove(price)
        else:
            best = max if sign == BUY else min
            assert own.best(ALPHA_ACCOUNT, SPOT, sign) == (best(naive[sign]) if naive[sign] else None)
