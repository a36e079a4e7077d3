"""A paper venue in this process, as an adapter like any other.

Without latency and without a fault script a request is carried out inside the call: no task, no sleep, and its
reports are there at once.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import TypeVar

from attrs import evolve

from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import (
    BalanceReport,
    FillReport,
    OrderRef,
    OrderReport,
    OrderReportAnswer,
    PositionReport,
    Rejected,
    SendOutcome,
    SendPlan,
    SettlementReport,
    Snapshot,
    Unknown,
    VenueReport,
)
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import (
    CancelsAll,
    ExternalAdapter,
    Replaces,
    Settles,
    StreamsMarket,
    TellsTime,
    VenueOrder,
)
from liveexec.venues.paper.clock import Clock, PaperClock
from liveexec.venues.paper.config import manifest_of
from liveexec.venues.paper.driver import WorldDriver
from liveexec.venues.paper.entry import RejectCode, reject
from liveexec.venues.paper.faults import FaultKind, FaultRule, FaultVerb
from liveexec.venues.paper.sessions import MarketStream, ReportStream, Session
from liveexec.venues.paper.world import PaperWorld, Request
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = ["PaperAdapter", "paper_adapters"]

T = TypeVar("T")


class PaperAdapter(ExternalAdapter, StreamsMarket, Replaces, Settles, CancelsAll, TellsTime):
    """Sessions with one venue of a paper world, for some of its accounts (all of them unless told).

    Raises:
        AdapterError: the world has no such venue, or the venue no such account.
    """

    def __init__(self, driver: WorldDriver, venue: VenueName, accounts: Sequence[AccountId] | None = None) -> None:
        self._driver, self._world, self._clock = driver, driver.world, driver.clock
        self._desk = self._world.desk(venue)
        self._exchange = self._desk.exchange
        config = self._exchange.config
        self.manifest = manifest_of(config)
        self.accounts = tuple(accounts) if accounts is not None else config.account_ids
        unknown = [account_id for account_id in self.accounts if account_id not in config.account_ids]
        if unknown:
            raise AdapterError(f"{venue} has no account {', '.join(unknown)}")
        self._latency = config.latency
        self._is_direct = self._latency.is_zero and self._desk.injector is None
        self._draw = Random(f"latency:{config.seed}")  # noqa: S311 -- a reproducible draw, not a secret
        self._session: Session | None = None
        self._has_had_session = False

    @property
    def clock(self) -> Clock:
        """Market time at this venue."""
        return self._clock

    @property
    def is_direct(self) -> bool:
        """Whether requests are carried out inside the call."""
        return self._is_direct

    async def connect(self) -> None:
        if self._session is not None and not self._session.is_over:
            return
        if self._clock.now_ns() < self._desk.down_until_ns:
            raise AdapterError(f"{self.manifest.venue} takes no connections at the moment")
        await self._close()
        reports = ReportStream(self._clock, self._latency, self._draw, self._exchange.config.report_capacity)
        self._session = Session(reports)
        if self._has_had_session:
            reports.announce_gap(self.accounts, "the session was lost")
        self._has_had_session = True
        self._desk.subscribe(self._session, self.accounts)
        self._world.watch(self._session)
        self._driver.hold()

    async def disconnect(self) -> None:
        await self._close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        session.close()
        self._desk.unsubscribe(session)
        self._world.unwatch(session)
        await self._driver.release()

    async def listings(self) -> Sequence[Listing]:
        self._live()
        return self._exchange.listings

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        exchange = self._exchange
        return await self._request(
            FaultVerb.SUBMIT, plan.client_order_id, lambda at_ns: exchange.submit(order, plan, at_ns)
        )

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        exchange = self._exchange
        return await self._request(FaultVerb.CANCEL, ref.client_order_id, lambda at_ns: exchange.cancel(ref, at_ns))

    async def replace(
        self,
        ref: OrderRef,
        order: VenueOrder,
        plan: SendPlan,
        filled_quantity: Decimal,  # noqa: ARG002 -- the venue takes the new total
    ) -> SendOutcome:
        exchange = self._exchange
        return await self._request(
            FaultVerb.REPLACE, ref.client_order_id, lambda at_ns: exchange.replace(ref, order, plan, at_ns)
        )

    async def cancel_all(self, account_id: AccountId) -> SendOutcome:
        exchange = self._exchange
        return await self._request(FaultVerb.CANCEL, None, lambda at_ns: exchange.cancel_all(account_id, at_ns))

    async def order(self, ref: OrderRef) -> OrderReportAnswer:
        return await self._query(lambda at_ns: self._exchange.snapshots.order(ref, at_ns), FaultVerb.QUERY)

    async def open_orders(self, account_id: AccountId) -> Snapshot[OrderReport]:
        return await self._snapshot(lambda at_ns: self._exchange.snapshots.open_orders(account_id, at_ns))

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        return await self._snapshot(lambda at_ns: self._exchange.snapshots.fills(account_id, since_ns, at_ns))

    async def positions(self, account_id: AccountId) -> Snapshot[PositionReport]:
        return await self._snapshot(lambda at_ns: self._exchange.snapshots.positions(account_id, at_ns))

    async def balances(self, account_id: AccountId) -> Snapshot[BalanceReport]:
        return await self._snapshot(lambda at_ns: self._exchange.snapshots.balances(account_id, at_ns))

    async def settlements(self, account_id: AccountId, since_ns: int) -> Snapshot[SettlementReport]:
        return await self._query(lambda at_ns: self._exchange.snapshots.settlements(account_id, since_ns, at_ns))

    async def venue_time_ns(self) -> int:
        return await self._query(lambda at_ns: at_ns)

    def reports(self) -> AsyncIterator[VenueReport]:
        return self._live().reports

    def market(self, instruments: Sequence[InstrumentId]) -> AsyncIterator[Book | TradeBar]:
        stream = MarketStream(self._clock, self._exchange, instruments)
        self._live().open_market(stream)
        return stream

    async def recent_trades(self, instrument_id: InstrumentId) -> Sequence[TradeBar]:
        return await self._query(lambda _: self._exchange.recent_trades(instrument_id))

    def _live(self) -> Session:
        if self._session is None or self._session.is_over:
            raise AdapterError(f"there is no session with {self.manifest.venue}")
        return self._session

    async def _request(
        self, verb: FaultVerb, client_order_id: ClientOrderId | None, run: Callable[[int], SendOutcome]
    ) -> SendOutcome:
        """Let a request travel there and its answer back, through whatever the script does to them."""
        session = self._live()
        if self._is_direct:
            now_ns = self._clock.now_ns()
            self._world.advance(now_ns)
            outcome = run(now_ns)
            self._world.settle(self._desk)
            return outcome
        injector = self._desk.injector
        rule = injector.strike(verb, client_order_id) if injector is not None else None
        request = Request(run, self._desk)
        arrives_ns = self._clock.now_ns() + self._delay_ns(self._latency.order_ns)
        refusal = _refusal(rule)
        if refusal is None and (rule is None or rule.kind is FaultKind.LATE_ACK or rule.placed):
            self._world.send(request, arrives_ns)
        if rule is not None and rule.kind is FaultKind.DISCONNECT:
            raise self._break(session, rule)
        await self._clock.sleep_until_ns(arrives_ns)
        self._world.advance(max(self._clock.now_ns(), arrives_ns))
        self._world.settle(self._desk)
        answers_ns = arrives_ns + self._delay_ns(self._latency.report_ns) + (rule.delay_ns if rule is not None else 0)
        await self._clock.sleep_until_ns(answers_ns)
        if session.is_over:
            raise AdapterError("the session was lost before the answer came")
        if refusal is not None:
            return refusal
        if rule is not None and rule.kind is FaultKind.LOST_ACK:
            return Unknown("the answer was lost")
        if rule is not None and rule.kind is FaultKind.FAILED:
            return Unknown("the venue failed inside")
        assert request.outcome is not None, "the request has arrived by now"
        return request.outcome

    def _break(self, session: Session, rule: FaultRule) -> AdapterError:
        error = AdapterError(f"the connection to {self.manifest.venue} broke")
        self._desk.down_until_ns = self._clock.now_ns() + rule.delay_ns
        session.lose(error)
        return error

    async def _query(self, ask: Callable[[int], T], verb: FaultVerb | None = None) -> T:
        session = self._live()
        injector = self._desk.injector
        rule = injector.strike(verb, None) if injector is not None and verb is not None else None
        if rule is not None and rule.kind is FaultKind.DISCONNECT:
            raise self._break(session, rule)
        arrives_ns = self._clock.now_ns() + self._delay_ns(self._latency.order_ns)
        await self._clock.sleep_until_ns(arrives_ns)
        now_ns = max(self._clock.now_ns(), arrives_ns)
        self._world.advance(now_ns)
        answer = ask(now_ns)
        late_ns = rule.delay_ns if rule is not None else 0
        await self._clock.sleep_until_ns(now_ns + self._delay_ns(self._latency.report_ns) + late_ns)
        if session.is_over:
            raise AdapterError("the session was lost before the answer came")
        if rule is not None and rule.kind is not FaultKind.LATE_ACK:
            raise AdapterError(f"{self.manifest.venue} did not answer: {rule.kind}")
        return answer

    async def _snapshot(self, ask: Callable[[int], Snapshot[T]]) -> Snapshot[T]:
        requested_at_ns = self._clock.now_ns()
        snapshot = await self._query(ask, FaultVerb.SNAPSHOT)
        return evolve(snapshot, requested_at_ns=requested_at_ns, responded_at_ns=self._clock.now_ns())

    def _delay_ns(self, fixed_ns: int) -> int:
        jitter_ns = self._latency.jitter_ns
        return fixed_ns + self._draw.randint(0, jitter_ns) if jitter_ns else fixed_ns


def _refusal(rule: FaultRule | None) -> Rejected | None:
    """What the venue says to a request that the script has it refuse."""
    if rule is None or not rule.kind.is_refusal:
        return None
    if rule.kind is FaultKind.RATE_LIMITED:
        return reject(RejectCode.RATE_LIMITED, "too many requests")
    return reject(RejectCode.REFUSED, "refused, as the script says")


def paper_adapters(config: PaperWorldConfig, clock: Clock | None = None) -> dict[VenueName, PaperAdapter]:
    """A world in this process: an adapter for each of its venues.

    Without a clock, market time begins at the world's start (its market's first event and the warm-up, or now where
    it has no market) and runs at its speed. Whoever trades there has to live in the same time: see
    :attr:`PaperAdapter.clock`, or hand in a clock (:class:`~liveexec.venues.paper.clock.FollowedClock` makes one of
    any that tells time and waiting times).

    Raises:
        ConfigurationError: the market can't be opened; every fault is named.
    """
    world = PaperWorld(config, start_ns=clock.now_ns() if clock is not None else time.time_ns())
    driver = WorldDriver(world, clock or PaperClock.starting_at(world.start_ns, Fraction(config.speed)))
    return {venue.venue: PaperAdapter(driver, venue.venue) for venue in config.venues}
