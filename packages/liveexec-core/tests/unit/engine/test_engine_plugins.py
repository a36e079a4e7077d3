"""Algorithms that come from elsewhere: what the engine does for them, and what it lets none of them do."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from attrs import define, field

from liveexec.domain.intent import OrderIntent
from liveexec.domain.market import TradeBar
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order import Order, PendingCancel
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import Rejected, VenueOrderStatus
from liveexec.engine import inputs
from liveexec.engine.algorithm import Action, CancelChild, ChildView, Finish, FixSchedule, ParentView, Spawn, WakeAt
from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.effects import SendCancel, SendSubmit
from liveexec.engine.inputs import Phase
from liveexec.errors import InvalidInput
from support.builders import BETA, SPOT, SPOT_AT_BETA, make_market_intent, parts
from support.engine_harness import EngineHarness, S


@define(eq=False)
class Scripted:
    """An algorithm that does what a test says, and keeps what it was asked."""

    name = "SCRIPTED"
    wants_market = True
    says: dict[str, list[Action]] = field(factory=dict)
    breaks: list[str] = field(factory=list)
    asked: list[str] = field(factory=list)
    views: list[ParentView] = field(factory=list)

    def parse(self, params: Mapping[str, Any] | None, _intent: OrderIntent) -> object:
        if "parse" in self.breaks:
            raise KeyError("parse")
        return dict(params or {})

    def start(self, view: ParentView) -> Sequence[Action]:
        return self._say("start", view)

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        return self._say("timer", view)

    def on_child(self, view: ParentView, child: ChildView) -> Sequence[Action]:
        return self._say(f"child {child.ordinal} {child.status}", view)

    def on_market(self, view: ParentView) -> Sequence[Action]:
        return self._say("market", view)

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        return self._say("cancel", view)

    def _say(self, asked: str, view: ParentView) -> Sequence[Action]:
        self.asked.append(asked)
        self.views.append(view)
        if asked in self.breaks:
            raise KeyError(asked)
        return self.says.get(asked, [])


def spawn(quantity: str = "0.4") -> Spawn:
    return Spawn(Decimal(quantity), OrderType.LIMIT, Decimal(45_000), TimeInForce.GTC)


FINISH = Finish(Resolution.CANCELED, "ENOUGH", "enough")


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
def harness(scripted: Scripted) -> EngineHarness:
    return EngineHarness(algorithms=dict(BUILTIN_ALGORITHMS) | {"SCRIPTED": scripted}).start()


def submit(harness: EngineHarness, **changes: Any) -> Order:
    return harness.submit(make_market_intent(exec_algorithm="SCRIPTED", **changes))


class TestAsked:
    def test_the_view_holds_what_it_may_decide_by(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [FixSchedule({"a": 1}), spawn()]
        parent = submit(harness, exec_algorithm_params={"x": "y"})
        harness.fill(harness.children(parent)[0], "0.1")
        view = scripted.views[-1]
        assert parts(view, "params schedule quantity filled live unallocated") == (
            {"x": "y"},
            {"a": 1},
            1,
            Decimal("0.1"),
            Decimal("0.3"),
            Decimal("0.6"),
        )
        assert view.book is harness.engine.state.market.book(SPOT)
        assert parts(view.children[0], "ordinal status leaves") == (1, OrderStatus.PARTIALLY_FILLED, Decimal("0.3"))

    def test_about_children_when_they_change_and_about_the_market_when_it_wants_to_be(
        self, harness: EngineHarness, scripted: Scripted
    ) -> None:
        scripted.says["start"] = [spawn()]
        parent = submit(harness)
        harness.market()
        harness.market(SPOT_AT_BETA)
        harness.fill(harness.children(parent)[0], "0.4")
        assert scripted.asked == ["start", "market", "child 1 FILLED"]

    def test_at_the_time_that_it_asked_for(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [WakeAt(harness.now_ns + 9 * S), WakeAt(harness.now_ns + 3 * S)]
        submit(harness)
        harness.advance(2.9)
        assert scripted.asked == ["start"]
        harness.advance(0.1)
        assert scripted.asked == ["start", "timer"]
        harness.advance(10)
        assert scripted.asked == ["start", "timer"], "a parent has one timer"

    def test_after_a_restart_and_a_gap_by_the_timer(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [FixSchedule({"a": 1})]
        submit(harness)
        again = harness.restart()
        again.connect(BETA)
        assert scripted.asked == ["start"], "that is another venue"
        again.connect()
        again.phase(Phase.RECONCILING)
        again.phase(Phase.ACTIVE)
        assert scripted.asked == ["start", "timer", "timer"]
        assert scripted.views[-1].schedule == {"a": 1}

    def test_a_wished_cancel_is_all_that_it_hears_of_from_then_on(
        self, harness: EngineHarness, scripted: Scripted
    ) -> None:
        scripted.says |= {"start": [spawn(), WakeAt(harness.now_ns + S)], "cancel": [CancelChild(1)]}
        parent = submit(harness)
        (child,) = harness.children(parent)
        harness.report(child)
        harness.cancel(parent)
        assert [send.order for send in harness.effects(SendCancel)] == [child]
        harness.advance(2)
        scripted.says["cancel"] = [FINISH]
        harness.report(child, VenueOrderStatus.CANCELED)
        assert scripted.asked == ["start", "cancel", "cancel", "cancel"]
        assert parts(parent, "status code message") == (OrderStatus.CANCELED, "ENOUGH", "enough")

    def test_no_more_once_it_finished(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [FINISH, spawn(), spawn()]
        parent = submit(harness)
        harness.market()
        harness.advance(60)
        assert scripted.asked == ["start"]
        assert parent.children is None


class TestBounds:
    def test_it_spawns_no_more_than_its_parent(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [spawn("0.7"), spawn("0.4")]
        parent = submit(harness)
        (child,) = harness.children(parent)
        assert child.cancel is PendingCancel.REQUESTED
        harness.answer(child, Rejected("FULL", "no room"))
        assert parts(parent, "status code") == (OrderStatus.CANCELED, "ALGORITHM_FAILED")
        assert parent.message == "its algorithm asked for 0.4 on top of 0.7 of 1.0"

    def test_it_does_not_finish_while_a_child_is_open(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [spawn(), FINISH]
        parent = submit(harness)
        (child,) = harness.children(parent)
        harness.report(child)
        harness.report(child, VenueOrderStatus.CANCELED)
        assert parts(parent, "status code") == (OrderStatus.CANCELED, "ALGORITHM_FAILED")
        assert parent.message == f"its algorithm finished while {child.order_id} is open"

    def test_it_does_not_chase_itself(self, harness: EngineHarness, scripted: Scripted) -> None:
        # Every slice is refused here, so that the next follows in the same turn.
        scripted.says |= {"start": [spawn("0.0001")], "child 1 REJECTED": [spawn("0.0001")]}
        scripted.says |= {f"child {number} REJECTED": [spawn("0.0001")] for number in range(2, 1_100)}
        parent = submit(harness)
        assert parts(parent, "status code") == (OrderStatus.CANCELED, "ALGORITHM_FAILED")
        assert "did not settle" in (parent.message or "")

    def test_it_cancels_what_it_has_and_that_once(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says |= {"start": [spawn()], "market": [CancelChild(7), CancelChild(0), CancelChild(1)]}
        parent = submit(harness)
        harness.report(harness.children(parent)[0])
        harness.market()
        assert len(harness.effects(SendCancel)) == 1
        harness.market()
        assert harness.effects(SendCancel) == []

    def test_a_slice_that_nobody_takes_is_a_refused_child(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [spawn("0.00001")]
        parent = submit(harness)
        (child,) = harness.children(parent)
        assert parts(child, "status code") == (OrderStatus.REJECTED, "NO_ROUTE")
        assert harness.effects(SendSubmit) == []
        assert scripted.asked[-1] == "child 1 REJECTED"


class TestFailures:
    """What an algorithm raises ends its own parent, and stops no other order."""

    def test_one_that_breaks_over_its_parameters_refuses_the_order(
        self, harness: EngineHarness, scripted: Scripted
    ) -> None:
        scripted.breaks.append("parse")
        decision = harness.ask(make_market_intent(exec_algorithm="SCRIPTED"))
        assert isinstance(decision.error, InvalidInput)
        assert str(decision.error) == "order intent: exec_algorithm_params: SCRIPTED broke over them: KeyError"
        assert harness.engine.state.ledger.orders == {}

    def test_one_that_raises_at_the_start_rejects_it(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.breaks.append("start")
        parent = submit(harness)
        assert parts(parent, "status code message") == (
            OrderStatus.REJECTED, "ALGORITHM_FAILED", "its algorithm SCRIPTED raised KeyError",
        )  # fmt: skip
        (failure,) = harness.engine.drain_failures()
        assert (failure.name, failure.order_id, type(failure.error)) == ("SCRIPTED", parent.order_id, KeyError)
        assert harness.engine.drain_failures() == ()

    @pytest.mark.parametrize("asked", ["market", "timer", "child 1 PARTIALLY_FILLED", "cancel"])
    def test_one_that_raises_later_has_its_children_cancelled(
        self, harness: EngineHarness, scripted: Scripted, asked: str
    ) -> None:
        scripted.says["start"] = [spawn(), WakeAt(harness.now_ns + S)]
        scripted.breaks.append(asked)
        parent = submit(harness)
        (child,) = harness.children(parent)
        harness.report(child)
        harness.market()
        harness.advance(1)
        if asked == "cancel":
            harness.cancel(parent)
        harness.fill(child, "0.1")
        assert (child.cancel, parent.cancel) == (PendingCancel.REQUESTED, PendingCancel.REQUESTED)
        harness.report(child, VenueOrderStatus.CANCELED)
        assert parts(parent, "status code filled_quantity") == (
            OrderStatus.CANCELED, "ALGORITHM_FAILED", Decimal("0.1"),
        )  # fmt: skip
        other = harness.submit(make_market_intent())
        assert other.status is OrderStatus.SUBMITTED

    def test_after_a_restart_it_is_wound_down_still(self, harness: EngineHarness, scripted: Scripted) -> None:
        scripted.says["start"] = [spawn()]
        scripted.breaks += ["market", "cancel"]
        parent = submit(harness)
        (child,) = harness.children(parent)
        harness.report(child)
        harness.market()
        again = harness.restart()
        again.connect(orders=[harness.said(child)])
        same = again.engine.state.ledger.orders[child.order_id]
        assert again.effects(SendCancel) or same.cancel is PendingCancel.REQUESTED
        again.report(same, VenueOrderStatus.CANCELED)
        assert again.engine.state.ledger.orders[parent.order_id].status is OrderStatus.CANCELED


class TestBars:
    def test_it_sees_the_trades_of_its_instrument(self, harness: EngineHarness, scripted: Scripted) -> None:
        bar = TradeBar(SPOT, harness.now_ns - S, harness.now_ns, Decimal(2), Decimal(90_000), Decimal(45_000), 3)
        harness.tell(inputs.MarketUpdate(0, bar))
        submit(harness)
        assert scripted.views[-1].bars == (bar,)
        harness.tell(inputs.MarketUpdate(0, bar))
        assert scripted.asked == ["start", "market"]
