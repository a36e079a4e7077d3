"""The inbox: everything that waits to be told to the engine, bounded, in the order in which it is served.

Control comes before reports, reports before timers, timers before intents, intents before market data. Of market
books only the latest per instrument is kept, trades are summed up where there are too many; reports are never
dropped: who delivers them waits for room.
"""

from collections import deque
from collections.abc import Callable
from decimal import localcontext
from enum import IntEnum
from typing import Final

from attrs import define, field

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.money import MONEY
from liveexec.engine.inputs import EngineInput, MarketUpdate
from liveexec.engine.turn import Decision
from liveexec.errors import Busy, LiveExecError

__all__ = ["Done", "Inbox", "Item", "Pending", "Priority"]

#: Called when the input's decision is durable, or at once when the engine refused the input.
Done = Callable[[Decision], None]


@define(eq=False)
class Pending:
    """Who waits for an input: ``done`` when its decision is durable or it was refused without becoming anything,
    ``failed`` when what became of it can't be known here; ``decided`` as soon as the engine has decided, before
    anything follows from it."""

    done: Done | None
    failed: Callable[[LiveExecError], None] | None
    decided: Callable[[], object] | None = None


Item = tuple[EngineInput, Pending | None]


class Priority(IntEnum):
    """In which order waiting inputs are served."""

    CONTROL = 0
    #: Reports that waited for a look-up: they came before every report that waits here.
    RESUMED = 1
    REPORT = 2
    TIMER = 3
    INTENT = 4
    #: What may be forgotten, once no intent waits that was taken because memory holds what it repeats.
    FORGET = 5


_PRIORITIES: Final = tuple(Priority)
#: Whose queues share the room for reports.
_REPORTS: Final = (Priority.RESUMED, Priority.REPORT)


@define(eq=False)
class Inbox:
    """Waiting inputs by priority, and market data conflated behind them.

    A report that was served but waits for a look-up (``set_aside``) takes its room until it is resumed or dropped;
    ``on_room`` is called when there is room for reports again. Bars that can't be taken one by one are summed up by
    instrument.
    """

    max_intents: int = 10_000
    max_reports: int = 10_000
    max_bars: int = 16_384
    on_room: Callable[[], None] = field(default=lambda: None)
    _queues: tuple[deque[Item], ...] = field(factory=lambda: tuple(deque() for _ in Priority))
    _books: dict[InstrumentId, Book] = field(factory=dict)
    _bars: deque[TradeBar] = field(factory=deque)
    #: Newer than any bar of the same instrument that waits.
    _sums: dict[InstrumentId, TradeBar] = field(factory=dict)
    #: Reports that wait here, or were set aside.
    _reports: int = 0
    #: From which queue the last item came; ``None`` for market data.
    served: Priority | None = None

    def put(self, priority: Priority, given: EngineInput, pending: Pending | None = None) -> None:
        """Queue an input.

        Raises:
            Busy: too many intents wait already; nothing was taken.
        """
        queue = self._queues[priority]
        if priority is Priority.INTENT and len(queue) >= self.max_intents:
            raise Busy(f"{self.max_intents} intents are waiting already; try again later")
        if priority is Priority.REPORT:
            self._reports += 1
        queue.append((given, pending))

    def put_market(self, update: Book | TradeBar) -> None:
        """Queue market data: the latest book of an instrument replaces an earlier one that still waits."""
        if isinstance(update, Book):
            self._books[update.instrument_id] = update
            return
        earlier = self._sums.get(update.instrument_id)
        if earlier is not None:
            self._sums[update.instrument_id] = _merge(earlier, update)
        elif len(self._bars) >= self.max_bars:
            self._sums[update.instrument_id] = update
        else:
            self._bars.append(update)

    def pop(self) -> Item | None:
        """The next input to serve."""
        for index, queue in enumerate(self._queues):
            if queue:
                item = queue.popleft()
                self.served = _PRIORITIES[index]
                if self.served in _REPORTS:
                    self._room_made()
                return item
        self.served = None
        if self._bars:
            return MarketUpdate(0, self._bars.popleft()), None
        if self._sums:
            return MarketUpdate(0, self._sums.pop(next(iter(self._sums)))), None
        if self._books:
            return MarketUpdate(0, self._books.pop(next(iter(self._books)))), None
        return None

    def set_aside(self) -> None:
        """The report that was served last waits for a look-up."""
        self._reports += 1

    def resume(self, given: EngineInput, pending: Pending | None = None) -> None:
        """A report that was set aside is served next, in the order in which they are resumed."""
        self._queues[Priority.RESUMED].append((given, pending))

    def drop(self) -> None:
        """A report that was set aside needs not be served any more."""
        self._room_made()

    @property
    def has_report_room(self) -> bool:
        """Whether a report can be delivered now."""
        return self._reports < self.max_reports

    @property
    def has_market(self) -> bool:
        """Whether market data waits to be served."""
        return bool(self._bars) or bool(self._sums) or bool(self._books)

    def depth(self, priority: Priority) -> int:
        """How many inputs of a priority wait."""
        return len(self._queues[priority])

    def __bool__(self) -> bool:
        return any(self._queues) or self.has_market

    def clear(self) -> list[Item]:
        """Take everything out, market data forgotten: what a halt discards."""
        items = [item for queue in self._queues for item in queue]
        self._reports -= sum(len(self._queues[priority]) for priority in _REPORTS)
        for queue in self._queues:
            queue.clear()
        self._books.clear()
        self._bars.clear()
        self._sums.clear()
        return items

    def _room_made(self) -> None:
        self._reports -= 1
        if self._reports == self.max_reports - 1:
            self.on_room()


def _merge(earlier: TradeBar, later: TradeBar) -> TradeBar:
    with localcontext(MONEY):
        return TradeBar(
            later.instrument_id,
            earlier.start_ns,
            later.end_ns,
            earlier.quantity + later.quantity,
            earlier.cost + later.cost,
            later.last_price,
            earlier.count + later.count,
        )
