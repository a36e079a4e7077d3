"""Market data as the engine sees it: the visible book of one instrument, and trades summed up."""

from decimal import Decimal

from attrs import define, field, frozen

from liveexec.domain import money
from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side

__all__ = ["Book", "Level", "Sweep", "TradeBar"]

#: One price level: (price, quantity).
Level = tuple[Decimal, Decimal]


@frozen
class Sweep:
    """What taking a quantity from the visible book would cost: how much is there, its cost sum and its worst price."""

    quantity: Decimal
    cost: Decimal
    worst_price: Decimal | None

    @property
    def average_price(self) -> Decimal | None:
        """Cost over quantity, rounded to 18 places; ``None`` when nothing is there."""
        return money.divide(self.cost, self.quantity) if self.quantity else None


@define(eq=False)
class Book:
    """The visible book of one instrument, best level first. A hot record: nobody changes it after it is made.

    ``at_ns`` is when it arrived here (engine time), ``venue_time_ns`` when the venue says it held.
    """

    instrument_id: InstrumentId
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at_ns: int
    venue_time_ns: int
    # What is_sane found when it was first asked: rules and router ask of each book many times.
    _sanity: bool | None = field(init=False, default=None)

    @property
    def best_bid(self) -> Decimal | None:
        return self.bids[0][0] if self.bids else None

    @property
    def best_ask(self) -> Decimal | None:
        return self.asks[0][0] if self.asks else None

    @property
    def mid(self) -> Decimal | None:
        """Half the sum of both best prices; ``None`` when a side is empty."""
        if not self.bids or not self.asks:
            return None
        return (self.bids[0][0] + self.asks[0][0]) / 2

    @property
    def is_sane(self) -> bool:
        """Both sides there, prices and quantities finite and above zero, not crossed."""
        if self._sanity is None:
            self._sanity = self._looks_sane()
        return self._sanity

    def _looks_sane(self) -> bool:
        if not self.bids or not self.asks:
            return False
        for levels in (self.bids, self.asks):
            for price, quantity in levels:
                # Finite first: comparing a NaN raises.
                if not (price.is_finite() and quantity.is_finite() and price > 0 and quantity > 0):
                    return False
        return self.bids[0][0] < self.asks[0][0]

    def taken_by(self, side: Side) -> tuple[Level, ...]:
        """The levels that an aggressive order of this side takes from."""
        return self.asks if side.sign > 0 else self.bids

    def touch(self, side: Side) -> Decimal | None:
        """The best price an aggressive order of this side gets."""
        levels = self.taken_by(side)
        return levels[0][0] if levels else None

    def near(self, side: Side) -> Decimal | None:
        """The best price of this side's own queue, where a passive order joins."""
        levels = self.bids if side.sign > 0 else self.asks
        return levels[0][0] if levels else None

    def sweep(self, side: Side, quantity: Decimal, limit: Decimal | None = None) -> Sweep:
        """Walk the visible levels that an aggressive order would take, no further than ``limit``."""
        left, cost, worst = quantity, money.ZERO, None
        for price, available in self.taken_by(side):
            if left <= 0 or (limit is not None and (price - limit) * side.sign > 0):
                break
            taken = min(left, available)
            cost += taken * price
            left -= taken
            worst = price
        return Sweep(quantity - left, cost, worst)


@define(eq=False)
class TradeBar:
    """Trades of one instrument summed over an interval, ``start_ns`` inclusive to ``end_ns`` exclusive."""

    instrument_id: InstrumentId
    start_ns: int
    end_ns: int
    quantity: Decimal
    cost: Decimal
    last_price: Decimal
    count: int
