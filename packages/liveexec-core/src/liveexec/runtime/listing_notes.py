"""What the store is told of listings, for whoever reads the tables: a cache, and never in the way of anything.

It is written behind everything else, by a task of its own. What can't be written is logged, and trading goes on.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from liveexec.domain.ids import InstrumentId
from liveexec.domain.instrument import Listing
from liveexec.domain.stored import ListedSteps
from liveexec.errors import TransientStorageError
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.ports import JournalStore

__all__ = ["ListingNotes"]

_log = structlog.get_logger(__name__)

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 60.0


class ListingNotes:
    """Notes of one life of a shard. Only what differs from what was written is written again."""

    def __init__(
        self, store: JournalStore, now_ns: Callable[[], int], shard: str, *, first_wait_s: float = _FIRST_WAIT_S
    ) -> None:
        self._store, self._now_ns, self._shard, self._first_wait_s = store, now_ns, shard, first_wait_s
        self._written: dict[InstrumentId, ListedSteps] = {}
        self._pending: dict[InstrumentId, ListedSteps] = {}
        self._wake = asyncio.Event()

    def take(self, listings: Iterable[Listing]) -> None:
        """Take what a venue lists now; it is written soon."""
        for steps in map(ListedSteps.of, listings):
            if self._written.get(steps.instrument_id) != steps:
                self._pending[steps.instrument_id] = steps
        if self._pending:
            self._wake.set()

    async def run(self) -> None:
        """Write what was taken, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._write()

    async def _write(self) -> None:
        backoff = Backoff(self._first_wait_s, _LONGEST_WAIT_S)
        while self._pending:
            given, self._pending = self._pending, {}
            try:
                await self._store.save_listings(list(given.values()), self._now_ns())
            except TransientStorageError as error:
                # What came meanwhile is newer.
                self._pending = given | self._pending
                if not backoff.failures:
                    _log.warning("listings_not_saved", shard=self._shard, error=str(error))
                await asyncio.sleep(backoff.next_s())
            except Exception as error:  # noqa: BLE001  (whatever it is, nothing that trades may end by it)
                # Another attempt would end like this one. The session that comes next hands them in again.
                _log.error("listings_not_saved", shard=self._shard, error=f"{type(error).__name__}: {error}")
            else:
                self._written |= given
