"""How long requests and reports of a replay are on their way: a latency by venue, its jitter drawn from a seed."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from liveexec.domain.ids import VenueName
from liveexec.replay.agenda import Agenda, Rank
from liveexec.venues.paper.config import Latency

__all__ = ["Travel"]

_DIRECT: Final = Latency()


class Travel:
    """The ways to the venues and back. A venue without a latency is met in the same moment."""

    def __init__(self, agenda: Agenda, latencies: Mapping[VenueName, Latency], seed: int) -> None:
        self._agenda = agenda
        self._latencies = dict(latencies)
        self._draws = {venue: Random(f"latency:{seed}:{venue}") for venue in self._latencies}  # noqa: S311
        #: When the latest report of each venue gets here: none overtakes another.
        self._returned_ns: dict[VenueName, int] = {}

    @property
    def round_trip_ns(self) -> int:
        """The longest way to a venue and back."""
        ways = (each.order_ns + each.report_ns + 2 * each.jitter_ns for each in self._latencies.values())
        return max(ways, default=0)

    def is_direct(self, venue: VenueName) -> bool:
        """Whether what is sent or told is there in the same moment."""
        return self._latencies.get(venue, _DIRECT).is_zero

    def ask[T](self, venue: VenueName, ask: Callable[[int], T], answer: Callable[[T, int], None], now_ns: int) -> None:
        """Let a question travel to its venue, and its answer back."""
        latency = self._latencies.get(venue, _DIRECT)
        if latency.is_zero:
            answer(ask(now_ns), now_ns)
            return

        def arrive(at_ns: int) -> None:
            said = ask(at_ns)
            back_ns = at_ns + latency.report_ns + self._jitter_ns(venue, latency)
            self._agenda.plan(back_ns, Rank.RETURN, lambda returned_ns: answer(said, returned_ns))

        arrives_ns = now_ns + latency.order_ns + self._jitter_ns(venue, latency)
        self._agenda.plan(arrives_ns, Rank.ARRIVAL, arrive)

    def deliver(self, venue: VenueName, hand_over: Callable[[], None], now_ns: int) -> None:
        """Let what a venue tells travel here; nothing of one venue overtakes what it told before."""
        latency = self._latencies.get(venue, _DIRECT)
        if latency.is_zero:
            hand_over()
            return
        due_ns = now_ns + latency.report_ns + self._jitter_ns(venue, latency)
        due_ns = self._returned_ns[venue] = max(due_ns, self._returned_ns.get(venue, 0))
        self._agenda.plan(due_ns, Rank.RETURN, lambda _: hand_over())

    def _jitter_ns(self, venue: VenueName, latency: Latency) -> int:
        return self._draws[venue].randint(0, latency.jitter_ns) if latency.jitter_ns else 0
