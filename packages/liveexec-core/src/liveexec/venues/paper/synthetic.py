"""A seeded synthetic market: the same seed gives the same books and trades, for ever and on every machine.

Each instrument's mid price walks in whole ticks and is drawn back to where it began, so that it never runs away; the
walk of the first instrument moves the others along, as products of one underlying do. Every step shows a book of five
levels and prints a few trades at its touch. Only integers are drawn, so no floating point differs between machines.
"""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from attrs import frozen

from liveexec.domain.ids import InstrumentId, is_instrument_id
from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from liveexec.errors import ConfigurationError, Fault
from liveexec.venues.paper.market import MarketEvent, SourceBook, SourceTrade

__all__ = ["SyntheticInstrument", "SyntheticMarket"]

DEPTH: Final = 5
#: Steps of the walk are drawn back by this share of the distance from the start.
_PULL: Final = 500


@frozen
class SyntheticInstrument:
    """One instrument: where its price begins, its grid, and the usual size of a level.

    ``spread_ticks`` is the usual distance of the touch, ``move_ticks`` the most that one step moves the price.
    """

    instrument_id: InstrumentId
    start_price: Decimal
    tick: Decimal
    lot: Decimal
    level_quantity: Decimal
    spread_ticks: int = 2
    move_ticks: int = 20

    def faults(self, path: str) -> list[Fault]:
        """Everything that is wrong with it."""
        faults = []
        if not is_instrument_id(self.instrument_id):
            faults.append(Fault(f"{path}.instrument_id", f"{self.instrument_id[:120]!r} is not a canonical id"))
        for name, value in (
            ("start_price", self.start_price),
            ("tick", self.tick),
            ("lot", self.lot),
            ("level_quantity", self.level_quantity),
        ):
            if not value.is_finite() or value <= 0:
                faults.append(Fault(f"{path}.{name}", "must be above zero"))
        if self.spread_ticks < 1:
            faults.append(Fault(f"{path}.spread_ticks", "must be at least 1"))
        if self.move_ticks < 0:
            faults.append(Fault(f"{path}.move_ticks", "must not be negative"))
        if not faults and self.start_price < self.tick * (1_000 + 40 * self.spread_ticks):
            message = "must be at least 1000 ticks and 40 spreads, so that the walk stays above zero"
            faults.append(Fault(f"{path}.start_price", message))
        if not faults and self.level_quantity < self.lot:
            faults.append(Fault(f"{path}.level_quantity", "must be at least one lot"))
        return faults


class _Walk:
    """The state of one instrument, in ticks and lots."""

    def __init__(self, instrument: SyntheticInstrument) -> None:
        self.instrument = instrument
        self.start = int(instrument.start_price / instrument.tick)
        self.mid = self.start
        self.usual_lots = int(instrument.level_quantity / instrument.lot)

    def step(self, draw: random.Random, common: int) -> None:
        """Move: some of it by itself, some with the common walk (in thousandths of a full move)."""
        most = self.instrument.move_ticks
        own = draw.randint(-most, most)
        pull = (self.start - self.mid) // _PULL
        self.mid = max(
            self.start // 2, min(self.start * 2, self.mid + (own + 3 * most * common // 1_000 + 2) // 4 + pull)
        )

    def book(self, draw: random.Random, time_ns: int) -> SourceBook:
        """Five levels a side around the mid, at distances and sizes drawn anew."""
        spread = self.instrument.spread_ticks
        bid = self.mid - draw.randint(0, spread)
        ask = bid + draw.randint(1, 2 * spread - 1)
        return SourceBook(
            self.instrument.instrument_id, time_ns, self._levels(draw, bid, -1), self._levels(draw, ask, 1)
        )

    def trades(self, draw: random.Random, book: SourceBook) -> Iterator[SourceTrade]:
        """Up to three trades at the touch that was just shown, small against what it shows."""
        for _ in range(draw.randint(0, 3)):
            aggressor = Side.BUY if draw.getrandbits(1) else Side.SELL
            price, shown = (book.asks if aggressor is Side.BUY else book.bids)[0]
            lots = draw.randint(1, max(1, int(shown / self.instrument.lot) // 4))
            quantity = lots * self.instrument.lot
            yield SourceTrade(self.instrument.instrument_id, book.time_ns, price, quantity, aggressor)

    def _levels(self, draw: random.Random, first: int, direction: int) -> tuple[Level, ...]:
        levels, ticks = [], first
        for _ in range(DEPTH):
            lots = draw.randint(max(1, self.usual_lots // 4), max(1, 2 * self.usual_lots))
            levels.append((ticks * self.instrument.tick, lots * self.instrument.lot))
            ticks += direction * draw.randint(1, 2 * self.instrument.spread_ticks)
        return tuple(levels)


class SyntheticMarket:
    """An endless market of several instruments, one step every ``step_ns``.

    Raises:
        ConfigurationError: with every fault.
    """

    def __init__(
        self, instruments: Sequence[SyntheticInstrument], *, seed: int, start_ns: int, step_ns: int = 100_000_000
    ) -> None:
        faults = [fault for index, item in enumerate(instruments) for fault in item.faults(f"instruments[{index}]")]
        if not instruments:
            faults.append(Fault("instruments", "must name at least one"))
        if step_ns < 1_000_000:
            faults.append(Fault("step_ns", "must be at least a millisecond"))
        if faults:
            raise ConfigurationError("synthetic market", faults)
        self._items = tuple(instruments)
        self._seed, self._start_ns, self._step_ns = seed, start_ns, step_ns

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return tuple(item.instrument_id for item in self._items)

    @property
    def start_ns(self) -> int:
        return self._start_ns

    def events(self) -> Iterator[MarketEvent]:
        """Books and trades without end; each call begins again at the start."""
        draw = random.Random(f"market:{self._seed}")  # noqa: S311 -- a reproducible draw, not a secret
        walks = [_Walk(item) for item in self._items]
        time_ns = self._start_ns
        while True:
            common = draw.randint(-1_000, 1_000)
            for walk in walks:
                walk.step(draw, common)
                book = walk.book(draw, time_ns)
                # The trades met the book that is replaced now, but a first book has to stand before any trade.
                yield book
                yield from walk.trades(draw, book)
            time_ns += self._step_ns
