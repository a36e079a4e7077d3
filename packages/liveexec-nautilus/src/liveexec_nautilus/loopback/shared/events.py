"""What happens on a loopback venue's floor, told to its streams one by one while each state still stands."""

from decimal import Decimal
from enum import Enum

from attrs import frozen

from liveexec.domain.market import Level
from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.shared.orders import Execution, Order
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["BalanceMoved", "BookChanged", "FloorEvent", "MarkMoved", "OrderChange", "OrderChanged", "PublicTrade"]


class OrderChange(Enum):
    """What became of an order (FIX tag 150, ExecType)."""

    NEW = "NEW"
    TRADE = "TRADE"
    AMENDED = "AMENDED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


@frozen
class OrderChanged:
    """An account's order changed; ``execution`` is there for a trade. The order stands as it was left by this."""

    order: Order
    change: OrderChange
    execution: Execution | None = None


@frozen
class PublicTrade:
    """A trade as the market sees it; ``aggressor`` is the side that took."""

    symbol: SymbolConfig
    trade_number: int
    price: Decimal
    quantity: Decimal
    aggressor: Side
    time_ns: int


@frozen
class BookChanged:
    """Levels of a book that changed, with what they hold now (zero: gone). Update numbers rise by one for each."""

    symbol: SymbolConfig
    update: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    time_ns: int


@frozen
class MarkMoved:
    """A mark price was set."""

    symbol: SymbolConfig
    price: Decimal
    time_ns: int


@frozen
class BalanceMoved:
    """An asset of an account moved without a trade: a deposit, a withdrawal, funding."""

    user_id: int
    asset: str
    amount: Decimal
    kind: str
    time_ns: int


FloorEvent = OrderChanged | PublicTrade | BookChanged | MarkMoved | BalanceMoved
