"""What Deribit sends, as far as it is read: msgspec structs named and shaped as in the venue's specification
(OpenAPI and AsyncAPI, API version 2.1.1).

Fields that are not listed are ignored, so that new ones never break. Numbers become Decimals from their digits,
without passing through a float. What has to be there is a field without a default; whether its value makes sense is
the mapping's to say.
"""

from decimal import Decimal
from typing import Any

import msgspec

__all__ = [
    "AccountSummaries",
    "AccountSummary",
    "AuthGrant",
    "BookChange",
    "Instrument",
    "LogEntry",
    "LogPage",
    "Order",
    "OrderAnswer",
    "OrderPage",
    "Portfolio",
    "Position",
    "PublicTrade",
    "Quote",
    "RpcError",
    "Settlement",
    "SettlementPage",
    "TickStep",
    "TradePage",
    "UserChanges",
    "UserTrade",
]

#: What is not there, where ``None`` would be a value.
ABSENT = msgspec.Raw(b"null")


class RpcError(msgspec.Struct):
    """The ``error`` of an answer. ``data`` is whatever the venue adds."""

    code: int
    message: str = ""
    data: Any = None


class AuthGrant(msgspec.Struct):
    """The result of public/auth. ``expires_in`` is in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    scope: str = ""


class TickStep(msgspec.Struct):
    """From ``above_price`` on prices move by ``tick_size``."""

    above_price: Decimal
    tick_size: Decimal


class Instrument(msgspec.Struct):
    """An instrument as public/get_instruments lists it."""

    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    tick_size: Decimal
    min_trade_amount: Decimal
    contract_size: Decimal
    is_active: bool = True
    settlement_currency: str | None = None
    instrument_type: str | None = None
    future_type: str | None = None
    expiration_timestamp: int | None = None
    tick_size_steps: list[TickStep] = []
    maker_commission: Decimal = Decimal(0)
    taker_commission: Decimal = Decimal(0)
    strike: Decimal | None = None


class Order(msgspec.Struct):
    """An order. ``price`` is a number, or the text ``market_price``; timestamps are milliseconds."""

    order_id: str
    instrument_name: str
    order_state: str
    order_type: str
    direction: str
    creation_timestamp: int
    last_update_timestamp: int
    time_in_force: str = "good_til_cancelled"
    amount: Decimal | None = None
    filled_amount: Decimal = Decimal(0)
    price: msgspec.Raw = ABSENT
    label: str = ""
    trigger_order_id: str | None = None
    cancel_reason: str | None = None
    reject_reason: str | None = None
    quote: bool = False


class UserTrade(msgspec.Struct):
    """A fill of an order of the account. ``direction`` is the account's own side."""

    trade_id: str
    instrument_name: str
    order_id: str
    direction: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    timestamp: int
    liquidity: str | None = None
    label: str | None = None


class OrderAnswer(msgspec.Struct):
    """The result of private/buy, sell and edit. Each is read apart, so that a bad one hides no other."""

    order: msgspec.Raw
    trades: list[msgspec.Raw] = []


class UserChanges(msgspec.Struct):
    """What a user.changes notification holds: everything that one event changed, read one by one."""

    instrument_name: str = ""
    trades: list[msgspec.Raw] = []
    orders: list[msgspec.Raw] = []


class TradePage(msgspec.Struct):
    """A page of private/get_user_trades_…"""

    trades: list[msgspec.Raw]
    has_more: bool = False


class OrderPage(msgspec.Struct):
    """A page of private/get_order_history_… with its continuation."""

    orders: list[msgspec.Raw] = []
    continuation: str | None = None


class Position(msgspec.Struct):
    """A position. ``size`` is in USD for inverse futures, in the base coin for everything else."""

    instrument_name: str
    size: Decimal
    direction: str
    average_price: Decimal | None = None


class AccountSummary(msgspec.Struct):
    """One currency of private/get_account_summaries. ``balance`` is cash; what futures have earned since the last
    settlement is not in it yet (``futures_session_rpl``, without what is still open)."""

    currency: str
    balance: Decimal
    available_funds: Decimal
    futures_session_rpl: Decimal = Decimal(0)


class AccountSummaries(msgspec.Struct):
    """The result of private/get_account_summaries."""

    summaries: list[AccountSummary]


class LogEntry(msgspec.Struct):
    """An entry of the transaction log. ``change`` is what it moved the cash by; ``interest_pl`` the funding that it
    realises, which is part of a session's result."""

    id: int
    currency: str
    timestamp: int
    change: Decimal
    type: str
    commission: Decimal | None = None
    interest_pl: Decimal | None = None
    trade_id: str | None = None


class LogPage(msgspec.Struct):
    """A page of private/get_transaction_log, with its continuation."""

    logs: list[msgspec.Raw]
    continuation: int | None = None


class Settlement(msgspec.Struct):
    """A settlement, delivery or bankruptcy of the account's."""

    instrument_name: str
    timestamp: int
    index_price: Decimal
    type: str


class SettlementPage(msgspec.Struct):
    """A page of private/get_settlement_history_…, with its continuation."""

    settlements: list[msgspec.Raw]
    continuation: str | None = None


class Portfolio(msgspec.Struct):
    """What a user.portfolio notification holds: the same of one currency."""

    currency: str
    balance: Decimal
    available_funds: Decimal
    futures_session_rpl: Decimal = Decimal(0)


#: [action, price, amount]
BookEntry = tuple[str, Decimal, Decimal]


class BookChange(msgspec.Struct):
    """A book.….100ms notification. ``prev_change_id`` is not there in a snapshot."""

    instrument_name: str
    timestamp: int
    change_id: int
    bids: list[BookEntry]
    asks: list[BookEntry]
    type: str = ""
    prev_change_id: int | None = None


class Quote(msgspec.Struct):
    """A quote.… notification. An empty side has no price and no amount."""

    instrument_name: str
    timestamp: int
    best_bid_price: Decimal | None = None
    best_bid_amount: Decimal | None = None
    best_ask_price: Decimal | None = None
    best_ask_amount: Decimal | None = None


class PublicTrade(msgspec.Struct):
    """A trade of the market. ``amount`` has the unit of orders."""

    trade_id: str
    instrument_name: str
    timestamp: int
    price: Decimal
    amount: Decimal
    direction: str = ""
    trade_seq: int = 0
