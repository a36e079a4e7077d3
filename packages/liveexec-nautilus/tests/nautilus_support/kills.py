"""The node's process killed again and again under load, under the real orchestrator.

What is proved at the end is that everything here is what the venue has: no order lost, doubled or misjudged, every
fill counted once, positions and balances equal.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from random import Random
from statistics import median
from typing import Final

import anyio
from attrs import define, field

from liveexec.domain.ids import OrderId
from liveexec.domain.intent import CancelIntent, OrderIntent, ReplaceIntent
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.errors import InvalidInput
from liveexec.runtime.sessions import Session, SessionState
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_testkit.conformance.hosting import Host, hosted
from liveexec_testkit.conformance.line import stepped
from liveexec_testkit.conformance.scripts import Verb
from liveexec_testkit.conformance.trial import Trial
from nautilus_support.flavors import Flavor
from nautilus_support.harness import NodeHarness

__all__ = ["KillResult", "killed"]

#: Who submits at the same time.
_CALLERS: Final = 3
#: A kill comes at most so long after the order that it is drawn for. Seconds.
_LATEST_S: Final = 0.08
#: How long everything may take to agree after the last order.
_AGREED_WITHIN_S: Final = 90.0


@define(eq=False)
class KillResult:
    """What the run was: how many orders ended how, and how long it took from a death to ACTIVE."""

    orders: int
    kills: int = 0
    fills: int = 0
    statuses: dict[OrderStatus, int] = field(factory=dict)
    back_after_s: list[float] = field(factory=list)

    def told(self) -> str:
        """In one line."""
        ended = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        took = sorted(self.back_after_s)
        times = f"{median(took):.1f} s median, {took[-1]:.1f} s longest" if took else "none"
        return (
            f"{self.orders} orders ({ended}), {self.fills} fills, {self.kills} kills; from a death to ACTIVE: {times}"
        )


async def killed(flavor: Flavor, orders: int, kills: int, seed: int) -> KillResult:
    """Trade, kill, and compare everything with the venue afterwards.

    Raises:
        AssertionError: with everything that differs.
    """
    draw = Random(seed)
    async with NodeHarness(flavor) as venue, Trial(venue) as trial, hosted(trial) as host:
        result = KillResult(orders)
        (session,) = host.live.shard.sessions
        asked: list[OrderId] = []
        async with anyio.create_task_group() as callers:
            reaper = _Reaper(session, host, result)
            strikes = set(draw.sample(range(orders), kills))
            numbers = iter(range(orders))
            for _ in range(_CALLERS):
                callers.start_soon(_trade, host, reaper, strikes, numbers, Random(draw.random()), asked)
        await host.live.active(60)
        await _agrees(host)
        sent = await venue.received(Verb.SUBMIT)
        assert sent <= orders, f"{sent} orders were sent for {orders} that were asked for"
        result.fills = len(await venue.fills())
        for order_id in asked:
            status = host.live.orders[order_id].status
            result.statuses[status] = result.statuses.get(status, 0) + 1
        return result


class _Reaper:
    """Kills the node's process, one life after the other."""

    def __init__(self, session: Session, host: Host, result: KillResult) -> None:
        self._session, self._host, self._result = session, host, result
        self._one_at_a_time = anyio.Lock()
        adapter = session.adapter
        assert isinstance(adapter, NautilusAdapter)
        self._node = adapter._node

    async def strike(self, after_s: float) -> None:
        """Kill a node that is trusted, and see the session trusted again."""
        async with self._one_at_a_time:
            await self._host.live.active(60)
            await anyio.sleep(after_s)
            pid = self._node.pid
            if pid is None:
                return
            os.kill(pid, signal.SIGKILL)
            began_s = time.perf_counter()
            self._result.kills += 1
            while self._session.state is SessionState.ACTIVE:  # noqa: ASYNC110  (sessions have no event for it)
                await anyio.sleep(0.002)
            await self._host.live.active(60)
            self._result.back_after_s.append(time.perf_counter() - began_s)


async def _trade(
    host: Host, reaper: _Reaper, strikes: set[int], numbers: Iterator[int], draw: Random, asked: list[OrderId]
) -> None:
    async with anyio.create_task_group() as group:
        for number in numbers:
            await host.live.active(60)
            if number in strikes:
                group.start_soon(reaper.strike, draw.random() * _LATEST_S)
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
        strategy_id="kills",
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
