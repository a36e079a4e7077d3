"""What is due when: engine timers, requests and reports on their way, marks. One heap on virtual time."""

import heapq
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from liveexec.engine.effects import TimerKey

__all__ = ["NEVER", "Agenda", "Rank"]

#: Later than any time.
NEVER: Final = 1 << 63

#: Called when it is due, with the time.
Work = Callable[[int], None]


class Rank(IntEnum):
    """Which of several things of one moment comes first. A signal follows all of them."""

    #: A request gets to its venue.
    ARRIVAL = 0
    #: A report or an answer gets here.
    RETURN = 1
    #: A timer of the engine rings.
    TIMER = 2
    #: The equity is noted.
    MARK = 3


class Agenda:
    """Work by the time at which it is due; of one time by rank, then in the order in which it was planned."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, TimerKey | None, Work]] = []
        #: When each timer rings; entries of the heap that say otherwise were moved or taken back.
        self._rings: dict[TimerKey, int] = {}
        self._planned = 0

    @property
    def next_due_ns(self) -> int:
        """When something is due; :data:`NEVER` for nothing."""
        heap = self._heap
        while heap:
            due_ns, _, _, key, _ = heap[0]
            if key is None or self._rings.get(key) == due_ns:
                return due_ns
            heapq.heappop(heap)
        return NEVER

    @property
    def next_travel_ns(self) -> int:
        """When a request, a report or an answer that is on its way arrives next; :data:`NEVER` for none. Looks at
        everything, so it is for the end of a replay."""
        return min((due_ns for due_ns, rank, *_ in self._heap if rank <= Rank.RETURN), default=NEVER)

    def plan(self, due_ns: int, rank: Rank, work: Work) -> None:
        """Do it when its time comes."""
        self._planned += 1
        heapq.heappush(self._heap, (due_ns, rank, self._planned, None, work))

    def arm(self, key: TimerKey, due_ns: int, ring: Work) -> None:
        """Ring a timer at a time, instead of when it would have."""
        self._rings[key] = due_ns
        self._planned += 1
        heapq.heappush(self._heap, (due_ns, Rank.TIMER, self._planned, key, ring))

    def disarm(self, key: TimerKey) -> None:
        """Don't ring the timer."""
        self._rings.pop(key, None)

    def pop(self, now_ns: int) -> Work | None:
        """The next work that is due by now, taken out; ``None`` when nothing is."""
        if self.next_due_ns > now_ns:
            return None
        _, _, _, key, work = heapq.heappop(self._heap)
        if key is not None:
            del self._rings[key]
        return work
