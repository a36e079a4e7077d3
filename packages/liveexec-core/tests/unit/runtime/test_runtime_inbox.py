"""The inbox: who is served first, what is refused, what is conflated, and that reports are never dropped."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec.domain.ids import InstrumentId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.money import MONEY as EXACT
from liveexec.domain.outcome import Gap
from liveexec.engine.effects import TimerKind
from liveexec.engine.inputs import EngineInput, Forget, MarketUpdate, Recovered, Report, TimerRang
from liveexec.errors import Busy, LiveExecError
from liveexec.runtime.inbox import Inbox, Pending, Priority
from support.builders import ALPHA_ACCOUNT, LINEAR, NOW_NS, SPOT, make_book

_S = 1_000_000_000


def an_input() -> EngineInput:
    return Recovered(0)


def a_report(reason: str = "") -> Report:
    return Report(0, Gap(ALPHA_ACCOUNT, reason))


def a_bar(second: int, quantity: str = "1", cost: str = "100", instrument_id: InstrumentId = SPOT) -> TradeBar:
    start = NOW_NS + second * _S
    return TradeBar(instrument_id, start, start + _S, Decimal(quantity), Decimal(cost), Decimal(cost), 1)


def served(inbox: Inbox) -> list[EngineInput]:
    """Everything, in the order in which it is served."""
    found = []
    while (item := inbox.pop()) is not None:
        found.append(item[0])
    return found


def market_of(inbox: Inbox) -> list[Book | TradeBar]:
    return [given.update for given in served(inbox) if isinstance(given, MarketUpdate)]


def test_an_empty_inbox_has_nothing_to_serve() -> None:
    inbox = Inbox()
    assert not inbox
    assert inbox.pop() is None
    assert not inbox.has_market
    assert inbox.has_report_room


@given(st.lists(st.sampled_from(list(Priority))))
def test_inputs_are_served_by_priority_and_within_one_in_their_order(arrivals: list[Priority]) -> None:
    inbox = Inbox()
    inputs = [(priority, an_input()) for priority in arrivals]
    for priority, given_input in inputs:
        inbox.put(priority, given_input)
    expected = [given_input for _, given_input in sorted(inputs, key=lambda item: item[0])]
    assert list(map(id, served(inbox))) == list(map(id, expected))
    assert not inbox


def test_control_comes_before_reports_before_timers_before_intents_before_market_data() -> None:
    assert Priority.CONTROL < Priority.REPORT < Priority.TIMER < Priority.INTENT
    inbox = Inbox()
    inbox.put_market(make_book())
    intent, ring, report, control = an_input(), TimerRang(0, (TimerKind.CANCEL, "x")), a_report(), an_input()
    inbox.put(Priority.INTENT, intent)
    inbox.put(Priority.TIMER, ring)
    inbox.put(Priority.REPORT, report)
    inbox.put(Priority.CONTROL, control)
    *first, last = served(inbox)
    assert [id(item) for item in first] == [id(item) for item in (control, report, ring, intent)]
    assert isinstance(last, MarketUpdate)


def test_who_waits_for_an_input_comes_out_with_it() -> None:
    inbox, pending = Inbox(), Pending(None, None)
    inbox.put(Priority.INTENT, an_input(), pending)
    item = inbox.pop()
    assert item is not None
    assert item[1] is pending


def test_one_intent_too_many_is_refused_as_busy_and_nothing_of_it_is_taken() -> None:
    inbox = Inbox(max_intents=2)
    inbox.put(Priority.INTENT, an_input())
    inbox.put(Priority.INTENT, an_input())
    with pytest.raises(Busy, match="2 intents are waiting"):
        inbox.put(Priority.INTENT, an_input())
    assert inbox.depth(Priority.INTENT) == 2
    inbox.pop()
    inbox.put(Priority.INTENT, an_input())
    assert inbox.depth(Priority.INTENT) == 2


def test_full_intents_keep_neither_control_nor_reports_nor_timers_out() -> None:
    inbox = Inbox(max_intents=0)
    for priority in (Priority.CONTROL, Priority.REPORT, Priority.TIMER):
        inbox.put(priority, an_input())
        assert inbox.depth(priority) == 1


def test_reports_have_room_until_their_queue_is_full_and_again_once_one_is_served() -> None:
    told: list[int] = []
    inbox = Inbox(max_reports=2, on_room=lambda: told.append(1))
    inbox.put(Priority.REPORT, a_report())
    assert inbox.has_report_room
    inbox.put(Priority.REPORT, a_report())
    assert not inbox.has_report_room
    inbox.pop()
    assert inbox.has_report_room
    assert told == [1]
    inbox.pop()
    assert told == [1], "there was room already"


def test_a_report_that_comes_without_asking_for_room_is_kept_and_room_is_told_of_once_there_is_some() -> None:
    told: list[int] = []
    inbox = Inbox(max_reports=1, on_room=lambda: told.append(1))
    reports = [a_report(str(number)) for number in range(3)]
    for report in reports:
        inbox.put(Priority.REPORT, report)
    inbox.pop()
    inbox.pop()
    assert told == []
    assert not inbox.has_report_room
    inbox.pop()
    assert told == [1]
    assert inbox.has_report_room


def test_a_report_that_is_set_aside_keeps_its_room_until_it_was_served_or_dropped() -> None:
    told: list[int] = []
    inbox = Inbox(max_reports=2, on_room=lambda: told.append(1))
    for number in range(2):
        inbox.put(Priority.REPORT, a_report(str(number)))
    for _ in range(2):
        inbox.pop()
        inbox.set_aside()
    assert not inbox.has_report_room
    told.clear()
    inbox.drop()
    assert told == [1]
    assert inbox.has_report_room
    inbox.put(Priority.REPORT, a_report("late"))
    assert not inbox.has_report_room
    inbox.resume(a_report("resumed"))
    assert not inbox.has_report_room
    inbox.pop()
    assert inbox.has_report_room


def test_a_resumed_report_is_served_before_those_that_came_while_it_waited() -> None:
    inbox = Inbox()
    first, second, later = a_report("1"), a_report("2"), a_report("3")
    for report in (first, second, later):
        inbox.put(Priority.REPORT, report)
    for _ in range(2):
        inbox.pop()
        inbox.set_aside()
    control = an_input()
    inbox.put(Priority.CONTROL, control)
    inbox.resume(first)
    inbox.resume(second)
    assert [id(item) for item in served(inbox)] == [id(item) for item in (control, first, second, later)]


def test_nothing_is_forgotten_while_an_intent_waits_that_may_repeat_it() -> None:
    inbox = Inbox()
    forget, intent = Forget(0, ()), an_input()
    inbox.put(Priority.FORGET, forget)
    inbox.put(Priority.INTENT, intent)
    assert [id(item) for item in served(inbox)] == [id(intent), id(forget)]


def test_of_books_only_the_latest_of_each_instrument_is_served() -> None:
    inbox = Inbox()
    inbox.put_market(make_book(SPOT, "100", "101"))
    inbox.put_market(make_book(LINEAR, "200", "201"))
    latest = make_book(SPOT, "102", "103")
    inbox.put_market(latest)
    books = market_of(inbox)
    assert [book.instrument_id for book in books] == [SPOT, LINEAR]
    assert books[0] is latest


def test_a_book_that_changes_all_the_time_does_not_keep_others_from_being_served() -> None:
    inbox = Inbox()
    inbox.put_market(make_book(SPOT))
    inbox.put_market(make_book(LINEAR))
    inbox.pop()
    inbox.put_market(make_book(SPOT))
    item = inbox.pop()
    assert item is not None
    assert isinstance(item[0], MarketUpdate)
    assert item[0].update.instrument_id == LINEAR


def test_bars_are_served_one_by_one_in_their_order_before_books() -> None:
    inbox = Inbox()
    inbox.put_market(make_book())
    bars = [a_bar(0), a_bar(1), a_bar(2)]
    for bar in bars:
        inbox.put_market(bar)
    assert inbox.has_market
    assert [id(update) for update in market_of(inbox)[:3]] == [id(bar) for bar in bars]
    assert not inbox.has_market


def test_bars_that_find_no_place_are_summed_up() -> None:
    inbox = Inbox(max_bars=1)
    for second, quantity, cost in ((0, "1", "100"), (1, "2", "204"), (2, "3", "309")):
        inbox.put_market(a_bar(second, quantity, cost))
    bars = market_of(inbox)
    assert sum(bar.quantity for bar in bars if isinstance(bar, TradeBar)) == 6
    last = bars[-1]
    assert isinstance(last, TradeBar)
    assert (last.end_ns, last.last_price) == (NOW_NS + 3 * _S, Decimal(309))


@given(
    st.lists(st.tuples(st.sampled_from([SPOT, LINEAR]), st.integers(1, 10**24), st.booleans()), min_size=1, max_size=60)
)
def test_no_trade_is_lost_between_instruments_however_full_the_bars_are(
    arrivals: list[tuple[InstrumentId, int, bool]],
) -> None:
    inbox = Inbox(max_bars=3)
    sums = {SPOT: Decimal(0), LINEAR: Decimal(0)}
    given_sums = {SPOT: Decimal(0), LINEAR: Decimal(0)}
    ends = {SPOT: 0, LINEAR: 0}
    counts = 0

    def take(given_input: EngineInput) -> None:
        nonlocal counts
        assert isinstance(given_input, MarketUpdate)
        bar = given_input.update
        assert isinstance(bar, TradeBar)
        sums[bar.instrument_id] = EXACT.add(sums[bar.instrument_id], bar.quantity)
        counts += bar.count
        assert bar.start_ns >= ends[bar.instrument_id], "bars of an instrument come in the order of their times"
        ends[bar.instrument_id] = bar.end_ns

    for second, (instrument_id, units, serves) in enumerate(arrivals):
        quantity = EXACT.scaleb(Decimal(units), -18)
        given_sums[instrument_id] = EXACT.add(given_sums[instrument_id], quantity)
        inbox.put_market(a_bar(second, str(quantity), "1", instrument_id))
        if serves and (item := inbox.pop()) is not None:
            take(item[0])
    for given_input in served(inbox):
        take(given_input)
    assert sums == given_sums
    assert counts == len(arrivals)


def test_a_halt_takes_everything_out_and_tells_who_waited() -> None:
    inbox = Inbox()
    failures: list[LiveExecError] = []
    pending = Pending(None, failures.append)
    inbox.put(Priority.INTENT, an_input(), pending)
    inbox.put(Priority.REPORT, a_report())
    inbox.put_market(make_book())
    inbox.put_market(a_bar(0))
    discarded = inbox.clear()
    assert [waiting for _, waiting in discarded] == [None, pending]
    assert not inbox
    assert inbox.pop() is None
    assert inbox.has_report_room
