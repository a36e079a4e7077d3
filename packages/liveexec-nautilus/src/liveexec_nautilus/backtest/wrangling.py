"""Columns as the library's market data: one batch in Arrow's stream format, decoded by its own wranglers.

Nothing here runs per row in Python. The columns are those that the library writes itself
(``nautilus_trader.serialization.get_arrow_schema_map``).
"""

from collections.abc import Sequence
from typing import Any, Final

from liveexec_nautilus.backtest.arrow import pa, pc
from liveexec_nautilus.backtest.grid import Grid, Ladder, Prints, steps
from liveexec_nautilus.backtest.instruments import SimulatedInstrument
from liveexec_nautilus.vendor_backtest import (
    OrderBookDepth,
    OrderBookDepthDataWrangler,
    TradeTick,
    TradeTickDataWrangler,
)

__all__ = ["depths", "empty_depth", "ticks_of"]

_TIME: Final = pa.timestamp("ns", "UTC")
_AMOUNT: Final = pa.decimal128(38, 16)
_LEVEL: Final = [
    pa.field("price", _AMOUNT, nullable=False),
    pa.field("size", _AMOUNT, nullable=False),
    pa.field("count", pa.uint32(), nullable=False),
    pa.field("order_id", pa.uint64(), nullable=False),
]


def empty_depth(at_ns: int, instrument: SimulatedInstrument) -> OrderBookDepth:
    """A book with nothing in it."""
    return OrderBookDepth(instrument.id, [], [], [], [], 0, 0, at_ns, at_ns)


def depths(
    times_ns: Any, bids: Ladder, asks: Ladder, grid: Grid, instruments: Sequence[SimulatedInstrument]
) -> list[list[OrderBookDepth]]:
    """The books of every row, once for each of the instruments, which are of one listing."""
    rows = len(times_ns)
    times = times_ns.cast(_TIME)
    batch = _batch(
        {
            "bids": _levels(bids, grid),
            "asks": _levels(asks, grid),
            "flags": pa.repeat(pa.scalar(0, pa.uint8()), rows),
            "sequence": pa.repeat(pa.scalar(0, pa.uint64()), rows),
            "ts_event": times,
            "ts_init": times,
        },
        instruments[0],
        "OrderBookDepth",
    )
    return [
        OrderBookDepthDataWrangler(str(each.id), each.price_places, each.lot_places).process_record_batch_bytes(batch)
        for each in instruments
    ]


def ticks_of(
    prints: Prints, grid: Grid, instruments: Sequence[SimulatedInstrument], first: int
) -> list[list[TradeTick]]:
    """The trades, once for each of the instruments; they are numbered from ``first`` on."""
    times = prints.times_ns.cast(_TIME)
    numbers = pa.arange(first, first + len(times)).cast(pa.string())
    batch = _batch(
        {
            "price": steps(prints.ticks, grid.tick),
            "size": steps(prints.lots, grid.lot),
            "aggressor_side": pc.fill_null(prints.sides, "NO_AGGRESSOR"),
            "trade_id": numbers,
            "ts_event": times,
            "ts_init": times,
        },
        instruments[0],
        "TradeTick",
    )
    return [
        TradeTickDataWrangler(str(each.id), each.price_places, each.lot_places).process_record_batch_bytes(batch)
        for each in instruments
    ]


def _levels(ladder: Ladder, grid: Grid) -> Any:
    count = len(ladder.ticks)
    structs = pa.StructArray.from_arrays(
        [
            steps(ladder.ticks, grid.tick),
            steps(ladder.lots, grid.lot),
            pa.repeat(pa.scalar(1, pa.uint32()), count),
            pa.repeat(pa.scalar(0, pa.uint64()), count),
        ],
        fields=_LEVEL,
    )
    items = pa.list_(pa.field("item", structs.type, nullable=False))
    return pa.ListArray.from_arrays(ladder.offsets, structs, type=items)


def _batch(columns: dict[str, Any], instrument: SimulatedInstrument, kind: str) -> bytes:
    schema = pa.schema(
        [pa.field(name, column.type, nullable=False) for name, column in columns.items()],
        metadata={
            "type_name": kind,
            "instrument_id": str(instrument.id),
            "price_precision": str(instrument.price_places),
            "size_precision": str(instrument.lot_places),
        },
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(columns.values()), schema=schema))
    content: bytes = sink.getvalue().to_pybytes()
    return content
