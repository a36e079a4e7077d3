"""Identifiers: who and what an order is about, as text that can be read, sorted and stored.

Identifiers are plain strings told apart by ``NewType``, so that they cost nothing as dictionary keys and encode as
they are. Order ids are UUIDv7 (RFC 9562) written in Crockford's base 32 behind ``ORD-``: 30 characters, alphanumeric
but for the hyphen, sorted by time.
"""

import hashlib
import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NewType

from attrs import frozen

from liveexec.errors import Fault, InvalidInput

__all__ = [
    "EXTERNAL",
    "AccountId",
    "AssetClass",
    "ClientOrderId",
    "InstrumentId",
    "InstrumentName",
    "OperationId",
    "OrderId",
    "ProductId",
    "StrategyId",
    "VenueName",
    "VenueOrderId",
    "child_order_id",
    "external_order_id",
    "format_order_id",
    "instrument_name",
    "is_instrument_id",
    "is_order_id",
    "is_product_id",
    "order_id_from_random",
    "order_id_time_ns",
    "product_of",
    "venue_of",
]

OperationId = NewType("OperationId", str)
OrderId = NewType("OrderId", str)
ClientOrderId = NewType("ClientOrderId", str)
VenueOrderId = NewType("VenueOrderId", str)
AccountId = NewType("AccountId", str)
StrategyId = NewType("StrategyId", str)
VenueName = NewType("VenueName", str)
#: ``[ASSET_CLASS:]VENUE:INSTRUMENT_TYPE:PAYLOAD[@SUFFIX]``
InstrumentId = NewType("InstrumentId", str)
#: The same without the venue: ``[ASSET_CLASS:]INSTRUMENT_TYPE:PAYLOAD[@SUFFIX]``
ProductId = NewType("ProductId", str)

#: The strategy of everything at a venue that this library did not send.
EXTERNAL: Final = StrategyId("EXTERNAL")

_BASE32: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Two digits at once halve the work of writing an id.
_BASE32_PAIRS: Final = tuple(high + low for high in _BASE32 for low in _BASE32)
_PAIR_SHIFTS: Final = tuple(range(120, -1, -10))
_ORDER_ID: Final = re.compile(r"ORD-[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


class AssetClass(StrEnum):
    """The optional first part of a canonical id, where a venue name alone does not tell."""

    CEFI = "CEFI"
    TRADFI = "TRADFI"
    DEFI = "DEFI"
    SPORTS = "SPORTS"


@frozen
class InstrumentName:
    """A canonical id, taken apart. ``str()`` prints exactly the text that was parsed."""

    asset_class: AssetClass | None
    venue: VenueName
    instrument_type: str
    payload: str
    suffix: str | None

    def __str__(self) -> str:
        return self.instrument_id

    @property
    def instrument_id(self) -> InstrumentId:
        head = f"{self.asset_class}:" if self.asset_class else ""
        return InstrumentId(f"{head}{self.venue}:{self._tail}")

    @property
    def product_id(self) -> ProductId:
        head = f"{self.asset_class}:" if self.asset_class else ""
        return ProductId(f"{head}{self._tail}")

    @property
    def _tail(self) -> str:
        return f"{self.instrument_type}:{self.payload}" + (f"@{self.suffix}" if self.suffix else "")


_VENUE: Final = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,39}", re.ASCII)
_TYPE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}", re.ASCII)
_PAYLOAD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+/-]{0,79}", re.ASCII)
_SUFFIX: Final = re.compile(r"[A-Z0-9][A-Z0-9_.-]{0,39}", re.ASCII)
_ASSET_CLASSES: Final = frozenset(member.value for member in AssetClass)
#: Longer than any canonical id, so that no cache below keeps a caller's garbage.
_LONGEST: Final = 256


@lru_cache(maxsize=16_384)
def instrument_name(text: str) -> InstrumentName:
    """Take a canonical id apart.

    Raises:
        InvalidInput: it is not canonical; every fault is named.
    """
    parts = text.split(":")
    asset_class = AssetClass(parts.pop(0)) if len(parts) == 4 and parts[0] in _ASSET_CLASSES else None
    if len(parts) != 3:
        raise InvalidInput(
            f"instrument id {text[:120]!r}",
            [Fault("", "must read [ASSET_CLASS:]VENUE:INSTRUMENT_TYPE:PAYLOAD[@SUFFIX]")],
        )
    venue, instrument_type, rest = parts
    payload, at_sign, suffix = rest.partition("@")
    faults = [
        Fault(path, f"{value[:60]!r} is not allowed here")
        for path, value, pattern in (
            ("venue", venue, _VENUE),
            ("instrument_type", instrument_type, _TYPE),
            ("payload", payload, _PAYLOAD),
        )
        if pattern.fullmatch(value) is None
    ]
    if venue in _ASSET_CLASSES:
        faults.append(Fault("venue", f"{venue} is an asset class, not a venue"))
    if at_sign and _SUFFIX.fullmatch(suffix) is None:
        faults.append(Fault("suffix", f"{suffix[:60]!r} is not allowed here"))
    if faults:
        raise InvalidInput(f"instrument id {text[:120]!r}", faults)
    return InstrumentName(asset_class, VenueName(venue), instrument_type, payload, suffix or None)


def is_instrument_id(text: str) -> bool:
    """Whether the text is a canonical id that names a venue."""
    return len(text) <= _LONGEST and _is_instrument_id(text)


def is_product_id(text: str) -> bool:
    """Whether the text is a venue-neutral product: a canonical id without the venue."""
    return len(text) <= _LONGEST and _is_product_id(text)


@lru_cache(maxsize=16_384)
def _is_instrument_id(text: str) -> bool:
    try:
        instrument_name(text)
    except InvalidInput:
        return False
    return True


@lru_cache(maxsize=16_384)
def _is_product_id(text: str) -> bool:
    head, colon, rest = text.partition(":")
    body = rest if head in _ASSET_CLASSES and rest.count(":") == 1 else text
    if not colon or body.count(":") != 1:
        return False
    try:
        instrument_name(f"ANY:{body}")
    except InvalidInput:
        return False
    return True


def product_of(instrument_id: InstrumentId) -> ProductId:
    """The product that an instrument is one venue's listing of."""
    return instrument_name(instrument_id).product_id


def venue_of(instrument_id: InstrumentId) -> VenueName:
    """The venue that lists the instrument."""
    return instrument_name(instrument_id).venue


def format_order_id(number: int) -> OrderId:
    """An order id from the 128 bits of a UUID."""
    return OrderId("ORD-" + "".join([_BASE32_PAIRS[number >> shift & 1023] for shift in _PAIR_SHIFTS]))


def is_order_id(text: str) -> bool:
    """Whether the text has the form of an order id."""
    return _ORDER_ID.fullmatch(text) is not None


def order_id_from_random(at_ns: int, random_bits: int) -> OrderId:
    """An order id as UUIDv7: 48 bits of milliseconds, 12 bits below the millisecond, 62 random bits.

    The bits below the millisecond carry the sub-millisecond time (RFC 9562, section 6.2, method 3), so that ids made
    by one process sort in the order of their making to about a quarter of a microsecond.
    """
    millis, rest_ns = divmod(at_ns, 1_000_000)
    fraction = (rest_ns << 12) // 1_000_000
    return format_order_id(
        (millis & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random_bits & (1 << 62) - 1
    )


def child_order_id(parent: OrderId, ordinal: int) -> OrderId:
    """The id of a parent's n-th child: the same whenever it is asked for, so that a restart spawns no twin.

    It keeps the parent's time bits and takes the others from a hash (UUIDv8 of RFC 9562).
    """
    digest = int.from_bytes(hashlib.sha256(f"{parent}/{ordinal}".encode()).digest()[:16])
    number = _number_of(parent) & (0xFFFF_FFFF_FFFF << 80) | digest & ((1 << 80) - 1)
    number = number & ~(0xF << 76) | 0x8 << 76
    return format_order_id(number & ~(0b11 << 62) | 0b10 << 62)


def external_order_id(account_id: AccountId, venue_order_id: str) -> OrderId:
    """The id of an order that the venue has and we did not send: the same in every process that meets it (UUIDv8)."""
    digest = int.from_bytes(hashlib.sha256(f"external/{account_id}/{venue_order_id}".encode()).digest()[:16])
    number = digest & ~(0xF << 76) | 0x8 << 76
    return format_order_id(number & ~(0b11 << 62) | 0b10 << 62)


def order_id_time_ns(order_id: OrderId) -> int:
    """The time in an order id, UTC nanoseconds cut to the millisecond."""
    return (_number_of(order_id) >> 80) * 1_000_000


def _number_of(order_id: OrderId) -> int:
    if not is_order_id(order_id):
        raise InvalidInput(f"order id {order_id[:60]!r}", [Fault("", "must read ORD- and 26 characters of base 32")])
    number = 0
    for digit in order_id[4:]:
        number = number << 5 | _BASE32.index(digit)
    return number
