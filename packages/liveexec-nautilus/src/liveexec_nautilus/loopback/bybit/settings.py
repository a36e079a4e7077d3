"""An account's settings and fees, which are fixed here: unified, one-way mode, cross margin, one leverage.

Methods return a request's ``result``; each may raise :class:`~liveexec_nautilus.loopback.bybit.errors.BybitError`.
"""

from decimal import Decimal
from typing import Final

from liveexec_nautilus.loopback.bybit.account_rows import LEVERAGE
from liveexec_nautilus.loopback.bybit.errors import BybitError
from liveexec_nautilus.loopback.bybit.listings import wire_name
from liveexec_nautilus.loopback.bybit.params import Listings, Params, number, word
from liveexec_nautilus.loopback.shared.accounts import AccountConfig
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.numbers import plain

__all__ = ["Settings"]

_OPENED: Final = "2024-01-01T00:00:00Z"
_HEDGE_MODE: Final = "3"


class Settings:
    """The venue's answers about what an account may set."""

    def __init__(self, floor: Floor, listings: Listings) -> None:
        self._floor = floor
        self._listings = listings

    def fee_rates(self, params: Params) -> dict[str, object]:
        """``/v5/account/fee-rate``: of whatever fits; every account pays the same."""
        rates = [
            {
                "symbol": wire_name(symbol),
                "takerFeeRate": plain(symbol.taker_fee),
                "makerFeeRate": plain(symbol.maker_fee),
                "baseCoin": "",
            }
            for symbol in self._listings.chosen(params)
        ]
        return {"list": rates}

    def account_info(self) -> dict[str, object]:
        """``/v5/account/info``: a unified account with cross margin."""
        return {
            "marginMode": "REGULAR_MARGIN",
            "updatedTime": "1704067200000",
            "unifiedMarginStatus": 5,
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def key(self, account: AccountConfig) -> dict[str, object]:
        """``/v5/user/query-api``: a key that may trade everything here and withdraw nothing."""
        return {
            "id": str(account.user_id),
            "note": account.name,
            "apiKey": account.keys[0].key,
            "readOnly": 0,
            "secret": "",
            "permissions": {
                "ContractTrade": ["Order", "Position"],
                "Spot": ["SpotTrade"],
                "Wallet": [],
                "Options": ["OptionsTrade"],
                "Derivatives": ["DerivativesTrade"],
                "CopyTrading": [],
                "BlockTrade": [],
                "Exchange": [],
                "NFT": [],
                "Affiliate": [],
                "Earn": [],
                "FiatP2P": [],
                "FiatBybitPay": [],
                "FiatConvertBroker": [],
                "FiatGlobalPay": [],
                "FiatBitPay": [],
                "BitCard": [],
                "ByXPost": [],
            },
            "ips": ["*"],
            "type": 1,
            "deadlineDay": -2,
            "expiredAt": "1970-01-01T00:00:00Z",
            "createdAt": _OPENED,
            "unified": 0,
            "uta": 1,
            "userID": account.user_id,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
            "userIDInt64": "0",
            "inviterIDInt64": "0",
            "affiliateIDInt64": "0",
        }

    def coins(self, params: Params) -> dict[str, object]:
        """``/v5/asset/coin/query-info``: the coins that are traded here, none of which can be moved over a chain."""
        named = word(params, "coin")
        coins = sorted({coin for symbol in self._floor.symbols.values() for coin in (symbol.base, symbol.settlement)})
        rows = [
            {"name": coin, "coin": coin, "remainAmount": "0", "chains": []} for coin in coins if named in {"", coin}
        ]
        return {"rows": rows}

    def switch_mode(self, params: Params) -> dict[str, object]:
        """``/v5/position/switch-mode``: one-way mode is what there is (110025), hedge mode is refused."""
        self._listings.category(params)
        if word(params, "mode") == _HEDGE_MODE:
            raise BybitError(110029)
        raise BybitError(110025)

    def set_leverage(self, params: Params) -> dict[str, object]:
        """``/v5/position/set-leverage``: what it is already (110043), or refused."""
        self._listings.symbol(params)
        wanted = {number(params, "buyLeverage"), number(params, "sellLeverage")}
        raise BybitError(110043 if wanted == {Decimal(LEVERAGE)} else 110013)

    def set_margin_mode(self, params: Params) -> dict[str, object]:
        """``/v5/account/set-margin-mode``: cross margin (``REGULAR_MARGIN``) is what there is."""
        if word(params, "setMarginMode") != "REGULAR_MARGIN":
            raise BybitError(110073)
        return {"reasons": []}
