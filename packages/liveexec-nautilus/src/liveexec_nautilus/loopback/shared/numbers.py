"""Numbers as these venues write them in their messages, and as requests have them."""

import re
from decimal import Decimal
from typing import Final

from liveexec.domain.money import MONEY, is_storable, parse_decimal

__all__ = ["amount_in", "milliseconds", "plain", "whole_in"]

_NS_PER_MS: Final = 1_000_000
#: Every id, time and count of these venues fits.
_WHOLE: Final = re.compile(r"-?[0-9]{1,20}")


def amount_in(text: str) -> Decimal | None:
    """The number that a request says; ``None`` for what is none, or has more than 18 digits on either side of its
    point, which no price and no quantity has and exact arithmetic could not carry."""
    try:
        value = parse_decimal(text)
    except ValueError:
        return None
    return value if is_storable(value) else None


def whole_in(text: str) -> int | None:
    """The whole number of at most twenty digits that a request says; ``None`` for anything else."""
    return int(text) if _WHOLE.fullmatch(text) else None


def plain(value: Decimal) -> str:
    """A number in plain digits without trailing zeros."""
    return format(value.normalize(MONEY), "f") if value else "0"


def milliseconds(time_ns: int) -> str:
    """A time as text, in milliseconds since 1970."""
    return str(time_ns // _NS_PER_MS)
