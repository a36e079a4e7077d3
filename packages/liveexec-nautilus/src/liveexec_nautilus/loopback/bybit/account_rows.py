"""Positions and the wallet as the venue's messages show them. Numbers are text, times milliseconds.

Sources: https://bybit-exchange.github.io/docs/v5/position, account/wallet-balance and the private streams of both.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.position import Position
from liveexec_nautilus.loopback.bybit.listings import category_of, wire_name
from liveexec_nautilus.loopback.shared.holdings import Holding
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["LEVERAGE", "position_message", "position_row", "wallet_row"]

#: Every contract of every account is held at this leverage, in one-way mode with cross margin.
LEVERAGE: Final = 10
#: The share of a position's value that its maintenance margin is.
_MAINTENANCE: Final = Decimal("0.005")
_NS_PER_MS: Final = 1_000_000


def position_row(symbol: SymbolConfig, position: Position, mark: Decimal) -> dict[str, object]:
    """A position as ``/v5/position/list`` lists it; a flat one has neither side nor size."""
    size, value, entry = abs(position.quantity), abs(position.cost), position.average_price
    with localcontext(MONEY):
        marked = abs(position.terms.value(position.quantity, mark)) if size else ZERO
        gain = position.unrealized_pnl(mark)
    updated = milliseconds(position.updated_at_ns) if position.updated_at_ns else ""
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": wire_name(symbol),
        "side": ("Buy" if position.quantity > 0 else "Sell") if size else "",
        "size": plain(size),
        "avgPrice": plain(entry) if entry is not None else "0",
        "positionValue": plain(value),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if size else 0,
        "leverage": str(LEVERAGE),
        "positionBalance": "0",
        "markPrice": plain(mark),
        "liqPrice": "",
        "bustPrice": "",
        "positionMM": plain(MONEY.multiply(marked, _MAINTENANCE)),
        "positionIM": plain(divide(marked, Decimal(LEVERAGE))),
        "tpslMode": "Full",
        "takeProfit": "0",
        "stopLoss": "0",
        "trailingStop": "0",
        "unrealisedPnl": plain(gain),
        "curRealisedPnl": plain(position.realized_pnl),
        "cumRealisedPnl": plain(position.realized_pnl),
        "seq": position.updated_at_ns // _NS_PER_MS,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": updated or "0",
        "updatedTime": updated or "0",
    }


def position_message(symbol: SymbolConfig, position: Position, mark: Decimal) -> dict[str, object]:
    """A position as the ``position`` stream tells it: the entry price under a name of its own."""
    row = position_row(symbol, position, mark)
    entry = row.pop("avgPrice")
    return row | {
        "category": category_of(symbol),
        "entryPrice": entry,
        "sessionAvgPrice": "",
        "positionIMByMp": row["positionIM"],
        "positionMMByMp": row["positionMM"],
    }


def wallet_row(coins: Iterable[Holding]) -> dict[str, object]:
    """A unified account as ``/v5/account/wallet-balance`` lists it."""
    held = list(coins)
    with localcontext(MONEY):
        equity = sum((coin.worth for coin in held), ZERO)
        wallet = sum((coin.total * coin.usd_price for coin in held), ZERO)
        free = sum((coin.free * coin.usd_price for coin in held), ZERO)
        initial = sum(((coin.contract_orders + coin.positions) * coin.usd_price for coin in held), ZERO)
        gain = sum((coin.unrealised * coin.usd_price for coin in held), ZERO)
        maintenance = sum((coin.positions * LEVERAGE * _MAINTENANCE * coin.usd_price for coin in held), ZERO)
    return {
        "totalEquity": plain(equity),
        "accountIMRate": plain(divide(initial, wallet)) if wallet > 0 else "0",
        "totalMarginBalance": plain(wallet + gain),
        "totalInitialMargin": plain(initial),
        "accountType": "UNIFIED",
        "totalAvailableBalance": plain(free),
        "accountMMRate": plain(divide(maintenance, wallet)) if wallet > 0 else "0",
        "totalPerpUPL": plain(gain),
        "totalWalletBalance": plain(wallet),
        "accountLTV": "0",
        "totalMaintenanceMargin": plain(maintenance),
        "coin": [_coin_row(coin) for coin in held],
    }


def _coin_row(coin: Holding) -> dict[str, object]:
    with localcontext(MONEY):
        maintenance = coin.positions * LEVERAGE * _MAINTENANCE
    return {
        "availableToBorrow": "",
        "bonus": "0",
        "accruedInterest": "0",
        "availableToWithdraw": plain(coin.free),
        "totalOrderIM": plain(coin.contract_orders),
        "equity": plain(coin.equity),
        "totalPositionMM": plain(maintenance),
        "usdValue": plain(coin.worth),
        "unrealisedPnl": plain(coin.unrealised),
        "borrowAmount": "0",
        "totalPositionIM": plain(coin.positions),
        "walletBalance": plain(coin.total),
        "cumRealisedPnl": plain(coin.realised),
        "locked": plain(coin.spot_orders),
        "collateralSwitch": True,
        "marginCollateral": True,
        "coin": coin.asset,
        "spotBorrow": "0",
    }
