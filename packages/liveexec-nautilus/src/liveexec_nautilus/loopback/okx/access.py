"""Who sent a request: keys, passphrases, signatures, and how old a request may be.

Source: https://www.okx.com/docs-v5/en/#overview-rest-authentication and #overview-websocket-login.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from liveexec_nautilus.loopback.okx.errors import OkxError
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, Keyring
from liveexec_nautilus.loopback.shared.signing import hmac_base64, matches
from liveexec_nautilus.loopback.shared.traffic import HttpRequest

__all__ = ["log_in", "signed_by"]

#: How far a request's time may be from the venue's.
_WINDOW_MS: Final = 30_000
_HEADERS: Final = (
    ("ok-access-key", "50103"),
    ("ok-access-passphrase", "50104"),
    ("ok-access-sign", "50106"),
    ("ok-access-timestamp", "50107"),
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def signed_by(request: HttpRequest, keys: Keyring, now_ms: int) -> AccountConfig:
    """The account that a REST request is signed for.

    The signature covers timestamp, method, path with query, and body, as HMAC-SHA256 in base64. The timestamp is
    ISO 8601 in UTC with milliseconds.

    Raises:
        OkxError: 50102 to 50113, in the order in which the venue looks.
    """
    headers = request.headers
    for name, code in _HEADERS:
        if not headers.get(name):
            raise OkxError(code)
    stamp = headers["ok-access-timestamp"]
    sent_ms = _milliseconds(stamp)
    if sent_ms is None:
        raise OkxError("50112")
    if abs(now_ms - sent_ms) > _WINDOW_MS:
        raise OkxError("50102")
    found = keys.find(headers["ok-access-key"])
    if found is None or found[0].kind != "hmac":
        raise OkxError("50111")
    key, account = found
    query = f"?{request.query}" if request.query else ""
    signed = f"{stamp}{request.method}{request.path}{query}{request.text}"
    if not matches(hmac_base64(key.secret, signed), headers["ok-access-sign"]):
        raise OkxError("50113")
    if not matches(key.passphrase, headers["ok-access-passphrase"]):
        raise OkxError("50105")
    return account


def log_in(asked: Mapping[str, object], keys: Keyring, now_ms: int) -> AccountConfig:
    """The account that a socket logs in to; the timestamp is in seconds.

    Raises:
        OkxError: 60001, 60005, 60006, 60007 or 60024.
    """
    name, stamp = str(asked.get("apiKey") or ""), str(asked.get("timestamp") or "")
    if not name:
        raise OkxError("60001")
    found = keys.find(name)
    if found is None or found[0].kind != "hmac":
        raise OkxError("60005")
    key, account = found
    try:
        sent_ms = int(float(stamp) * 1_000)
    except (OverflowError, ValueError):
        raise OkxError("60006") from None
    if abs(now_ms - sent_ms) > _WINDOW_MS:
        raise OkxError("60006")
    if not matches(hmac_base64(key.secret, f"{stamp}GET/users/self/verify"), str(asked.get("sign") or "")):
        raise OkxError("60007")
    if not matches(key.passphrase, str(asked.get("passphrase") or "")):
        raise OkxError("60024")
    return account


def _milliseconds(stamp: str) -> int | None:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // timedelta(milliseconds=1)
