"""The public endpoints of Spot. Those without an SBE layout here are told as JSON alone (406 for SBE)."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.spot import layouts, words
from liveexec_nautilus.loopback.binance.spot.registry import Call, Told, endpoint
from liveexec_nautilus.loopback.binance.spot.sbe import encode
from liveexec_nautilus.loopback.shared.events import PublicTrade
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["levels"]

_DAY_MS: Final = 86_400_000
_MOST_NOTIONAL: Final = Decimal(9_000_000)
_MOST_PRICE: Final = Decimal(1_000_000)
_SCALES: Final = {"priceExponent": words.EXPONENT, "qtyExponent": words.EXPONENT}
#: ``rateLimitType`` and ``rateLimitInterval`` of the schema.
_LIMIT_TYPES: Final = {"REQUEST_WEIGHT": 2, "ORDERS": 3}
_MINUTE: Final = 1


@endpoint("GET", "/api/v3/ping", security="NONE")
def ping(_: Call) -> object:
    """Nothing."""
    return Told({}, layouts.PING, {})


@endpoint("GET", "/api/v3/time", security="NONE")
def time(call: Call) -> object:
    """The venue's clock."""
    clock = call.venue.clock
    return Told({"serverTime": clock.now_ms()}, layouts.TIME, {"serverTime": words.micros(clock.now_ns())})


@endpoint("GET", "/api/v3/exchangeInfo", security="NONE", weight=20)
def exchange_info(call: Call) -> object:
    """What is listed, with its filters."""
    weights = call.venue.weights
    limits = {"REQUEST_WEIGHT": weights.most, "ORDERS": weights.most_orders}
    told = {
        "timezone": "UTC",
        "serverTime": call.venue.clock.now_ms(),
        "rateLimits": [
            {"rateLimitType": kind, "interval": "MINUTE", "intervalNum": 1, "limit": most}
            for kind, most in limits.items()
        ],
        "exchangeFilters": [],
        "symbols": [_listed_json(symbol) for symbol in call.symbols()],
        "sors": [],
    }
    values = {
        "rateLimits": [
            {"rateLimitType": _LIMIT_TYPES[kind], "interval": _MINUTE, "intervalNum": 1, "rateLimit": most}
            for kind, most in limits.items()
        ],
        "exchangeFilters": [],
        "symbols": [_listed_values(symbol) for symbol in call.symbols()],
        "sors": [],
    }
    return Told(told, layouts.EXCHANGE_INFO, values)


@endpoint("GET", "/api/v3/depth", security="NONE", weight=5)
def depth(call: Call) -> object:
    """The book, with the number of its latest change."""
    symbol, floor = call.symbol(), call.venue.floor
    bids, asks = floor.market.book(symbol.name, call.parameters.limit(100, 1_000))
    update = floor.market.book_update(symbol.name)
    told = {"lastUpdateId": update, "bids": levels(bids), "asks": levels(asks)}
    values = _SCALES | {"lastUpdateId": update, "bids": _level_values(bids), "asks": _level_values(asks)}
    return Told(told, layouts.DEPTH, values)


@endpoint("GET", "/api/v3/trades", "/api/v3/historicalTrades", security="NONE", weight=25)
def trades(call: Call) -> object:
    """The latest trades."""
    seen = _trades(call.venue.floor, call.symbol())[-call.parameters.limit(500, 1_000) :]
    told = [
        {
            "id": trade.trade_number,
            "price": words.amount(trade.price),
            "qty": words.amount(trade.quantity),
            "quoteQty": words.amount(_value(trade)),
            "time": words.millis(trade.time_ns),
            "isBuyerMaker": trade.aggressor is Side.SELL,
            "isBestMatch": True,
        }
        for trade in seen
    ]
    rows = [
        {
            "id": trade.trade_number,
            "price": words.mantissa(trade.price),
            "qty": words.mantissa(trade.quantity),
            "quoteQty": words.mantissa(_value(trade)),
            "time": words.micros(trade.time_ns),
            "isBuyerMaker": trade.aggressor is Side.SELL,
            "isBestMatch": 1,
        }
        for trade in seen
    ]
    return Told(told, layouts.TRADES, _SCALES | {"trades": rows})


@endpoint("GET", "/api/v3/aggTrades", security="NONE", weight=4)
def agg_trades(call: Call) -> object:
    """The latest trades; each is an aggregate of its own here."""
    seen = _trades(call.venue.floor, call.symbol())[-call.parameters.limit(500, 1_000) :]
    told = [
        {
            "a": trade.trade_number,
            "p": words.amount(trade.price),
            "q": words.amount(trade.quantity),
            "f": trade.trade_number,
            "l": trade.trade_number,
            "T": words.millis(trade.time_ns),
            "m": trade.aggressor is Side.SELL,
            "M": True,
        }
        for trade in seen
    ]
    rows = [
        {
            "aggTradeId": trade.trade_number,
            "price": words.mantissa(trade.price),
            "qty": words.mantissa(trade.quantity),
            "firstTradeId": trade.trade_number,
            "lastTradeId": trade.trade_number,
            "time": words.micros(trade.time_ns),
            "isBuyerMaker": trade.aggressor is Side.SELL,
            "isBestMatch": 1,
        }
        for trade in seen
    ]
    return Told(told, layouts.AGG_TRADES, _SCALES | {"aggTrades": rows})


@endpoint("GET", "/api/v3/avgPrice", security="NONE", weight=2)
def average_price(call: Call) -> object:
    """The mark, which is the middle of the book here."""
    mark = call.venue.floor.market.mark(call.symbol().name)
    return {"mins": 5, "price": words.amount(mark), "closeTime": call.venue.clock.now_ms()}


@endpoint("GET", "/api/v3/ticker/price", security="NONE", weight=2)
def ticker_price(call: Call) -> object:
    """Last prices."""
    return _one_or_all(call, lambda symbol: {"price": words.amount(_last(call.venue.floor, symbol))})


@endpoint("GET", "/api/v3/ticker/bookTicker", security="NONE", weight=2)
def book_ticker(call: Call) -> object:
    """Best bids and asks."""
    return _one_or_all(call, lambda symbol: _best(call.venue.floor, symbol))


@endpoint("GET", "/api/v3/ticker/24hr", security="NONE", weight=2)
def ticker_day(call: Call) -> object:
    """Statistics over the trades of this venue."""

    def told(symbol: SymbolConfig) -> dict[str, object]:
        floor = call.venue.floor
        seen = _trades(floor, symbol)
        prices = [trade.price for trade in seen] or [floor.market.mark(symbol.name)]
        with localcontext(MONEY):
            volume = sum((trade.quantity for trade in seen), ZERO)
            value = sum((_value(trade) for trade in seen), ZERO)
            change = prices[-1] - prices[0]
            percent = divide(change * 100, prices[0])
        now_ms = call.venue.clock.now_ms()
        return {
            "priceChange": words.amount(change),
            "priceChangePercent": f"{percent:.3f}",
            "weightedAvgPrice": words.amount(divide(value, volume) if volume else prices[-1]),
            "prevClosePrice": words.amount(prices[0]),
            "lastPrice": words.amount(prices[-1]),
            "lastQty": words.amount(seen[-1].quantity if seen else ZERO),
            **_best(floor, symbol),
            "openPrice": words.amount(prices[0]),
            "highPrice": words.amount(max(prices)),
            "lowPrice": words.amount(min(prices)),
            "volume": words.amount(volume),
            "quoteVolume": words.amount(value),
            "openTime": now_ms - _DAY_MS,
            "closeTime": now_ms,
            "firstId": seen[0].trade_number if seen else -1,
            "lastId": seen[-1].trade_number if seen else -1,
            "count": len(seen),
        }

    return _one_or_all(call, told)


def levels(side: tuple[tuple[Decimal, Decimal], ...]) -> list[list[str]]:
    """Levels as pairs of text."""
    return [[words.amount(price), words.amount(quantity)] for price, quantity in side]


def _level_values(side: tuple[tuple[Decimal, Decimal], ...]) -> list[dict[str, int]]:
    return [{"price": words.mantissa(price), "qty": words.mantissa(quantity)} for price, quantity in side]


def _best(floor: Floor, symbol: SymbolConfig) -> dict[str, object]:
    bids, asks = floor.market.book(symbol.name, 1)
    bid, ask = (bids or ((ZERO, ZERO),))[0], (asks or ((ZERO, ZERO),))[0]
    return {
        "bidPrice": words.amount(bid[0]),
        "bidQty": words.amount(bid[1]),
        "askPrice": words.amount(ask[0]),
        "askQty": words.amount(ask[1]),
    }


def _listed_json(symbol: SymbolConfig) -> dict[str, object]:
    return {
        "symbol": symbol.name,
        "status": "TRADING",
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(words.ORDER_TYPE),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": words.amount(symbol.tick),
                "maxPrice": words.amount(_MOST_PRICE),
                "tickSize": words.amount(symbol.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": words.amount(symbol.min_quantity),
                "maxQty": words.amount(symbol.max_quantity),
                "stepSize": words.amount(symbol.lot),
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": words.amount(symbol.min_notional or ZERO),
                "applyMinToMarket": True,
                "maxNotional": words.amount(_MOST_NOTIONAL),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def _listed_values(symbol: SymbolConfig) -> dict[str, object]:
    tick, lot = words.mantissa(symbol.tick), words.mantissa(symbol.lot)
    filters = (
        encode(
            layouts.FILTER_PRICE,
            {
                "priceExponent": words.EXPONENT,
                "minPrice": tick,
                "maxPrice": words.mantissa(_MOST_PRICE),
                "tickSize": tick,
            },
        ),
        encode(
            layouts.FILTER_LOT_SIZE,
            {
                "qtyExponent": words.EXPONENT,
                "minQty": words.mantissa(symbol.min_quantity),
                "maxQty": words.mantissa(symbol.max_quantity),
                "stepSize": lot,
            },
        ),
        encode(
            layouts.FILTER_NOTIONAL,
            {
                "priceExponent": words.EXPONENT,
                "minNotional": words.mantissa(symbol.min_notional or ZERO),
                "applyMinToMarket": 1,
                "maxNotional": words.mantissa(_MOST_NOTIONAL),
                "applyMaxToMarket": 0,
                "avgPriceMins": 5,
            },
        ),
    )
    return {
        "status": 0,
        "baseAssetPrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": sum(1 << bit for bit in words.ORDER_TYPE.values()),
        "icebergAllowed": 0,
        "ocoAllowed": 0,
        "otoAllowed": 0,
        "quoteOrderQtyMarketAllowed": 0,
        "allowTrailingStop": 0,
        "cancelReplaceAllowed": 1,
        "amendAllowed": 1,
        "isSpotTradingAllowed": 1,
        "isMarginTradingAllowed": 0,
        "defaultSelfTradePreventionMode": words.SELF_TRADE_PREVENTION,
        "allowedSelfTradePreventionModes": 1 << 2,  # ExpireMaker in that set
        "pegInstructionsAllowed": 0,
        "filters": [{"filter": each} for each in filters],
        "permissionSets": [{"permissions": [{"permission": "SPOT"}]}],
        "symbol": symbol.name,
        "baseAsset": symbol.base,
        "quoteAsset": symbol.quote,
    }


def _trades(floor: Floor, symbol: SymbolConfig) -> list[PublicTrade]:
    return [trade for trade in floor.market.trades if trade.symbol is symbol]


def _value(trade: PublicTrade) -> Decimal:
    return MONEY.multiply(trade.price, trade.quantity)


def _last(floor: Floor, symbol: SymbolConfig) -> Decimal:
    last = floor.market.last_trade(symbol.name)
    return floor.market.mark(symbol.name) if last is None else last.price


def _one_or_all(call: Call, told: Callable[[SymbolConfig], dict[str, object]]) -> object:
    rows = [{"symbol": symbol.name, **told(symbol)} for symbol in call.symbols()]
    return rows[0] if "symbol" in call.parameters else rows
