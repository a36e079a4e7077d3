"""Requests to the node and what answers them: an event of the order, or the child's own word that nothing was sent."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from liveexec.domain.ids import VenueOrderId
from liveexec.domain.outcome import Accepted, Rejected, SendOutcome, Sent, Unknown
from liveexec.errors import AdapterError
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.errors import DENIED, POST_ONLY, judged
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.protocol import (
    Answer,
    Cancel,
    FillTold,
    FromChild,
    Modify,
    OrderState,
    OrderTold,
    Refused,
    Submit,
)

__all__ = ["Requests", "refusal"]

type Request = Submit | Cancel | Modify
type _Kind = type[Submit] | type[Cancel] | type[Modify]

#: Events that answer a request, by what was asked.
_ANSWERS: Final[dict[_Kind, frozenset[str]]] = {
    Submit: frozenset({"OrderAccepted", "OrderRejected", "OrderDenied", "OrderCanceled", "OrderExpired"}),
    Cancel: frozenset({"OrderCanceled", "OrderCancelRejected", "OrderExpired"}),
    Modify: frozenset({"OrderUpdated", "OrderModifyRejected"}),
}
_REFUSALS: Final = frozenset({"OrderRejected", "OrderCancelRejected", "OrderModifyRejected", "OrderDenied"})


class Requests:
    """The requests of one venue that wait for an answer. ``timeout_s`` is how long each does; ``tell`` is given what an
    answer of the venue's own says of an order."""

    def __init__(
        self, node: LiveTradingNode, venue: NodeVenue, timeout_s: float, tell: Callable[[OrderState], None]
    ) -> None:
        self._node, self._venue, self._timeout_s, self._tell = node, venue, timeout_s, tell
        #: By what was asked and the order's name.
        self._waiting: defaultdict[tuple[_Kind, str], list[asyncio.Future[FromChild]]] = defaultdict(list)

    async def send(self, message: Request, ref: int, *names: str | None) -> SendOutcome:
        """Send once, and wait for what answers: no answer in time is not known.

        Raises:
            AdapterError: there is no child, or it died before it answered.
        """
        future: asyncio.Future[FromChild] = asyncio.get_running_loop().create_future()
        keys = [(type(message), name) for name in names if name is not None]
        for key in keys:
            self._waiting[key].append(future)
        try:
            if not self._node.send(message, ref, future):
                raise AdapterError("the node's process is gone, so nothing was sent")
            async with asyncio.timeout(self._timeout_s):
                said = await future
        except TimeoutError:
            return Unknown("the node heard no answer in time")
        finally:
            self._node.forget(ref)
            for key in keys:
                self._waiting[key].remove(future)
                if not self._waiting[key]:
                    del self._waiting[key]
        return self._outcome(said)

    def heard(self, told: OrderTold | FillTold) -> None:
        """Something happened to an order: an answer, to whoever asked for that."""
        if isinstance(told, FillTold):
            # It was taken, then.
            self._resolve(Submit, told.client_order_id, told)
            return
        for kind, events in _ANSWERS.items():
            if told.event in events:
                self._resolve(kind, told.state.client_order_id, told)
                self._resolve(kind, told.state.venue_order_id, told)

    def _resolve(self, kind: _Kind, name: str | None, said: FromChild) -> None:
        if name is None:
            return
        for future in self._waiting.get((kind, name), ()):
            if not future.done():
                future.set_result(said)

    def _outcome(self, said: FromChild) -> SendOutcome:
        match said:
            case Refused(reason=reason):
                return Rejected("NOT_SENT", f"the node was not given it, so nothing was sent: {reason}")
            case Answer(error=None, orders=orders):
                # The node does not hold the order, and may not hear of its end.
                for each in orders:
                    self._tell(each)
                named = orders[0].venue_order_id if orders else None
                return Accepted(VenueOrderId(named) if named else None)
            case Answer(error=error):
                return judged(error, self._venue)
            case OrderTold() if said.event in _REFUSALS:
                return refusal(said, self._venue)
            case FillTold() | OrderTold():
                # The node's event may be the venue's answer or its stream's report, and the node does not say which:
                # what it says of the order is on its way as a report.
                return Sent()
        return Unknown(f"the node answered with a {type(said).__name__}")


def refusal(told: OrderTold, venue: NodeVenue) -> Rejected | Unknown:
    """What an event that says no comes to. What the node itself denied was not sent."""
    if told.event == "OrderDenied":
        return Rejected(DENIED, f"the node refused it before it was sent: {told.state.reason}")
    if told.is_post_only:
        # The client reads that from the venue's own code.
        return Rejected(POST_ONLY, told.state.reason or "a post-only order would have taken")
    return judged(told.state.reason, venue)
