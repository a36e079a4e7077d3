"""The market, the venue and the orders that the benchmarks of replays have in common.

Books of five levels of one perpetual, one a millisecond, in a seeded walk of whole ticks, so that no floating point
differs between machines; and a market order every hundred books, a buy and a sell in turn.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from liveexec.domain.ids import AccountId, InstrumentId, StrategyId, VenueName
from liveexec.domain.instrument import ContractKind
from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.recorded import TickKind
from liveexec.replay.market import MarketChunk
from liveexec.replay.parts import TimedIntent
from liveexec.replay.recorded_market import rows_of_table
from liveexec.venues.paper.config import PaperAccount, PaperInstrument, PaperVenueConfig

__all__ = ["BTC", "EVERY", "QUANTITY", "START_US", "BookMarket", "intent", "signals", "venue", "walk"]

EVERY: Final = 100
START_US: Final = 1_723_075_200_000_000
BTC: Final = InstrumentId("BENCH:PERPETUAL:BTC-USDT@LIN")
QUANTITY: Final = Decimal("0.001")
_CHUNK_ROWS: Final = 65_536


def walk(books: int) -> pa.Table:
    """So many books, with the columns of a tick file."""
    draw, ticks, mids = 12_345, 600_000, []
    for _ in range(books):
        draw = (draw * 1_103_515_245 + 12_345) % (1 << 31)
        ticks += (draw >> 16) % 3 - 1
        mids.append(ticks)
    columns: dict[str, Any] = {"timestamp": pa.array([START_US + 1_000 * index for index in range(books)], pa.int64())}
    for level in range(5):
        columns[f"bids[{level}].price"] = pa.array([(mid - level) / 10 for mid in mids])
        columns[f"asks[{level}].price"] = pa.array([(mid + 1 + level) / 10 for mid in mids])
        for side in ("bids", "asks"):
            columns[f"{side}[{level}].amount"] = pa.array([1.5 + level + (mid % 7) / 8 for mid in mids])
    return pa.table(columns)


class BookMarket:
    """Columns as a replay's market, in chunks of as many rows as a file's row groups may have."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.instruments = (BTC,)

    def chunks(self) -> Iterator[MarketChunk]:
        for start in range(0, self._table.num_rows, _CHUNK_ROWS):
            yield MarketChunk((rows_of_table(BTC, TickKind.BOOKS, self._table.slice(start, _CHUNK_ROWS)),))


def venue() -> PaperVenueConfig:
    """What lists it, with one rich account."""
    listing = PaperInstrument(
        BTC, ContractKind.LINEAR, "BTC", "USDT", "USDT",
        tick=Decimal("0.1"), lot=QUANTITY, min_quantity=QUANTITY,
        maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"), source=BTC,
    )  # fmt: skip
    account = PaperAccount(AccountId("bench"), {"USDT": Decimal(10_000_000)})
    return PaperVenueConfig(VenueName("BENCH"), (account,), (listing,))


def signals(books: int) -> list[TimedIntent]:
    """The market orders, at the times of every hundredth of so many books."""
    return [
        TimedIntent((START_US + 1_000 * EVERY * number) * 1_000, intent(Side.BUY if number % 2 else Side.SELL))
        for number in range(1, (books - 1) // EVERY + 1)
    ]


def intent(side: Side, price: Decimal | None = None) -> OrderIntent:
    """A market order, or a limit order where it has a price."""
    return OrderIntent(
        operation=Operation.TRADE,
        quantity=QUANTITY,
        strategy_id=StrategyId("bench"),
        instrument_key=BTC,
        side=side,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=price,
    )
