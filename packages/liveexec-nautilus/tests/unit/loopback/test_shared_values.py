"""Small values that several loopback venues share: delivery dates and written numbers."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec_nautilus.loopback.shared.deliveries import delivery_ms, delivery_of
from liveexec_nautilus.loopback.shared.numbers import plain

_S_2020, _S_2100 = 1_577_836_800, 4_102_444_800


@given(second=st.integers(_S_2020, _S_2100))
@settings(deadline=None, derandomize=True)
def test_deliveries_are_the_last_friday_of_a_june_at_least_two_months_ahead(second: int) -> None:
    delivery = delivery_of(second * 10**9)
    assert (delivery.month, delivery.weekday()) == (6, 4)
    assert delivery.day > 23
    ahead = delivery_ms(delivery) / 1_000 - second
    assert 59 * 86_400 < ahead < 430 * 86_400
    assert datetime.fromtimestamp(delivery_ms(delivery) / 1_000, UTC).hour == 8


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**18), max_value=10**18))
@settings(deadline=None, derandomize=True)
def test_a_written_number_is_the_number_in_plain_digits(value: Decimal) -> None:
    written = plain(value)
    assert Decimal(written) == value
    assert "e" not in written.lower()
    assert not ("." in written and written.endswith("0"))
