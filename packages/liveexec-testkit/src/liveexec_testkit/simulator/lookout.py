"""All checks of a run together, and what each of them is told of."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from liveexec.domain.ids import AccountId, OrderId
from liveexec.domain.order import Order
from liveexec.domain.outcome import OrderRef, SendPlan
from liveexec.domain.record import Record
from liveexec.domain.stored import AppendBatch
from liveexec.engine.config import JournalLoss
from liveexec.engine.effects import Effect
from liveexec.engine.turn import Decision
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.shard import ShardRuntime
from liveexec_testkit.simulator.adapter import SimAdapter
from liveexec_testkit.simulator.faults import HARMLESS, LASTING, Fault
from liveexec_testkit.simulator.invariants.acceptances import AcceptanceChecks
from liveexec_testkit.simulator.invariants.approvals import ApprovalChecks
from liveexec_testkit.simulator.invariants.books import BookChecks
from liveexec_testkit.simulator.invariants.callers import CallerChecks
from liveexec_testkit.simulator.invariants.departures import DepartureChecks
from liveexec_testkit.simulator.invariants.durable_effects import DurableEffectChecks
from liveexec_testkit.simulator.invariants.effects import EffectChecks
from liveexec_testkit.simulator.invariants.evidence import EvidenceChecks
from liveexec_testkit.simulator.invariants.excuses import Excuse, Excuses
from liveexec_testkit.simulator.invariants.flattenings import FlattenChecks
from liveexec_testkit.simulator.invariants.journal import JournalChecks
from liveexec_testkit.simulator.invariants.lanes import LaneChecks
from liveexec_testkit.simulator.invariants.losses import LossChecks
from liveexec_testkit.simulator.invariants.memory import MemoryChecks, check_reservations, check_tables
from liveexec_testkit.simulator.invariants.pace import PaceChecks
from liveexec_testkit.simulator.invariants.quiet import QuietChecks
from liveexec_testkit.simulator.invariants.requests import RequestChecks
from liveexec_testkit.simulator.invariants.restarts import RestartChecks
from liveexec_testkit.simulator.invariants.slices import SliceChecks
from liveexec_testkit.simulator.invariants.tables import TableChecks
from liveexec_testkit.simulator.invariants.unclaimed import check_unclaimed
from liveexec_testkit.simulator.invariants.venues import VenueChecks
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.invariants.wishes import WishChecks
from liveexec_testkit.simulator.plan import RunPlan
from liveexec_testkit.simulator.process import Process
from liveexec_testkit.simulator.settings import SHARD
from liveexec_testkit.simulator.store import StoreServer
from liveexec_testkit.simulator.venue import SimVenue
from liveexec_testkit.simulator.venue_kind import RATE_LIMIT
from liveexec_testkit.simulator.venue_truth import TrueOrder
from liveexec_testkit.simulator.workload import Workload

__all__ = ["Lookout"]

#: What lets fills wait for their orders, so that what is held is not known for a while. So do venues without names.
_UNPLACED: Final = frozenset({Fault.FOREIGN_ORDER, Fault.FOREIGN_TRADE})


class Lookout:
    """Looks on at everything that happens in a run. ``workload`` and ``server`` are asked when something happens, since
    they are made after it."""

    def __init__(
        self,
        plan: RunPlan,
        violations: Violations,
        now_ns: Callable[[], int],
        workload: Callable[[], Workload],
        server: Callable[[], StoreServer],
    ) -> None:
        self._plan, self._violations, self._now_ns, self._server = plan, violations, now_ns, server
        self._workload = workload
        self._excuses = Excuses()
        self._venues: list[SimVenue] = []
        self.at_venues = VenueChecks(violations)
        self.journal = JournalChecks(violations, self.at_venues.of, self._on_the_way)
        ledger = self.journal.ledger
        self.journal.is_reachable = self._is_reachable
        self.callers = CallerChecks(violations, self.journal)
        self.wishes = WishChecks(
            violations,
            ledger,
            lambda: workload().kill_switch.ever_killed,
            lambda: workload().cancelled,
            self._has_moved,
            self._ours,
            self.journal.resolved,
            self._excuses,
        )
        self._tables = TableChecks(violations)
        self.journal.watchers += [
            ApprovalChecks(violations, ledger, plan.settings.risk, lambda: self.journal.epoch),
            BookChecks(violations, ledger),
            self.wishes,
            self._tables,
            SliceChecks(violations, ledger),
        ]
        self._requests = RequestChecks(
            violations, self.journal, {}, lambda: workload().kill_switch.kills, lambda: server().owner, self._excuses
        )
        self._departures = DepartureChecks(violations, self.journal, now_ns, plan.settings.max_price_age_ns)
        self._pace = PaceChecks(violations, now_ns)
        self._lanes = LaneChecks(violations, self._excuses)
        self._effects = EffectChecks(violations)
        self._durable = DurableEffectChecks(violations)
        self._durable.excuses = self._departures.excuses = self._excuses
        self._departures.early = self._durable.early
        self._flattenings = FlattenChecks(violations, ledger)
        is_wanted = plan.settings.on_journal_loss is JournalLoss.CANCEL_RISK_ADDING
        self.journal.watchers += [
            self._flattenings,
            AcceptanceChecks(violations, ledger),
            LossChecks(violations, ledger, is_wanted, self._is_complete),
        ]
        self.restarts = RestartChecks(violations, self.journal)
        self._memory = MemoryChecks(self.journal, violations)
        self._quiet = QuietChecks(violations, self._venues, plan.settings.deadline_ns, self.journal.resolved)
        self._quiet.more = EvidenceChecks(self.journal, self._excuses).waits
        #: Accounts whose venues never showed the same twice when they began: what they began with may be wrong, which
        #: shows as a drift.
        self.never_still: dict[AccountId, None] = {}
        self._struck_at_ns = 0
        self._shard: ShardRuntime | None = None
        self._life: ShardRuntime | None = None
        self._forgotten = 0
        self._decided: dict[int, deque[Record]] = {}

    def watch(self, venues: Sequence[SimVenue]) -> None:
        """These are the run's venues."""
        self._venues += venues
        self._requests.listings = {name: each for venue in venues for name, each in venue.truth.listings.items()}

    @property
    def excuses(self) -> Excuses:
        """What was let pass so far."""
        told = sum(venue.sessions.executions_told for venue in self._venues)
        for excuse, used in (
            (Excuse.UNTAKEN, sum(venue.sessions.executions_untaken for venue in self._venues)),
            (Excuse.LIFE_ENDED, self._forgotten),
        ):
            self._excuses.looked_at[excuse], self._excuses.used[excuse] = told, used
        return self._excuses

    @property
    def lives(self) -> int:
        """How many lives of the shard decided anything."""
        return len(self._decided)

    def struck(self, fault: Fault) -> None:
        """A fault strikes: nobody has to settle anything for a while."""
        if fault not in HARMLESS:
            self._struck_at_ns = max(self._struck_at_ns, self._now_ns() + LASTING.get(fault, 0))

    def decided(self, process: Process, epoch: int, decision: Decision) -> None:
        """A shard's engine decided something: what becomes durable has to be a prefix of it."""
        self._decided.setdefault(epoch, deque()).extend(decision.records)
        self._departures.decided(process, decision)
        self._effects.decided(epoch, decision)
        self._lanes.decided(process.number, decision)
        shard = process.shard
        self._durable.decided(epoch, decision, lambda: _is_stalled(shard or process.shard))
        self._flattenings.decided(decision, lambda account_id: self._in_doubt_ns(process, account_id))

    def carried_out(self, effect: Effect) -> None:
        """A process carries out an effect."""
        self._effects.carried_out(effect)
        self._durable.carried_out(effect)
        self._lanes.carried_out(effect, self._now_ns())

    def took(self, limiter: object, *, cancel: bool) -> None:
        """Somebody takes a token of a venue's limit."""
        self._pace.took(limiter, RATE_LIMIT, cancel=cancel)

    def committed(self, batch: AppendBatch) -> None:
        """A batch is durable."""
        decided = self._decided.get(batch.epoch)
        for record in batch.records:
            if decided is None or not decided or decided.popleft() is not record:
                self._violations.add(8, f"{record.stream} {record.sequence} is durable, and was not decided next")
                break
        self._durable.committed(batch.epoch, len(batch.records))
        self.journal.committed(batch)

    def changed(self, order: TrueOrder, shard: ShardRuntime | None) -> None:
        """Something happened at a venue."""
        self.at_venues.changed(order)
        if shard is not None:
            self._check_reservations(shard, [order])

    def left(
        self, process: Process, adapter: SimAdapter, verb: str, what: VenueOrder | OrderRef, plan: SendPlan
    ) -> None:
        """A request leaves a process."""
        shard = process.shard
        self._note_pace(adapter, shard, verb)
        can_write = shard is not None and not shard.journal.is_stalled
        order_id = what.order_id if isinstance(what, VenueOrder) else None
        self._requests.left(adapter.process, verb, order_id, can_write=can_write)
        if isinstance(what, VenueOrder):
            if verb == "submit":
                self._requests.submit_left(what, plan)
                self._departures.submit_left(process, adapter, what, plan)
            else:
                self._requests.replace_left(what)
                self._departures.replace_left(process, adapter, what, plan)
            self._lanes.left(adapter, verb, what.order_id, self._now_ns(), due_at_ns=self._pace.due_at_ns)
        elif shard is not None and (order := shard.engine.orders.find(what)) is not None:
            self._lanes.left(adapter, verb, order.order_id, self._now_ns(), self._pace.spare_ns)
            self._departures.cancel_left(order.order_id, can_write=can_write)

    def asked(self, process: Process, adapter: SimAdapter) -> None:
        """A question leaves a process."""
        self._note_pace(adapter, process.shard, "question")
        self._lanes.left(adapter, "question", None, self._now_ns(), due_at_ns=self._pace.due_at_ns)

    def look(self, shard: ShardRuntime | None) -> None:
        """Some time has passed."""
        if shard is None or shard is not self._shard:
            # What the last life was told of and did not record went with it.
            for venue in self._venues:
                self._forgotten += len(venue.sessions.executions_heard)
                venue.sessions.executions_heard.clear()
            self._shard = shard
        if shard is not None and shard is not self._life:
            # So did the word that an order works which had ended here before: the next comparison shows it.
            for venue in self._venues:
                venue.sessions.works_heard.clear()
            self._life = shard
        self._quiet.look(shard, self._now_ns(), self._struck_at_ns)

    def compare(self, shard: ShardRuntime | None, *, everything: bool, is_healed: bool) -> None:
        """Compare memory, reservations and (of ``everything``) tables with the journal and the venues."""
        if shard is not None:
            self._memory.check(shard, everything=everything)
            check_unclaimed(shard.engine, self._violations)
            for orders in self.at_venues.orders.values():
                self._check_reservations(shard, orders)
        if everything and self.journal.position:
            memory = self._server().memory
            self.compare_tables()
            if is_healed and shard is not None and shard.view.projected == self.journal.position:
                self._tables.check(memory, SHARD)

    def _check_reservations(self, shard: ShardRuntime, orders: Iterable[TrueOrder]) -> None:
        if Fault.OVERFILL not in self._plan.faults:
            check_reservations(shard, orders, self._violations, self._workload().operators.resolving, self._excuses)

    def compare_tables(self) -> None:
        """Compare the tables with the journal, as far as they go."""
        if self.journal.position:
            check_tables(self._server().memory, SHARD, self._violations)

    def _note_pace(self, adapter: SimAdapter, shard: ShardRuntime | None, verb: str) -> None:
        if shard is not None and adapter.venue.kind.is_limited:
            self._pace.left(adapter.process, shard, adapter.venue.kind.name, RATE_LIMIT, verb)

    def _on_the_way(self, order_id: OrderId) -> list[str]:
        return [verb for venue in self._venues for name, verb in venue.travelling.values() if name == order_id]

    def _is_reachable(self, order: Order) -> bool:
        return any(venue.sessions.is_heard for venue in self._venues if venue.account_id == order.account_id)

    def _in_doubt_ns(self, process: Process, account_id: AccountId) -> int:
        """For how long a process has had no session with an account's venue, or none that was compared with it."""
        for adapter in process.adapters:
            if adapter.venue.account_id == account_id and not adapter.is_compared:
                return self._now_ns() - adapter.doubted_at_ns
        return 0

    def _is_complete(self, account_id: AccountId) -> bool:
        """Whether nothing that is told of an account waits for its order; a report without our name does."""
        is_anonymous = any(venue.kind.is_anonymous for venue in self._venues if venue.account_id == account_id)
        return not is_anonymous and not self._plan.faults & _UNPLACED

    def _has_moved(self, account_id: AccountId, name: str) -> bool:
        venue = next(venue for venue in self._venues if venue.account_id == account_id)
        if self._excuses.look(Excuse.NEVER_STILL, fits=account_id in self.never_still):
            return True
        untold = {said.asset for said in venue.sessions.payments if not self._tables.knows(account_id, said.reference)}
        # What an accepted position cost the venue nobody knows here, so what closing it brings differs.
        settled = {venue.truth.listings[each].terms.settlement_asset for each in venue.truth.moved}
        return name in venue.truth.moved or name in venue.truth.slipped or name in untold or name in settled

    def _ours(self, account_id: AccountId, name: str) -> OrderId | None:
        """Which of our orders a venue means by a name of its own."""
        venue = next(venue for venue in self._venues if venue.account_id == account_id)
        return next((true.order_id for true in venue.truth.orders if name in true.names), None)


def _is_stalled(shard: ShardRuntime | None) -> bool:
    """Whether a journal can't write, as far as anybody can see: while a life starts, it can't be seen from here."""
    return shard is None or shard.journal.is_stalled
