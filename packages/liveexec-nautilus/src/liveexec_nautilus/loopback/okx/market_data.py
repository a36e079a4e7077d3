"""What anybody may ask of the market, and the rows that REST and public channels both tell.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-market-data and #public-data. Methods return ``data``.
"""

import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec.domain.market import Level
from liveexec.domain.money import MONEY, ZERO
from liveexec_nautilus.loopback.okx.errors import OkxError
from liveexec_nautilus.loopback.okx.listings import instrument_info, type_of
from liveexec_nautilus.loopback.okx.params import Listings, Params, page, required, word
from liveexec_nautilus.loopback.okx.trading import Row
from liveexec_nautilus.loopback.okx.wire import trade_id
from liveexec_nautilus.loopback.shared.events import PublicTrade
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain, whole_in
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["MarketData", "checksum", "levels", "trade_row"]

_DAY_NS: Final = 86_400 * 10**9
_FUNDING_NS: Final = 8 * 3_600 * 10**9
_MOST_LEVELS: Final = 400
_MOST_TRADES: Final = 500
_CHECKED_LEVELS: Final = 25


def levels(side: Sequence[Level]) -> list[list[str]]:
    """Levels as ``[price, size, deprecated, orders]``; the venue does not count orders here."""
    return [[plain(price), plain(size), "0", "1" if size else "0"] for price, size in side]


def checksum(bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """The CRC32 over the best 25 levels of both sides as ``price:size``, alternating, as a signed number."""
    parts: list[str] = []
    for number in range(_CHECKED_LEVELS):
        for side in (bids, asks):
            if number < len(side):
                price, size = side[number]
                parts += [plain(price), plain(size)]
    value = zlib.crc32(":".join(parts).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def trade_row(trade: PublicTrade) -> Row:
    """A trade as REST and the ``trades`` channel tell it."""
    return {
        "instId": trade.symbol.name,
        "side": trade.aggressor.value.lower(),
        "sz": plain(trade.quantity),
        "px": plain(trade.price),
        "tradeId": trade_id(trade.trade_number),
        "ts": milliseconds(trade.time_ns),
    }


class MarketData:
    """The venue's answers about its market; each may raise :class:`~liveexec_nautilus.loopback.okx.errors.OkxError`."""

    def __init__(self, floor: Floor, listings: Listings) -> None:
        self._floor = floor
        self._listings = listings

    def time(self) -> list[Row]:
        """``/api/v5/public/time``"""
        return [{"ts": str(self._floor.clock.now_ms())}]

    def instruments(self, params: Params) -> list[Row]:
        """``/api/v5/public/instruments``"""
        required(params, "instType")
        return [instrument_info(symbol) for symbol in self._listings.chosen(params)]

    def ticker(self, params: Params) -> list[Row]:
        """``/api/v5/market/ticker``"""
        return [self.ticker_row(self._listings.symbol(params))]

    def tickers(self, params: Params) -> list[Row]:
        """``/api/v5/market/tickers``"""
        required(params, "instType")
        return [self.ticker_row(symbol) for symbol in self._listings.chosen(params)]

    def books(self, params: Params) -> list[Row]:
        """``/api/v5/market/books``"""
        symbol, depth = self._listings.symbol(params), whole_in(word(params, "sz") or "1")
        if depth is None or not 1 <= depth <= _MOST_LEVELS:
            raise OkxError("51000", "sz")
        bids, asks = self._floor.market.book(symbol.name, depth)
        return [{"asks": levels(asks), "bids": levels(bids), "ts": str(self._floor.clock.now_ms())}]

    def trades(self, params: Params) -> list[Row]:
        """``/api/v5/market/trades``, newest first."""
        symbol, most = self._listings.symbol(params), whole_in(word(params, "limit") or "100")
        if most is None or most < 0:
            raise OkxError("51000", "limit")
        found = [trade_row(each) for each in reversed(self._floor.market.trades) if each.symbol is symbol]
        return found[: min(most, _MOST_TRADES)]

    def history_trades(self, params: Params) -> list[Row]:
        """``/api/v5/market/history-trades``, newest first: pages by trade id, or with ``type`` 2 by time."""
        symbol, names = self._listings.symbol(params), {"1": "tradeId", "2": "ts"}
        name = names.get(word(params, "type") or "1")
        if name is None:
            raise OkxError("51000", "type")
        return page(
            [trade_row(each) for each in reversed(self._floor.market.trades) if each.symbol is symbol], params, name
        )

    def mark_prices(self, params: Params) -> list[Row]:
        """``/api/v5/public/mark-price``"""
        required(params, "instType")
        return [self.mark_row(each) for each in self._listings.chosen(params) if each.kind is not ContractKind.SPOT]

    def funding_rate(self, params: Params) -> list[Row]:
        """``/api/v5/public/funding-rate``: a rate that stays as it is."""
        return [self.funding_row(self._listings.symbol(params))]

    def ticker_row(self, symbol: SymbolConfig) -> Row:
        """A ticker as REST and the ``tickers`` channel tell it."""
        since = self._floor.clock.now_ns() - _DAY_NS
        trades = [each for each in self._floor.market.trades if each.symbol is symbol and each.time_ns >= since]
        prices = [each.price for each in trades] or [symbol.opening_price]
        bids, asks = self._floor.market.book(symbol.name, 1)
        volume = sum((each.quantity for each in trades), ZERO)
        return {
            "instType": type_of(symbol),
            "instId": symbol.name,
            "last": plain(prices[-1]),
            "lastSz": plain(trades[-1].quantity) if trades else "0",
            "askPx": plain(asks[0][0]) if asks else "",
            "askSz": plain(asks[0][1]) if asks else "",
            "bidPx": plain(bids[0][0]) if bids else "",
            "bidSz": plain(bids[0][1]) if bids else "",
            "open24h": plain(prices[0]),
            "high24h": plain(max(prices)),
            "low24h": plain(min(prices)),
            "volCcy24h": plain(MONEY.multiply(volume, symbol.multiplier)),
            "vol24h": plain(volume),
            "sodUtc0": plain(prices[0]),
            "sodUtc8": plain(prices[0]),
            "ts": str(self._floor.clock.now_ms()),
        }

    def mark_row(self, symbol: SymbolConfig) -> Row:
        """A mark price as REST and the ``mark-price`` channel tell it."""
        return {
            "instType": type_of(symbol),
            "instId": symbol.name,
            "markPx": plain(self._floor.market.mark(symbol.name)),
            "ts": str(self._floor.clock.now_ms()),
        }

    def index_row(self, name: str) -> Row:
        """An index price: the mark of the swap on it."""
        swap = self._listings.named(f"{name}-SWAP")
        price = plain(Decimal(50_000) if swap is None else self._floor.market.mark(swap.name))
        shown = dict.fromkeys(("idxPx", "high24h", "sodUtc0", "open24h", "low24h", "sodUtc8"), price)
        return {"instId": name, **shown, "ts": str(self._floor.clock.now_ms())}

    def funding_row(self, symbol: SymbolConfig) -> Row:
        """A funding rate as REST and the ``funding-rate`` channel tell it."""
        now_ns = self._floor.clock.now_ns()
        due_ns = now_ns - now_ns % _FUNDING_NS + _FUNDING_NS
        return {
            "instType": type_of(symbol),
            "instId": symbol.name,
            "method": "current_period",
            "formulaType": "withRate",
            "fundingRate": "0.0001",
            "nextFundingRate": "",
            "fundingTime": milliseconds(due_ns),
            "nextFundingTime": milliseconds(due_ns + _FUNDING_NS),
            "minFundingRate": "-0.00375",
            "maxFundingRate": "0.00375",
            "interestRate": "0.0001",
            "impactValue": "10000",
            "settState": "settled",
            "settFundingRate": "0.0001",
            "premium": "0",
            "prevFundingTime": milliseconds(due_ns - _FUNDING_NS),
            "ts": milliseconds(now_ns),
        }
