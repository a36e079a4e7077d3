"""Results: how an order stands for its caller, and waiting for it to stand otherwise."""

import asyncio
from collections.abc import Mapping

from liveexec.domain.fill import Fill
from liveexec.domain.ids import OrderId
from liveexec.domain.money import shortest
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.result import ExecutionResult

__all__ = ["Watchers", "result_of"]


def result_of(order: Order, orders: Mapping[OrderId, Order], *, repeated: bool = False) -> ExecutionResult:
    """How an order durably stands. A parent's fills are those of its children that are in memory."""
    return ExecutionResult(
        operation_id=order.operation_id,
        order_id=order.order_id,
        status=order.status,
        filled_quantity=order.filled_quantity,
        average_price=shortest(average) if (average := order.average_price) is not None else None,
        rejection_reason=order.code,
        message=order.message,
        fills=_fills(order, orders),
        repeated=repeated,
    )


def _fills(order: Order, orders: Mapping[OrderId, Order]) -> tuple[Fill, ...]:
    if not order.is_parent:
        return tuple((order.fills or {}).values())
    children = (orders[child] for child in order.children or () if child in orders)
    fills = [fill for child in children for fill in (child.fills or {}).values()]
    return tuple(sorted(fills, key=lambda fill: fill.venue_time_ns))


class Watchers:
    """Who waits for an order to be acknowledged or to end. Without any, a change costs one look-up."""

    def __init__(self) -> None:
        self._waiting: dict[OrderId, list[tuple[bool, asyncio.Future[None]]]] = {}

    @property
    def awaited(self) -> list[OrderId]:
        """The orders that somebody waits for."""
        return list(self._waiting)

    async def wait(self, order: Order, *, terminal: bool, timeout_s: float | None) -> None:
        """Wait until the order ended (``terminal``) or was answered at all; at most ``timeout_s`` real seconds."""
        if _is_there(order, terminal=terminal):
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        entry = (terminal, future)
        self._waiting.setdefault(order.order_id, []).append(entry)
        # After the timeout the caller gets what is recorded by then, as documented.
        timer = loop.call_later(timeout_s, _give_up, future) if timeout_s is not None else None
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()
            waiting = self._waiting.get(order.order_id)
            if waiting is not None and entry in waiting:
                waiting.remove(entry)
                if not waiting:
                    del self._waiting[order.order_id]

    def changed(self, order: Order) -> None:
        """An order durably changed."""
        waiting = self._waiting.get(order.order_id)
        if waiting is None:
            return
        for terminal, future in list(waiting):
            if _is_there(order, terminal=terminal) and not future.done():
                future.set_result(None)

    def fail(self, error: Exception) -> None:
        """Nothing is executed any more: whoever waits is told why."""
        for waiting in self._waiting.values():
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)


def _give_up(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _is_there(order: Order, *, terminal: bool) -> bool:
    if terminal:
        return not order.is_open
    return order.status not in (OrderStatus.PENDING, OrderStatus.SUBMITTED)
