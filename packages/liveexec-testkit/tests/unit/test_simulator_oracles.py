"""What the simulator works out from the journal fails when it is violated: wrong verdicts, books, wishes, slices."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OrderId, VenueOrderId, external_order_id
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import AppendBatch
from liveexec.engine.inputs import ControlKind
from liveexec.engine.risk_config import ANY, RiskConfig
from liveexec.engine.rules.repeated_execution import REPEATED_EXECUTION
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.simulator.invariants.approvals import ApprovalChecks
from liveexec_testkit.simulator.invariants.books import BookChecks
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.slices import SliceChecks
from liveexec_testkit.simulator.invariants.tables import TableChecks
from liveexec_testkit.simulator.invariants.violation import Violation, Violations
from liveexec_testkit.simulator.invariants.wishes import WishChecks, external_id
from liveexec_testkit.simulator.kill_switch import KillNote
from liveexec_testkit.simulator.market import LOT
from liveexec_testkit.simulator.settings import UNLUCKY
from support.builders import (
    ALPHA_ACCOUNT,
    INVERSE,
    INVERSE_TERMS,
    NOW_NS,
    SPOT,
    STRATEGY,
    events_to,
    make_adopted,
    make_asset_moved,
    make_cancel_requested,
    make_fill,
    make_intent,
    make_leg,
    make_market_intent,
    make_order_id,
    make_plan,
    make_received,
    make_replace_requested,
    make_routed,
    make_submit_requested,
)

ORDER = make_order_id()
APPROVED = ev.RiskApproved(ev.RiskStage.LEG, Decimal(45_000))
GLOBAL = ControlScope(ScopeKind.GLOBAL)
#: Two slots of ten nanoseconds.
SCHEDULE = {"start_ns": NOW_NS, "end_ns": NOW_NS + 20, "interval_ns": 10}


class Bench:
    """The checks that look at what becomes durable, and a journal that writes whatever a test wants."""

    def __init__(self, risk: RiskConfig | None = None) -> None:
        self.found: list[Violation] = []
        self.violations = Violations(lambda: 1, self.found.append)
        self.journal = JournalChecks(self.violations, lambda _: (), lambda _: ())
        self.kills: list[KillNote] = []
        self.asked: list[OrderId] = []
        self.has_moved = False
        ledger = self.journal.ledger
        self.wishes = WishChecks(
            self.violations, ledger, lambda: self.kills, lambda: self.asked, lambda *_: self.has_moved, lambda *_: ORDER
        )
        self.tables = TableChecks(self.violations)
        self.books = BookChecks(self.violations, ledger)
        self.journal.watchers += [
            ApprovalChecks(self.violations, ledger, risk or RiskConfig(), lambda: self.journal.epoch),
            self.books,
            self.wishes,
            self.tables,
            SliceChecks(self.violations, ledger),
        ]
        self._sequences: dict[str, int] = {}
        self._batch = 0

    @property
    def number(self) -> int | None:
        """The invariant that was found broken."""
        return self.found[0].number if self.found else None

    def write(self, *events: Event, stream: str = ORDER, at_ns: int = NOW_NS) -> None:
        """Commit a record of these events."""
        sequence = self._sequences.get(stream, 1)
        self._sequences[stream] = sequence + len(events)
        self._batch += 1
        record = Record(stream, sequence, events, "test", at_ns)
        self.journal.committed(AppendBatch("main", 1, self._batch, self.journal.position + 1, [record]))

    def control(self, *events: Event) -> None:
        """Commit a record that concerns more than one account."""
        self.write(*events, stream="control:main")


def state(scope: ControlScope, to: TradingState) -> acc.StateChanged:
    return acc.StateChanged(scope, to, "operator", "test")


class TestApprovals:
    @pytest.mark.parametrize(
        "scope",
        [GLOBAL, ControlScope(ScopeKind.STRATEGY, STRATEGY), ControlScope(ScopeKind.INSTRUMENT, SPOT)],
        ids=str,
    )
    def test_24_in_a_halted_scope(self, scope: ControlScope) -> None:
        bench = Bench()
        bench.control(state(scope, TradingState.HALTED))
        bench.write(make_received(), make_routed(), APPROVED)
        assert bench.number == 24

    def test_24_of_more_risk_where_only_less_is_allowed(self) -> None:
        bench = Bench()
        bench.control(state(GLOBAL, TradingState.REDUCING))
        bench.write(make_received(), make_routed(), APPROVED)
        assert bench.number == 24

    def test_what_reduces_passes(self) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.FILLED))
        bench.control(state(GLOBAL, TradingState.REDUCING))
        sale = make_intent(side=Side.SELL)
        bench.write(make_received(sale), make_routed(), APPROVED, stream=make_order_id(2))
        assert bench.found == []

    def test_24_under_a_latch(self) -> None:
        bench = Bench()
        bench.control(acc.LatchSet(ControlScope(ScopeKind.INSTRUMENT, SPOT), "OVERFILL", "test"))
        bench.write(make_received(), make_routed(), APPROVED)
        assert bench.number == 24

    def test_24_beyond_the_position_limit_with_what_works_already(self) -> None:
        bench = Bench(RiskConfig(max_position_per_instrument={ANY: Decimal("1.5")}))
        bench.write(make_received(), *events_to(OrderStatus.ACCEPTED))
        assert bench.found == []
        bench.write(make_received(), make_routed(), APPROVED, stream=make_order_id(2))
        assert bench.number == 24

    @pytest.mark.parametrize(
        "risk", [RiskConfig(max_order_quantity={ANY: Decimal("0.5")}), RiskConfig(max_open_orders=1)]
    )
    def test_24_beyond_other_limits(self, risk: RiskConfig) -> None:
        bench = Bench(risk)
        for number in (1, 2):
            bench.write(make_received(), make_routed(), APPROVED, stream=make_order_id(number))
        assert bench.number == 24

    def test_24_of_what_a_rule_could_not_judge(self) -> None:
        bench = Bench()
        bench.write(make_received(make_intent(quantity=UNLUCKY)), make_routed(), APPROVED)
        assert bench.number == 24

    @pytest.mark.parametrize(
        ("code", "message"),
        [("TRADING_STATE", "halted"), ("LATCHED", "latched"), ("LISTING", "1.0 is above the maximum 3.9")],
    )
    def test_24_a_refusal_without_its_reason(self, code: str, message: str) -> None:
        bench = Bench()
        refusal = ev.RiskRefused(ev.RiskStage.LEG, code, message, (ev.RuleRefusal(code, message),))
        bench.write(make_received(), make_routed(), refusal)
        assert bench.number == 24

    @pytest.mark.parametrize("is_latched", [False, True])
    def test_24_repeated_executions_that_latch_nothing(self, *, is_latched: bool) -> None:
        bench = Bench(RiskConfig(repeated_execution_count=2, repeated_execution_window_ns=1_000))
        latch = acc.LatchSet(ControlScope(ScopeKind.STRATEGY, STRATEGY), REPEATED_EXECUTION, "test")
        bench.write(make_received(), *events_to(OrderStatus.FILLED))
        if is_latched:
            bench.control(latch)
        other = make_order_id(2)
        accepted = events_to(OrderStatus.ACCEPTED)
        plan = make_plan(other)
        sent = [evolve(each, plan=plan) if isinstance(each, ev.SubmitRequested) else each for each in accepted]
        if is_latched:
            # What is approved before stays so.
            sent = [each for each in sent if not isinstance(each, ev.RiskApproved)]
        bench.write(make_received(), *sent, ev.FillApplied(make_fill(2)), stream=other)
        assert bench.number == (None if is_latched else 24)


class TestBooks:
    def test_fills_busts_and_corrections_of_all_kinds_add_up(self) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
        bench.write(ev.FillCorrected(make_fill(), make_fill(2, price=Decimal(45_001))))
        sale = make_intent(instrument_key=INVERSE, side=Side.SELL, quantity=Decimal(300))
        inverse = make_order_id(2)
        bench.write(make_received(sale), make_routed(make_leg(INVERSE, "300")), APPROVED, stream=inverse)
        requested = make_submit_requested(plan=make_plan(inverse), quantity=Decimal(300))
        bench.write(requested, ev.Accepted(VenueOrderId("V-2"), NOW_NS), stream=inverse)
        sold = [
            make_fill(
                number,
                instrument_id=INVERSE,
                side=side,
                quantity=Decimal(quantity),
                price=Decimal(price),
                fee_asset="BNB",
            )
            for number, side, quantity, price in ((3, Side.SELL, 100, 40_000), (4, Side.BUY, 170, 44_000))
        ]
        bench.write(*(ev.FillApplied(fill) for fill in sold), stream=inverse)
        bench.write(ev.FillBusted(sold[0], "test"), stream=inverse)
        assert bench.found == []

    @pytest.mark.parametrize("name", ["quantity", "cost", "realized_pnl"])
    def test_12_a_position_that_is_not_what_its_trades_make(self, name: str) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
        position = bench.journal.ledger.positions[ALPHA_ACCOUNT, STRATEGY, SPOT]
        setattr(position, name, getattr(position, name) + 1)
        bench.write(ev.FillApplied(make_fill(2, quantity=LOT)))
        assert bench.number == 12

    def test_12_an_asset_that_is_not_what_its_trades_make(self) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
        bench.journal.ledger.books[ALPHA_ACCOUNT].assets["USDT"] += 1
        bench.write(ev.FillApplied(make_fill(2, quantity=LOT)))
        assert bench.number == 12

    def test_12_a_position_from_nowhere(self) -> None:
        bench = Bench()
        change = acc.PositionChanged(
            ALPHA_ACCOUNT, "EXTERNAL", INVERSE, Decimal(1), Decimal(1), INVERSE_TERMS, acc.PositionChange.OPENING, "x"
        )
        bench.write(change, stream=ALPHA_ACCOUNT)
        assert bench.number == 12


class TestWishes:
    def test_17_a_cancel_that_nobody_asked_for(self) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.ACCEPTED))
        bench.asked.append(ORDER)
        bench.write(make_cancel_requested())
        assert bench.found == []
        bench.asked.clear()
        bench.write(make_cancel_requested("OP-9"))
        assert bench.number == 17

    @pytest.mark.parametrize(("name", "number"), [(ALPHA_ACCOUNT, None), ("another", 17)])
    def test_17_a_kill_reaches_its_scope_alone(self, name: str, number: int | None) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.ACCEPTED))
        bench.kills.append(KillNote(ControlScope(ScopeKind.ACCOUNT, name), ControlKind.CANCEL_ALL))
        bench.write(evolve(make_cancel_requested(), principal="operator"))
        assert bench.number == number

    def test_17_a_kill_that_leaves_its_scope_open_or_an_order_in_it(self) -> None:
        bench = Bench()
        note = KillNote(GLOBAL, ControlKind.CANCEL_ALL)
        bench.write(make_received(), *events_to(OrderStatus.ACCEPTED))
        bench.wishes.killed(note)
        assert "is open" in str(bench.found[0])
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.ACCEPTED))
        bench.control(state(GLOBAL, TradingState.HALTED))
        bench.wishes.killed(note)
        assert "nobody wants" in str(bench.found[0])

    def test_15_an_adoption_under_another_id(self) -> None:
        right = external_id(ALPHA_ACCOUNT, "V-9")
        assert right == external_order_id(ALPHA_ACCOUNT, "V-9")
        adopted = make_adopted()
        bench = Bench()
        name = adopted.report.venue_order_id
        bench.write(adopted, stream=external_id(adopted.account_id, f"{name}"))
        assert bench.found == []
        bench = Bench()
        bench.write(adopted, stream=right)
        assert bench.number == 15

    def test_15_an_order_of_ours_that_is_adopted_while_it_is_under_way(self) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.SUBMITTED))
        adopted = make_adopted()
        bench.write(adopted, stream=external_id(adopted.account_id, f"{adopted.report.venue_order_id}"), at_ns=0)
        assert bench.number == 15

    @pytest.mark.parametrize(("has_moved", "number"), [(False, 16), (True, 24)])
    def test_a_drift_that_never_was_or_that_stops_nothing(self, *, has_moved: bool, number: int) -> None:
        bench = Bench()
        bench.has_moved = has_moved
        drift = acc.DriftSeen(ALPHA_ACCOUNT, f"position:{SPOT}", Decimal(0), Decimal(1))
        bench.write(drift, stream=ALPHA_ACCOUNT)
        assert bench.number == number


class TestPayments:
    """An account that was opened, and a payment of before or after."""

    @pytest.mark.parametrize(("later_ns", "number"), [(-1, 12), (0, None)])
    def test_12_what_an_account_began_with_counts_once(self, later_ns: int, number: int | None) -> None:
        bench = Bench()
        opening = make_asset_moved("5", venue_time_ns=NOW_NS - 7)
        bench.write(acc.AccountOpened(ALPHA_ACCOUNT, NOW_NS), opening, stream=ALPHA_ACCOUNT)
        bench.write(make_asset_moved("1", venue_time_ns=NOW_NS + later_ns), stream=ALPHA_ACCOUNT)
        assert bench.number == number


class TestTables:
    def test_4_a_movement_twice(self) -> None:
        bench = Bench()
        for _ in range(2):
            bench.write(make_asset_moved(), stream=ALPHA_ACCOUNT)
        assert bench.number == 4

    def test_18_tables_that_lack_what_was_noted(self) -> None:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
        bench.tables.check(MemoryStore(), "main")
        assert bench.number == 18


class TestSlices:
    def parent(self, bench: Bench, **changes: Any) -> None:
        values = {"exec_algorithm": "TWAP", "exec_algorithm_params": {"visible_pct": 50}}
        bench.write(make_received(make_intent(**(values | changes))), ev.RiskApproved(ev.RiskStage.PARENT, None))

    def spawn(self, bench: Bench, quantity: str, at_ns: int = NOW_NS) -> None:
        bench.write(ev.ChildSpawned(make_order_id(100), 1, Decimal(quantity)), at_ns=at_ns)

    @pytest.mark.parametrize(("quantity", "number"), [("0.5", None), ("0.6", 11)])
    def test_11_a_child_before_it_is_due(self, quantity: str, number: int | None) -> None:
        bench = Bench()
        self.parent(bench, exec_algorithm_params={})
        bench.write(
            ev.ScheduleFixed({"start_ns": NOW_NS, "end_ns": NOW_NS + 20, "interval_ns": 10, "targets": [5, 10]})
        )
        self.spawn(bench, quantity, NOW_NS + 9)
        assert bench.number == number

    def test_11_a_schedule_that_is_not_the_whole(self) -> None:
        bench = Bench()
        self.parent(bench)
        bench.write(ev.ScheduleFixed(SCHEDULE | {"targets": [5, 9]}))
        assert bench.number == 11

    def test_11_a_child_that_shows_more_than_is_visible(self) -> None:
        bench = Bench()
        self.parent(bench, exec_algorithm="ICEBERG")
        bench.write(ev.ScheduleFixed({"slots": 1}))
        self.spawn(bench, "0.6")
        assert bench.number == 11


def test_13_an_emulated_change_that_asks_for_the_whole_beside_what_is_filled() -> None:
    bench = Bench()
    bench.write(make_received(), *events_to(OrderStatus.PARTIALLY_FILLED))
    bench.write(make_replace_requested(atomic=False, attempt=2))
    bench.write(make_submit_requested(2, quantity=Decimal(2)))
    assert bench.number == 13


def test_a_market_order_of_an_operator_may_pass_a_latch() -> None:
    bench = Bench()
    bench.control(acc.LatchSet(GLOBAL, "OVERFILL", "test"))
    received = make_received(make_market_intent(), principal="operator")
    bench.write(received, make_routed(), APPROVED)
    assert bench.found == []
