"""Failures that other systems had, on a host with a real venue: what none of its parts shows alone."""

import asyncio
import time

import pytest
from attrs import evolve
from structlog.testing import capture_logs

from liveexec import EngineConfig, MemoryStore, OrderStatus
from liveexec.domain.operation import Side
from liveexec.domain.outcome import OrderRef, SendOutcome, SendPlan, Unknown
from liveexec.domain.venue import RateLimit
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.clock import ScaledClock
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript, FaultVerb
from support.hosting import (
    ALICE,
    PATIENT,
    SPOT_A,
    VENUE_A,
    differences,
    limit,
    local_desk,
    market,
    quiet_venue,
    quiet_world,
    until,
    until_order,
)

_S = 1_000_000_000
_MS = 1_000_000
_LIMIT = RateLimit(per_second=3.0, burst=20, cancel_lane=6)


class BanningVenue(PaperAdapter):
    """A venue that counts requests as it said it would, and answers nothing any more once there were too many."""

    def __init__(self, adapter: PaperAdapter) -> None:
        super().__init__(adapter._driver, VENUE_A, (ALICE,))
        self.manifest = evolve(self.manifest, rate_limit=_LIMIT)
        self.is_banned = False
        self.asked: list[str] = []
        self._began_s = time.monotonic()

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        return Unknown("banned") if self._count("submit") else await super().submit(order, plan)

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        return Unknown("banned") if self._count("cancel") else await super().cancel(ref)

    def _count(self, request: str) -> bool:
        self.asked.append(request)
        allowed = _LIMIT.burst + _LIMIT.per_second * (time.monotonic() - self._began_s)
        self.is_banned = self.is_banned or len(self.asked) > allowed
        return self.is_banned


async def test_incident_5_cancels_leave_at_once_while_new_orders_wait_for_the_rate_limit() -> None:
    store, config = MemoryStore(), EngineConfig(timing=evolve(PATIENT, send_deadline_ns=_S))
    async with local_desk(quiet_world(quiet_venue())) as desk:
        adapter = desk.adapters[VENUE_A]
        assert isinstance(adapter, PaperAdapter)
        venue = BanningVenue(adapter)
        async with desk.live(store, config, adapters={VENUE_A: venue}) as live:
            await desk.quoted(live)
            resting = [(await live.submit(limit(quantity=f"0.{n}"), wait="ack", timeout_s=10)).order_id for n in "123"]
            for number in range(12):
                await live.submit(limit(price=f"58{number:03}"))
            sent = len(venue.asked)
            assert sent <= _LIMIT.burst - _LIMIT.cancel_lane, "new orders took the cancels' lane"
            results = await asyncio.gather(*(live.cancel(each, wait="terminal", timeout_s=10) for each in resting))
            assert [result.status for result in results] == [OrderStatus.CANCELED] * 3
            # One or two whose turn came meanwhile may have left, on a slow machine.
            assert venue.asked[sent : sent + 5].count("cancel") == 3, "cancels stood behind new orders"
        assert not venue.is_banned


@pytest.mark.parametrize("off_s", [-5, 5])
async def test_incident_19_a_clock_that_is_further_off_than_allowed_is_an_alarm(off_s: int) -> None:
    async with local_desk(quiet_world(quiet_venue())) as local:
        desk = evolve(local, clock=ScaledClock(time.time_ns() - off_s * _S, time.monotonic_ns(), 1.0))
        with capture_logs() as logs:
            async with desk.live(MemoryStore()) as live:
                (session,) = live.shard.sessions
                assert session.clock.is_off
    (alarm,) = [entry for entry in logs if entry["event"] == "venue_clock_off"]
    assert alarm["log_level"] == "error"
    assert abs(alarm["offset_ms"] - off_s * 1_000) < 100


@pytest.mark.parametrize("off_s", [-5, 5])
async def test_incident_19_a_venue_whose_clock_is_off_refuses_nothing_and_hides_no_fill(off_s: int) -> None:
    store, skew_ns = MemoryStore(), 6 * _S
    config = EngineConfig(timing=evolve(PATIENT, clock_skew_ns=skew_ns))
    lost = FaultRule(FaultKind.DISCONNECT, FaultVerb.CANCEL, client_ids="(?!cp).*", limit=1, delay_ns=100 * _MS)
    world = quiet_world(quiet_venue(faults=FaultScript((evolve(lost, placed=False),))))
    async with local_desk(world) as local:
        desk = evolve(local, clock=ScaledClock(time.time_ns() - off_s * _S, time.monotonic_ns(), 1.0))
        async with desk.live(store, config) as live:
            await desk.quoted(live)
            filled = await live.submit(market(), wait="terminal", timeout_s=10)
            assert filled.status is OrderStatus.FILLED
            (fill,) = filled.fills
            off_ns = fill.venue_time_ns - live.orders[filled.order_id].created_at_ns
            assert abs(off_ns - off_s * _S) < _S, "the clocks differ"
            (session,) = live.shard.sessions
            assert abs(session.clock.offset_ns - off_s * _S) < _S // 10, "and it is known by how much"
            assert not session.clock.is_off, "as far as they may"
            resting = await live.submit(limit(Side.SELL, "60005", "1"), wait="ack", timeout_s=10)
            other = await live.submit(limit(Side.SELL, "60009", "1"), wait="ack", timeout_s=10)
            await live.cancel(other.order_id)
            (session,) = live.shard.sessions
            await until(lambda: not session.is_connected)
            await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "0.4")
            await until_order(live, resting.order_id, lambda order: str(order.filled_quantity) == "0.4")
            await until_order(live, other.order_id, lambda order: not order.is_open)
            assert await differences(live, store, desk) == []
        await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "0.6")
        async with desk.live(store, config) as live:
            assert live.orders[resting.order_id].status is OrderStatus.FILLED
            assert await differences(live, store, desk) == []
