"""Points in time as people give them: a date, a time, or how long ago."""

import re
from datetime import UTC, datetime
from typing import Final

from liveexec.errors import Fault, InvalidInput

__all__ = ["parse_since"]

_AGO: Final = re.compile(r"(\d{1,9})(s|m|h|d)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_NS_PER_S: Final = 1_000_000_000
_NS_PER_US: Final = 1_000


def parse_since(text: str, now_ns: int) -> int:
    """UTC nanoseconds of ``2025-12-08``, ``2025-12-08T10:30:00.5Z`` (UTC unless it names an offset), or ``90s``,
    ``10m``, ``2h``, ``1d`` before ``now_ns``.

    Raises:
        InvalidInput: it is none of these.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now_ns - int(ago[1]) * _SECONDS[ago[2]] * _NS_PER_S
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            "--since", [Fault("", f"{text[:40]!r} is neither a time (2025-12-08T10:30:00Z) nor how long ago (10m, 2h)")]
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since_epoch.days * _SECONDS["d"] + since_epoch.seconds
    return seconds * _NS_PER_S + since_epoch.microseconds * _NS_PER_US
