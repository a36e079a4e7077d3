"""Spot's market data streams in SBE (``stream_1_0.xml``), which a client opens with an Ed25519 key in its header.

At the venue they have a host of their own; here they are below ``/sbe``. Events are binary frames, answers to
subscriptions text.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.spot import words
from liveexec_nautilus.loopback.binance.spot.sbe import Data, Group, Layout, encode, fields
from liveexec_nautilus.loopback.shared.events import BookChanged, PublicTrade
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["BEST_BID_ASK", "DEPTH_DIFF", "DEPTH_SNAPSHOT", "TRADES", "best_bid_ask", "of_book", "of_trade"]

_SYMBOL = (Data("symbol"),)
_LEVELS = fields("price:i64 qty:i64")
_SIDES = (Group("bids", _LEVELS, count_bytes=2), Group("asks", _LEVELS, count_bytes=2))
_DEPTH: Final = 20
_SCALES: Final = {"priceExponent": words.EXPONENT, "qtyExponent": words.EXPONENT}

TRADES: Final = Layout(
    "TradesStreamEvent",
    10_000,
    fields("eventTime:i64 transactTime:i64 priceExponent:i8 qtyExponent:i8"),
    (Group("trades", fields("id:i64 price:i64 qty:i64 isBuyerMaker:u8")),),
    _SYMBOL,
    schema_id=1,
    schema_version=0,
)
BEST_BID_ASK: Final = Layout(
    "BestBidAskStreamEvent",
    10_001,
    fields(
        "eventTime:i64 bookUpdateId:i64 priceExponent:i8 qtyExponent:i8 bidPrice:i64 bidQty:i64 askPrice:i64 askQty:i64"
    ),
    data=_SYMBOL,
    schema_id=1,
    schema_version=0,
)
DEPTH_SNAPSHOT: Final = Layout(
    "DepthSnapshotStreamEvent",
    10_002,
    fields("eventTime:i64 bookUpdateId:i64 priceExponent:i8 qtyExponent:i8"),
    _SIDES,
    _SYMBOL,
    schema_id=1,
    schema_version=0,
)
DEPTH_DIFF: Final = Layout(
    "DepthDiffStreamEvent",
    10_003,
    fields("eventTime:i64 firstBookUpdateId:i64 lastBookUpdateId:i64 priceExponent:i8 qtyExponent:i8"),
    _SIDES,
    _SYMBOL,
    schema_id=1,
    schema_version=0,
)


def of_book(floor: Floor, event: BookChanged) -> Iterator[tuple[str, bytes]]:
    """What a changed book is told as: best prices, the difference, the best twenty levels."""
    symbol, name = event.symbol, event.symbol.name.lower()
    yield from best_bid_ask(floor, symbol, event.time_ns)
    head = _SCALES | {"eventTime": words.micros(event.time_ns), "symbol": symbol.name}
    changed = {"bids": _levels(event.bids), "asks": _levels(event.asks)}
    update = event.update
    yield (
        f"{name}@depth",
        encode(DEPTH_DIFF, head | changed | {"firstBookUpdateId": update, "lastBookUpdateId": update}),
    )
    bids, asks = floor.market.book(symbol.name, _DEPTH)
    shown = {"bids": _levels(bids), "asks": _levels(asks), "bookUpdateId": update}
    yield f"{name}@depth{_DEPTH}", encode(DEPTH_SNAPSHOT, head | shown)


def best_bid_ask(floor: Floor, symbol: SymbolConfig, at_ns: int) -> Iterator[tuple[str, bytes]]:
    """The best bid and ask; nothing while a side has none."""
    bids, asks = floor.market.book(symbol.name, 1)
    if bids and asks:
        values = _SCALES | {
            "eventTime": words.micros(at_ns),
            "bookUpdateId": floor.market.book_update(symbol.name),
            "bidPrice": words.mantissa(bids[0][0]),
            "bidQty": words.mantissa(bids[0][1]),
            "askPrice": words.mantissa(asks[0][0]),
            "askQty": words.mantissa(asks[0][1]),
            "symbol": symbol.name,
        }
        yield f"{symbol.name.lower()}@bestBidAsk", encode(BEST_BID_ASK, values)


def of_trade(event: PublicTrade) -> Iterator[tuple[str, bytes]]:
    """What a public trade is told as."""
    at_us = words.micros(event.time_ns)
    trade = {
        "id": event.trade_number,
        "price": words.mantissa(event.price),
        "qty": words.mantissa(event.quantity),
        "isBuyerMaker": event.aggressor is Side.SELL,
    }
    values = _SCALES | {"eventTime": at_us, "transactTime": at_us, "trades": [trade], "symbol": event.symbol.name}
    yield f"{event.symbol.name.lower()}@trade", encode(TRADES, values)


def _levels(side: tuple[tuple[Decimal, Decimal], ...]) -> list[dict[str, int]]:
    return [{"price": words.mantissa(price), "qty": words.mantissa(quantity)} for price, quantity in side]
