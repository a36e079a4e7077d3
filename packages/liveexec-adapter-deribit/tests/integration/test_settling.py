"""What the venue books by itself is what is booked here, under the real orchestrator: no drift, to the last digit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from deribit_support.harness import LINEAR, PERPETUAL, USER_ID, DeribitHarness
from deribit_support.truth import instrument_of
from deribit_support.waiting import eventually
from liveexec.domain.account_event import AssetMoved, PositionChange, PositionChanged
from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import AssetKind
from liveexec.storage.memory import MemoryStore
from liveexec_deribit.names import symbol_of
from liveexec_testkit.conformance.harness import TradedInstrument
from liveexec_testkit.conformance.hosting import Host, hosted
from liveexec_testkit.conformance.trial import Trial

pytestmark = pytest.mark.anyio

#: The venue tells fifteen digits of an amount.
TOLD_TO = Decimal("1e-11")


@asynccontextmanager
async def trading(venue: DeribitHarness, store: MemoryStore | None = None) -> AsyncIterator[Host]:
    async with Trial(venue) as trial, hosted(trial, store) as host:
        yield host


def dated(venue: DeribitHarness, *, option: bool) -> str:
    """The name of the inverse future with a date, or of a call."""
    return next(
        name
        for name in venue.server.venue.exchange.markets
        if name.startswith("BTC-") and name != "BTC-PERPETUAL" and name.endswith("-C") == option
    )


async def take(host: Host, name: str, side: Side, price: str, quantity: str) -> None:
    """Trade at this price with somebody."""
    venue = host.trial.venue
    instrument = TradedInstrument(instrument_of(name), Decimal(price), Decimal(quantity))
    other = Side.SELL if side is Side.BUY else Side.BUY
    await venue.rest(instrument.instrument_id, other, Decimal(price), Decimal(quantity))
    order_id = await host.submit(
        side, 0, on=instrument, order_type=OrderType.LIMIT, time_in_force=TimeInForce.IOC, price=Decimal(price)
    )
    await host.until(order_id, OrderStatus.FILLED)


async def events(host: Host) -> list[AssetMoved | PositionChanged]:
    found: list[AssetMoved | PositionChanged] = []
    position = 0
    while page := await host.store.read_after("main", position, 1_000):
        found += [
            event
            for stored in page
            for event in stored.record.events
            if isinstance(event, AssetMoved | PositionChanged)
        ]
        position = page[-1].position
    return found


async def moved(host: Host, kind: AssetKind) -> list[Decimal]:
    return [each.amount for each in await events(host) if isinstance(each, AssetMoved) and each.kind is kind]


def net(host: Host, instrument_id: InstrumentId) -> Decimal:
    (book,) = host.live.accounts
    position = book.positions.get(instrument_id)
    return position.quantity if position is not None else Decimal(0)


def cash(host: Host, asset: str) -> Decimal:
    (book,) = host.live.accounts
    return book.assets[asset]


async def true_cash(venue: DeribitHarness, asset: str) -> Decimal:
    return next(each.total for each in await venue.balances() if each.asset == asset)


async def agrees(host: Host, asset: str) -> None:
    """Positions, balances and what is booked here are the venue's, and nothing drifts."""
    await host.agrees()
    venue = host.trial.venue
    assert isinstance(venue, DeribitHarness)
    assert abs(cash(host, asset) - await true_cash(venue, asset)) < TOLD_TO


async def test_funding_is_booked_once_whatever_realises_it() -> None:
    async with DeribitHarness() as venue, trading(venue) as host:
        await take(host, "ETH_USDC-PERPETUAL", Side.BUY, "3000", "2")
        venue.control.pay_funding("ETH_USDC-PERPETUAL", Decimal("0.001"))
        venue.control.set_mark("ETH_USDC-PERPETUAL", Decimal(3_100))
        # The session ends: funding, and what was gained on paper, become cash.
        venue.control.settle()
        venue.control.pay_funding("ETH_USDC-PERPETUAL", Decimal("-0.0005"))
        await eventually("two comparisons", lambda: host.live.shard.sessions[0].rounds > 2)
        # A trade realises what was paid since.
        await take(host, "ETH_USDC-PERPETUAL", Side.SELL, "3050", "2")
        await agrees(host, "USDC")
        assert await moved(host, AssetKind.FUNDING) == [Decimal(-6), Decimal("3.1")]
        assert net(host, LINEAR) == 0


async def test_an_inverse_session_that_is_settled_shows_no_drift() -> None:
    async with DeribitHarness() as venue, trading(venue) as host:
        await take(host, "BTC-PERPETUAL", Side.SELL, "90000", "9000")
        venue.control.set_mark("BTC-PERPETUAL", Decimal(60_000))
        venue.control.settle()
        await take(host, "BTC-PERPETUAL", Side.BUY, "70000", "9000")
        await agrees(host, "BTC")
        assert net(host, PERPETUAL) == 0


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
async def test_a_future_that_expires_ends_at_its_index_with_its_fee(side: Side) -> None:
    async with DeribitHarness() as venue, trading(venue) as host:
        name = dated(venue, option=False)
        await take(host, name, side, "90000", "1000")
        venue.control.deliver(name, Decimal(95_000))
        await eventually("the end of the position", lambda: net(host, instrument_of(name)) == 0)
        await agrees(host, "BTC")
        (fee,) = await moved(host, AssetKind.FEE)
        assert fee == -round(Decimal(1_000) / 95_000 * Decimal("0.00025"), 8)
        (closed,) = [each for each in await events(host) if isinstance(each, PositionChanged)]
        assert (closed.kind, closed.price) == (PositionChange.SETTLEMENT, 95_000)


@pytest.mark.parametrize(("index", "worth"), [(125_000, "0.2"), (90_000, "0")])
async def test_an_option_that_expires_ends_with_what_is_in_the_money(index: int, worth: str) -> None:
    async with DeribitHarness() as venue, trading(venue) as host:
        name = dated(venue, option=True)
        await take(host, name, Side.BUY, "0.05", "2")
        venue.control.deliver(name, Decimal(index))
        await eventually("the end of the position", lambda: net(host, instrument_of(name)) == 0)
        await agrees(host, "BTC")
        (closed,) = [each for each in await events(host) if isinstance(each, PositionChanged)]
        assert closed.price == Decimal(worth)
        assert len(await moved(host, AssetKind.FEE)) == (worth != "0")


async def test_what_was_booked_while_nobody_listened_is_found_after_a_restart() -> None:
    store = MemoryStore()
    async with DeribitHarness() as venue:
        name = dated(venue, option=False)
        async with trading(venue, store) as host:
            await take(host, name, Side.BUY, "90000", "1000")
            await host.agrees()
        venue.control.deliver(name, Decimal(99_000))
        venue.control.move(USER_ID, "BTC", Decimal("1.5"))
        venue.control.move(USER_ID, "BTC", Decimal("-0.5"))
        venue.control.move(USER_ID, "BTC", Decimal("0.25"), "transfer")
        for _ in range(2):
            async with trading(venue, store) as host:
                await host.never_drifts()
                assert net(host, instrument_of(name)) == 0
                assert await moved(host, AssetKind.WITHDRAWAL) == [Decimal("-0.5")]
                assert await moved(host, AssetKind.TRANSFER) == [Decimal("0.25")]
                assert (await moved(host, AssetKind.DEPOSIT))[-1] == Decimal("1.5")
                assert abs(cash(host, "BTC") - await true_cash(venue, "BTC")) < TOLD_TO


def test_the_names_that_are_used_here_are_the_adapters_too() -> None:
    for name in ("BTC-25DEC26", "BTC-25DEC26-100000-C"):
        assert symbol_of(instrument_of(name)) == name
