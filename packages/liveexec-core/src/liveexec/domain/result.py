"""What a caller gets back: how an order stands, with its fills."""

from decimal import Decimal

from attrs import frozen

from liveexec.domain.fill import Fill
from liveexec.domain.ids import OperationId, OrderId
from liveexec.domain.order_state import OrderStatus

__all__ = ["ExecutionResult"]


@frozen(eq=False)
class ExecutionResult:
    """An order as it is recorded. ``repeated`` says that the operation id was known and nothing new was done.

    ``rejection_reason`` is the code of a refusal (a risk rule's, the venue's, ``NOT_SENT``), ``message`` its words. A
    parent's fills are its children's, oldest first.
    """

    operation_id: OperationId
    order_id: OrderId
    status: OrderStatus
    filled_quantity: Decimal
    average_price: Decimal | None
    rejection_reason: str | None
    message: str | None
    fills: tuple[Fill, ...]
    repeated: bool = False
