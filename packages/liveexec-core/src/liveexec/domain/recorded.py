"""Recorded market data: what one row of a tick file says, as an event of the market that is replayed.

Trades have ``timestamp``, ``price``, ``amount`` and ``side`` (the aggressor's: buy, sell, or anything else for
unknown); books have ``timestamp``, ``bids[i].price``, ``bids[i].amount``, ``asks[i].price``, ``asks[i].amount`` for i
from 0 to 4, where a level that was not there is null or NaN. ``timestamp`` is UTC microseconds.

Numbers are stored as doubles; the shortest decimal that reads back as the same double is the number that was
written. Events are merged by their times, trades before books of the same time, since a book shows what its trades
left. A timestamp that falls, within a file or from one day's to the next, counts as the highest before it.

How files are opened is nobody's business here: a row is a plain tuple in the order of its kind's columns.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from attrs import define

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from liveexec.errors import Fault, InvalidInput

__all__ = [
    "DEPTH",
    "MICROSECOND_NS",
    "KeyedEvent",
    "MarketEvent",
    "RowDecoder",
    "SourceBook",
    "SourceTrade",
    "TickKind",
    "columns_of",
    "decoder_of",
    "in_order",
]

#: Levels a side that a recorded book has.
DEPTH: Final = 5
MICROSECOND_NS: Final = 1_000

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


@define(eq=False)
class SourceBook:
    """A book of the source, best level first; ``time_ns`` is UTC nanoseconds of the recorded venue."""

    instrument_id: InstrumentId
    time_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@define(eq=False)
class SourceTrade:
    """A trade of the source; ``aggressor`` is the side that took, ``None`` where the recording does not tell."""

    instrument_id: InstrumentId
    time_ns: int
    price: Decimal
    quantity: Decimal
    aggressor: Side | None


MarketEvent = SourceBook | SourceTrade

#: (time, 0 for trades and 1 for books, event): what streams of events are merged by.
KeyedEvent = tuple[int, int, MarketEvent]

#: Takes a row and its number in the file, and gives its event.
RowDecoder = Callable[[Sequence[Any], int], KeyedEvent]


class TickKind(StrEnum):
    """What a tick file holds; the value is the name of its folder."""

    TRADES = "data_type-trades"
    BOOKS = "data_type-book_snapshot_5"


def columns_of(kind: TickKind, depth: int = DEPTH) -> tuple[str, ...]:
    """The columns that an event is made of, in the order of a row; books as deep as ``depth`` levels a side."""
    if kind is TickKind.TRADES:
        return ("timestamp", "price", "amount", "side")
    return ("timestamp", *_side_columns("bids", depth), *_side_columns("asks", depth))


def decoder_of(
    kind: TickKind, instrument_id: InstrumentId, file: str, depth: int = DEPTH, after_ns: int = 0
) -> RowDecoder:
    """What makes events of one file's rows, which it is to be given in their order; ``file`` is what errors call it.
    No event is earlier than ``after_ns``, where the file before it ended.

    Raises (the decoder):
        InvalidInput: a trade is not a number above zero; the row is named.
    """
    latest_ns = after_ns

    def trade(row: Sequence[Any], number: int) -> KeyedEvent:
        nonlocal latest_ns
        timestamp, price, amount, side = row
        if not (_is_positive(price) and _is_positive(amount)):
            raise InvalidInput(file, [Fault(f"row {number}", f"trade of {amount} at {price}")])
        latest_ns = max(latest_ns, timestamp * MICROSECOND_NS)
        return latest_ns, 0, SourceTrade(instrument_id, latest_ns, _decimal(price), _decimal(amount), _SIDES.get(side))

    def book(row: Sequence[Any], _: int) -> KeyedEvent:
        nonlocal latest_ns
        timestamp, *numbers = row
        latest_ns = max(latest_ns, timestamp * MICROSECOND_NS)
        bids, asks = _levels(numbers[: 2 * depth]), _levels(numbers[2 * depth :])
        return latest_ns, 1, SourceBook(instrument_id, latest_ns, bids, asks)

    return trade if kind is TickKind.TRADES else book


def in_order(streams: Iterable[Iterator[KeyedEvent]]) -> Iterator[MarketEvent]:
    """The events of several files in the order of their times."""
    # merge is stable: of equal keys, the earlier stream's event comes first.
    for _, _, event in heapq.merge(*streams, key=lambda keyed: keyed[:2]):
        yield event


def _side_columns(side: str, depth: int) -> list[str]:
    return [f"{side}[{level}].{part}" for level in range(depth) for part in ("price", "amount")]


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
