"""A host's desk: paper venues without a market of their own, somebody to trade with, and orchestrators on them.

Books are empty until :class:`Counterparty` fills them, so a test decides what can be traded. ``ALICE`` is the host's
account at PAPER-A, ``BOB`` the one at PAPER-B; the counterparty has an account at each.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final

import anyio
from attrs import evolve, frozen

from liveexec import EngineConfig, LiveExecutionOrchestrator, OrderIntent
from liveexec.cli.demo.verification import compare_with_venues
from liveexec.composition import build
from liveexec.domain import order_event as ev
from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId, StrategyId, VenueName
from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.order import Order
from liveexec.domain.outcome import OrderRef, OrderReport, SendOutcome, SendPlan
from liveexec.engine.config import Timing
from liveexec.plugins.adapter import ExternalAdapter, VenueOrder
from liveexec.runtime.clock import Clock, ScaledClock, WallClock
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.rebuild import verify_tables
from liveexec.runtime.streams import Subscription
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.clock import PaperClock
from liveexec.venues.paper.config import PaperAccount, PaperVenueConfig
from liveexec.venues.paper.driver import WorldDriver
from liveexec.venues.paper.hosting import end_server, socket_path, spawn_server
from liveexec.venues.paper.presets import btc_venue
from liveexec.venues.paper.world import PaperWorld
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = [
    "ALICE",
    "BOB",
    "FAST",
    "HASTY",
    "LINEAR_A",
    "OWNERS",
    "PATIENT",
    "PRODUCT",
    "SPOT_A",
    "SPOT_B",
    "VENUE_A",
    "VENUE_B",
    "Counterparty",
    "Desk",
    "differences",
    "fills_in_journal",
    "limit",
    "local_desk",
    "market",
    "quiet_venue",
    "quiet_world",
    "remote_desk",
    "until",
    "until_order",
]

VENUE_A, VENUE_B = VenueName("PAPER-A"), VenueName("PAPER-B")
ALICE, BOB = AccountId("alice"), AccountId("bob")
PRODUCT: Final = "SPOT_PAIR:BTC-USDT"
SPOT_A, SPOT_B = InstrumentId(f"{VENUE_A}:{PRODUCT}"), InstrumentId(f"{VENUE_B}:{PRODUCT}")
LINEAR_A = InstrumentId(f"{VENUE_A}:PERPETUAL:BTC-USDT@LIN")

_MS: Final = 1_000_000
#: Deadlines short enough that a test sees them pass.
FAST: Final = Timing(
    send_deadline_ns=250 * _MS,
    answer_ns=250 * _MS,
    retry_ns=30 * _MS,
    clock_skew_ns=20 * _MS,
    adoption_ns=100 * _MS,
    # A paper venue's time stands still while nothing happens there.
    drift_ns=0,
)
#: A configuration for hosts that lose requests or their store: what is unknown is asked about soon.
HASTY: Final = EngineConfig(timing=FAST)
#: The same where nothing is lost: no order misses its deadline because the machine is busy.
PATIENT: Final = evolve(FAST, send_deadline_ns=10_000 * _MS, answer_ns=10_000 * _MS)
#: The host's account at each venue.
OWNERS: Final = {VENUE_A: ALICE, VENUE_B: BOB}
_FEES: Final = {VENUE_A: ("0.0001", "0.0004"), VENUE_B: ("0.0002", "0.0006")}
_RICH: Final = {"BTC": Decimal(1_000), "USDT": Decimal(100_000_000)}
_WAIT_S: Final = 15.0


def quiet_venue(name: VenueName = VENUE_A, **changes: Any) -> PaperVenueConfig:
    """A venue whose books hold nothing but what its accounts put there; ``changes`` override fields."""
    maker, taker = _FEES[name]
    venue = btc_venue(name, maker_fee=Decimal(maker), taker_fee=Decimal(taker), is_fed=False)
    accounts = tuple(PaperAccount(account, _RICH) for account in (OWNERS[name], AccountId(f"counterparty-{name}")))
    return evolve(venue, accounts=accounts, **changes)


def quiet_world(*venues: PaperVenueConfig, **changes: Any) -> PaperWorldConfig:
    """A world of these venues (of PAPER-A and PAPER-B if none is given), in wall time, without a market."""
    return PaperWorldConfig(venues or (quiet_venue(VENUE_A), quiet_venue(VENUE_B)), **changes)


class Counterparty:
    """Everybody else at a venue: one account that quotes and trades past the host."""

    def __init__(self, adapter: ExternalAdapter) -> None:
        self._adapter = adapter
        self._numbers = count(1)
        # Unique among counterparties of one venue, for client ids are never forgotten there.
        self._name = f"cp{time.monotonic_ns()}"

    async def quote(self, instrument_id: InstrumentId, bid: str, ask: str, quantity: str = "5") -> None:
        """Rest an order on each side."""
        await self.rest(instrument_id, Side.BUY, bid, quantity)
        await self.rest(instrument_id, Side.SELL, ask, quantity)

    async def rest(self, instrument_id: InstrumentId, side: Side, price: str, quantity: str) -> SendOutcome:
        """Send a limit order; what crosses trades."""
        number = next(self._numbers)
        order = VenueOrder(
            order_id=OrderId(f"ORD-{self._name}-{number}"),
            account_id=self._adapter.accounts[0],
            instrument_id=instrument_id,
            operation=Operation.TRADE,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=Decimal(quantity),
            price=Decimal(price),
        )
        plan = SendPlan(ClientOrderId(f"{self._name}-{number}"), 1 << 62)
        return await self._adapter.submit(order, plan)

    async def clear(self) -> None:
        """Take every quote back."""
        for order in (await self._adapter.open_orders(self._adapter.accounts[0])).items:
            await self._adapter.cancel(
                OrderRef(order.account_id, order.instrument_id, order.client_order_id, order.venue_order_id)
            )


@frozen(eq=False)
class Desk:
    """A host's venues, everybody else there, and how to run orchestrators on them.

    ``watchers`` are sessions of their own to the host's accounts: they tell what the venues know while the host is
    dead, or has lost its session.
    """

    adapters: Mapping[VenueName, ExternalAdapter]
    others: Mapping[VenueName, Counterparty]
    watchers: Mapping[VenueName, ExternalAdapter]
    clock: Clock
    world: PaperWorldConfig
    socket: Path | None = None

    def orchestrator(
        self,
        store: JournalStore,
        config: EngineConfig | None = None,
        *,
        adapters: Mapping[VenueName, ExternalAdapter] | None = None,
        owner: str = "host",
        lease_s: float = 10.0,
        **changes: Any,
    ) -> LiveExecutionOrchestrator:
        """An orchestrator on these venues, not started yet."""
        served = adapters if adapters is not None else self.adapters
        return build(
            config if config is not None else EngineConfig(timing=PATIENT),
            store,
            list(served.values()),
            clock=self.clock,
            owner=owner,
            lease_s=lease_s,
            **changes,
        )

    @asynccontextmanager
    async def live(
        self, store: JournalStore, config: EngineConfig | None = None, **changes: Any
    ) -> AsyncIterator[LiveExecutionOrchestrator]:
        """An orchestrator whose accounts are active."""
        async with self.orchestrator(store, config, **changes) as live:
            await live.active(timeout_s=_WAIT_S)
            yield live

    async def quoted(self, live: LiveExecutionOrchestrator, bid: str = "60000", ask: str = "60010") -> None:
        """Quote both sides of the spot pair at every venue, and wait until the host sees it."""
        for venue, other in self.others.items():
            await other.quote(InstrumentId(f"{venue}:{PRODUCT}"), bid, ask)
        await self.seen(live, [InstrumentId(f"{venue}:{PRODUCT}") for venue in self.others])

    async def seen(self, live: LiveExecutionOrchestrator, instruments: list[InstrumentId]) -> None:
        """Wait until the host has a book with both sides of each instrument."""
        books = live.shard.engine.state.market.books

        def has_all() -> bool:
            return all((book := books.get(name)) is not None and book.bids and book.asks for name in instruments)

        await until(has_all)

    async def orders_at(self, venue: VenueName) -> tuple[OrderReport, ...]:
        """The host's open orders as the venue itself has them."""
        watcher = self.watchers[venue]
        return tuple((await watcher.open_orders(watcher.accounts[0])).items)

    async def fills_at(self, venue: VenueName) -> tuple[Fill, ...]:
        """The host's fills as the venue itself has them."""
        watcher = self.watchers[venue]
        return tuple(report.fill for report in (await watcher.fills(watcher.accounts[0], 0)).items)


@asynccontextmanager
async def local_desk(world: PaperWorldConfig | None = None) -> AsyncIterator[Desk]:
    """Venues in this process."""
    world = world if world is not None else quiet_world()
    driver = WorldDriver(PaperWorld(world), PaperClock.starting_at(time.time_ns()))

    def adapter(venue: VenueName, accounts: tuple[AccountId, ...]) -> ExternalAdapter:
        return PaperAdapter(driver, venue, accounts)

    async with _desk(world, adapter, WallClock(), None) as desk:
        yield desk


@asynccontextmanager
async def remote_desk(folder: Path, world: PaperWorldConfig | None = None) -> AsyncIterator[Desk]:
    """Venues in a process of their own, which outlives whatever happens to the host."""
    world = world if world is not None else quiet_world()
    handle = await spawn_server(world, socket_path(folder), idle_exit_s=120)

    def adapter(venue: VenueName, accounts: tuple[AccountId, ...]) -> ExternalAdapter:
        return RemotePaperAdapter(handle.socket, world, venue, accounts)

    try:
        anchor = handle.info.anchor
        clock = ScaledClock(anchor.market_ns, anchor.monotonic_ns, 1.0)
        async with _desk(world, adapter, clock, handle.socket) as desk:
            yield desk
    finally:
        await end_server(handle.socket)
        if handle.process is not None:
            with anyio.fail_after(10):
                await anyio.to_thread.run_sync(handle.process.wait)


@asynccontextmanager
async def _desk(
    world: PaperWorldConfig,
    adapter: Callable[[VenueName, tuple[AccountId, ...]], ExternalAdapter],
    clock: Clock,
    socket: Path | None,
) -> AsyncIterator[Desk]:
    names = [venue.venue for venue in world.venues]
    mine = {name: adapter(name, (OWNERS[name],)) for name in names}
    others = {name: adapter(name, (AccountId(f"counterparty-{name}"),)) for name in names}
    watchers = {name: adapter(name, (OWNERS[name],)) for name in names}
    beside = [*others.values(), *watchers.values()]
    for each in beside:
        await each.connect()
    try:
        counterparties = {name: Counterparty(other) for name, other in others.items()}
        yield Desk(mine, counterparties, watchers, clock, world, socket)
    finally:
        for each in beside:
            await each.disconnect()


def market(side: Side = Side.BUY, quantity: str = "0.5", **changes: Any) -> OrderIntent:
    """A market order for the spot pair at PAPER-A; ``changes`` override fields."""
    values: dict[str, Any] = {
        "operation": Operation.TRADE,
        "instrument_key": SPOT_A,
        "side": side,
        "quantity": Decimal(quantity),
        "strategy_id": StrategyId("tests"),
    }
    return OrderIntent(**(values | changes))


def limit(side: Side = Side.BUY, price: str = "59000", quantity: str = "0.5", **changes: Any) -> OrderIntent:
    """A limit order for the spot pair at PAPER-A."""
    return market(side, quantity, order_type=OrderType.LIMIT, price=Decimal(price), **changes)


async def until(holds: Callable[[], object], timeout_s: float = _WAIT_S) -> None:
    """Let the loop run until something holds of objects in this process that announce nothing."""
    with anyio.fail_after(timeout_s):
        while not holds():  # noqa: ASYNC110  (what is looked at has no event)
            await anyio.sleep(0.002)


async def until_order(
    live: LiveExecutionOrchestrator, order_id: OrderId, holds: Callable[[Order], object], timeout_s: float = _WAIT_S
) -> Order:
    """Wait, event by event, until something durably holds of an order."""
    subscription: Subscription = live.stream()
    try:
        with anyio.fail_after(timeout_s):
            if not holds(live.orders[order_id]):
                async for _ in subscription:
                    if holds(live.orders[order_id]):
                        break
    finally:
        subscription.close()
    return live.orders[order_id]


async def fills_in_journal(store: JournalStore, shard: str = "main") -> dict[FillKey, tuple[AccountId, Fill]]:
    """Every fill that stands, by its key, from the journal's records alone.

    A fill that was applied twice is an AssertionError, whatever the folds make of it.
    """
    accounts: dict[str, AccountId] = {}
    found: dict[FillKey, tuple[AccountId, Fill]] = {}
    position = 0
    while page := await store.read_after(shard, position, 1_000):
        for stored in page:
            for event in stored.record.events:
                match event:
                    case ev.Routed(legs=legs) if len(legs) == 1:
                        accounts[stored.record.stream] = legs[0].account_id
                    case ev.Adopted(account_id=account_id):
                        accounts[stored.record.stream] = account_id
                    case ev.FillApplied(fill=fill):
                        assert fill.key not in found, f"{fill.key} was applied twice"
                        found[fill.key] = (accounts[stored.record.stream], fill)
                    case ev.FillBusted(fill=fill):
                        del found[fill.key]
                    case _:
                        pass
        position = page[-1].position
    return found


async def differences(live: LiveExecutionOrchestrator, store: JournalStore, desk: Desk) -> list[str]:
    """Whatever tables, journal and venues do not agree on: fills, open orders, positions, assets, every column."""
    await live.synced()
    shard = live.shard.view.shard
    found = [str(each) for each in await verify_tables(store, shard)]
    fills = list((await fills_in_journal(store, shard)).values())
    compared = await compare_with_venues(list(desk.watchers.values()), live.accounts, fills, live.open_orders())
    return found + [str(each) for each in compared if not each.is_equal]
