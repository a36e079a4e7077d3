"""Reconciling a shard by itself: what happened while nobody was there is found, shown first, recorded once."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from liveexec import MemoryStore
from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.ids import ClientOrderId, OperationId, OrderId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import PositionReport, SendPlan, Snapshot
from liveexec.errors import AdapterError, Fenced
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.reconciling import Reconciliation, reconcile
from liveexec.runtime.shard_parts import ShardParts
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript
from support.hosting import (
    ALICE,
    HASTY,
    LINEAR_A,
    SPOT_A,
    VENUE_A,
    Desk,
    differences,
    limit,
    local_desk,
    quiet_venue,
    quiet_world,
)


def parts_of(desk: Desk, store: JournalStore) -> ShardParts:
    return desk.orchestrator(store, HASTY)._parts


async def found_in(desk: Desk, store: JournalStore, *, dry_run: bool) -> Reconciliation:
    return await reconcile(parts_of(desk, store), dry_run=dry_run, timeout_s=20)


def kinds(found: Reconciliation) -> list[str]:
    return sorted(type(item.event).__name__ for item in found.happened)


async def position_of(store: JournalStore) -> tuple[int, int]:
    (status,) = await store.shards()
    return status.position, status.projected_through


async def foreign_order(desk: Desk) -> None:
    """Somebody else trades in the host's account."""
    order = VenueOrder(
        OrderId("ORD-foreign"), ALICE, SPOT_A, Operation.TRADE, Side.BUY, OrderType.LIMIT, TimeInForce.GTC,
        Decimal("0.1"), Decimal(50_000),
    )  # fmt: skip
    await desk.watchers[VENUE_A].submit(order, SendPlan(ClientOrderId("by-hand"), 1 << 62))


async def test_what_happened_meanwhile_is_shown_first_and_then_recorded_once(store: JournalStore) -> None:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        async with desk.live(store, HASTY) as live:
            await desk.quoted(live)
            placed = await live.submit(limit(Side.SELL, "60005", "1"), wait="ack", timeout_s=5)
        await desk.others[VENUE_A].rest(SPOT_A, Side.BUY, "60005", "0.4")
        await foreign_order(desk)
        before = await position_of(store)

        shown = await found_in(desk, store, dry_run=True)
        assert kinds(shown) == ["Adopted", "FillApplied"]
        assert not shown.is_clean
        assert (shown.drifts, shown.in_doubt, shown.withheld) == ([], [], [])
        assert await position_of(store) == before

        done = await found_in(desk, store, dry_run=False)
        assert kinds(done) == kinds(shown)
        assert [item.stream for item in done.happened] == [item.stream for item in shown.happened]
        after = await position_of(store)
        assert after > before

        assert (await found_in(desk, store, dry_run=False)).is_clean
        assert (await found_in(desk, store, dry_run=True)).is_clean
        assert await position_of(store) == after
        async with desk.live(store, HASTY) as live:
            assert live.orders[placed.order_id].filled_quantity == Decimal("0.4")
            assert await differences(live, store, desk) == []


async def test_an_order_whose_answer_was_lost_is_settled_and_nothing_is_resent(store: JournalStore) -> None:
    script = FaultScript((FaultRule(FaultKind.LOST_ACK, client_ids="(?!cp).*", placed=False, limit=1),))
    async with local_desk(quiet_world(quiet_venue(faults=script))) as desk:
        live = desk.orchestrator(store, HASTY)
        await live.start()
        await live.active(10)
        await desk.quoted(live)
        placed = await live.submit(limit(operation_id=OperationId("OP-1")))
        await live.close(0)
        shown = await found_in(desk, store, dry_run=True)
        assert "NotSent" in kinds(shown)
        done = await found_in(desk, store, dry_run=False)
        assert "NotSent" in kinds(done)
        assert done.in_doubt == []
        async with desk.live(store, HASTY) as again:
            assert (await again.result(placed.order_id)).rejection_reason == "NOT_SENT"
            assert await desk.orders_at(VENUE_A) == ()


async def test_a_position_that_differs_is_shown_after_a_second_look(
    store: JournalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        async with desk.live(store, HASTY):
            pass
        adapter: Any = desk.adapters[VENUE_A]
        drifted = PositionReport(ALICE, LINEAR_A, Decimal(2), Decimal(60_000), desk.clock.now_ns())

        async def positions(_: object) -> Snapshot[PositionReport]:
            return Snapshot((drifted,), 0, 0)

        monkeypatch.setattr(adapter, "positions", positions)
        shown = await found_in(desk, store, dry_run=True)
        assert kinds(shown) == ["DriftSeen", "StateChanged"]
        done = await found_in(desk, store, dry_run=False)
        (drift,) = done.drifts
        assert (drift.subject, drift.ours, drift.theirs) == (f"position:{LINEAR_A}", 0, 2)
        assert isinstance(done.happened[0].event, acc.DriftSeen)
        again = await found_in(desk, store, dry_run=False)
        assert again.happened == []
        assert not again.is_clean


async def test_a_shard_that_is_in_use_is_left_alone(store: JournalStore) -> None:
    async with local_desk(quiet_world(quiet_venue())) as desk, desk.live(store, HASTY, owner="somebody else"):
        for dry_run in (True, False):
            with pytest.raises(Fenced, match="somebody else"):
                await found_in(desk, store, dry_run=dry_run)


async def test_a_parent_does_not_go_on_while_its_shard_is_only_reconciled(store: JournalStore) -> None:
    async with local_desk(quiet_world(quiet_venue())) as desk:
        async with desk.live(store, HASTY) as live:
            await desk.quoted(live)
            twap = evolve(
                limit(price="58000", quantity="1"),
                exec_algorithm="TWAP",
                exec_algorithm_params={"horizon_secs": 2, "interval_secs": 1},
            )
            await live.submit(twap, wait="ack", timeout_s=5)
        sent = len(await desk.orders_at(VENUE_A))
        found = await found_in(desk, store, dry_run=False)
        assert not any(isinstance(item.event, ev.SubmitRequested) for item in found.happened)
        assert len(await desk.orders_at(VENUE_A)) == sent


async def test_a_venue_that_cannot_be_compared_with_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async with local_desk(quiet_world(quiet_venue())) as desk:

        async def balances(_: object) -> None:
            raise AdapterError("503 from the venue")

        monkeypatch.setattr(desk.adapters[VENUE_A], "balances", balances)
        with pytest.raises(AdapterError, match=r"0.5 s: PAPER-A \(AdapterError: 503 from the venue"):
            await reconcile(parts_of(desk, MemoryStore()), dry_run=False, timeout_s=0.5)
