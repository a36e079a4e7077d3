"""Deribit's error codes, and what each of them proves about the request that it answers.

Source: docs.deribit.com, "RPC Error Codes" (API version 2.1.1); for 10028 also "Rate Limits"
(support.deribit.com, article 25944617523357). What a code's description does not say was not carried out stays
unknown: an order is looked up before anybody believes in its absence.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attrs import frozen

from liveexec.domain.outcome import Rejected, SendOutcome, Unknown
from liveexec_deribit.wire import RpcError

__all__ = ["ERROR_TABLE", "NOT_FOUND", "OUT_OF_CREDITS", "CodeMeaning", "Proof", "ends_session", "judged", "meaning_of"]


#: No order is known by that id, or no longer.
NOT_FOUND: Final = 10004
#: Requests came faster than credits.
OUT_OF_CREDITS: Final = 10028


class Proof(StrEnum):
    """What an error proves about the request."""

    #: It was refused: nothing happened.
    REFUSED = "refused"
    #: It may have happened.
    UNKNOWN = "unknown"
    #: Nothing happened if the request carried ``valid_until``; without one it may have.
    REFUSED_IF_TIMED = "refused if valid_until was sent"


@frozen
class CodeMeaning:
    """A code: the venue's short message, what it proves, and whether the session can't go on after it."""

    code: int
    name: str
    proof: Proof
    ends_session: bool = False
    why: str = ""


def _table() -> Mapping[int, CodeMeaning]:
    refused = {
        10002: "qty_too_low",
        10003: "order_overlap",
        10004: "order_not_found",
        10005: "price_too_low",
        10006: "price_too_low4idx",
        10007: "price_too_high",
        10009: "not_enough_funds",
        10010: "already_closed",
        10011: "price_not_allowed",
        10012: "book_closed",
        10013: "pme_max_total_open_orders",
        10014: "pme_max_future_open_orders",
        10015: "pme_max_option_open_orders",
        10016: "pme_max_future_open_orders_size",
        10017: "pme_max_option_open_orders_size",
        10018: "non_pme_max_future_position_size",
        10019: "locked_by_admin",
        10020: "invalid_or_unsupported_instrument",
        10021: "invalid_amount",
        10022: "invalid_quantity",
        10023: "invalid_price",
        10024: "invalid_max_show",
        10025: "invalid_order_id",
        10026: "price_precision_exceeded",
        10027: "non_integer_contract_amount",
        10029: "not_owner_of_order",
        10030: "must_be_websocket_request",
        10031: "invalid_args_for_instrument",
        10032: "whole_cost_too_low",
        10033: "not_implemented",
        10034: "trigger_price_too_high",
        10035: "trigger_price_too_low",
        10036: "invalid_max_show_amount",
        10037: "non_pme_total_short_options_positions_size",
        10038: "pme_max_risk_reducing_orders",
        10039: "not_enough_funds_in_currency",
        10043: "price_wrong_tick",
        10044: "trigger_price_wrong_tick",
        10045: "can_not_cancel_liquidation_order",
        10046: "can_not_edit_liquidation_order",
        10048: "not_on_this_server",
        10049: "cancel_on_disconnect_failed",
        10066: "too_many_concurrent_requests",
        10072: "disabled_while_position_lock",
        11008: "already_filled",
        11013: "max_spot_open_orders",
        11021: "post_only_price_modification_not_possible",
        11022: "max_spot_order_quantity",
        11029: "invalid_arguments",
        11030: "other_reject",
        11035: "no_more_triggers",
        11036: "invalid_trigger_price",
        11037: "outdated_instrument_for_IV_order",
        11038: "no_adv_for_futures",
        11039: "no_adv_postonly",
        11041: "not_adv_order",
        11042: "permission_denied",
        11043: "bad_argument",
        11044: "not_open_order",
        11046: "outdated_instrument",
        11047: "unsupported_arg_combination",
        11048: "wrong_max_show_for_option",
        11049: "bad_arguments",
        11050: "bad_request",
        11054: "post_only_reject",
        11055: "post_only_not_allowed",
        11098: "account_locked",
        13010: "value_required",
        13012: "unavailable_in_subaccount",
        13016: "invalid_input",
        13019: "orderbook_closed",
        13020: "not_found",
        13021: "forbidden",
        13025: "method_switched_off_by_admin",
        13030: "mmp_trigger",
        13031: "verification_required",
        13032: "non_unique_order_label",
        13040: "mmp_required",
        13503: "unavailable",
        13666: "request_cancelled_by_user",
        13777: "replaced",
        13901: "no_more_oto_orders",
        -32600: "request entity too large",
        -32601: "Method not found",
        -32602: "Invalid params",
        -32700: "Parse error",
        -32000: "Missing params",
    }
    special = (
        CodeMeaning(
            10000, "authorization_required", Proof.REFUSED, ends_session=True, why="not logged in, so not carried out"
        ),
        CodeMeaning(10001, "error", Proof.UNKNOWN, why="a general failure, of which the venue says nothing"),
        CodeMeaning(
            10028,
            "too_many_requests",
            Proof.REFUSED,
            ends_session=True,
            why="no credits were left for it, and the venue ends the session",
        ),
        CodeMeaning(10040, "retry", Proof.REFUSED, why="the venue could not process it, and says to send it again"),
        CodeMeaning(10041, "settlement_in_progress", Proof.REFUSED, why="trading is paused while it settles"),
        CodeMeaning(
            10047, "matching_engine_queue_full", Proof.REFUSED, why="it was not let into the queue to the engine"
        ),
        CodeMeaning(11031, "other_error", Proof.UNKNOWN, why="an error, not a reject, of any kind"),
        CodeMeaning(11051, "system_maintenance", Proof.UNKNOWN, why="does not say whether it began before"),
        CodeMeaning(11094, "internal_server_error", Proof.UNKNOWN, why="the server failed somewhere on the way"),
        CodeMeaning(13004, "invalid_credentials", Proof.REFUSED, ends_session=True, why="not carried out"),
        CodeMeaning(13008, "request_failed", Proof.UNKNOWN, why="bad input or a failure inside, and not which"),
        CodeMeaning(
            13009,
            "unauthorized",
            Proof.REFUSED,
            ends_session=True,
            why="the token is wrong or expired: not carried out",
        ),
        CodeMeaning(13028, "temporarily_unavailable", Proof.UNKNOWN, why="its service does not answer, or takes long"),
        CodeMeaning(
            13888,
            "timed_out",
            Proof.REFUSED_IF_TIMED,
            why="the engine begins nothing after valid_until; without one it only means that nobody knows",
        ),
    )
    table = {code: CodeMeaning(code, name, Proof.REFUSED) for code, name in refused.items()}
    return MappingProxyType(dict(sorted((table | {each.code: each for each in special}).items())))


#: Every code that a request about orders can be answered with.
ERROR_TABLE: Final = _table()


def meaning_of(code: int) -> CodeMeaning:
    """What a code means; one that is not in the table proves nothing."""
    return ERROR_TABLE.get(code) or CodeMeaning(code, "", Proof.UNKNOWN, why="the venue's documents do not name it")


def ends_session(error: RpcError) -> bool:
    """Whether the session can't go on after such an error."""
    return meaning_of(error.code).ends_session


def judged(error: RpcError, *, timed: bool) -> SendOutcome:
    """What an error means for a request that changes something; ``timed`` if it was sent with ``valid_until``."""
    meaning = meaning_of(error.code)
    is_refused = meaning.proof is Proof.REFUSED or (meaning.proof is Proof.REFUSED_IF_TIMED and timed)
    said = _reason(error)
    return Rejected(str(error.code), said) if is_refused else Unknown(f"{error.code} {said}")


def _reason(error: RpcError) -> str:
    """The venue's message, with the reason that it may give beside it."""
    detail = error.data.get("reason") if isinstance(error.data, dict) else None
    text = error.message or meaning_of(error.code).name
    return f"{text}: {detail}"[:500] if isinstance(detail, str) and detail else text[:500]
