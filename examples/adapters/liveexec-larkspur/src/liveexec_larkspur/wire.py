"""What Larkspur sends, as it is written in PROTOCOL.md. Fields that are not named here are ignored.

Amounts are decimal strings, times are microseconds since 1970 (UTC).
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

__all__ = [
    "Balance",
    "Balances",
    "Book",
    "Done",
    "ErrorAnswer",
    "Fill",
    "FillMessage",
    "Fills",
    "Head",
    "Instrument",
    "Instruments",
    "Order",
    "OrderAnswer",
    "OrderMessage",
    "Orders",
    "Time",
    "Trade",
    "Trades",
    "Transfer",
    "TransferMessage",
]

Side = Literal["buy", "sell"]
OrderKind = Literal["limit", "market"]
Tif = Literal["gtc", "ioc", "fok"]


class Instrument(Struct, frozen=True):
    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    maker_fee: Decimal
    taker_fee: Decimal


class Order(Struct, frozen=True):
    id: str
    client_id: str
    symbol: str
    side: Side
    type: OrderKind
    tif: Tif
    quantity: Decimal
    filled: Decimal
    status: Literal["open", "filled", "canceled"]
    updated_us: int
    price: Decimal | None = None
    reason: str | None = None


class Fill(Struct, frozen=True):
    id: str
    order_id: str
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Literal["maker", "taker"]
    time_us: int


class Balance(Struct, frozen=True):
    asset: str
    total: Decimal
    available: Decimal


class Trade(Struct, frozen=True):
    symbol: str
    price: Decimal
    quantity: Decimal
    time_us: int


class Book(Struct, frozen=True):
    symbol: str
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    time_us: int


class Transfer(Struct, frozen=True):
    id: str
    asset: str
    amount: Decimal
    kind: str
    time_us: int


# -- answers to requests ---------------------------------------------------------------------------------------------


class Time(Struct, frozen=True):
    time_us: int


class Instruments(Struct, frozen=True):
    instruments: tuple[Instrument, ...]


class OrderAnswer(Struct, frozen=True):
    order: Order


class Done(Struct, frozen=True):
    canceled: int


class Orders(Struct, frozen=True):
    orders: tuple[Order, ...]
    as_of_us: int
    next: str | None = None


class Fills(Struct, frozen=True):
    fills: tuple[Fill, ...]
    as_of_us: int
    next: str | None = None


class Balances(Struct, frozen=True):
    balances: tuple[Balance, ...]
    as_of_us: int


class Trades(Struct, frozen=True):
    trades: tuple[Trade, ...]


class Error(Struct, frozen=True):
    code: str
    message: str = ""
    #: Of UNKNOWN_ORDER: orders that ended before this time are forgotten; absent when none ever was.
    forgotten_until_us: int | None = None


class ErrorAnswer(Struct, frozen=True):
    error: Error


# -- messages of the streams -----------------------------------------------------------------------------------------


class Head(Struct, frozen=True):
    """What every message has. ``seq`` counts the messages of a session's reports; heartbeats repeat the last one."""

    type: str
    seq: int | None = None
    code: str | None = None
    message: str | None = None


class OrderMessage(Struct, frozen=True):
    order: Order


class FillMessage(Struct, frozen=True):
    fill: Fill


class TransferMessage(Struct, frozen=True):
    transfer: Transfer
