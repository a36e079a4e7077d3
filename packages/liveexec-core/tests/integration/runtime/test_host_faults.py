"""What a venue's connection does wrong, and what becomes of the orders: evidence or proof, never a guess."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from attrs import evolve

from liveexec import EngineConfig, LiveExecutionOrchestrator, MemoryStore, OrderStatus, RiskConfig
from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId
from liveexec.domain.intent import ReplaceIntent
from liveexec.domain.operation import Side
from liveexec.runtime.ports import JournalStore
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript, FaultVerb
from support.hosting import (
    FAST,
    HASTY,
    SPOT_A,
    VENUE_A,
    Desk,
    differences,
    limit,
    local_desk,
    market,
    quiet_venue,
    quiet_world,
    until,
    until_order,
)

_MS = 1_000_000
#: Orders of the host; the counterparty's are left alone.
_OURS = "(?!cp).*"


@asynccontextmanager
async def desk_with(kind: FaultKind, verb: FaultVerb = FaultVerb.SUBMIT, **rule: object) -> AsyncIterator[Desk]:
    """A desk whose venue does this wrong once, to the host's next request of the kind."""
    script = FaultScript((evolve(FaultRule(kind, verb, client_ids=_OURS, limit=1), **rule),))  # type: ignore[arg-type]  # fields by name
    async with local_desk(quiet_world(quiet_venue(faults=script))) as desk:
        yield desk


async def events_of(store: JournalStore, order_id: OrderId) -> list[type[object]]:
    (records,) = (await store.read_streams("main", [order_id])).values()
    return [type(event) for stored in records for event in stored.record.events]


async def trades_on(live: LiveExecutionOrchestrator) -> bool:
    """Whether the host can trade as before."""
    await live.active(10)
    result = await live.submit(market(quantity="0.01"), wait="terminal", timeout_s=10)
    return result.status is OrderStatus.FILLED


async def test_an_order_whose_answer_was_lost_is_found_at_the_venue(store: JournalStore) -> None:
    async with desk_with(FaultKind.LOST_ACK) as desk, desk.live(store, HASTY) as live:
        await desk.quoted(live)
        placed = await live.submit(limit())
        order = await until_order(live, placed.order_id, lambda order: order.status is OrderStatus.ACCEPTED)
        happened = await events_of(store, order.order_id)
        assert happened.index(ev.SubmitUnknown) < happened.index(ev.Accepted)
        assert happened.count(ev.SubmitRequested) == 1
        assert len(await desk.orders_at(VENUE_A)) == 1
        assert await trades_on(live)
        assert await differences(live, store, desk) == []


async def test_an_order_that_never_arrived_keeps_its_exposure_until_its_absence_is_proved(store: JournalStore) -> None:
    limits = {str(SPOT_A): Decimal(1)}
    timing = evolve(FAST, send_deadline_ns=700 * _MS)
    config = EngineConfig(timing=timing, risk=RiskConfig(max_position_per_instrument=limits))
    async with desk_with(FaultKind.LOST_ACK, placed=False) as desk, desk.live(store, config) as live:
        await desk.quoted(live)
        lost = await live.submit(limit(quantity="0.7"), wait="ack", timeout_s=10)
        assert lost.status is OrderStatus.UNKNOWN
        refused = await live.submit(limit(quantity="0.7", price="58000"), wait="terminal", timeout_s=10)
        assert (refused.status, live.orders[lost.order_id].status) == (OrderStatus.REJECTED, OrderStatus.UNKNOWN)
        assert "POSITION" in str(refused.rejection_reason)
        order = await until_order(live, lost.order_id, lambda order: not order.is_open)
        assert (order.status, order.code) == (OrderStatus.REJECTED, "NOT_SENT")
        assert order.plan is not None
        assert order.updated_at_ns >= order.plan.valid_until_ns + timing.clock_skew_ns
        placed = await live.submit(limit(quantity="0.7", price="58000"), wait="ack", timeout_s=10)
        assert placed.status is OrderStatus.ACCEPTED
        assert await differences(live, store, desk) == []


async def test_a_fill_of_an_order_whose_answer_was_lost_counts_once(store: JournalStore) -> None:
    async with desk_with(FaultKind.LOST_ACK) as desk, desk.live(store, HASTY) as live:
        await desk.quoted(live)
        result = await live.submit(market(), wait="terminal", timeout_s=10)
        assert (result.status, result.filled_quantity) == (OrderStatus.FILLED, Decimal("0.5"))
        assert await trades_on(live)
        assert await differences(live, store, desk) == []


async def test_a_late_answer_is_waited_for(store: JournalStore) -> None:
    async with desk_with(FaultKind.LATE_ACK, delay_ns=150 * _MS) as desk, desk.live(store, HASTY) as live:
        await desk.quoted(live)
        placed = await live.submit(limit(), wait="ack", timeout_s=10)
        assert placed.status is OrderStatus.ACCEPTED
        assert ev.SubmitUnknown not in await events_of(store, placed.order_id)
        assert await differences(live, store, desk) == []


async def test_fills_that_come_twice_count_once(store: JournalStore) -> None:
    async with desk_with(FaultKind.DUPLICATE_FILL) as desk, desk.live(store, HASTY) as live:
        await desk.others[VENUE_A].quote(SPOT_A, "60000", "60010", "0.2")
        await desk.others[VENUE_A].quote(SPOT_A, "59999", "60011", "5")
        await desk.seen(live, [SPOT_A])
        result = await live.submit(market(), wait="terminal", timeout_s=10)
        assert (result.filled_quantity, len(result.fills)) == (Decimal("0.5"), 2)
        assert await trades_on(live)
        assert await differences(live, store, desk) == []


@pytest.mark.parametrize("placed", [True, False])
async def test_a_connection_lost_in_the_middle_of_a_submit_is_reconciled(store: JournalStore, placed: bool) -> None:
    async with (
        desk_with(FaultKind.DISCONNECT, placed=placed, delay_ns=50 * _MS) as desk,
        desk.live(store, HASTY) as live,
    ):
        await desk.quoted(live)
        (session,) = live.shard.sessions
        since_ns = session.active_since_ns
        sent = await live.submit(limit())
        order = await until_order(
            live, sent.order_id, lambda order: order.status is OrderStatus.ACCEPTED or not order.is_open
        )
        await live.active(10)
        assert session.active_since_ns != since_ns
        assert order.status is (OrderStatus.ACCEPTED if placed else OrderStatus.REJECTED)
        assert len(await desk.orders_at(VENUE_A)) == (1 if placed else 0)
        assert await trades_on(live)
        assert await differences(live, store, desk) == []


async def test_what_happened_while_the_connection_was_down_is_fetched(store: JournalStore) -> None:
    async with (
        desk_with(FaultKind.DISCONNECT, FaultVerb.CANCEL, placed=False, delay_ns=100 * _MS) as desk,
        desk.live(store, HASTY) as live,
    ):
        await desk.quoted(live)
        first = await live.submit(limit(Side.SELL, "60005", "1"), wait="ack", timeout_s=10)
        second = await live.submit(limit(Side.SELL, "60009", "1"), wait="ack", timeout_s=10)
        await live.cancel(second.order_id)
        (session,) = live.shard.sessions
        await until(lambda: not session.is_connected)
        await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "0.4")
        await until_order(live, first.order_id, lambda order: order.filled_quantity == Decimal("0.4"))
        await until_order(live, second.order_id, lambda order: order.status is OrderStatus.CANCELED)
        assert [order.price for order in await desk.orders_at(VENUE_A)] == [60005]
        assert await trades_on(live)
        assert await differences(live, store, desk) == []


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize("kind", [FaultKind.LOST_ACK, FaultKind.DISCONNECT])
async def test_a_cancel_is_repeated_until_the_order_is_gone(kind: FaultKind, placed: bool) -> None:
    store = MemoryStore()
    async with desk_with(kind, FaultVerb.CANCEL, placed=placed) as desk, desk.live(store, HASTY) as live:
        await desk.quoted(live)
        order = await live.submit(limit(), wait="ack", timeout_s=10)
        result = await live.cancel(order.order_id, wait="terminal", timeout_s=10)
        assert result.status is OrderStatus.CANCELED
        assert await desk.orders_at(VENUE_A) == ()
        assert await trades_on(live)
        assert await differences(live, store, desk) == []


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize("kind", [FaultKind.LOST_ACK, FaultKind.DISCONNECT])
async def test_a_replace_whose_answer_was_lost_ends_as_the_venue_has_it(kind: FaultKind, placed: bool) -> None:
    store = MemoryStore()
    async with desk_with(kind, FaultVerb.REPLACE, placed=placed) as desk, desk.live(store, HASTY) as live:
        await desk.quoted(live)
        order = await live.submit(limit(), wait="ack", timeout_s=10)
        await live.replace(ReplaceIntent(order.order_id, Decimal("0.8"), Decimal(58500)))
        changed = await until_order(live, order.order_id, lambda order: order.replace is None)
        (at_venue,) = await desk.orders_at(VENUE_A)
        assert (changed.quantity, changed.price) == (at_venue.quantity, at_venue.price)
        assert at_venue.quantity == (Decimal("0.8") if placed else Decimal("0.5"))
        assert await trades_on(live)
        assert await differences(live, store, desk) == []


async def test_many_orders_through_a_bad_connection_all_come_to_an_end_that_both_sides_know(
    store: JournalStore,
) -> None:
    rules = tuple(
        FaultRule(kind, verb, client_ids=_OURS, probability=0.08, placed=placed, delay_ns=5 * _MS)
        for kind, placed in (
            (FaultKind.LOST_ACK, True),
            (FaultKind.LOST_ACK, False),
            (FaultKind.DISCONNECT, True),
            (FaultKind.DUPLICATE_FILL, True),
        )
        for verb in (FaultVerb.SUBMIT, FaultVerb.CANCEL)
        if kind is not FaultKind.DUPLICATE_FILL or verb is FaultVerb.SUBMIT
    )
    world = quiet_world(quiet_venue(faults=FaultScript(rules, seed=7)))
    async with local_desk(world) as desk, desk.live(store, HASTY) as live:
        await desk.quoted(live)
        for number in range(40):
            await live.active(20)
            intent = market(quantity="0.02") if number % 2 else limit(price=f"{58000 + number}")
            await live.submit(intent, wait="ack", timeout_s=10)
        for order in live.open_orders():
            result = await live.cancel(order.order_id, wait="terminal", timeout_s=30)
            assert not live.orders[result.order_id].is_open
        assert live.open_orders() == []
        await live.active(20)
        assert await differences(live, store, desk) == []
