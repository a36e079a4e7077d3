"""What a user of NautilusTrader writes without liveexec: a strategy that counts market data and sends market orders.

Imported by :mod:`benchmarks.nautilus_replay` and :mod:`benchmarks.replay` when they run, since the library is big and
optional. Nothing of liveexec is here.
"""

# mypy: disable-error-code="misc"
# The strategy derives from the library's, which an environment without it takes for untyped.

import time
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.compute
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import (
    AccountType,
    BookType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    Symbol,
    Venue,
)
from nautilus_trader.persistence import OrderBookDepthDataWrangler, QuoteTickDataWrangler
from nautilus_trader.risk import RiskEngineConfig
from nautilus_trader.trading import Strategy

__all__ = ["bare_run"]

# Their stubs are of an earlier version.
pa: Any = pyarrow
pc: Any = pyarrow.compute

BTC = InstrumentId.from_str("BTCUSDT-PERP.BENCH")
#: Loaded at a time, as our host does: all at once takes several times as long.
BATCH_ROWS = 10_000
_AMOUNT = pa.decimal128(38, 16)
_TIME = pa.timestamp("ns", "UTC")


class Bare(Strategy):
    """Buys and sells in turn, every so many events."""

    def plan(self, every: int, *, books: bool) -> None:
        """What to count, and how far."""
        self.every, self.books = every, books
        self.seen = self.sent = self.filled = 0
        self.quantity = Quantity.from_str("0.001")

    def on_start(self) -> None:
        if self.books:
            self.subscribe_book_depth(BTC, BookType.L2_MBP)
        else:
            self.subscribe_quotes(BTC)

    def on_quote(self, quote: Any) -> None:  # noqa: ARG002 -- it only counts
        self.count()

    def on_book_depth(self, depth: Any) -> None:  # noqa: ARG002 -- it only counts
        self.count()

    def count(self) -> None:
        """One more event."""
        self.seen += 1
        if self.seen % self.every == 0:
            self.sent += 1
            side = OrderSide.BUY if self.sent % 2 else OrderSide.SELL
            self.submit_order(self.order_factory.market(BTC, side, self.quantity))

    def on_order_filled(self, event: Any) -> None:  # noqa: ARG002 -- it only counts
        self.filled += 1


def bare_run(table: Any, every: int, *, books: bool) -> tuple[float, float, int]:
    """Replay: processor seconds from columns to the end, seconds of the run alone, and how many orders were filled."""
    started_s = time.process_time()
    engine = BacktestEngine(
        BacktestEngineConfig(
            run_analysis=False,
            logging=LoggerConfig(stdout_level=LogLevel.OFF, print_config=False),
            # Its checks want a quote, which books alone don't give; it goes without them.
            risk_engine=RiskEngineConfig(bypass=True),
        )
    )
    engine.add_venue(
        Venue("BENCH"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money.from_str("10000000 USDT")],
        fee_model=MakerTakerFeeModel(Decimal("0.0002"), Decimal("0.0005")),
        book_type=BookType.L2_MBP if books else BookType.L1_MBP,
    )
    engine.add_instrument(_instrument())
    strategy = Bare()
    strategy.plan(every, books=books)
    engine.add_strategy(strategy)
    run_s = 0.0
    for start in range(0, table.num_rows, BATCH_ROWS):
        part = table.slice(start, BATCH_ROWS)
        engine.add_data(_depths(part) if books else _quotes(part))
        loaded_s = time.process_time()
        engine.run(streaming=True)
        run_s += time.process_time() - loaded_s
        engine.clear_data()
    engine.end()
    ended_s = time.process_time()
    engine.dispose()
    return ended_s - started_s, run_s, strategy.filled


def _instrument() -> CryptoPerpetual:
    usdt = Currency.from_str("USDT")
    return CryptoPerpetual(
        instrument_id=BTC,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=Currency.from_str("BTC"),
        quote_currency=usdt,
        settlement_currency=usdt,
        is_inverse=False,
        price_precision=1,
        size_precision=3,
        price_increment=Price.from_str("0.1"),
        size_increment=Quantity.from_str("0.001"),
        ts_event=0,
        ts_init=0,
    )


def _quotes(table: Any) -> list[Any]:
    columns = {
        "bid_price": _amounts(table, "bids[0].price"),
        "ask_price": _amounts(table, "asks[0].price"),
        "bid_size": _amounts(table, "bids[0].amount"),
        "ask_size": _amounts(table, "asks[0].amount"),
    }
    return QuoteTickDataWrangler(str(BTC), 1, 3).process_record_batch_bytes(_stream(table, columns, "QuoteTick"))


def _depths(table: Any) -> list[Any]:
    columns = {side: _levels(table, side) for side in ("bids", "asks")}
    columns["flags"] = pa.repeat(pa.scalar(0, pa.uint8()), table.num_rows)
    columns["sequence"] = pa.repeat(pa.scalar(0, pa.uint64()), table.num_rows)
    stream = _stream(table, columns, "OrderBookDepth")
    return OrderBookDepthDataWrangler(str(BTC), 1, 3).process_record_batch_bytes(stream)


def _amounts(table: Any, name: str) -> Any:
    # Three places are exact here; a cast of the double itself would keep its binary tail.
    return table.column(name).combine_chunks().cast(pa.decimal128(20, 3)).cast(_AMOUNT)


def _levels(table: Any, side: str) -> Any:
    rows = table.num_rows
    slots = pa.arange(0, 5 * rows)
    row = pc.divide(slots, 5)
    order = pc.add(pc.multiply(pc.subtract(slots, pc.multiply(row, 5)), rows), row)
    stacked = [
        pa.concat_arrays([_amounts(table, f"{side}[{level}].{part}") for level in range(5)]).take(order)
        for part in ("price", "amount")
    ]
    stacked += [pa.repeat(pa.scalar(1, pa.uint32()), 5 * rows), pa.repeat(pa.scalar(0, pa.uint64()), 5 * rows)]
    names = ("price", "size", "count", "order_id")
    fields = [pa.field(name, each.type, nullable=False) for name, each in zip(names, stacked, strict=True)]
    structs = pa.StructArray.from_arrays(stacked, fields=fields)
    items = pa.list_(pa.field("item", structs.type, nullable=False))
    offsets = pc.multiply(pa.arange(0, rows + 1), 5).cast(pa.int32())
    return pa.ListArray.from_arrays(offsets, structs, type=items)


def _stream(table: Any, columns: dict[str, Any], kind: str) -> bytes:
    times = pc.multiply(table.column("timestamp").combine_chunks(), 1_000).cast(_TIME)
    columns = {**columns, "ts_event": times, "ts_init": times}
    schema = pa.schema(
        [pa.field(name, column.type, nullable=False) for name, column in columns.items()],
        metadata={"type_name": kind, "instrument_id": str(BTC), "price_precision": "1", "size_precision": "3"},
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(columns.values()), schema=schema))
    content: bytes = sink.getvalue().to_pybytes()
    return content
