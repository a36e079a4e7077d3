"""The words of Binance Spot's JSON and the numbers that stand for them in SBE (``spot_3_5.xml``)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from liveexec.domain.money import MONEY, round_places

__all__ = [
    "EXECUTION_TYPE",
    "EXPIRY_REASON",
    "EXPONENT",
    "ORDER_STATUS",
    "ORDER_TYPE",
    "SELF_TRADE_PREVENTION",
    "SIDE",
    "TIME_IN_FORCE",
    "amount",
    "mantissa",
    "micros",
    "millis",
]

#: Prices and quantities are told in hundred-millionths.
EXPONENT: Final = -8
_PLACES: Final = 8

SIDE: Final[Mapping[str, int]] = {"BUY": 0, "SELL": 1}
ORDER_TYPE: Final[Mapping[str, int]] = {"MARKET": 0, "LIMIT": 1, "LIMIT_MAKER": 6}
TIME_IN_FORCE: Final[Mapping[str, int]] = {"GTC": 0, "IOC": 1, "FOK": 2}
ORDER_STATUS: Final[Mapping[str, int]] = {
    "NEW": 0,
    "PARTIALLY_FILLED": 1,
    "FILLED": 2,
    "CANCELED": 3,
    "REJECTED": 5,
    "EXPIRED": 6,
    "EXPIRED_IN_MATCH": 9,
}
EXECUTION_TYPE: Final[Mapping[str, int]] = {"NEW": 0, "CANCELED": 1, "REPLACED": 2, "TRADE": 4, "EXPIRED": 5}
EXPIRY_REASON: Final[Mapping[str, int]] = {
    "UNFILLED_IOC_QUANTITY_EXPIRED": 5,
    "UNFILLED_FOK_ORDER_EXPIRED": 6,
    "INSUFFICIENT_LIQUIDITY": 7,
}
#: EXPIRE_MAKER: what the matching engine does.
SELF_TRADE_PREVENTION: Final = 3


def mantissa(value: Decimal) -> int:
    """The mantissa of a price or a quantity beside the exponent."""
    return int(round_places(value, _PLACES).scaleb(_PLACES, context=MONEY))


def amount(value: Decimal) -> str:
    """The same in JSON."""
    return f"{round_places(value, _PLACES):.{_PLACES}f}"


def micros(at_ns: int) -> int:
    """Times in SBE."""
    return at_ns // 1_000


def millis(at_ns: int) -> int:
    """Times in JSON."""
    return at_ns // 1_000_000
