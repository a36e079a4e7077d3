"""The driver: what it sends when, what travels how long, and what it tells the engine of."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain import order_event as ev
from liveexec.domain.intent import OrderIntent
from liveexec.domain.market import Book
from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.algorithm import Action, ChildView, Finish, ParentView
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import TimerKind
from liveexec.engine.risk_config import RiskConfig
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec.replay.agenda import NEVER, Agenda, Rank
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import EventMarket, events_of
from liveexec.replay.paper_host import PaperHost
from liveexec.replay.ports import HostRun
from liveexec.replay.recording import ReplayRecording
from liveexec.venues.paper.config import Latency, manifest_of
from liveexec.venues.paper.market import MarketEvent
from support.paper import LINEAR, SPOT, VENUE
from support.replays import START_NS, S, WrittenMarket, at, book, engine_parts, fed_venue, order, play, trade

MS = 1_000_000


def test_of_one_time_arrivals_come_before_returns_timers_and_marks() -> None:
    agenda, done = Agenda(), []
    agenda.plan(5, Rank.MARK, lambda _: done.append("mark"))
    agenda.arm((TimerKind.ANSWER, "a"), 5, lambda _: done.append("timer"))
    agenda.plan(5, Rank.RETURN, lambda _: done.append("return"))
    agenda.plan(5, Rank.ARRIVAL, lambda _: done.append("arrival"))
    while (work := agenda.pop(5)) is not None:
        work(5)
    assert done == ["arrival", "return", "timer", "mark"]
    assert agenda.next_due_ns == NEVER


def test_a_timer_that_was_moved_rings_once_and_one_taken_back_never() -> None:
    agenda = Agenda()
    key, other = (TimerKind.ALGORITHM, "a"), (TimerKind.ALGORITHM, "b")
    agenda.arm(key, 5, lambda _: None)
    agenda.arm(other, 6, lambda _: None)
    agenda.arm(key, 9, lambda _: None)
    agenda.disarm(other)
    assert agenda.next_due_ns == 9
    assert agenda.pop(8) is None
    assert agenda.pop(9) is not None
    assert agenda.pop(100) is None


def test_requests_and_reports_travel_as_long_as_the_venue_takes() -> None:
    latency = {VENUE: Latency(order_ns=30 * MS, report_ns=20 * MS)}
    events = [book(0), book(5.02, asks=[(105, 50)]), book(6)]
    played = play(events, [order(5, 4)], latency=latency)
    (bought,) = played.orders
    # It met the book of when it arrived, and was heard of when the report had come back.
    assert [(each.row.fill.price, each.row.fill.venue_time_ns) for each in played.recording.fills] == [(105, at(5.03))]
    assert [each.row.at_ns for each in played.recording.fills] == [at(5.05)]
    assert bought.status is OrderStatus.FILLED


def test_jitter_is_of_the_seed() -> None:
    latency = {VENUE: Latency(order_ns=MS, report_ns=MS, jitter_ns=50 * MS)}
    times = {
        seed: [
            each.row.fill.venue_time_ns
            for each in play([book(0), book(9)], [order(5)], latency=latency, seed=seed).recording.fills
        ]
        for seed in (1, 2)
    }
    assert times[1] != times[2]
    assert all(at(5) + MS <= each <= at(5) + 51 * MS for each in (*times[1], *times[2]))


def test_ids_are_of_the_seed_and_sort_as_they_were_sent() -> None:
    events, signals = [book(0), book(60)], [order(second) for second in (5, 1, 3)]
    first, second, other = (play(events, signals, seed=seed) for seed in (1, 1, 2))
    assert [each.order_id for each in first.orders] == [each.order_id for each in second.orders]
    assert not {each.order_id for each in first.orders} & {each.order_id for each in other.orders}
    assert [each.created_at_ns for each in first.orders] == [at(1), at(3), at(5)]
    assert sorted(each.order_id for each in first.orders) == [each.order_id for each in first.orders]


def test_a_signal_that_can_be_no_order_is_noted_and_the_others_go_on() -> None:
    twap: dict[str, Any] = {"exec_algorithm": "TWAP", "exec_algorithm_params": {"horizon_secs": -1}}
    played = play([book(0), book(60)], [order(1, **twap), order(2)])
    assert [(each.number, each.at_ns) for each in played.recording.refusals] == [(0, at(1))]
    assert "horizon_secs" in played.recording.refusals[0].message
    assert [each.status for each in played.orders] == [OrderStatus.FILLED]


def test_what_risk_refuses_is_an_order_that_was_refused() -> None:
    config = EngineConfig(risk=RiskConfig(max_order_quantity={"*": Decimal(3)}))
    played = play([book(0), book(60)], [order(1, 5)], parts=engine_parts(config))
    assert [(each.status, each.code) for each in played.orders] == [(OrderStatus.REJECTED, "ORDER_SIZE")]


def test_an_iceberg_shows_its_next_slice_when_the_visible_one_is_filled() -> None:
    iceberg: dict[str, Any] = {"exec_algorithm": "ICEBERG", "exec_algorithm_params": {"visible_quantity": "2"}}
    events: list[MarketEvent] = [book(0), trade(2, 98, 200, Side.SELL), trade(3, 98, 200, Side.SELL), book(4)]
    played = play(events, [order(1, 4, price=99, **iceberg)])
    parent, *slices = played.orders
    assert parent.status is OrderStatus.FILLED
    assert [(each.quantity, each.created_at_ns) for each in slices] == [(2, at(1)), (2, at(2))]


def test_a_twap_is_worked_by_timers_on_the_market_s_time() -> None:
    twap: dict[str, Any] = {
        "exec_algorithm": "TWAP",
        "exec_algorithm_params": {"horizon_secs": 30, "interval_secs": 10},
    }
    played = play([book(second) for second in range(60)], [order(5, 9, **twap)])
    parent, *slices = played.orders
    assert parent.status is OrderStatus.FILLED
    assert [each.created_at_ns for each in slices] == [at(5), at(15), at(25)]


def test_accounts_are_compared_with_their_venues_as_often_as_live() -> None:
    signals = [order(second) for second in (5, 20, 34, 36, 100)]
    asked: list[int] = []

    class Noting(ReplayRecording):
        def decided(self, decision: Any, at_ns: int) -> None:
            super().decided(decision, at_ns)

    recording = Noting()
    driver = ReplayDriver(engine_parts(), signals, recording, reconcile_every_ns=30 * S)
    compare = driver._compare
    driver._compare = lambda now_ns: (asked.append(now_ns), compare(now_ns))[1]  # type: ignore[method-assign, func-returns-value]
    PaperHost().run(HostRun((fed_venue(),), EventMarket(WrittenMarket([book(0), book(120)])), driver))
    assert asked == [at(0), at(34), at(100)]
    assert not recording.engine.state.ledger.drifts


class Chaser:
    """Counts the books that it sees, and gives up at the fifth."""

    name = "CHASER"
    wants_market = True

    def __init__(self) -> None:
        self.seen: list[Book | None] = []

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> object:
        if params:
            raise InvalidInput("order intent", [Fault("exec_algorithm_params", "it takes none")])
        return intent

    def start(self, view: ParentView) -> Sequence[Action]:
        return ()

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        return ()

    def on_child(self, view: ParentView, child: ChildView) -> Sequence[Action]:
        return ()

    def on_market(self, view: ParentView) -> Sequence[Action]:
        self.seen.append(view.book)
        return [Finish(ev.Resolution.CANCELED, None, "seen enough")] if len(self.seen) == 5 else ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        return [Finish(ev.Resolution.CANCELED, None, "as asked")]


def test_an_algorithm_that_reacts_to_the_market_sees_every_book_while_its_order_is_open() -> None:
    chaser = Chaser()
    events: list[MarketEvent] = []
    for second in range(20):
        events += [book(second, bids=[(80 + second, 5)]), book(second, instrument_id=LINEAR)]
    played = play(events, [order(3.5, exec_algorithm="CHASER")], parts=engine_parts(CHASER=chaser))
    assert [each.best_bid for each in chaser.seen if each is not None] == [84, 85, 86, 87, 88]
    (parent,) = played.orders
    assert (parent.status, parent.updated_at_ns) == (OrderStatus.CANCELED, at(8))
    assert played.driver.watched == frozenset()


def test_watching_costs_nothing_where_no_algorithm_reacts_to_the_market() -> None:
    played = play([book(0), book(60)], [order(1, 5, price=90)])
    assert played.driver.watched == frozenset()


def test_a_venue_that_prepares_its_plans_can_not_be_replayed() -> None:
    class Preparing:
        def __init__(self) -> None:
            self.manifests = {VENUE: evolve(manifest_of(fed_venue()), client_id=None)}

    driver = ReplayDriver(engine_parts(), [], ReplayRecording())
    with pytest.raises(ConfigurationError, match="can't be replayed"):
        driver.start(Preparing(), START_NS)  # type: ignore[arg-type]


def test_what_rests_at_the_end_is_open_here_and_at_its_venue() -> None:
    played = play([book(0), book(60)], [order(1, 5, price=90)])
    (resting,) = played.orders
    assert resting.status is OrderStatus.ACCEPTED
    assert [said.client_order_id for said in played.truth.open_orders] == [resting.client_order_id]


def test_events_come_out_of_chunks_as_they_went_in() -> None:
    events: list[MarketEvent] = []
    for second in range(9_000):
        events += [trade(second, 99, 1), book(second), book(second, instrument_id=LINEAR)]
    market = EventMarket(WrittenMarket(sorted(events, key=lambda event: (event.time_ns, hasattr(event, "bids")))))
    chunks = list(market.chunks())
    assert len(chunks) > 2
    assert all(one.end_ns < other.start_ns for one, other in pairwise(chunks))
    told = list(events_of(chunks))
    assert [(each.time_ns, type(each)) for each in told] == [
        (each.time_ns, type(each)) for each in market._source.events()
    ]
    assert {each.instrument_id for each in told} == {SPOT, LINEAR}
