"""The account endpoints of USD-M futures: balances, positions, settings and listen keys."""

from decimal import Decimal, localcontext
from typing import Final

from liveexec.domain.money import MONEY, ZERO
from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.futures import wire
from liveexec_nautilus.loopback.binance.futures.config import LEVERAGE
from liveexec_nautilus.loopback.binance.futures.registry import Call, endpoint

__all__: list[str] = []

_LISTEN_KEY: Final = "/fapi/v1/listenKey"


def _unrealized(call: Call, asset: str) -> Decimal:
    floor = call.venue.floor
    with localcontext(MONEY):
        return sum(
            (
                floor.position(call.user_id, symbol.name).unrealized_pnl(floor.market.mark(symbol.name))
                for symbol in floor.symbols.values()
                if symbol.settlement == asset
            ),
            ZERO,
        )


@endpoint("GET", "/fapi/v2/balance", "/fapi/v3/balance", security="SIGNED", weight=5)
def balance(call: Call) -> object:
    """Every asset of the account."""
    floor = call.venue.floor
    return [
        {
            "accountAlias": "SgsR",
            "asset": asset,
            "balance": wire.amount(total),
            "crossWalletBalance": wire.amount(total),
            "crossUnPnl": wire.amount(_unrealized(call, asset)),
            "availableBalance": wire.amount(available),
            "maxWithdrawAmount": wire.amount(available),
            "marginAvailable": True,
            "updateTime": call.venue.clock.now_ms(),
        }
        for asset, (total, available) in floor.balances(call.user_id).items()
    ]


@endpoint("GET", "/fapi/v2/account", "/fapi/v3/account", security="SIGNED", weight=5)
def account(call: Call) -> object:
    """Assets, positions and their sums; both versions answer with all fields of the second."""
    floor = call.venue.floor
    balances = floor.balances(call.user_id)
    unrealized = {asset: _unrealized(call, asset) for asset in balances}
    with localcontext(MONEY):
        total = sum((each for each, _ in balances.values()), ZERO)
        available = sum((each for _, each in balances.values()), ZERO)
        result = sum(unrealized.values(), ZERO)
        margin, held = total + result, total - available
    sums = {
        "totalInitialMargin": held,
        "totalMaintMargin": ZERO,
        "totalWalletBalance": total,
        "totalUnrealizedProfit": result,
        "totalMarginBalance": margin,
        "totalPositionInitialMargin": held,
        "totalOpenOrderInitialMargin": ZERO,
        "totalCrossWalletBalance": total,
        "totalCrossUnPnl": result,
        "availableBalance": available,
        "maxWithdrawAmount": available,
    }
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **{name: wire.amount(value) for name, value in sums.items()},
        "assets": [
            wire.asset_balance(floor, asset, whole, free, unrealized[asset])
            for asset, (whole, free) in balances.items()
        ],
        "positions": [
            wire.account_position(floor, symbol, floor.position(call.user_id, symbol.name))
            for symbol in floor.symbols.values()
        ],
    }


@endpoint("GET", "/fapi/v2/positionRisk", security="SIGNED", weight=5)
def position_risk(call: Call) -> object:
    """Positions of one symbol or all, flat ones as well."""
    floor = call.venue.floor
    return [wire.position_risk(floor, symbol, floor.position(call.user_id, symbol.name)) for symbol in call.symbols()]


@endpoint("GET", "/fapi/v3/positionRisk", security="SIGNED", weight=5)
def position_risk_v3(call: Call) -> object:
    """The same with the third version's fields: positions that are open, and without leverage and margin type."""
    floor, told = call.venue.floor, []
    for symbol in call.symbols():
        position = floor.position(call.user_id, symbol.name)
        if not position.quantity:
            continue
        row = wire.position_risk(floor, symbol, position)
        for gone in ("leverage", "maxNotionalValue", "marginType", "isAutoAddMargin"):
            del row[gone]
        with localcontext(MONEY):
            margin = abs(position.cost) / LEVERAGE
        told.append(
            row
            | {
                "marginAsset": symbol.settlement,
                "initialMargin": wire.amount(margin),
                "maintMargin": "0",
                "positionInitialMargin": wire.amount(margin),
                "openOrderInitialMargin": "0",
                "adl": 0,
                "bidNotional": "0",
                "askNotional": "0",
            }
        )
    return told


@endpoint("GET", "/fapi/v1/leverageBracket", security="SIGNED")
def leverage_bracket(call: Call) -> object:
    """One bracket per symbol, without maintenance margin: nothing is liquidated here."""
    told = [
        {
            "symbol": symbol.name,
            "notionalCoef": 1.0,
            "brackets": [
                {
                    "bracket": 1,
                    "initialLeverage": LEVERAGE,
                    "notionalCap": 1_000_000_000,
                    "notionalFloor": 0,
                    "maintMarginRatio": 0.0,
                    "cum": 0.0,
                }
            ],
        }
        for symbol in call.symbols()
    ]
    return told[0] if "symbol" in call.parameters else told


@endpoint("GET", "/fapi/v1/commissionRate", security="SIGNED", weight=20)
def commission_rate(call: Call) -> object:
    """What trading a symbol costs."""
    symbol = call.symbol()
    return {
        "symbol": symbol.name,
        "makerCommissionRate": f"{symbol.maker_fee:f}",
        "takerCommissionRate": f"{symbol.taker_fee:f}",
    }


@endpoint("GET", "/fapi/v1/positionSide/dual", security="SIGNED", weight=30)
def position_mode(_: Call) -> object:
    """One-way mode: the only one here."""
    return {"dualSidePosition": False}


@endpoint("POST", "/fapi/v1/positionSide/dual", security="SIGNED")
def set_position_mode(call: Call) -> object:
    """One-way mode is set already (-4059); hedge mode is refused."""
    if call.parameters.flag("dualSidePosition"):
        raise BinanceError(-1020, "This operation is not supported.")
    raise BinanceError(-4059, "No need to change position side.")


@endpoint("GET", "/fapi/v1/multiAssetsMargin", security="SIGNED", weight=30)
def multi_assets(_: Call) -> object:
    """Single-asset mode."""
    return {"multiAssetsMargin": False}


@endpoint("POST", "/fapi/v1/leverage", security="SIGNED")
def set_leverage(call: Call) -> object:
    """The one leverage that positions have here; any other is refused (-4028)."""
    symbol, asked = call.symbol(), call.parameters.integer("leverage")
    if asked != LEVERAGE:
        raise BinanceError(-4028, f"Leverage {asked} is not valid")
    return {"leverage": LEVERAGE, "maxNotionalValue": "1000000000", "symbol": symbol.name}


@endpoint("POST", "/fapi/v1/marginType", security="SIGNED")
def set_margin_type(call: Call) -> object:
    """Cross margin is set already (-4046); isolated margin is refused."""
    call.symbol()
    if call.parameters.text("marginType") == "CROSSED":
        raise BinanceError(-4046, "No need to change margin type.")
    raise BinanceError(-1020, "This operation is not supported.")


@endpoint("GET", "/fapi/v1/accountConfig", security="SIGNED", weight=5)
def account_config(_: Call) -> object:
    """What the account may do."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


@endpoint("GET", "/fapi/v1/symbolConfig", security="SIGNED", weight=5)
def symbol_config(call: Call) -> object:
    """Margin type and leverage by symbol."""
    return [
        {
            "symbol": symbol.name,
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": LEVERAGE,
            "maxNotionalValue": "1000000000",
        }
        for symbol in call.symbols()
    ]


@endpoint("GET", "/fapi/v1/openAlgoOrders", "/fapi/v1/allAlgoOrders", security="SIGNED")
def algo_orders(_: Call) -> object:
    """Conditional orders: none, since the venue here takes none."""
    return []


@endpoint("POST", _LISTEN_KEY, security="KEY")
def start_listening(call: Call) -> object:
    """A key for the user data stream."""
    return {"listenKey": call.venue.listen_keys.start(call.user_id)}


@endpoint("PUT", _LISTEN_KEY, security="KEY")
def keep_listening(call: Call) -> object:
    """Another hour for the key (-1125)."""
    return {"listenKey": call.venue.listen_keys.renew(call.user_id)}


@endpoint("DELETE", _LISTEN_KEY, security="KEY")
def stop_listening(call: Call) -> object:
    """The key is over, and the streams it opened."""
    call.venue.close_streams(call.venue.listen_keys.stop(call.user_id))
    return {}
