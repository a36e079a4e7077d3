"""How much the market of a replay printed, second by second."""

from array import array
from bisect import bisect_right
from decimal import Decimal

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import TradeBar
from liveexec.domain.money import ZERO

__all__ = ["PrintedVolume"]


class PrintedVolume:
    """What each listing's market traded in every second of a replay, in units of the listing's quantity.

    The engine keeps the latest seconds alone, which is all that it decides by; an order may work for longer.
    """

    def __init__(self) -> None:
        self._starts: dict[InstrumentId, array[int]] = {}
        self._ends: dict[InstrumentId, array[int]] = {}
        self._quantities: dict[InstrumentId, list[Decimal]] = {}

    def add(self, bar: TradeBar) -> None:
        """One more bar; those of a listing come in the order of their times."""
        name = bar.instrument_id
        if name not in self._quantities:
            self._starts[name], self._ends[name], self._quantities[name] = array("q"), array("q"), []
        self._starts[name].append(bar.start_ns)
        self._ends[name].append(bar.end_ns)
        self._quantities[name].append(bar.quantity)

    def between(self, name: InstrumentId, start_ns: int, end_ns: int) -> Decimal:
        """What was traded from one time to another, the seconds of both included; under
        :data:`~liveexec.domain.money.MONEY`."""
        if name not in self._quantities:
            return ZERO
        first, last = bisect_right(self._ends[name], start_ns), bisect_right(self._starts[name], end_ns)
        return sum(self._quantities[name][first:last], ZERO)
