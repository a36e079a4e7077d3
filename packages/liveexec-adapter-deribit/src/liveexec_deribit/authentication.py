"""Logging in: the parameters of public/auth (docs.deribit.com, "Authentication").

With ``client_signature`` the secret itself never leaves this machine: the venue is sent an HMAC-SHA256 of the time, a
nonce and an empty ``data`` field, each followed by a line feed but the last. A signature is valid for 60 seconds.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from liveexec.domain.secret import Secret

__all__ = ["credentials", "signature_of"]


def signature_of(secret: Secret, timestamp_ms: int, nonce: str, data: str = "") -> str:
    """The signature, as hexadecimal digits."""
    signed = f"{timestamp_ms}\n{nonce}\n{data}"
    return hmac.new(secret.reveal().encode(), signed.encode(), hashlib.sha256).hexdigest()


def credentials(method: str, client_id: str, secret: Secret, timestamp_ms: int, nonce: str) -> Mapping[str, Any]:
    """What public/auth is asked with; it holds the secret, or what proves that we have it: never log it."""
    if method == "client_credentials":
        return {"grant_type": method, "client_id": client_id, "client_secret": secret.reveal()}
    return {
        "grant_type": "client_signature",
        "client_id": client_id,
        "timestamp": timestamp_ms,
        "signature": signature_of(secret, timestamp_ms, nonce),
        "nonce": nonce,
        "data": "",
    }
