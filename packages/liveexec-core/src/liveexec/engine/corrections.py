"""What operators say of orders that no evidence decides: how one ended, and whose an adopted one is."""

from typing import Final

from liveexec.domain import order_event as ev
from liveexec.domain.ids import EXTERNAL
from liveexec.domain.order import Order
from liveexec.domain.order_event import Resolution
from liveexec.engine import requests
from liveexec.engine.effects import SendCancel, TimerKind
from liveexec.engine.inputs import ReattributeOrder, ResolveOrder
from liveexec.engine.turn import Decision, Turn
from liveexec.errors import Fault, InvalidInput, NotFound

__all__ = ["reattribute", "resolve"]

#: What an operator may say. That an order is filled only its fills say.
_SAYABLE: Final = (Resolution.CANCELED, Resolution.REJECTED, Resolution.EXPIRED)


def resolve(turn: Turn, request: ResolveOrder) -> Decision:
    """An open order ends because an operator says so. Should its venue have it after all, it is asked to cancel it."""
    core = turn.core
    order = core.oms.get(request.order_id)
    if order is None:
        return Decision(error=NotFound(f"there is no order {request.order_id}"))
    faults = _faults(order, request.resolution)
    if faults:
        return Decision(error=InvalidInput(f"resolution of {order.order_id}", faults))
    was_sent = order.attempt > 0 and order.account_id is not None
    core.preparing.pop(order.order_id, None)
    core.endings.pop(order.order_id, None)
    turn.emit(order.order_id, ev.Adjusted(request.resolution, request.principal, request.reason))
    turn.disarm(TimerKind.CANCEL, order.order_id)
    turn.disarm(TimerKind.UNKNOWN, order.order_id)
    if was_sent:
        turn.do(SendCancel(order, requests.ref_of(order)))
    return Decision(order_id=order.order_id)


def reattribute(turn: Turn, request: ReattributeOrder) -> Decision:
    """What an adopted order filled, and will fill, belongs to a strategy from now on."""
    order = turn.core.oms.get(request.order_id)
    if order is None:
        return Decision(error=NotFound(f"there is no order {request.order_id}"))
    if order.strategy_id != EXTERNAL:
        fault = Fault("order_id", f"is {order.strategy_id}'s; only an adopted order can be given to a strategy")
        return Decision(error=InvalidInput(f"attribution of {order.order_id}", [fault]))
    turn.emit(order.order_id, ev.Reattributed(request.strategy_id, request.principal, request.reason))
    return Decision(order_id=order.order_id)


def _faults(order: Order, resolution: Resolution) -> list[Fault]:
    faults = []
    if resolution not in _SAYABLE:
        faults.append(Fault("resolution", f"must be one of {', '.join(_SAYABLE)}; only fills say that it is filled"))
    if not order.is_open:
        faults.append(Fault("order_id", f"has ended: it is {order.status}"))
    elif order.is_parent:
        faults.append(Fault("order_id", "is a parent, which ends by its children; cancel it, and resolve those"))
    return faults
