"""The tape of one listing: recorded trades summed per second, the latest of them kept."""

from collections import deque
from decimal import Decimal
from itertools import islice
from typing import Final

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import TradeBar
from liveexec.domain.money import ZERO

__all__ = ["TradeTape"]

SECOND_NS: Final = 1_000_000_000


class TradeTape:
    """Trades summed over whole seconds of venue time; a second without trades has no bar.

    Closed bars are numbered from 0 on; the last ``length_s`` of them are kept, and readers follow by number. Fills of
    this venue's own orders are not on the tape: it holds what the recording printed.
    """

    __slots__ = ("_bars", "_closed", "_cost", "_count", "_instrument_id", "_last_price", "_quantity", "_start_ns")

    def __init__(self, instrument_id: InstrumentId, length_s: int) -> None:
        self._instrument_id = instrument_id
        self._bars: deque[TradeBar] = deque(maxlen=length_s)
        self._closed = 0
        self._start_ns = 0
        self._quantity = self._cost = self._last_price = ZERO
        self._count = 0

    @property
    def closed(self) -> int:
        """How many bars were ever closed: the number that the next one gets."""
        return self._closed

    @property
    def closes_at_ns(self) -> int | None:
        """When the open bar closes; ``None`` without one."""
        return self._start_ns + SECOND_NS if self._count else None

    def record(self, price: Decimal, quantity: Decimal, at_ns: int) -> None:
        """Add a trade at a venue time that never falls."""
        self.close_until(at_ns)
        if not self._count:
            self._start_ns = at_ns - at_ns % SECOND_NS
        self._quantity += quantity
        self._cost += quantity * price
        self._last_price = price
        self._count += 1

    def close_until(self, at_ns: int) -> None:
        """Close the open bar when its second is over."""
        if not self._count or at_ns < self._start_ns + SECOND_NS:
            return
        self._bars.append(
            TradeBar(
                self._instrument_id,
                self._start_ns,
                self._start_ns + SECOND_NS,
                self._quantity,
                self._cost,
                self._last_price,
                self._count,
            )
        )
        self._closed += 1
        self._quantity = self._cost = ZERO
        self._count = 0

    def forget_before(self, number: int) -> None:
        """Let go of the bars before a number: who reads them all has read those."""
        for _ in range(len(self._bars) - (self._closed - number)):
            self._bars.popleft()

    def since(self, number: int) -> tuple[TradeBar, ...]:
        """Closed bars from a number on, as far as they are kept, oldest first."""
        missing = len(self._bars) - (self._closed - number)
        return tuple(islice(self._bars, max(missing, 0), None))
