"""A paper world: several venues on one market, requests on their way to them, and who hears of what happens.

Still synchronous and without a clock: :meth:`PaperWorld.advance` brings everything up to a time, market events and
arriving requests in the order of their times. A request that travels is here and not in a task, so that it arrives
even when whoever sent it is gone.
"""

import heapq
from collections.abc import Callable
from typing import Final, Protocol

from attrs import define

from liveexec.domain.ids import AccountId, VenueName
from liveexec.domain.outcome import FillReport, SendOutcome, VenueReport
from liveexec.errors import AdapterError, LiveExecError
from liveexec.venues.paper.exchange import PaperExchange
from liveexec.venues.paper.faults import FaultInjector
from liveexec.venues.paper.market import Feed, MarketEvent, MarketSource
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = ["PaperWorld", "Request", "Subscriber", "VenueDesk", "Watcher"]

SECOND_NS: Final = 1_000_000_000
_NEVER: Final = 1 << 63


class Subscriber(Protocol):
    """Somebody who hears what is reported at a venue."""

    def push(self, report: VenueReport, at_ns: int) -> None:
        """Something was reported at this venue time, on an account that was subscribed to; returns at once."""
        ...

    def lose(self, error: AdapterError) -> None:
        """The connection broke; returns at once."""
        ...


class Watcher(Protocol):
    """Somebody who wants to look when something may have changed. Both calls return at once."""

    def wake(self) -> None:
        """A book or a tape may have changed."""
        ...

    def lose(self, error: AdapterError) -> None:
        """The world can't go on."""
        ...


@define(eq=False)
class Request:
    """Something on its way to a venue; ``outcome`` is there once it has arrived."""

    run: Callable[[int], SendOutcome]
    desk: "VenueDesk"
    outcome: SendOutcome | None = None


class VenueDesk:
    """A venue with everything around it: its scripted faults and its subscribers, which outlast any session."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.exchange = exchange
        script = exchange.config.faults
        self.injector = FaultInjector(script) if script is not None else None
        #: Connecting fails before this venue time.
        self.down_until_ns = 0
        self._subscribers: dict[AccountId, list[Subscriber]] = {}

    def subscribe(self, subscriber: Subscriber, accounts: tuple[AccountId, ...]) -> None:
        """Tell the subscriber what happens on these accounts from now on."""
        for account_id in accounts:
            self._subscribers.setdefault(account_id, []).append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Tell it nothing more; nothing happens when it was not subscribed."""
        for subscribers in self._subscribers.values():
            if subscriber in subscribers:
                subscribers.remove(subscriber)

    def cut(self, error: AdapterError, down_until_ns: int) -> None:
        """Break every session; connecting fails before this venue time."""
        self.down_until_ns = down_until_ns
        everybody = [each for subscribers in self._subscribers.values() for each in subscribers]
        for subscriber in everybody:
            subscriber.lose(error)

    def deliver(self) -> None:
        """Hand out what was reported. Without a subscriber a report lives on in the venue's books alone."""
        exchange = self.exchange
        if not exchange.has_reports:
            return
        at_ns = exchange.now_ns
        reports = exchange.take_reports()
        if self.injector is not None and self.injector.stream:
            reports = self.injector.reported(reports)
        for report in reports:
            subscribers = self._subscribers.get(report.account_id)
            if not subscribers:
                continue
            twice = (
                self.injector is not None
                and isinstance(report, FillReport)
                and self.injector.duplicates(report.client_order_id)
            )
            # A copy, since a subscriber whose queue is full leaves while it is told.
            for subscriber in tuple(subscribers):
                subscriber.push(report, at_ns)
                if twice:
                    subscriber.push(report, at_ns)


class PaperWorld:
    """Venues, market and wire.

    ``market`` stands in for the one that the configuration names. Market time begins after the market's warm-up; at
    ``start_ns`` where there is no market.

    Raises:
        ConfigurationError: the market can't be opened, or lacks an instrument.
    """

    def __init__(self, config: PaperWorldConfig, market: MarketSource | None = None, *, start_ns: int = 0) -> None:
        self.config = config
        market = market if market is not None else config.open_market()
        self.desks = {
            venue.venue: VenueDesk(PaperExchange(venue, id_prefix=config.id_prefix)) for venue in config.venues
        }
        self._feeds = self._connect_feeds()
        self._events = market.events() if market is not None else iter(())
        self._event = next(self._events, None)
        self._arrivals: list[tuple[int, int, Request]] = []
        self._sent = 0
        self._failure: AdapterError | None = None
        #: Called when something was scheduled that comes before all else.
        self.on_scheduled: Callable[[], None] | None = None
        self._watchers: list[Watcher] = []
        self.start_ns = market.start_ns + config.warmup_s * SECOND_NS if market is not None else start_ns
        self._due_ns = 0
        self.advance(self.start_ns)

    def desk(self, venue: VenueName) -> VenueDesk:
        """The venue of this name.

        Raises:
            AdapterError: there is none.
        """
        found = self.desks.get(venue)
        if found is None:
            raise AdapterError(f"there is no paper venue {venue} here, only {', '.join(self.desks)}")
        return found

    @property
    def next_event_ns(self) -> int | None:
        """When something will happen by itself; ``None`` when nothing will."""
        times = [desk.exchange.next_event_ns for desk in self.desks.values()]
        times.append(self._event.time_ns if self._event is not None else None)
        times.append(self._arrivals[0][0] if self._arrivals else None)
        return min((time for time in times if time is not None), default=None)

    def watch(self, watcher: Watcher) -> None:
        """Wake the watcher from now on."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Wake it no more; nothing happens when it does not watch."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def send(self, request: Request, arrives_at_ns: int) -> None:
        """Put a request on the wire; :meth:`advance` lets it arrive."""
        self._sent += 1
        heapq.heappush(self._arrivals, (arrives_at_ns, self._sent, request))
        self._schedule(arrives_at_ns)

    def settle(self, desk: VenueDesk) -> None:
        """Hand out what a request did that was carried out directly."""
        desk.deliver()
        expiry_ns = desk.exchange.next_expiry_ns
        if expiry_ns is not None:
            self._schedule(expiry_ns)
        for watcher in self._watchers:
            watcher.wake()

    def advance(self, at_ns: int, most_events: int | None = None) -> bool:
        """Let everything happen until ``at_ns``, or the next ``most_events`` of it; whether all of it did.

        Raises:
            AdapterError: the market can't be read any further; every later call raises it too.
        """
        if at_ns < self._due_ns:
            return True
        if self._failure is not None:
            raise self._failure
        left = most_events if most_events is not None else _NEVER
        while left and (now_ns := self._next_on_the_way()) <= at_ns:
            self._happen(now_ns)
            left -= 1
        is_done = left > 0
        until_ns = at_ns if is_done else now_ns
        for desk in self.desks.values():
            desk.exchange.advance(until_ns)
            desk.deliver()
        due_ns = self.next_event_ns
        self._due_ns = due_ns if due_ns is not None else _NEVER
        for watcher in self._watchers:
            watcher.wake()
        return is_done

    def fail(self, error: AdapterError) -> None:
        """Nothing here can go on: every session is lost and every later call raises the error."""
        self._failure = error
        self._due_ns = 0
        for watcher in self._watchers:
            watcher.lose(error)

    def _connect_feeds(self) -> dict[str, list[tuple[VenueDesk, Feed]]]:
        feeds: dict[str, list[tuple[VenueDesk, Feed]]] = {}
        for desk in self.desks.values():
            for item in desk.exchange.config.instruments:
                if item.source is not None:
                    listing = desk.exchange.books[item.instrument_id].listing
                    feeds.setdefault(item.source, []).append((desk, Feed(desk.exchange, item, listing)))
        return feeds

    def _next_on_the_way(self) -> int:
        event_ns = self._event.time_ns if self._event is not None else _NEVER
        return min(event_ns, self._arrivals[0][0]) if self._arrivals else event_ns

    def _happen(self, at_ns: int) -> None:
        event = self._event
        # At one time the market is first: a request meets the book of its moment.
        if event is not None and event.time_ns == at_ns:
            for desk, feed in self._feeds.get(event.instrument_id, ()):
                feed.apply(event)
                desk.deliver()
            self._event = self._read_event()
            return
        _, _, request = heapq.heappop(self._arrivals)
        request.outcome = request.run(at_ns)
        request.desk.deliver()

    def _read_event(self) -> MarketEvent | None:
        try:
            return next(self._events, None)
        except (LiveExecError, OSError, ValueError) as error:
            failure = AdapterError(f"the market can't be read any further: {error}")
            self.fail(failure)
            raise failure from error

    def _schedule(self, at_ns: int) -> None:
        if at_ns < self._due_ns:
            self._due_ns = at_ns
            if self.on_scheduled is not None:
                self.on_scheduled()
