"""Records: what one decision made true in one stream, the unit of the journal."""

from attrs import define

from liveexec.domain.account_event import AccountEvent
from liveexec.domain.order_event import OrderEvent

__all__ = ["CONTROL_STREAM_PREFIX", "Event", "Record"]

Event = OrderEvent | AccountEvent

#: Streams of events that concern more than one account are named ``control:<shard>``.
CONTROL_STREAM_PREFIX = "control:"


@define(eq=False)
class Record:
    """The events of one decision for one stream (an order's or an account's id).

    ``sequence`` is that of the first event; the next record of the stream starts at ``sequence + len(events)``, so a
    stream's sequences have no gaps. ``cause`` names the input, ``at_ns`` is engine time in UTC nanoseconds. The
    journal adds the position in the shard and the writer's epoch.
    """

    stream: str
    sequence: int
    events: tuple[Event, ...]
    cause: str
    at_ns: int
