"""The venue's error codes, and the exception that answers a request with one.

Codes and names as in the venue's documentation ("RPC Error Codes" of Deribit API v2.1.1); the negative ones are those
of JSON-RPC 2.0, with the venue's wording.
"""

from collections.abc import Mapping
from typing import Final

#: Code of each error that this venue can answer, by the message that goes over the wire.
CODES: Final[Mapping[str, int]] = {
    "authorization_required": 10000,
    "error": 10001,
    "qty_too_low": 10002,
    "order_overlap": 10003,
    "order_not_found": 10004,
    "price_too_low": 10005,
    "price_too_high": 10007,
    "not_enough_funds": 10009,
    "already_closed": 10010,
    "price_not_allowed": 10011,
    "book_closed": 10012,
    "locked_by_admin": 10019,
    "invalid_or_unsupported_instrument": 10020,
    "invalid_amount": 10021,
    "invalid_price": 10023,
    "non_integer_contract_amount": 10027,
    "too_many_requests": 10028,
    "not_owner_of_order": 10029,
    "must_be_websocket_request": 10030,
    "invalid_args_for_instrument": 10031,
    "not_implemented": 10033,
    "trigger_price_too_high": 10034,
    "trigger_price_too_low": 10035,
    "retry": 10040,
    "settlement_in_progress": 10041,
    "price_wrong_tick": 10043,
    "trigger_price_wrong_tick": 10044,
    "matching_engine_queue_full": 10047,
    "too_many_concurrent_requests": 10066,
    "already_filled": 11008,
    "invalid_arguments": 11029,
    "other_reject": 11030,
    "invalid_max_show_amount": 10036,
    "other_error": 11031,
    "permission_denied": 11042,
    "bad_argument": 11043,
    "not_open_order": 11044,
    "unsupported_arg_combination": 11047,
    "bad_arguments": 11049,
    "bad_request": 11050,
    "system_maintenance": 11051,
    "subscribe_error_unsubscribed": 11052,
    "post_only_reject": 11054,
    "internal_server_error": 11094,
    "invalid_credentials": 13004,
    "unauthorized": 13009,
    "value_required": 13010,
    "not_found": 13020,
    "forbidden": 13021,
    "temporarily_unavailable": 13028,
    "raw_subscriptions_not_available_for_unauthorized": 13778,
    "timed_out": 13888,
    "Parse error": -32700,
    "Method not found": -32601,
    "Invalid params": -32602,
    "Missing params": -32000,
}

#: The message of each code.
MESSAGES: Final[Mapping[int, str]] = {code: message for message, code in CODES.items()}


class VenueError(Exception):
    """An answer of the venue that refuses a request.

    ``message`` is one of :data:`CODES`; ``data`` is what stands beside it in the answer.
    """

    def __init__(self, message: str, **data: object) -> None:
        super().__init__(f"{CODES[message]} {message}")
        self.code = CODES[message]
        self.message = message
        self.data: dict[str, object] = data


def invalid_params(param: str, reason: str) -> VenueError:
    """The answer to a parameter that does not fit, with the venue's ``param`` and ``reason`` beside it."""
    return VenueError("Invalid params", param=param, reason=reason)
