"""Two runs, order by order: what became of the same operations in each."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from liveexec.domain.money import canonical
from liveexec.storage.results.archive import RunResults
from liveexec.storage.results.rows import ResultOrder

__all__ = ["OrderDifference", "OrderDifferences", "order_differences"]

#: What two runs of the same orders should agree on. Ids and times are each run's own.
_COMPARED: Final = (
    "side",
    "price",
    "amount",
    "status",
    "order_type",
    "exec_algorithm",
    "venue",
    "instrument_id",
    "filled_amount",
    "average_price",
    "rejection_reason",
)


@frozen
class OrderDifference:
    """A column in which an order of one operation differs; ``None`` for an order that a run does not have."""

    run_id: str
    operation_id: str
    column: str
    first: str | None
    other: str | None


@frozen
class OrderDifferences:
    """How two runs differ: ``compared`` operations are in both, ``alone`` in one of them."""

    found: tuple[OrderDifference, ...]
    compared: int
    alone: int


def order_differences(first: RunResults, other: RunResults) -> OrderDifferences:
    """Where the orders of a run differ from those of the first one. Children are compared through their parents."""
    ours, theirs = _by_operation(first.orders), _by_operation(other.orders)
    run_id = other.summary.run_id
    found = []
    for operation_id in sorted(ours.keys() | theirs.keys()):
        one, two = ours.get(operation_id), theirs.get(operation_id)
        if one is None or two is None:
            status = (_text(each.status) if each is not None else None for each in (one, two))
            found.append(OrderDifference(run_id, operation_id, "status", *status))
            continue
        for name in _COMPARED:
            values = _text(getattr(one, name)), _text(getattr(two, name))
            if values[0] != values[1]:
                found.append(OrderDifference(run_id, operation_id, name, *values))
    both = len(ours.keys() & theirs.keys())
    return OrderDifferences(tuple(found), both, len(ours.keys() | theirs.keys()) - both)


def _by_operation(orders: Sequence[ResultOrder]) -> dict[str, ResultOrder]:
    return {order.operation_id: order for order in orders if order.parent_id is None}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else canonical(value)
