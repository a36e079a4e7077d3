"""Recorded ticks as a replay's market: columns as they lie in memory, of which a row is decoded when it is asked for.

Needs pyarrow (the extra ``replay``), which the reader behind it imports; nothing here does.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from attrs import define

from liveexec.domain.ids import InstrumentId
from liveexec.domain.recorded import (
    MICROSECOND_NS,
    KeyedEvent,
    MarketEvent,
    RowDecoder,
    TickKind,
    columns_of,
    decoder_of,
)
from liveexec.replay.agenda import NEVER
from liveexec.replay.market import MarketChunk
from liveexec.storage.ticks.reader import FilePlan, WindowedMarket

__all__ = ["ColumnRows", "RecordedTicks", "rows_of_table"]

_NAN: Final = float("nan")


@define(eq=False)
class ColumnRows:
    """Rows ``start`` to ``end`` of a table of one file, of which ``columns`` hold all but the times."""

    instrument_id: InstrumentId
    is_trades: bool
    times_ns: Sequence[int]
    _columns: Sequence[Sequence[Any]]
    _numbers: Sequence[int]
    _decode: RowDecoder

    def event(self, index: int) -> MarketEvent:
        row = (self.times_ns[index] // MICROSECOND_NS, *(column[index] for column in self._columns))
        return self._decode(row, self._numbers[index])[2]

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The columns by their names in a tick file, but for the times; doubles lie in a memoryview if they can."""
        kind = TickKind.TRADES if self.is_trades else TickKind.BOOKS
        return dict(zip(columns_of(kind)[1:], self._columns, strict=True))

    def part(self, start: int, end: int) -> "ColumnRows":
        """Some of the rows."""
        if start == 0 and end == len(self.times_ns):
            return self
        return ColumnRows(
            self.instrument_id,
            self.is_trades,
            self.times_ns[start:end],
            [column[start:end] for column in self._columns],
            self._numbers[start:end],
            self._decode,
        )

    def followed_by(self, others: "ColumnRows") -> "ColumnRows":
        """These rows and the next ones of the same stream."""
        numbers, decode = [*self._numbers, *others._numbers], self._decode  # noqa: SLF001
        if others._decode is not decode:  # noqa: SLF001
            numbers, decode = list(range(len(numbers))), _either(self, others)
        return ColumnRows(
            self.instrument_id,
            self.is_trades,
            [*self.times_ns, *others.times_ns],
            [[*ours, *theirs] for ours, theirs in zip(self._columns, others._columns, strict=True)],  # noqa: SLF001
            numbers,
            decode,
        )


def _either(first: ColumnRows, others: ColumnRows) -> RowDecoder:
    """What decodes rows of two files, numbered on from the first one's: errors name each by its own."""
    count = len(first.times_ns)

    def decode(row: Sequence[Any], number: int) -> KeyedEvent:
        rows, index = (first, number) if number < count else (others, number - count)
        return rows._decode(row, rows._numbers[index])  # noqa: SLF001

    return decode


class RecordedTicks:
    """The windows of a :class:`WindowedMarket`, in chunks that hold what all files tell of one stretch of time.

    Raises (while it is read):
        InvalidInput: a trade is not a number above zero; the file and the row are named.
        ObjectStoreError: the store can't be read any more.
    """

    def __init__(self, market: WindowedMarket) -> None:
        self._market = market

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return self._market.instruments

    def chunks(self) -> Iterator[MarketChunk]:
        """In the order of times; of equal ones, all trades come before all books."""
        # Trades first; the sort leaves streams of a kind in their order.
        streams = sorted(self._market.streams, key=lambda plans: plans[0].file.kind is TickKind.BOOKS)
        yield from _aligned([_StreamRows(self._market, plans) for plans in streams])


class _StreamRows:
    """The rows of an instrument's trades, or of its books, file after file and a table at a time: those that were read
    and not yet given away."""

    def __init__(self, market: WindowedMarket, plans: Sequence[FilePlan]) -> None:
        file = plans[0].file
        self._name, self._kind = file.instrument_id, file.kind
        self._tables = (
            (decode, *each) for plan in plans for decode in (market.decoder(plan),) for each in market.tables(plan)
        )
        self._latest_ns = 0
        self.is_over = False
        columns: list[Sequence[Any]] = [() for _ in columns_of(self._kind)[1:]]
        self.rows = ColumnRows(self._name, self._kind is TickKind.TRADES, (), columns, (), market.decoder(plans[0]))
        self.read()

    def read(self) -> None:
        """Another table behind what is left; nothing where the last file is over."""
        for decode, table, numbers in self._tables:
            if table.num_rows:
                fresh = rows_of_table(
                    self._name, self._kind, table, decode=decode, numbers=numbers, after_ns=self._latest_ns
                )
                self._latest_ns = fresh.times_ns[-1]
                self.rows = self.rows.followed_by(fresh) if len(self.rows.times_ns) else fresh
                return
        self.is_over = True

    def take_until(self, end_ns: int) -> ColumnRows:
        """The rows up to a time; they are given away."""
        times = self.rows.times_ns
        count = bisect_right(times, end_ns)
        taken, self.rows = self.rows.part(0, count), self.rows.part(count, len(times))
        return taken


def rows_of_table(
    instrument_id: InstrumentId,
    kind: TickKind,
    table: Any,
    *,
    decode: RowDecoder | None = None,
    numbers: Sequence[int] | None = None,
    after_ns: int = 0,
) -> ColumnRows:
    """A pyarrow table with the columns of a tick file as rows. A timestamp that falls counts as the highest before it,
    ``after_ns`` at least; ``numbers`` are what errors call the rows."""
    told = (each * MICROSECOND_NS for each in table.column("timestamp").to_pylist())
    times = list(accumulate(told, max, initial=after_ns))[1:]
    return ColumnRows(
        instrument_id,
        kind is TickKind.TRADES,
        times,
        [_values(table.column(name)) for name in columns_of(kind)[1:]],
        numbers if numbers is not None else range(table.num_rows),
        decode if decode is not None else decoder_of(kind, instrument_id, instrument_id),
    )


def _aligned(files: Sequence[_StreamRows]) -> Iterator[MarketChunk]:
    """Chunks as long as every file still has rows in memory: what follows in a file is later than its last row, or of
    the same moment, which is why that moment waits for the next chunk."""
    while True:
        for file in files:
            if not file.is_over and not len(file.rows.times_ns):
                file.read()
        going_on = [file for file in files if not file.is_over]
        end_ns = min((file.rows.times_ns[-1] for file in going_on), default=NEVER) - 1
        streams = [rows for file in files if len((rows := file.take_until(end_ns)).times_ns)]
        if streams:
            yield MarketChunk(tuple(streams))
        elif not going_on:
            return
        else:
            # Whoever holds up the others has rows of a single moment: read what comes behind them.
            for file in going_on:
                if file.rows.times_ns[-1] - 1 == end_ns:
                    file.read()


def _values(column: Any) -> Sequence[Any]:
    """A column's values, where they lie if they are doubles: most of them are never looked at."""
    whole = column.combine_chunks()
    if str(whole.type) != "double":
        values: list[Any] = whole.to_pylist()
        return values
    # A level that was not there counts alike, whether it is null or not a number.
    filled = whole.fill_null(_NAN) if whole.null_count else whole
    return memoryview(filled.buffers()[1]).cast("d")[filled.offset : filled.offset + len(filled)]
