"""What anybody may ask of the market, and the tickers that REST and public streams both tell.

Source: https://bybit-exchange.github.io/docs/v5/market.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.market import Level
from liveexec.domain.money import MONEY, ZERO, divide
from liveexec_nautilus.loopback.bybit.listings import category_of, instrument_info, wire_name
from liveexec_nautilus.loopback.bybit.params import Listings, Params, page_size, word
from liveexec_nautilus.loopback.bybit.wire import side_word, trade_id
from liveexec_nautilus.loopback.shared.events import PublicTrade
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["MarketData", "rows"]

_NS_PER_S: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS_PER_S
_FUNDING_NS: Final = 8 * 3_600 * _NS_PER_S
_MOST_LEVELS: Final = 500


def rows(levels: Sequence[Level]) -> list[list[str]]:
    """Levels of a book as ``[price, size]``."""
    return [[plain(price), plain(size)] for price, size in levels]


class MarketData:
    """The venue's answers about its market. Each method takes a request's parameters and returns its ``result``.

    Each may raise :class:`~liveexec_nautilus.loopback.bybit.errors.BybitError`.
    """

    def __init__(self, floor: Floor, listings: Listings) -> None:
        self._floor = floor
        self._listings = listings

    def time(self) -> dict[str, object]:
        """``/v5/market/time``"""
        now_ns = self._floor.clock.now_ns()
        return {"timeSecond": str(now_ns // _NS_PER_S), "timeNano": str(now_ns)}

    def instruments(self, params: Params) -> dict[str, object]:
        """``/v5/market/instruments-info``; everything fits on one page."""
        category = self._listings.category(params)
        page_size(params, 500, 1_000)
        # Nothing here is in any other state than trading, and options are of BTC unless a coin is named.
        wanted = word(params, "status") in {"", "Trading"}
        listed = [instrument_info(symbol) for symbol in self._listings.chosen(params)] if wanted else []
        return {"nextPageCursor": "", "category": category, "list": listed}

    def tickers(self, params: Params) -> dict[str, object]:
        """``/v5/market/tickers``"""
        category = self._listings.category(params)
        return {"category": category, "list": [self.ticker(symbol) for symbol in self._listings.chosen(params)]}

    def orderbook(self, params: Params) -> dict[str, object]:
        """``/v5/market/orderbook``"""
        symbol = self._listings.symbol(params)
        size = page_size(params, 1 if category_of(symbol) == "spot" else 25, _MOST_LEVELS)
        bids, asks = self._floor.market.book(symbol.name, size)
        now_ms = self._floor.clock.now_ms()
        return {
            "s": wire_name(symbol),
            "b": rows(bids),
            "a": rows(asks),
            "ts": now_ms,
            "u": self._floor.market.book_update(symbol.name),
            "seq": self._floor.market.book_update(symbol.name),
            "cts": now_ms,
        }

    def recent_trades(self, params: Params) -> dict[str, object]:
        """``/v5/market/recent-trade``, newest first."""
        category = self._listings.category(params)
        chosen = {symbol.name for symbol in self._listings.chosen(params)}
        size = page_size(params, 500, 1_000)
        found = [trade for trade in reversed(self._floor.market.trades) if trade.symbol.name in chosen][:size]
        return {"category": category, "list": [_trade_row(trade) for trade in found]}

    def ticker(self, symbol: SymbolConfig) -> dict[str, object]:
        """A ticker as REST lists it: each category has its own."""
        shown = self._day(symbol) | self._best(symbol)
        match category_of(symbol):
            case "spot":
                return shown | {"usdIndexPrice": plain(self._floor.market.mark(symbol.name))}
            case "option":
                del shown["prevPrice24h"], shown["price24hPcnt"]
                return shown | _greeks("bid1Iv", "ask1Iv", "markIv") | self._option(symbol)
        return shown | self._contract(symbol)

    def ticker_message(self, symbol: SymbolConfig) -> dict[str, object]:
        """A ticker as the ``tickers`` stream tells it."""
        shown = self._day(symbol)
        match category_of(symbol):
            case "spot":
                return shown | {"usdIndexPrice": plain(self._floor.market.mark(symbol.name))}
            case "option":
                del shown["prevPrice24h"], shown["price24hPcnt"]
                best = self._best(symbol)
                named = {
                    "bidPrice": best["bid1Price"],
                    "bidSize": best["bid1Size"],
                    "askPrice": best["ask1Price"],
                    "askSize": best["ask1Size"],
                }
                return shown | named | _greeks("bidIv", "askIv", "markPriceIv") | self._option(symbol)
        whole = shown | self._best(symbol) | self._contract(symbol)
        for name in ("predictedDeliveryPrice", "basisRate", "deliveryFeeRate", "deliveryTime", "basis"):
            del whole[name]
        return whole | {"tickDirection": "PlusTick", "fundingIntervalHour": "8"}

    def _day(self, symbol: SymbolConfig) -> dict[str, object]:
        since = self._floor.clock.now_ns() - _DAY_NS
        trades = [
            each for each in self._floor.market.trades if each.symbol.name == symbol.name and each.time_ns >= since
        ]
        last = trades[-1].price if trades else symbol.opening_price
        before = trades[0].price if trades else symbol.opening_price
        with localcontext(MONEY):
            change = divide(last - before, before)
        prices = [each.price for each in trades] or [last]
        return {
            "symbol": wire_name(symbol),
            "lastPrice": plain(last),
            "prevPrice24h": plain(before),
            "price24hPcnt": plain(change),
            "highPrice24h": plain(max(prices)),
            "lowPrice24h": plain(min(prices)),
            "turnover24h": plain(sum((MONEY.multiply(each.price, each.quantity) for each in trades), ZERO)),
            "volume24h": plain(sum((each.quantity for each in trades), ZERO)),
        }

    def _best(self, symbol: SymbolConfig) -> dict[str, object]:
        bids, asks = self._floor.market.book(symbol.name, 1)
        bid, ask = bids[0] if bids else None, asks[0] if asks else None
        return {
            "bid1Price": plain(bid[0]) if bid else "",
            "bid1Size": plain(bid[1]) if bid else "0",
            "ask1Price": plain(ask[0]) if ask else "",
            "ask1Size": plain(ask[1]) if ask else "0",
        }

    def _contract(self, symbol: SymbolConfig) -> dict[str, object]:
        mark = plain(self._floor.market.mark(symbol.name))
        is_dated = "deliveryTime" in symbol.details
        now_ns = self._floor.clock.now_ns()
        last = self._floor.market.last_trade(symbol.name)
        return {
            "indexPrice": mark,
            "markPrice": mark,
            "prevPrice1h": plain(symbol.opening_price if last is None else last.price),
            "openInterest": "0",
            "openInterestValue": "0",
            "fundingRate": "" if is_dated else "0.0001",
            "nextFundingTime": "0" if is_dated else milliseconds(now_ns - now_ns % _FUNDING_NS + _FUNDING_NS),
            "predictedDeliveryPrice": "",
            "basisRate": "0" if is_dated else "",
            "deliveryFeeRate": "",
            "deliveryTime": symbol.details.get("deliveryTime", "0"),
            "basis": "",
        }

    def _option(self, symbol: SymbolConfig) -> dict[str, object]:
        underlying = self._listings.named("linear", f"{symbol.base}USDT")
        index = plain(Decimal(50_000) if underlying is None else self._floor.market.mark(underlying.name))
        return {
            "markPrice": plain(self._floor.market.mark(symbol.name)),
            "indexPrice": index,
            "underlyingPrice": index,
            "openInterest": "0",
            "totalVolume": "0",
            "totalTurnover": "0",
            "predictedDeliveryPrice": "0",
            "change24h": "0",
        }


def _greeks(*volatilities: str) -> dict[str, object]:
    """What this venue does not work out: no volatility, and an option that moves with nothing."""
    return dict.fromkeys((*volatilities, "delta", "gamma", "vega", "theta"), "0")


def _trade_row(trade: PublicTrade) -> dict[str, object]:
    return {
        "execId": trade_id(trade.trade_number),
        "symbol": wire_name(trade.symbol),
        "price": plain(trade.price),
        "size": plain(trade.quantity),
        "side": side_word(trade.aggressor),
        "time": milliseconds(trade.time_ns),
        "isBlockTrade": False,
        "isRPITrade": False,
    }
