"""How Larkspur wants requests signed (PROTOCOL.md, "Signatures")."""

import hashlib
import hmac

from liveexec.domain.secret import Secret

__all__ = ["signature"]


def signature(secret: Secret, time_us: int, method: str, target: str, body: bytes = b"") -> str:
    """The hexadecimal HMAC-SHA256 of a request; ``target`` is its path with the query, as it is sent."""
    signed = b"\n".join((str(time_us).encode(), method.encode(), target.encode(), body))
    return hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest()
