"""What has ended leaves memory once the tables show it, but for the newest of it."""

from collections.abc import Callable, Iterable

from liveexec.domain.ids import OrderId
from liveexec.engine.oms import UnifiedOrderManager
from liveexec.runtime.durable_view import DurableView
from liveexec.runtime.failpoints import FailPoint, reach

__all__ = ["FinishedOrders"]

#: An order with the sequence of the event that ended it, as far as the tables show it.
type Finished = tuple[OrderId, int]


class FinishedOrders:
    """``forget`` tells the engine what may leave, and calls back once it has decided what it keeps."""

    def __init__(
        self,
        orders: UnifiedOrderManager,
        view: DurableView,
        kept: int,
        forget: Callable[[tuple[Finished, ...], Callable[[], None]], None],
    ) -> None:
        self._orders, self._view, self._kept, self._forget = orders, view, kept, forget
        #: What was used last is at the end.
        self._finished = {
            order.order_id: order.last_sequence for order in view.ledger.orders.values() if not order.is_open
        }

    def shown(self, finished: Iterable[Finished]) -> None:
        """The tables show that these have ended, or they came back into memory: what was used last leaves last."""
        for order_id, sequence in finished:
            self._finished.pop(order_id, None)
            self._finished[order_id] = sequence
        excess = len(self._finished) - self._kept
        if excess <= 0:
            return
        leaving = []
        for order_id in list(self._finished)[:excess]:
            del self._finished[order_id]
            order = self._view.ledger.orders.get(order_id)
            if order is not None and not order.is_open:
                leaving.append((order_id, order.last_sequence))
        self._forget(tuple(leaving), lambda: self._left(leaving))

    def _left(self, leaving: Iterable[Finished]) -> None:
        for order_id, sequence in leaving:
            if self._orders.get(order_id) is None:
                self._view.drop(order_id)
                reach(FailPoint.FORGOTTEN)
            else:
                # Something happened to it since, or its parent still works: it is asked about again later.
                self._finished[order_id] = sequence
