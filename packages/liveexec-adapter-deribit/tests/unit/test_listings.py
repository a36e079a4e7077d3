"""Listings: units, ticks and lots of every kind of instrument."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deribit_support import payloads
from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.operation import Side
from liveexec_deribit.config import CURRENCIES
from liveexec_deribit.listings import Listed, listings_of
from liveexec_deribit.names import DERIBIT

KINDS = ("spot", "future", "option")


def listed(*instruments: dict[str, Any]) -> Listed:
    return listings_of([payloads.raw(each) for each in instruments], DERIBIT, (*CURRENCIES, "SOL"), KINDS)


def only(instrument: dict[str, Any]) -> Listing:
    found = listed(instrument)
    assert not found.refused
    (listing,) = found.listings
    return listing


def test_an_inverse_perpetual_counts_dollars() -> None:
    listing = only(payloads.instrument())
    assert listing.terms.kind is ContractKind.INVERSE
    assert (listing.terms.base_asset, listing.terms.quote_asset, listing.terms.settlement_asset) == (
        "BTC",
        "USD",
        "BTC",
    )
    assert (listing.lot, listing.min_quantity, listing.terms.multiplier) == (10, 10, 1)
    assert listing.value(Decimal(100_000), Decimal(50_000)) == 2
    assert listing.quote_value(Decimal(100_000), Decimal(50_000)) == 100_000
    assert listing.expiry_ns is None
    assert listing.taker_fee == Decimal("0.0005")


def test_a_linear_perpetual_counts_coins() -> None:
    listing = only(payloads.linear())
    assert listing.terms.kind is ContractKind.LINEAR
    assert listing.terms.settlement_asset == "USDC"
    assert listing.lot == Decimal("0.001")
    assert listing.value(Decimal("0.5"), Decimal(3_000)) == 1_500


def test_an_inverse_option_is_quoted_and_paid_in_its_coin() -> None:
    listing = only(payloads.option())
    assert listing.instrument_id == "DERIBIT:OPTION:BTC-USD-100000-20241227-C"
    assert (listing.terms.kind, listing.terms.quote_asset) == (ContractKind.LINEAR, "BTC")
    assert listing.value(Decimal("0.5"), Decimal("0.04")) == Decimal("0.02")
    assert (listing.lot, listing.min_quantity) == (Decimal("0.1"), Decimal("0.1"))
    assert listing.expiry_ns == 1735286400000 * 1_000_000


def test_an_options_ticks_grow_with_its_price() -> None:
    ticks = only(payloads.option()).ticks
    assert ticks.is_on_tick(Decimal("0.0049"))
    assert ticks.is_on_tick(Decimal("0.005"))
    assert not ticks.is_on_tick(Decimal("0.0051"))
    assert ticks.round_up(Decimal("0.0051")) == Decimal("0.0055")
    assert ticks.round_down(Decimal("0.00499")) == Decimal("0.0049")


def test_a_spot_pair_settles_in_its_quote() -> None:
    listing = only(payloads.spot())
    assert (listing.terms.kind, listing.terms.settlement_asset) == (ContractKind.SPOT, "USDC")
    assert listing.expiry_ns is None


@pytest.mark.parametrize(
    ("contract_size", "least", "lot", "smallest"),
    [(10, 10, 10, 10), (1, 10, 1, 10), (0.001, 0.01, 0.001, 0.01), (10, 1, 10, 10)],
)
def test_futures_trade_in_whole_contracts(contract_size: float, least: float, lot: float, smallest: float) -> None:
    listing = only(payloads.linear(contract_size=contract_size, min_trade_amount=least))
    assert (listing.lot, listing.min_quantity) == (Decimal(str(lot)), Decimal(str(smallest)))


def test_what_contradicts_itself_is_refused_by_name() -> None:
    found = listed(
        payloads.instrument(instrument_type="linear"),
        payloads.linear(base_currency="BTC"),
        payloads.option(strike=5.0),
        payloads.spot(contract_size=0),
        payloads.instrument(instrument_name="BTC-27DEC24", tick_size=-1),
        payloads.option(
            instrument_name="BTC-27DEC24-100000-P", tick_size_steps=[{"above_price": 0.0051, "tick_size": 0.0005}]
        ),
        payloads.instrument(instrument_name="ETH-PERPETUAL", base_currency="ETH", contract_size=7, min_trade_amount=10),
        {"kind": "future"},
    )
    assert not found.listings
    assert set(found.refused) == {
        "BTC-PERPETUAL",
        "ETH_USDC-PERPETUAL",
        "BTC-27DEC24-100000-C",
        "BTC_USDC",
        "BTC-27DEC24",
        "BTC-27DEC24-100000-P",
        "ETH-PERPETUAL",
        "#7",
    }


def test_what_is_not_asked_for_is_left_out_without_a_word() -> None:
    told = [payloads.instrument(), payloads.linear(), payloads.option(), payloads.spot(is_active=False)]
    combo = payloads.instrument(instrument_name="BTC-FS-19MAY26_PERP", kind="future_combo")
    found = listings_of([payloads.raw(each) for each in [*told, combo]], DERIBIT, ("BTC",), ("future",))
    assert [each.venue_symbol for each in found.listings] == ["BTC-PERPETUAL"]
    assert not found.refused


@given(
    st.decimals(min_value="0.0001", max_value="2", places=7),
    st.sampled_from([Side.BUY, Side.SELL]),
)
def test_every_rounded_price_is_on_tick_and_no_worse(price: Decimal, side: Side) -> None:
    listing = only(payloads.option())
    rounded = listing.passive_price(price, side)
    assert listing.ticks.is_on_tick(rounded)
    assert (price - rounded) * side.sign >= 0
