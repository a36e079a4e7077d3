"""The driver of a replay: the engine that trades live, fed on virtual time, its decisions carried out at once.

It is passive: a host (:class:`~liveexec.replay.ports.ReplayHost`) tells it what time it is and what venues report. The
same inputs come to the engine as in a live shard, in the same forms: intents, reports, answers, timers, the market. Two
things are otherwise, and neither changes a decision:

- Decisions need not become durable before they are carried out, since nobody could act on one that is lost.
- The market is pulled, not pushed: before an input that decides something, the engine is told what changed since the
  last one. A book that is replaced before anything is decided leaves no trace in the engine; trades come as summed
  seconds, none of which is left out. An algorithm that reacts to the market itself is told of every book
  (:attr:`ReplayDriver.watched`).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Final

from liveexec.domain.ids import (
    AccountId,
    InstrumentId,
    OrderId,
    ProductId,
    VenueName,
    is_instrument_id,
    order_id_from_random,
)
from liveexec.domain.market import TradeBar
from liveexec.domain.outcome import SendOutcome, SendPlan, VenueReport
from liveexec.engine.engine import ExecutionEngine
from liveexec.engine.inputs import (
    AccountPhase,
    AccountSnapshot,
    EngineInput,
    ListingsUpdate,
    MarketUpdate,
    Phase,
    Report,
    SendAnswered,
    SendVerb,
    SubmitOrder,
    TimerRang,
)
from liveexec.engine.oms import operation_id_of
from liveexec.engine.turn import Decision
from liveexec.errors import ConfigurationError, Fault
from liveexec.replay.agenda import NEVER, Agenda, Rank
from liveexec.replay.carrier import Carrier
from liveexec.replay.parts import EngineParts, Recorder, TimedIntent
from liveexec.replay.ports import ReplayVenues
from liveexec.replay.travel import Travel
from liveexec.runtime.clock import VirtualClock
from liveexec.runtime.send_gate import SendGate
from liveexec.runtime.shard_parts import MAX_PRICE_AGE_NS
from liveexec.venues.paper.config import Latency

__all__ = ["ReplayDriver"]

_PRINCIPAL: Final = "replay"


class _Serving:
    """Says that the engine is being fed: whatever is told meanwhile waits for its turn."""

    __slots__ = ("is_on",)

    def __init__(self) -> None:
        self.is_on = False

    def __enter__(self) -> None:
        assert not self.is_on, "the engine is fed one input at a time"
        self.is_on = True

    def __exit__(self, *_: object) -> None:
        self.is_on = False


class ReplayDriver:
    """Drives one engine through one replay. Use: :meth:`start`, then :meth:`advance` at every :attr:`next_due_ns` and
    :meth:`report` whenever a venue reports, :meth:`observe` for watched instruments, and :meth:`finish`.

    ``signals`` are sent in the order of their times. ``latency`` by venue is how long requests and reports travel (none
    for the others); its jitter is drawn from ``seed``, as are order ids. ``reconcile_every_ns`` is how often accounts
    are compared with their venues, as they are live, ``mark_every_ns`` how often the recorder is told to note what
    everything is worth; 0 for never.
    """

    def __init__(
        self,
        parts: EngineParts,
        signals: Sequence[TimedIntent],
        recorder: Recorder,
        *,
        latency: Mapping[VenueName, Latency] | None = None,
        seed: int = 0,
        reconcile_every_ns: int = 30_000_000_000,
        mark_every_ns: int = 60_000_000_000,
    ) -> None:
        self._parts, self._recorder = parts, recorder
        self._signals = sorted(signals, key=lambda signal: signal.at_ns)
        #: How many of them were sent.
        self.sent = 0
        self._seed = seed
        self._reconcile_every_ns, self._mark_every_ns = reconcile_every_ns, mark_every_ns
        self._compare_at_ns = NEVER
        self._agenda = Agenda()
        self._travel = Travel(self._agenda, latency or {}, seed)
        self._waiting: deque[EngineInput] = deque()
        self._serving = _Serving()
        self._clock = VirtualClock()
        self._has_watchers = any(algorithm.wants_market for algorithm in parts.algorithms.values())
        self._watched: frozenset[InstrumentId] | None = frozenset()

    # -- what a host does ---------------------------------------------------------------------------------------------

    def start(self, venues: ReplayVenues, at_ns: int) -> None:
        """Meet the venues: list what they list, open the accounts with what they hold, and trust them.

        Raises:
            ConfigurationError: a venue's client ids can't be derived from order ids, which a replay needs.
        """
        _refuse_prepared(venues)
        self._venues = venues
        self._venue_of = {account: venue for venue, here in venues.accounts.items() for account in here}
        self._clock.advance_to(at_ns)
        self._engine = ExecutionEngine(
            self._parts.config,
            rules=self._parts.rules,
            policies=self._parts.policies,
            algorithms=self._parts.algorithms,
            manifests=venues.manifests,
            venue_accounts=venues.accounts,
        )
        gate = SendGate(
            self._clock,
            self._engine.state,
            is_connected=lambda _: True,
            active_since_ns=lambda _: at_ns,
            max_price_age_ns=MAX_PRICE_AGE_NS,
            lease_until_s=float("inf"),
        )
        self._carrier = Carrier(
            venues, self._venue_of, gate, self._agenda, self._travel, self._engine.orders.get, self._waiting.append
        )
        self._recorder.begun(self._engine, at_ns)
        with self._serving:
            self._refresh(at_ns)
            for venue, listings in venues.listings.items():
                self._handle(ListingsUpdate(at_ns, venue, listings), at_ns)
            for account_id in self._venue_of:
                self._handle(AccountPhase(at_ns, account_id, Phase.RECONCILING, "connected"), at_ns)
            self._compare(at_ns, at_once=True)
            for account_id in self._venue_of:
                self._handle(AccountPhase(at_ns, account_id, Phase.ACTIVE, "reconciled"), at_ns)
            self._drain(at_ns)
        self._mark(at_ns)

    @property
    def next_due_ns(self) -> int:
        """When :meth:`advance` has to be called again: a timer, a signal, something that arrives. ``1 << 63`` for
        never. It changes with every call of this object."""
        due_ns = self._agenda.next_due_ns
        if self.sent < len(self._signals):
            return min(due_ns, self._signals[self.sent].at_ns)
        return due_ns

    @property
    def first_signal_ns(self) -> int:
        """The time of the first signal; ``1 << 63`` without any."""
        return self._signals[0].at_ns if self._signals else NEVER

    @property
    def last_signal_ns(self) -> int:
        """The time of the last signal; 0 without any."""
        return self._signals[-1].at_ns if self._signals else 0

    @property
    def next_arrival_ns(self) -> int:
        """When the next of what is on its way arrives, there or here; ``1 << 63`` for nothing. A host goes on until
        then when the market is over: otherwise the venues would know what is not known here."""
        return self._agenda.next_travel_ns

    @property
    def round_trip_ns(self) -> int:
        """The longest that a request and what is told of it can be on their way together."""
        return self._travel.round_trip_ns

    @property
    def watched(self) -> frozenset[InstrumentId]:
        """Instruments of which open orders want to see every book: :meth:`observe` is to be called for each change."""
        if self._watched is None:
            self._watched = self._find_watched()
        return self._watched

    def advance(self, now_ns: int) -> None:
        """Do everything that is due by now, signals included."""
        self._clock.advance_to(now_ns)
        with self._serving:
            while True:
                self._drain(now_ns)
                if (work := self._agenda.pop(now_ns)) is not None:
                    work(now_ns)
                elif self.sent < len(self._signals) and self._signals[self.sent].at_ns <= now_ns:
                    self._send(now_ns)
                else:
                    return

    def report(self, report: VenueReport, now_ns: int) -> None:
        """Something happened at a venue now. It gets here after the venue's latency."""
        self._clock.advance_to(now_ns)
        self._deliver(self._venue_of[report.account_id], Report(now_ns, report), now_ns)

    def answer(
        self, order_id: OrderId, verb: SendVerb, plan: SendPlan | None, outcome: SendOutcome, now_ns: int
    ) -> None:
        """The answer to a request for which the venue returned ``None``; ``plan`` is that of a change. It gets here
        after the venue's latency."""
        self._clock.advance_to(now_ns)
        order = self._engine.orders.get(order_id)
        assert order is not None
        assert order.account_id is not None
        answered = SendAnswered(now_ns, order_id, order.attempt, verb, outcome, plan)
        self._deliver(self._venue_of[order.account_id], answered, now_ns)

    def observe(self, now_ns: int) -> None:
        """The market of a watched instrument moved."""
        self._clock.advance_to(now_ns)
        if not self._serving.is_on:
            with self._serving:
                self._refresh(now_ns)
                self._drain(now_ns)

    def finish(self, now_ns: int) -> None:
        """The replay is over: note what everything is worth. What is not due yet does not happen any more."""
        self._clock.advance_to(now_ns)
        with self._serving:
            self._refresh(now_ns)
            self._drain(now_ns)
        self._recorder.marked(now_ns)

    @property
    def engine(self) -> ExecutionEngine:
        """The engine, to read; there is none before :meth:`start`."""
        return self._engine

    def _deliver(self, venue: VenueName, told: Report | SendAnswered, now_ns: int) -> None:
        """Let what a venue tells travel here."""
        self._travel.deliver(venue, lambda: self._waiting.append(told), now_ns)
        self._serve(now_ns)

    # -- inputs -------------------------------------------------------------------------------------------------------

    def _send(self, now_ns: int) -> None:
        number, signal = self.sent, self._signals[self.sent]
        self.sent += 1
        intent = signal.intent
        order_id = order_id_from_random(now_ns, self._id_bits(number))
        operation_id = intent.operation_id if intent.operation_id is not None else operation_id_of(order_id)
        request = SubmitOrder(now_ns, order_id, operation_id, intent, _PRINCIPAL, intent.content_hash())
        decision = self._decide(request, now_ns)
        if decision.error is not None:
            self._recorder.refused(signal, number, decision.error, now_ns)

    def _id_bits(self, number: int) -> int:
        """What makes the ids of this replay: the same in every run of it."""
        return int.from_bytes(blake2b(f"{self._seed}/{number}".encode(), digest_size=8).digest())

    def _serve(self, now_ns: int) -> None:
        """Hand over what waits, unless that is being done already further up."""
        if not self._serving.is_on:
            with self._serving:
                self._drain(now_ns)

    def _drain(self, now_ns: int) -> None:
        """Hand everything that waits to the engine, one after the other, and carry out what follows from it."""
        while self._waiting:
            self._decide(self._waiting.popleft(), now_ns)

    def _decide(self, given: EngineInput, now_ns: int) -> Decision:
        self._refresh(now_ns)
        if now_ns >= self._compare_at_ns and isinstance(given, SubmitOrder | TimerRang):
            # Only before what may take risk: what nobody trades on need not be compared.
            self._compare(now_ns)
        return self._handle(given, now_ns)

    def _refresh(self, now_ns: int) -> None:
        """Tell the engine what changed of the market."""
        for update in self._venues.refresh(now_ns):
            self._handle(MarketUpdate(now_ns, update), now_ns)
            if isinstance(update, TradeBar):
                self._recorder.printed(update)

    def _handle(self, given: EngineInput, now_ns: int) -> Decision:
        given.at_ns = now_ns
        decision = self._engine.handle(given)
        if decision.records:
            self._recorder.decided(decision, now_ns)
            if self._has_watchers:
                self._watched = None
        for effect in decision.effects:
            self._carrier.carry_out(effect, now_ns)
        return decision

    def _compare(self, now_ns: int, *, at_once: bool = False) -> None:
        """Accounts against their venues, as a live session does it every so often. What a venue holds gets here behind
        the reports that it sent before, so that a fill which is still on its way is no drift."""
        self._compare_at_ns = now_ns + self._reconcile_every_ns if self._reconcile_every_ns else NEVER
        for account_id, venue in self._venue_of.items():
            snapshot = self._snapshot(account_id, now_ns)
            if at_once or self._travel.is_direct(venue):
                self._handle(snapshot, now_ns)
            else:
                self._travel.deliver(venue, partial(self._waiting.append, snapshot), now_ns)

    def _snapshot(self, account_id: AccountId, now_ns: int) -> AccountSnapshot:
        venues = self._venues
        return AccountSnapshot(
            now_ns,
            account_id,
            now_ns,
            venues.open_orders(account_id, now_ns),
            True,
            venues.positions(account_id, now_ns),
            venues.balances(account_id, now_ns),
        )

    def _mark(self, now_ns: int) -> None:
        self._refresh(now_ns)
        self._recorder.marked(now_ns)
        if self._mark_every_ns:
            self._agenda.plan(now_ns + self._mark_every_ns, Rank.MARK, self._mark)

    def _find_watched(self) -> frozenset[InstrumentId]:
        found: set[InstrumentId] = set()
        for order in self._engine.orders.open_orders():
            algorithm = self._parts.algorithms.get(order.intent.exec_algorithm)
            key = order.intent.instrument_key
            if order.is_parent and algorithm is not None and algorithm.wants_market and key is not None:
                if is_instrument_id(key):
                    found.add(InstrumentId(key))
                else:
                    found.update(self._engine.state.products.get(ProductId(key), ()))
        return frozenset(found)


def _refuse_prepared(venues: ReplayVenues) -> None:
    faults = [
        Fault(venue, "its client ids do not derive from order ids, so it can't be replayed")
        for venue, manifest in venues.manifests.items()
        if manifest.client_id is None
    ]
    if faults:
        raise ConfigurationError("replayed venues", faults)
