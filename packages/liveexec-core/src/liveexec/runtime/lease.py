"""Keeping the lease: asked for again and again, well before it runs out."""

import asyncio
import time
from typing import Final

import structlog

from liveexec.domain.stored import Ownership
from liveexec.errors import TransientStorageError
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.send_gate import SendGate

__all__ = ["LeaseKeeper", "lost_after_s"]

_log = structlog.get_logger(__name__)

#: How long a database may fail before it counts as lost.
_LOST_AFTER_S: Final = 1.0


def lost_after_s(lease_s: float) -> float:
    """How long a database may fail before it counts as lost: so short that what follows from it happens within the
    lease, even if first the lease's renewal and then the journal has to find out."""
    return min(_LOST_AFTER_S, lease_s / 4)


class LeaseKeeper:
    """Renews one shard's lease at a third of its time. The gate closes by itself when the lease runs out."""

    def __init__(self, store: JournalStore, ownership: Ownership, gate: SendGate, lease_s: float) -> None:
        self._store, self._ownership, self._gate, self._lease_s = store, ownership, gate, lease_s
        self._failing_since_s: float | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the lease can't be renewed for a while already."""
        since_s = self._failing_since_s
        return since_s is not None and time.monotonic() - since_s >= lost_after_s(self._lease_s)

    async def run(self) -> None:
        """Renew until cancelled.

        Raises:
            Fenced: another owner is in.
        """
        while True:
            await asyncio.sleep(self._lease_s / 3)
            asked_s = time.monotonic()
            try:
                reach(FailPoint.BEFORE_RENEW)
                self._gate.lease_until_s = await self._store.renew(self._ownership, self._lease_s)
                reach(FailPoint.AFTER_RENEW)
                self._failing_since_s = None
            except TransientStorageError as error:
                if self._failing_since_s is None:
                    self._failing_since_s = asked_s
                _log.warning("lease_not_renewed", shard=self._ownership.shard, error=str(error))
