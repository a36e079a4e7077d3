"""Recorded numbers on a listing's grid: prices as counts of ticks, quantities as counts of lots, column by column.

The rules are those of :mod:`liveexec.venues.paper.market`: prices move by whole ticks, quantities are multiplied and
cut to the lot, and a price off tick is rounded away from the spread. Rows that come as Arrow columns are rounded as
columns as long as their prices lie on the tick, which recordings of the venue itself do; everything else goes row by
row in decimals, which gives the same and takes longer.

A recorded number is a double: the decimal that was written divided by the step is a whole number up to the error of
two roundings. What is farther away than that was not a multiple.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, Final

from attrs import frozen

from liveexec.domain import money
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Level
from liveexec.domain.money import MONEY, ONE
from liveexec.domain.operation import Side
from liveexec.domain.recorded import DEPTH, SourceBook, SourceTrade
from liveexec.replay.market import Rows
from liveexec.replay.recorded_market import ColumnRows
from liveexec.venues.paper.config import PaperInstrument
from liveexec_nautilus.backtest.arrow import pa, pc

__all__ = ["Grid", "Ladder", "Prints", "steps"]

_CACHE: Final = 65_536
#: Errors of doubles, relative to the quotient, and at least.
_RELATIVE: Final = 1e-15
_LEAST: Final = 1e-6
#: Beyond it a double does not tell whole numbers apart.
_LARGEST: Final = 2.0**52


@frozen(eq=False)
class Ladder:
    """One side of many books: of row i, the levels ``offsets[i]`` to ``offsets[i + 1]``, best first."""

    ticks: Any
    lots: Any
    offsets: Any

    def part(self, start: int, end: int) -> "Ladder":
        """Some of the rows."""
        first, last = self.offsets[start].as_py(), self.offsets[end].as_py()
        offsets = pc.subtract(self.offsets.slice(start, end - start + 1), pa.scalar(first, pa.int32()))
        return Ladder(self.ticks.slice(first, last - first), self.lots.slice(first, last - first), offsets)


@frozen(eq=False)
class Prints:
    """Trades: which rows count, their prices, quantities, and the aggressor's side (``None`` where unknown)."""

    times_ns: Any
    ticks: Any
    lots: Any
    sides: Any

    def part(self, start: int, end: int) -> "Prints":
        """Some of the trades."""
        return Prints(*(each.slice(start, end - start) for each in (self.times_ns, self.ticks, self.lots, self.sides)))


class Grid:
    """The grid of one listing, and how its source is changed on the way in."""

    def __init__(self, instrument: PaperInstrument, listing: Listing) -> None:
        self.tick, self.lot = instrument.tick, listing.lot
        self._offset_ticks, self._factor = instrument.offset_ticks, instrument.depth_factor
        ticks, lot, factor = listing.ticks, listing.lot, instrument.depth_factor
        offset = instrument.tick * instrument.offset_ticks
        step = instrument.tick
        self._down = lru_cache(_CACHE)(lambda price: int(ticks.round_down(price + offset) / step))
        self._up = lru_cache(_CACHE)(lambda price: int(ticks.round_up(price + offset) / step))
        self._size = lru_cache(_CACHE)(lambda quantity: int(money.floor_to(quantity * factor, lot) / lot))

    def books(self, rows: Rows) -> tuple[Ladder, Ladder]:
        """Bids and asks of every row."""
        if isinstance(rows, ColumnRows):
            columns = rows.columns
            bids, asks = self._ladder(columns, "bids"), self._ladder(columns, "asks")
            if bids is not None and asks is not None:
                return bids, asks
        with localcontext(MONEY):
            sides: tuple[list[dict[int, int]], list[dict[int, int]]] = ([], [])
            for index in range(len(rows.times_ns)):
                book = rows.event(index)
                assert isinstance(book, SourceBook)
                sides[0].append(self._levels(book.bids, is_bid=True))
                sides[1].append(self._levels(book.asks, is_bid=False))
        return _ladder_of(sides[0]), _ladder_of(sides[1])

    def trades(self, rows: Rows) -> Prints:
        """The trades of every row that leaves something of its quantity."""
        if isinstance(rows, ColumnRows) and (prints := self._prints(rows)) is not None:
            return prints
        times, found_ticks, found_lots, sides = [], [], [], []
        with localcontext(MONEY):
            for index, time_ns in enumerate(rows.times_ns):
                trade = rows.event(index)
                assert isinstance(trade, SourceTrade)
                # A seller came down to the bids, so up is away from going further; a buyer the other way round.
                tick = (self._up if trade.aggressor is Side.SELL else self._down)(trade.price)
                lots = self._size(trade.quantity)
                if tick > 0 and lots > 0:
                    times.append(time_ns)
                    found_ticks.append(tick)
                    found_lots.append(lots)
                    sides.append(trade.aggressor)
        return Prints(
            pa.array(times, pa.int64()),
            pa.array(found_ticks, pa.int64()),
            pa.array(found_lots, pa.int64()),
            pa.array(sides, pa.string()),
        )

    def _levels(self, levels: Sequence[Level], *, is_bid: bool) -> dict[int, int]:
        convert = self._down if is_bid else self._up
        merged: dict[int, int] = {}
        for price, quantity in levels:
            tick, lots = convert(price), self._size(quantity)
            if tick > 0 and lots > 0:
                # Rounding can bring two levels to one price.
                merged[tick] = merged.get(tick, 0) + lots
        return merged

    def _ladder(self, columns: Mapping[str, Sequence[Any]], side: str) -> Ladder | None:
        """The same for columns; ``None`` where a price is off tick, so that levels may have to be merged."""
        prices = _stacked(columns, side, "price")
        amounts = _stacked(columns, side, "amount")
        rows = len(prices) // DEPTH
        # The stacks hold level after level; an order book wants row after row.
        slots = pa.arange(0, DEPTH * rows)
        row = pc.divide(slots, DEPTH)
        order = pc.add(pc.multiply(pc.subtract(slots, pc.multiply(row, DEPTH)), rows), row)
        prices, amounts = pc.take(prices, order), pc.take(amounts, order)
        exact = _multiples(prices, float(self.tick))
        lots = self._lots(amounts)
        if exact is None or lots is None:
            return None
        ticks = pc.add(exact, self._offset_ticks)
        there = pc.fill_null(pc.and_(pc.greater(ticks, 0), pc.greater(lots, 0)), False)
        if pc.all(there).as_py():
            return Ladder(ticks, lots, pc.multiply(pa.arange(0, rows + 1), DEPTH).cast(pa.int32()))
        counted = pc.cumulative_sum(there.cast(pa.int32()))
        ends = pc.take(counted, pc.subtract(pc.multiply(pa.arange(1, rows + 1), DEPTH), 1))
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
        return Ladder(pc.filter(ticks, there), pc.filter(lots, there), offsets)

    def _prints(self, rows: ColumnRows) -> Prints | None:
        columns = rows.columns
        exact = _multiples(_doubles(columns["price"]), float(self.tick))
        lots = self._lots(_doubles(columns["amount"]))
        if exact is None or lots is None:
            return None
        if exact.null_count or lots.null_count:
            # A trade without a number is a broken file: decoding its row says which.
            return None
        ticks = pc.add(exact, self._offset_ticks)
        told = pa.array(columns["side"], pa.string())
        sides = pc.if_else(
            pc.equal(told, "buy"), pa.scalar(Side.BUY.value), pc.if_else(pc.equal(told, "sell"), Side.SELL.value, None)
        )
        counts = pc.and_(pc.greater(ticks, 0), pc.greater(lots, 0))
        times = pa.array(rows.times_ns, pa.int64())
        return Prints(*(pc.filter(each, counts) for each in (times, ticks, lots, sides)))

    def _lots(self, amounts: Any) -> Any:
        """Whole lots, rounded down; null where there is no amount. ``None`` where doubles are too coarse for it."""
        if self._factor != ONE:
            # The product of doubles is not the product of the decimals that were written.
            return None
        return _multiples(amounts, float(self.lot), floor=True)


def _doubles(values: Sequence[Any]) -> Any:
    """A column of doubles, taken as it lies in memory where it does."""
    if isinstance(values, memoryview):
        return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])
    return pa.array(values, pa.float64())


def _stacked(columns: Mapping[str, Sequence[Any]], side: str, part: str) -> Any:
    return pa.concat_arrays([_doubles(columns[f"{side}[{level}].{part}"]) for level in range(DEPTH)])


def _multiples(numbers: Any, step: float, *, floor: bool = False) -> Any:
    """Numbers over a step as integers, null for what is no number above zero; ``None`` if one is no multiple (with
    ``floor`` it is rounded down instead) or too large to tell."""
    is_number = pc.and_kleene(pc.is_finite(numbers), pc.greater(numbers, 0))
    numbers = pc.if_else(pc.fill_null(is_number, False), numbers, None)
    quotients = pc.divide(numbers, step)
    if (pc.max(quotients).as_py() or 0.0) > _LARGEST:
        return None
    nearest = pc.round(quotients)
    allowed = pc.max_element_wise(pc.multiply(quotients, _RELATIVE), _LEAST)
    is_multiple = pc.less_equal(pc.abs(pc.subtract(quotients, nearest)), allowed)
    if floor:
        nearest = pc.if_else(is_multiple, nearest, pc.floor(quotients))
    elif not pc.all(is_multiple, min_count=0).as_py():
        return None
    return nearest.cast(pa.int64())


def _ladder_of(levels: Sequence[dict[int, int]]) -> Ladder:
    offsets = [0]
    for each in levels:
        offsets.append(offsets[-1] + len(each))
    return Ladder(
        pa.array([tick for each in levels for tick in each], pa.int64()),
        pa.array([lots for each in levels for lots in each.values()], pa.int64()),
        pa.array(offsets, pa.int32()),
    )


def steps(counts: Any, step: Decimal) -> Any:
    """Counts of a step as the decimals that the library's columns hold."""
    exponent = step.as_tuple().exponent
    assert isinstance(exponent, int)
    scaled = pc.multiply(counts.cast(pa.decimal128(19, 0)), pa.scalar(step, pa.decimal128(18, max(-exponent, 0))))
    return scaled.cast(pa.decimal128(38, 16))
