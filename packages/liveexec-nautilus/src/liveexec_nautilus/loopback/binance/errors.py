"""Binance's errors: a negative code, a sentence, and the HTTP status they come with.

Codes and sentences follow Binance's published lists ("Error Codes" of the USD-M futures and spot API documentation).
"""

from collections.abc import Mapping
from typing import Final

from liveexec_nautilus.loopback.shared.orders import Refusal

__all__ = ["BinanceError", "mandatory", "refused"]

_BAD_REQUEST: Final = 400


class BinanceError(Exception):
    """What a request is refused with. ``data`` tells more of it, as JSON and (``binary``) as an SBE message."""

    def __init__(
        self,
        code: int,
        message: str,
        status: int = _BAD_REQUEST,
        data: dict[str, object] | None = None,
        binary: bytes = b"",
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.data = data
        self.binary = binary

    def wire(self) -> dict[str, object]:
        """The body of the answer."""
        told: dict[str, object] = {"code": self.code, "msg": self.message}
        return told if self.data is None else told | {"data": self.data}


def mandatory(name: str) -> BinanceError:
    """A parameter that must be there and is not, or that is no such thing."""
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


#: What the matching engine refuses, in the venue's words. Futures; spot has its own table beside.
_FUTURES: Final[Mapping[str, tuple[int, str]]] = {
    "DUPLICATE_CLIENT_ID": (-4116, "ClientOrderId is duplicated."),
    "INSUFFICIENT_BALANCE": (-2019, "Margin is insufficient."),
    "INVALID_ORDER": (-1128, "Combination of optional parameters invalid."),
    "INVALID_EXPIRY": (-1128, "Combination of optional parameters invalid."),
    "INVALID_PRICE": (-4014, "Price not increased by tick size."),
    "INVALID_QUANTITY": (-4023, "Qty not increased by step size."),
    "ORDER_CLOSED": (-2011, "Unknown order sent."),
    "POST_ONLY_WOULD_TAKE": (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    "REDUCE_ONLY": (-2022, "ReduceOnly Order is rejected."),
    "UNKNOWN_ORDER": (-2011, "Unknown order sent."),
}


def refused(refusal: Refusal, table: Mapping[str, tuple[int, str]] = _FUTURES) -> BinanceError:
    """The venue's error for what the matching engine refused; -1000 with its own words where there is none."""
    code, message = table.get(refusal.code, (-1000, refusal.message))
    return BinanceError(code, message)
