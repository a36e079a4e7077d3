"""Numbers as these venues write them in their messages."""

from decimal import Decimal
from typing import Final

from liveexec.domain.money import MONEY

__all__ = ["milliseconds", "plain"]

_NS_PER_MS: Final = 1_000_000


def plain(value: Decimal) -> str:
    """A number in plain digits without trailing zeros."""
    return format(value.normalize(MONEY), "f") if value else "0"


def milliseconds(time_ns: int) -> str:
    """A time as text, in milliseconds since 1970."""
    return str(time_ns // _NS_PER_MS)
