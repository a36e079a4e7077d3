"""Instruments as public/get_instruments tells them, as listings.

Quantities are the venue's ``amount`` throughout: USD for inverse futures and perpetuals, the base coin for everything
else. Contracts are never sent, so that no multiplier has to be known to read an order (``contract_size`` times
contracts is the amount).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
from attrs import field, frozen

from liveexec.domain import money
from liveexec.domain.ids import VenueName
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing, TickBand, TickSchedule
from liveexec.domain.money import ZERO
from liveexec.domain.operation import VenueClass
from liveexec.errors import Fault, InvalidInput
from liveexec_deribit import wire
from liveexec_deribit.names import Combo, InstrumentKind, VenueInstrument, venue_instrument
from liveexec_deribit.rpc import MalformedMessage, checked, decoded, to_ns

__all__ = ["Listed", "listing_of", "listings_of"]

#: An option's fee is a share of its underlying, not of its price, but never more than this part of the price
#: (deribit.com, "Fees"): as a rate of the traded value, only the most that it can be is known.
_OPTION_FEE_CAP: Final = Decimal("0.125")
_KINDS: Final = {
    InstrumentKind.SPOT: "spot",
    InstrumentKind.PERPETUAL: "future",
    InstrumentKind.FUTURE: "future",
    InstrumentKind.OPTION: "option",
}


@frozen
class Listed:
    """What can be traded, and what of the venue's list can't, by name and with the reason."""

    listings: tuple[Listing, ...] = ()
    refused: dict[str, str] = field(factory=dict)


def listings_of(
    instruments: Sequence[msgspec.Raw], venue: VenueName, currencies: Sequence[str], kinds: Sequence[str]
) -> Listed:
    """The instruments of some currencies and kinds. ``currencies`` are those that fills are asked for by."""
    found: dict[str, Listing] = {}
    refused: dict[str, str] = {}
    for number, raw in enumerate(instruments):
        try:
            told = decoded(wire.Instrument, raw, f"instrument {number}")
        except MalformedMessage as error:
            refused[f"#{number}"] = str(error)
            continue
        try:
            name = venue_instrument(told.instrument_name)
            if not told.is_active or _KINDS[name.kind] not in kinds or _group_of(name) not in currencies:
                continue
            listing = listing_of(told, name, venue)
            found[listing.instrument_id] = listing
        except Combo:
            continue
        except (InvalidInput, MalformedMessage) as error:
            refused[told.instrument_name[:60]] = str(error)
    return Listed(tuple(found.values()), refused)


def listing_of(told: wire.Instrument, name: VenueInstrument, venue: VenueName) -> Listing:
    """One instrument as a listing.

    Raises:
        InvalidInput: what is told of it contradicts its name, or itself.
        MalformedMessage: a number in it is none.
    """
    faults = _contradictions(told, name)
    lot = _lot(checked(told.contract_size, "contract_size"), checked(told.min_trade_amount, "min_trade_amount"), name)
    if lot is None:
        faults.append(Fault("min_trade_amount", "fits into no number of contracts"))
    ticks = _ticks(told, faults)
    if faults or lot is None or ticks is None:
        raise InvalidInput(f"Deribit instrument {told.instrument_name}", faults)
    has_expiry = name.kind in (InstrumentKind.FUTURE, InstrumentKind.OPTION)
    expires_ms = told.expiration_timestamp if has_expiry else None
    maker, taker = (
        checked(told.maker_commission, "maker_commission"),
        checked(told.taker_commission, "taker_commission"),
    )
    if name.kind is InstrumentKind.OPTION:
        maker, taker = (_OPTION_FEE_CAP if rate > 0 else rate for rate in (maker, taker))
    return Listing(
        instrument_id=name.instrument_id(venue),
        venue_class=VenueClass.CEFI,
        venue_symbol=told.instrument_name,
        terms=_terms(told, name),
        ticks=ticks,
        lot=lot,
        min_quantity=money.ceil_to(told.min_trade_amount, lot),
        maker_fee=maker,
        taker_fee=taker,
        expiry_ns=to_ns(expires_ms, "expiration_timestamp") if expires_ms is not None else None,
    )


def _terms(told: wire.Instrument, name: VenueInstrument) -> ContractTerms:
    if name.kind is InstrumentKind.SPOT:
        return ContractTerms(ContractKind.SPOT, name.base, name.quote, name.quote)
    settlement = told.settlement_currency or (name.base if name.is_inverse else name.quote)
    if name.kind is InstrumentKind.OPTION:
        # Quoted and paid in the coin itself where it is inverse: one coin of the underlying costs ``price`` coins.
        return ContractTerms(ContractKind.LINEAR, name.base, told.quote_currency, settlement)
    kind = ContractKind.INVERSE if name.is_inverse else ContractKind.LINEAR
    return ContractTerms(kind, name.base, name.quote, settlement)


def _contradictions(told: wire.Instrument, name: VenueInstrument) -> list[Fault]:
    faults = []
    if told.base_currency != name.base:
        faults.append(Fault("base_currency", f"is {told.base_currency}, and the name says {name.base}"))
    is_reversed = (told.instrument_type or told.future_type) == "reversed"
    if name.kind is not InstrumentKind.SPOT and is_reversed != name.is_inverse:
        faults.append(Fault("instrument_type", "is not the one that the name says"))
    strike = checked(told.strike, "strike") if told.strike is not None else None
    if name.kind is InstrumentKind.OPTION and strike is not None and strike != Decimal(name.strike or "0"):
        faults.append(Fault("strike", f"is {told.strike}, and the name says {name.strike}"))
    return faults


def _lot(contract_size: Decimal, least: Decimal, name: VenueInstrument) -> Decimal | None:
    """The step of amounts. Futures trade in whole contracts (error 10027); options also in parts of one."""
    if contract_size <= 0 or least <= 0:
        return None
    if money.is_multiple(least, contract_size):
        return contract_size if name.kind is not InstrumentKind.OPTION else least
    if money.is_multiple(contract_size, least):
        return least if name.kind in (InstrumentKind.OPTION, InstrumentKind.SPOT) else contract_size
    return None


def _ticks(told: wire.Instrument, faults: list[Fault]) -> TickSchedule | None:
    bands = [TickBand(ZERO, checked(told.tick_size, "tick_size"))]
    steps = [
        (checked(step.above_price, "above_price"), checked(step.tick_size, "tick_size"))
        for step in told.tick_size_steps
    ]
    for start, tick in sorted(steps):
        if tick > 0 and not money.is_multiple(start, tick):
            faults.append(Fault("tick_size_steps", f"prices from {start} on don't lie on multiples of {tick}"))
        bands.append(TickBand(start, tick))
    try:
        return TickSchedule(tuple(bands))
    except InvalidInput as error:
        faults += error.faults
        return None


def _group_of(name: VenueInstrument) -> str:
    """The currency that the venue files an instrument under: the coin of inverse contracts, the quote of the others."""
    return name.base if name.is_inverse else name.quote
