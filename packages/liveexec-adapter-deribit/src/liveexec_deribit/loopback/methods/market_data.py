"""Methods about markets: what is listed, books, tickers, the tape and candles."""

from collections.abc import Sequence
from typing import Final

from liveexec_deribit.loopback.channels import resolution_ms
from liveexec_deribit.loopback.errors import VenueError, invalid_params
from liveexec_deribit.loopback.instruments import NEVER_MS, date_code_of_ms
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.methods.registry import Context, rpc
from liveexec_deribit.loopback.orders import rounded
from liveexec_deribit.loopback.tape import PublicTrade

KINDS: Final = ("any", "future", "option", "spot", "combo", "future_combo", "option_combo")
CURRENCIES: Final = {
    "BTC": ("Bitcoin", "BITCOIN", 8),
    "ETH": ("Ethereum", "ETHER", 8),
    "USDC": ("USD Coin", "ETHER", 6),
    "USDT": ("Tether USD", "ETHER", 6),
    "EURR": ("StablR Euro", "ETHER", 6),
}
_DEPTHS: Final = (1, 5, 10, 20, 50, 100, 1_000, 10_000)
_MOST_TRADES: Final = 1_000


@rpc("public/get_currencies")
def _currencies(_: Context) -> object:
    return [
        {
            "currency": currency,
            "currency_long": long_name,
            "coin_type": coin_type,
            "decimals": decimals,
            "min_confirmations": 1,
            "withdrawal_fee": 0,
            "min_withdrawal_fee": 0,
            "withdrawal_priorities": [],
            "in_cross_collateral_pool": False,
            "network_fee": 0,
            "network_currency": currency,
        }
        for currency, (long_name, coin_type, decimals) in CURRENCIES.items()
    ]


@rpc("public/get_instruments")
def _instruments(call: Context) -> object:
    expired = call.params.boolean("expired")
    listed = _markets(call, call.params.text("currency", "any"))
    return [
        market.instrument.wire(is_active=_is_active(market, call.now_ms))
        for market in listed
        if _is_active(market, call.now_ms) != expired
    ]


@rpc("public/get_instrument")
def _instrument(call: Context) -> object:
    market = call.market()
    return market.instrument.wire(is_active=_is_active(market, call.now_ms))


@rpc("public/get_contract_size")
def _contract_size(call: Context) -> object:
    return {"contract_size": call.market().instrument.contract_size}


@rpc("public/get_expirations")
def _expirations(call: Context) -> object:
    call.params.text("currency")
    kind = call.params.text("kind", one_of=("future", "option", "any"))
    markets = _markets(call, call.params.text("currency"), kind)
    by_kind: dict[str, list[str]] = {}
    for market in sorted(markets, key=lambda each: each.instrument.expiration_ms):
        instrument = market.instrument
        if instrument.kind == "spot":
            continue
        name = "PERPETUAL" if instrument.expiration_ms == NEVER_MS else date_code_of_ms(instrument.expiration_ms)
        found = by_kind.setdefault(instrument.kind, [])
        if name not in found:
            found.append(name)
    currency = call.params.text("currency")
    return by_kind if currency == "any" else {currency.lower(): by_kind}


@rpc("public/get_index_price")
def _index_price(call: Context) -> object:
    price = call.exchange.indexes.get(call.params.text("index_name"))
    if price is None:
        raise invalid_params("index_name", "unknown index")
    return {"index_price": price, "estimated_delivery_price": price}


@rpc("public/get_index_price_names")
def _index_price_names(call: Context) -> object:
    return [{"name": name} for name in sorted(call.exchange.indexes)]


@rpc("public/get_order_book")
def _order_book(call: Context) -> object:
    depth = call.params.integer("depth", 5, least=1)
    if depth not in _DEPTHS:
        raise invalid_params("depth", f"must be one of {', '.join(map(str, _DEPTHS))}")
    return call.market().order_book(depth, call.now_ms)


@rpc("public/ticker")
def _ticker(call: Context) -> object:
    return call.market().ticker(call.now_ms)


@rpc("public/get_book_summary_by_instrument")
def _summary_by_instrument(call: Context) -> object:
    return [_summary(call.market(), call.now_ms)]


@rpc("public/get_book_summary_by_currency")
def _summary_by_currency(call: Context) -> object:
    return [_summary(market, call.now_ms) for market in _markets(call, call.params.text("currency"))]


@rpc("public/get_last_trades_by_instrument")
def _last_trades(call: Context) -> object:
    params, tape = call.params, list(call.market().tape)
    first, last = params.integer("start_seq", 0), params.optional_integer("end_seq")
    chosen = [trade for trade in tape if trade.trade_seq >= first and (last is None or trade.trade_seq <= last)]
    return _trades_page(call, _between(call, chosen))


@rpc("public/get_last_trades_by_instrument_and_time")
def _last_trades_and_time(call: Context) -> object:
    call.params.integer("start_timestamp")
    call.params.integer("end_timestamp")
    return _trades_page(call, _between(call, list(call.market().tape)))


@rpc("public/get_last_trades_by_currency")
def _last_trades_by_currency(call: Context) -> object:
    markets = _markets(call, call.params.text("currency"))
    trades = sorted((trade for market in markets for trade in market.tape), key=lambda trade: trade.at_ms)
    return _trades_page(call, _between(call, trades))


@rpc("public/get_tradingview_chart_data")
def _chart(call: Context) -> object:
    width = resolution_ms(call.params.text("resolution"))
    if width is None:
        raise invalid_params("resolution", "unknown resolution")
    start, end = call.params.integer("start_timestamp"), call.params.integer("end_timestamp")
    candles = call.market().candles(start, end, width)
    names = {"ticks": "tick", "open": "open", "high": "high", "low": "low", "close": "close",
             "volume": "volume", "cost": "cost"}  # fmt: skip
    columns = {plural: [candle[name] for candle in candles] for plural, name in names.items()}
    return columns | {"status": "ok" if candles else "no_data"}


def _is_active(market: Market, now_ms: int) -> bool:
    return market.is_active and market.instrument.expiration_ms > now_ms


def _markets(call: Context, currency: str, kind: str | None = None) -> Sequence[Market]:
    """Markets of a currency, and of the kind that the parameters name."""
    if currency != "any" and currency not in CURRENCIES:
        raise invalid_params("currency", f"must be one of any, {', '.join(CURRENCIES)}")
    if kind is None:
        kind = call.params.text("kind", "any", one_of=KINDS)
    return [
        market
        for market in call.exchange.markets.values()
        if currency in {"any", market.instrument.currency} and kind in {"any", market.instrument.kind}
    ]


def _between(call: Context, trades: Sequence[PublicTrade]) -> Sequence[PublicTrade]:
    start, end = call.params.integer("start_timestamp", 0), call.params.optional_integer("end_timestamp")
    if end is not None and end < start:
        raise VenueError("bad_arguments", param="end_timestamp", reason="before start_timestamp")
    return [trade for trade in trades if trade.at_ms >= start and (end is None or trade.at_ms <= end)]


def _trades_page(call: Context, trades: Sequence[PublicTrade]) -> dict[str, object]:
    """A page of trades that are sorted by time: the newest, newest first, unless asked to start with the oldest."""
    count = call.params.integer("count", 10, least=1, most=_MOST_TRADES)
    ascending = call.params.text("sorting", "default", one_of=("asc", "desc", "default")) == "asc"
    page = trades[:count] if ascending else trades[::-1][:count]
    return {"trades": [trade.wire() for trade in page], "has_more": len(trades) > count}


def _summary(market: Market, now_ms: int) -> dict[str, object]:
    bid, ask = market.book.best_price("buy"), market.book.best_price("sell")
    stats = market.stats(now_ms)
    summary: dict[str, object] = {
        "instrument_name": market.instrument.name,
        "base_currency": market.instrument.base,
        "quote_currency": market.instrument.quote,
        "bid_price": bid,
        "ask_price": ask,
        "mid_price": None if bid is None or ask is None else (bid + ask) / 2,
        "mark_price": rounded(market.mark_price),
        "last": market.last_price,
        "high": stats["high"],
        "low": stats["low"],
        "price_change": stats["price_change"],
        "volume": stats["volume"],
        "volume_usd": stats["volume_usd"],
        "volume_notional": stats["volume_notional"],
        "open_interest": market.open_interest,
        "creation_timestamp": now_ms,
        "estimated_delivery_price": market.index_price,
    }
    if market.instrument.kind == "option":
        summary |= {
            "mark_iv": 50,
            "interest_rate": 0,
            "underlying_index": "index_price",
            "underlying_price": market.index_price,
        }
    elif market.instrument.settlement_period == "perpetual" and market.instrument.kind == "future":
        summary |= {"current_funding": 0, "funding_8h": 0}
    return summary
