"""An order as its events made it. It changes in :mod:`liveexec.domain.order_fold` and nowhere else."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import define

from liveexec.domain import money
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OperationId, OrderId, StrategyId, VenueOrderId
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.intent import OrderIntent
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OPEN_STATUSES, OrderStatus
from liveexec.domain.outcome import SendPlan

__all__ = ["Order", "PendingCancel"]


class PendingCancel(StrEnum):
    """The cancel flag beside the status (FIX PendingCancel). A wish stays until the order ends, whatever the answer."""

    NONE = "NONE"
    REQUESTED = "REQUESTED"
    UNKNOWN = "UNKNOWN"


@define(eq=False, weakref_slot=False)
class Order:
    """An order as its events made it. Only the fold changes one.

    ``quantity`` and ``price`` are the current terms (a replace changes them), ``filled_cost`` is the sum of quantity
    x price over fills. A parent's filled amounts are the sums over its children. ``fills`` holds what counts now, by
    key; it is ``None`` until the first fill; ``undone_fills`` are the keys that were busted or corrected away, which
    must not count again when they are reported again. ``replace`` is the change under way.

    A venue counts what is filled of the order that it has: ``earlier_fills`` are those of attempts before the present
    one, ``adopted_filled`` is what was filled before the order was adopted.
    """

    order_id: OrderId
    intent: OrderIntent
    operation_id: OperationId
    principal: str
    content_hash: str
    parent_id: OrderId | None
    ordinal: int | None
    is_parent: bool
    strategy_id: StrategyId
    account_id: AccountId | None
    instrument_id: InstrumentId | None
    terms: ContractTerms | None
    quantity: Decimal
    price: Decimal | None
    status: OrderStatus
    created_at_ns: int
    updated_at_ns: int
    last_sequence: int
    filled_quantity: Decimal = ZERO
    filled_cost: Decimal = ZERO
    fills: dict[FillKey, Fill] | None = None
    undone_fills: frozenset[FillKey] = frozenset()
    earlier_fills: frozenset[FillKey] = frozenset()
    adopted_filled: Decimal = ZERO
    approved: bool = False
    attempt: int = 0
    plan: SendPlan | None = None
    venue_order_id: VenueOrderId | None = None
    reserve_price: Decimal | None = None
    cancel: PendingCancel = PendingCancel.NONE
    replace: ev.ReplaceRequested | None = None
    replace_unknown: bool = False
    children: list[OrderId] | None = None
    schedule: dict[str, Any] | None = None
    code: str | None = None
    message: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def is_adopted(self) -> bool:
        """Whether its venue had it before anybody here knew of it: nobody asked for it by an operation of his own."""
        return self.parent_id is None and str(self.operation_id) == self.order_id

    @property
    def side(self) -> Side | None:
        return self.intent.side

    @property
    def client_order_id(self) -> ClientOrderId | None:
        return self.plan.client_order_id if self.plan is not None else None

    @property
    def leaves(self) -> Decimal:
        """What may still be filled (FIX LeavesQty): zero when terminal, never negative."""
        if self.status not in OPEN_STATUSES:
            return ZERO
        left = self.quantity - self.filled_quantity
        return left if left > 0 else ZERO

    @property
    def worst_leaves(self) -> Decimal:
        """What may still be filled at worst: a pending replace counts at the larger of both quantities."""
        if self.replace is None or self.status not in OPEN_STATUSES:
            return self.leaves
        left = self.whole_quantity - self.filled_quantity
        return left if left > 0 else ZERO

    @property
    def attempt_filled(self) -> Decimal:
        """What the venue should count as filled of the present attempt (FIX CumQty), as far as fills have arrived."""
        if not self.earlier_fills:
            return self.adopted_filled + self.filled_quantity
        return sum((fill.quantity for fill in self.fills_of_attempt(earlier=False)), ZERO)

    def fills_of_attempt(self, *, earlier: bool) -> list[Fill]:
        """The fills that count, oldest first: those of the present attempt, or of those before it."""
        return [fill for key, fill in (self.fills or {}).items() if (key in self.earlier_fills) is earlier]

    @property
    def whole_quantity(self) -> Decimal:
        """What completes the order: while a change is pending, the larger of both quantities."""
        return self.quantity if self.replace is None else max(self.quantity, self.replace.quantity)

    @property
    def is_overfilled(self) -> bool:
        return self.filled_quantity > self.whole_quantity

    @property
    def average_price(self) -> Decimal | None:
        """Average price of the fills, rounded to 18 places."""
        return money.divide(self.filled_cost, self.filled_quantity) if self.filled_quantity else None

    @property
    def is_at_venue(self) -> bool:
        """Whether an attempt may be live at a venue now."""
        return self.attempt > 0 and self.status in OPEN_STATUSES
