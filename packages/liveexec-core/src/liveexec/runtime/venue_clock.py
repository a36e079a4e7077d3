"""A venue's clock against ours: measured by asking, made up for where the two are compared, alarmed when it is far off.

The engine's proofs hold as long as the two differ by less than is configured (``clock_skew_ns``); a venue that is
further off refuses requests for their time, or takes late ones, and somebody has to look at one of the two machines.
"""

from collections.abc import Callable
from typing import Final

import anyio
import structlog
from prometheus_client import Gauge

from liveexec.domain.ids import VenueName
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import TellsTime

__all__ = ["VenueClock"]

_log = structlog.get_logger(__name__)

#: A venue that has not told its time after so long has not told it. Real seconds.
_ANSWER_TIMEOUT_S: Final = 10.0


class VenueClock:
    """``offset_ns`` is how far the venue's clock is ahead of ours, zero where it does not tell its time.

    ``allowed_ns`` is how far it may be off before that is an alarm.
    """

    def __init__(self, venue: VenueName, now_ns: Callable[[], int], allowed_ns: int, gauge: Gauge) -> None:
        self._venue, self._now_ns, self._allowed_ns, self._gauge = venue, now_ns, allowed_ns, gauge
        self.offset_ns = 0
        self.is_off = False

    async def measure(self, adapter: TellsTime) -> None:
        """Ask once. The answer left the venue between question and answer, so that half of that time is uncertain.

        Without an answer the last one holds: clocks drift slowly, and no account may be lost for it.
        """
        asked_ns = self._now_ns()
        try:
            with anyio.fail_after(_ANSWER_TIMEOUT_S):
                told_ns = await adapter.venue_time_ns()
        except (AdapterError, OSError, EOFError) as error:
            _log.warning("venue_time_not_told", venue=self._venue, error=f"{type(error).__name__}: {error}")
            return
        took_ns = self._now_ns() - asked_ns
        self.offset_ns = told_ns - asked_ns - took_ns // 2
        self._gauge.set(self.offset_ns / 1e9)
        is_off = abs(self.offset_ns) - took_ns // 2 > self._allowed_ns
        if is_off != self.is_off:
            self.is_off = is_off
            say = _log.error if is_off else _log.warning
            say(
                "venue_clock_off" if is_off else "venue_clock_right_again",
                venue=self._venue,
                offset_ms=self.offset_ns // 1_000_000,
                allowed_ms=self._allowed_ns // 1_000_000,
            )
