"""The last events of the journal, read backwards page by page."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from liveexec.domain.stored import StoredRecord
from liveexec.presentation.views.log import LoggedEvent, logged_events

__all__ = ["ReadBackwards", "last_events"]

#: Records before a position (``None``: before the end), at most so many, oldest first.
ReadBackwards = Callable[[int, int | None], Awaitable[Sequence[StoredRecord]]]

_PAGE: Final = 1_000


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
