"""ExecutionEngine: everything that decides, as one synchronous object. Inputs in, decisions out.

It has no clock, makes no ids and does no I/O: inputs carry their time and ids, and effects say what the shell has to
do once the decision's records are durable. The same inputs give the same decisions, to the byte.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import localcontext
from types import MappingProxyType
from typing import assert_never

from liveexec.domain.ids import AccountId, OrderId, VenueName
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import MONEY
from liveexec.domain.order import Order
from liveexec.domain.outcome import OrderRef
from liveexec.domain.venue import AdapterManifest
from liveexec.engine import (
    accounts,
    answers,
    control,
    corrections,
    drift,
    flatten,
    inputs,
    intake,
    parents,
    reports,
    requests,
)
from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.config import EngineConfig
from liveexec.engine.core import AlgorithmFailure, EngineCore
from liveexec.engine.effects import TimerKey, TimerKind
from liveexec.engine.inputs import EngineInput
from liveexec.engine.oms import UnifiedOrderManager
from liveexec.engine.positions import UnifiedPositionTracker
from liveexec.engine.risk import PreTradeRiskEngine, RuleFactory
from liveexec.engine.router import RoutingPolicy, SmartOrderRouter
from liveexec.engine.state import EngineState
from liveexec.engine.turn import Decision, Turn
from liveexec.errors import ConfigurationError, InvariantViolation

__all__ = ["ExecutionEngine"]


class ExecutionEngine:
    """Decides what happens to orders. One per shard; not thread-safe; the shell feeds it one input at a time.

    ``rules`` make the risk rules, by name and in their precedence; ``manifests`` say what each venue can do,
    ``venue_accounts`` which accounts are owned there. ``ledger`` is what recovery rebuilt, empty at first. ``timer``
    (monotonic nanoseconds) only measures rules against their budget.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        rules: Mapping[str, RuleFactory],
        policies: Mapping[str, RoutingPolicy],
        algorithms: Mapping[str, ExecutionAlgorithm],
        manifests: Mapping[VenueName, AdapterManifest],
        venue_accounts: Mapping[VenueName, tuple[AccountId, ...]],
        ledger: Ledger | None = None,
        timer: Callable[[], int] | None = None,
    ) -> None:
        self._state = EngineState(
            config,
            ledger=ledger if ledger is not None else Ledger(),
            manifests=dict(manifests),
            venue_accounts=dict(venue_accounts),
        )
        self._policies = dict(policies)
        self._core = EngineCore(
            self._state,
            UnifiedOrderManager(self._state.ledger),
            PreTradeRiskEngine(config.risk, rules, timer=timer),
            SmartOrderRouter(config.router, self._policies),
            MappingProxyType(dict(algorithms)),
        )
        # Executions count from the first input on, not only from the first order that is checked.
        self._state.activity.configure(config.risk)
        self._positions = UnifiedPositionTracker(self._state.ledger, self._state.market)

    @property
    def state(self) -> EngineState:
        """The engine's memory, to read."""
        return self._state

    @property
    def orders(self) -> UnifiedOrderManager:
        """The orders in memory, to read."""
        return self._core.oms

    @property
    def positions(self) -> UnifiedPositionTracker:
        """Positions over all venues, to read."""
        return self._positions

    @property
    def risk(self) -> PreTradeRiskEngine:
        """The risk engine, to read what it measured of its rules."""
        return self._core.risk

    def drain_failures(self) -> tuple[AlgorithmFailure, ...]:
        """What algorithms did wrong since this was last asked."""
        failures = tuple(self._core.failures)
        self._core.failures.clear()
        return failures

    def is_new_account(self, account_id: AccountId) -> bool:
        """Whether nothing ever happened on the account, so that what it holds is its opening."""
        return self._core.is_new(account_id)

    def knows(self, ref: OrderRef) -> bool:
        """Whether the order that a venue means is in memory; if not, the shell has to look it up first."""
        return self._core.oms.find(ref) is not None

    def hydrate(self, orders: Sequence[Order], names: Mapping[OrderId, Sequence[tuple[str, str]]]) -> None:
        """Take orders back into memory that the shell folded from the journal, with the names they had.

        What they filled is in the positions already. Orders that are here stay as they are.
        """
        for order in orders:
            if order.order_id in self._state.ledger.orders:
                continue
            self._state.ledger.orders[order.order_id] = order
            self._core.oms.restore(order, list(names.get(order.order_id, ())))
            if order.approved:
                self._state.exposure.reserve(order)

    def index(self, names: Mapping[OrderId, Sequence[tuple[str, str]]]) -> None:
        """Know the orders of the ledger that recovery handed in by the names they had at their venues."""
        for order in self._state.ledger.orders.values():
            self._core.oms.restore(order, list(names.get(order.order_id, ())))

    def handle(self, given: EngineInput) -> Decision:
        """Decide about one input.

        Raises:
            InvariantViolation: something that must hold does not; the shell halts on it.
        """
        if given.at_ns < self._state.now_ns:
            raise InvariantViolation(f"time runs backwards: {given.at_ns} after {self._state.now_ns}")
        self._state.now_ns = given.at_ns
        with localcontext(MONEY):
            turn = Turn(self._core, given.at_ns, type(given).__name__)
            answer = self._dispatch(turn, given)
            if answer is not None and answer.error is not None:
                return answer
            parents.stir(turn)
            if self._state.ledger.flattenings:
                flatten.send_when_clear(turn)
                parents.stir(turn)
            return turn.decision() if answer is None else turn.decision(answer.order_id, repeated=answer.repeated)

    def _dispatch(self, turn: Turn, given: EngineInput) -> Decision | None:
        """Hand the input to who decides about it. Only requests of callers have an answer of their own: an error, or
        which order it is about; what the turn made true comes on top of that."""
        # Those that come most often stand first.
        match given:
            case inputs.SubmitOrder():
                return intake.submit(turn, given)
            case inputs.Report():
                reports.report(turn, given)
            case inputs.SendAnswered():
                answers.answered(turn, given)
            case inputs.MarketUpdate():
                self._market(turn, given)
            case inputs.CancelOrder():
                return intake.cancel(turn, given)
            case inputs.ReplaceOrder():
                return intake.replace(turn, given)
            case inputs.ClearLatch():
                return control.clear_latch(turn, given)
            case inputs.AcceptDrift():
                return drift.accept(turn, given)
            case inputs.ResolveOrder():
                return corrections.resolve(turn, given)
            case inputs.ReattributeOrder():
                return corrections.reattribute(turn, given)
            case inputs.SendStopped():
                answers.stopped(turn, given)
            case inputs.PlanPrepared():
                requests.prepared(turn, given)
            case inputs.QueryAnswered():
                answers.query_answered(turn, given)
            case inputs.TimerRang():
                self._timer(turn, given.key)
            case inputs.ListingsUpdate():
                accounts.listings_update(turn, given)
            case inputs.AccountPhase():
                accounts.account_phase(turn, given)
            case inputs.AccountSnapshot():
                accounts.snapshot(turn, given)
            case inputs.RateUpdate():
                self._state.rates[given.asset] = (given.rate, given.at_ns)
            case inputs.SetTradingState():
                control.set_state(turn, given)
            case inputs.Kill():
                control.kill(turn, given)
            case inputs.JournalLost():
                control.journal_lost(turn, given)
            case inputs.ConfigUpdate():
                return self._configure(turn, given)
            case inputs.Recovered():
                self._recovered(turn)
            case inputs.Forget():
                self._forget(given.orders)
            case unknown:
                assert_never(unknown)
        return None

    def _configure(self, turn: Turn, given: inputs.ConfigUpdate) -> Decision | None:
        try:
            router = SmartOrderRouter(given.config.router, self._policies)
            self._core.risk.configure(given.config.risk)
        except ConfigurationError as error:
            return Decision(error=error)
        control.apply_config(turn, given)
        self._state.config, self._core.router = given.config, router
        return None

    def _market(self, turn: Turn, given: inputs.MarketUpdate) -> None:
        self._state.market.update(given.update)
        if self._core.parameters:
            parents.on_market(turn, given.update.instrument_id)

    def _timer(self, turn: Turn, key: TimerKey) -> None:
        kind, subject = key
        match kind:
            case TimerKind.ALGORITHM:
                parents.on_timer(turn, OrderId(subject))
            case TimerKind.ANSWER:
                answers.answer_due(turn, OrderId(subject))
            case TimerKind.UNKNOWN:
                answers.ask_again(turn, OrderId(subject))
            case TimerKind.CANCEL:
                answers.retry_cancel(turn, OrderId(subject))
            case TimerKind.ADOPTION:
                reports.adopt_parked(turn, subject)
            case unknown:
                assert_never(unknown)

    def _recovered(self, turn: Turn) -> None:
        for order in list(self._state.ledger.orders.values()):
            if order.approved:
                self._state.exposure.reserve(order)
        accounts.recovered(turn)

    def _forget(self, finished: Sequence[tuple[OrderId, int]]) -> None:
        """Drop finished orders to which nothing happened since. Children stay while their parent works, and a parent
        stays while a child does, so that a late fill finds the whole family."""
        orders = self._state.ledger.orders
        parents_last: list[Order] = []
        for order_id, sequence in finished:
            order = orders.get(order_id)
            if order is None or order.is_open or order.last_sequence != sequence:
                continue
            if order.is_parent:
                parents_last.append(order)
                continue
            parent = orders.get(order.parent_id) if order.parent_id is not None else None
            if parent is None or not parent.is_open:
                self._core.oms.forget(order)
        for order in parents_last:
            if not any(child in orders for child in order.children or ()):
                self._core.oms.forget(order)
