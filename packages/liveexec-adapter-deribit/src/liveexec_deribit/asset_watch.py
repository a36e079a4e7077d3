"""Watches for movements of assets: when a balance has changed, the venue's log is asked what changed it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import structlog

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.errors import AdapterError
from liveexec_deribit.account_log import AccountLog

__all__ = ["AssetWatch"]

_log = structlog.get_logger(__name__)

#: A currency's log is asked at most this often: fills change balances too. Seconds.
_EVERY_S: Final = 1.0
#: It is asked from this long before what is known of it: entries may be written late. Milliseconds.
_OVERLAP_MS: Final = 60_000
#: References of movements that were told, so that they are not told again and again.
_MOST_KNOWN: Final = 10_000


class AssetWatch:
    """One session's. ``push`` takes each report; ``venue_now_ns`` tells what the venue's clock shows,
    ``on_failed`` hears of a defect that ends the watch.

    What happened before the session is asked for by the reconciliation that it begins with.
    """

    def __init__(
        self,
        account_id: AccountId,
        log: AccountLog,
        push: Callable[[VenueReport], None],
        venue_now_ns: Callable[[], int],
        on_failed: Callable[[BaseException], None],
    ) -> None:
        self._account_id, self._log, self._push = account_id, log, push
        self._since_ms = venue_now_ns() // 1_000_000
        self._balances: dict[str, Decimal] = {}
        self._due: set[str] = set()
        self._read_until_ms: dict[str, int] = {}
        self._known: OrderedDict[str, None] = OrderedDict()
        self._changed = asyncio.Event()
        self._on_failed = on_failed
        self._task = asyncio.create_task(self._run(), name="deribit-assets")
        self._task.add_done_callback(self._ended)

    def heard(self, currency: str, balance: Decimal) -> None:
        """A balance was told, without what futures have earned in the session."""
        before = self._balances.get(currency)
        self._balances[currency] = balance
        if before is not None and before != balance:
            self._due.add(currency)
            self._changed.set()

    def stop(self) -> None:
        """Watch no more."""
        self._task.cancel()

    async def close(self) -> None:
        """Watch no more, and wait until what was under way has ended."""
        self.stop()
        await asyncio.wait((self._task,))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failed(error)

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            began_s = time.monotonic()
            for currency in sorted(self._due):
                self._due.discard(currency)
                await self._read(currency)
            await asyncio.sleep(max(0.0, _EVERY_S - (time.monotonic() - began_s)))

    async def _read(self, currency: str) -> None:
        since_ms = self._read_until_ms.get(currency, self._since_ms) - _OVERLAP_MS
        try:
            read = await self._log.since(currency, since_ms)
        except AdapterError as error:
            # Whatever it was, the reconciliation that follows asks for it.
            _log.warning("deribit_log_not_read", account=self._account_id, currency=currency, error=str(error))
            self._push(Gap(self._account_id, f"the transaction log could not be read: {error}"))
            return
        if read.latest_ms is not None and read.is_complete:
            self._read_until_ms[currency] = read.latest_ms
        for report in read.reports:
            if report.reference not in self._known:
                self._known[report.reference] = None
                self._push(report)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
