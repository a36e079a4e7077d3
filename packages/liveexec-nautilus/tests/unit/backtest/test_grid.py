"""Rounding columns and rounding rows is the same, whatever is recorded."""

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.instrument import ContractKind
from liveexec.domain.operation import VenueClass
from liveexec.domain.recorded import DEPTH, MarketEvent, TickKind
from liveexec.errors import InvalidInput
from liveexec.replay.recorded_market import ColumnRows, rows_of_table
from liveexec.venues.paper.config import PaperInstrument
from liveexec_nautilus.backtest.grid import Grid, Ladder, Prints, steps
from support.nautilus_replays import NORTH_PERP, SOURCE, instrument


@frozen
class Decoded:
    """The same rows without their columns."""

    rows: ColumnRows

    @property
    def instrument_id(self) -> Any:
        return self.rows.instrument_id

    @property
    def is_trades(self) -> bool:
        return self.rows.is_trades

    @property
    def times_ns(self) -> Sequence[int]:
        return self.rows.times_ns

    def event(self, index: int) -> MarketEvent:
        return self.rows.event(index)


def grid(source: PaperInstrument) -> Grid:
    return Grid(source, source.listing(VenueClass.CEFI))


def listed(ladder: Ladder) -> list[list[tuple[int, int]]]:
    """Each row's levels, in ticks and lots."""
    pairs = list(zip(ladder.ticks.to_pylist(), ladder.lots.to_pylist(), strict=True))
    offsets = ladder.offsets.to_pylist()
    return [pairs[start:end] for start, end in pairwise(offsets)]


def printed(prints: Prints) -> list[tuple[object, ...]]:
    columns = (prints.times_ns, prints.ticks, prints.lots, prints.sides)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


#: Sources as they are written in tests: tick 0.1, lot 0.001; offsets and factors change them.
SOURCES = st.builds(
    lambda tick, lot, offset, factor: evolve(
        instrument(NORTH_PERP, ContractKind.LINEAR),
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(lot),
        offset_ticks=offset,
        depth_factor=Decimal(factor),
    ),
    st.sampled_from(["0.1", "0.5", "0.01", "0.00001", "5"]),
    st.sampled_from(["0.001", "0.00000001", "1", "0.25"]),
    st.integers(-3, 3),
    st.sampled_from(["1", "0.5", "1.25"]),
)
PRICES = st.one_of(
    st.integers(1, 2_000_000).map(lambda ticks: float(Decimal(ticks) / 10)),
    st.integers(1, 10**9).map(lambda ticks: float(Decimal(ticks) / 100_000)),
    st.sampled_from([math.nan, 0.0, -1.0]),
)
AMOUNTS = st.one_of(
    st.integers(1, 10**7).map(lambda lots: float(Decimal(lots) / 1_000)),
    st.integers(1, 10**10).map(lambda lots: float(Decimal(lots) / 10**8)),
    st.sampled_from([math.nan, 0.0]),
)


def book_rows(levels: Sequence[Sequence[tuple[float, float]]]) -> ColumnRows:
    """Rows of ten levels each: five bids, five asks."""
    columns: dict[str, Any] = {"timestamp": pa.array(range(len(levels)), pa.int64())}
    for number, side in enumerate(("bids", "asks")):
        for level in range(DEPTH):
            told = [row[number * DEPTH + level] for row in levels]
            columns[f"{side}[{level}].price"] = pa.array([price for price, _ in told], pa.float64())
            columns[f"{side}[{level}].amount"] = pa.array([amount for _, amount in told], pa.float64())
    return rows_of_table(SOURCE, TickKind.BOOKS, pa.table(columns))


@given(SOURCES, st.lists(st.lists(st.tuples(PRICES, AMOUNTS), min_size=10, max_size=10), min_size=1, max_size=4))
def test_books(source: PaperInstrument, levels: list[list[tuple[float, float]]]) -> None:
    rows = book_rows(levels)
    fast, slow = grid(source).books(rows), grid(source).books(Decoded(rows))
    for ours, theirs in zip(fast, slow, strict=True):
        merged = [dict(row) for row in listed(theirs)]
        # Levels of one price, which a recording has not, are merged where rows are decoded.
        assert [_merged(row) for row in listed(ours)] == merged


def _merged(row: list[tuple[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for tick, lots in row:
        found[tick] = found.get(tick, 0) + lots
    return found


SIDES = st.sampled_from(["buy", "sell", "unknown"])
GOOD_PRICES = st.integers(1, 2_000_000).map(lambda ticks: float(Decimal(ticks) / 10))
GOOD_AMOUNTS = st.integers(1, 10**7).map(lambda lots: float(Decimal(lots) / 1_000))


def trade_rows(trades: Sequence[tuple[float, float, str]]) -> ColumnRows:
    columns = {
        "timestamp": pa.array(range(len(trades)), pa.int64()),
        "price": pa.array([price for price, _, _ in trades], pa.float64()),
        "amount": pa.array([amount for _, amount, _ in trades], pa.float64()),
        "side": pa.array([side for _, _, side in trades], pa.string()),
    }
    return rows_of_table(SOURCE, TickKind.TRADES, pa.table(columns))


@given(SOURCES, st.lists(st.tuples(GOOD_PRICES, GOOD_AMOUNTS, SIDES), min_size=1, max_size=6))
def test_trades(source: PaperInstrument, trades: list[tuple[float, float, str]]) -> None:
    rows = trade_rows(trades)
    assert printed(grid(source).trades(rows)) == printed(grid(source).trades(Decoded(rows)))


def test_a_trade_without_a_number_names_its_row() -> None:
    rows = trade_rows([(60_000.0, 1.0, "buy"), (math.nan, 1.0, "sell")])
    with pytest.raises(InvalidInput, match="row 1"):
        grid(instrument(NORTH_PERP, ContractKind.LINEAR)).trades(rows)


@given(st.lists(st.integers(0, 10**12), min_size=1), st.sampled_from(["0.1", "0.25", "1", "5", "0.00000001"]))
def test_steps_are_exact(counts: list[int], step: str) -> None:
    assert steps(pa.array(counts, pa.int64()), Decimal(step)).to_pylist() == [count * Decimal(step) for count in counts]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.data())
def test_a_part_of_a_ladder_has_the_same_rows(sizes: list[int], data: st.DataObject) -> None:
    offsets = [sum(sizes[:number]) for number in range(len(sizes) + 1)]
    count = offsets[-1]
    ladder = Ladder(
        pa.array(range(count), pa.int64()), pa.array(range(1, count + 1), pa.int64()), pa.array(offsets, pa.int32())
    )
    start = data.draw(st.integers(0, len(sizes)))
    end = data.draw(st.integers(start, len(sizes)))
    assert listed(ladder.part(start, end)) == listed(ladder)[start:end]
