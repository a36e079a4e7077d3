"""Several venues on one market: what happens first, and what happens when the market can't be read."""

from collections.abc import Iterator, Sequence

import pytest

from liveexec.domain.ids import ClientOrderId, InstrumentId, VenueName
from liveexec.domain.operation import Side
from liveexec.domain.outcome import Accepted, FillReport, SendPlan, VenueReport
from liveexec.errors import AdapterError, InvalidInput
from liveexec.venues.paper.market import MarketEvent, SourceBook, SourceTrade
from liveexec.venues.paper.synthetic import SyntheticInstrument
from liveexec.venues.paper.world import PaperWorld, Request
from liveexec.venues.paper.world_config import PaperWorldConfig, SyntheticMarketConfig
from support.paper import ALICE, FOREVER_NS, SPOT, Floor, dec, instrument, levels, venue_config

SOURCE = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
VENUE = VenueName("PAPER")


class _Script:
    """A market of given events; an exception among them is raised when its turn comes."""

    def __init__(self, events: Sequence[MarketEvent | Exception]) -> None:
        self._events = events

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        return (SOURCE,)

    @property
    def start_ns(self) -> int:
        return 0

    def events(self) -> Iterator[MarketEvent]:
        for event in self._events:
            if isinstance(event, Exception):
                raise event
            yield event


class _Listener:
    def __init__(self) -> None:
        self.reports: list[VenueReport] = []
        self.errors: list[AdapterError] = []
        self.woken = 0

    def push(self, report: VenueReport, at_ns: int) -> None:
        self.reports.append(report)

    def wake(self) -> None:
        self.woken += 1

    def lose(self, error: AdapterError) -> None:
        self.errors.append(error)


def _book(time_ns: int, ask: int) -> SourceBook:
    return SourceBook(SOURCE, time_ns, levels((ask - 2, 10)), levels((ask, 10)))


def _world(events: Sequence[MarketEvent | Exception]) -> PaperWorld:
    config = PaperWorldConfig(
        (venue_config(instruments=(instrument(SPOT, source=SOURCE),)),),
        # What the configuration names is not opened, since a market is handed in.
        SyntheticMarketConfig((SyntheticInstrument(SOURCE, dec(10_000), dec(1), dec(1), dec(1)),), start_ns=0),
        warmup_s=0,
    )
    return PaperWorld(config, _Script(events))


def _request(world: PaperWorld, client_id: str = "c1") -> Request:
    desk = world.desk(VENUE)
    order = Floor().order(Side.BUY, 5, None)
    plan = SendPlan(ClientOrderId(client_id), FOREVER_NS)
    return Request(lambda at_ns: desk.exchange.submit(order, plan, at_ns), desk)


def test_a_request_meets_the_book_of_its_arrival() -> None:
    world = _world([_book(100, 101), _book(200, 102), _book(300, 103)])
    listener = _Listener()
    world.desk(VENUE).subscribe(listener, (ALICE,))
    request = _request(world)
    world.send(request, 250)
    world.advance(249)
    assert request.outcome is None
    world.advance(1_000)
    assert isinstance(request.outcome, Accepted)
    (report,) = listener.reports
    assert isinstance(report, FillReport)
    assert (report.fill.price, report.fill.venue_time_ns) == (102, 250)


def test_at_one_time_the_market_comes_first_and_requests_in_the_order_they_were_sent() -> None:
    world = _world([_book(100, 101), _book(200, 102)])
    listener = _Listener()
    world.desk(VENUE).subscribe(listener, (ALICE,))
    for client_id in ("first", "second", "third"):
        world.send(_request(world, client_id), 200)
    world.advance(200)
    fills = [report for report in listener.reports if isinstance(report, FillReport)]
    # Ten were displayed, five for each.
    assert [report.client_order_id for report in fills] == ["first", "second"]
    assert {report.fill.price for report in fills} == {102}


def test_advancing_in_small_steps_is_the_same_as_in_one() -> None:
    events = [_book(time_ns, 100 + time_ns % 7) for time_ns in range(10, 400, 10)]
    totals = []
    for steps in ([1_000], range(0, 1_000, 3)):
        world = _world(events)
        for number in range(5):
            world.send(_request(world, f"c{number}"), 55 + 60 * number)
        for at_ns in steps:
            world.advance(at_ns)
        fills = world.desk(VENUE).exchange.snapshots.fills(ALICE, 0, 1_000).items
        totals.append([(report.fill.key, report.fill.price, report.fill.venue_time_ns) for report in fills])
    assert totals[0] == totals[1]
    assert len(totals[0]) == 5


def test_a_limited_advance_stops_in_between_and_says_so() -> None:
    world = _world([_book(time_ns, 101) for time_ns in (100, 200, 300)])
    assert not world.advance(1_000, most_events=2)
    assert world.desk(VENUE).exchange.now_ns == 200
    assert world.advance(1_000, most_events=2)
    assert world.desk(VENUE).exchange.now_ns == 1_000


def test_the_next_event_is_known() -> None:
    world = _world([_book(100, 101), SourceTrade(SOURCE, 2_000_000_500, dec(101), dec(1), Side.BUY)])
    scheduled: list[bool] = []
    world.on_scheduled = lambda: scheduled.append(True)
    assert world.next_event_ns == 100
    world.send(_request(world), 50)
    assert world.next_event_ns == 50
    assert scheduled == [True]
    world.advance(2_000_000_600)
    # The second of the last print closes by itself.
    assert world.next_event_ns == 3_000_000_000
    world.advance(3_000_000_000)
    assert world.next_event_ns is None


def test_books_stand_still_when_the_market_is_over() -> None:
    world = _world([_book(100, 101)])
    world.advance(10**18)
    book = world.desk(VENUE).exchange.visible_book(SPOT, 10**18)
    assert (book.asks, book.venue_time_ns) == (levels((101, 10)), 100)


def test_a_market_that_can_not_be_read_ends_everything_and_is_not_taken_for_its_end() -> None:
    world = _world([_book(100, 101), InvalidInput("row 7", []), _book(300, 101)])
    listener = _Listener()
    world.watch(listener)
    with pytest.raises(AdapterError, match="row 7"):
        world.advance(1_000)
    assert [str(error) for error in listener.errors] == ["the market can't be read any further: row 7: "]
    with pytest.raises(AdapterError, match="row 7"):
        world.advance(1_001)


def test_whoever_left_hears_nothing_more() -> None:
    world = _world([_book(100, 101)])
    listener = _Listener()
    desk = world.desk(VENUE)
    desk.subscribe(listener, (ALICE,))
    world.watch(listener)
    world.advance(150)
    woken = listener.woken
    assert woken
    desk.unsubscribe(listener)
    world.unwatch(listener)
    world.send(_request(world), 200)
    world.advance(300)
    assert (listener.reports, listener.woken) == ([], woken)
    assert len(desk.exchange.snapshots.fills(ALICE, 0, 300).items) == 1


def test_an_unknown_venue_is_named_with_those_there_are() -> None:
    with pytest.raises(AdapterError, match=r"NOWHERE.*PAPER"):
        _world([]).desk(VenueName("NOWHERE"))
