"""Numbers, times and ids as text: the only code of the library that turns one into something to read.

Nothing here depends on the machine's locale, time zone or decimal context, so equal values give equal text.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from attrs import frozen

from liveexec.domain import money
from liveexec.domain.ids import is_order_id

__all__ = [
    "DERIVED_PLACES",
    "Places",
    "Precision",
    "amount_text",
    "average_text",
    "by_asset",
    "derived_text",
    "exact_text",
    "exact_time_text",
    "places_of",
    "short_id",
    "short_instrument",
    "short_time_text",
    "single_line",
    "time_text",
]

#: Digits after the point that a quotient (an average, an inverse contract's PnL) is shown with where no listing says
#: more; exact output keeps all of them.
DERIVED_PLACES: Final = 8
#: Averages are shown with this many digits more than the prices that they average.
_FINER_THAN_TICK: Final = 2
#: What stands before an average that was rounded: none of its digits is left out silently.
_ABOUT: Final = "~"
#: The end of an order id is where two ids differ: its beginning is the time. 8 characters carry 40 random bits.
_TAIL: Final = 8

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000


@frozen
class Places:
    """Digits after the point of an instrument's prices and quantities."""

    price: int
    quantity: int

    @classmethod
    def of(cls, tick: Decimal, lot: Decimal) -> "Places":
        """The places that a tick size and a lot step need."""
        return cls(places_of(tick), places_of(lot))


#: Canonical instrument id -> the places that its listing asks for.
Precision = Mapping[str, Places]


def places_of(step: Decimal) -> int:
    """Digits after the point that multiples of ``step`` need: 0.50 needs one, 25 none."""
    return len(exact_text(step).partition(".")[2])


def exact_text(value: Decimal) -> str:
    """Every digit of the value, without exponent, trailing zeros or a negative zero: ``1.500`` gives ``1.5``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def amount_text(value: Decimal, places: int | None) -> str:
    """A recorded amount with at least ``places`` digits after the point, and more where it has more.

    What was recorded is never rounded: an amount that is finer than its listing shows it.
    """
    return _padded(exact_text(value), places)


def derived_text(value: Decimal, limit: int = DERIVED_PLACES) -> str:
    """A computed amount rounded half-even to at most ``limit`` digits after the point.

    A value that would round to nothing keeps its digits: it is small, not zero.
    """
    rounded = money.round_places(value, limit)
    return exact_text(value) if value and not rounded else exact_text(rounded)


def average_text(value: Decimal, places: Places | None) -> str:
    """An average price, with the digits of the prices that it averages, and with all of its own as long as they are
    few. A quotient that goes on is rounded to two digits more than the prices have, and says so: ``~45000.1233``."""
    least = places.price if places is not None else 0
    whole = exact_text(value)
    if len(whole.partition(".")[2]) <= max(DERIVED_PLACES, least + _FINER_THAN_TICK):
        return _padded(whole, least)
    limit = DERIVED_PLACES if places is None else least + _FINER_THAN_TICK
    rounded = derived_text(value, limit)
    return _padded(rounded, least) if rounded == whole else f"{_ABOUT}{_padded(rounded, least)}"


def by_asset(amounts: Mapping[str, Decimal]) -> str:
    """Amounts of several assets in the order of their names: ``0.001 BNB, 2.25 USDT``; what is zero is left out."""
    said = (f"{exact_text(amount)} {asset}" for asset, amount in sorted(amounts.items()) if amount)
    return single_line(", ".join(said))


def time_text(at_ns: int) -> str:
    """UTC nanoseconds as ISO 8601 with milliseconds, cut and not rounded: ``2025-12-08T10:30:00.123Z``."""
    return f"{_moment(at_ns):%Y-%m-%dT%H:%M:%S}.{at_ns % _NS_PER_S // _NS_PER_MS:03d}Z"


def short_time_text(at_ns: int) -> str:
    """The same without the date, for columns whose times all fall on one day."""
    return time_text(at_ns)[11:]


def exact_time_text(at_ns: int) -> str:
    """UTC nanoseconds as ISO 8601 with all nine digits."""
    return f"{_moment(at_ns):%Y-%m-%dT%H:%M:%S}.{at_ns % _NS_PER_S:09d}Z"


def short_id(text: str) -> str:
    """A stable short form of an id: the end of an order id behind an ellipsis; other ids are people's own."""
    return f"…{text[-_TAIL:]}" if is_order_id(text) else text


def short_instrument(text: str) -> str:
    """The payload of a canonical instrument or product id: ``PERPETUAL:BTC-USDT@LIN`` gives ``BTC-USDT@LIN``."""
    return text.rpartition(":")[2]


def single_line(text: str) -> str:
    r"""Text that may come from anywhere, made safe to print: control characters become ``\x1b`` and the like.

    A venue's message can neither move the cursor, nor break a row, nor turn the reading direction around.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def _padded(text: str, places: int | None) -> str:
    if not places:
        return text
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(places, '0')}"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    return character.encode("unicode_escape").decode("ascii")


def _moment(at_ns: int) -> datetime:
    return _EPOCH + timedelta(seconds=at_ns // _NS_PER_S)
