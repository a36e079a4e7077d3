"""Balances and positions as the venue's messages show them. Everything is text; what is not there is "".

Source: https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-balance and -get-positions.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.position import Position
from liveexec_nautilus.loopback.okx.listings import type_of
from liveexec_nautilus.loopback.shared.holdings import Holding
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["LEVERAGE", "balance_row", "position_row"]

#: Every contract of every account is held at this leverage, in net mode with cross margin.
LEVERAGE: Final = 10
#: The share of a position's value that its maintenance margin is.
_MAINTENANCE: Final = Decimal("0.005")
_POSITIONS_BEGIN: Final = 2_600_000_000_000_000_000


def balance_row(held: Iterable[Holding], now_ns: int) -> dict[str, object]:
    """An account as ``/api/v5/account/balance`` and the ``account`` channel show it: futures mode, no borrowing."""
    holdings = list(held)
    with localcontext(MONEY):
        total = sum((each.worth for each in holdings), ZERO)
    empty = dict.fromkeys(
        (
            "adjEq",
            "availEq",
            "borrowFroz",
            "imr",
            "mgnRatio",
            "mmr",
            "notionalUsd",
            "notionalUsdForBorrow",
            "notionalUsdForFutures",
            "notionalUsdForOption",
            "notionalUsdForSwap",
            "ordFroz",
            "upl",
        ),
        "",
    )
    return empty | {
        "details": [_asset_row(each, now_ns) for each in holdings],
        "isoEq": "0",
        "totalEq": plain(total),
        "uTime": milliseconds(now_ns),
    }


def position_row(symbol: SymbolConfig, position: Position, mark: Decimal, last: str) -> dict[str, object]:
    """A position as ``/api/v5/account/positions`` and the ``positions`` channel show it; a flat one has no price."""
    with localcontext(MONEY):
        value = abs(position.terms.value(position.quantity, mark))
        gain = position.unrealized_pnl(mark) if position.quantity else ZERO
        fees = sum(position.fees.values(), ZERO)
        margin = divide(value, Decimal(LEVERAGE))
    in_dollars = value if symbol.kind is ContractKind.LINEAR else value * mark
    average = position.average_price
    updated = milliseconds(position.updated_at_ns)
    zero: dict[str, object] = dict.fromkeys(("interest", "fundingFee", "liqPenalty", "adl"), "0")
    empty: dict[str, object] = dict.fromkeys(
        (
            "baseBal",
            "bePx",
            "liqPx",
            "margin",
            "mgnRatio",
            "optVal",
            "pendingCloseOrdLiabVal",
            "posCcy",
            "quoteBal",
            "quoteBorrowed",
            "quoteInterest",
            "spotInUseAmt",
            "spotInUseCcy",
        ),
        "",
    )
    return (
        zero
        | empty
        | {
            "instId": symbol.name,
            "instType": type_of(symbol),
            "mgnMode": "cross",
            "posId": str(_POSITIONS_BEGIN + position.updated_at_ns // 1_000 % 10**12),
            "posSide": "net",
            "pos": plain(position.quantity),
            "ccy": symbol.settlement,
            "fee": plain(-fees),
            "lever": str(LEVERAGE),
            "last": last,
            "markPx": plain(mark),
            "imr": plain(margin),
            "mmr": plain(MONEY.multiply(value, _MAINTENANCE)),
            "tradeId": "",
            "notionalUsd": plain(in_dollars),
            "avgPx": "" if average is None else plain(average),
            "upl": plain(gain),
            "uplRatio": plain(divide(gain, margin)) if margin else "0",
            "uTime": updated,
            "cTime": updated,
            "realizedPnl": plain(MONEY.subtract(position.realized_pnl, fees)),
            "pnl": plain(position.realized_pnl),
            "uplLastPx": plain(gain),
            "uplRatioLastPx": plain(divide(gain, margin)) if margin else "0",
            "availPos": "",
            "idxPx": plain(mark),
            "usdPx": "1" if symbol.settlement == "USDT" else plain(mark),
        }
    )


def _asset_row(held: Holding, now_ns: int) -> dict[str, object]:
    empty = dict.fromkeys(
        (
            "accAvgPx",
            "borrowFroz",
            "clSpotInUseAmt",
            "crossLiab",
            "interest",
            "isoLiab",
            "liab",
            "maxLoan",
            "maxSpotInUseAmt",
            "mgnRatio",
            "openAvgPx",
            "spotBal",
            "spotInUseAmt",
            "spotUpl",
            "spotUplRatio",
            "totalPnl",
            "totalPnlRatio",
            "uplLiab",
        ),
        "",
    )
    zero = dict.fromkeys(
        (
            "fixedBal",
            "isoEq",
            "isoUpl",
            "notionalLever",
            "rewardBal",
            "smtSyncEq",
            "spotCopyTradingEq",
            "spotIsoBal",
            "stgyEq",
            "twap",
            "colBorrAutoConversion",
        ),
        "0",
    )
    with localcontext(MONEY):
        free = max(held.equity - held.held, ZERO)
        margin = held.contract_orders + held.positions
        maintenance = held.positions * LEVERAGE * _MAINTENANCE
    return (
        empty
        | zero
        | {
            "availBal": plain(free),
            "availEq": plain(free),
            "cashBal": plain(held.total),
            "ccy": held.asset,
            "coinUsdPrice": plain(held.usd_price),
            "collateralEnabled": False,
            "collateralRestrict": False,
            "disEq": plain(held.worth),
            "eq": plain(held.equity),
            "eqUsd": plain(held.worth),
            "frozenBal": plain(held.held),
            "imr": plain(margin),
            "mmr": plain(maintenance),
            "ordFrozen": plain(MONEY.add(held.spot_orders, held.contract_orders)),
            "uTime": milliseconds(now_ns),
            "upl": plain(held.unrealised),
        }
    )
