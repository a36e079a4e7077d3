"""What the loopback of Binance USD-M futures lists, whom it knows, and how much it takes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from liveexec.domain.instrument import ContractKind
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, default_accounts
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["LEVERAGE", "FuturesConfig"]

#: Every position is cross-margined at this leverage; the engine knows one initial margin for all.
LEVERAGE: Final = 20


def _contract(name: str, base: str, tick: str, lot: str, opening: str, **details: str) -> SymbolConfig:
    return SymbolConfig(
        name=name,
        kind=ContractKind.LINEAR,
        base=base,
        quote="USDT",
        settlement="USDT",
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(1_000),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        opening_price=Decimal(opening),
        details=details,
    )


#: A perpetual of each size, and a dated future (``deliveryDate`` in ms).
DEFAULT_SYMBOLS: Final = (
    _contract("BTCUSDT", "BTC", "0.10", "0.001", "50000", contractType="PERPETUAL", deliveryDate="4133404800000"),
    _contract("ETHUSDT", "ETH", "0.01", "0.001", "3000", contractType="PERPETUAL", deliveryDate="4133404800000"),
    _contract(
        "BTCUSDT_270326", "BTC", "0.1", "0.001", "50500", contractType="CURRENT_QUARTER", deliveryDate="1806048000000"
    ),
)


@frozen
class FuturesConfig:
    """Symbols, accounts and limits. ``weight_per_minute`` and ``orders_per_minute`` are the venue's own by default."""

    symbols: Sequence[SymbolConfig] = DEFAULT_SYMBOLS
    accounts: Sequence[AccountConfig] = field(factory=lambda: default_accounts(2, {"USDT": Decimal(100_000)}))
    weight_per_minute: int = 2_400
    orders_per_minute: int = 1_200
