"""What Binance's REST tells, as far as it is read here (developers.binance.com), and NautilusTrader's words for it.

Quantities and prices are the venue's text, times are UTC milliseconds.
"""

from typing import Final

import msgspec

__all__ = ["STATUSES", "TIFS", "TYPES", "Account", "Asset", "MarketTrade", "Order", "PositionRisk", "Trade"]

STATUSES: Final = {
    "NEW": "ACCEPTED",
    "PENDING_NEW": "ACCEPTED",
    "PARTIALLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "PENDING_CANCEL": "PENDING_CANCEL",
    "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "EXPIRED",
    "NEW_INSURANCE": "ACCEPTED",
    "NEW_ADL": "ACCEPTED",
}
TYPES: Final = {
    "LIMIT": "LIMIT",
    "MARKET": "MARKET",
    "LIMIT_MAKER": "LIMIT",
    "STOP": "STOP_LIMIT",
    "STOP_MARKET": "STOP_MARKET",
    "STOP_LOSS": "STOP_MARKET",
    "STOP_LOSS_LIMIT": "STOP_LIMIT",
    "TAKE_PROFIT": "LIMIT_IF_TOUCHED",
    "TAKE_PROFIT_LIMIT": "LIMIT_IF_TOUCHED",
    "TAKE_PROFIT_MARKET": "MARKET_IF_TOUCHED",
    "TRAILING_STOP_MARKET": "TRAILING_STOP_MARKET",
}
TIFS: Final = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "GTX": "GTC", "GTD": "GTD", "GTE_GTC": "GTC", "RPI": "GTC"}


class Order(msgspec.Struct, rename="camel"):
    """An order, ``order`` and ``openOrders``."""

    symbol: str
    order_id: int
    client_order_id: str
    status: str
    side: str
    type: str
    orig_qty: str
    executed_qty: str
    price: str = "0"
    time_in_force: str = "GTC"
    time: int = 0
    update_time: int = 0


class Trade(msgspec.Struct, rename="camel"):
    """A fill of the account, ``userTrades`` (futures) or ``myTrades`` (spot)."""

    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    time: int
    commission: str | None = None
    commission_asset: str | None = None
    side: str | None = None
    maker: bool | None = None
    is_buyer: bool | None = None
    is_maker: bool | None = None


class PositionRisk(msgspec.Struct, rename="camel"):
    """A position, ``positionRisk``."""

    symbol: str
    position_amt: str
    entry_price: str = "0"
    update_time: int = 0


class Asset(msgspec.Struct, rename="camel"):
    """An asset of the account: futures tell what it holds, spot what is free and what is locked."""

    asset: str
    wallet_balance: str | None = None
    available_balance: str | None = None
    free: str | None = None
    locked: str | None = None


class Account(msgspec.Struct, rename="camel"):
    """The account: ``assets`` of futures, ``balances`` of spot."""

    assets: list[Asset] = []
    balances: list[Asset] = []


class MarketTrade(msgspec.Struct, rename="camel"):
    """A trade of the market, ``trades``."""

    price: str
    qty: str
    time: int
