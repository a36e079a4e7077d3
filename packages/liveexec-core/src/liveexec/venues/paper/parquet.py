"""Recorded ticks as a market source: parquet files, read row group by row group.

Layout: ``raw_tick_data/by_date/day-YYYY-MM-DD/data_type-{trades,book_snapshot_5}/<CANONICAL_ID>.parquet`` with
``timestamp`` in microseconds; trades have ``price``, ``amount`` and ``side`` (the aggressor's: buy, sell, or anything
else for unknown), books ``asks[i].price``, ``asks[i].amount``, ``bids[i].price``, ``bids[i].amount`` for i from 0
to 4, where a level that was not there is null or NaN.

Numbers are stored as doubles; the shortest decimal that reads back as the same double is the number that was
written. Events are merged by ``timestamp``, trades before books of the same time, since a book shows what its trades
left. A timestamp that falls within a file counts as the highest before it.

The only module here that needs pyarrow (the extra ``parquet``); import it where it is used.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec.venues.paper.market import MarketEvent, SourceBook, SourceTrade

__all__ = ["RecordedMarket"]

DEPTH: Final = 5
BATCH_ROWS: Final = 1_024
MICROSECOND_NS: Final = 1_000

_TRADES: Final = "data_type-trades"
_BOOKS: Final = "data_type-book_snapshot_5"
_TRADE_COLUMNS: Final = ("timestamp", "price", "amount", "side")
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


def _side_columns(side: str) -> list[str]:
    return [f"{side}[{level}].{part}" for level in range(DEPTH) for part in ("price", "amount")]


_BOOK_COLUMNS: Final = ("timestamp", *_side_columns("bids"), *_side_columns("asks"))


class RecordedMarket:
    """The recorded days of a folder, oldest first, as one market.

    Raises:
        ConfigurationError: a day, a file or a column is missing; every fault is named.
    """

    def __init__(self, root: Path, instruments: Sequence[InstrumentId], day: str | None = None) -> None:
        self._instruments = tuple(instruments)
        days = _days(root, day)
        faults: list[Fault] = []
        self._files: list[list[tuple[Path, InstrumentId, bool]]] = []
        for folder in days:
            files = []
            for instrument_id in self._instruments:
                for data_type, columns in ((_TRADES, _TRADE_COLUMNS), (_BOOKS, _BOOK_COLUMNS)):
                    path = folder / data_type / f"{instrument_id}.parquet"
                    faults += _file_faults(path, columns)
                    files.append((path, instrument_id, data_type == _TRADES))
            self._files.append(files)
        if faults:
            raise ConfigurationError(f"recorded market {root}", faults)
        first = next(self.events(), None)
        if first is None:
            raise ConfigurationError(f"recorded market {root}", [Fault("", "holds no events")])
        self._start_ns = first.time_ns

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return self._instruments

    @property
    def start_ns(self) -> int:
        return self._start_ns

    def events(self) -> Iterator[MarketEvent]:
        """Every event, read as it is asked for: at most one batch of rows per file is in memory.

        Raises:
            InvalidInput: a trade is not a number above zero; the file and the row are named.
        """
        for files in self._files:
            streams = [
                _trades(path, instrument_id) if is_trades else _books(path, instrument_id)
                for path, instrument_id, is_trades in files
            ]
            # merge is stable: of equal keys, the earlier stream's event comes first.
            for _, _, event in heapq.merge(*streams, key=lambda keyed: keyed[:2]):
                yield event


#: (time, 0 for trades and 1 for books, event)
_Keyed = tuple[int, int, MarketEvent]


def _trades(path: Path, instrument_id: InstrumentId) -> Iterator[_Keyed]:
    latest = 0
    for number, (timestamp, price, amount, side) in enumerate(_rows(path, _TRADE_COLUMNS)):
        if not (_is_positive(price) and _is_positive(amount)):
            raise InvalidInput(f"{path.name} ({_TRADES})", [Fault(f"row {number}", f"trade of {amount} at {price}")])
        latest = max(latest, timestamp * MICROSECOND_NS)
        yield latest, 0, SourceTrade(instrument_id, latest, _decimal(price), _decimal(amount), _SIDES.get(side))


def _books(path: Path, instrument_id: InstrumentId) -> Iterator[_Keyed]:
    latest = 0
    for timestamp, *numbers in _rows(path, _BOOK_COLUMNS):
        latest = max(latest, timestamp * MICROSECOND_NS)
        bids, asks = _levels(numbers[: 2 * DEPTH]), _levels(numbers[2 * DEPTH :])
        yield latest, 1, SourceBook(instrument_id, latest, bids, asks)


def _levels(numbers: Sequence[float | None]) -> tuple[Level, ...]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple(
        (_decimal(price), _decimal(amount)) for price, amount in pairs if _is_positive(price) and _is_positive(amount)
    )


def _is_positive(number: float | None) -> bool:
    return number is not None and math.isfinite(number) and number > 0


@lru_cache(maxsize=65_536)
def _decimal(number: float | None) -> Decimal:
    return Decimal(repr(number))


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(columns)):
            yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def _days(root: Path, day: str | None) -> list[Path]:
    by_date = root / "raw_tick_data" / "by_date"
    if not by_date.is_dir():
        raise ConfigurationError(f"recorded market {root}", [Fault("", f"there is no folder {by_date}")])
    pattern = f"day-{day}" if day is not None else "day-*"
    found = sorted(path for path in by_date.glob(pattern) if path.is_dir())
    if not found:
        raise ConfigurationError(f"recorded market {root}", [Fault("", f"there is no {pattern} in {by_date}")])
    return found


def _file_faults(path: Path, columns: Sequence[str]) -> list[Fault]:
    where = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    if not path.is_file():
        return [Fault(where, "is missing")]
    try:
        names = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        return [Fault(where, f"can't be read: {error}")]
    return [Fault(where, f"has no column {name}") for name in columns if name not in names]
