"""A made day of the market: 12 million quotes of five levels a side, as a recorder writes them, always the same.

Columns, types and folders are those of recorded files. Times come in the order of their arrival, in row groups of
100,000, a little out of order as real ones are; the day has quiet hours and busy ones. Prices walk by whole ticks;
sizes are whole lots. Everything is arithmetic on whole columns, a part of the day at a time.
"""

import datetime as dt
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liveexec.domain.ids import InstrumentId
from liveexec.domain.recorded import DEPTH, TickKind
from liveexec.storage.ticks.layout import TickFile, day_start_ns

__all__ = ["DAY", "INSTRUMENT", "QUOTES", "write_day"]

QUOTES: Final = 12_000_000
DAY: Final = dt.date(2025, 1, 15)
INSTRUMENT: Final = InstrumentId("BINANCE-FUTURES:PERPETUAL:BTC-USDT@LIN")

_HOURS: Final = 24
_HOUR_US: Final = 3_600_000_000
_GROUP_ROWS: Final = 100_000
_WRITTEN: Final[dict[str, Any]] = {"compression": "zstd", "use_dictionary": ["exchange", "symbol"]}
_TICK: Final = 0.1
_LOT: Final = 0.001
_FIRST_TICKS: Final = 1_000_000
#: A tick changes hands for a recorder some milliseconds later, and not always in order.
_JITTER_US: Final = 3_000


def write_day(root: Path, quotes: int = QUOTES) -> TickFile:
    """Write the day below ``root``, and say which file it is."""
    file = TickFile(DAY, TickKind.BOOKS, INSTRUMENT)
    path = root / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    writer: pq.ParquetWriter | None = None
    ticks = _FIRST_TICKS
    try:
        for hour, count in enumerate(_by_hour(quotes)):
            table, ticks = _hour(hour, count, ticks)
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, **_WRITTEN)
            writer.write_table(table, row_group_size=_GROUP_ROWS)
    finally:
        if writer is not None:
            writer.close()
    return file


def _by_hour(quotes: int) -> Iterator[int]:
    """Quotes of each hour: twice as many in the busiest as in the quietest, the exact number in all."""
    weights = [1.5 + 0.5 * math.sin((hour - 8) * math.pi / 12) for hour in range(_HOURS)]
    given = 0
    for hour in range(_HOURS):
        until = round(quotes * sum(weights[: hour + 1]) / sum(weights))
        yield until - given
        given = until


def _hour(hour: int, count: int, ticks: int) -> tuple[pa.Table, int]:
    start_us = day_start_ns(DAY) // 1_000 + hour * _HOUR_US
    seed = hour * 100
    arrival = pc.add(_whole(pc.multiply(_uniform(count, seed), float(_HOUR_US - _JITTER_US))), start_us)
    arrival = arrival.take(pc.array_sort_indices(arrival))
    venue = pc.subtract(arrival, _whole(pc.multiply(_uniform(count, seed + 1), float(_JITTER_US))))
    # A tick up or down with every fifth quote.
    up, down = (pc.cast(pc.less(_uniform(count, seed + draw), pa.scalar(0.1)), pa.int64()) for draw in (2, 3))
    mid = pc.add(pc.cumulative_sum(pc.subtract(up, down)), ticks)
    columns: dict[str, Any] = {
        # No quote is of the day before.
        "timestamp": pc.max_element_wise(venue, start_us),
        "local_timestamp": arrival,
        "exchange": pa.repeat("binance-futures", count),
        "symbol": pa.repeat("BTCUSDT", count),
    }
    for level in range(DEPTH):
        for number, (side, sign) in enumerate((("asks", 1), ("bids", -1))):
            offset = sign * (level + 1) if sign > 0 else -level
            columns[f"{side}[{level}].price"] = pc.divide(pc.cast(pc.add(mid, offset), pa.float64()), 1 / _TICK)
            drawn = _uniform(count, seed + 10 + 2 * level + number)
            # Sizes of a few lots are common, large ones rare.
            lots = pc.floor(pc.multiply(pc.divide(1.0, pc.add(drawn, 0.002)), 20.0))
            columns[f"{side}[{level}].amount"] = pc.divide(lots, 1 / _LOT)
    return pa.table(columns), mid[-1].as_py() if count else ticks


def _uniform(count: int, seed: int) -> Any:
    return pc.random(count, initializer=seed)


def _whole(numbers: Any) -> Any:
    return pc.cast(pc.floor(numbers), pa.int64())
