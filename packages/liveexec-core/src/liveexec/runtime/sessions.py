"""Sessions: one adapter each, connected, watched, reconciled and reconnected.

A session that fails is tried again with growing, jittered waits; after several failures in a row the circuit opens
and the venue is left alone for longer. Only a reconciled session takes risk.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Sequence
from enum import StrEnum
from typing import Any, Final

import anyio
import structlog

from liveexec.domain.ids import AccountId, InstrumentId, VenueName
from liveexec.domain.instrument import Listing
from liveexec.domain.market import Book, TradeBar
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.engine.inputs import AccountPhase, ListingsUpdate, Phase
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import ExternalAdapter, Polls, StreamsMarket, TellsTime
from liveexec.runtime.backoff import Backoff
from liveexec.runtime.failpoints import FailPoint, reach
from liveexec.runtime.logs import traceback_of
from liveexec.runtime.market_reading import read_market, remembered
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.rate_limit import RateLimiter
from liveexec.runtime.reconciler import Reconciler
from liveexec.runtime.venue_clock import VenueClock

__all__ = ["RECONCILE_EVERY_S", "Session", "SessionState"]

_log = structlog.get_logger(__name__)

_PHASES: Final = (Phase.DOWN, Phase.RECONCILING, Phase.ACTIVE)
_CONNECT_TIMEOUT_S: Final = 30.0
#: What losing a session looks like; anything else is a defect of its adapter.
_EXPECTED: Final = (AdapterError, OSError, TimeoutError, EOFError)
#: A stream that has a gap in each of so many reconciliations counts as lost.
_RECONCILE_ROUNDS: Final = 8
#: While all is well, accounts are compared this often. Real seconds.
RECONCILE_EVERY_S: Final = 30.0
#: A venue that can't be compared with so many times in a row counts as lost.
_MISSED_ROUNDS: Final = 3
#: Failures in a row after which the circuit opens.
_BREAKER_FAILURES: Final = 8


class SessionState(StrEnum):
    """How a session stands."""

    DOWN = "DOWN"
    CONNECTING = "CONNECTING"
    RECONCILING = "RECONCILING"
    ACTIVE = "ACTIVE"
    #: Too many failures in a row: the venue is left alone for a while.
    CIRCUIT_OPEN = "CIRCUIT_OPEN"


class Session:
    """One adapter's life. ``tell`` hands an input to the engine and waits until its decision is durable, ``post``
    does not wait; ``deliver`` hands over a report (it waits for room); ``market`` takes a quote; ``listed`` is told
    what the venue lists, each time that it is asked; ``traded`` says in which instruments something is held or open."""

    def __init__(
        self,
        adapter: ExternalAdapter,
        reconciler: Reconciler,
        metrics: Metrics,
        *,
        clock: VenueClock,
        now_ns: Callable[[], int],
        tell: Callable[[Any], Coroutine[Any, Any, None]],
        post: Callable[[Any], None],
        deliver: Callable[[VenueReport], Coroutine[Any, Any, None]],
        market: Callable[[Book | TradeBar], None],
        listed: Callable[[Sequence[Listing]], None] | None = None,
        instruments: Sequence[InstrumentId] | None = None,
        traded: Callable[[], Collection[InstrumentId]] = frozenset,
        first_wait_s: float = 0.1,
        longest_wait_s: float = 30.0,
        breaker_wait_s: float = 60.0,
        reconcile_every_s: float = RECONCILE_EVERY_S,
        only_reconciles: bool = False,
    ) -> None:
        self.adapter = adapter
        self.state = SessionState.DOWN
        self.active_since_ns: int | None = None
        self.last_error: str | None = None
        self._reconciler, self._metrics, self._now_ns = reconciler, metrics, now_ns
        self.clock = clock
        self._tell, self._post, self._deliver, self._market = tell, post, deliver, market
        self._listed = listed
        self._instruments, self._traded = instruments, traded
        self._backoff = Backoff(first_wait_s, longest_wait_s)
        self._breaker_wait_s = breaker_wait_s
        #: A venue that streams nothing tells what happened when it is compared.
        polls_every_s = adapter.poll_every_s if isinstance(adapter, Polls) else reconcile_every_s
        self._reconcile_every_s, self._only_reconciles = min(reconcile_every_s, polls_every_s), only_reconciles
        #: How often all accounts were compared since the session was made.
        self.rounds = 0
        self._changed = asyncio.Event()
        self._gap = asyncio.Event()
        self._priced = asyncio.Event()
        limit = adapter.manifest.rate_limit
        self._limiter = RateLimiter(limit) if limit is not None else None

    @property
    def venue(self) -> VenueName:
        return self.adapter.manifest.venue

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        return self.adapter.accounts

    @property
    def is_connected(self) -> bool:
        """Whether requests can be sent; only cancels may be before it is ACTIVE."""
        return self.state in (SessionState.RECONCILING, SessionState.ACTIVE)

    def slot(self, *, cancel: bool) -> Coroutine[Any, Any, None] | None:
        """``None`` if the venue's rate limit lets a request leave now, else what to wait for."""
        return self._limiter.slot(cancel=cancel) if self._limiter is not None else None

    async def active(self) -> None:
        """Wait until the session is trusted."""
        while self.state is not SessionState.ACTIVE:
            self._changed.clear()
            await self._changed.wait()

    async def compared(self, times: int) -> None:
        """Wait until all accounts were compared so many times since the session was made."""
        while self.rounds < times:
            self._changed.clear()
            await self._changed.wait()

    async def priced(self) -> None:
        """Wait until the venue's first book is there; a venue that streams none is not waited for."""
        if isinstance(self.adapter, StreamsMarket):
            await self._priced.wait()

    async def run(self) -> None:
        """Keep the session up until cancelled."""
        while True:
            try:
                await self._connected()
            except* Exception as errors:  # noqa: BLE001  (what foreign code raises costs its session, not the others)
                self.last_error = _first_line(errors)
                if errors.split(_EXPECTED)[1] is not None:
                    _log.error("session_failed", venue=self.venue, traceback=traceback_of(errors))
            finally:
                await self._down(self.last_error or "closing")
            wait_s = self._backoff.next_s()
            if self._backoff.failures >= _BREAKER_FAILURES:
                self._become(SessionState.CIRCUIT_OPEN)
                wait_s = self._breaker_wait_s
            _log.warning("session_lost", venue=self.venue, error=self.last_error, retry_in_s=round(wait_s, 2))
            await asyncio.sleep(wait_s)

    async def _connected(self) -> None:
        """One life of the session; returns never, but by an exception."""
        self._become(SessionState.CONNECTING)
        with anyio.fail_after(_CONNECT_TIMEOUT_S):
            await self.adapter.connect()
            listings = tuple(await self.adapter.listings())
        # Nobody waits for either: a session comes back, and can cancel, while the journal can't write.
        self._post(ListingsUpdate(0, self.venue, listings))
        if self._listed is not None:
            self._listed(listings)
        reach(FailPoint.CONNECTED)
        self._note(Phase.RECONCILING, "connected")
        self._become(SessionState.RECONCILING)
        async with anyio.create_task_group() as group:
            group.start_soon(self._read_reports)
            if isinstance(self.adapter, StreamsMarket):
                listed = [listing.instrument_id for listing in listings]
                wanted = [each for each in listed if self._instruments is None or each in self._instruments]
                if wanted:
                    group.start_soon(self._read_market, self.adapter, wanted)
            while True:
                await self._trusted()
                await self._compared_until_gap()
                self.active_since_ns = None
                self._become(SessionState.RECONCILING)
                self._note(Phase.RECONCILING, "gap")

    async def _trusted(self) -> None:
        """Reconcile until nothing was missed meanwhile; the accounts take risk from then on."""
        for _ in range(_RECONCILE_ROUNDS):
            self._gap.clear()
            await self._reconcile()
            # A gap in between: what was fetched before it says nothing about it.
            if not self._gap.is_set():
                break
        else:
            raise AdapterError(f"{self.venue}: its stream has gaps as fast as they are reconciled")
        if self._only_reconciles:
            return
        # Before the engine hears of it: what it decides at that very moment is decided for this session.
        self.active_since_ns = self._now_ns()
        for account_id in self.accounts:
            await self._tell(AccountPhase(0, account_id, Phase.ACTIVE, "reconciled"))
            self._metrics.phase(account_id).set(_PHASES.index(Phase.ACTIVE))
        self._become(SessionState.ACTIVE)
        reach(FailPoint.TRUSTED)
        self._backoff.reset()
        self.last_error = None

    async def _compared_until_gap(self) -> None:
        """Compare the accounts again and again, as they trade: a healthy stream may leave something out."""
        failures = 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._reconcile_every_s):
                    await self._gap.wait()
                    return
            try:
                await self._reconcile()
                failures = 0
            except _EXPECTED as error:
                failures += 1
                _log.warning("not_reconciled", venue=self.venue, error=f"{type(error).__name__}: {error}")
                if failures == _MISSED_ROUNDS:
                    raise

    async def _reconcile(self) -> None:
        if isinstance(self.adapter, TellsTime):
            if (turn := self.slot(cancel=False)) is not None:
                await turn
            await self.clock.measure(self.adapter)
        for account_id in self.accounts:
            await self._reconciler.reconcile(account_id, self.adapter, lambda: self.slot(cancel=False))
        self.rounds += 1
        self._changed.set()

    async def _read_reports(self) -> None:
        async for report in self.adapter.reports():
            await self._deliver(report)
            # After the engine was told, so that its account is not left waiting for a reconciliation that is over.
            if isinstance(report, Gap):
                self._metrics.gaps.inc()
                self.active_since_ns = None
                self._gap.set()
        raise AdapterError(f"{self.venue} ended its stream of reports")

    async def _read_market(self, adapter: StreamsMarket, instruments: Sequence[InstrumentId]) -> None:
        past = remembered(instruments, is_chosen=self._instruments is not None, traded=self._traded)
        await read_market(adapter, self.venue, instruments, past, lambda: self.slot(cancel=False), self._take)

    def _take(self, update: Book | TradeBar) -> None:
        self._market(update)
        if isinstance(update, Book):
            self._priced.set()

    def _note(self, phase: Phase, reason: str) -> None:
        for account_id in self.accounts:
            self._metrics.phase(account_id).set(_PHASES.index(phase))
            self._post(AccountPhase(0, account_id, phase, reason))

    async def _down(self, reason: str) -> None:
        self.active_since_ns = None
        self._become(SessionState.DOWN)
        reach(FailPoint.LOST)
        with anyio.CancelScope(shield=True), anyio.move_on_after(5):
            try:
                await self.adapter.disconnect()
            except Exception as error:  # noqa: BLE001  (foreign code; the session is gone either way)
                _log.warning("disconnect_failed", venue=self.venue, error=str(error))
        self._note(Phase.DOWN, reason)

    def _become(self, state: SessionState) -> None:
        self.state = state
        self._changed.set()


def _first_line(errors: BaseExceptionGroup[Any]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
