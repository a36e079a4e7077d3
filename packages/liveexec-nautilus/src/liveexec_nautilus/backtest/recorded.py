"""Recorded ticks in memory as a replay's market: Arrow tables with the columns of tick files, cut into chunks of time.

This is the fast way into the backtest engine: rows stay columns all the way, and a row becomes Decimals only where
somebody asks for it. The tables hold ``timestamp`` (UTC microseconds), and of books ``bids[i].price``,
``bids[i].amount``, ``asks[i].price``, ``asks[i].amount`` for i from 0 to 4, of trades ``price``, ``amount`` and
``side``. A timestamp that falls counts as the highest before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from liveexec.errors import Fault, InvalidInput
from liveexec.replay.market import MarketChunk
from liveexec.venues.paper.market import MarketEvent, SourceBook, SourceTrade
from liveexec_nautilus.backtest.arrow import pc

__all__ = ["TableMarket", "TableRows"]

DEPTH: Final = 5
MICROSECOND_NS: Final = 1_000
#: Rows that are in the backtest engine at a time, over all tables: few enough to stay in the processor's caches.
CHUNK_ROWS: Final = 10_000

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_BOOK_COLUMNS: Final = (
    "timestamp",
    *(f"{side}[{level}].{part}" for level in range(DEPTH) for side in ("bids", "asks") for part in ("price", "amount")),
)
_TRADE_COLUMNS: Final = ("timestamp", "price", "amount", "side")


@frozen(eq=False)
class TableRows:
    """Books or trades of one instrument as columns; see :class:`liveexec.replay.market.Rows`."""

    instrument_id: InstrumentId
    is_trades: bool
    columns: Any
    times_ns: Sequence[int]

    def event(self, index: int) -> MarketEvent:
        """A row, decoded: the shortest decimal that reads back as the same double is the number that was written.

        Raises:
            InvalidInput: a trade is not a number above zero.
        """
        row = self.columns.slice(index, 1).to_pylist()[0]
        time_ns = self.times_ns[index]
        if not self.is_trades:
            return SourceBook(self.instrument_id, time_ns, _levels(row, "bids"), _levels(row, "asks"))
        price, amount = row["price"], row["amount"]
        if not (_is_positive(price) and _is_positive(amount)):
            raise InvalidInput(
                f"trades of {self.instrument_id}", [Fault(f"row {index}", f"trade of {amount} at {price}")]
            )
        return SourceTrade(
            self.instrument_id, time_ns, Decimal(repr(price)), Decimal(repr(amount)), _SIDES.get(row["side"])
        )


class TableMarket:
    """Tables of books and of trades by instrument; see :class:`liveexec.replay.market.ReplayMarket`.

    Raises:
        InvalidInput: a table has not the columns that it needs; every fault is named.
    """

    def __init__(
        self,
        books: Mapping[InstrumentId, Any],
        trades: Mapping[InstrumentId, Any] | None = None,
        *,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        streams = [(name, True, table) for name, table in (trades or {}).items()]
        streams += [(name, False, table) for name, table in books.items()]
        faults = [
            Fault(f"{name}.{column}", "is missing")
            for name, is_trades, table in streams
            for column in (_TRADE_COLUMNS if is_trades else _BOOK_COLUMNS)
            if column not in table.column_names
        ]
        if faults:
            raise InvalidInput("recorded market", faults)
        self._streams = [(name, is_trades, table, _times(table)) for name, is_trades, table in streams]
        self._chunk_rows = chunk_rows

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return tuple(dict.fromkeys(name for name, *_ in self._streams))

    def chunks(self) -> Iterator[MarketChunk]:
        """Everything from the start, at most so many rows at a time as long as their times differ."""
        starts = [0] * len(self._streams)
        while True:
            end_us = self._end_of(starts)
            if end_us is None:
                return
            found = []
            for number, (name, is_trades, table, times) in enumerate(self._streams):
                end = _count_until(times, end_us)
                if end > starts[number]:
                    span = starts[number], end - starts[number]
                    times_ns = pc.multiply(times.slice(*span), MICROSECOND_NS)
                    found.append(TableRows(name, is_trades, table.slice(*span), times_ns.to_pylist()))
                    starts[number] = end
            # Of each instrument its trades first: a book shows what they left.
            yield MarketChunk(tuple(sorted(found, key=lambda rows: not rows.is_trades)))

    def _end_of(self, starts: Sequence[int]) -> int | None:
        """The time up to which the next chunk reaches: within it no table has more than its share of rows."""
        share = max(1, self._chunk_rows // max(1, len(self._streams)))
        ends = [
            times[min(start + share, len(times)) - 1].as_py()
            for start, (*_, times) in zip(starts, self._streams, strict=True)
            if start < len(times)
        ]
        return min(ends, default=None)


def _times(table: Any) -> Any:
    """The times of a table's rows in microseconds, never falling."""
    times = table.column("timestamp").combine_chunks()
    return pc.cumulative_max(times)


def _count_until(times: Any, end_us: int) -> int:
    """How many rows are no later than a time."""
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) // 2
        if times[middle].as_py() <= end_us:
            low = middle + 1
        else:
            high = middle
    return low


def _levels(row: Mapping[str, Any], side: str) -> tuple[Level, ...]:
    pairs = ((row[f"{side}[{level}].price"], row[f"{side}[{level}].amount"]) for level in range(DEPTH))
    return tuple(
        (Decimal(repr(price)), Decimal(repr(amount)))
        for price, amount in pairs
        if _is_positive(price) and _is_positive(amount)
    )


def _is_positive(number: float | None) -> bool:
    # A NaN is not above anything.
    return number is not None and 0 < number < float("inf")
