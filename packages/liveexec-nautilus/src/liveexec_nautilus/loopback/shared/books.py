"""A symbol's book as the venue publishes it, with what changed since the last time."""

from typing import Final

from liveexec.domain.market import Level
from liveexec.domain.money import ZERO
from liveexec.venues.paper.book import InstrumentBook

__all__ = ["PublishedBook"]

#: The levels a side that are published; loopback books are not deeper.
_DEPTH: Final = 1_000


class PublishedBook:
    """Bids and asks, best first; ``update`` numbers their changes."""

    def __init__(self) -> None:
        self.bids: tuple[Level, ...] = ()
        self.asks: tuple[Level, ...] = ()
        self.update = 1
        #: The engine's own count of changes when this was last refreshed.
        self.changes = 0

    def refresh(self, book: InstrumentBook, at_ns: int) -> tuple[tuple[Level, ...], tuple[Level, ...]] | None:
        """Take the engine's book; the levels that changed a side (zero: gone), or ``None`` where none did."""
        self.changes = book.changes
        shown = book.visible(_DEPTH, at_ns)
        bids, asks = _moved(self.bids, shown.bids), _moved(self.asks, shown.asks)
        if not bids and not asks:
            return None
        self.bids, self.asks = shown.bids, shown.asks
        self.update += 1
        return bids, asks


def _moved(before: tuple[Level, ...], after: tuple[Level, ...]) -> tuple[Level, ...]:
    old, new = dict(before), dict(after)
    gone = [(price, ZERO) for price in old if price not in new]
    return (*(level for level in after if old.get(level[0]) != level[1]), *gone)
