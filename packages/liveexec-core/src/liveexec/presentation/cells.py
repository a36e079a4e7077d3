"""Cells: a value with the text that people read, the exact text that programs read, and a key to sort by."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from liveexec.domain.codec import encode_json
from liveexec.domain.order_state import OrderStatus
from liveexec.presentation import formatting
from liveexec.presentation.formatting import Places

__all__ = [
    "EMPTY",
    "Cell",
    "SortKey",
    "Tone",
    "Value",
    "amount",
    "average",
    "count",
    "derived",
    "document",
    "flag",
    "identifier",
    "instant",
    "instrument",
    "profit",
    "status",
    "text",
]

Value = Decimal | int | str | Mapping[str, Any] | None
SortKey = tuple[bool, Decimal | int | str]


class Tone(StrEnum):
    """What a cell means for the reader; each renderer has its own way to show it, or none."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    MUTED = "muted"


@frozen
class Cell:
    """One cell, formatted once and for all.

    ``text`` is what people read, ``short`` a stable shorter form of it for narrow places, ``exact`` the whole value as
    text (nothing rounded, nothing shortened), ``value`` the value itself (``None`` when there is none).
    """

    text: str
    value: Value
    exact: str
    short: str | None = None
    tone: Tone = Tone.PLAIN

    @property
    def sort_key(self) -> SortKey:
        """Orders the cells of one column; empty ones come last."""
        match self.value:
            case None:
                return (True, "")
            case Decimal() | int() | str():
                return (False, self.value)
            case _:
                return (False, self.exact)

    @property
    def is_empty(self) -> bool:
        return not self.text


EMPTY: Final = Cell("", None, "")

_STATUS_TONES: Final = {
    OrderStatus.FILLED: Tone.GOOD,
    OrderStatus.REJECTED: Tone.BAD,
    OrderStatus.EXPIRED: Tone.MUTED,
    OrderStatus.CANCELED: Tone.MUTED,
    OrderStatus.UNKNOWN: Tone.WARNING,
}


def text(value: object, tone: Tone = Tone.PLAIN) -> Cell:
    """Free text, on one line."""
    if value is None:
        return EMPTY
    found = _checked(value, str)
    return Cell(formatting.single_line(found), found, found, tone=tone)


def identifier(value: object) -> Cell:
    """An id; order ids have a short form."""
    if value is None:
        return EMPTY
    found = _checked(value, str)
    shown = formatting.single_line(found)
    short = formatting.short_id(shown)
    return Cell(shown, found, found, short if short != shown else None)


def instrument(value: object) -> Cell:
    """A canonical instrument or product id, whose short form is its payload."""
    if value is None:
        return EMPTY
    found = _checked(value, str)
    shown = formatting.single_line(found)
    short = formatting.short_instrument(shown)
    return Cell(shown, found, found, short if short != shown else None)


def status(value: object) -> Cell:
    """An order's status."""
    if value is None:
        return EMPTY
    found = _checked(value, str)
    return text(found, _STATUS_TONES.get(OrderStatus(found), Tone.PLAIN))


def amount(value: object, places: int | None = None, tone: Tone = Tone.PLAIN) -> Cell:
    """A recorded price, quantity or amount: never rounded."""
    if value is None:
        return EMPTY
    found = _checked(value, Decimal)
    return Cell(formatting.amount_text(found, places), found, formatting.exact_text(found), tone=tone)


def derived(value: object) -> Cell:
    """A computed amount, shown rounded."""
    if value is None:
        return EMPTY
    found = _checked(value, Decimal)
    return Cell(formatting.derived_text(found), found, formatting.exact_text(found))


def average(value: object, places: Places | None = None) -> Cell:
    """An average price, shown rounded."""
    if value is None:
        return EMPTY
    found = _checked(value, Decimal)
    return Cell(formatting.average_text(found, places), found, formatting.exact_text(found))


def profit(value: object) -> Cell:
    """A computed gain or loss, told apart by tone."""
    if value is None:
        return EMPTY
    found = _checked(value, Decimal)
    tone = Tone.GOOD if found > 0 else Tone.BAD if found < 0 else Tone.PLAIN
    return Cell(formatting.derived_text(found), found, formatting.exact_text(found), tone=tone)


def count(value: object) -> Cell:
    """A whole number that counts or orders something."""
    if value is None:
        return EMPTY
    found = _checked(value, int)
    return Cell(str(found), found, str(found))


def flag(value: object, word: str, tone: Tone = Tone.PLAIN) -> Cell:
    """A yes or no, shown as a word or as nothing."""
    if value is None:
        return EMPTY
    found = _checked(value, bool)
    return Cell(word if found else "", found, "true" if found else "false", tone=tone)


def instant(value: object) -> Cell:
    """A time in UTC nanoseconds."""
    if value is None:
        return EMPTY
    found = _checked(value, int)
    return Cell(
        formatting.time_text(found), found, formatting.exact_time_text(found), formatting.short_time_text(found)
    )


def document(value: object) -> Cell:
    """A JSON object, on one line."""
    if value is None:
        return EMPTY
    found = dict(_checked(value, dict))
    encoded = encode_json(found).decode()
    return Cell(formatting.single_line(encoded), found, encoded)


def _checked[T](value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is a {type(value).__name__}, where {kind.__name__} is shown")
    return value
