"""The venue's own error codes, and which of them a refusal of the matching engine becomes.

Source: https://bybit-exchange.github.io/docs/v5/error. Spot has a numbering of its own (170xxx) beside the one of
derivatives (110xxx). An answer carries the code in ``retCode`` with HTTP status 200.
"""

from types import MappingProxyType
from typing import Final

from liveexec.venues.paper.entry import RejectCode

__all__ = ["MESSAGES", "BybitError", "refusal", "unknown_order"]

#: Every code that this venue answers, with its words.
MESSAGES: Final = MappingProxyType(
    {
        10001: "Request parameter error.",
        10002: "The request time exceeds the time window range.",
        10003: "API key is invalid.",
        10004: "Error sign, please check your signature generation algorithm.",
        10006: "Too many visits. Exceeded the API Rate Limit.",
        10016: "Server error.",
        10017: "Route not found.",
        10404: "Op type is not found.",
        20001: "Repeat auth.",
        20006: "Duplicated request id.",
        110001: "Order does not exist.",
        110003: "Order price exceeds the allowable range.",
        110007: "Available balance is insufficient.",
        110017: "Reduce-only rule not satisfied.",
        110013: "Cannot set leverage due to risk limit level.",
        110025: "Position mode has not been modified.",
        110029: "Hedge mode is not supported for this symbol.",
        110043: "Leverage has not been modified.",
        110064: "The number of contracts modified cannot be less than or equal to the filled quantity.",
        110072: "OrderLinkedID is duplicate.",
        110073: "Set margin mode failed.",
        110094: "Order notional value below the lower limit.",
        170115: "Invalid timeInForce.",
        170116: "Invalid orderType.",
        170121: "Invalid symbol.",
        170130: "Data sent for paramter is not valid.",
        170131: "Balance insufficient.",
        170134: "Order price decimal too long.",
        170136: "Order quantity exceeded lower limit.",
        170137: "Order volume decimal too long.",
        170140: "Order value exceeded lower limit.",
        170141: "Duplicate clientOrderId.",
        170213: "Order does not exist.",
    }
)

#: Refusals of the matching engine: (derivatives and options, spot).
_REFUSALS: Final = MappingProxyType(
    {
        RejectCode.DUPLICATE_CLIENT_ID: (110072, 170141),
        RejectCode.EXPIRED_REQUEST: (10002, 10002),
        RejectCode.INSUFFICIENT_BALANCE: (110007, 170131),
        RejectCode.INVALID_EXPIRY: (10001, 170115),
        RejectCode.INVALID_ORDER: (10001, 170130),
        RejectCode.INVALID_PRICE: (110003, 170134),
        RejectCode.INVALID_QUANTITY: (10001, 170137),
        RejectCode.INVALID_REPLACE: (10001, 170130),
        RejectCode.ORDER_CLOSED: (110001, 170213),
        RejectCode.QUANTITY_BELOW_FILLED: (110064, 170136),
        RejectCode.RATE_LIMITED: (10006, 10006),
        RejectCode.REDUCE_ONLY: (110017, 110017),
        RejectCode.UNKNOWN_ACCOUNT: (10003, 10003),
        RejectCode.UNKNOWN_INSTRUMENT: (10001, 170121),
        RejectCode.UNKNOWN_ORDER: (110001, 170213),
        RejectCode.UNSUPPORTED_OPERATION: (10001, 170130),
        RejectCode.UNSUPPORTED_ORDER_TYPE: (10001, 170116),
    }
)


class BybitError(Exception):
    """The venue's refusal of a request: ``retCode`` and ``retMsg``."""

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = MESSAGES[code] if message is None else message
        super().__init__(f"{self.code} {self.message}")


def refusal(code: str, message: str, *, is_spot: bool) -> BybitError:
    """What a refusal of the engine is called here.

    What the venue tells only later (a post-only order that would take) is no refusal and has no code.
    """
    derivative, spot = _REFUSALS[RejectCode(code)]
    number = spot if is_spot else derivative
    return BybitError(number, f"params error: {message}" if number == 10001 else None)


def unknown_order(*, is_spot: bool) -> BybitError:
    """There is no open order of that name."""
    return BybitError(170213) if is_spot else BybitError(110001, "order not exists or too late to replace or cancel")
