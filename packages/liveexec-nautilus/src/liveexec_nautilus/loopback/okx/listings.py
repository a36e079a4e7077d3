"""What the loopback OKX lists: spot, swaps and dated futures (linear and inverse), and two options.

Sizes are contracts but for spot; ``multiplier`` is what one is worth. Source: ``GET /api/v5/public/instruments``.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from attrs import evolve

from liveexec.domain.instrument import ContractKind
from liveexec_nautilus.loopback.shared.deliveries import delivery_ms, delivery_of
from liveexec_nautilus.loopback.shared.numbers import plain
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["INSTRUMENT_TYPES", "default_symbols", "family_of", "instrument_code", "instrument_info", "type_of"]

INSTRUMENT_TYPES: Final = ("SPOT", "SWAP", "FUTURES", "OPTION")
#: When the venue says that it listed everything: 1 January 2024.
_LISTED_MS: Final = "1704067200000"
_CODES_BEGIN: Final = 10_458
_OPTION_MULTIPLIER: Final = Decimal("0.01")


def type_of(symbol: SymbolConfig) -> str:
    """``instType``"""
    return symbol.details["instType"]


def family_of(symbol: SymbolConfig) -> str:
    """``instFamily``, which is the underlying too; spot has none."""
    return symbol.details.get("instFamily", "")


def instrument_code(symbol: SymbolConfig) -> int:
    """``instIdCode``: the number that may stand for the name in order operations."""
    return int(symbol.details["instIdCode"])


def default_symbols(now_ns: int) -> tuple[SymbolConfig, ...]:
    """Everything that the venue lists, as of this time."""
    delivery = delivery_of(now_ns)
    day, expires = f"{delivery:%y%m%d}", {"expTime": str(delivery_ms(delivery)), "alias": "next_quarter"}
    listed = (
        _spot("BTC", tick="0.1", lot="0.00000001", least="0.00001", opening=50_000),
        _spot("ETH", tick="0.01", lot="0.000001", least="0.0001", opening=3_000),
        _linear("BTC-USDT-SWAP", "BTC", "0.01", tick="0.1", opening=50_000, more={"instType": "SWAP"}),
        _linear("ETH-USDT-SWAP", "ETH", "0.1", tick="0.01", opening=3_000, more={"instType": "SWAP"}),
        _inverse("BTC-USD-SWAP", more={"instType": "SWAP"}),
        _linear(f"BTC-USDT-{day}", "BTC", "0.01", tick="0.1", opening=51_000, more={"instType": "FUTURES"} | expires),
        _inverse(f"BTC-USD-{day}", more={"instType": "FUTURES"} | expires),
        _option(f"BTC-USD-{day}-60000-C", more={"optType": "C", "stk": "60000"} | expires),
        _option(f"BTC-USD-{day}-40000-P", more={"optType": "P", "stk": "40000"} | expires),
    )
    return tuple(
        evolve(symbol, details=MappingProxyType({**symbol.details, "instIdCode": str(_CODES_BEGIN + number)}))
        for number, symbol in enumerate(listed)
    )


def instrument_info(symbol: SymbolConfig) -> dict[str, object]:
    """An element of ``GET /api/v5/public/instruments``; what does not apply is empty."""
    details, instrument_type = symbol.details, type_of(symbol)
    is_spot, is_option = instrument_type == "SPOT", instrument_type == "OPTION"
    most = f"{symbol.max_quantity:f}"
    kind = {ContractKind.LINEAR: "linear", ContractKind.INVERSE: "inverse"}.get(symbol.kind, "")
    multiplier = plain(_OPTION_MULTIPLIER if is_option else Decimal(1))
    value = plain(symbol.multiplier / _OPTION_MULTIPLIER if is_option else symbol.multiplier)
    return {
        "alias": details.get("alias", ""),
        "auctionEndTime": "",
        "baseCcy": symbol.base if is_spot else "",
        "category": "1",
        "contTdSwTime": "",
        "ctMult": "" if is_spot else multiplier,
        "ctType": "" if is_option else kind,
        "ctVal": "" if is_spot else value,
        "ctValCcy": "" if is_spot else ("USD" if symbol.kind is ContractKind.INVERSE else symbol.base),
        "expTime": details.get("expTime", ""),
        "futureSettlement": False,
        "instFamily": family_of(symbol),
        "instId": symbol.name,
        "instIdCode": instrument_code(symbol),
        "instType": instrument_type,
        "lever": "" if is_spot or is_option else "100",
        "listTime": _LISTED_MS,
        "lotSz": f"{symbol.lot:f}",
        "maxIcebergSz": most,
        "maxLmtAmt": "20000000",
        "maxLmtSz": most,
        "maxMktAmt": "1000000" if is_spot else "",
        "maxMktSz": most,
        "maxPlatOILmt": "",
        "maxStopSz": most,
        "maxTriggerSz": most,
        "maxTwapSz": most,
        "minSz": f"{symbol.min_quantity:f}",
        "openType": "",
        "optType": details.get("optType", ""),
        "posLmtAmt": "",
        "posLmtPct": "",
        "preMktSwTime": "",
        "quoteCcy": symbol.quote if is_spot else "",
        "ruleType": "normal",
        "settleCcy": "" if is_spot else symbol.settlement,
        "state": "live",
        "stk": details.get("stk", ""),
        "tickSz": f"{symbol.tick:f}",
        "tradeQuoteCcyList": [symbol.quote] if is_spot else [],
        "uly": family_of(symbol),
    }


def _spot(base: str, *, tick: str, lot: str, least: str, opening: int) -> SymbolConfig:
    return SymbolConfig(
        name=f"{base}-USDT",
        kind=ContractKind.SPOT,
        base=base,
        quote="USDT",
        settlement="USDT",
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(least),
        max_quantity=Decimal(9_999_999_999),
        maker_fee=Decimal("0.0008"),
        taker_fee=Decimal("0.001"),
        opening_price=Decimal(opening),
        details={"instType": "SPOT"},
    )


def _linear(name: str, base: str, value: str, *, tick: str, opening: int, more: Mapping[str, str]) -> SymbolConfig:
    return SymbolConfig(
        name=name,
        kind=ContractKind.LINEAR,
        base=base,
        quote="USDT",
        settlement="USDT",
        tick=Decimal(tick),
        lot=Decimal("0.01"),
        min_quantity=Decimal("0.01"),
        max_quantity=Decimal(100_000_000),
        multiplier=Decimal(value),
        opening_price=Decimal(opening),
        details={"instFamily": f"{base}-USDT", **more},
    )


def _inverse(name: str, *, more: Mapping[str, str]) -> SymbolConfig:
    return SymbolConfig(
        name=name,
        kind=ContractKind.INVERSE,
        base="BTC",
        quote="USD",
        settlement="BTC",
        tick=Decimal("0.1"),
        lot=Decimal(1),
        min_quantity=Decimal(1),
        max_quantity=Decimal(100_000_000),
        multiplier=Decimal(100),
        opening_price=Decimal(50_000),
        details={"instFamily": "BTC-USD", **more},
    )


def _option(name: str, *, more: Mapping[str, str]) -> SymbolConfig:
    """A premium is in BTC for one BTC; a contract is a hundredth of it."""
    return SymbolConfig(
        name=name,
        kind=ContractKind.LINEAR,
        base="BTC",
        quote="BTC",
        settlement="BTC",
        tick=Decimal("0.0001"),
        lot=Decimal(1),
        min_quantity=Decimal(1),
        max_quantity=Decimal(1_000_000),
        multiplier=_OPTION_MULTIPLIER,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0003"),
        opening_price=Decimal("0.05"),
        details={"instType": "OPTION", "instFamily": "BTC-USD", **more},
    )
