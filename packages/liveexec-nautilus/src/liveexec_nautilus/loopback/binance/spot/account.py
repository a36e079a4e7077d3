"""The account endpoints of Spot."""

from decimal import Decimal
from typing import Final

from liveexec_nautilus.loopback.binance.errors import BinanceError
from liveexec_nautilus.loopback.binance.spot import layouts, wire, words
from liveexec_nautilus.loopback.binance.spot.registry import Call, Told, endpoint

__all__: list[str] = []

_NOTHING: Final = "0.00000000"
_GONE: Final = 410


@endpoint("GET", "/api/v3/account", security="SIGNED", weight=20)
def account(call: Call) -> object:
    """Balances; those that are zero are left out with ``omitZeroBalances``."""
    omit = call.parameters.flag("omitZeroBalances")
    rows = [row for row in wire.balance_rows(call.venue.floor, call.user_id) if not omit or row[1] or row[2]]
    maker, taker = _rates(call)
    told = {
        "makerCommission": int(maker * 10_000),
        "takerCommission": int(taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": words.amount(maker),
            "taker": words.amount(taker),
            "buyer": _NOTHING,
            "seller": _NOTHING,
        },
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.venue.clock.now_ms(),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": words.amount(free), "locked": words.amount(locked)} for asset, free, locked in rows
        ],
        "permissions": ["SPOT"],
        "uid": call.user_id,
    }
    values = {
        "commissionExponent": words.EXPONENT,
        "commissionRateMaker": words.mantissa(maker),
        "commissionRateTaker": words.mantissa(taker),
        "commissionRateBuyer": 0,
        "commissionRateSeller": 0,
        "canTrade": 1,
        "canWithdraw": 1,
        "canDeposit": 1,
        "brokered": 0,
        "requireSelfTradePrevention": 0,
        "preventSor": 0,
        "updateTime": words.micros(call.venue.clock.now_ns()),
        "accountType": 0,
        "uid": call.user_id,
        "balances": [
            {
                "exponent": words.EXPONENT,
                "free": words.mantissa(free),
                "locked": words.mantissa(locked),
                "asset": asset,
            }
            for asset, free, locked in rows
        ],
        "permissions": [{"permission": "SPOT"}],
        "reduceOnlyAssets": [],
    }
    return Told(told, layouts.ACCOUNT, values)


@endpoint("GET", "/api/v3/account/commission", security="SIGNED", weight=20)
def commission(call: Call) -> object:
    """What trading a symbol costs."""
    symbol = call.symbol()
    nothing = {"maker": _NOTHING, "taker": _NOTHING, "buyer": _NOTHING, "seller": _NOTHING}
    rates = {"maker": words.amount(symbol.maker_fee), "taker": words.amount(symbol.taker_fee)}
    told = {
        "symbol": symbol.name,
        "standardCommission": nothing | rates,
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": _NOTHING,
        },
    }
    zeros = dict.fromkeys(
        (
            "standardCommissionBuyer",
            "standardCommissionSeller",
            "taxCommissionMaker",
            "taxCommissionTaker",
            "taxCommissionBuyer",
            "taxCommissionSeller",
            "discountEnabledForAccount",
            "discountEnabledForSymbol",
            "discount",
        ),
        0,
    )
    values = zeros | {
        "commissionExponent": words.EXPONENT,
        "discountExponent": words.EXPONENT,
        "standardCommissionMaker": words.mantissa(symbol.maker_fee),
        "standardCommissionTaker": words.mantissa(symbol.taker_fee),
        "symbol": symbol.name,
        "discountAsset": "BNB",
    }
    return Told(told, layouts.COMMISSION, values)


@endpoint("POST", "/api/v3/userDataStream", security="KEY")
def listen_key(_: Call) -> object:
    """Listen keys are retired: an account's stream is subscribed to over the WebSocket API."""
    raise BinanceError(-1020, "This operation is not supported.", _GONE)


def _rates(call: Call) -> tuple[Decimal, Decimal]:
    """Maker and taker rates: the same for every symbol here."""
    symbol = next(iter(call.venue.floor.symbols.values()))
    return symbol.maker_fee, symbol.taker_fee
