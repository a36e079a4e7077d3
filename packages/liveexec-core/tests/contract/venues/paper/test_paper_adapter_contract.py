"""The adapter contract, held by the paper venue in this process and by the same venue over a socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain.fill import Liquidity
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueName
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import (
    Absent,
    Accepted,
    FillReport,
    Gap,
    OrderRef,
    OrderReport,
    Rejected,
    SendPlan,
    Unknown,
    VenueReport,
)
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import CancelsAll, ExternalAdapter, Replaces, StreamsMarket, VenueOrder
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.clock import PaperClock
from liveexec.venues.paper.config import Latency
from liveexec.venues.paper.driver import WorldDriver
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultScript
from liveexec.venues.paper.presets import btc_world
from liveexec.venues.paper.server import PaperServer
from liveexec.venues.paper.world import PaperWorld
from liveexec.venues.paper.world_config import PaperWorldConfig

pytestmark = pytest.mark.anyio

VENUE, ACCOUNT = VenueName("PAPER-A"), AccountId("PAPER-A")
SPOT = InstrumentId("PAPER-A:SPOT_PAIR:BTC-USDT")
LINEAR = InstrumentId("PAPER-A:PERPETUAL:BTC-USDT@LIN")
FOREVER_NS = 1 << 62
WAIT_S = 10


class _Adapter(ExternalAdapter, StreamsMarket, Replaces, CancelsAll):
    """What both adapters are."""


Make = Callable[[PaperWorldConfig], Awaitable[Any]]


@pytest.fixture(params=["in process", "over a socket", "over tcp"])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Make]:
    """Makes an adapter of the first venue of a world; each call is another session with the same venue."""
    async with AsyncExitStack() as stack:
        worlds: dict[str, Callable[[], _Adapter]] = {}

        async def made(world: PaperWorldConfig) -> Any:
            if world.digest not in worlds:
                worlds[world.digest] = await _serve(request.param, world, tmp_path, stack)
            adapter: Any = worlds[world.digest]()
            stack.push_async_callback(adapter.disconnect)
            return adapter

        yield made


async def _serve(how: str, world: PaperWorldConfig, folder: Path, stack: AsyncExitStack) -> Callable[[], Any]:
    if how == "in process":
        venues = PaperWorld(world)
        driver = WorldDriver(venues, PaperClock.starting_at(venues.start_ns, Fraction(world.speed)))
        return lambda: PaperAdapter(driver, VENUE)
    socket = folder / "paper.sock"
    server = PaperServer(world, socket, idle_exit_s=60, use_tcp=how == "over tcp")
    running = asyncio.create_task(server.run())

    async def end() -> None:
        server.end()
        await asyncio.wait_for(running, WAIT_S)

    stack.push_async_callback(end)
    while not socket.exists():
        await asyncio.sleep(0.001)
        if running.done():
            running.result()
    return lambda: RemotePaperAdapter(socket, world, VENUE)


@pytest.fixture
def world() -> PaperWorldConfig:
    return evolve(btc_world(market=None, start_ns=1_000_000_000_000, seed=5, speed=Decimal(10)), warmup_s=10)


@pytest.fixture
async def adapter(make: Make, world: PaperWorldConfig) -> Any:
    adapter = await make(world)
    await adapter.connect()
    return adapter


_numbers = iter(range(1, 1_000_000))


def _order(side: Side, quantity: str, price: str | None = None, **fields: Any) -> VenueOrder:
    values: dict[str, Any] = {
        "order_id": "ORD-00000000000000000000000000",
        "account_id": ACCOUNT,
        "instrument_id": SPOT,
        "operation": Operation.TRADE,
        "side": side,
        "order_type": OrderType.LIMIT if price else OrderType.MARKET,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(quantity),
        "price": Decimal(price) if price else None,
    }
    return VenueOrder(**(values | fields))


def _plan(client_id: str | None = None, valid_until_ns: int = FOREVER_NS) -> SendPlan:
    return SendPlan(ClientOrderId(client_id or f"c{next(_numbers)}"), valid_until_ns)


def _ref(client_id: str) -> OrderRef:
    return OrderRef(ACCOUNT, SPOT, ClientOrderId(client_id), None)


async def _next(reports: AsyncIterator[Any]) -> Any:
    return await asyncio.wait_for(anext(reports), WAIT_S)


async def _until(items: AsyncIterator[Any], kind: type[Any]) -> Any:
    async with asyncio.timeout(WAIT_S):
        async for item in items:
            if isinstance(item, kind):
                return item
    raise AssertionError("the stream ended")


async def test_an_order_is_accepted_filled_reported_and_booked(adapter: Any) -> None:
    reports = adapter.reports()
    outcome = await adapter.submit(_order(Side.BUY, "0.01"), _plan("mine"))
    assert isinstance(outcome, Accepted)
    report = await _next(reports)
    assert isinstance(report, FillReport)
    assert (report.client_order_id, report.venue_order_id) == ("mine", outcome.venue_order_id)
    assert (report.fill.quantity, report.fill.liquidity) == (Decimal("0.01"), Liquidity.TAKER)
    state = await adapter.order(_ref("mine"))
    assert isinstance(state, OrderReport)
    assert (state.status, state.filled_quantity) == ("FILLED", Decimal("0.01"))
    (listed,) = (await adapter.fills(ACCOUNT, 0)).items
    assert repr(listed) == repr(report)
    (position,) = (await adapter.positions(ACCOUNT)).items
    assert (position.instrument_id, position.quantity) == (SPOT, Decimal("0.01"))
    balances = {item.asset: item.total for item in (await adapter.balances(ACCOUNT)).items}
    assert balances["BTC"] == Decimal("100.01")
    assert balances["USDT"] == 10_000_000 - report.fill.quantity * report.fill.price - report.fill.fee


async def test_an_order_that_never_came_is_absent(adapter: Any) -> None:
    answer = await adapter.order(_ref("never"))
    assert isinstance(answer, Absent)
    assert answer.as_of_ns > 1_000_000_000_000


async def test_refusals_carry_the_venues_code(adapter: Any) -> None:
    late = await adapter.submit(_order(Side.BUY, "0.01"), _plan(valid_until_ns=5))
    assert isinstance(late, Rejected)
    assert late.code == "EXPIRED_REQUEST"
    await adapter.submit(_order(Side.BUY, "0.01", "50000.00"), _plan("twice"))
    again = await adapter.submit(_order(Side.BUY, "0.01", "50000.00"), _plan("twice"))
    assert isinstance(again, Rejected)
    assert again.code == "DUPLICATE_CLIENT_ID"


async def test_a_resting_order_is_replaced_canceled_and_reported(adapter: Any) -> None:
    reports = adapter.reports()
    await adapter.submit(_order(Side.BUY, "0.01", "50000.00"), _plan("mine"))
    (listed,) = (await adapter.open_orders(ACCOUNT)).items
    assert (listed.client_order_id, listed.price) == ("mine", Decimal("50000.00"))
    changed = await adapter.replace(_ref("mine"), _order(Side.BUY, "0.02", "50001.00"), _plan("mine"), Decimal(0))
    assert isinstance(changed, Accepted)
    assert isinstance(await adapter.cancel(_ref("mine")), Accepted)
    end = await _next(reports)
    assert isinstance(end, OrderReport)
    assert (end.status, end.quantity, end.code) == ("CANCELED", Decimal("0.02"), "CANCEL_REQUESTED")
    too_late = await adapter.cancel(_ref("mine"))
    assert isinstance(too_late, Rejected)
    assert too_late.code == "ORDER_CLOSED"


async def test_everything_is_canceled_at_one_request(adapter: Any) -> None:
    for price in ("50000.00", "50001.00"):
        await adapter.submit(_order(Side.BUY, "0.01", price), _plan())
    assert isinstance(await adapter.cancel_all(ACCOUNT), Accepted)
    assert (await adapter.open_orders(ACCOUNT)).items == ()


async def test_what_is_listed_is_what_was_configured(adapter: Any) -> None:
    listings = {item.instrument_id: item for item in await adapter.listings()}
    assert set(listings) == {SPOT, LINEAR, "PAPER-A:PERPETUAL:BTC-USD@INV"}
    assert listings[SPOT].taker_fee == Decimal("0.0004")
    assert adapter.manifest.venue == VENUE
    assert adapter.accounts == (ACCOUNT,)


async def test_the_market_streams_books_and_bars(adapter: Any) -> None:
    market = adapter.market([SPOT, LINEAR])
    seen: dict[InstrumentId, Book] = {}
    async with asyncio.timeout(WAIT_S):
        async for item in market:
            if isinstance(item, Book):
                assert item.is_sane
                seen[item.instrument_id] = item
            if len(seen) == 2:
                break
    bar = await _until(market, TradeBar)
    assert bar.quantity > 0
    recent: Sequence[TradeBar] = await adapter.recent_trades(bar.instrument_id)
    # The seconds of the warm-up, and what has come since.
    assert len(recent) > 8
    assert [item.start_ns for item in recent] == sorted({item.start_ns for item in recent})
    assert bar.start_ns in [item.start_ns for item in recent]


async def test_a_session_that_comes_back_begins_with_a_gap_and_finds_everything(adapter: Any) -> None:
    await adapter.submit(_order(Side.BUY, "0.01", "50000.00"), _plan("mine"))
    await adapter.disconnect()
    with pytest.raises(AdapterError):
        await adapter.submit(_order(Side.BUY, "0.01"), _plan())
    await adapter.connect()
    assert isinstance(await _next(adapter.reports()), Gap)
    assert len((await adapter.open_orders(ACCOUNT)).items) == 1


async def test_another_session_with_the_same_venue_sees_the_same_books(
    adapter: Any, make: Make, world: PaperWorldConfig
) -> None:
    await adapter.submit(_order(Side.BUY, "0.01"), _plan("mine"))
    other = await make(world)
    await other.connect()
    assert isinstance(await other.order(_ref("mine")), OrderReport)
    reports = other.reports()
    await adapter.submit(_order(Side.SELL, "0.01"), _plan("back"))
    report: VenueReport = await _next(reports)
    assert isinstance(report, FillReport)
    assert report.client_order_id == "back"


async def test_a_long_list_of_fills_comes_whole(adapter: Any) -> None:
    for number in range(1_234):
        side = Side.BUY if number % 2 else Side.SELL
        outcome = await adapter.submit(_order(side, "0.00010"), _plan(f"n{number}"))
        assert isinstance(outcome, Accepted)
    snapshot = await adapter.fills(ACCOUNT, 0)
    assert snapshot.complete
    assert len({report.fill.key for report in snapshot.items}) == len(snapshot.items) >= 1_234
    times = [report.fill.venue_time_ns for report in snapshot.items]
    assert times == sorted(times)
    later = await adapter.fills(ACCOUNT, times[500])
    assert [r.fill.key for r in later.items] == [
        r.fill.key for r in snapshot.items if r.fill.venue_time_ns >= times[500]
    ]


@pytest.mark.parametrize("placed", [True, False])
async def test_a_lost_answer_is_unknown_and_asking_tells(make: Make, world: PaperWorldConfig, placed: bool) -> None:
    rule = FaultRule(FaultKind.LOST_ACK, ordinals=(1,), placed=placed)
    adapter = await make(_with_faults(world, rule))
    await adapter.connect()
    assert isinstance(await adapter.submit(_order(Side.BUY, "0.01"), _plan("mine")), Unknown)
    assert isinstance(await adapter.order(_ref("mine")), OrderReport if placed else Absent)


async def test_a_broken_connection_ends_all_streams_and_connecting_works_again(
    make: Make, world: PaperWorldConfig
) -> None:
    rule = FaultRule(FaultKind.DISCONNECT, ordinals=(1,))
    adapter = await make(_with_faults(world, rule))
    await adapter.connect()
    reports, market = adapter.reports(), adapter.market([SPOT])
    await _until(market, Book)
    with pytest.raises(AdapterError):
        await adapter.submit(_order(Side.BUY, "0.01"), _plan("mine"))
    for stream in (reports, market):
        with pytest.raises(AdapterError):
            await _until(stream, type(None))
    await adapter.connect()
    assert isinstance(await _next(adapter.reports()), Gap)
    assert isinstance(await adapter.order(_ref("mine")), OrderReport)


async def test_requests_travel_side_by_side(make: Make, world: PaperWorldConfig) -> None:
    adapter = await make(_changed(world, latency=Latency(order_ns=500_000_000, report_ns=500_000_000)))
    await adapter.connect()
    plans = [_plan() for _ in range(20)]
    async with asyncio.timeout(WAIT_S):
        outcomes = await asyncio.gather(*(adapter.submit(_order(Side.BUY, "0.01"), plan) for plan in plans))
        reports = adapter.reports()
        filled = {report.client_order_id async for report in _first(reports, 20)}
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert filled == {plan.client_order_id for plan in plans}
    times = [report.fill.venue_time_ns for report in (await adapter.fills(ACCOUNT, 0)).items]
    # One after the other they would have taken twenty seconds of market time.
    assert max(times) - min(times) < 5_000_000_000


async def test_an_order_on_its_way_arrives_although_its_sender_is_gone(make: Make, world: PaperWorldConfig) -> None:
    changed = _changed(world, latency=Latency(order_ns=300_000_000))
    adapter = await make(changed)
    await adapter.connect()
    sending = asyncio.ensure_future(adapter.submit(_order(Side.BUY, "0.01"), _plan("mine")))
    while not sending.done():
        # It has left once the venue has answered a question that was asked after it.
        await adapter.balances(ACCOUNT)
        sending.cancel()
        await asyncio.wait([sending])
    await adapter.disconnect()
    other = await make(changed)
    await other.connect()
    async with asyncio.timeout(WAIT_S):
        while not isinstance(answer := await other.order(_ref("mine")), OrderReport):
            assert isinstance(answer, Absent)
    assert answer.status == "FILLED"


async def _first(items: AsyncIterator[Any], count: int) -> AsyncIterator[Any]:
    for _ in range(count):
        yield await anext(items)


def _with_faults(world: PaperWorldConfig, rule: FaultRule) -> PaperWorldConfig:
    return _changed(world, faults=FaultScript((rule,)))


def _changed(world: PaperWorldConfig, **changes: Any) -> PaperWorldConfig:
    first, *others = world.venues
    return evolve(world, venues=(evolve(first, **changes), *others))
