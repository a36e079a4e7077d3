"""Listings as instruments that NautilusTrader simulates.

What a simulation needs of a contract is how quantity and price turn into value, and in which asset; so every
derivative here is a perpetual with the listing's multiplier, its settlement asset and its direction (linear or
inverse), whatever it is called. Expiries are not simulated: a position stays open until it is traded away.

Instruments keep their canonical ids as symbols, so nothing is lost on the way out and back. Currencies are made with
all the places that the library has, whatever their usual number, so that amounts come out exact where they can.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from attrs import frozen

from liveexec.domain.instrument import ContractKind, Listing
from liveexec.errors import Fault
from liveexec_nautilus.vendor_backtest import (
    FIXED_PRECISION,
    CryptoPerpetual,
    Currency,
    CurrencyPair,
    CurrencyType,
    InstrumentId,
    Price,
    Quantity,
    Symbol,
    Venue,
)

__all__ = ["PLACES", "SimulatedInstrument", "currency", "listing_faults", "simulate"]

#: Decimal places of every amount in the library's build for high precision.
PLACES: Final = int(FIXED_PRECISION)


@lru_cache(maxsize=4_096)
def currency(asset: str) -> Currency:
    """An asset as a currency of the highest precision. Not registered: other users of the library keep theirs."""
    return Currency(asset, PLACES, 0, asset, CurrencyType.CRYPTO)


def places_of(step: Decimal) -> int:
    """Digits after the point that multiples of a step need."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


@frozen(eq=False)
class SimulatedInstrument:
    """A listing as one simulated venue lists it."""

    listing: Listing
    instrument: CurrencyPair | CryptoPerpetual
    price_places: int
    lot_places: int

    @property
    def id(self) -> InstrumentId:
        """The library's id of it."""
        return self.instrument.id

    def price(self, value: Decimal) -> Price:
        """A price on tick."""
        return Price.from_decimal_dp(value, self.price_places)

    def quantity(self, value: Decimal) -> Quantity:
        """A quantity in lots."""
        return Quantity.from_decimal_dp(value, self.lot_places)


def listing_faults(listing: Listing) -> list[Fault]:
    """Why a listing can't be simulated; empty when it can."""
    faults = []
    if listing.terms.kind is ContractKind.ODDS:
        faults.append(Fault("kind", "bets are not simulated by NautilusTrader's backtest engine"))
    steps = (("tick", listing.ticks.finest), ("lot", listing.lot), ("multiplier", listing.terms.multiplier))
    faults += [
        Fault(name, f"{step} has more than {PLACES} decimal places, which NautilusTrader has no room for")
        for name, step in steps
        if places_of(step) > PLACES
    ]
    if listing.terms.kind is ContractKind.SPOT and listing.terms.multiplier != 1:
        faults.append(Fault("multiplier", "must be 1: a simulated spot trade moves the base asset itself"))
    return faults


def simulate(listing: Listing, venue: Venue, initial_margin: Decimal) -> SimulatedInstrument:
    """The instrument at a simulated venue. ``initial_margin`` is the share of a derivative's value that opening it
    ties up; it stays tied up while the position is open."""
    price_places, lot_places = places_of(listing.ticks.finest), places_of(listing.lot)
    terms = listing.terms
    symbol = Symbol(listing.instrument_id)
    instrument_id = InstrumentId(symbol, venue)
    increment = Price.from_decimal_dp(listing.ticks.finest, price_places)
    lot = Quantity.from_decimal_dp(listing.lot, lot_places)
    least = Quantity.from_decimal_dp(listing.min_quantity, lot_places)
    most = Quantity.from_decimal_dp(listing.max_quantity, lot_places) if listing.max_quantity is not None else None
    if terms.kind is ContractKind.SPOT:
        pair = CurrencyPair(
            instrument_id=instrument_id,
            raw_symbol=symbol,
            base_currency=currency(terms.base_asset),
            quote_currency=currency(terms.quote_asset),
            price_precision=price_places,
            size_precision=lot_places,
            price_increment=increment,
            size_increment=lot,
            min_quantity=least,
            max_quantity=most,
            ts_event=0,
            ts_init=0,
        )
        return SimulatedInstrument(listing, pair, price_places, lot_places)
    is_inverse = terms.kind is ContractKind.INVERSE
    # The library settles linear contracts in their quote currency and inverse ones in their base currency; ours say
    # the settlement asset themselves, so it takes that place.
    settlement = currency(terms.settlement_asset)
    perpetual = CryptoPerpetual(
        instrument_id=instrument_id,
        raw_symbol=symbol,
        base_currency=settlement if is_inverse else currency(terms.base_asset),
        quote_currency=currency(terms.quote_asset) if is_inverse else settlement,
        settlement_currency=settlement,
        is_inverse=is_inverse,
        price_precision=price_places,
        size_precision=lot_places,
        price_increment=increment,
        size_increment=lot,
        multiplier=Quantity.from_decimal_dp(terms.multiplier, places_of(terms.multiplier)),
        min_quantity=least,
        max_quantity=most,
        margin_init=initial_margin,
        margin_maint=initial_margin,
        ts_event=0,
        ts_init=0,
    )
    return SimulatedInstrument(listing, perpetual, price_places, lot_places)
