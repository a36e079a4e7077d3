"""The id of a run: when it began, what it is called, which configuration it had, and what makes it unique.

``20250115T103000Z-momentum-3f9a1c2e-7k2mq``: text that sorts by time and can be read out.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from liveexec.domain.secret import masked
from liveexec.errors import Fault, InvalidInput

__all__ = ["checked_run_id", "config_bytes", "config_hash", "new_run_id"]

#: Crockford's digits: none that is taken for another.
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_DIGITS: Final = 5
_HASH_DIGITS: Final = 8
_LONGEST_NAME: Final = 40
_RUN_ID: Final = re.compile(r"\d{8}T\d{6}Z-[a-z0-9][a-z0-9-]{0,39}-[0-9a-f]{8}-[0-9a-z]{5}", re.ASCII)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def config_bytes(config: Mapping[str, Any]) -> bytes:
    """A configuration as it is published: JSON, the same for what is equal, and without any secret of this process."""
    text = msgspec.json.format(_ENCODER.encode(config), indent=2).decode()
    return (masked(text) + "\n").encode()


def config_hash(config: Mapping[str, Any]) -> str:
    """The SHA-256 of a configuration as it is published, in hex."""
    return hashlib.sha256(config_bytes(config)).hexdigest()


def new_run_id(name: str, config: Mapping[str, Any], started_ns: int) -> str:
    """An id that no other run has; ``name`` is cut down to letters, digits and hyphens."""
    began = datetime.fromtimestamp(started_ns // 1_000_000_000, UTC)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST_NAME].strip("-") or "run"
    random = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_DIGITS))
    return checked_run_id(f"{began:%Y%m%dT%H%M%SZ}-{slug}-{config_hash(config)[:_HASH_DIGITS]}-{random}")


def checked_run_id(run_id: str) -> str:
    """The id, if it is one.

    Raises:
        InvalidInput: it is not.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise InvalidInput(
            "run id", [Fault("", f"{run_id[:80]!r} does not read like 20250115T103000Z-momentum-3f9a1c2e-7k2mq")]
        )
    return run_id
