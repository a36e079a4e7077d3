"""Reconciliation: the venue's truth is fetched with an overlap, told as ordinary inputs, and adds nothing twice."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest
from attrs import define, field
from structlog.testing import capture_logs

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.fill import FillKey, fill_key
from liveexec.domain.ids import AccountId, VenueOrderId
from liveexec.domain.operation import Side
from liveexec.domain.outcome import (
    BalanceReport,
    FillAction,
    FillReport,
    PositionReport,
    SettlementReport,
    Snapshot,
    VenueReport,
)
from liveexec.domain.record import Event
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import AccountSnapshot, EngineInput, ListingsUpdate, Recovered, Report
from liveexec.errors import AdapterError, StorageError
from liveexec.plugins.adapter import Settles
from liveexec.runtime import reconciler as reconciler_module
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.reconciler import Reconciler
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    LINEAR,
    NOW_NS,
    SPOT,
    make_fill,
    make_listing,
    make_manifest,
    make_order_report,
)
from support.runtime_parts import ScriptedVenue, make_engine, within

_S = 1_000_000_000
OTHER_ACCOUNT = AccountId("ALPHA-2")


@define(eq=False)
class Desk:
    """A reconciler before a scripted venue; what it tells is kept, and told to an engine if there is one."""

    trusted_until_ns: int = NOW_NS - 3_600 * _S
    is_new: bool = False
    engine: ExecutionEngine | None = None
    #: How far the venue's clock is ahead of ours.
    ahead_ns: int = 0
    venue: ScriptedVenue = field(factory=ScriptedVenue)
    clock: VirtualClock = field(factory=lambda: VirtualClock(NOW_NS))
    told: list[EngineInput] = field(factory=list)
    events: list[Event] = field(factory=list)
    #: What the tables hold, or why they can't tell.
    known: set[FillKey] | StorageError = field(factory=set)
    reconciler: Reconciler = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reconciler = Reconciler(
            now_ns=self.clock.now_ns,
            is_new=self.engine.is_new_account if self.engine is not None else lambda _: self.is_new,
            trusted_until_ns=self.trusted_until_ns,
            known_fills=self.known_fills,
            tell=self.tell,
            deliver=self.deliver,
            offset_ns=lambda: self.ahead_ns,
        )

    async def tell(self, given: EngineInput) -> None:
        self.told.append(given)
        if self.engine is not None:
            self.clock.time_ns += 1_000
            given.at_ns = self.clock.now_ns()
            decision = self.engine.handle(given)
            assert decision.error is None
            self.events += [event for record in decision.records for event in record.events]

    async def known_fills(self, account_id: AccountId, keys: Sequence[FillKey]) -> Sequence[FillKey]:
        assert account_id == ALPHA_ACCOUNT
        if isinstance(self.known, StorageError):
            raise self.known
        return [key for key in keys if key in self.known]

    async def deliver(self, report: VenueReport) -> None:
        await self.tell(Report(0, report, looked_up=True))

    async def reconcile(self, account_id: AccountId = ALPHA_ACCOUNT) -> list[Event]:
        """One round; what became true in it."""
        self.events.clear()
        await within(self.reconciler.reconcile(account_id, self.venue))
        return list(self.events)

    @property
    def since(self) -> list[int]:
        """Since when fills were asked for, round by round."""
        return [given[1] for name, given in self.venue.asked if name == "fills"]

    @property
    def reports(self) -> list[VenueReport]:
        return [each.report for each in self.told if isinstance(each, Report)]

    @property
    def snapshots(self) -> list[AccountSnapshot]:
        return [each for each in self.told if isinstance(each, AccountSnapshot)]


def fill_report(number: int, at_ns: int = NOW_NS, **changes: Any) -> FillReport:
    side = changes.get("side", Side.BUY)
    key = fill_key(SPOT, VenueOrderId("V-77"), side, f"T-{number}")
    return FillReport(
        ALPHA_ACCOUNT, None, VenueOrderId("V-77"), make_fill(number, venue_time_ns=at_ns, key=key, **changes)
    )


def balance(asset: str, total: str) -> BalanceReport:
    return BalanceReport(ALPHA_ACCOUNT, asset, Decimal(total), Decimal(total), NOW_NS)


def position(quantity: str) -> PositionReport:
    return PositionReport(ALPHA_ACCOUNT, LINEAR, Decimal(quantity), Decimal(44_000), NOW_NS)


def page(items: Sequence[FillReport], *, complete: bool) -> Snapshot[FillReport]:
    return Snapshot(tuple(items), NOW_NS, NOW_NS, complete)


async def test_everything_of_an_account_is_fetched_and_told_fills_first() -> None:
    desk = Desk()
    fills, orders = [fill_report(1), fill_report(2)], [make_order_report()]
    positions, balances = [position("2")], [balance("USDT", "5")]
    desk.venue.answer("fills", fills)
    desk.venue.answer("open_orders", orders)
    desk.venue.answer("positions", positions)
    desk.venue.answer("balances", balances)
    await desk.reconcile()
    assert desk.reports == fills
    (snapshot,) = desk.snapshots
    assert desk.told[-1] is snapshot
    assert (snapshot.account_id, snapshot.requested_at_ns, snapshot.orders_complete) == (ALPHA_ACCOUNT, NOW_NS, True)
    assert list(snapshot.open_orders) == orders
    assert list(snapshot.positions) == positions
    assert list(snapshot.balances) == balances


@define(eq=False)
class SettlingVenue(ScriptedVenue, Settles):
    """A venue at which something was settled; ``asked_since`` says since when settlements were asked for."""

    settled: Snapshot[SettlementReport] = field(factory=lambda: Snapshot((settlement(),), NOW_NS, NOW_NS))
    asked_since: list[int] = field(factory=list)

    async def settlements(self, account_id: AccountId, since_ns: int) -> Snapshot[SettlementReport]:
        assert account_id == ALPHA_ACCOUNT
        self.asked_since.append(since_ns)
        return self.settled


def settlement() -> SettlementReport:
    return SettlementReport(ALPHA_ACCOUNT, LINEAR, Decimal(46_000), "settled-1", NOW_NS)


async def test_what_was_settled_is_told_after_the_fills_that_it_settles() -> None:
    venue = SettlingVenue()
    desk = Desk(venue=venue)
    desk.venue.answer("fills", [fill_report(1)])
    await desk.reconcile()
    assert [type(each) for each in desk.told] == [Report, Report, AccountSnapshot]
    assert [type(each) for each in desk.reports] == [FillReport, SettlementReport]
    assert venue.asked_since == desk.since


async def test_a_new_account_has_nothing_to_settle() -> None:
    venue = SettlingVenue()
    await Desk(venue=venue, is_new=True).reconcile()
    assert venue.asked_since == []


async def test_settlements_that_are_cut_off_are_not_enough() -> None:
    desk = Desk(venue=SettlingVenue(settled=Snapshot((settlement(),), NOW_NS, NOW_NS, complete=False)))
    with pytest.raises(AdapterError, match="does not give all settlements"):
        await desk.reconcile()
    assert desk.snapshots == []


@pytest.mark.parametrize("ahead_s", [-50, 0, 50])
async def test_times_are_compared_on_the_venues_clock(ahead_s: int) -> None:
    desk = Desk(ahead_ns=ahead_s * _S)
    shown_ns = NOW_NS - 7 * _S
    desk.venue.answer("positions", Snapshot((), NOW_NS, NOW_NS, as_of_ns=shown_ns + ahead_s * _S))
    await desk.reconcile()
    assert desk.since == [desk.trusted_until_ns - 60 * _S + ahead_s * _S]
    assert [snapshot.requested_at_ns for snapshot in desk.snapshots] == [shown_ns]


async def test_fills_that_the_tables_hold_are_not_delivered_again() -> None:
    desk = Desk()
    fills = [fill_report(1), fill_report(2), fill_report(3)]
    desk.known = {fills[0].fill.key, fills[2].fill.key}
    desk.venue.answer("fills", fills)
    await desk.reconcile()
    assert desk.reports == [fills[1]]


@pytest.mark.parametrize("action", [FillAction.BUST, FillAction.CORRECTION])
async def test_what_became_of_a_known_fill_is_delivered(action: FillAction) -> None:
    desk = Desk()
    undone = attrs.evolve(fill_report(1), action=action)
    desk.known = {undone.fill.key}
    desk.venue.answer("fills", [fill_report(1), undone])
    await desk.reconcile()
    assert desk.reports == [undone]


async def test_tables_that_cannot_tell_keep_no_fill_from_being_delivered() -> None:
    desk = Desk(known=StorageError("the database is gone"))
    fills = [fill_report(1), fill_report(2)]
    desk.venue.answer("fills", fills)
    await desk.reconcile()
    assert desk.reports == fills


async def test_what_a_snapshot_leaves_out_proves_nothing_when_it_was_cut_off() -> None:
    desk = Desk()
    desk.venue.answer("open_orders", Snapshot((), NOW_NS, NOW_NS, complete=False))
    await desk.reconcile()
    assert not desk.snapshots[0].orders_complete


async def test_the_snapshots_time_is_from_before_anything_was_asked() -> None:
    desk = Desk()
    answer = desk.venue.wait_with("fills")
    reconciling = asyncio.create_task(desk.reconciler.reconcile(ALPHA_ACCOUNT, desk.venue))
    await asyncio.sleep(0)
    desk.clock.advance_to(NOW_NS + 9)
    answer.set_result(())
    await within(reconciling)
    assert desk.snapshots[0].requested_at_ns == NOW_NS


async def test_fills_are_asked_for_with_an_overlap_from_where_the_account_was_last_known() -> None:
    desk = Desk(trusted_until_ns=NOW_NS - 3_600 * _S)
    await desk.reconcile()
    desk.clock.advance_to(NOW_NS + 600 * _S)
    await desk.reconcile()
    assert desk.since == [NOW_NS - 3_660 * _S, NOW_NS - 60 * _S]


@pytest.mark.parametrize("ahead_s", [0, 30])
async def test_a_venue_is_not_asked_for_fills_that_it_keeps_no_longer_and_that_is_told(ahead_s: int) -> None:
    kept_s = 600
    desk = Desk(trusted_until_ns=NOW_NS - 3_600 * _S, ahead_ns=ahead_s * _S)
    desk.venue.manifest = make_manifest(fills_history_ns=kept_s * _S)
    with capture_logs() as logged:
        await desk.reconcile()
        desk.clock.advance_to(NOW_NS + 60 * _S)
        await desk.reconcile()
    # The venue counts by its own clock; what it was asked for last lies within what it keeps.
    assert desk.since == [NOW_NS + (ahead_s - kept_s) * _S, NOW_NS + (ahead_s - 60) * _S]
    (told,) = [each for each in logged if each["event"] == "fills_out_of_reach"]
    assert (told["account"], told["log_level"]) == (ALPHA_ACCOUNT, "error")


async def test_each_account_is_known_up_to_a_time_of_its_own() -> None:
    desk = Desk(trusted_until_ns=NOW_NS - 3_600 * _S)
    await desk.reconcile()
    await desk.reconcile(OTHER_ACCOUNT)
    await desk.reconcile()
    assert desk.since == [NOW_NS - 3_660 * _S, NOW_NS - 3_660 * _S, NOW_NS - 60 * _S]


async def test_nothing_is_asked_from_before_time_began() -> None:
    desk = Desk(trusted_until_ns=0)
    await desk.reconcile()
    assert desk.since == [0]


async def test_of_a_new_account_no_earlier_fills_are_asked_for() -> None:
    desk = Desk(is_new=True)
    await desk.reconcile()
    assert desk.since == []
    assert len(desk.snapshots) == 1
    desk.is_new = False
    desk.clock.advance_to(NOW_NS + _S)
    await desk.reconcile()
    assert desk.since == [NOW_NS - 60 * _S]


async def test_fills_that_are_cut_off_are_fetched_page_after_page() -> None:
    desk = Desk(trusted_until_ns=NOW_NS - 100 * _S)
    pages = [
        page([fill_report(1, NOW_NS - 90 * _S), fill_report(2, NOW_NS - 80 * _S)], complete=False),
        page([fill_report(2, NOW_NS - 80 * _S), fill_report(3, NOW_NS - 70 * _S)], complete=False),
        page([fill_report(3, NOW_NS - 70 * _S)], complete=True),
    ]
    desk.venue.answer("fills", *pages)
    await desk.reconcile()
    assert desk.since == [NOW_NS - 160 * _S, NOW_NS - 80 * _S, NOW_NS - 70 * _S]
    assert len(desk.reports) == 5
    assert len(desk.snapshots) == 1


@pytest.mark.parametrize("items", [[], [fill_report(1, NOW_NS - 160 * _S)]])
async def test_an_account_whose_fills_cannot_all_be_had_is_not_trusted(items: list[FillReport]) -> None:
    desk = Desk(trusted_until_ns=NOW_NS - 100 * _S)
    desk.venue.answer("fills", page(items, complete=False))
    with pytest.raises(AdapterError, match="can't be fetched"):
        await desk.reconcile()
    assert desk.snapshots == []


@pytest.mark.parametrize("method", ["fills", "open_orders", "positions", "balances"])
async def test_a_round_that_fails_moves_nothing_on(method: str) -> None:
    desk = Desk()
    desk.venue.answer(method, AdapterError("503"))
    with pytest.raises(AdapterError, match="503"):
        await desk.reconcile()
    assert desk.snapshots == []
    await desk.reconcile()
    assert set(desk.since) == {NOW_NS - 3_660 * _S}


@pytest.mark.parametrize("method", ["fills", "open_orders", "positions", "balances"])
async def test_a_venue_that_does_not_answer_is_not_waited_for_for_ever(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler_module, "_ANSWER_TIMEOUT_S", 0.0)
    desk = Desk()
    desk.venue.wait_with(method)
    with pytest.raises(TimeoutError):
        await desk.reconcile()


# With an engine behind it


@pytest.fixture
def desk() -> Desk:
    """An account that the engine meets for the first time."""
    desk = Desk(trusted_until_ns=0, engine=make_engine())
    assert desk.engine is not None
    for given in (
        Recovered(desk.clock.now_ns()),
        ListingsUpdate(desk.clock.now_ns(), ALPHA, (make_listing(SPOT), make_listing(LINEAR))),
    ):
        desk.engine.handle(given)
    return desk


def venue_shows(desk: Desk, *fills: FillReport, usdt: str = "1000", net: str = "2", spot: str = "0") -> None:
    """What the venue answers in the next round."""
    desk.venue.answers.clear()
    desk.venue.answer("fills", fills)
    held = [PositionReport(ALPHA_ACCOUNT, SPOT, Decimal(spot), None, NOW_NS)] if spot != "0" else []
    # Twice, as a new account is asked.
    for _ in range(2):
        desk.venue.answer("open_orders", [make_order_report()])
        desk.venue.answer("positions", [position(net), *held] if net != "0" else held)
        desk.venue.answer("balances", [balance("USDT", usdt)] if usdt != "0" else [])


async def test_what_a_new_account_holds_is_its_opening_and_what_it_works_on_is_adopted(desk: Desk) -> None:
    venue_shows(desk)
    events = await desk.reconcile()
    assert desk.since == []
    kinds = [type(event) for event in events]
    assert kinds.count(acc.AssetMoved) == 1
    assert kinds.count(acc.PositionChanged) == 1
    assert kinds.count(ev.Adopted) == 1
    assert desk.engine is not None
    assert desk.engine.state.ledger.net_quantity(ALPHA_ACCOUNT, LINEAR) == 2


@pytest.mark.parametrize("moved", ["open_orders", "positions", "balances"])
async def test_a_new_account_is_asked_until_it_holds_the_same_twice(desk: Desk, moved: str) -> None:
    # A fill between two of the answers would count twice, or not at all.
    first = {"open_orders": [make_order_report()], "positions": [position("1")], "balances": [balance("USDT", "900")]}
    then = {
        "open_orders": [make_order_report(filled_quantity=Decimal("0.5"))],
        "positions": [position("2")],
        "balances": [balance("USDT", "1000")],
    }
    for name, shown in first.items():
        desk.venue.answer(name, shown, *[then[name] if name == moved else shown] * 2)
    events = await desk.reconcile()
    assert [name for name, _ in desk.venue.asked].count("positions") == 3
    opened = next(event for event in events if isinstance(event, acc.PositionChanged))
    assert opened.quantity == (2 if moved == "positions" else 1)


async def test_what_a_new_account_holds_is_of_one_moment(desk: Desk) -> None:
    # Shown alike twice, but of moments that don't meet: something may have come and gone in between.
    def shown(at_s: int) -> Snapshot[PositionReport]:
        return Snapshot((position("2"),), NOW_NS, NOW_NS, as_of_ns=NOW_NS + at_s * _S)

    desk.venue.answer("positions", shown(-5), shown(-9), shown(-3), shown(-2))
    desk.venue.answer("open_orders", *[Snapshot((), NOW_NS, NOW_NS, as_of_ns=NOW_NS - 4 * _S)] * 3)
    desk.venue.answer("open_orders", Snapshot((), NOW_NS, NOW_NS, as_of_ns=NOW_NS - _S))
    desk.venue.answer("balances", *[Snapshot((), NOW_NS, NOW_NS, as_of_ns=NOW_NS - 3 * _S)] * 3)
    desk.venue.answer("balances", Snapshot((), NOW_NS, NOW_NS, as_of_ns=NOW_NS - _S))
    events = await desk.reconcile()
    opened = next(event for event in events if isinstance(event, acc.AccountOpened))
    assert opened.asked_at_ns == NOW_NS - 3 * _S


async def test_a_venue_that_cuts_its_times_cuts_no_later_fill_to_before_the_beginning(desk: Desk) -> None:
    ms = 1_000_000
    desk.venue.manifest = attrs.evolve(desk.venue.manifest, time_resolution_ns=ms)
    # Looked at at these moments: between the first and the second lies no whole millisecond.
    shown: list[Snapshot[Any]] = [
        Snapshot((), NOW_NS, NOW_NS, as_of_ns=NOW_NS + ms + after) for after in (300_000, 900_000, 1_200_000)
    ]
    for name in ("open_orders", "positions", "balances"):
        desk.venue.answer(name, *shown)
    events = await desk.reconcile()
    opened = next(event for event in events if isinstance(event, acc.AccountOpened))
    assert opened.asked_at_ns == NOW_NS + 2 * ms


async def test_an_account_that_is_never_still_begins_all_the_same(desk: Desk) -> None:
    for number in range(11):
        desk.venue.answer("positions", [position(str(number + 1))])
        desk.venue.answer("open_orders", [])
        desk.venue.answer("balances", [])
    with capture_logs() as logs:
        await desk.reconcile()
    assert "account_never_still" in [entry["event"] for entry in logs]
    assert desk.engine is not None
    assert desk.engine.state.ledger.net_quantity(ALPHA_ACCOUNT, LINEAR) == 11


async def test_reconciling_twice_adds_nothing_the_second_time(desk: Desk) -> None:
    venue_shows(desk)
    assert await desk.reconcile() != []
    fills = [fill_report(1, side=Side.SELL, price=Decimal(46_000))]
    venue_shows(desk, *fills, spot="-0.5", usdt="23997.75")
    assert [type(event) for event in await desk.reconcile()] == [ev.FillApplied]
    for _ in range(3):
        venue_shows(desk, *fills, spot="-0.5", usdt="23997.75")
        assert await desk.reconcile() == []
    assert len(desk.since) == 4


async def test_an_account_that_holds_nothing_is_known_after_its_first_round(desk: Desk) -> None:
    desk.venue.answer("open_orders", [])
    await desk.reconcile()
    assert desk.engine is not None
    assert not desk.engine.is_new_account(ALPHA_ACCOUNT), "its fills have to be fetched after a gap"
    await desk.reconcile()
    assert len(desk.since) == 1


@pytest.mark.parametrize(("age_s", "counts_s"), [(None, 0), (0, 0), (-5, 0), (2, 2), (86_400, 60)])
async def test_a_snapshot_counts_from_the_moment_that_it_shows(age_s: int | None, counts_s: int) -> None:
    desk = Desk()
    as_of_ns = NOW_NS - age_s * _S if age_s is not None else None
    desk.venue.answer("positions", Snapshot((), NOW_NS, NOW_NS, as_of_ns=as_of_ns))
    await desk.reconcile()
    (snapshot,) = [each for each in desk.told if isinstance(each, AccountSnapshot)]
    assert snapshot.requested_at_ns == NOW_NS - counts_s * _S
