"""Event streams: what became durable, to whoever listens, each item with its journal position."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from attrs import define, frozen

from liveexec.domain.order import Order
from liveexec.domain.record import Event, Record
from liveexec.errors import LiveExecError

__all__ = ["Broadcaster", "StreamItem", "StreamOverrun", "Subscription"]

_DEFAULT_BUFFER: Final = 10_000


@frozen(eq=False)
class StreamItem:
    """One event, durable. ``position`` is that of its record in the shard's journal, without gaps; ``sequence`` its
    place in its own stream; ``order`` the order as it durably stands when it is looked at, which may be later than
    the event (``None`` for account events)."""

    position: int
    stream: str
    sequence: int
    event: Event
    at_ns: int
    order: Order | None


class StreamOverrun(LiveExecError):
    """The listener was too slow: items were left out. Subscribe again and read the rest from the journal."""


@define(eq=False)
class Subscription:
    """A bounded queue of items for one listener; iterate it. Leaving the ``async for`` does not end it: close it."""

    _buffer: int
    _close: Callable[["Subscription"], None]
    _items: deque[StreamItem]
    _event: asyncio.Event
    _overrun: bool = False
    _closed: bool = False

    def push(self, item: StreamItem) -> None:
        """Take an item, or note that the listener is too slow for it: from then on nothing more is taken."""
        if self._overrun or len(self._items) >= self._buffer:
            self._overrun = True
        else:
            self._items.append(item)
        self._event.set()

    def close(self) -> None:
        """End the subscription; whoever iterates sees what is left, and then the end."""
        self._closed = True
        self._event.set()
        self._close(self)

    async def __aiter__(self) -> AsyncIterator[StreamItem]:
        while True:
            while self._items:
                yield self._items.popleft()
            if self._overrun:
                self.close()
                raise StreamOverrun(f"more than {self._buffer} items waited")
            if self._closed:
                return
            self._event.clear()
            await self._event.wait()


class Broadcaster:
    """Hands durable records to subscriptions. Without any, publishing costs one comparison."""

    def __init__(self) -> None:
        self._subscriptions: dict[int, Subscription] = {}
        self._count = 0
        self._closed = False
        #: The last record that listeners could hear of; ``None`` before the first.
        self.position: int | None = None

    @property
    def is_listened_to(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscriptions)

    def subscribe(self, buffer: int = _DEFAULT_BUFFER) -> Subscription:
        """Listen from now on; what is subscribed after the end ends at once."""
        self._count += 1
        key = self._count
        subscription = Subscription(buffer, lambda _: self._drop(key), deque(), asyncio.Event())
        self._subscriptions[key] = subscription
        if self._closed:
            subscription.close()
        return subscription

    def publish(self, position: int, record: Record, order: Order | None) -> None:
        """Hand a record's events to everybody who listens."""
        self.position = position
        if not self._subscriptions:
            return
        for offset, event in enumerate(record.events):
            item = StreamItem(position, record.stream, record.sequence + offset, event, record.at_ns, order)
            for subscription in list(self._subscriptions.values()):
                subscription.push(item)

    def close(self) -> None:
        """End all subscriptions, those to come as well."""
        self._closed = True
        for subscription in list(self._subscriptions.values()):
            subscription.close()

    def _drop(self, key: int) -> None:
        self._subscriptions.pop(key, None)
