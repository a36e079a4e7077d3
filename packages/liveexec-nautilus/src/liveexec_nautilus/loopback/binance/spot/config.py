"""What the loopback of Binance Spot lists, whom it knows, and how much it takes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from liveexec.domain.instrument import ContractKind
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, default_accounts
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["STARTING", "SpotConfig"]

#: What each account starts with.
STARTING: Final = {"USDT": Decimal(100_000), "BTC": Decimal(2), "ETH": Decimal(20)}


def _pair(base: str, quote: str, tick: str, lot: str, opening: str) -> SymbolConfig:
    return SymbolConfig(
        name=f"{base}{quote}",
        kind=ContractKind.SPOT,
        base=base,
        quote=quote,
        settlement=quote,
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(9_000),
        min_notional=Decimal(5) if quote == "USDT" else Decimal("0.0001"),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        opening_price=Decimal(opening),
    )


DEFAULT_SYMBOLS: Final = (
    _pair("BTC", "USDT", "0.01", "0.00001", "50000"),
    _pair("ETH", "USDT", "0.01", "0.0001", "3000"),
    _pair("ETH", "BTC", "0.00001", "0.0001", "0.06"),
)


@frozen
class SpotConfig:
    """Symbols, accounts and limits. ``weight_per_minute`` and ``orders_per_minute`` are the venue's own by default."""

    symbols: Sequence[SymbolConfig] = DEFAULT_SYMBOLS
    accounts: Sequence[AccountConfig] = field(factory=lambda: default_accounts(2, STARTING))
    weight_per_minute: int = 6_000
    orders_per_minute: int = 600
