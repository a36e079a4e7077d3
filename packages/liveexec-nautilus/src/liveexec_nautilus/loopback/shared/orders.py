"""Orders and executions as a loopback venue tells them: the fold of what its matching engine reported."""

from collections.abc import Mapping
from decimal import Decimal

from attrs import define, field, frozen

from liveexec.domain.money import MONEY, ZERO, divide
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import VenueOrderStatus
from liveexec_nautilus.loopback.shared.symbols import SymbolConfig

__all__ = ["Execution", "Order", "OrderRequest", "Refusal"]


@frozen(kw_only=True)
class OrderRequest:
    """An order to place. ``details`` are the fields that only the venue's protocol knows, told back as they came."""

    symbol: SymbolConfig
    side: Side
    order_type: OrderType
    quantity: Decimal
    client_order_id: str
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    details: Mapping[str, str] = field(factory=dict)


@frozen
class Refusal:
    """Why the engine refuses a request: a code of :class:`~liveexec.venues.paper.entry.RejectCode`, and a sentence."""

    code: str
    message: str


@define(eq=False)
class Execution:
    """One fill of an order. ``fee`` is what the account pays, negative for a rebate.

    ``realized_pnl`` is what it realised in the settlement asset, fee apart; ``position`` is the account's signed net
    position in the symbol right after it.
    """

    trade_number: int
    order: "Order"
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    time_ns: int
    realized_pnl: Decimal
    position: Decimal

    @property
    def value(self) -> Decimal:
        """Quantity times price, whatever the contract is worth."""
        return MONEY.multiply(self.quantity, self.price)


@define(eq=False, kw_only=True)
class Order:
    """An order as the venue tells it now. ``number`` is the venue's id, rising over all accounts."""

    number: int
    user_id: int
    symbol: SymbolConfig
    client_order_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    expire_at_ns: int | None
    post_only: bool
    reduce_only: bool
    details: dict[str, str]
    created_ns: int
    updated_ns: int
    status: VenueOrderStatus = VenueOrderStatus.WORKING
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    #: Why it ended: a code of :class:`~liveexec.venues.paper.entry.EndCode`; ``None`` while open and when filled.
    end_code: str | None = None
    amendments: int = 0
    executions: list[Execution] = field(factory=list)

    @property
    def is_open(self) -> bool:
        return self.status.is_open

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """Zero while nothing has filled; otherwise rounded to 18 places."""
        return divide(self.filled_value, self.filled) if self.filled else ZERO

    def fill(self, execution: Execution) -> None:
        """Book an execution."""
        self.executions.append(execution)
        self.filled = MONEY.add(self.filled, execution.quantity)
        self.filled_value = MONEY.add(self.filled_value, execution.value)
        self.updated_ns = execution.time_ns
        if self.filled == self.quantity:
            self.status = VenueOrderStatus.FILLED
