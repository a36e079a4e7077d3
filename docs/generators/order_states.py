"""The order state table, from :mod:`liveexec.domain.order_state`."""

from collections.abc import Iterator
from typing import Final

from generators.markdown import code, summary, table
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import TERMINAL_STATUSES, TRANSITIONS, Derived, OrderStatus

__all__ = ["order_events", "status_grid", "transition_table"]

_NEW: Final = "(new)"
_RESOLVED: Final = frozenset(OrderStatus(each.value) for each in Resolution)
_BY_FILLS: Final = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED})
#: What a venue says of an order that it has: that it works, or how it ended.
_ADOPTED: Final = TERMINAL_STATUSES | {OrderStatus.ACCEPTED}
_ENDED_UNFILLED: Final = frozenset({OrderStatus.REJECTED, OrderStatus.CANCELED})


def transition_table() -> str:
    """For each status, what may follow it and upon which events."""
    rows = []
    for status, events in TRANSITIONS.items():
        following: dict[str, list[str]] = {}
        for event, result in events.items():
            following.setdefault(_result(result), []).append(event.__name__)
        for index, (becomes, names) in enumerate(following.items()):
            rows.append((_status(status) if index == 0 else "", becomes, ", ".join(code(name) for name in names)))
    return table(("in status", "becomes", "upon"), rows)


def status_grid() -> str:
    """Which status may follow which, drawn."""
    columns = list(OrderStatus)
    width = max(len(status) for status in columns)
    lines = [f"{'from':>{width}}   to  " + "  ".join(f"{_short(status):<3}" for status in columns)]
    for status, events in TRANSITIONS.items():
        reached = {target for result in events.values() for target in _reached(status, result)} - {status}
        marks = "  ".join(f"{'●' if target in reached else '·':<3}" for target in columns)
        lines.append(f"{status or _NEW:>{width}} ────▶ {marks}".rstrip())
    legend = ", ".join(f"{_short(status)} {status}" for status in columns)
    return "\n".join(["```text", *lines, "```", "", f"Columns: {legend}."])


def order_events() -> str:
    """Every event of an order, and what it means."""
    kinds = {event.__name__: event for events in TRANSITIONS.values() for event in events}
    return table(("event", "meaning"), [(code(name), summary(kind.__doc__)) for name, kind in kinds.items()])


def _reached(status: OrderStatus | None, result: OrderStatus | Derived) -> Iterator[OrderStatus]:
    """Every status that a result may come to; that it stays is left out."""
    match result:
        case OrderStatus():
            yield result
        case Derived.KEEP:
            return
        case Derived.BY_FILLS:
            yield from _BY_FILLS
        case Derived.COMPLETES:
            # A bust may take back what filled the order.
            yield OrderStatus.CANCELED if status is OrderStatus.FILLED else OrderStatus.FILLED
        case Derived.BY_ATTEMPT | Derived.BY_CANCEL_WISH:
            yield from _ENDED_UNFILLED
        case Derived.BY_RESOLUTION:
            yield from _RESOLVED
        case Derived.BY_REPORT:
            yield from _ADOPTED


def _result(result: OrderStatus | Derived) -> str:
    if isinstance(result, OrderStatus):
        return code(result)
    return "stays" if result is Derived.KEEP else f"*{result}*"


def _status(status: OrderStatus | None) -> str:
    return code(status) if status is not None else _NEW


def _short(status: OrderStatus) -> str:
    return "".join(word[0] for word in status.split("_")) if "_" in status else status[:3]
