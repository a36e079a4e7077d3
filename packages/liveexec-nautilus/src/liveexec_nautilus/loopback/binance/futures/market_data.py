"""The public endpoints of USD-M futures."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.futures import wire
from liveexec_nautilus.loopback.binance.futures.registry import Call, endpoint
from liveexec_nautilus.loopback.shared.events import PublicTrade
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["levels", "next_funding_ms"]

_LISTED_MS: Final = 1_569_398_400_000
_FUNDING_MS: Final = 8 * 60 * 60 * 1_000
_DAY_MS: Final = 86_400_000


@endpoint("GET", "/fapi/v1/ping", security="NONE")
def ping(_: Call) -> object:
    """Nothing."""
    return {}


@endpoint("GET", "/fapi/v1/time", security="NONE")
def time(call: Call) -> object:
    """The venue's clock."""
    return {"serverTime": call.venue.clock.now_ms()}


@endpoint("GET", "/fapi/v1/exchangeInfo", security="NONE")
def exchange_info(call: Call) -> object:
    """Everything that is listed, with its filters."""
    venue = call.venue
    assets = dict.fromkeys(symbol.settlement for symbol in venue.floor.symbols.values())
    return {
        "timezone": "UTC",
        "serverTime": venue.clock.now_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _limit("REQUEST_WEIGHT", venue.weights.most),
            _limit("ORDERS", venue.weights.most_orders),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in assets],
        "symbols": [_listed(symbol) for symbol in venue.floor.symbols.values()],
    }


@endpoint("GET", "/fapi/v1/depth", security="NONE", weight=5)
def depth(call: Call) -> object:
    """The book, with the number of its latest change."""
    symbol, floor = call.symbol(), call.venue.floor
    bids, asks = floor.market.book(symbol.name, call.parameters.limit(500, 1_000))
    now_ms = call.venue.clock.now_ms()
    return {
        "lastUpdateId": floor.market.book_update(symbol.name),
        "E": now_ms,
        "T": now_ms,
        "bids": levels(symbol, bids),
        "asks": levels(symbol, asks),
    }


@endpoint("GET", "/fapi/v1/trades", "/fapi/v1/historicalTrades", security="NONE", weight=5)
def trades(call: Call) -> object:
    """The latest trades."""
    symbol = call.symbol()
    return [
        {
            "id": trade.trade_number,
            "price": wire.price_text(symbol, trade.price),
            "qty": wire.quantity_text(symbol, trade.quantity),
            "quoteQty": wire.amount(MONEY.multiply(trade.price, trade.quantity), 2),
            "time": wire.ms(trade.time_ns),
            "isBuyerMaker": trade.aggressor is Side.SELL,
            "isRPITrade": False,
        }
        for trade in _trades(call.venue.floor, symbol)[-call.parameters.limit(500, 1_000) :]
    ]


@endpoint("GET", "/fapi/v1/aggTrades", security="NONE", weight=20)
def agg_trades(call: Call) -> object:
    """The latest trades; each is an aggregate of its own here."""
    symbol = call.symbol()
    return [
        {
            "a": trade.trade_number,
            "p": wire.price_text(symbol, trade.price),
            "q": wire.quantity_text(symbol, trade.quantity),
            "f": trade.trade_number,
            "l": trade.trade_number,
            "T": wire.ms(trade.time_ns),
            "m": trade.aggressor is Side.SELL,
        }
        for trade in _trades(call.venue.floor, symbol)[-call.parameters.limit(500, 1_000) :]
    ]


@endpoint("GET", "/fapi/v1/ticker/price", "/fapi/v2/ticker/price", security="NONE")
def ticker_price(call: Call) -> object:
    """Last prices."""
    return _one_or_all(call, lambda symbol: {"price": _last_text(call, symbol), "time": call.venue.clock.now_ms()})


@endpoint("GET", "/fapi/v1/ticker/bookTicker", security="NONE", weight=2)
def book_ticker(call: Call) -> object:
    """Best bids and asks."""

    def told(symbol: SymbolConfig) -> dict[str, object]:
        bids, asks = call.venue.floor.market.book(symbol.name, 1)
        bid, ask = (bids or ((ZERO, ZERO),))[0], (asks or ((ZERO, ZERO),))[0]
        return {
            "bidPrice": wire.price_text(symbol, bid[0]),
            "bidQty": wire.quantity_text(symbol, bid[1]),
            "askPrice": wire.price_text(symbol, ask[0]),
            "askQty": wire.quantity_text(symbol, ask[1]),
            "time": call.venue.clock.now_ms(),
            "lastUpdateId": call.venue.floor.market.book_update(symbol.name),
        }

    return _one_or_all(call, told)


@endpoint("GET", "/fapi/v1/ticker/24hr", security="NONE")
def ticker_day(call: Call) -> object:
    """Statistics over the trades of this venue."""

    def told(symbol: SymbolConfig) -> dict[str, object]:
        seen = _trades(call.venue.floor, symbol)
        prices = [trade.price for trade in seen] or [call.venue.floor.market.mark(symbol.name)]
        with localcontext(MONEY):
            volume = sum((trade.quantity for trade in seen), ZERO)
            value = sum((trade.quantity * trade.price for trade in seen), ZERO)
            change = prices[-1] - prices[0]
        now_ms = call.venue.clock.now_ms()
        return {
            "priceChange": f"{change:f}",
            "priceChangePercent": wire.amount(divide(MONEY.multiply(change, Decimal(100)), prices[0]), 3),
            "weightedAvgPrice": wire.price_text(symbol, divide(value, volume) if volume else prices[-1]),
            "lastPrice": wire.price_text(symbol, prices[-1]),
            "lastQty": wire.quantity_text(symbol, seen[-1].quantity if seen else ZERO),
            "openPrice": wire.price_text(symbol, prices[0]),
            "highPrice": wire.price_text(symbol, max(prices)),
            "lowPrice": wire.price_text(symbol, min(prices)),
            "volume": wire.quantity_text(symbol, volume),
            "quoteVolume": wire.amount(value, 2),
            "openTime": now_ms - _DAY_MS,
            "closeTime": now_ms,
            "firstId": seen[0].trade_number if seen else -1,
            "lastId": seen[-1].trade_number if seen else -1,
            "count": len(seen),
        }

    return _one_or_all(call, told)


@endpoint("GET", "/fapi/v1/premiumIndex", security="NONE")
def premium_index(call: Call) -> object:
    """Mark prices; the index is the mark here, and funding nothing."""

    def told(symbol: SymbolConfig) -> dict[str, object]:
        mark = wire.amount(call.venue.floor.market.mark(symbol.name))
        now_ms = call.venue.clock.now_ms()
        return {
            "markPrice": mark,
            "indexPrice": mark,
            "estimatedSettlePrice": mark,
            "lastFundingRate": "0.00000000",
            "interestRate": "0.00010000",
            "nextFundingTime": next_funding_ms(now_ms),
            "time": now_ms,
        }

    return _one_or_all(call, told)


def next_funding_ms(now_ms: int) -> int:
    """When the next of the three daily fundings is due."""
    return now_ms - now_ms % _FUNDING_MS + _FUNDING_MS


def levels(symbol: SymbolConfig, side: tuple[tuple[Decimal, Decimal], ...]) -> list[list[str]]:
    """Levels as pairs of text."""
    return [[wire.price_text(symbol, price), wire.quantity_text(symbol, quantity)] for price, quantity in side]


def _limit(kind: str, most: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": "MINUTE", "intervalNum": 1, "limit": most}


def _listed(symbol: SymbolConfig) -> dict[str, object]:
    tick, lot = f"{symbol.tick.normalize():f}", f"{symbol.lot.normalize():f}"
    lots = {"stepSize": lot, "maxQty": f"{symbol.max_quantity:f}", "minQty": f"{symbol.min_quantity:f}"}
    return {
        "symbol": symbol.name,
        "pair": f"{symbol.base}{symbol.quote}",
        "contractType": symbol.details["contractType"],
        "deliveryDate": int(symbol.details["deliveryDate"]),
        "onboardDate": _LISTED_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": symbol.base,
        "quoteAsset": symbol.quote,
        "marginAsset": symbol.settlement,
        "pricePrecision": wire.price_places(symbol),
        "quantityPrecision": -int(symbol.lot.as_tuple().exponent),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", **lots},
            {"filterType": "MARKET_LOT_SIZE", **lots},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 0},
            {"filterType": "MIN_NOTIONAL", "notional": f"{symbol.min_notional or ZERO:f}"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _trades(floor: Floor, symbol: SymbolConfig) -> list[PublicTrade]:
    return [trade for trade in floor.market.trades if trade.symbol is symbol]


def _last_text(call: Call, symbol: SymbolConfig) -> str:
    last = call.venue.floor.market.last_trade(symbol.name)
    return wire.price_text(symbol, call.venue.floor.market.mark(symbol.name) if last is None else last.price)


def _one_or_all(call: Call, told: Callable[[SymbolConfig], dict[str, object]]) -> object:
    rows = [{"symbol": symbol.name, **told(symbol)} for symbol in call.symbols()]
    return rows[0] if "symbol" in call.parameters else rows
