"""Requests, effects, paces and ends that are wrong are found by what the simulator knows of them."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attrs import evolve

from liveexec.domain import order_event as ev
from liveexec.domain.ids import VenueOrderId
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import VenueOrderStatus
from liveexec.domain.record import Event, Record
from liveexec.domain.stored import AppendBatch
from liveexec.domain.venue import RateLimit
from liveexec.engine.effects import ArmTimer, DisarmTimer, SendCancel, SendSubmit, TimerKind
from liveexec.engine.requests import ref_of
from liveexec.engine.turn import Decision
from liveexec.plugins.adapter import VenueOrder
from liveexec_testkit.simulator.determinism import WALL_NS
from liveexec_testkit.simulator.invariants.departures import DepartureChecks
from liveexec_testkit.simulator.invariants.effects import EffectChecks
from liveexec_testkit.simulator.invariants.endings import wrong_endings
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.lanes import LaneChecks
from liveexec_testkit.simulator.invariants.pace import PaceChecks
from liveexec_testkit.simulator.invariants.violation import Violation, Violations
from liveexec_testkit.simulator.venue_truth import TrueOrder
from support.builders import (
    ALPHA,
    ALPHA_ACCOUNT,
    NOW_NS,
    SPOT,
    events_to,
    make_cancel_requested,
    make_order,
    make_order_id,
    make_order_in,
    make_plan,
    make_received,
)

ORDER = make_order_id()
_PRICE_AGE_NS = 200_000_000


class Bench:
    """What the checks ask, and a journal that writes whatever a test wants."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self.violations = Violations(lambda: 1, self.found.append)
        self.journal = JournalChecks(self.violations, lambda _: (), lambda _: ())
        self._sequence = 1
        self._batch = 0

    @property
    def number(self) -> int | None:
        """The invariant that was found broken."""
        return self.found[0].number if self.found else None

    def write(self, *events: Event, at_ns: int = NOW_NS) -> None:
        """Commit a record of these events."""
        record = Record(ORDER, self._sequence, events, "test", at_ns)
        self._sequence += len(events)
        self._batch += 1
        self.journal.committed(AppendBatch("main", 1, self._batch, self.journal.position + 1, [record]))


class TestDepartures:
    """An adapter, a process and a submit as they should be, each thing wrong in turn."""

    def left(self, bench: Bench, now_ns: int = 0, *, book_age_ns: int = 0, **changes: Any) -> None:
        values: dict[str, Any] = {"doubted_at_ns": 0, "is_compared": True, "asked_at_ns": 0, "seen": 1, "is_open": True}
        values |= changes
        checks = DepartureChecks(bench.violations, bench.journal, lambda: now_ns, _PRICE_AGE_NS)
        order = make_order_in(OrderStatus.SUBMITTED)
        venue = SimpleNamespace(kind=SimpleNamespace(name=ALPHA, prepares=False), account_id=ALPHA_ACCOUNT)
        told = {name: values[name] for name in ("doubted_at_ns", "is_compared", "is_open")}
        adapter = SimpleNamespace(venue=venue, **told)
        seen = SimpleNamespace(attempt=values["seen"])
        shard = SimpleNamespace(view=SimpleNamespace(ledger=SimpleNamespace(orders={ORDER: seen})))
        store = SimpleNamespace(asked_at_ns=values["asked_at_ns"])
        process = cast(Any, SimpleNamespace(number=1, shard=shard, store=store, adapters=[]))
        book_at_ns = WALL_NS + now_ns - book_age_ns
        effect = SendSubmit(order, 1, make_plan(), Decimal(1), Decimal(45_000), WALL_NS, book_at_ns)
        checks.decided(process, Decision((), (effect,)))
        sent = VenueOrder(
            ORDER, ALPHA_ACCOUNT, SPOT, Operation.TRADE, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, Decimal("1.0"),
            Decimal(45_000),
        )  # fmt: skip
        plan = evolve(make_plan(), valid_until_ns=WALL_NS + 10_000)
        checks.submit_left(process, cast(Any, adapter), sent, plan)

    def bench(self) -> Bench:
        bench = Bench()
        bench.write(make_received(), *events_to(OrderStatus.SUBMITTED), at_ns=WALL_NS)
        return bench

    def test_what_is_right_passes(self) -> None:
        bench = self.bench()
        self.left(bench)
        assert bench.found == []

    @pytest.mark.parametrize(
        ("change", "number"),
        [
            ({"now_ns": 10_001}, 23),
            ({"book_age_ns": 300_000_000}, 23),
            ({"is_compared": False}, 23),
            ({"doubted_at_ns": 1}, 23),
            ({"now_ns": 5_000, "asked_at_ns": -2_000_000_000}, 23),
            ({"seen": 0}, 1),
        ],
        ids=["late", "old price", "not compared", "decided before", "stalled", "not shown"],
    )
    def test_what_is_wrong_does_not(self, change: dict[str, Any], number: int) -> None:
        bench = self.bench()
        self.left(bench, **change)
        assert bench.number == number

    @pytest.mark.parametrize("change", [{"is_compared": False}, {"doubted_at_ns": 1}])
    def test_over_a_session_that_is_gone_nothing_leaves(self, change: dict[str, Any]) -> None:
        bench = self.bench()
        self.left(bench, is_open=False, **change)
        assert bench.found == []

    def test_23_after_its_cancel_was_wished(self) -> None:
        bench = self.bench()
        bench.write(make_cancel_requested())
        self.left(bench)
        assert bench.number == 23

    def test_23_after_it_had_ended(self) -> None:
        bench = self.bench()
        bench.write(ev.Adjusted(ev.Resolution.CANCELED, "operator", "nobody can tell"))
        self.left(bench)
        assert (bench.number, "had ended" in str(bench.found[0])) == (23, True)

    def test_1_a_cancel_that_was_not_decided_or_that_nothing_asks_for(self) -> None:
        bench = self.bench()
        checks = DepartureChecks(bench.violations, bench.journal, lambda: 0, _PRICE_AGE_NS)
        checks.cancel_left(ORDER, can_write=False)
        assert "more cancels leave" in str(bench.found[0])
        bench = self.bench()
        checks = DepartureChecks(bench.violations, bench.journal, lambda: 0, _PRICE_AGE_NS)
        order = make_order_in(OrderStatus.ACCEPTED)
        checks.decided(
            cast(Any, SimpleNamespace(number=1, adapters=[])), Decision((), (SendCancel(order, ref_of(order)),))
        )
        checks.cancel_left(ORDER, can_write=True)
        assert "nothing recorded asks for it" in str(bench.found[0])


class TestLanes:
    """A cancel that a process carried out, and a question that leaves while it waits."""

    def asked(self, *, by: int, since_ns: int = 0, is_open: bool = True) -> list[Violation]:
        bench = Bench()
        checks = LaneChecks(bench.violations)
        order = make_order_in(OrderStatus.ACCEPTED if is_open else OrderStatus.CANCELED)
        effect = SendCancel(order, ref_of(order))
        checks.decided(1, Decision((), (effect,)))
        checks.carried_out(effect, since_ns)
        kind = SimpleNamespace(is_limited=True, per_account=False, name=ALPHA)
        adapter = SimpleNamespace(
            process=by,
            venue=SimpleNamespace(kind=kind, account_id=ALPHA_ACCOUNT),
            wire=SimpleNamespace(ended_ns=lambda _: 0, is_under_way=lambda _: False),
            doubted_at_ns=0,
            frozen_ns=0,
        )
        checks.left(cast(Any, adapter), "question", None, 10_000_000)
        return bench.found

    def test_25_nothing_leaves_before_it(self) -> None:
        assert [each.number for each in self.asked(by=1)] == [25]

    def test_what_is_about_to_leave_holds_nothing_up(self) -> None:
        assert self.asked(by=1, since_ns=9_000_000) == []

    def test_another_process_knows_nothing_of_it(self) -> None:
        assert self.asked(by=2) == []

    def test_an_order_that_ended_needs_none(self) -> None:
        assert self.asked(by=1, is_open=False) == []


class TestEffects:
    def test_in_order_they_pass_and_out_of_it_or_twice_they_do_not(self) -> None:
        key = (TimerKind.UNKNOWN, "x")
        for order, number in (((0, 1), None), ((1,), 8), ((0, 0), 8)):
            found: list[Violation] = []
            checks = EffectChecks(Violations(lambda: 1, found.append))
            effects = (ArmTimer(key, 1), DisarmTimer(key))
            checks.decided(1, Decision((), effects))
            for index in order:
                checks.carried_out(effects[index])
            assert (found[0].number if found else None) == number

    def test_what_takes_risk_away_may_overtake(self) -> None:
        found: list[Violation] = []
        checks = EffectChecks(Violations(lambda: 1, found.append))
        order = make_order(*events_to(OrderStatus.ACCEPTED), make_cancel_requested())
        effects = (ArmTimer((TimerKind.UNKNOWN, "x"), 1), SendCancel(order, ref_of(order)))
        checks.decided(1, Decision((), effects))
        for effect in reversed(effects):
            checks.carried_out(effect)
        assert found == []


class TestPace:
    def run(self, *verbs: str) -> int | None:
        found: list[Violation] = []
        checks = PaceChecks(Violations(lambda: 1, found.append), lambda: 0)
        shard = cast(Any, object())
        for verb in verbs:
            checks.left(1, shard, ALPHA, RateLimit(per_second=1.0, burst=4, cancel_lane=2), verb)
        return found[0].number if found else None

    def test_25_more_than_the_limit_and_the_lane_of_the_cancels(self) -> None:
        assert self.run("submit", "question", "cancel", "cancel") is None
        assert self.run("submit", "submit", "submit") == 25
        assert self.run(*["cancel"] * 5) == 25

    def test_what_cancels_keep_out_for_ever_comes_through(self) -> None:
        assert self.run("cancel", "cancel", "cancel", "question") == 25


def true_order(status: VenueOrderStatus, *, came_late: bool = False) -> TrueOrder:
    return TrueOrder(
        ORDER, None, VenueOrderId("V-1"), SPOT, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, Decimal(1), Decimal(45_000),
        NOW_NS, NOW_NS, status=status, came_late=came_late,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "true", "is_right"),
    [
        (OrderStatus.CANCELED, [VenueOrderStatus.CANCELED], True),
        (OrderStatus.EXPIRED, [VenueOrderStatus.EXPIRED], True),
        (OrderStatus.FILLED, [VenueOrderStatus.FILLED], True),
        (OrderStatus.REJECTED, [], True),
        (OrderStatus.CANCELED, [VenueOrderStatus.EXPIRED], False),
        (OrderStatus.CANCELED, [VenueOrderStatus.WORKING], False),
        (OrderStatus.REJECTED, [VenueOrderStatus.CANCELED], False),
        (OrderStatus.EXPIRED, [], False),
    ],
)
def test_9_an_end_that_is_not_the_venues(status: OrderStatus, true: list[VenueOrderStatus], *, is_right: bool) -> None:
    bench = Bench()
    bench.write(make_received(), *events_to(status))
    wrong: Callable[[list[TrueOrder]], list[str]] = lambda orders: list(  # noqa: E731  (one name for two calls)
        wrong_endings(bench.journal.ledger, lambda _: orders)
    )
    assert bool(wrong([true_order(each) for each in true])) is not is_right
    assert wrong([true_order(VenueOrderStatus.WORKING, came_late=True)]) == []
