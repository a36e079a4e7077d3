"""The strategy inside the backtest engine: it turns commands into orders, and hands on alerts and order events.

The library calls it back for alerts and order events only. Nothing is subscribed to, so no Python runs per market
event. What a callback raises the library would log and forget; :class:`Callbacks` has to keep it.
"""

from typing import Any, Final, Protocol

from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.plugins.adapter import VenueOrder
from liveexec_nautilus import vendor_backtest as nautilus
from liveexec_nautilus.backtest.orders import WorkedOrder

__all__ = ["Callbacks", "ReplayStrategy"]

_ALERT: Final = "due"
#: The library's echo of a command, told while the command is being given: nothing may be asked of it then.
_ECHOES: Final = (
    nautilus.OrderInitialized,
    nautilus.OrderSubmitted,
    nautilus.OrderPendingUpdate,
    nautilus.OrderPendingCancel,
)
_SIDES: Final = {Side.BUY: nautilus.OrderSide.BUY, Side.SELL: nautilus.OrderSide.SELL}
_TIMES_IN_FORCE: Final = {
    TimeInForce.GTC: nautilus.TimeInForce.GTC,
    TimeInForce.IOC: nautilus.TimeInForce.IOC,
    TimeInForce.FOK: nautilus.TimeInForce.FOK,
    TimeInForce.GTD: nautilus.TimeInForce.GTD,
    # The library's DAY never ends; ours is over at the next midnight UTC.
    TimeInForce.DAY: nautilus.TimeInForce.GTD,
}


class Callbacks(Protocol):
    """Whom the strategy calls. None of them may raise."""

    def started(self) -> None: ...

    def rang(self, now_ns: int) -> None: ...

    def told(self, event: Any) -> None: ...


class ReplayStrategy(nautilus.Strategy):
    """See the module. :meth:`attach` comes before the engine runs."""

    def attach(self, callbacks: Callbacks) -> None:
        """Whom to call."""
        self._callbacks = callbacks
        self._armed_ns = -1

    def detach(self) -> None:
        """The replay is over: call nobody any more."""
        del self._callbacks

    # -- what the library calls ---------------------------------------------------------------------------------------

    def on_start(self) -> None:
        self._callbacks.started()

    def on_order_event(self, event: Any) -> None:
        if not isinstance(event, _ECHOES):
            self._callbacks.told(event)

    def _ring(self, event: nautilus.TimeEvent) -> None:
        self._armed_ns = -1
        self._callbacks.rang(event.ts_event)

    # -- what the venues and the host ask -----------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The market's time. Not to be asked while a command is being given."""
        now_ns: int = self.clock.timestamp_ns()
        return now_ns

    def wake_at(self, at_ns: int) -> None:
        """Ring at a time, and not at the one before."""
        if at_ns != self._armed_ns:
            self._armed_ns = at_ns
            self.clock.set_time_alert_ns(_ALERT, at_ns, self._ring)

    def place(self, order: WorkedOrder) -> None:
        """Send a new order. A market order never rests, whatever its time in force: what is left of it is canceled."""
        terms, instrument = order.terms, order.instrument
        side = _SIDES[order.side]
        quantity = instrument.quantity(terms.quantity)
        if terms.order_type is OrderType.MARKET:
            is_whole = terms.time_in_force is TimeInForce.FOK
            sent = self.order_factory.market(
                instrument.id,
                side,
                quantity,
                time_in_force=nautilus.TimeInForce.FOK if is_whole else nautilus.TimeInForce.IOC,
                reduce_only=terms.reduce_only,
                client_order_id=order.sent_as,
            )
        else:
            assert terms.price is not None
            sent = self.order_factory.limit(
                instrument.id,
                side,
                quantity,
                instrument.price(terms.price),
                time_in_force=_TIMES_IN_FORCE[terms.time_in_force],
                expire_time=order.expire_at_ns,
                post_only=terms.post_only,
                reduce_only=terms.reduce_only,
                client_order_id=order.sent_as,
            )
        self.submit_order(sent)

    def withdraw(self, order: WorkedOrder) -> None:
        """Cancel an order."""
        self.cancel_order(order.sent_as)

    def alter(self, order: WorkedOrder, terms: VenueOrder) -> None:
        """Change an order's total quantity and its price."""
        instrument = order.instrument
        price = instrument.price(terms.price) if terms.price is not None else None
        self.modify_order(order.sent_as, quantity=instrument.quantity(terms.quantity), price=price)
