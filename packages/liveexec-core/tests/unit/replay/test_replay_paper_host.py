"""The light host: what it skips changes nothing, and what it does is what the paper venues do."""

from decimal import Decimal

import msgspec
from attrs import evolve
from hypothesis import given, settings

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.market import Book
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.config import EngineConfig
from liveexec.engine.market_view import MAX_BARS
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState
from liveexec.replay.parts import TimedIntent
from liveexec.venues.paper.config import Latency
from liveexec.venues.paper.market import MarketEvent
from support.paper import LINEAR, SPOT, VENUE
from support.replays import Played, S, at, book, engine_parts, fed_venue, intents, markets, order, play, trade


def _told(played: Played) -> tuple[object, ...]:
    """Everything that a replay says."""
    recording = played.recording
    return (
        recording.digest,
        len(recording.records),
        msgspec.json.encode([recording.fills, recording.marks, recording.refusals, recording.rates]),
        msgspec.json.encode([played.truth.positions, played.truth.balances, played.truth.open_orders]),
    )


@settings(max_examples=150)
@given(markets(), intents())
def test_rows_that_nothing_could_meet_are_skipped_without_a_trace(
    events: list[MarketEvent], signals: list[TimedIntent]
) -> None:
    lazy = play(events, signals)
    eager = play(events, signals, every_row=True)
    assert _told(lazy) == _told(eager)


@settings(max_examples=100)
@given(markets(), intents())
def test_an_engine_that_is_told_only_the_last_book_decides_as_one_that_saw_them_all(
    events: list[MarketEvent], signals: list[TimedIntent]
) -> None:
    pulled = play(events, signals)
    pushed = play(events, signals, pushes=True)
    assert _told(pulled) == _told(pushed)
    state, seen = pulled.driver.engine.state, pushed.driver.engine.state
    assert {name: _facts(each) for name, each in state.market.books.items()} == {
        name: _facts(each) for name, each in seen.market.books.items()
    }
    assert _bars(state) == _bars(seen)


def _bars(state: EngineState) -> dict[InstrumentId, bytes]:
    return {name: msgspec.json.encode(list(bars)) for name, bars in state.market.bars.items()}


def _facts(told: Book) -> tuple[object, ...]:
    return told.bids, told.asks, told.at_ns, told.venue_time_ns


@settings(max_examples=50)
@given(markets(), intents())
def test_the_ledger_holds_what_the_venues_hold(events: list[MarketEvent], signals: list[TimedIntent]) -> None:
    played = play(events, signals)
    state = played.driver.engine.state
    for said in played.truth.balances:
        assert state.ledger.books[said.account_id].assets[said.asset] == said.total
    nets = {
        (book.account_id, name): position.quantity
        for book in state.ledger.books.values()
        for name, position in book.positions.items()
        if position.quantity
    }
    assert nets == {(said.account_id, said.instrument_id): said.quantity for said in played.truth.positions}
    working = {order.venue_order_id for order in played.orders if order.is_open and not order.is_parent}
    assert working == {said.venue_order_id for said in played.truth.open_orders}


@settings(max_examples=30)
@given(markets(), intents())
def test_two_runs_are_the_same_to_the_last_byte(events: list[MarketEvent], signals: list[TimedIntent]) -> None:
    latency = {VENUE: Latency(order_ns=3_000_000, report_ns=2_000_000, jitter_ns=5_000_000)}
    first, second = (play(events, signals, latency=latency, seed=7) for _ in range(2))
    assert _told(first) == _told(second)


def test_a_market_order_meets_the_book_of_its_moment() -> None:
    played = play([book(0), book(5, asks=[(105, 3), (106, 9)]), book(6)], [order(5, 4)])
    (bought,) = played.orders
    assert bought.status is OrderStatus.FILLED
    assert [(fill.quantity, fill.price) for fill in (bought.fills or {}).values()] == [(3, 105), (1, 106)]


def test_a_book_is_as_old_as_its_last_change_be_it_an_order_of_ours_that_left() -> None:
    events: list[MarketEvent] = [book(0), book(0.001, bids=[]), trade(0.002, 95, 1, Side.SELL)]
    for pushes in (False, True):
        played = play(events, [order(0, 1, price=95)], pushes=pushes)
        assert played.driver.engine.state.market.books[SPOT].at_ns == at(0.002)


def test_a_resting_order_fills_when_the_recording_trades_through_it() -> None:
    events: list[MarketEvent] = [book(0), trade(3, 100, 2, Side.SELL), trade(4, 98, 40, Side.SELL), book(5)]
    played = play(events, [order(1, 5, price=100)])
    (bought,) = played.orders
    assert [(each.row.at_ns, each.row.fill.quantity, each.row.fill.price) for each in played.recording.fills] == [
        (at(3), 2, 100),
        (at(4), 3, 100),
    ]
    assert bought.status is OrderStatus.FILLED


def test_an_order_expires_at_its_time_and_not_at_the_next_row() -> None:
    signal = order(1, 5, price=90, time_in_force=TimeInForce.GTD, expire_at_ns=at(3.5))
    played = play([book(0), book(60)], [signal])
    (expired,) = played.orders
    assert (expired.status, expired.updated_at_ns) == (OrderStatus.EXPIRED, at(3.5))


def test_a_signal_after_the_last_row_is_sent_still() -> None:
    played = play([book(0)], [order(20, 5)])
    assert [each.status for each in played.orders] == [OrderStatus.FILLED]
    assert played.truth.ended_at_ns == at(20)


def test_a_signal_before_the_first_row_finds_no_book() -> None:
    config = EngineConfig(risk=RiskConfig(max_market_age_ns=S))
    played = play([book(10)], [order(-5, 5)], parts=engine_parts(config))
    assert [each.code for each in played.orders] == ["STALE_MARKET"]
    assert played.truth.ended_at_ns == at(10)


def test_nothing_happens_without_market_and_signals() -> None:
    played = play([], [])
    assert (played.truth.market_events, played.orders) == (0, [])
    assert {said.asset for said in played.truth.balances} == {"BTC", "USDT"}


def test_an_instrument_that_nothing_was_done_in_is_skipped_while_another_is_stepped() -> None:
    events: list[MarketEvent] = [book(0), book(0, instrument_id=LINEAR)]
    for step in range(1, 200):
        events += [book(step, instrument_id=SPOT), book(step, instrument_id=LINEAR)]
    played = play(events, [order(1, 5, price=98)])
    (resting,) = played.orders
    assert resting.status is OrderStatus.ACCEPTED
    assert played.truth.market_events == 400


def test_listings_of_two_venues_are_fed_by_one_instrument() -> None:
    other = evolve(
        fed_venue(),
        venue=VenueName("OTHER"),
        accounts=tuple(evolve(each, account_id=AccountId("other")) for each in fed_venue().accounts),
        instruments=tuple(
            evolve(each, instrument_id=InstrumentId(each.instrument_id.replace("PAPER", "OTHER")), taker_fee=Decimal(0))
            for each in fed_venue().instruments
        ),
    )
    played = play([book(0), book(9)], [order(3, 5, instrument_key="SPOT_PAIR:BTC-USDT")], venues=[fed_venue(), other])
    (bought,) = played.orders
    assert (bought.status, bought.account_id) == (OrderStatus.FILLED, "other")


def test_every_second_of_trades_is_told_however_long_nobody_asks() -> None:
    """Two hours in which nothing is due: more seconds than the engine keeps."""
    seconds = range(1, 7_201)
    events: list[MarketEvent] = [book(0), *(trade(second + 0.5, 100, 2) for second in seconds), book(7_202)]
    played = play(events, [order(7_201.5)], mark_every_ns=0)
    volume = played.recording.volume
    assert volume.between(SPOT, at(0), at(7_202)) == 2 * len(seconds)
    assert len(played.driver.engine.state.market.bars[SPOT]) == MAX_BARS
    # Seconds that are met at their edge alone count on the side of their trades.
    assert volume.between(SPOT, at(11), at(12.7)) == 2 * 2
    assert volume.between(SPOT, at(11.9), at(12)) == 2 * 2
    assert volume.between(LINEAR, at(0), at(7_202)) == 0
