"""What an account asks of itself: orders, fills, balances, positions, fees and settings.

Methods take the account's user id and a request's parameters and return its ``data``; each may raise
:class:`~liveexec_nautilus.loopback.okx.errors.OkxError`.
"""

from collections.abc import Callable
from typing import Final

from liveexec.domain.instrument import ContractKind
from liveexec_nautilus.loopback.okx.account_rows import LEVERAGE, balance_row, position_row
from liveexec_nautilus.loopback.okx.errors import OkxError
from liveexec_nautilus.loopback.okx.params import Listings, Params, number, page, required, word
from liveexec_nautilus.loopback.okx.trading import Row, Trading
from liveexec_nautilus.loopback.okx.wire import fill_row, order_id, order_row
from liveexec_nautilus.loopback.shared.accounts import AccountConfig
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.holdings import holdings
from liveexec_nautilus.loopback.shared.numbers import milliseconds, plain, whole_in
from liveexec_nautilus.loopback.shared.orders import Order
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["Lookups"]

_NS_PER_MS: Final = 1_000_000


class Lookups:
    """The venue's answers about one account."""

    def __init__(self, floor: Floor, listings: Listings, trading: Trading) -> None:
        self._floor = floor
        self._listings = listings
        self._trading = trading

    def order(self, user_id: int, params: Params) -> list[Row]:
        """``GET /api/v5/trade/order``"""
        order = self._trading.find(user_id, params)
        if order is None:
            raise OkxError("51603")
        return [order_row(order, None)]

    def pending(self, user_id: int, params: Params) -> list[Row]:
        """``GET /api/v5/trade/orders-pending``: open orders, newest first."""
        return self._orders(user_id, params, lambda order: order.is_open)

    def history(self, user_id: int, params: Params) -> list[Row]:
        """``GET /api/v5/trade/orders-history`` and its archive: orders that are over, newest first."""
        required(params, "instType")
        return self._orders(user_id, params, lambda order: not order.is_open)

    def fills(self, user_id: int, params: Params) -> list[Row]:
        """``GET /api/v5/trade/fills`` and ``fills-history``, newest first."""
        chosen = {symbol.name for symbol in self._listings.chosen(params)}
        wanted = word(params, "ordId")
        rows = [
            fill_row(each)
            for each in reversed(self._floor.executions_of(user_id))
            if each.order.symbol.name in chosen
            and wanted in {"", order_id(each.order)}
            and _in_span(each.time_ns, params)
        ]
        return page(rows, params, "billId")

    def balance(self, user_id: int, params: Params) -> list[Row]:
        """``GET /api/v5/account/balance``, all assets or those that ``ccy`` names."""
        named = set(filter(None, word(params, "ccy").split(",")))
        held = [each for each in holdings(self._floor, user_id, LEVERAGE) if not named or each.asset in named]
        return [balance_row(held, self._floor.clock.now_ns())]

    def positions(self, user_id: int, params: Params) -> list[Row]:
        """``GET /api/v5/account/positions``: those that are not flat."""
        wanted = set(filter(None, word(params, "instId").split(",")))
        rest = {name: value for name, value in params.items() if name != "instId"}
        return [
            self.position(user_id, symbol)
            for symbol in self._listings.chosen(rest)
            if symbol.kind is not ContractKind.SPOT
            and (not wanted or symbol.name in wanted)
            and self._floor.position(user_id, symbol.name).quantity
        ]

    def position(self, user_id: int, symbol: SymbolConfig) -> Row:
        """One position, flat or not."""
        last = self._floor.market.last_trade(symbol.name)
        shown = plain(symbol.opening_price if last is None else last.price)
        return position_row(
            symbol, self._floor.position(user_id, symbol.name), self._floor.market.mark(symbol.name), shown
        )

    def fees(self, params: Params) -> list[Row]:
        """``GET /api/v5/account/trade-fee``: rates that are paid are negative."""
        wanted = required(params, "instType")
        listed = self._listings.chosen({"instType": wanted})
        if not listed:
            raise OkxError("51000", "instType")
        maker, taker = plain(-listed[0].maker_fee), plain(-listed[0].taker_fee)
        has_u = wanted in {"SWAP", "FUTURES"}
        return [
            {
                "category": "1",
                "delivery": "",
                "exercise": "",
                "instType": wanted,
                "level": "Lv1",
                "maker": maker,
                "makerU": maker if has_u else "",
                "makerUSDC": "",
                "taker": taker,
                "takerU": taker if has_u else "",
                "takerUSDC": "",
                "ts": milliseconds(self._floor.clock.now_ns()),
                "uly": "",
            }
        ]

    def config(self, account: AccountConfig) -> list[Row]:
        """``GET /api/v5/account/config``: futures mode, net positions, a key that may trade and not withdraw."""
        return [
            {
                "acctLv": "2",
                "acctStpMode": "cancel_maker",
                "autoLoan": False,
                "ctIsoMode": "automatic",
                "enableSpotBorrow": False,
                "greeksType": "PA",
                "ip": "",
                "kycLv": "3",
                "label": account.name,
                "level": "Lv1",
                "levelTmp": "",
                "liquidationGear": "-1",
                "mainUid": str(account.user_id),
                "mgnIsoMode": "automatic",
                "opAuth": "1",
                "perm": "read_only,trade",
                "posMode": "net_mode",
                "roleType": "0",
                "spotBorrowAutoRepay": False,
                "spotOffsetType": "",
                "spotRoleType": "0",
                "spotTraderInsts": [],
                "traderInsts": [],
                "type": "0",
                "uid": str(account.user_id),
            }
        ]

    def set_position_mode(self, params: Params) -> list[Row]:
        """``POST /api/v5/account/set-position-mode``: net mode is what there is."""
        if required(params, "posMode") != "net_mode":
            raise OkxError("59000")
        return [{"posMode": "net_mode"}]

    def set_leverage(self, params: Params) -> list[Row]:
        """``POST /api/v5/account/set-leverage``: what it is already, or refused."""
        if number(params, "lever") != LEVERAGE:
            raise OkxError("51039")
        mode, name = required(params, "mgnMode"), word(params, "instId")
        return [{"lever": str(LEVERAGE), "mgnMode": mode, "instId": name, "posSide": ""}]

    def leverage(self, params: Params) -> list[Row]:
        """``GET /api/v5/account/leverage-info``"""
        mode, names = required(params, "mgnMode"), required(params, "instId").split(",")
        return [
            {"instId": name, "mgnMode": mode, "posSide": "net", "lever": str(LEVERAGE), "ccy": ""} for name in names
        ]

    def _orders(self, user_id: int, params: Params, shown: Callable[[Order], bool]) -> list[Row]:
        chosen = {symbol.name for symbol in self._listings.chosen(params)}
        wanted = {name: set(filter(None, word(params, name).split(","))) for name in ("ordType", "state")}
        rows = [
            order_row(order, None)
            for order in reversed(self._floor.orders_of(user_id))
            if order.symbol.name in chosen and shown(order) and _in_span(order.created_ns, params)
        ]
        fitting = [row for row in rows if all(not values or row[name] in values for name, values in wanted.items())]
        return page(fitting, params, "ordId")


def _in_span(time_ns: int, params: Params) -> bool:
    """Whether a time lies between ``begin`` and ``end`` where they are given, in milliseconds."""
    begin, end, time_ms = word(params, "begin"), word(params, "end"), time_ns // _NS_PER_MS
    since, until = whole_in(begin or "0"), whole_in(end or str(time_ms))
    if since is None or until is None:
        raise OkxError("51000", "begin" if since is None else "end")
    return since <= time_ms <= until
