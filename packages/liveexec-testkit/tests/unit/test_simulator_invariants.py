"""Each invariant fails when it is violated: wrong records, requests, results and venues are fed to the checks."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.domain.ids import VenueName, VenueOrderId
from liveexec.domain.ledger import Ledger
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import AppendBatch
from liveexec.engine.inputs import ControlKind
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.results import result_of
from liveexec_testkit.simulator.invariants.callers import CallerChecks
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.requests import RequestChecks
from liveexec_testkit.simulator.invariants.venues import VenueChecks
from liveexec_testkit.simulator.invariants.violation import Violation, Violations
from liveexec_testkit.simulator.kill_switch import KillNote
from liveexec_testkit.simulator.venue_truth import TrueOrder
from support.builders import (
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    events_to,
    make_fill,
    make_intent,
    make_leg,
    make_listing,
    make_order_id,
    make_plan,
    make_received,
    make_replace_requested,
    make_routed,
    make_submit_requested,
)

ORDER = make_order_id()


class Bench:
    """The checks, and a journal that writes whatever a test wants."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self.violations = Violations(lambda: 1, self.found.append)
        self.true: list[TrueOrder] = []
        self.on_the_way: list[str] = []
        self.kills: list[KillNote] = []
        self.owner = 1
        self.journal = JournalChecks(self.violations, lambda _: self.true, lambda _: self.on_the_way)
        self.requests = RequestChecks(
            self.violations, self.journal, {SPOT: make_listing()}, lambda: self.kills, lambda: self.owner
        )
        self._sequences: dict[str, int] = {}
        self._batch = 0

    @property
    def number(self) -> int | None:
        """The invariant that was found broken."""
        return self.found[0].number if self.found else None

    def write(self, *events: Event, stream: str = ORDER, epoch: int = 1, first: int | None = None) -> None:
        """Commit a record of these events."""
        self.write_together((stream, events), epoch=epoch, first=first)

    def write_together(self, *records: tuple[str, Sequence[Event]], epoch: int = 1, first: int | None = None) -> None:
        """Commit records, each a stream and its events, in one batch."""
        made: list[Record] = []
        for stream, events in records:
            sequence = self._sequences.get(stream, 1)
            self._sequences[stream] = sequence + len(events)
            made.append(Record(stream, sequence, tuple(events), "test", NOW_NS))
        self._batch += 1
        position = self.journal.position + 1 if first is None else first
        self.journal.committed(AppendBatch("main", epoch, self._batch, position, made))

    def reach(self, status: OrderStatus) -> None:
        """Write an order into a status."""
        self.write(make_received(), *events_to(status))

    def order(self) -> Order:
        return self.journal.ledger.orders[ORDER]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def sent(**changes: Any) -> VenueOrder:
    values: dict[str, Any] = {
        "order_id": ORDER,
        "account_id": ALPHA_ACCOUNT,
        "instrument_id": SPOT,
        "operation": Operation.TRADE,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal("1.0"),
        "price": Decimal(45_000),
    }
    return VenueOrder(**(values | changes))


def true_order(name: str = "V-1") -> TrueOrder:
    return TrueOrder(
        ORDER, None, VenueOrderId(name), SPOT, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, Decimal(1), Decimal(45_000),
        NOW_NS, NOW_NS,
    )  # fmt: skip


@pytest.mark.parametrize("status", list(OrderStatus))
def test_what_is_right_passes(bench: Bench, status: OrderStatus) -> None:
    bench.reach(status)
    assert bench.found == []


class TestWhatIsSent:
    def test_1_before_it_is_committed(self, bench: Bench) -> None:
        bench.requests.submit_left(sent(), make_plan())
        assert bench.number == 1

    def test_1_with_other_terms_than_committed(self, bench: Bench) -> None:
        bench.reach(OrderStatus.SUBMITTED)
        bench.requests.submit_left(sent(quantity=Decimal("1.5")), make_plan())
        assert bench.number == 1

    def test_1_without_an_approval(self, bench: Bench) -> None:
        bench.write(make_received(), make_routed(), make_submit_requested())
        bench.requests.submit_left(sent(), make_plan())
        assert bench.number == 1

    def test_1_a_change_that_nobody_recorded(self, bench: Bench) -> None:
        bench.reach(OrderStatus.ACCEPTED)
        bench.requests.replace_left(sent(quantity=Decimal(2)))
        assert bench.number == 1

    def test_2_twice(self, bench: Bench) -> None:
        bench.reach(OrderStatus.SUBMITTED)
        for _ in range(2):
            bench.requests.submit_left(sent(), make_plan())
        assert bench.number == 2

    def test_17_into_a_scope_after_its_kill(self, bench: Bench) -> None:
        bench.reach(OrderStatus.SUBMITTED)
        bench.kills.append(KillNote(ControlScope(ScopeKind.VENUE, VenueName("BETA")), ControlKind.CANCEL_ALL))
        bench.requests.submit_left(sent(), make_plan())
        assert bench.found == [], "another venue was killed"
        bench.write(make_replace_requested(quantity=Decimal(2), price=Decimal(45_000)))
        bench.kills.append(KillNote(ControlScope(ScopeKind.ACCOUNT, ALPHA_ACCOUNT), ControlKind.BLOCK))
        bench.requests.replace_left(sent(quantity=Decimal(2)))
        assert bench.number == 17

    def test_17_flattening_lets_through_what_reduces(self, bench: Bench) -> None:
        bench.reach(OrderStatus.SUBMITTED)
        bench.kills.append(KillNote(ControlScope(ScopeKind.GLOBAL), ControlKind.FLATTEN))
        bench.requests.submit_left(sent(), make_plan())
        assert bench.found == []

    def test_21_by_somebody_who_lost_the_shard(self, bench: Bench) -> None:
        bench.requests.left(2, "cancel", None, can_write=False)
        assert bench.found == [], "whose journal can't write may take risk away"
        bench.requests.left(2, "cancel", None, can_write=True)
        assert bench.number == 21

    def test_22_off_tick_or_lot(self, bench: Bench) -> None:
        bench.reach(OrderStatus.SUBMITTED)
        bench.requests.submit_left(sent(price=Decimal("45000.001")), make_plan())
        assert bench.number == 22


class TestWhatIsRecorded:
    def test_3_a_client_id_for_another_order(self, bench: Bench) -> None:
        bench.reach(OrderStatus.SUBMITTED)
        other = make_order_id(2)
        bench.write(make_received(), *events_to(OrderStatus.SUBMITTED), stream=other)
        assert bench.number == 3

    def test_4_a_fill_twice(self, bench: Bench) -> None:
        bench.reach(OrderStatus.ACCEPTED)
        bench.write(ev.FillApplied(make_fill(quantity=Decimal("0.1"))))
        bench.write(ev.FillApplied(make_fill(quantity=Decimal("0.1"))))
        assert bench.number == 4

    def test_4_a_busted_fill_again(self, bench: Bench) -> None:
        bench.reach(OrderStatus.PARTIALLY_FILLED)
        bench.write(ev.FillBusted(make_fill(), "busted"))
        bench.write(ev.FillApplied(make_fill()))
        assert bench.number == 4

    def test_5_fills_that_are_not_counted(self, bench: Bench) -> None:
        bench.reach(OrderStatus.PARTIALLY_FILLED)
        bench.order().filled_quantity += Decimal("0.1")
        bench.write(ev.CancelUnknown("test"))
        assert bench.number == 5

    def test_6_leaves_of_what_has_ended(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Order, "leaves", property(lambda order: order.quantity))
        bench.reach(OrderStatus.CANCELED)
        assert bench.number == 6

    def test_7_an_overfill_that_halts_nothing(self, bench: Bench) -> None:
        bench.reach(OrderStatus.ACCEPTED)
        bench.write(ev.FillApplied(make_fill(quantity=Decimal("1.1"))))
        assert bench.number == 7

    def test_8_a_transition_that_is_not_in_the_table(self, bench: Bench) -> None:
        bench.reach(OrderStatus.CANCELED)
        bench.write(ev.Accepted(VenueOrderId("V-1"), NOW_NS), ev.SubmitUnknown(1, "test"))
        assert bench.number == 8

    def test_8_a_gap_in_the_positions(self, bench: Bench) -> None:
        bench.write(make_received(), first=2)
        assert bench.number == 8

    @pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED])
    def test_9_an_end_of_what_works_at_its_venue(self, bench: Bench, status: OrderStatus) -> None:
        bench.true = [true_order()]
        bench.reach(status)
        assert bench.number == 9

    def test_9_a_proof_that_it_was_not_sent_while_it_is_on_its_way(self, bench: Bench) -> None:
        bench.on_the_way = ["submit"]
        bench.write(make_received(), *events_to(OrderStatus.SUBMITTED), ev.NotSent(1, "absent"))
        assert bench.number == 9

    def test_10_a_late_fill_that_moves_no_position(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.reach(OrderStatus.CANCELED)
        monkeypatch.setattr(Ledger, "net_quantity", lambda *_: Decimal(0))
        bench.write(ev.FillApplied(make_fill()))
        assert bench.number == 10

    def test_12_a_position_that_is_not_the_sum_of_fills(self, bench: Bench) -> None:
        bench.reach(OrderStatus.PARTIALLY_FILLED)
        bench.journal.ledger.books[ALPHA_ACCOUNT].positions[SPOT].quantity += 1
        bench.write(ev.CancelUnknown("test"))
        assert bench.number == 12

    def test_21_an_older_epoch(self, bench: Bench) -> None:
        bench.write(make_received(), epoch=2)
        bench.write(make_routed(), epoch=1)
        assert bench.number == 21


class TestFamilies:
    def write_family(self, bench: Bench, *quantities: str) -> None:
        """A parent of one BTC with children of these."""
        parent = make_intent(exec_algorithm="ICEBERG", exec_algorithm_params={"visible_pct": 60})
        bench.write(make_received(parent), ev.RiskApproved(ev.RiskStage.PARENT, None), ev.ScheduleFixed({"slots": 1}))
        for ordinal, quantity in enumerate(quantities, 1):
            child = make_order_id(100 + ordinal)
            bench.write(ev.ChildSpawned(child, ordinal, Decimal(quantity)))
            received = make_received(make_intent(quantity=Decimal(quantity)), parent_order_id=ORDER, ordinal=ordinal)
            bench.write(received, stream=child)

    def test_11_children_beyond_their_parent(self, bench: Bench) -> None:
        self.write_family(bench, "0.6", "0.5")
        assert bench.number == 11

    @pytest.mark.parametrize(("halted", "number"), [(True, None), (False, 7)])
    def test_a_sibling_that_the_venue_overfills_excuses_its_family(
        self, bench: Bench, halted: bool, number: int | None
    ) -> None:
        self.write_family(bench, "0.4", "0.6")
        for child, quantity in ((make_order_id(101), "0.4"), (make_order_id(102), "0.6")):
            amount = Decimal(quantity)
            bench.write(
                make_routed(make_leg(quantity=amount)),
                ev.RiskApproved(ev.RiskStage.LEG, Decimal(45_000)),
                make_submit_requested(plan=make_plan(child), quantity=amount),
                ev.Accepted(VenueOrderId(f"V-{child[-3:]}"), NOW_NS),
                stream=child,
            )
        latch = acc.LatchSet(ControlScope(ScopeKind.INSTRUMENT, SPOT), "OVERFILL", "test")
        # The one that was filled as it should be is looked at first.
        bench.write_together(
            (make_order_id(101), [ev.FillApplied(make_fill(1, quantity=Decimal("0.1")))]),
            (make_order_id(102), [ev.FillApplied(make_fill(2, quantity=Decimal("0.9")))]),
            *([("control:main", [latch])] if halted else []),
        )
        assert bench.number == number

    def test_9_a_parent_that_ends_before_its_children(self, bench: Bench) -> None:
        self.write_family(bench, "0.6")
        bench.write(ev.ParentFinished(ev.Resolution.CANCELED, None, "test"))
        assert bench.number == 9

    def test_within_its_bound_it_passes(self, bench: Bench) -> None:
        self.write_family(bench, "0.6", "0.4")
        assert bench.found == []


class TestWhatACallerIsTold:
    def test_19_an_order_that_is_not_durable(self, bench: Bench) -> None:
        other = Bench()
        other.reach(OrderStatus.ACCEPTED)
        CallerChecks(bench.violations, bench.journal).told(result_of(other.order(), {}))
        assert bench.number == 19

    @pytest.mark.parametrize("ahead", [OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELED])
    def test_19_what_has_not_become_durable_yet(self, bench: Bench, ahead: OrderStatus) -> None:
        bench.reach(OrderStatus.ACCEPTED)
        other = Bench()
        other.reach(ahead)
        CallerChecks(bench.violations, bench.journal).told(result_of(other.order(), {}))
        assert bench.number == 19

    def test_what_is_durable_passes(self, bench: Bench) -> None:
        bench.reach(OrderStatus.FILLED)
        CallerChecks(bench.violations, bench.journal).told(result_of(bench.order(), {}))
        assert bench.found == []


@pytest.mark.parametrize(("statuses", "number"), [(("WORKING", "WORKING"), 2), (("CANCELED", "WORKING"), None)])
def test_2_one_intent_with_two_live_orders(bench: Bench, statuses: Sequence[str], number: int | None) -> None:
    checks = VenueChecks(bench.violations)
    for name, status in zip(("V-1", "V-2"), statuses, strict=True):
        order = true_order(name)
        order.status = VenueOrderStatus(status)
        checks.changed(order)
    assert bench.number == number


def test_only_the_first_violation_counts(bench: Bench) -> None:
    bench.violations.add(4, "first")
    bench.violations.add(5, "second")
    assert [violation.number for violation in bench.found] == [4]
    assert "each fill key is applied once" in str(bench.found[0])


def test_an_account_event_counts_in_the_position(bench: Bench) -> None:
    bench.write(
        acc.PositionChanged(
            ALPHA_ACCOUNT, "EXTERNAL", SPOT, Decimal(2), Decimal(45_000), make_listing().terms,
            acc.PositionChange.OPENING, "opening",
        ),
        stream=ALPHA_ACCOUNT,
    )  # fmt: skip
    bench.reach(OrderStatus.PARTIALLY_FILLED)
    assert bench.found == []
    assert bench.journal.nets[ALPHA_ACCOUNT, SPOT] == Decimal("2.5")
