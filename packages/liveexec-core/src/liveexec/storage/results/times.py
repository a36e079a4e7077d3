"""Times in a run's documents: ISO 8601 in UTC, to the nanosecond, and back."""

import re
from datetime import UTC, datetime
from typing import Final

from liveexec.errors import Fault, InvalidInput

__all__ = ["iso_time", "time_ns_of"]

_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", re.ASCII)
_SECOND_NS: Final = 1_000_000_000


def iso_time(at_ns: int) -> str:
    """UTC nanoseconds as ``2025-01-15T10:30:00.000000000Z``."""
    seconds, rest_ns = divmod(at_ns, _SECOND_NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns:09d}Z"


def time_ns_of(text: str) -> int:
    """The same back.

    Raises:
        InvalidInput: it is no such text.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise InvalidInput("time", [Fault("", f"{text[:40]!r} does not read like 2025-01-15T10:30:00.000000000Z")])
    return int(datetime.fromisoformat(f"{found[1]}+00:00").timestamp()) * _SECOND_NS + int(found[2])
