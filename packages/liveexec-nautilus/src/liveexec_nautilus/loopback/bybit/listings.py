"""What the loopback Bybit lists: spot, linear and inverse perpetuals, a dated future of each, and two options.

The same name (``BTCUSDT``) is a spot pair and a contract here (``BTCUSDC`` is spot alone), so the matching engine knows
an instrument by category and name: ``linear.BTCUSDT``. Source of the sizes: ``GET /v5/market/instruments-info``.
"""

import calendar
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal, cast, get_args

from liveexec.domain.instrument import ContractKind
from liveexec_nautilus.loopback.shared.deliveries import delivery_ms, delivery_of
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["CATEGORIES", "Category", "category_of", "default_symbols", "instrument_info", "wire_name"]

Category = Literal["spot", "linear", "inverse", "option"]
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)

#: When the venue says that it listed everything: 1 January 2024.
_LAUNCHED_MS: Final = "1704067200000"
#: Maker and taker, without any tier.
_SPOT_FEES: Final = (Decimal("0.001"), Decimal("0.001"))
_CONTRACT_FEES: Final = (Decimal("0.0002"), Decimal("0.00055"))
_OPTION_FEES: Final = (Decimal("0.0002"), Decimal("0.0003"))
_MONTH_LETTERS: Final = "FGHJKMNQUVXZ"


def category_of(symbol: SymbolConfig) -> Category:
    """The product's category, which every request names."""
    return cast("Category", symbol.name.partition(".")[0])


def wire_name(symbol: SymbolConfig) -> str:
    """The name that messages carry; it is unique within its category only."""
    return symbol.name.partition(".")[2]


def default_symbols(now_ns: int) -> tuple[SymbolConfig, ...]:
    """Everything that the venue lists, as of this time."""
    delivery = delivery_of(now_ns)
    day = f"{delivery.day}{calendar.month_abbr[delivery.month].upper()}{delivery:%y}"
    contract_code = f"{_MONTH_LETTERS[delivery.month - 1]}{delivery:%y}"
    dated = {"deliveryTime": str(delivery_ms(delivery))}
    return (
        _spot("BTC", "USDT", tick="0.1", lot="0.000001", opening="50000"),
        _spot("ETH", "USDT", tick="0.01", lot="0.00001", opening="3000"),
        _spot("BTC", "USDC", tick="0.1", lot="0.000001", opening="50000"),
        _linear("BTCUSDT", "BTC", tick="0.1", lot="0.001", opening="50000", details={}),
        _linear("ETHUSDT", "ETH", tick="0.01", lot="0.01", opening="3000", details={}),
        _linear(f"BTCUSDT-{day}", "BTC", tick="0.1", lot="0.001", opening="51000", details=dated),
        _inverse("BTCUSD", details={}),
        _inverse(f"BTCUSD{contract_code}", details=dated),
        _option(f"BTC-{day}-60000-C", details=dated | {"optionsType": "Call"}),
        _option(f"BTC-{day}-40000-P", details=dated | {"optionsType": "Put"}),
    )


def instrument_info(symbol: SymbolConfig) -> Mapping[str, object]:
    """An element of ``GET /v5/market/instruments-info``."""
    match category_of(symbol):
        case "spot":
            return _common(symbol) | {
                "innovation": "0",
                "marginTrading": "utaOnly",
                "lotSizeFilter": {
                    "basePrecision": str(symbol.lot),
                    "quotePrecision": "0.0000001",
                    "minOrderQty": str(symbol.min_quantity),
                    "maxOrderQty": str(symbol.max_quantity),
                    "minOrderAmt": str(symbol.min_notional),
                    "maxOrderAmt": "4000000",
                },
                "priceFilter": {"tickSize": str(symbol.tick)},
            }
        case "option":
            return (
                _common(symbol)
                | _dated(symbol, "0.00015")
                | {
                    "optionsType": symbol.details["optionsType"],
                    "settleCoin": symbol.settlement,
                    "priceFilter": {"minPrice": "5", "maxPrice": "1110000", "tickSize": str(symbol.tick)},
                    "lotSizeFilter": {
                        "maxOrderQty": str(symbol.max_quantity),
                        "minOrderQty": str(symbol.min_quantity),
                        "qtyStep": str(symbol.lot),
                    },
                }
            )
        case category:
            return _common(symbol) | _dated(symbol, "") | _contract(symbol, category)


def _contract(symbol: SymbolConfig, category: Literal["linear", "inverse"]) -> dict[str, object]:
    sizes = {
        "maxOrderQty": str(symbol.max_quantity),
        "minOrderQty": str(symbol.min_quantity),
        "qtyStep": str(symbol.lot),
        "postOnlyMaxOrderQty": str(symbol.max_quantity),
        "maxMktOrderQty": str(symbol.max_quantity),
    }
    if symbol.min_notional is not None:
        sizes["minNotionalValue"] = str(symbol.min_notional)
    term = "Futures" if "deliveryTime" in symbol.details else "Perpetual"
    return {
        "contractType": f"{category.capitalize()}{term}",
        "priceScale": str(max(-int(symbol.tick.as_tuple().exponent), 0)),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": str(symbol.tick), "maxPrice": "1999999.8", "tickSize": str(symbol.tick)},
        "lotSizeFilter": sizes,
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": symbol.settlement,
    }


def _common(symbol: SymbolConfig) -> dict[str, object]:
    return {
        "symbol": wire_name(symbol),
        "status": "Trading",
        "baseCoin": symbol.base,
        "quoteCoin": symbol.quote,
    }


def _dated(symbol: SymbolConfig, delivery_fee: str) -> dict[str, object]:
    return {
        "launchTime": _LAUNCHED_MS,
        "deliveryTime": symbol.details.get("deliveryTime", "0"),
        "deliveryFeeRate": delivery_fee,
    }


def _spot(base: str, quote: str, *, tick: str, lot: str, opening: str) -> SymbolConfig:
    return SymbolConfig(
        name=f"spot.{base}{quote}",
        kind=ContractKind.SPOT,
        base=base,
        quote=quote,
        settlement=quote,
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(10_000),
        min_notional=Decimal(5),
        opening_price=Decimal(opening),
        maker_fee=_SPOT_FEES[0],
        taker_fee=_SPOT_FEES[1],
    )


def _linear(name: str, base: str, *, tick: str, lot: str, opening: str, details: Mapping[str, str]) -> SymbolConfig:
    return SymbolConfig(
        name=f"linear.{name}",
        kind=ContractKind.LINEAR,
        base=base,
        quote="USDT",
        settlement="USDT",
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(10_000),
        min_notional=Decimal(5),
        opening_price=Decimal(opening),
        details=MappingProxyType(dict(details)),
        maker_fee=_CONTRACT_FEES[0],
        taker_fee=_CONTRACT_FEES[1],
    )


def _inverse(name: str, *, details: Mapping[str, str]) -> SymbolConfig:
    return SymbolConfig(
        name=f"inverse.{name}",
        kind=ContractKind.INVERSE,
        base="BTC",
        quote="USD",
        settlement="BTC",
        tick=Decimal("0.1"),
        lot=Decimal(1),
        min_quantity=Decimal(1),
        max_quantity=Decimal(25_000_000),
        opening_price=Decimal(50_000),
        details=MappingProxyType(dict(details)),
        maker_fee=_CONTRACT_FEES[0],
        taker_fee=_CONTRACT_FEES[1],
    )


def _option(name: str, *, details: Mapping[str, str]) -> SymbolConfig:
    return SymbolConfig(
        name=f"option.{name}",
        kind=ContractKind.LINEAR,
        base="BTC",
        quote="USDC",
        settlement="USDC",
        tick=Decimal(5),
        lot=Decimal("0.01"),
        min_quantity=Decimal("0.01"),
        max_quantity=Decimal(500),
        opening_price=Decimal(2_000),
        details=MappingProxyType(dict(details)),
        maker_fee=_OPTION_FEES[0],
        taker_fee=_OPTION_FEES[1],
    )
