"""Planted bugs: each is found by an invariant that it breaks, and what fails is cut down to what it takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from attrs import evolve

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, LatchSet, ScopeKind
from liveexec.domain.order import Order
from liveexec.domain.outcome import Rejected, Unknown
from liveexec.engine import accounts, adoption, answers, fills, requests
from liveexec.engine.exposure import ExposureBook
from liveexec.engine.turn import Turn
from liveexec.runtime import orchestrator, shard
from liveexec.runtime.dispatcher import Dispatcher
from liveexec.runtime.durable_view import DurableView
from liveexec.runtime.journal import Journal
from liveexec.runtime.results import result_of
from liveexec.runtime.shard import ShardRuntime
from liveexec.storage.memory_tables import Tables
from liveexec_testkit.simulator.faults import Fault
from liveexec_testkit.simulator.plan import RunPlan, plan_of
from liveexec_testkit.simulator.run import RunResult, run
from liveexec_testkit.simulator.shrink import shrink


@contextmanager
def _a_fill_counts_again() -> Iterator[None]:
    """Deduplication of fills is lost, in the engine and in what the journal's readers fold."""

    def trade(turn: Turn, order: Order, said: Any) -> bool:
        fresh = evolve(said.fill, key=f"{said.fill.key}#{order.last_sequence}")
        turn.emit(order.order_id, ev.FillApplied(fresh))
        return True

    with patch.object(fills, "_trade", trade):
        yield


@contextmanager
def _an_absence_proves_at_once() -> Iterator[None]:
    with patch.object(requests, "proof_ns", lambda *_: 0):
        yield


@contextmanager
def _a_timeout_is_a_refusal() -> Iterator[None]:
    answered = answers._submit_answered

    def wrong(turn: Turn, order: Order, answer: Any) -> None:
        if isinstance(answer.outcome, Unknown):
            answer.outcome = Rejected("TIMEOUT", answer.outcome.reason)
        answered(turn, order, answer)

    with patch.object(answers, "_submit_answered", wrong):
        yield


@contextmanager
def _effects_overtake_the_journal() -> Iterator[None]:

    class Hasty(Journal):
        dispatcher: Dispatcher

        def append(self, decision: Any, done: Any, failed: Any) -> None:
            effects, decision.effects = decision.effects, ()
            super().append(decision, done, failed)
            for effect in effects:
                self.dispatcher.carry_out(effect)

    made = ShardRuntime.__init__

    def make(self: Any, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        self.journal.dispatcher = self.dispatcher

    with patch.object(shard, "Journal", Hasty), patch.object(ShardRuntime, "__init__", make):
        yield


@contextmanager
def _an_overfill_halts_nothing() -> Iterator[None]:
    with patch("liveexec.engine.reports.fills.note_overfill", lambda *_: None):
        yield


@contextmanager
def _nobody_asks_about_what_is_unknown() -> Iterator[None]:
    async def silent(self: Dispatcher, effect: Any) -> None:
        self._asking.discard(effect.order.order_id)

    with patch.object(Dispatcher, "_query", silent):
        yield


@contextmanager
def _a_bust_is_ignored() -> Iterator[None]:
    with patch.object(fills, "_bust", lambda *_, **__: False):
        yield


@contextmanager
def _reservations_are_forgotten() -> Iterator[None]:
    reserve = ExposureBook.reserve

    def forgetful(self: ExposureBook, order: Order) -> None:
        if order.filled_quantity == 0 or order.price is None:
            reserve(self, order)

    with patch.object(ExposureBook, "reserve", forgetful):
        yield


@contextmanager
def _readers_see_something_else() -> Iterator[None]:
    apply = DurableView.apply

    def wrong(self: DurableView, position: int, record: Any) -> None:
        apply(self, position, record)
        order = self.ledger.orders.get(record.stream)
        if order is not None and not order.is_open:
            order.message = "something else"

    with patch.object(DurableView, "apply", wrong):
        yield


@contextmanager
def _the_tables_miss_what_ended() -> Iterator[None]:
    write = Tables.write

    def partly(self: Tables, owner: str, parts: Any) -> None:
        for part in parts:
            if part.name == "orders":
                part.rows[:] = [row for row in part.rows if row["is_open"]]
        write(self, owner, parts)

    with patch.object(Tables, "write", partly):
        yield


@contextmanager
def _each_snapshot_is_news() -> Iterator[None]:
    snapshot = accounts.snapshot

    def chatty(turn: Turn, taken: Any) -> None:
        snapshot(turn, taken)
        turn.emit_control(LatchSet(ControlScope(ScopeKind.STRATEGY, "nobody"), "SEEN", "a snapshot came"))

    with patch.object(accounts, "snapshot", chatty):
        yield


@contextmanager
def _what_others_order_is_not_tracked() -> Iterator[None]:
    with patch.object(adoption, "adopt", lambda *_: None):
        yield


@contextmanager
def _results_are_told_before_they_are_durable() -> Iterator[None]:
    wait_for = orchestrator.LiveExecutionOrchestrator._wait_for

    async def hasty(self: Any, order_id: Any, *arguments: Any, **options: Any) -> Any:
        life = self._life()
        if (order := life.engine.orders.get(order_id)) is not None:
            return result_of(order, life.engine.state.ledger.orders)
        return await wait_for(self, order_id, *arguments, **options)

    with patch.object(orchestrator.LiveExecutionOrchestrator, "_wait_for", hasty):
        yield


_NETWORK = {Fault.REQUEST_LATE, Fault.ANSWER_LOST, Fault.REPORT_LOST}
#: What is planted: the invariants that may find it, the faults of the runs, and the bug.
PLANTED: dict[str, tuple[set[int], set[Fault], Any]] = {
    "effects overtake the journal": ({1, 8}, set(), _effects_overtake_the_journal),
    "a fill counts again": ({4, 5, 7, 9, 16}, {Fault.REPORT_TWICE}, _a_fill_counts_again),
    "an overfill halts nothing": ({7}, {Fault.OVERFILL}, _an_overfill_halts_nothing),
    "readers see something else": ({8}, set(), _readers_see_something_else),
    "an absence proves at once": ({9, 13}, _NETWORK, _an_absence_proves_at_once),
    "a timeout is a refusal": ({9, 13}, _NETWORK, _a_timeout_is_a_refusal),
    "reservations are forgotten": ({13}, set(), _reservations_are_forgotten),
    "nobody asks": ({14, 15}, _NETWORK, _nobody_asks_about_what_is_unknown),
    "others' orders are not tracked": ({15, 16}, {Fault.FOREIGN_ORDER}, _what_others_order_is_not_tracked),
    "a bust is ignored": ({16}, {Fault.BUST}, _a_bust_is_ignored),
    "the tables miss what ended": ({18}, set(), _the_tables_miss_what_ended),
    "results are told too early": ({19, 24}, {Fault.STORE_SLOW}, _results_are_told_before_they_are_durable),
    "each snapshot is news": ({20}, set(), _each_snapshot_is_news),
}


def _first_found(faults: set[Fault], seeds: int = 40) -> RunResult | None:
    results = (run(plan_of(seed, orders=15, faults=frozenset(faults))) for seed in range(seeds))
    return next((result for result in results if result.violation is not None), None)


@pytest.mark.parametrize("name", list(PLANTED))
def test_a_planted_bug_is_found(name: str) -> None:
    numbers, faults, bug = PLANTED[name]
    with bug():
        found = _first_found(faults)
    assert found is not None, f"{name} was not found"
    assert found.violation is not None
    assert found.violation.number in numbers, str(found.violation)


def test_what_fails_shrinks_to_few_operations_and_the_fault_that_it_takes() -> None:
    with _a_bust_is_ignored():
        failing = _first_found({Fault.BUST, Fault.REPORT_LATE, Fault.CLOCK_SKEW})
        assert failing is not None
        smallest = shrink(failing, most_runs=120).result
    assert failing.violation is not None
    assert smallest.violation is not None
    assert smallest.violation.number == failing.violation.number
    assert smallest.plan.faults == {Fault.BUST}
    assert len(smallest.plan.operations) <= 3


def test_what_holds_can_not_be_shrunk() -> None:
    plan: RunPlan = plan_of(1, orders=2, faults=frozenset())
    with pytest.raises(ValueError, match="broke nothing"):
        shrink(run(plan))
