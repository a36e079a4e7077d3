"""One life of a shard: owned, recovered, connected, until it is closed or fails.

It wires the parts and runs their tasks. A shard whose store failed for good is not mended in place: its memory is
dropped, and the orchestrator recovers another life from the journal.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Final

import anyio
import anyio.abc
import structlog

from liveexec.domain.account_event import ControlScope
from liveexec.domain.ids import InstrumentId, OrderId
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.order import Order
from liveexec.domain.outcome import VenueReport
from liveexec.domain.stored import Ownership
from liveexec.engine.effects import Effect, TimerKey, takes_risk_away
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import EngineInput, Forget, JournalLost, Recovered, Report, TimerRang
from liveexec.engine.turn import Decision
from liveexec.errors import Fenced, LiveExecError, OutcomeUnknown
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.runtime.account_sessions import AccountSessions
from liveexec.runtime.alarms import alarm_drifts, alarm_plugins
from liveexec.runtime.dispatcher import Dispatcher
from liveexec.runtime.engine_loop import EngineLoop
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.finished_orders import FinishedOrders
from liveexec.runtime.hydrator import Hydrator
from liveexec.runtime.inbox import Inbox, Priority
from liveexec.runtime.journal import Journal
from liveexec.runtime.lease import LeaseKeeper, lost_after_s
from liveexec.runtime.listing_notes import ListingNotes
from liveexec.runtime.market_reading import traded_in
from liveexec.runtime.order_ids import new_order_id
from liveexec.runtime.projector import Projector
from liveexec.runtime.reconciler import Reconciler
from liveexec.runtime.recovery import RecoveredShard
from liveexec.runtime.send_gate import SendGate
from liveexec.runtime.sessions import Session
from liveexec.runtime.shard_parts import ShardParts
from liveexec.runtime.streams import Broadcaster
from liveexec.runtime.timers import Timers
from liveexec.runtime.venue_clock import VenueClock

__all__ = ["ShardRuntime"]

_log = structlog.get_logger(__name__)

#: How often overdue requests are looked for. Real seconds.
_EXPIRE_S: Final = 0.25


class ShardRuntime:
    """Everything of one life. ``on_order`` is called for each order that durably changed, after readers can see it;
    ``killed`` are scopes, by the kill that closed them, which is not decided yet."""

    def __init__(
        self,
        parts: ShardParts,
        ownership: Ownership,
        recovered: RecoveredShard,
        broadcaster: Broadcaster,
        on_order: Callable[[Order], None],
        killed: dict[int, ControlScope] | None = None,
    ) -> None:
        self._parts = parts
        self._broadcaster = broadcaster
        self._on_order = on_order
        self._last_at_ns = recovered.last_at_ns
        self.view = recovered.view
        self.failure: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.engine = ExecutionEngine(
            parts.config,
            rules=parts.rules,
            policies=parts.policies,
            algorithms=parts.algorithms,
            manifests={adapter.manifest.venue: adapter.manifest for adapter in parts.adapters},
            venue_accounts=parts.venue_accounts,
            ledger=recovered.engine_ledger,
            timer=time.perf_counter_ns,
        )
        self.engine.state.now_ns = recovered.last_at_ns
        self.engine.index(recovered.names)
        self.journal = Journal(
            parts.store,
            ownership,
            parts.metrics,
            stall_after_s=lost_after_s(parts.lease_s),
            on_delayed=self._delayed,
        )
        self._finished = FinishedOrders(self.engine.orders, self.view, parts.config.finished_orders_kept, self._forget)
        self.hydrator = Hydrator(
            parts.store, parts.config.shard, self.engine, self.view.ledger, on_finished=self._finished.shown
        )
        self._room = asyncio.Event()
        self.inbox = Inbox(on_room=self._room.set)
        self.loop = EngineLoop(
            self.engine,
            self.journal,
            self.hydrator,
            self.inbox,
            parts.clock,
            on_durable=self._durable,
            on_defect=self.fail,
        )
        self._timers = Timers(parts.clock, self._rang)
        self._listings = ListingNotes(parts.store, parts.clock.now_ns, parts.config.shard)
        self.sessions = tuple(self._session(adapter) for adapter in parts.adapters)
        accounts = AccountSessions(self.sessions)
        self.gate = SendGate(
            parts.clock,
            self.engine.state,
            accounts.is_connected,
            accounts.active_since_ns,
            parts.max_price_age_ns,
            lease_until_s=ownership.lease_until_s,
            killed=killed if killed is not None else {},
            can_write=lambda: not self.journal.is_stalled,
            outlasts_lease=self._outlasts_lease,
        )
        self._lease = LeaseKeeper(parts.store, ownership, self.gate, parts.lease_s)
        self._is_lost = False
        self.dispatcher = Dispatcher(
            self.engine.state,
            self.gate,
            self._timers,
            parts.clock,
            parts.metrics,
            adapter_of=accounts.adapter_of,
            slot=accounts.slot,
            tell=self._answer,
        )
        self.projector = Projector(
            parts.store,
            self.view,
            ownership.epoch,
            parts.clock,
            parts.metrics,
            marks=self._marks,
            on_projected=self._finished.shown,
        )
        parts.metrics.watch(lambda: list(self.view.ledger.orders.values()))

    async def run(self, ready: Callable[[], None]) -> None:
        """Run until cancelled or failed; ``ready`` is called once requests can be taken.

        Raises:
            Exception: what made this life fail.
        """
        # What the last owner left unprojected is shown before anybody can ask about it.
        if self.view.pending:
            await self.projector.project()
        async with anyio.create_task_group() as group:
            for work in (self.journal.run, self.projector.run, self.hydrator.run, self._lease.run, self._expire):
                group.start_soon(self._guarded, work)
            group.start_soon(self._guarded, self._listings.run)
            group.start_soon(self._guarded, partial(self._begin, group, ready))
            failure = await self.failure
            group.cancel_scope.cancel()
        raise failure

    async def _begin(self, group: anyio.abc.TaskGroup, ready: Callable[[], None]) -> None:
        await self.tell(Recovered(0))
        reach(FailPoint.RECOVERED)
        for session in self.sessions:
            group.start_soon(self._guarded, session.run)
        ready()
        reach(FailPoint.STARTED)

    async def tell(self, given: EngineInput, priority: Priority = Priority.REPORT) -> None:
        """Tell the engine something, and wait until its decision is durable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(_: Decision) -> None:
            if not future.done():
                future.set_result(None)

        def failed(error: LiveExecError) -> None:
            if not future.done():
                future.set_exception(error)

        self.loop.tell(priority, given, done, failed)
        await future

    async def _all_decided(self) -> None:
        """Wait until what the engine was told by now is decided and durable, and its effects are under way."""
        # Served after everything else, and says nothing.
        await self.tell(Forget(0, ()), Priority.FORGET)

    async def deliver(self, report: VenueReport) -> None:
        """Hand over a venue's report; waits while too many are unserved."""
        while not self.inbox.has_report_room:
            self._room.clear()
            await self._room.wait()
        self.loop.tell(Priority.REPORT, Report(0, report))

    def market(self, update: Book | TradeBar) -> None:
        """Take market data; of books only the latest waits."""
        self.inbox.put_market(update)
        self.loop.wake()

    def fail(self, error: Exception) -> None:
        """This life is over: nothing more is sent or decided, and who waits is told that the outcome is unknown."""
        if self.failure.done():
            return
        _log.error("shard_failed", shard=self._parts.config.shard, error=f"{type(error).__name__}: {error}")
        self.gate.fenced = True
        unknown = error if isinstance(error, Fenced) else OutcomeUnknown(f"the journal stopped: {error}")
        self._give_up(unknown)
        self.failure.set_result(error)

    async def close(self, timeout_s: float) -> None:
        """Let what is in flight end, make everything durable and visible, and give the shard up."""
        # A life that fails has nothing more to settle: its error is told by whoever keeps it.
        reach(FailPoint.CLOSING)
        with anyio.move_on_after(timeout_s), contextlib.suppress(LiveExecError):
            await self._all_decided()
            await self.dispatcher.settle(timeout_s)
            # Answers are told a turn of the loop after they came.
            await asyncio.sleep(0)
            await self._all_decided()
            await self.journal.drained()
            # Nothing may be pending because it is just being written: that has to end too.
            await self.projector.reached(self.view.position)
        reach(FailPoint.DRAINED)
        self.gate.fenced = True
        self._give_up(OutcomeUnknown("the orchestrator was closed before it was recorded"))

    def _give_up(self, error: LiveExecError) -> None:
        """Nothing more is decided, recorded or looked up here, and nobody is left waiting for it."""
        self.loop.stop(error)
        self.journal.fail_all(error)
        self.hydrator.fail_all(error)
        self.projector.fail_all(error)
        self.dispatcher.close()
        self._timers.close()

    def _session(self, adapter: ExternalAdapter) -> Session:
        parts, venue = self._parts, adapter.manifest.venue
        skew_ns = parts.config.timing.clock_skew_ns
        clock = VenueClock(venue, parts.clock.now_ns, skew_ns, parts.metrics.clock_offset(venue))
        reconciler = Reconciler(
            now_ns=parts.clock.now_ns,
            is_new=self.engine.is_new_account,
            trusted_until_ns=self._last_at_ns,
            known_fills=parts.store.find_fills,
            tell=self.tell,
            deliver=self.deliver,
            offset_ns=lambda: clock.offset_ns,
        )
        return Session(
            adapter,
            reconciler,
            parts.metrics,
            clock=clock,
            now_ns=parts.clock.now_ns,
            tell=self.tell,
            post=self._post,
            deliver=self.deliver,
            market=self.market,
            listed=self._listings.take,
            instruments=parts.instruments,
            traded=lambda: traded_in(self.engine.state),
            reconcile_every_s=parts.reconcile_every_s,
            only_reconciles=parts.only_reconciles,
        )

    def _durable(self, position: int, decision: Decision) -> None:
        """A decision is durable: readers see it, listeners hear of it, and its effects go out, in this order."""
        orders = self.view.ledger.orders
        for record in decision.records:
            self.view.apply(position, record)
            self._parts.metrics.observe(*record.events)
            order = orders.get(OrderId(record.stream))
            if order is None:
                alarm_drifts(record)
            self._broadcaster.publish(position, record, order)
            if order is not None:
                self._on_order(order)
                if order.parent_id is not None and (parent := orders.get(order.parent_id)) is not None:
                    self._on_order(parent)
            position += 1
        if decision.records:
            self.projector.applied()
        reach(FailPoint.BEFORE_EFFECTS)
        for effect in decision.effects:
            self.dispatcher.carry_out(effect)
        reach(FailPoint.AFTER_EFFECTS)
        if self.inbox:
            self.loop.wake()

    def _delayed(self, decision: Decision) -> None:
        """The journal can't write: of what waits for it cancels leave at once, for they only take risk away."""
        now: list[Effect] = []
        later: list[Effect] = []
        for effect in decision.effects:
            (now if takes_risk_away(effect) else later).append(effect)
        # What left must not leave again when it is durable.
        decision.effects = tuple(later)
        for effect in now:
            self.dispatcher.carry_out(effect)

    def _note_journal_loss(self) -> None:
        """Tell the engine once that nothing can be recorded, and be ready for the next time."""
        is_lost = self.journal.is_stalled or self._lease.is_failing
        if is_lost and not self._is_lost:
            self.loop.tell(Priority.CONTROL, JournalLost(0, new_order_id(self._parts.clock)))
        self._is_lost = is_lost

    def _outlasts_lease(self) -> bool:
        """Whether the lease ended because the database is gone. A process that slept past it, and finds the journal
        stalled when it wakes, is not the owner any more."""
        since_s = self.journal.stalled_since_s
        return since_s is not None and since_s < self.gate.lease_until_s

    def _forget(self, leaving: tuple[tuple[OrderId, int], ...], done: Callable[[], None]) -> None:
        self.loop.tell(Priority.FORGET, Forget(0, leaving), lambda _: done())

    def _post(self, given: EngineInput) -> None:
        self.loop.tell(Priority.REPORT, given)

    def _answer(self, given: EngineInput) -> None:
        # A turn of the loop later, so that reports that came with the answer are told first: a fill says the same as
        # the answer to its submit, which then changes nothing and needs no record of its own.
        asyncio.get_running_loop().call_soon(self._post, given)

    def _rang(self, key: TimerKey) -> None:
        self.loop.tell(Priority.TIMER, TimerRang(0, key))

    def _marks(self) -> dict[InstrumentId, Decimal]:
        market = self.engine.state.market
        return {
            instrument_id: mark
            for instrument_id in market.books
            if (mark := market.mark_price(instrument_id)) is not None
        }

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  (a part that fails ends this life, visibly)
            self.fail(error)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRE_S)
            self.dispatcher.expire()
            self.journal.check()
            if self.journal.is_stalled and self.inbox:
                self.loop.wake()
            self._note_journal_loss()
            alarm_plugins(self.engine)
