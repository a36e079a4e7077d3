"""Who sent a request: keys, signatures and the window in which a request must arrive.

Source: https://bybit-exchange.github.io/docs/v5/guide (REST), /docs/v5/ws/connect (private streams).
"""

from collections.abc import Sequence
from typing import Final

from liveexec_nautilus.loopback.bybit.errors import BybitError
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, Keyring
from liveexec_nautilus.loopback.shared.numbers import whole_in
from liveexec_nautilus.loopback.shared.signing import hmac_hex, matches
from liveexec_nautilus.loopback.shared.traffic import HttpRequest

__all__ = ["check_window", "log_in", "signed_by"]

#: A request without a window of its own must arrive within this.
_DEFAULT_WINDOW_MS: Final = 5_000
#: How far ahead of the venue's clock a client's may be.
_AHEAD_MS: Final = 1_000
#: API key, expiry, signature.
_LOGIN_ARGUMENTS: Final = 3


def signed_by(request: HttpRequest, keys: Keyring, now_ms: int) -> AccountConfig:
    """The account that a REST request is signed for.

    The signature covers timestamp, key, window, and the raw query (GET) or body (POST), as HMAC-SHA256 in hex.

    Raises:
        BybitError: 10001, 10002, 10003 or 10004.
    """
    headers = request.headers
    found = keys.find(headers.get("x-bapi-api-key", ""))
    if found is None or found[0].kind != "hmac":
        raise BybitError(10003)
    key, account = found
    timestamp, window = headers.get("x-bapi-timestamp", ""), headers.get("x-bapi-recv-window", "")
    check_window(timestamp, window, now_ms)
    covered = request.query if request.method == "GET" else request.text
    expected = hmac_hex(key.secret, f"{timestamp}{key.key}{window}{covered}")
    if not matches(expected, headers.get("x-bapi-sign", "").lower()):
        raise BybitError(10004)
    return account


def check_window(timestamp: str, window: str, now_ms: int) -> None:
    """Refuse a request that is too old for its window or ahead of the venue's clock (10002), or says neither (10001).

    Raises:
        BybitError: 10001 or 10002.
    """
    sent, allowed = whole_in(timestamp), whole_in(window or str(_DEFAULT_WINDOW_MS))
    if sent is None or allowed is None:
        raise BybitError(10001, "params error: timestamp or recv_window is no number")
    if not now_ms - allowed <= sent < now_ms + _AHEAD_MS:
        message = (
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{sent}],server_timestamp[{now_ms}],recv_window[{allowed}]"
        )
        raise BybitError(10002, message)


def log_in(arguments: Sequence[object], keys: Keyring, now_ms: int) -> AccountConfig:
    """The account that a stream logs in to: ``[key, expires, signature over "GET/realtime{expires}"]``.

    Raises:
        BybitError: 10001 for a request that lacks something, 10002 once it has expired, 10003 or 10004.
    """
    expires_ms = whole_in(str(arguments[1])) if len(arguments) == _LOGIN_ARGUMENTS else None
    if expires_ms is None:
        raise BybitError(10001, "Param error")
    name, expires, signature = str(arguments[0]), str(arguments[1]), str(arguments[2])
    found = keys.find(name)
    if found is None or found[0].kind != "hmac":
        raise BybitError(10003, "Invalid apikey")
    key, account = found
    if expires_ms <= now_ms:
        raise BybitError(10002, f"expires[{expires}] is in the past")
    if not matches(hmac_hex(key.secret, f"GET/realtime{expires}"), signature.lower()):
        raise BybitError(10004, "Params Error")
    return account
