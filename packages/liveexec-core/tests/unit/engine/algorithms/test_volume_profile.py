"""Volume profiles from recent trades."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.market import TradeBar
from liveexec.engine.algorithms.volume_profile import recent_profile, whole_weights
from support.builders import NOW_NS, SPOT

S = 1_000_000_000
UNIT = 10**18


def bar(start_s: float, end_s: float, quantity: str) -> TradeBar:
    """A bar between two times in seconds from now."""
    start_ns, end_ns = NOW_NS + round(start_s * S), NOW_NS + round(end_s * S)
    return TradeBar(SPOT, start_ns, end_ns, Decimal(quantity), Decimal(0), Decimal(100), 1)


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ([], None),
        ([bar(-40, -30, "0")], None),
        # Older than the horizon, and not over yet.
        ([bar(-60, -40, "5"), bar(-1, 1, "5")], None),
        ([bar(-40, -30, "1"), bar(-30, -20, "2"), bar(-20, -10, "0.5"), bar(-10, 0, "4")], ["1", "2", "0.5", "4"]),
        # Two bars of a slot add up, whatever their order.
        ([bar(-10, 0, "4"), bar(-40, -35, "1"), bar(-35, -30, "1"), bar(-40, -30, "1")], ["3", "0", "0", "4"]),
        # A bar over two slots counts in both; what lies before the horizon does not.
        ([bar(-60, -20, "4"), bar(-20, 0, "1")], ["1", "1", "0.5", "0.5"]),
        # Trades known for a shorter time are stretched.
        ([bar(-8, -6, "1"), bar(-2, 0, "3")], ["1", "0", "0", "3"]),
        ([bar(-2, -1, "1")], ["0.25", "0.25", "0.25", "0.25"]),
    ],
)
def test_profiles_by_example(bars: list[TradeBar], expected: list[str] | None) -> None:
    found = recent_profile(bars, NOW_NS, 40 * S, 4)
    assert found == (None if expected is None else tuple(int(Decimal(value) * UNIT) for value in expected))


@given(
    st.lists(st.tuples(st.integers(1, 100), st.integers(1, 30), st.integers(0, 10**6)), max_size=20),
    st.integers(1, 60),
    st.integers(1, 50),
)
def test_a_profile_loses_nothing_that_was_traded_within_the_horizon(
    drawn: list[tuple[int, int, int]], horizon_s: int, slots: int
) -> None:
    bars = [
        bar(-ago - length, -ago, str(Decimal(quantity).scaleb(-3)))
        for ago, length, quantity in drawn
        if ago + length <= horizon_s
    ]
    found = recent_profile(bars, NOW_NS, horizon_s * S, slots)
    traded = sum((candle.quantity for candle in bars), Decimal(0))
    if found is None:
        assert traded == 0
        return
    assert len(found) == slots
    # Each part of a bar is rounded down to a unit of the 18th place.
    assert 0 <= int(traded * UNIT) - sum(found) <= len(bars) * slots


def test_weights_keep_their_proportions_exactly() -> None:
    assert whole_weights([Decimal("0.1"), Decimal(2), Decimal("1E-18")]) == (UNIT // 10, 2 * UNIT, 1)
