"""Recorded ticks as a market source: parquet files, read row group by row group.

Layout: ``raw_tick_data/by_date/day-YYYY-MM-DD/data_type-{trades,book_snapshot_5}/<CANONICAL_ID>.parquet``. What a row
says is told by :mod:`liveexec.domain.recorded`.

The only module here that needs pyarrow (the extra ``parquet``); import it where it is used.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from liveexec.domain.ids import InstrumentId
from liveexec.domain.recorded import KeyedEvent, MarketEvent, TickKind, columns_of, decoder_of, in_order
from liveexec.errors import ConfigurationError, Fault

__all__ = ["RecordedMarket"]

BATCH_ROWS: Final = 1_024


class RecordedMarket:
    """The recorded days of a folder, oldest first, as one market.

    Raises:
        ConfigurationError: a day, a file or a column is missing; every fault is named.
    """

    def __init__(self, root: Path, instruments: Sequence[InstrumentId], day: str | None = None) -> None:
        self._instruments = tuple(instruments)
        days = _days(root, day)
        faults: list[Fault] = []
        self._files: list[list[tuple[Path, InstrumentId, TickKind]]] = []
        for folder in days:
            files = []
            for instrument_id in self._instruments:
                for kind in TickKind:
                    path = folder / kind / f"{instrument_id}.parquet"
                    faults += _file_faults(path, columns_of(kind))
                    files.append((path, instrument_id, kind))
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
            yield from in_order(_events(path, instrument_id, kind) for path, instrument_id, kind in files)


def _events(path: Path, instrument_id: InstrumentId, kind: TickKind) -> Iterator[KeyedEvent]:
    decode = decoder_of(kind, instrument_id, f"{path.name} ({kind})")
    for number, row in enumerate(_rows(path, columns_of(kind))):
        yield decode(row, number)


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
