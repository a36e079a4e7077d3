"""Which events a log shows: those from a point in time on, and of those the last ones.

The journal is read backwards page by page, so that a log costs what it shows.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from liveexec.domain.stored import StoredRecord
from liveexec.errors import Fault, InvalidInput
from liveexec.presentation.views.log import LoggedEvent, logged_events

__all__ = ["ReadBackwards", "last_events", "parse_since"]

#: Records before a position (``None``: before the end), at most so many, oldest first.
ReadBackwards = Callable[[int, int | None], Awaitable[Sequence[StoredRecord]]]

_PAGE: Final = 1_000
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


async def last_events(read: ReadBackwards, limit: int, since_ns: int | None) -> list[LoggedEvent]:
    """The last ``limit`` events, of those recorded at ``since_ns`` or later, in the order of the journal."""
    pages: list[list[LoggedEvent]] = []
    before: int | None = None
    missing = limit
    while missing > 0:
        records = await read(min(missing, _PAGE), before)
        recent = [stored for stored in records if since_ns is None or stored.record.at_ns >= since_ns]
        events = [event for stored in recent for event in logged_events(stored.record)]
        pages.append(events[-missing:])
        missing -= len(pages[-1])
        if not recent or len(recent) < len(records):
            break
        before = records[0].position
    return [event for page in reversed(pages) for event in page]
