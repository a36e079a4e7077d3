"""The paper venue as an adapter in this process: sessions, latency, market data. Time is a test's own."""

import asyncio
from decimal import Decimal

import pytest

from liveexec.domain.ids import AccountId, InstrumentId, OrderId, VenueName
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    FillReport,
    NotKnown,
    OrderReport,
    Rejected,
)
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import VenueOrder
from liveexec.venues.paper.adapter import PaperAdapter, paper_adapters
from liveexec.venues.paper.config import Latency
from liveexec.venues.paper.synthetic import SyntheticInstrument
from liveexec.venues.paper.world_config import PaperWorldConfig, SyntheticMarketConfig
from support.paper import (
    ALICE,
    BOB,
    FOREVER_NS,
    SPOT,
    VENUE,
    ManualClock,
    accepted,
    dec,
    facts,
    instrument,
    levels,
    ref,
    venue_config,
)
from support.paper_desk import BIDS, PaperDesk, is_waiting, taken

pytestmark = pytest.mark.anyio

SECOND_NS = 1_000_000_000


async def test_without_latency_nothing_is_scheduled_and_the_report_is_there_at_once() -> None:
    desk = PaperDesk()
    reports = await desk.connect()
    tasks = asyncio.all_tasks()
    coroutine = desk.adapter.submit(desk.order(), desk.plan())
    # Driven by hand: a coroutine that ends at its first step has awaited nothing.
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    assert isinstance(ended.value.value, Accepted)
    assert asyncio.all_tasks() == tasks
    step = anext(reports)
    with pytest.raises(StopIteration) as ended:
        step.__await__().send(None)
    assert isinstance(ended.value.value, FillReport)
    await desk.adapter.disconnect()


async def test_latency_delays_arrival_and_answer() -> None:
    desk = PaperDesk(latency=Latency(order_ns=100, report_ns=50))
    reports = await desk.connect()
    submit = asyncio.ensure_future(desk.adapter.submit(desk.order(), desk.plan()))
    await desk.clock.move_to(1_099)
    assert desk.exchange.snapshots.fills(ALICE, 0, 2_000).items == ()
    await desk.clock.move_to(1_100)
    (fill,) = desk.exchange.snapshots.fills(ALICE, 0, 2_000).items
    assert fill.fill.venue_time_ns == 1_100
    assert not submit.done()
    assert await is_waiting(reports)
    await desk.clock.move_to(1_150)
    assert isinstance(await submit, Accepted)
    assert await taken(reports, 1) == [fill]
    await desk.adapter.disconnect()


async def test_jitter_is_drawn_from_the_seed_and_keeps_reports_in_order() -> None:
    async def times() -> list[int]:
        desk = PaperDesk(latency=Latency(order_ns=10, report_ns=10, jitter_ns=100), seed=4)
        reports = await desk.connect()
        answers = [asyncio.ensure_future(desk.adapter.submit(desk.order(1), desk.plan())) for _ in range(5)]
        await desk.clock.move_to(5_000)
        await asyncio.gather(*answers)
        got = await taken(reports, 5)
        listed = desk.exchange.snapshots.fills(ALICE, 0, 9_000).items
        assert got == list(listed)
        await desk.adapter.disconnect()
        return [report.fill.venue_time_ns for report in listed]

    first = await times()
    assert first == await times()
    assert len(set(first)) > 1
    assert all(1_010 <= time_ns <= 1_110 for time_ns in first)


async def test_a_request_arrives_although_whoever_sent_it_gave_up() -> None:
    desk = PaperDesk(latency=Latency(order_ns=100))
    await desk.connect()
    submit = asyncio.ensure_future(desk.adapter.submit(desk.order(), desk.plan()))
    await desk.clock.settle()
    submit.cancel()
    await asyncio.wait([submit])
    await desk.clock.move_to(500_000_000)
    (fill,) = desk.exchange.snapshots.fills(ALICE, 0, FOREVER_NS).items
    assert fill.fill.venue_time_ns == 1_100
    await desk.adapter.disconnect()


async def test_a_request_on_its_way_is_absent_until_it_arrives() -> None:
    desk = PaperDesk(latency=Latency(order_ns=100))
    await desk.connect()
    submit = asyncio.ensure_future(desk.adapter.submit(desk.order(5, 90), desk.plan("mine")))
    asked = asyncio.ensure_future(desk.adapter.order(ref(None, client_id="mine")))
    await desk.clock.move_to(2_000)
    # Both took as long, and the order was first.
    assert isinstance(await asked, OrderReport)
    assert isinstance(await submit, Accepted)
    assert isinstance(desk.exchange.snapshots.order(ref(None, client_id="other"), 2_000), Absent)
    await desk.adapter.disconnect()


async def test_sessions_open_and_close_in_any_order() -> None:
    desk = PaperDesk()
    await desk.adapter.disconnect()
    reports = await desk.connect()
    await desk.adapter.connect()
    assert desk.adapter.reports() is reports
    await desk.adapter.disconnect()
    await desk.adapter.disconnect()
    with pytest.raises(StopAsyncIteration):
        await anext(reports)
    for call in (desk.adapter.listings, lambda: desk.adapter.cancel(ref(None, client_id="x"))):
        with pytest.raises(AdapterError, match="no session"):
            await call()


async def test_an_adapter_hears_of_its_own_accounts_only() -> None:
    desk = PaperDesk()
    alice = PaperAdapter(desk.adapter._driver, VENUE, [ALICE])
    bob = PaperAdapter(desk.adapter._driver, VENUE, [BOB])
    await alice.connect()
    await bob.connect()
    await alice.submit(desk.order(1), desk.plan())
    assert (await taken(alice.reports(), 1))[0].account_id == ALICE
    assert await is_waiting(bob.reports())
    await alice.disconnect()
    await bob.disconnect()
    with pytest.raises(AdapterError, match="nobody"):
        PaperAdapter(desk.adapter._driver, VENUE, [AccountId("nobody")])
    with pytest.raises(AdapterError, match="NOWHERE"):
        PaperAdapter(desk.adapter._driver, VenueName("NOWHERE"))


async def test_market_data_shows_the_latest_book_only() -> None:
    desk = PaperDesk()
    await desk.connect()
    market = desk.adapter.market([SPOT])
    for ask in (102, 103, 104):
        desk.exchange.on_book(Book(SPOT, BIDS, levels((ask, 7)), 1_500, 1_500))
    await desk.clock.move_to(1_700)
    book = await anext(market)
    assert isinstance(book, Book)
    assert (book.asks, book.venue_time_ns, book.at_ns) == (levels((104, 7)), 1_500, 1_700)
    waiting = asyncio.ensure_future(anext(market))
    await desk.clock.settle()
    assert not waiting.done()
    await desk.adapter.submit(desk.order(3), desk.plan())
    book = await waiting
    assert isinstance(book, Book)
    assert book.asks == levels((104, 4))
    await desk.adapter.disconnect()
    with pytest.raises(StopAsyncIteration):
        await anext(market)
    await desk.connect()
    with pytest.raises(AdapterError, match="NOWHERE"):
        desk.adapter.market([SPOT, "NOWHERE:SPOT_PAIR:A-B"])  # type: ignore[list-item]  # a name that is not listed
    await desk.adapter.disconnect()


async def test_trade_bars_come_when_their_second_is_over() -> None:
    source = InstrumentId("BINANCE-SPOT:SPOT_PAIR:BTC-USDT")
    item = SyntheticInstrument(source, dec(10_000), dec(1), dec(1), dec(50))
    world = PaperWorldConfig(
        (venue_config(instruments=(instrument(SPOT, source=source),)),),
        SyntheticMarketConfig((item,), start_ns=0),
        warmup_s=3,
    )
    clock = ManualClock(3 * SECOND_NS)
    adapter = paper_adapters(world, clock)[VENUE]
    await adapter.connect()
    # The seconds of the warm-up, and none of the second that has just begun.
    assert [bar.start_ns for bar in await adapter.recent_trades(SPOT)] == [0, SECOND_NS, 2 * SECOND_NS]
    market = adapter.market([SPOT])
    got: list[Book | TradeBar] = []
    for tenth in range(31, 53):
        await clock.move_to(tenth * SECOND_NS // 10)
        # A book at each step; a bar before it when a second is over.
        got.append(await asyncio.wait_for(anext(market), 5))
        if isinstance(got[-1], TradeBar):
            got.append(await asyncio.wait_for(anext(market), 5))
    bars = [item for item in got if isinstance(item, TradeBar)]
    assert [bar.start_ns for bar in bars] == [3 * SECOND_NS, 4 * SECOND_NS]
    assert bars == list(await adapter.recent_trades(SPOT))[-2:]
    assert len(got) - len(bars) == 22
    await adapter.disconnect()


async def test_an_order_expires_while_nobody_asks() -> None:
    desk = PaperDesk()
    reports = await desk.connect()
    order = desk.order(5, 90)
    order.time_in_force, order.expire_at_ns = TimeInForce.GTD, 300_000_000
    await desk.adapter.submit(order, desk.plan())
    waiting = asyncio.ensure_future(anext(reports))
    await desk.clock.move_to(250_000_000)
    assert not waiting.done()
    await desk.clock.move_to(400_000_000)
    report = await waiting
    assert isinstance(report, OrderReport)
    assert (report.status, report.venue_time_ns) == ("EXPIRED", 300_000_000)
    await desk.adapter.disconnect()


async def test_snapshots_are_bounded_by_when_they_were_asked_for_and_answered() -> None:
    desk = PaperDesk(latency=Latency(order_ns=100, report_ns=50))
    await desk.connect()
    asking = asyncio.ensure_future(desk.adapter.open_orders(ALICE))
    await desk.clock.move_to(3_000)
    snapshot = await asking
    assert (snapshot.requested_at_ns, snapshot.as_of_ns, snapshot.responded_at_ns) == (1_000, 1_100, 1_150)
    assert snapshot.complete
    await desk.adapter.disconnect()


async def test_the_visibility_lag_hides_a_fresh_order() -> None:
    desk = PaperDesk(visibility_lag_ns=500)
    await desk.connect()
    await desk.adapter.submit(desk.order(5, 90), desk.plan("mine"))
    assert isinstance(await desk.adapter.order(ref(None, client_id="mine")), NotKnown)
    await desk.clock.move_to(1_500)
    assert isinstance(await desk.adapter.order(ref(None, client_id="mine")), OrderReport)
    await desk.adapter.disconnect()


async def test_cancels_and_replaces_travel_like_orders() -> None:
    desk = PaperDesk()
    reports = await desk.connect()
    order_id = accepted(await desk.adapter.submit(desk.order(5, 90), desk.plan("mine")))
    changed = desk.order(3, 91)
    assert isinstance(await desk.adapter.replace(ref(order_id), changed, desk.plan("mine"), Decimal(0)), Accepted)
    assert isinstance(await desk.adapter.cancel(ref(order_id)), Accepted)
    (end,) = await taken(reports, 1)
    assert isinstance(end, OrderReport)
    assert facts(end.status, end.quantity, end.price) == ("CANCELED", 3, 91)
    assert isinstance(await desk.adapter.cancel(ref(order_id)), Rejected)
    await desk.adapter.submit(desk.order(5, 90), desk.plan())
    assert isinstance(await desk.adapter.cancel_all(ALICE), Accepted)
    assert (await desk.adapter.open_orders(ALICE)).items == ()
    await desk.adapter.disconnect()


async def test_the_plan_follows_from_the_order_id() -> None:
    desk = PaperDesk()
    order = VenueOrder(
        OrderId("ORD-01234567890123456789ABCDEF"),
        ALICE,
        SPOT,
        desk.order().operation,
        Side.BUY,
        OrderType.MARKET,
        TimeInForce.GTC,
        Decimal(1),
        None,
    )
    plan = await desk.adapter.prepare(order, 2, 9_000)
    assert (plan.client_order_id, plan.valid_until_ns) == ("lx01234567890123456789ABCDEF-2", 9_000)
