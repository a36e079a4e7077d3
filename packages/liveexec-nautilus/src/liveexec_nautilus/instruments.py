"""Canonical ids, NautilusTrader's instrument ids, and listings: text in, text out, nothing of the vendor's library.

NautilusTrader names an instrument ``SYMBOL.VENUE`` and makes the symbol by rules of each venue's client:
``BTCUSDT.BINANCE`` (spot), ``BTCUSDT-PERP.BINANCE``, ``BTCUSDT_261225.BINANCE``, ``BTCUSDT-LINEAR.BYBIT``,
``BTCUSDZ26-INVERSE.BYBIT``, ``BTC-USD-261225-100000-C.OKX``. Not every symbol can be read back (``BTCUSDT`` does not
say where its base ends), so the way from NautilusTrader takes what the node tells of the instrument beside its name.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec
from attrs import frozen

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId, VenueName, instrument_name, is_instrument_id
from liveexec.domain.instrument import ContractKind, ContractTerms, Listing, TickSchedule
from liveexec.domain.money import ONE, ZERO, parse_decimal
from liveexec.domain.operation import VenueClass
from liveexec.errors import Fault, InvalidInput

__all__ = ["Contract", "ContractType", "InstrumentFacts", "NodeVenue", "contract_of", "listing_of", "parse_contract"]

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
#: The futures industry's letters of the delivery months.
_MONTH_CODES: Final = "FGHJKMNQUVXZ"
_NS_PER_S: Final = 1_000_000_000


class NodeVenue(StrEnum):
    """The venues that the node serves, by the names of their clients in a configuration."""

    BINANCE_SPOT = "BINANCE_SPOT"
    BINANCE_FUTURES = "BINANCE_FUTURES"
    BYBIT = "BYBIT"
    OKX = "OKX"

    @property
    def venue(self) -> VenueName:
        """The name in canonical ids."""
        return VenueName(self.value.replace("_", "-"))

    @property
    def nautilus(self) -> str:
        """The name that NautilusTrader's instrument ids end with; both clients of Binance share one."""
        return self.value.partition("_")[0]


class ContractType(StrEnum):
    """The instrument types of canonical ids that these venues have."""

    SPOT = "SPOT_PAIR"
    PERPETUAL = "PERPETUAL"
    FUTURE = "FUTURE"
    OPTION = "OPTION"


_PAIR: Final = r"(?P<base>[A-Z0-9]{1,20})-(?P<quote>[A-Z0-9]{1,20})"
_PAYLOADS: Final = {
    ContractType.SPOT: re.compile(_PAIR, re.ASCII),
    ContractType.PERPETUAL: re.compile(_PAIR, re.ASCII),
    ContractType.FUTURE: re.compile(rf"{_PAIR}-(?P<date>\d{{8}})", re.ASCII),
    ContractType.OPTION: re.compile(
        rf"{_PAIR}-(?P<strike>\d{{1,12}}(?:\.\d{{1,12}})?)-(?P<date>\d{{8}})-(?P<right>[CP])", re.ASCII
    ),
}
_SUFFIXES: Final = {"LIN": False, "INV": True}


class InstrumentFacts(msgspec.Struct, frozen=True):
    """What the node tells of an instrument, as text: NautilusTrader's own words and numbers.

    ``type`` is the class of the instrument (``CryptoPerpetual``), ``base`` the underlying of derivatives,
    ``expires_at_ns`` UTC nanoseconds, ``right`` C or P.
    """

    id: str
    raw_symbol: str
    type: str
    base: str
    quote: str
    settlement: str
    is_inverse: bool
    tick: str
    lot: str
    multiplier: str = "1"
    min_quantity: str | None = None
    max_quantity: str | None = None
    min_notional: str | None = None
    expires_at_ns: int | None = None
    strike: str | None = None
    right: str | None = None


@frozen
class Contract:
    """An instrument taken apart. ``date`` is the expiry as YYYYMMDD, ``strike`` a plain decimal, ``right`` C or P;
    ``is_inverse`` where the contract is margined and settled in its base coin."""

    type: ContractType
    base: str
    quote: str
    is_inverse: bool = False
    date: str | None = None
    strike: str | None = None
    right: str | None = None

    def instrument_id(self, venue: NodeVenue) -> InstrumentId:
        """The canonical id.

        Raises:
            InvalidInput: its parts can't stand in one.
        """
        pair = f"{self.base}-{self.quote}"
        suffix = "@INV" if self.is_inverse else "@LIN"
        match self.type:
            case ContractType.SPOT:
                tail = pair
            case ContractType.PERPETUAL:
                tail = f"{pair}{suffix}"
            case ContractType.FUTURE:
                tail = f"{pair}-{self.date}{suffix}"
            case ContractType.OPTION:
                tail = f"{pair}-{self.strike}-{self.date}-{self.right}"
        found = f"{venue.venue}:{self.type}:{tail}"
        if not is_instrument_id(found):
            raise InvalidInput(f"instrument {found[:120]!r}", [Fault("", "can't be written as an instrument id")])
        return InstrumentId(found)

    def nautilus_id(self, venue: NodeVenue) -> str:
        """NautilusTrader's instrument id.

        Raises:
            InvalidInput: the venue has no such kind of instrument.
        """
        if self.type not in _TYPES[venue] or (self.is_inverse and self.type is ContractType.SPOT):
            raise InvalidInput(f"instrument {self}", [Fault("", f"{venue.venue} has no such kind of instrument")])
        return f"{_SYMBOLS[venue](self)}.{venue.nautilus}"

    @property
    def short_date(self) -> str:
        """The expiry as YYMMDD."""
        return (self.date or "")[2:]

    @property
    def day_month_year(self) -> str:
        """The expiry as 27DEC24: the day without a leading zero."""
        date = self.date or ""
        return f"{int(date[6:])}{_MONTHS[int(date[4:6]) - 1]}{date[2:4]}"


def _binance_spot(contract: Contract) -> str:
    return f"{contract.base}{contract.quote}"


def _binance_futures(contract: Contract) -> str:
    pair = f"{contract.base}{contract.quote}"
    return f"{pair}-PERP" if contract.type is ContractType.PERPETUAL else f"{pair}_{contract.short_date}"


def _bybit(contract: Contract) -> str:
    pair = f"{contract.base}{contract.quote}"
    match contract.type:
        case ContractType.SPOT:
            return f"{pair}-SPOT"
        case ContractType.PERPETUAL if contract.is_inverse:
            return f"{pair}-INVERSE"
        case ContractType.PERPETUAL:
            return f"{contract.base}PERP-LINEAR" if contract.quote == "USDC" else f"{pair}-LINEAR"
        case ContractType.FUTURE if contract.is_inverse:
            date = contract.date or ""
            return f"{pair}{_MONTH_CODES[int(date[4:6]) - 1]}{date[2:4]}-INVERSE"
        case ContractType.FUTURE:
            head = contract.base if contract.quote == "USDC" else pair
            return f"{head}-{contract.day_month_year}-LINEAR"
        case ContractType.OPTION:
            tail = "" if contract.quote == "USDC" else f"-{contract.quote}"
            return f"{contract.base}-{contract.day_month_year}-{contract.strike}-{contract.right}{tail}-OPTION"


def _okx(contract: Contract) -> str:
    pair = f"{contract.base}-{contract.quote}"
    match contract.type:
        case ContractType.SPOT:
            return pair
        case ContractType.PERPETUAL:
            return f"{pair}-SWAP"
        case ContractType.FUTURE:
            return f"{pair}-{contract.short_date}"
        case ContractType.OPTION:
            return f"{pair}-{contract.short_date}-{contract.strike}-{contract.right}"


_SYMBOLS: Final[dict[NodeVenue, Callable[[Contract], str]]] = {
    NodeVenue.BINANCE_SPOT: _binance_spot,
    NodeVenue.BINANCE_FUTURES: _binance_futures,
    NodeVenue.BYBIT: _bybit,
    NodeVenue.OKX: _okx,
}
_TYPES: Final = {
    NodeVenue.BINANCE_SPOT: frozenset({ContractType.SPOT}),
    NodeVenue.BINANCE_FUTURES: frozenset({ContractType.PERPETUAL, ContractType.FUTURE}),
    NodeVenue.BYBIT: frozenset(ContractType),
    NodeVenue.OKX: frozenset(ContractType),
}
_NAUTILUS_TYPES: Final = {
    "CurrencyPair": ContractType.SPOT,
    "CryptoPerpetual": ContractType.PERPETUAL,
    "CryptoFuture": ContractType.FUTURE,
    "CryptoOption": ContractType.OPTION,
}


def parse_contract(instrument_id: InstrumentId) -> tuple[NodeVenue, Contract]:
    """The venue and the contract that a canonical id names.

    Raises:
        InvalidInput: none of these venues has such an instrument.
    """
    name = instrument_name(instrument_id)
    refusal = InvalidInput(f"instrument id {instrument_id[:120]!r}", [Fault("", "no venue of the node has such an id")])
    client = name.venue.replace("-", "_")
    if name.asset_class is not None or client not in NodeVenue or name.instrument_type not in ContractType:
        raise refusal
    venue, kind = NodeVenue(client), ContractType(name.instrument_type)
    found = _PAYLOADS[kind].fullmatch(name.payload)
    if found is None or (name.suffix is not None and name.suffix not in _SUFFIXES):
        raise refusal
    parts = found.groupdict()
    date = parts.get("date")
    if date is not None and not _is_date(date):
        raise refusal
    contract = Contract(
        kind,
        parts["base"],
        parts["quote"],
        _SUFFIXES[name.suffix] if name.suffix is not None else False,
        date,
        parts.get("strike"),
        parts.get("right"),
    )
    # What does not come back as it went in only looks like an id of ours.
    if kind not in _TYPES[venue] or contract.instrument_id(venue) != instrument_id:
        raise refusal
    return venue, contract


def contract_of(facts: InstrumentFacts) -> Contract:
    """The contract that the node tells of. Of an option, what it is settled in is no part of its id.

    Raises:
        InvalidInput: it is of a kind that is not traded here, or contradicts itself.
    """
    kind = _NAUTILUS_TYPES.get(facts.type)
    if kind is None:
        raise InvalidInput(f"instrument {facts.id}", [Fault("type", f"{facts.type} is not traded here")])
    date = None
    if kind in (ContractType.FUTURE, ContractType.OPTION):
        if facts.expires_at_ns is None:
            raise InvalidInput(f"instrument {facts.id}", [Fault("expires_at_ns", "is missing")])
        date = datetime.fromtimestamp(facts.expires_at_ns // _NS_PER_S, UTC).strftime("%Y%m%d")
    if kind is ContractType.OPTION:
        if facts.strike is None or facts.right not in ("C", "P"):
            raise InvalidInput(f"instrument {facts.id}", [Fault("strike", "an option has a strike, and is C or P")])
        strike = f"{parse_decimal(facts.strike).normalize():f}"
        return Contract(kind, facts.base, facts.quote, False, date, strike, facts.right)
    is_inverse = facts.is_inverse and kind is not ContractType.SPOT
    return Contract(kind, facts.base, facts.quote, is_inverse, date)


def listing_of(
    facts: InstrumentFacts, venue: NodeVenue, maker_fee: Decimal = ZERO, taker_fee: Decimal = ZERO
) -> Listing:
    """An instrument of the node as a listing. Quantities are NautilusTrader's own: contracts where the multiplier is
    not one, the base coin or (inverse) the quote currency else.

    Raises:
        InvalidInput: it is not traded here, or what is told of it makes no sense.
    """
    contract = contract_of(facts)
    lot = parse_decimal(facts.lot)
    least = parse_decimal(facts.min_quantity) if facts.min_quantity is not None else lot
    most = parse_decimal(facts.max_quantity) if facts.max_quantity is not None else None
    if lot <= 0:
        raise InvalidInput(f"instrument {facts.id}", [Fault("lot", f"must be above zero, not {facts.lot}")])
    return Listing(
        instrument_id=contract.instrument_id(venue),
        venue_class=VenueClass.CEFI,
        venue_symbol=facts.raw_symbol,
        terms=_terms(contract, facts),
        ticks=TickSchedule.constant(parse_decimal(facts.tick)),
        lot=lot,
        min_quantity=max(money.ceil_to(least, lot), lot),
        max_quantity=money.floor_to(most, lot) if most is not None and most >= lot else None,
        min_notional=parse_decimal(facts.min_notional.partition(" ")[0]) if facts.min_notional is not None else None,
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        expiry_ns=facts.expires_at_ns,
    )


def _terms(contract: Contract, facts: InstrumentFacts) -> ContractTerms:
    multiplier = parse_decimal(facts.multiplier)
    if contract.type is ContractType.SPOT:
        return ContractTerms(ContractKind.SPOT, contract.base, contract.quote, contract.quote, ONE)
    if contract.type is ContractType.OPTION:
        # A coin-settled option is quoted and paid in the coin: its premium is quantity x price coins.
        quote = facts.settlement if facts.is_inverse else contract.quote
        return ContractTerms(ContractKind.LINEAR, contract.base, quote, facts.settlement, multiplier)
    kind = ContractKind.INVERSE if contract.is_inverse else ContractKind.LINEAR
    return ContractTerms(kind, contract.base, contract.quote, facts.settlement, multiplier)


def _is_date(text: str) -> bool:
    try:
        return text.startswith("20") and datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC) is not None
    except ValueError:
        return False
