"""Canonical ids parse and print back; order ids sort by time; child ids derive and never meet."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import (
    AccountId,
    AssetClass,
    InstrumentId,
    InstrumentName,
    OrderId,
    child_order_id,
    external_order_id,
    format_order_id,
    instrument_name,
    is_instrument_id,
    is_order_id,
    is_product_id,
    order_id_from_random,
    order_id_time_ns,
    product_of,
    venue_of,
)
from liveexec.errors import InvalidInput
from support.builders import NOW_NS, make_order_id
from support.strategies import instrument_names, venue_names

EXAMPLES = {
    "BINANCE-SPOT:SPOT_PAIR:BTC-USDT": ("BINANCE-SPOT", "SPOT_PAIR", "BTC-USDT", None),
    "BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN": ("BINANCE-FUTURES", "PERPETUAL", "BTC-USDT", "LIN"),
    "DERIBIT:PERPETUAL:BTC-USD@INV": ("DERIBIT", "PERPETUAL", "BTC-USD", "INV"),
    "DERIBIT:OPTION:BTC-USD-50000-20241231-C": ("DERIBIT", "OPTION", "BTC-USD-50000-20241231-C", None),
    "IB:EQUITY:AAPL-USD": ("IB", "EQUITY", "AAPL-USD", None),
    "UNISWAPV3:POOL:WETH-USDC-500@ETHEREUM": ("UNISWAPV3", "POOL", "WETH-USDC-500", "ETHEREUM"),
    "AAVEV3:LENDING:USDC@ETHEREUM": ("AAVEV3", "LENDING", "USDC", "ETHEREUM"),
    "BETFAIR:EXCHANGE_ODDS:1.23456789-47972": ("BETFAIR", "EXCHANGE_ODDS", "1.23456789-47972", None),
}


@pytest.mark.parametrize("text", EXAMPLES)
@pytest.mark.parametrize("asset_class", [None, *AssetClass])
def test_examples_of_every_venue_class_parse_and_print_back(text: str, asset_class: AssetClass | None) -> None:
    full = f"{asset_class}:{text}" if asset_class else text
    name = instrument_name(full)
    assert (name.venue, name.instrument_type, name.payload, name.suffix) == EXAMPLES[text]
    assert name.asset_class is asset_class
    assert str(name) == name.instrument_id == full
    assert is_instrument_id(full)
    assert not is_product_id(full)
    assert venue_of(InstrumentId(full)) == EXAMPLES[text][0]


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_product_is_the_instrument_without_its_venue(text: str) -> None:
    venue = EXAMPLES[text][0]
    product = product_of(InstrumentId(text))
    assert text == f"{venue}:{product}"
    assert is_product_id(product)
    assert not is_instrument_id(product)
    assert product_of(InstrumentId(f"DEFI:{text}")) == f"DEFI:{product}"
    assert is_product_id(f"DEFI:{product}")


@given(instrument_names())
def test_every_name_prints_to_a_text_that_parses_to_it(name: InstrumentName) -> None:
    text = str(name)
    assert instrument_name(text) == name
    assert str(instrument_name(text)) == text
    assert is_instrument_id(text)
    assert is_product_id(name.product_id)
    assert not is_instrument_id(name.product_id)


@given(instrument_names(), venue_names())
def test_the_same_product_at_two_venues_has_one_product_id(name: InstrumentName, other: str) -> None:
    elsewhere = InstrumentName(
        name.asset_class, type(name.venue)(other), name.instrument_type, name.payload, name.suffix
    )
    assert product_of(name.instrument_id) == product_of(elsewhere.instrument_id)


MALFORMED = {
    "": [""],
    "BTC-USDT": [""],
    "SPOT_PAIR:BTC-USDT": [""],
    "A:B:C:D:E": [""],
    "FX:BINANCE:SPOT_PAIR:BTC-USDT": [""],
    "binance:SPOT_PAIR:BTC-USDT": ["venue"],
    "BINANCE:spot:BTC-USDT": ["instrument_type"],
    "BINANCE:SPOT_PAIR:": ["payload"],
    "BINANCE:SPOT_PAIR:BTC-USDT@": ["suffix"],
    "BINANCE:SPOT_PAIR:BTC-USDT@LIN@INV": ["suffix"],
    "BINANCE:SPOT_PAIR:BTC USDT": ["payload"],
    "BINANCE:SPOT_PAIR:BTC-USDT\n": ["payload"],
    "BINANCE:SPOT_PAIR:BTC\x00": ["payload"],
    "BINANCE:SPOT_PAIR:\ud800": ["payload"],
    "BINANCE:SPOT_PAIR:\u0392TC": ["payload"],
    "CEFI:SPOT_PAIR:BTC-USDT": ["venue"],
    "CEFI:SPORTS:SPOT_PAIR:BTC-USDT": ["venue"],
    f"{'V' * 41}:SPOT_PAIR:BTC-USDT": ["venue"],
    f"BINANCE:SPOT_PAIR:{'P' * 81}": ["payload"],
    "binance:spot: @lin": ["venue", "instrument_type", "payload", "suffix"],
    "::@": ["venue", "instrument_type", "payload", "suffix"],
}


@pytest.mark.parametrize("text", MALFORMED, ids=ascii)
def test_a_malformed_id_raises_one_error_that_names_every_faulty_part(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        instrument_name(text)
    assert [fault.path for fault in caught.value.faults] == MALFORMED[text]
    assert not is_instrument_id(text)


@pytest.mark.parametrize(
    "text", ["", "PERPETUAL", "PERPETUAL:", "perpetual:BTC", "DEFI:X:", "X:Y:Z", ":BTC", "A:B@", "P" * 300 + ":B"]
)
def test_what_is_no_product_is_not_taken_for_one(text: str) -> None:
    assert not is_product_id(text)


@given(st.text(alphabet="ABCab019:@_.-/+ \n\x00é", max_size=40))
def test_any_text_is_an_instrument_a_product_or_neither_and_never_both(text: str) -> None:
    is_instrument = is_instrument_id(text)
    assert not (is_instrument and is_product_id(text))
    if is_instrument:
        assert str(instrument_name(text)) == text
    else:
        with pytest.raises(InvalidInput):
            instrument_name(text)


def test_the_error_of_an_oversized_id_stays_short() -> None:
    with pytest.raises(InvalidInput) as caught:
        instrument_name("A" * 1_000_000)
    assert len(str(caught.value)) < 400


TIMES_NS = st.integers(0, 2**48 * 1_000_000 - 1)
RANDOM_BITS = st.integers(0, 2**80 - 1)


@given(TIMES_NS, RANDOM_BITS)
def test_an_order_id_is_a_uuid_of_version_7_and_tells_its_millisecond(at_ns: int, random_bits: int) -> None:
    order_id = order_id_from_random(at_ns, random_bits)
    assert is_order_id(order_id)
    assert len(order_id) == 30
    assert order_id_time_ns(order_id) == at_ns // 1_000_000 * 1_000_000
    number = _number(order_id)
    assert (number >> 76) & 0xF == 7
    assert (number >> 62) & 0b11 == 0b10
    assert number & (1 << 62) - 1 == random_bits & (1 << 62) - 1


@given(TIMES_NS, st.integers(245, 10**18), RANDOM_BITS, RANDOM_BITS)
def test_order_ids_sort_by_time_down_to_a_quarter_of_a_microsecond(
    at_ns: int, later_ns: int, one: int, two: int
) -> None:
    later = min(at_ns + later_ns, 2**48 * 1_000_000 - 1)
    if later - at_ns >= 245:
        assert order_id_from_random(at_ns, one) < order_id_from_random(later, two)


@given(st.lists(st.integers(0, 2**128 - 1), unique=True, min_size=2, max_size=20))
def test_formatted_numbers_sort_as_numbers_do(numbers: list[int]) -> None:
    ordered = [format_order_id(number) for number in sorted(numbers)]
    assert all(is_order_id(order_id) for order_id in ordered)
    assert all(one < two for one, two in pairwise(ordered))


@given(RANDOM_BITS, st.integers(1, 10**6))
def test_a_child_id_derives_from_parent_and_ordinal_and_keeps_the_parents_time(bits: int, ordinal: int) -> None:
    parent = order_id_from_random(NOW_NS, bits)
    child = child_order_id(parent, ordinal)
    assert child == child_order_id(parent, ordinal)
    assert child != parent
    assert is_order_id(child)
    assert order_id_time_ns(child) == order_id_time_ns(parent)
    assert (_number(child) >> 76) & 0xF == 8
    assert (_number(child) >> 62) & 0b11 == 0b10


def test_a_hundred_thousand_children_never_meet() -> None:
    parents = [make_order_id(number) for number in range(100)]
    children = {child_order_id(parent, ordinal) for parent in parents for ordinal in range(1, 1_001)}
    assert len(children) == 100_000
    assert children.isdisjoint(parents)


def test_the_child_of_a_known_parent_never_changes() -> None:
    # In journals for good: a restart that derived another id would send the slice twice.
    assert child_order_id(OrderId("ORD-00000000000000000000000000"), 1) == "ORD-0000000000G9CATB46YVYAT6MC"


def test_an_order_that_the_venue_had_before_us_gets_the_same_id_in_every_process() -> None:
    ours = external_order_id(AccountId("ALPHA-1"), "V-1")
    assert is_order_id(ours)
    assert ours == external_order_id(AccountId("ALPHA-1"), "V-1")
    others = {
        external_order_id(AccountId(account), f"V-{n}") for account in ("ALPHA-1", "BETA-1") for n in range(10_000)
    }
    assert len(others) == 20_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ORD-",
        "ord-01KBYX9P00E00G000000000001",
        "ORD-01KBYX9P00E00G00000000000",
        "ORD-81KBYX9P00E00G000000000001",
        "ORD-01KBYX9P00E00G00000000000I",
        "ORD-01KBYX9P00E00G000000000001\n",
        "ORD-01KBYX9P00E00G0000000000011",
        "X" * 10_000,
    ],
)
def test_what_is_no_order_id_is_refused_with_its_form(text: str) -> None:
    assert not is_order_id(text)
    for read in (order_id_time_ns, lambda order_id: child_order_id(order_id, 1)):
        with pytest.raises(InvalidInput, match="base 32") as caught:
            read(OrderId(text))
        assert len(str(caught.value)) < 200


def _number(order_id: OrderId) -> int:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = 0
    for digit in order_id[4:]:
        number = number * 32 + alphabet.index(digit)
    return number
