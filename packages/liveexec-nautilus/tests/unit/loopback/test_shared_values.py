"""Small values that several loopback venues share: delivery dates, numbers as they are written and read."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec_nautilus.loopback.shared.deliveries import delivery_ms, delivery_of
from liveexec_nautilus.loopback.shared.numbers import amount_in, plain, whole_in

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


@given(text=st.one_of(st.text(max_size=12), st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{0,30})?(e-?[0-9]{1,9})?")))
@settings(deadline=None, derandomize=True)
def test_a_number_that_is_read_can_be_calculated_with(text: str) -> None:
    amount, whole = amount_in(text), whole_in(text)
    if amount is not None:
        assert amount == Decimal(text)
        assert abs(amount) < 10**18
        assert amount % Decimal("0.001") == Decimal(text) % Decimal("0.001")
    if whole is not None:
        assert whole == int(text)


def test_what_is_no_number_or_too_long_a_one_is_not_read() -> None:
    for text in ("", "NaN", "Infinity", "1_0", "0x1", "\u0663", "1e400", "1e-400", "1e999999999", "9" * 5_000):
        assert amount_in(text) is None
        assert whole_in(text) is None
    assert (amount_in("1e-7"), amount_in("-0.5"), whole_in("-1")) == (Decimal("0.0000001"), Decimal("-0.5"), -1)
