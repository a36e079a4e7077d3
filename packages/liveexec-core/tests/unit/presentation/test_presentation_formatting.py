"""Numbers, times and ids as text."""

from datetime import datetime
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import order_id_from_random
from liveexec.domain.money import STORED_PLACES, round_places
from liveexec.presentation import formatting
from liveexec.presentation.formatting import Places

STORABLE = st.decimals(
    min_value=Decimal(-999999999999999999),
    max_value=Decimal(999999999999999999),
    places=STORED_PLACES,
    allow_nan=False,
    allow_infinity=False,
)
TIMES_NS = st.integers(min_value=-(2**62), max_value=2**63 - 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("0E-18", "0"),
        ("-0.000", "0"),
        ("-0.10", "-0.1"),
        ("0.000000000000000001", "0.000000000000000001"),
    ],
)
def test_exact_text_has_every_digit_and_no_more(value: str, text: str) -> None:
    assert formatting.exact_text(Decimal(value)) == text


@given(STORABLE)
def test_exact_text_reads_back_as_the_value_whatever_the_context(value: Decimal) -> None:
    with localcontext(prec=3):
        text = formatting.exact_text(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))


@given(STORABLE, st.integers(min_value=0, max_value=18))
def test_recorded_amount_is_padded_and_never_rounded(value: Decimal, places: int) -> None:
    text = formatting.amount_text(value, places)
    assert Decimal(text) == value
    assert len(text.partition(".")[2]) >= places


@given(STORABLE, st.integers(min_value=0, max_value=18))
def test_derived_amount_is_the_value_rounded_unless_that_hides_it(value: Decimal, limit: int) -> None:
    shown = Decimal(formatting.derived_text(value, limit))
    assert shown == round_places(value, limit) or (shown == value and not round_places(value, limit))
    assert bool(shown) == bool(value)


@pytest.mark.parametrize(
    ("value", "listed", "unlisted"),
    [
        ("45000", "45000.00", "45000"),
        ("45000.5", "45000.50", "45000.5"),
        ("45000.12345678", "45000.12345678", "45000.12345678"),
        ("45000.123456789", "~45000.1235", "~45000.12345679"),
        ("-45000.333333333333333333", "~-45000.3333", "~-45000.33333333"),
        ("0.000000000000000001", "0.000000000000000001", "0.000000000000000001"),
        ("0.999999999999999999", "~1.00", "~1"),
    ],
)
def test_an_average_shows_all_of_its_digits_or_says_that_it_is_rounded(value: str, listed: str, unlisted: str) -> None:
    assert formatting.average_text(Decimal(value), Places(price=2, quantity=3)) == listed
    assert formatting.average_text(Decimal(value), None) == unlisted


def test_an_average_of_prices_finer_than_usual_has_their_digits_and_two_more() -> None:
    places = Places(price=9, quantity=0)
    assert formatting.average_text(Decimal("0.12345678901"), places) == "0.12345678901"
    assert formatting.average_text(Decimal("0.123456789014"), places) == "~0.12345678901"


def test_places_come_from_tick_and_lot() -> None:
    assert Places.of(Decimal("0.50"), Decimal("0.001")) == Places(price=1, quantity=3)
    assert Places.of(Decimal(25), Decimal("1E+2")) == Places(price=0, quantity=0)


def test_time_is_utc_cut_to_milliseconds_with_all_digits_in_the_exact_form() -> None:
    at_ns = 1_765_189_800_123_999_999
    assert formatting.time_text(at_ns) == "2025-12-08T10:30:00.123Z"
    assert formatting.short_time_text(at_ns) == "10:30:00.123Z"
    assert formatting.exact_time_text(at_ns) == "2025-12-08T10:30:00.123999999Z"


@given(TIMES_NS)
def test_exact_time_reads_back_as_the_same_instant(at_ns: int) -> None:
    text = formatting.exact_time_text(at_ns)
    whole, fraction = text.removesuffix("Z").split(".")
    seconds = datetime.fromisoformat(f"{whole}+00:00") - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    assert (seconds.days * 86_400 + seconds.seconds) * 1_000_000_000 + int(fraction) == at_ns
    assert formatting.time_text(at_ns) == f"{text[:23]}Z"


@given(st.integers(min_value=0, max_value=2**61), st.integers(min_value=0, max_value=2**62 - 1))
def test_short_order_id_is_its_end(at_ns: int, random_bits: int) -> None:
    order_id = order_id_from_random(at_ns, random_bits)
    short = formatting.short_id(order_id)
    assert len(short) == 9
    assert order_id.endswith(short.removeprefix("…"))


def test_other_ids_and_instruments_shorten_to_what_tells_them_apart() -> None:
    assert formatting.short_id("OP-12345") == "OP-12345"
    assert formatting.short_instrument("DERIBIT:PERPETUAL:BTC-USD@INV") == "BTC-USD@INV"


@given(st.text())
def test_single_line_is_printable_whatever_comes_in(text: str) -> None:
    made = formatting.single_line(text)
    assert made.isprintable()
    assert not text.isprintable() or made == text


def test_single_line_shows_what_would_have_moved_the_cursor() -> None:
    assert formatting.single_line("a\x1b[2J\nb\u202ec\td\x00") == "a\\x1b[2J b\\u202ec d\\x00"


def test_amounts_by_asset_are_sorted_and_leave_out_zeros() -> None:
    amounts = {"USDT": Decimal("2.250"), "BNB": Decimal("-0.001"), "ETH": Decimal(0)}
    assert formatting.by_asset(amounts) == "-0.001 BNB, 2.25 USDT"
