"""The wire between a process and a simulated venue: requests that travel, and answers that may not come.

A request reaches the venue first and only then it is chosen how its answer fails, so a lost answer never means a
lost order. A request that was given up may still be travelling; it arrives before its deadline or not at all, unless
the venue takes it too late, against its own word.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Final

from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order
from liveexec.domain.outcome import Accepted, Rejected, SendOutcome, Sent, Unknown
from liveexec.errors import AdapterError
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.venue import SimVenue
from liveexec_testkit.simulator.venue_kind import SKEW_NS

__all__ = ["Wire"]

_MS: Final = 1_000_000


class Wire:
    """Carries one process's requests to one venue. ``check_session`` raises AdapterError once there is no session."""

    def __init__(self, venue: SimVenue, process: int, check_session: Callable[[], None]) -> None:
        self._venue, self._process, self._check_session = venue, process, check_session
        # In no process's context: what is on its way arrives whoever dies meanwhile.
        self._context = Context()
        self._requests = 0
        self._under_way: dict[str | None, str] = {}
        #: When the last request of each order was answered, or given up.
        self._ended_ns: dict[str | None, int] = {}
        #: Told of a request that leaves while another one, which it has to follow, has no answer.
        self.on_overtaking: Callable[[str], None] = lambda _: None

    async def request(
        self, order_id: OrderId | None, verb: str, deadline_ns: int | None, act: Callable[[], SendOutcome]
    ) -> SendOutcome:
        """Send a request, let it ``act`` at the venue, and get an answer, each of which may go wrong."""
        key = self._venue.account_id if self._venue.kind.per_account else order_id
        if key in self._under_way:
            self.on_overtaking(f"a {verb} of {order_id} leaves while a {self._under_way[key]} has no answer")
        self._under_way[key] = verb
        try:
            return await self._sent(order_id if verb != "cancel" else None, verb, deadline_ns, act)
        finally:
            del self._under_way[key]
            self._ended_ns[key] = self._venue.loop.now_ns

    def is_under_way(self, order: Order) -> bool:
        """Whether a request of the order has no answer yet."""
        return any(name in self._under_way for name in _names(order))

    def ended_ns(self, order: Order) -> int:
        """When the last request of the order was answered, or given up, by the loop's clock; zero if none was sent."""
        return max(self._ended_ns.get(name, 0) for name in _names(order))

    async def _sent(
        self, order_id: OrderId | None, verb: str, deadline_ns: int | None, act: Callable[[], SendOutcome]
    ) -> SendOutcome:
        venue, faults = self._venue, self._venue.faults
        self._check_session()
        if faults.fires(Fault.RATE_LIMIT):
            venue.trace.add(venue.kind.name, f"{verb} refused: too many requests")
            await venue.pause(1)
            return Rejected("RATE_LIMITED", "too many requests")
        if faults.fires(Fault.BAN):
            venue.banned_until_ns = venue.loop.now_ns + faults.between(Fault.BAN, 200 * _MS, 1_500 * _MS)
            venue.trace.add(venue.kind.name, f"bans us, on a {verb}")
            venue.sessions.close(self._process, "banned")
        if venue.is_banned:
            raise AdapterError("banned")
        if faults.fires(Fault.REQUEST_LOST):
            venue.trace.add(venue.kind.name, f"{verb} lost on its way")
            await venue.pause(30)
            raise TimeoutError("no answer")
        answer = self._travel(order_id, verb, deadline_ns, act)
        if faults.fires(Fault.ANSWER_NEVER):
            await venue.loop.create_future()
        if faults.fires(Fault.ANSWER_LOST):
            await venue.pause(10)
            if faults.between(Fault.ANSWER_LOST, 0, 1):
                raise AdapterError("the connection was reset while it was waited for")
            return Unknown("the answer was cut off")
        outcome = await answer
        if faults.fires(Fault.ANSWER_LATE):
            await asyncio.sleep(faults.between(Fault.ANSWER_LATE, 5 * _MS, 600 * _MS) / 1e9)
        else:
            await venue.pause(1)
        self._check_session()
        if isinstance(outcome, Accepted) and venue.kind.answers_by_report:
            return Sent()
        return outcome

    def _travel(
        self, order_id: OrderId | None, verb: str, deadline_ns: int | None, act: Callable[[], SendOutcome]
    ) -> "asyncio.Future[SendOutcome]":
        """Let a request arrive in a moment, whatever becomes of whoever sent it."""
        venue, faults, loop = self._venue, self._venue.faults, self._venue.loop
        arrived: asyncio.Future[SendOutcome] = loop.create_future()
        delay_ns = venue.random.randrange(100_000, 1_500_000)
        if faults.fires(Fault.REQUEST_LATE):
            delay_ns += faults.between(Fault.REQUEST_LATE, 20 * _MS, 900 * _MS)
            if deadline_ns is not None and faults.between(Fault.REQUEST_LATE, 0, 1):
                # Just before it would be too late.
                delay_ns = max(delay_ns, deadline_ns + SKEW_NS - WALL_NS - loop.now_ns) - delay_ns % (20 * _MS)
        # Where the deadline is passed on, the venue honours it by its own clock.
        until_ns = deadline_ns + SKEW_NS - WALL_NS if deadline_ns is not None else None
        # Whoever names nobody's orders and takes them too late leaves nothing to tell ours from others' by.
        can_ignore = verb == "submit" and not venue.kind.is_anonymous
        ignores = can_ignore and until_ns is not None and faults.fires(Fault.DEADLINE_IGNORED)
        if until_ns is not None and ignores:
            delay_ns = until_ns - loop.now_ns + faults.between(Fault.DEADLINE_IGNORED, 200 * _MS, 600 * _MS)
            venue.belated += 1
        self._requests += 1
        number = self._process * 1_000_000 + self._requests
        if order_id is not None and until_ns is not None and loop.now_ns + delay_ns <= until_ns:
            venue.travelling[number] = (order_id, verb)

        def arrive() -> None:
            venue.travelling.pop(number, None)
            if until_ns is not None and loop.now_ns > until_ns and not ignores:
                venue.trace.add(venue.kind.name, f"{verb} of {order_id} came after its deadline")
                outcome: SendOutcome = Rejected("TOO_LATE", "its deadline had passed")
            else:
                venue.takes_late = ignores
                outcome = act()
                venue.takes_late = False
                if ignores:
                    venue.belated -= 1
                if ignores and isinstance(outcome, Accepted):
                    venue.trace.add(venue.kind.name, f"takes {order_id} after its deadline")
                venue.trace.add(venue.kind.name, f"{verb} {order_id or ''} -> {outcome}")
            if not arrived.done():
                arrived.set_result(outcome)

        loop.call_after_ns(delay_ns, arrive, context=self._context)
        return arrived


def _names(order: Order) -> tuple[str | None, ...]:
    """What a request of the order may go under: a venue that never had the order knows it by the request's own name."""
    return order.order_id, order.venue_order_id or "", order.client_order_id or ""
