"""Signatures as these venues check them: HMAC-SHA256 in hex or base64, and Ed25519 in base64."""

import base64
import hashlib
import hmac

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Ed25519Pair", "hmac_base64", "hmac_hex", "is_signed_ed25519", "matches"]


def hmac_hex(secret: str, text: str) -> str:
    """HMAC-SHA256 in lower-case hex (Binance, Bybit)."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def hmac_base64(secret: str, text: str) -> str:
    """HMAC-SHA256 in base64 (OKX)."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def matches(expected: str, given: str) -> bool:
    """Whether both are the same, compared in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode())


def is_signed_ed25519(private_pem: str, text: str, signature: str) -> bool:
    """Whether the base64 ``signature`` over ``text`` was made with this key."""
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("not an Ed25519 key")
    try:
        key.public_key().verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError):  # a ValueError tells that it is no base64
        return False
    return True


@frozen
class Ed25519Pair:
    """A key pair that follows from a name, as PEM (PKCS 8 and SubjectPublicKeyInfo)."""

    private_pem: str = field(repr=False)
    public_pem: str

    @classmethod
    def of(cls, name: str) -> "Ed25519Pair":
        """The pair of this name."""
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"loopback key {name}".encode()).digest())
        return cls(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
            private.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode(),
        )
