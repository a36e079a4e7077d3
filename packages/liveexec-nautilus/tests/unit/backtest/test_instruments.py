"""Listings as the library's instruments."""

from decimal import Decimal

import pytest
from attrs import evolve

from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing, TickSchedule
from liveexec.domain.operation import VenueClass
from liveexec_nautilus.backtest.instruments import PLACES, currency, listing_faults, places_of, simulate
from liveexec_nautilus.backtest.layout import lay_out
from liveexec_nautilus.backtest.orders import code_of
from liveexec_nautilus.vendor_backtest import CryptoPerpetual, Currency, CurrencyPair, Venue
from support.nautilus_replays import NORTH_INVERSE, NORTH_PERP, NORTH_SPOT, venues

NORTH = venues()[0]
LISTINGS = {item.instrument_id: item.listing(VenueClass.CEFI) for item in NORTH.instruments}


def test_an_id_comes_out_as_it_went_in() -> None:
    for instrument_id, listing in LISTINGS.items():
        made = simulate(listing, Venue("LX1"), Decimal("0.1"))
        assert str(made.id.symbol) == instrument_id
        assert str(made.id.venue) == "LX1"


def test_a_pair_has_its_assets_and_grid() -> None:
    pair = simulate(LISTINGS[NORTH_SPOT], Venue("LX1"), Decimal("0.1")).instrument
    assert isinstance(pair, CurrencyPair)
    assert (pair.base_currency.code, pair.quote_currency.code) == ("BTC", "USDT")
    assert (pair.price_precision, pair.size_precision) == (1, 3)
    assert pair.price_increment.as_decimal() == Decimal("0.1")


@pytest.mark.parametrize(
    ("instrument_id", "settlement", "is_inverse", "multiplier"),
    [(NORTH_PERP, "USDT", False, "1"), (NORTH_INVERSE, "BTC", True, "10")],
)
def test_a_derivative_settles_as_its_listing_says(
    instrument_id: InstrumentId, settlement: str, is_inverse: bool, multiplier: str
) -> None:
    made = simulate(LISTINGS[instrument_id], Venue("LX1"), Decimal("0.1")).instrument
    assert isinstance(made, CryptoPerpetual)
    assert made.settlement_currency.code == settlement
    assert made.is_inverse is is_inverse
    assert made.multiplier.as_decimal() == Decimal(multiplier)
    assert made.margin_init == Decimal("0.1")
    notional = made.notional_value(made.make_qty(3), made.make_price(100))
    expected = LISTINGS[instrument_id].terms.value(Decimal(3), Decimal(100))
    assert notional.as_decimal() == expected
    assert notional.currency.code == settlement


def test_a_contract_that_settles_elsewhere_keeps_its_value() -> None:
    terms = ContractTerms(ContractKind.LINEAR, "ETH", "USD", "BTC", multiplier=Decimal("0.000001"))
    listing = Listing(
        InstrumentId("NORTH:PERPETUAL:ETH-USD"),
        VenueClass.CEFI,
        "ETHUSD",
        terms,
        TickSchedule.constant(Decimal("0.05")),
        lot=Decimal(1),
        min_quantity=Decimal(1),
    )
    made = simulate(listing, Venue("LX1"), Decimal("0.1")).instrument
    notional = made.notional_value(made.make_qty(10), made.make_price(3_000))
    assert (notional.as_decimal(), notional.currency.code) == (terms.value(Decimal(10), Decimal(3_000)), "BTC")


def test_currencies_are_not_registered() -> None:
    before = Currency.from_str("USDT").precision
    assert currency("USDT").precision == PLACES
    assert Currency.from_str("USDT").precision == before != PLACES


def test_bets_are_not_simulated() -> None:
    listing = LISTINGS[NORTH_PERP]
    odds = evolve(listing, terms=ContractTerms(ContractKind.ODDS, "X", "GBP", "GBP"))
    assert [fault.path for fault in listing_faults(odds)] == ["kind"]


@pytest.mark.parametrize(("step", "places"), [("0.10", 1), ("5", 0), ("1E+2", 0), ("0.00025", 5)])
def test_places_of_a_step(step: str, places: int) -> None:
    assert places_of(Decimal(step)) == places


def test_an_account_has_a_venue_for_its_pairs_and_one_for_its_derivatives() -> None:
    found = lay_out(venues())
    assert [(str(each.venue), each.account_id, each.is_cash) for each in found] == [
        ("LX1", "north-1", True),
        ("LX2", "north-1", False),
        ("LX3", "south-1", False),
    ]
    assert all(each.starting["BTC"] == 10 for each in found)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("INITIAL_MARGIN_EXCEEDS_FREE_BALANCE: free=1 USDT", "INITIAL_MARGIN_EXCEEDS_FREE_BALANCE"),
        ("POST_ONLY LIMIT BUY order limit px of 1", "POST_ONLY"),
        ("No market for BTCUSDT", "REJECTED"),
        ("NO market", "REJECTED"),
        ("", "REJECTED"),
    ],
)
def test_codes_of_reasons(reason: str, code: str) -> None:
    assert code_of(reason) == code
