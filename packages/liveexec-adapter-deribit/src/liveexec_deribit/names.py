"""Canonical ids and Deribit's instrument names, one made of the other without a table.

Deribit names its instruments by underlying, expiry and strike (docs.deribit.com, "Naming"): ``BTC-PERPETUAL``,
``BTC-27DEC24``, ``BTC-27DEC24-100000-C``, and with the quote currency where it is not the coin's own contract against
USD: ``ETH_USDC-PERPETUAL``, ``XRP_USDC-30JUN23-0d625-C`` (``d`` is the point of a strike), ``BTC_USDC`` for spot.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from attrs import frozen

from liveexec.domain.ids import InstrumentId, VenueName, instrument_name
from liveexec.errors import Fault, InvalidInput

__all__ = [
    "DERIBIT",
    "Combo",
    "InstrumentKind",
    "VenueInstrument",
    "instrument_id_of",
    "symbol_of",
    "venue_instrument",
]

DERIBIT: Final = VenueName("DERIBIT")
#: What the contracts without a quote currency in their name are quoted against.
_USD: Final = "USD"

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_SYMBOL: Final = re.compile(
    r"(?P<base>[A-Z0-9]{1,12})(?:_(?P<quote>[A-Z0-9]{1,12}))?"
    r"(?:-(?:(?P<perpetual>PERPETUAL)|(?P<day>[1-9]\d?)(?P<month>[A-Z]{3})(?P<year>\d\d)"
    r"(?:-(?P<strike>\d{1,12}(?:d\d{1,12})?)-(?P<right>[CP]))?))?",
    re.ASCII,
)
_PAIR: Final = r"(?P<base>[A-Z0-9]{1,12})-(?P<quote>[A-Z0-9]{1,12})"
#: BTC-FS-19MAY26_PERP, BTC-CS-19MAY26-70000_75000, BTC-COMBO-1
_COMBO: Final = re.compile(r"[A-Z0-9]{1,12}(?:_[A-Z0-9]{1,12})?-[A-Z]{2,8}-[A-Za-z0-9_-]{1,60}", re.ASCII)


class Combo(InvalidInput):
    """A combination of instruments: its legs are traded, and told of, as what they are; it itself is not."""


class InstrumentKind(StrEnum):
    """The instrument types of canonical ids that Deribit has."""

    SPOT = "SPOT_PAIR"
    PERPETUAL = "PERPETUAL"
    FUTURE = "FUTURE"
    OPTION = "OPTION"


#: What the payloads of canonical ids look like.
_PAYLOADS: Final = {
    InstrumentKind.SPOT: re.compile(_PAIR, re.ASCII),
    InstrumentKind.PERPETUAL: re.compile(_PAIR, re.ASCII),
    InstrumentKind.FUTURE: re.compile(rf"{_PAIR}-(?P<date>\d{{8}})", re.ASCII),
    InstrumentKind.OPTION: re.compile(
        rf"{_PAIR}-(?P<strike>\d{{1,12}}(?:\.\d{{1,12}})?)-(?P<date>\d{{8}})-(?P<right>[CP])", re.ASCII
    ),
}


@frozen
class VenueInstrument:
    """An instrument, taken apart. ``is_inverse`` where it is margined and settled in its base coin against USD;
    ``date`` is the expiry as YYYYMMDD, ``strike`` a plain decimal, ``right`` C or P."""

    kind: InstrumentKind
    base: str
    quote: str
    date: str | None = None
    strike: str | None = None
    right: str | None = None

    @property
    def is_inverse(self) -> bool:
        return self.kind is not InstrumentKind.SPOT and self.quote == _USD

    @property
    def symbol(self) -> str:
        """Deribit's name."""
        pair = self.base if self.is_inverse else f"{self.base}_{self.quote}"
        match self.kind:
            case InstrumentKind.SPOT:
                return pair
            case InstrumentKind.PERPETUAL:
                return f"{pair}-PERPETUAL"
        assert self.date is not None
        expiry = f"{int(self.date[6:])}{_MONTHS[int(self.date[4:6]) - 1]}{self.date[2:4]}"
        if self.kind is InstrumentKind.FUTURE:
            return f"{pair}-{expiry}"
        assert self.strike is not None
        return f"{pair}-{expiry}-{self.strike.replace('.', 'd')}-{self.right}"

    def instrument_id(self, venue: VenueName) -> InstrumentId:
        """The canonical id at a venue (Deribit, or its test net under a name of its own)."""
        pair = f"{self.base}-{self.quote}"
        suffix = "@INV" if self.is_inverse else "@LIN"
        match self.kind:
            case InstrumentKind.SPOT:
                tail = pair
            case InstrumentKind.PERPETUAL:
                tail = f"{pair}{suffix}"
            case InstrumentKind.FUTURE:
                tail = f"{pair}-{self.date}{suffix}"
            case InstrumentKind.OPTION:
                tail = f"{pair}-{self.strike}-{self.date}-{self.right}"
        return InstrumentId(f"{venue}:{self.kind}:{tail}")


@lru_cache(maxsize=32_768)
def venue_instrument(symbol: str) -> VenueInstrument:
    """Take a name of Deribit's apart.

    Raises:
        Combo: it names a combination of instruments.
        InvalidInput: it names nothing.
    """
    found = _SYMBOL.fullmatch(symbol)
    if found is None and _COMBO.fullmatch(symbol) is not None:
        raise Combo(f"Deribit instrument {symbol}", [Fault("", "is a combo, and only its legs are traded here")])
    if found is None:
        raise InvalidInput(f"Deribit instrument {symbol[:60]!r}", [Fault("", "is no spot pair, future or option")])
    base, quote, right = found["base"], found["quote"], found["right"]
    if found["perpetual"] is not None:
        return VenueInstrument(InstrumentKind.PERPETUAL, base, quote or _USD)
    if found["day"] is not None:
        kind = InstrumentKind.FUTURE if right is None else InstrumentKind.OPTION
        strike = found["strike"].replace("d", ".") if right is not None else None
        return VenueInstrument(kind, base, quote or _USD, _date_of(symbol, found), strike, right)
    if quote is None or quote == _USD:
        raise InvalidInput(f"Deribit instrument {symbol[:60]!r}", [Fault("", "is no spot pair, future or option")])
    return VenueInstrument(InstrumentKind.SPOT, base, quote)


@lru_cache(maxsize=32_768)
def instrument_id_of(symbol: str, venue: VenueName = DERIBIT) -> InstrumentId:
    """The canonical id of a name of Deribit's.

    Raises:
        Combo: it names a combination of instruments.
        InvalidInput: it names nothing.
    """
    return venue_instrument(symbol).instrument_id(venue)


@lru_cache(maxsize=32_768)
def symbol_of(instrument_id: InstrumentId) -> str:
    """Deribit's name of a canonical id.

    Raises:
        InvalidInput: no instrument of Deribit's has such an id.
    """
    name = instrument_name(instrument_id)
    refusal = InvalidInput(
        f"instrument id {instrument_id[:120]!r}", [Fault("", "no instrument of Deribit's has such an id")]
    )
    if name.asset_class is not None or name.instrument_type not in InstrumentKind:
        raise refusal
    kind = InstrumentKind(name.instrument_type)
    found = _PAYLOADS[kind].fullmatch(name.payload)
    if found is None:
        raise refusal
    parts = found.groupdict()
    made = VenueInstrument(
        kind, parts["base"], parts["quote"], parts.get("date"), parts.get("strike"), parts.get("right")
    )
    if made.date is not None and not _is_date(made.date):
        raise refusal
    symbol = made.symbol
    # What does not come back as it went in is no id of an instrument here, but one that looks like it.
    if _SYMBOL.fullmatch(symbol) is None or venue_instrument(symbol).instrument_id(name.venue) != instrument_id:
        raise refusal
    return symbol


def _date_of(symbol: str, found: re.Match[str]) -> str:
    """The expiry as YYYYMMDD. Two digits of a year are of this century."""
    month = _MONTHS.index(found["month"]) + 1 if found["month"] in _MONTHS else 0
    date = f"20{found['year']}{month:02d}{int(found['day']):02d}"
    if not _is_date(date):
        raise InvalidInput(f"Deribit instrument {symbol[:60]!r}", [Fault("", "its expiry is no day of the calendar")])
    return date


def _is_date(text: str) -> bool:
    try:
        return text.startswith("20") and datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC) is not None
    except ValueError:
        return False
