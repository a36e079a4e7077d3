"""Exact decimal arithmetic: one context, strict parsing, and the only places where a result may be rounded.

Every price, quantity and amount is a finite ``Decimal``. Sums and products are exact (an inexact one raises);
divisions and roundings happen only through the functions here, each of which names its direction. The functions here
give the same result in every decimal context; folds and products need :data:`MONEY` around them.
"""

import re
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Final

__all__ = [
    "MONEY",
    "ONE",
    "STORED_DIGITS",
    "STORED_PLACES",
    "ZERO",
    "canonical",
    "ceil_to",
    "divide",
    "floor_to",
    "is_multiple",
    "is_storable",
    "nearest_to",
    "parse_decimal",
    "plain",
    "round_places",
    "shortest",
    "storable",
    "value_key",
]

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

#: Money columns are NUMERIC(36, 18): 18 digits before the point, 18 after it.
STORED_DIGITS: Final = 36
STORED_PLACES: Final = 18

#: The context of every exact calculation; ``ExecutionEngine.handle`` enters it once per input.
#: 76 digits hold the product of any two stored amounts with room for sums.
MONEY: Final = Context(
    prec=76,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    traps=[InvalidOperation, DivisionByZero, Overflow, Inexact, FloatOperation],
)

# The context of the named divisions and roundings: same digits, inexact results allowed.
_ROUNDING: Final = Context(
    prec=76,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)

# Asked for with every order.
_normalize, _remainder = _ROUNDING.normalize, _ROUNDING.remainder

_QUANTUM: Final = Decimal(1).scaleb(-STORED_PLACES)
_LIMIT: Final = Decimal(10) ** (STORED_DIGITS - STORED_PLACES)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def parse_decimal(text: str) -> Decimal:
    """Read a decimal number from text as JSON or a person writes it.

    Raises:
        ValueError: it is not a plain finite number (NaN, infinity, underscores and blanks are not).
    """
    if not isinstance(text, str) or len(text) > 80 or _NUMBER.fullmatch(text) is None:
        raise ValueError("not a decimal number")
    return Decimal(text)


def is_storable(value: Decimal) -> bool:
    """Whether the value fits NUMERIC(36, 18) without being rounded."""
    # Comparisons and copies are exact in every context; abs() would round to the caller's precision.
    if not value.is_finite() or value.copy_abs() >= _LIMIT:
        return False
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -STORED_PLACES:
        return True
    return _ROUNDING.compare(_ROUNDING.quantize(value, _QUANTUM), value) == 0


def plain(value: Decimal) -> str:
    """The value as digits without exponent, as venues and people read it: ``1E+3`` becomes ``1000``."""
    return format(value, "f")


def canonical(value: Decimal) -> str:
    """The one text of all values that are equal: ``1.0``, ``1.00`` and ``1E+0`` become ``1``.

    Exact for at most 76 significant digits.
    """
    return plain(_ROUNDING.normalize(value)) if value else "0"


def value_key(value: Decimal) -> str:
    """A text that values share exactly when they are equal: a dictionary's key that is made five times as fast as a
    new ``Decimal`` is hashed. Exact for at most 76 significant digits."""
    return str(_normalize(value)) if value else "0"


def divide(numerator: Decimal, denominator: Decimal, places: int = STORED_PLACES) -> Decimal:
    """Quotient rounded half-even to ``places`` digits after the point: the named division of the library."""
    return round_places(_ROUNDING.divide(numerator, denominator), places)


def storable(value: Decimal) -> Decimal:
    """The value as money columns can hold it: as it is, or rounded half-even to 18 places where it has more.

    Listings are refused whose ticks and lots would need that; a venue's own odd price of a fill must still count.
    """
    text = str(value)
    if len(text) <= STORED_PLACES and "E" not in text:
        # Written out in so few digits, it can't have more places: the cheapest way to tell.
        return value
    exponent = value.as_tuple().exponent
    return value if isinstance(exponent, int) and exponent >= -STORED_PLACES else round_places(value)


def round_places(value: Decimal, places: int = STORED_PLACES) -> Decimal:
    """Value rounded half-even to ``places`` digits after the point."""
    return _ROUNDING.quantize(value, _QUANTUM if places == STORED_PLACES else Decimal(1).scaleb(-places))


def shortest(value: Decimal) -> Decimal:
    """The same amount without the zeros that a rounded quotient or a NUMERIC(36, 18) ends in."""
    short = value.normalize(MONEY)
    exponent = short.as_tuple().exponent
    return short.quantize(ONE, context=MONEY) if isinstance(exponent, int) and exponent > 0 else short


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of ``step`` that is not above ``value``."""
    return _ROUNDING.multiply(_ROUNDING.to_integral_value(_quotient(value, step, ROUND_FLOOR)), step)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Smallest multiple of ``step`` that is not below ``value``."""
    return _ROUNDING.multiply(_ROUNDING.to_integral_value(_quotient(value, step, ROUND_CEILING)), step)


def nearest_to(value: Decimal, step: Decimal) -> Decimal:
    """Multiple of ``step`` nearest to ``value``; the lower one when both are equally near."""
    low, high = floor_to(value, step), ceil_to(value, step)
    return low if _ROUNDING.subtract(value, low) <= _ROUNDING.subtract(high, value) else high


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether ``value`` lies exactly on a multiple of ``step``."""
    return not _remainder(value, step)


def _quotient(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    # divide_int and remainder are exact, so the direction is decided without a rounded quotient.
    whole = _ROUNDING.divide_int(value, step)
    rest = _ROUNDING.subtract(value, _ROUNDING.multiply(whole, step))
    if rest == 0:
        return whole
    if rounding == ROUND_FLOOR and rest < 0:
        return _ROUNDING.subtract(whole, ONE)
    if rounding == ROUND_CEILING and rest > 0:
        return _ROUNDING.add(whole, ONE)
    return whole
