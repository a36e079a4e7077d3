"""A reconnect storm: many orders under the real orchestrator, and connections that break at random points of them.

What is proved at the end is that everything here is what the venue has: no order lost, doubled or misjudged, every
fill counted once, positions and balances equal.
"""

import contextlib
import time
from collections.abc import Iterator
from random import Random
from statistics import median
from typing import Final

import anyio
from anyio.abc import TaskGroup
from attrs import define, field

from deribit_support.harness import DeribitHarness
from liveexec.domain.ids import OrderId
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.errors import InvalidInput
from liveexec.runtime.sessions import Session, SessionState
from liveexec_deribit.loopback.faults import RequestFault
from liveexec_testkit.conformance.hosting import Host, hosted
from liveexec_testkit.conformance.line import stepped
from liveexec_testkit.conformance.scripts import Verb
from liveexec_testkit.conformance.trial import Trial

__all__ = ["StormResult", "storm"]

#: Who submits at the same time.
_CALLERS: Final = 4
#: A disconnect comes at most so long after the order that it is drawn for. Seconds.
_LATEST_S: Final = 0.08
#: What is to break a session in the middle of something has to do it within this time. Seconds.
_STRUCK_WITHIN_S: Final = 0.5
#: How long everything may take to agree after the last order.
_AGREED_WITHIN_S: Final = 60.0
#: Requests that a connection breaks in the middle of, carried out or not.
_METHODS: Final = ("private/[bs][ue][yl]*", "private/cancel*", "private/edit", "private/get_*")


@define(eq=False)
class StormResult:
    """What a storm was: how many orders ended how, and how long sessions took from the connection to ACTIVE."""

    orders: int
    cuts: int
    fills: int
    losses: int = 0
    #: How many orders ended how; with the code, where an order was refused.
    endings: dict[str, int] = field(factory=dict)
    reconnects_s: list[float] = field(factory=list)

    def told(self) -> str:
        """In one line."""
        ended = ", ".join(f"{count} {ending}" for ending, count in sorted(self.endings.items()))
        took = sorted(self.reconnects_s)
        times = f"{median(took) * 1e3:.0f} ms median, {took[-1] * 1e3:.0f} ms longest" if took else "none"
        return (
            f"{self.orders} orders ({ended}), {self.fills} fills, {self.cuts} disconnects that ended {self.losses} "
            f"sessions; from the connection to ACTIVE: {times}"
        )


async def storm(orders: int, cuts: int, seed: int, reports: str) -> StormResult:
    """Run a storm and compare everything with the venue afterwards; ``reports`` is the configuration's.

    Raises:
        AssertionError: with everything that differs.
    """
    draw = Random(seed)
    async with DeribitHarness(page_size=1_000, reports=reports) as venue, Trial(venue) as trial, hosted(trial) as host:
        result = StormResult(orders, cuts, 0)
        (session,) = host.live.shard.sessions
        asked: list[OrderId] = []
        async with anyio.create_task_group() as group:
            group.start_soon(_time_reconnects, session, result)
            async with anyio.create_task_group() as callers:
                weather = _Weather(venue, host, draw, set(draw.sample(range(orders), cuts)), callers)
                numbers = iter(range(orders))
                for _ in range(_CALLERS):
                    callers.start_soon(_trade, host, weather, numbers, Random(draw.random()), asked)
            venue.control.clear_faults()
            await host.active()
            await _agrees(host)
            group.cancel_scope.cancel()
        sent = await venue.received(Verb.SUBMIT)
        assert sent <= orders, f"{sent} orders were sent for {orders} that were asked for"
        result.fills = len(await venue.fills())
        for order_id in asked:
            order = host.live.orders[order_id]
            ending = f"{order.status} {order.code}" if order.status is OrderStatus.REJECTED else str(order.status)
            result.endings[ending] = result.endings.get(ending, 0) + 1
        return result


async def _agrees(host: Host) -> None:
    """Wait until everything is what the venue has, and look again when it is."""
    found = ["nothing was compared yet"]
    with anyio.move_on_after(_AGREED_WITHIN_S):
        for _ in range(2):
            while found := await _differences(host):  # noqa: ASYNC110  (the venue's truth has no event)
                await anyio.sleep(0.05)
            await host.live.compared(max(each.rounds for each in host.live.shard.sessions) + 2)
        found = await _differences(host)
    assert not found, "\n".join(found)


async def _differences(host: Host) -> list[str]:
    """What is not as at the venue. An order that was cancelled before it got there never was there."""
    never_sent = {
        str(each.order_id)
        for each in host.live.orders.values()
        if each.status is OrderStatus.CANCELED and each.code == "NOT_SENT" and not each.filled_quantity
    }
    return [each for each in await host.agreement.differences() if each.split()[0] not in never_sent]


class _Weather:
    """Breaks connections when the orders of these numbers are asked for."""

    def __init__(self, venue: DeribitHarness, host: Host, draw: Random, strikes: set[int], group: TaskGroup) -> None:
        self.venue, self._host, self._draw, self._strikes, self._group = venue, host, draw, strikes, group
        (self._session,) = host.live.shard.sessions
        self._one_at_a_time = anyio.Lock()

    def gather(self, number: int) -> None:
        """Let a connection break some time soon, if it is this order's turn."""
        if number in self._strikes:
            self._group.start_soon(self._strike, self._draw.random() * _LATEST_S)

    async def _strike(self, after_s: float) -> None:
        """Break a session that is trusted, one after the other, and see that it is broken."""
        async with self._one_at_a_time:
            await self._host.live.active(60)
            await anyio.sleep(after_s)
            self._break()
            with anyio.move_on_after(_STRUCK_WITHIN_S):
                await self._broken()
            if self._session.is_connected:
                self.venue.control.cut()
                await self._broken()

    async def _broken(self) -> None:
        while self._session.is_connected:  # noqa: ASYNC110  (sessions have no event for it)
            await anyio.sleep(0.002)

    def _break(self) -> None:
        """At once, after some messages more, or in the middle of a request."""
        draw, control = self._draw, self.venue.control
        match draw.randrange(3):
            case 0:
                control.cut()
            case 1:
                control.cut(after_messages=draw.randrange(1, 12))
            case _:
                carried_out = draw.random() < 0.5
                control.fault(RequestFault(kind="cut", method=draw.choice(_METHODS), carried_out=carried_out))


async def _trade(host: Host, weather: _Weather, numbers: Iterator[int], draw: Random, asked: list[OrderId]) -> None:
    for number in numbers:
        await host.live.active(30)
        weather.gather(number)
        order_id = await _submitted(host, draw)
        asked.append(order_id)
        await _go_on(host, draw, order_id)


async def _submitted(host: Host, draw: Random) -> OrderId:
    trial = host.trial
    listing = host.live.shard.engine.state.listings[trial.usual.instrument_id]
    side = draw.choice((Side.BUY, Side.SELL))
    ticks = draw.randrange(5, 35)
    intent = OrderIntent(
        operation=Operation.TRADE,
        instrument_key=trial.usual.instrument_id,
        side=side,
        quantity=trial.usual.quantity,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=stepped(listing, trial.usual.price, -ticks if side is Side.BUY else ticks),
        strategy_id="storm",
    )
    result = await host.live.submit(intent)
    return result.order_id


async def _go_on(host: Host, draw: Random, order_id: OrderId) -> None:
    """Have the order filled in part or in whole, cancelled, changed, or left alone, most often once it works."""
    if draw.random() < 0.8:
        with anyio.move_on_after(0.5):
            while host.live.orders[order_id].status is OrderStatus.SUBMITTED:  # noqa: ASYNC110  (orders have no event)
                await anyio.sleep(0.002)
    order = host.live.orders[order_id]
    chosen = draw.randrange(10)
    if chosen < 5 and order.price is not None and order.status is not OrderStatus.REJECTED:
        await host.take(order_id, order.quantity / (1 if chosen < 3 else 2))
    elif chosen < 8 and order.is_open:
        await host.live.cancel(CancelIntent(order_id))
    elif chosen < 9 and order.is_open:
        # Refused where its fate is not known yet, or is sealed meanwhile.
        with contextlib.suppress(InvalidInput):
            await host.live.replace(ReplaceIntent(order_id, quantity=order.quantity * 2))


async def _time_reconnects(session: Session, result: StormResult) -> None:
    """Take the time from each connection until the session is trusted."""
    connected_s: float | None = None
    was_up = True
    while True:
        is_up = session.is_connected
        result.losses += was_up and not is_up
        was_up = is_up
        if session.state is SessionState.ACTIVE:
            if connected_s is not None:
                result.reconnects_s.append(time.perf_counter() - connected_s)
            connected_s = None
        elif session.state is SessionState.RECONCILING:
            connected_s = connected_s or time.perf_counter()
        else:
            connected_s = None
        await anyio.sleep(0.001)
