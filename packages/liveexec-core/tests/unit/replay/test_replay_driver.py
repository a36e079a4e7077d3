"""The driver: what it sends when, what travels how long, and what it tells the engine of."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import DriftSeen
from liveexec.domain.ids import OperationId
from liveexec.domain.intent import OrderIntent, ReplaceIntent, content_hash
from liveexec.domain.market import Book
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import FillReport, VenueReport
from liveexec.engine.algorithm import Action, CancelChild, ChildView, Finish, ParentView, Spawn, WakeAt
from liveexec.engine.config import EngineConfig
from liveexec.engine.effects import TimerKind
from liveexec.engine.inputs import ReplaceOrder
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec.replay.agenda import NEVER, Agenda, Rank
from liveexec.replay.driver import ReplayDriver
from liveexec.replay.market import EventMarket, events_of
from liveexec.replay.paper_host import PaperHost
from liveexec.replay.ports import HostRun
from liveexec.replay.recording import ReplayRecording
from liveexec.replay.results import differences
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

    def noted(now_ns: int, *, at_once: bool = False) -> None:
        asked.append(now_ns)
        compare(now_ns, at_once=at_once)

    driver._compare = noted  # type: ignore[method-assign]
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


class Fickle:
    """Spawns one resting child of the whole quantity, and cancels it after two seconds."""

    name = "FICKLE"
    wants_market = False

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> object:
        return params or intent

    def start(self, view: ParentView) -> Sequence[Action]:
        child = Spawn(view.quantity, OrderType.LIMIT, view.limit_price, TimeInForce.GTC)
        return [child, WakeAt(view.now_ns + 2 * S)]

    def on_timer(self, view: ParentView) -> Sequence[Action]:
        return [CancelChild(child.ordinal) for child in view.children if child.is_open]

    def on_child(self, view: ParentView, child: ChildView) -> Sequence[Action]:
        if child.is_open:
            return ()
        resolution = ev.Resolution.FILLED if child.filled_quantity == view.quantity else ev.Resolution.CANCELED
        return [Finish(resolution, None, "its child is gone")]

    def on_market(self, view: ParentView) -> Sequence[Action]:
        return ()

    def on_cancel(self, view: ParentView) -> Sequence[Action]:
        return self.on_timer(view)


def test_a_cancel_travels_and_the_end_comes_back() -> None:
    latency = {VENUE: Latency(order_ns=30 * MS, report_ns=20 * MS)}
    parts = engine_parts(FICKLE=Fickle())
    played = play([book(0), book(60)], [order(1, 5, price=90, exec_algorithm="FICKLE")], parts=parts, latency=latency)
    parent, child = played.orders
    assert (child.status, child.updated_at_ns) == (OrderStatus.CANCELED, at(3.05))
    assert parent.status is OrderStatus.CANCELED


def test_a_cancel_that_meets_a_filled_order_is_refused_and_the_order_asked_about() -> None:
    latency = {VENUE: Latency(order_ns=30 * MS, report_ns=20 * MS)}
    parts = engine_parts(FICKLE=Fickle())
    events: list[MarketEvent] = [book(0), trade(3.01, 98, 500, Side.SELL), book(60)]
    played = play(events, [order(1, 5, price=99, exec_algorithm="FICKLE")], parts=parts, latency=latency)
    parent, child = played.orders
    # The fill happened at 3.01 and was known at 3.03, when the cancel had left and got there in vain.
    assert (child.status, child.filled_quantity) == (OrderStatus.FILLED, 5)
    assert parent.status is OrderStatus.FILLED
    assert not list(played.driver.engine.orders.open_orders())


def test_what_was_decided_on_a_price_that_is_too_old_is_not_sent() -> None:
    config = EngineConfig(router=RouterConfig(max_book_age_ns=1_000 * S))
    signal = order(500, 5, instrument_key="SPOT_PAIR:BTC-USDT")
    (stopped,) = play([book(0), book(600)], [signal], parts=engine_parts(config)).orders
    assert (stopped.status, stopped.code) == (OrderStatus.REJECTED, "NOT_SENT")
    assert stopped.message == "the price that it was decided on is too old"


def _driven(driver: ReplayDriver, events: Sequence[MarketEvent], **changes: Any) -> None:
    PaperHost().run(HostRun((fed_venue(**changes),), EventMarket(WrittenMarket(events)), driver))


@pytest.mark.parametrize("latency_ns", [0, 10 * MS])
def test_a_change_travels_and_its_answer_comes_back(latency_ns: int) -> None:
    recording = ReplayRecording()
    latency = {VENUE: Latency(order_ns=latency_ns, report_ns=latency_ns)}
    driver = ReplayDriver(engine_parts(), [order(1, 5, price=90)], recording, latency=latency)

    def change(now_ns: int) -> None:
        (resting,) = recording.orders.values()
        wish = ReplaceIntent(resting.order_id, quantity=Decimal(7), price=Decimal(91))
        driver._waiting.append(ReplaceOrder(now_ns, OperationId("OP-change"), wish, "tested", content_hash(wish)))

    driver._agenda.plan(at(5), Rank.TIMER, change)
    _driven(driver, [book(0), book(60)])
    (resting,) = recording.orders.values()
    assert (resting.quantity, resting.price, resting.replace) == (7, 91, None)
    assert resting.updated_at_ns == at(5) + 2 * latency_ns


def test_a_fill_that_was_lost_is_fetched_when_the_venue_counts_more() -> None:
    recording = ReplayRecording()
    driver = ReplayDriver(engine_parts(), [order(1, 5)], recording)
    told = driver.report

    def lossy(report: VenueReport, now_ns: int) -> None:
        if not isinstance(report, FillReport):
            told(report, now_ns)

    driver.report = lossy  # type: ignore[method-assign]
    _driven(driver, [book(0), book(60)], status_after_fills=True)
    (bought,) = recording.orders.values()
    assert (bought.status, bought.filled_quantity) == (OrderStatus.FILLED, 5)
    assert [each.row.at_ns for each in recording.fills] == [at(1.2)]


def test_a_fill_that_is_on_its_way_when_accounts_are_compared_is_no_drift() -> None:
    latency = {VENUE: Latency(order_ns=5 * MS, report_ns=5 * MS)}
    # The first order of each pair is filled and not yet heard of when the second one has the accounts compared.
    signals = [
        order(30 * turn + after_s, quantity) for turn in range(1, 6) for after_s, quantity in ((-0.007, 4), (0, 1))
    ]
    played = play([book(second) for second in range(200)], signals, latency=latency, reconcile_every_ns=30 * S)
    assert [each.status for each in played.orders] == [OrderStatus.FILLED] * 10
    events = [event for record in played.recording.records for event in record.events]
    assert not [event for event in events if isinstance(event, DriftSeen)]


@pytest.mark.parametrize("after_s", [0, 0.007])
def test_what_is_on_its_way_when_the_market_is_over_arrives(after_s: float) -> None:
    latency = {VENUE: Latency(order_ns=5 * MS, report_ns=5 * MS)}
    played = play([book(0), book(5 + after_s)], [order(5, 4)], latency=latency)
    assert [each.status for each in played.orders] == [OrderStatus.FILLED]
    assert played.truth.ended_at_ns == played.recording.ended_ns == at(5.01)
    assert not differences(played.recording, played.truth)
