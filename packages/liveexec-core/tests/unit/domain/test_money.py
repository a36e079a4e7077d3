"""Roundings go the way their names say, exactly, in every decimal context; nothing but finite decimals is money."""

from collections.abc import Iterator
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain import money
from liveexec.domain.money import (
    MONEY,
    canonical,
    ceil_to,
    divide,
    floor_to,
    is_multiple,
    is_storable,
    nearest_to,
    parse_decimal,
    plain,
    round_places,
    value_key,
)
from support.strategies import storable_amounts

ULP = Fraction(1, 10**18)
SIGNED = storable_amounts() | storable_amounts().map(Decimal.copy_negate) | st.just(Decimal(0))
#: A caller of a public function may have any context: the default one rounds to 28 digits, a small one to 6.
CONTEXTS = [MONEY, Context(prec=28), Context(prec=6), Context(prec=6, traps=[Inexact])]


@pytest.fixture(params=CONTEXTS, ids=["money", "default", "six-digits", "six-digits-exact"])
def any_context(request: pytest.FixtureRequest) -> Iterator[None]:
    with localcontext(request.param):
        yield


@pytest.mark.usefixtures("any_context")
class TestRounding:
    @given(value=SIGNED, step=storable_amounts())
    def test_floor_and_ceiling_enclose_the_value_on_the_nearest_multiples(self, value: Decimal, step: Decimal) -> None:
        low, high = floor_to(value, step), ceil_to(value, step)
        assert low <= value <= high
        assert Fraction(low) == Fraction(value) // Fraction(step) * Fraction(step)
        assert Fraction(high) == -(-Fraction(value) // Fraction(step)) * Fraction(step)
        assert is_multiple(low, step)
        assert is_multiple(high, step)
        assert is_multiple(value, step) == (low == high)

    @given(value=SIGNED, step=storable_amounts())
    def test_nearest_is_the_nearer_neighbour_and_the_lower_of_two_equally_near(
        self, value: Decimal, step: Decimal
    ) -> None:
        low, high = Fraction(floor_to(value, step)), Fraction(ceil_to(value, step))
        below, above = Fraction(value) - low, high - Fraction(value)
        assert Fraction(nearest_to(value, step)) == (low if below <= above else high)

    @given(numerator=SIGNED, denominator=SIGNED.filter(bool))
    def test_a_quotient_is_rounded_half_even_at_eighteen_places(self, numerator: Decimal, denominator: Decimal) -> None:
        exact = Fraction(numerator) / Fraction(denominator) / ULP
        assert Fraction(divide(numerator, denominator)) == round(exact) * ULP

    @given(value=SIGNED, places=st.integers(0, 18))
    def test_round_places_is_half_even(self, value: Decimal, places: int) -> None:
        assert Fraction(round_places(value, places)) == round(Fraction(value) * 10**places) * Fraction(1, 10**places)

    @pytest.mark.parametrize(
        ("value", "step", "low", "high", "nearest"),
        [
            ("1.005", "0.01", "1.00", "1.01", "1.00"),
            ("1.0051", "0.01", "1.00", "1.01", "1.01"),
            ("-1.005", "0.01", "-1.01", "-1.00", "-1.01"),
            ("7", "2.5", "5.0", "7.5", "7.5"),
            ("0", "0.01", "0", "0", "0"),
            ("0.004", "0.01", "0", "0.01", "0"),
            ("5", "5", "5", "5", "5"),
            ("999999999999999999.999999999999999999", "0.1", "999999999999999999.9", "1000000000000000000.0",
             "1000000000000000000.0"),
        ],
    )  # fmt: skip
    def test_known_roundings(self, value: str, step: str, low: str, high: str, nearest: str) -> None:
        assert floor_to(Decimal(value), Decimal(step)) == Decimal(low)
        assert ceil_to(Decimal(value), Decimal(step)) == Decimal(high)
        assert nearest_to(Decimal(value), Decimal(step)) == Decimal(nearest)

    @given(value=storable_amounts())
    def test_every_stored_amount_is_storable(self, value: Decimal) -> None:
        assert is_storable(value)
        assert is_storable(value.copy_negate())

    @pytest.mark.parametrize(
        ("text", "fits"),
        [
            ("0", True),
            ("999999999999999999.999999999999999999", True),
            ("-999999999999999999.999999999999999999", True),
            ("1.0000000000000000000000000", True),
            ("1E+17", True),
            ("1000000000000000000", False),
            ("1E+18", False),
            ("1E+999999", False),
            ("1E-18", True),
            ("1E-19", False),
            ("0.1234567890123456789", False),
            ("1E-999999", False),
            ("9" * 500, False),
            ("0." + "9" * 500, False),
            ("NaN", False),
            ("sNaN", False),
            ("Infinity", False),
            ("-Infinity", False),
        ],
    )
    def test_what_thirty_six_digits_hold(self, text: str, fits: bool) -> None:
        with localcontext(MONEY):
            value = Decimal(text)
        assert is_storable(value) is fits


@given(storable_amounts(), st.integers(0, 30))
def test_equal_values_have_one_canonical_text(value: Decimal, zeros: int) -> None:
    padded = MONEY.quantize(value, Decimal(1).scaleb(-18 - min(zeros, 18)))
    assert canonical(padded) == canonical(value)
    assert Decimal(canonical(value)) == value
    assert "E" not in canonical(value)


@given(storable_amounts(), storable_amounts(), st.integers(0, 18))
def test_values_share_a_key_exactly_when_they_are_equal(value: Decimal, other: Decimal, zeros: int) -> None:
    padded = MONEY.multiply(value, MONEY.quantize(Decimal(1), Decimal(1).scaleb(-zeros)))
    assert value_key(padded) == value_key(value)
    assert (value_key(value) == value_key(other)) == (value == other)
    assert value_key(Decimal("-0.00")) == value_key(Decimal(0))


def test_canonical_texts() -> None:
    texts = [canonical(Decimal(text)) for text in ("1.0", "1.00", "1E+0", "1000", "1E+3", "0.10", "-0.00", "0E-18")]
    assert texts == ["1", "1", "1", "1000", "1000", "0.1", "0", "0"]
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("1.50")) == "1.50"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**12), max_value=10**12))
def test_decimal_text_reads_back(value: Decimal) -> None:
    assert parse_decimal(str(value)) == value
    assert parse_decimal(plain(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", "1"), ("+1.5", "1.5"), ("-.5", "-0.5"), ("5.", "5"), ("1e3", "1000"), ("1E-8", "0.00000001")],
)
def test_numbers_as_people_and_json_write_them(text: str, value: str) -> None:
    assert parse_decimal(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["", " ", "1 ", " 1", "1_000", "1,000", "NaN", "nan", "sNaN", "Infinity", "-inf", "0x10", "1e", "1e9999", "--1",
     "1.2.3", "\uff11", "\u0663", "1\n", "\x00", ".", "e5", "9" * 81],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_plain_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a decimal number"):
        parse_decimal(text)


@pytest.mark.parametrize("value", [1.5, 1, True, None, b"1", Decimal(1)], ids=repr)
def test_only_text_is_parsed_and_never_a_float(value: Any) -> None:
    with pytest.raises(ValueError, match="not a decimal number"):
        parse_decimal(value)


@given(st.text(max_size=20))
def test_parsing_any_text_gives_a_finite_number_or_a_value_error(text: str) -> None:
    try:
        value = parse_decimal(text)
    except ValueError:
        return
    assert value.is_finite()


def test_inexact_sums_and_floats_raise_instead_of_rounding() -> None:
    assert money.MONEY.prec >= 76
    with pytest.raises(Inexact):
        Decimal(10) ** 60 + Decimal(10) ** -20
    with pytest.raises(ArithmeticError):
        Decimal(1) + Decimal(1.5) * Decimal(0.1)  # noqa: RUF032 - the float is what is tested
