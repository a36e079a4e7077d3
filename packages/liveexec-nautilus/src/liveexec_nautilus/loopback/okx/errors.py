"""The venue's own error codes, and which of them a refusal of the matching engine becomes.

Source: https://www.okx.com/docs-v5/en/#error-code. Requests fail as a whole with ``code`` and ``msg``; orders fail one
by one with ``sCode`` and ``sMsg`` in ``data``, under a ``code`` of 1 (all failed) or 2 (some did).
"""

from types import MappingProxyType
from typing import Final

from liveexec.venues.paper.entry import RejectCode

__all__ = ["HTTP_STATUSES", "MESSAGES", "OkxError", "refusal"]

#: Every code that this venue answers, with its words; ``{}`` stands for what it is about.
MESSAGES: Final = MappingProxyType(
    {
        "1": "All operations failed",
        "50000": "Body for POST request cannot be empty.",
        "50002": "JSON syntax error",
        "50011": "Rate limit reached. Please refer to API documentation and throttle requests accordingly.",
        "50014": "Parameter {} cannot be empty.",
        "50026": "System error. Try again later.",
        "50102": "Timestamp request expired.",
        "50103": 'Request header "OK-ACCESS-KEY" cannot be empty.',
        "50104": 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty.',
        "50105": 'Request header "OK-ACCESS-PASSPHRASE" incorrect.',
        "50106": 'Request header "OK-ACCESS-SIGN" cannot be empty.',
        "50107": 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty.',
        "50111": "Invalid OK-ACCESS-KEY",
        "50112": "Invalid OK-ACCESS-TIMESTAMP",
        "50113": "Invalid Sign",
        "51000": "Parameter {} error",
        "51001": "Instrument ID, Instrument ID code, or Spread ID doesn't exist.",
        "51003": "Either client order ID or order ID is required.",
        "51008": "Order failed. Insufficient {} balance in account.",
        "51010": "You can't complete this request under your current account mode.",
        "51015": "Instrument ID does not match instrument type.",
        "51016": "Client order ID already exists.",
        "51020": "Your order should meet or exceed the minimum order amount.",
        "51039": "Leverage cannot be adjusted for the cross positions under portfolio margin.",
        "51121": "Order quantity must be a multiple of the lot size.",
        "51169": "Order failed because you don't have any positions in this contract to reduce or close.",
        "51202": "Market order amount exceeds the maximum amount.",
        "51400": "Cancellation failed as the order has been filled, canceled or does not exist.",
        "51500": "You must enter a price, quantity, or TP/SL.",
        "51502": "Order modification failed for insufficient margin.",
        "51503": "Your order has already been filled or canceled.",
        "51511": "Operation failed as the order price doesn't meet the requirement for Post Only.",
        "51603": "Order does not exist.",
        "59000": "Your settings failed as you have positions or open orders.",
        "60001": '"OK-ACCESS-KEY" cannot be empty.',
        "60005": "Invalid OK-ACCESS-KEY",
        "60006": "Timestamp request expired",
        "60007": "Invalid sign",
        "60009": "Login failed.",
        "60011": "Please log in",
        "60012": "Invalid request: {}",
        "60018": "Wrong URL or {} doesn't exist. Please use the correct URL, channel and parameters.",
        "60024": "Wrong passphrase",
        "60029": "Only users who are VIP6 and above in trading fee tier are allowed to subscribe to this channel.",
    }
)

#: Codes whose HTTP status is not 200. Refused orders are HTTP 200.
HTTP_STATUSES: Final = MappingProxyType(
    {
        "50000": 400,
        "50002": 400,
        "50011": 429,
        "50014": 400,
        "50026": 500,
        "51000": 400,
    }
    | dict.fromkeys(("50102", "50103", "50104", "50105", "50106", "50107", "50111", "50112", "50113"), 401)
)

#: Refusals of the matching engine: (when placed, when amended).
_REFUSALS: Final = MappingProxyType(
    {
        RejectCode.DUPLICATE_CLIENT_ID: ("51016", "51016"),
        RejectCode.INSUFFICIENT_BALANCE: ("51008", "51502"),
        RejectCode.INVALID_ORDER: ("51000", "51000"),
        RejectCode.INVALID_PRICE: ("51000", "51000"),
        RejectCode.INVALID_QUANTITY: ("51121", "51121"),
        RejectCode.INVALID_REPLACE: ("51000", "51000"),
        RejectCode.ORDER_CLOSED: ("51603", "51503"),
        RejectCode.POST_ONLY_WOULD_TAKE: ("51000", "51511"),
        RejectCode.QUANTITY_BELOW_FILLED: ("51000", "51000"),
        RejectCode.REDUCE_ONLY: ("51169", "51169"),
        RejectCode.UNKNOWN_INSTRUMENT: ("51001", "51001"),
        RejectCode.UNKNOWN_ORDER: ("51603", "51503"),
    }
)
#: What a code's words are about, where it is not told otherwise.
_ABOUT: Final = MappingProxyType(
    {
        RejectCode.INVALID_PRICE: "px",
        RejectCode.INVALID_ORDER: "ordType",
        RejectCode.INVALID_REPLACE: "ordType",
        RejectCode.POST_ONLY_WOULD_TAKE: "ordType",
        RejectCode.QUANTITY_BELOW_FILLED: "newSz",
    }
)


class OkxError(Exception):
    """The venue's refusal: a code and its words. ``about`` fills in what they are about."""

    def __init__(self, code: str, about: str = "", *, message: str | None = None) -> None:
        self.code = code
        self.message = MESSAGES[code].format(about) if message is None else message
        super().__init__(f"{self.code} {self.message}")


def refusal(code: str, *, asset: str, is_amend: bool = False) -> OkxError:
    """What a refusal of the engine is called here; ``asset`` is what an order would be paid with."""
    known = RejectCode(code)
    placed, amended = _REFUSALS[known]
    about = asset if known is RejectCode.INSUFFICIENT_BALANCE else _ABOUT.get(known, "sz")
    return OkxError(amended if is_amend else placed, about)
