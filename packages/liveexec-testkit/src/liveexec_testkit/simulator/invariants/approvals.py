"""Checked with every verdict of risk that becomes durable: limits and controls are worked out here once more, from the
journal alone, and a refusal has to have its reason."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from liveexec.domain import order_event as ev
from liveexec.domain.account_event import ControlScope, LatchCleared, ScopeKind, TradingState
from liveexec.domain.ids import AccountId, InstrumentId, is_instrument_id, venue_of
from liveexec.domain.ledger import Ledger
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec.engine.risk import RULE_FAILED
from liveexec.engine.risk_config import ANY, RiskConfig
from liveexec.engine.rules.repeated_execution import REPEATED_EXECUTION
from liveexec_testkit.simulator.invariants.violation import Violations
from liveexec_testkit.simulator.market import LOT, MOST_LOTS, account_at
from liveexec_testkit.simulator.settings import UNLUCKY

__all__ = ["ApprovalChecks"]

#: Who asks for what flattens a scope; new risk is bounded by limits, and this is none.
_OPERATOR: Final = "operator"
_TOO_LARGE: Final = "is above the maximum"


@define(eq=False)
class ApprovalChecks:
    """``before`` is told of each event before ``ledger`` folds it, ``after_batch`` when a batch is folded."""

    violations: Violations
    ledger: Ledger
    risk: RiskConfig
    #: The epoch whose batch is folded.
    epoch: Callable[[], int]
    #: When orders of one strategy, key and side were executed lately.
    _executions: dict[tuple[str, str | None, Side | None], deque[int]] = field(factory=dict)
    _expected: list[ControlScope] = field(factory=list)
    _cleared: list[ControlScope] = field(factory=list)
    _counted_in: int = 0

    def before(self, record: Record, order: Order | None, event: Any) -> None:
        """An event is durable, and about to be folded."""
        match event:
            case ev.RiskApproved(stage=stage):
                assert order is not None
                self._approved(order, stage)
            case ev.RiskRefused():
                assert order is not None
                self._refused(order, event)
            case ev.FillApplied():
                assert order is not None
                self._executed(order, record.at_ns)
            case LatchCleared(scope=scope):
                self._cleared.append(scope)
            case _:
                pass

    def after_batch(self, _: int) -> None:
        """A batch is folded: what had to be latched is."""
        for scope in self._expected:
            if (scope, REPEATED_EXECUTION) not in self.ledger.latches and scope not in self._cleared:
                self.violations.add(24, f"{scope} executed the same too often, and is not stopped")
        self._expected.clear()
        self._cleared.clear()

    def _approved(self, order: Order, stage: ev.RiskStage) -> None:
        add, name = self.violations.add, order.order_id
        is_leg = stage is ev.RiskStage.LEG
        # Before a venue lists it, nobody knows where a parent will go.
        scopes = _scopes(order, by_key=is_leg)
        states = {scope: self.ledger.state_of(scope) for scope in scopes}
        flattens = order.principal == _OPERATOR
        if halted := [scope for scope, state in states.items() if state is TradingState.HALTED]:
            add(24, f"{name} was approved, and {halted[0]} is halted")
        reducing = [scope for scope, state in states.items() if state is TradingState.REDUCING]
        if is_leg and reducing and reducing[0].kind is not ScopeKind.STRATEGY and not self._reduces(order):
            add(24, f"{name} was approved, and {reducing[0]} may only be reduced")
        latched = [f"{code} on {scope}" for scope, code in self.ledger.latches if scope in scopes]
        if latched and not flattens:
            add(24, f"{name} was approved, and {latched[0]} is latched")
        if order.parent_id is None and order.quantity == UNLUCKY:
            add(24, f"{name} was approved, and a rule could not judge it")
        if is_leg and order.parent_id is None and not flattens and not order.intent.reduce_only:
            self._check_limits(order)

    def _check_limits(self, order: Order) -> None:
        add, risk, name = self.violations.add, self.risk, order.order_id
        most = risk.max_order_quantity.get(ANY)
        if most is not None and order.quantity > most:
            add(24, f"{name} was approved for {order.quantity}, the limit is {most}")
        working = self._working(order)
        open_orders = sum(1 for each in self.ledger.orders.values() if _is_live_leaf(each))
        if risk.max_open_orders is not None and open_orders >= risk.max_open_orders:
            add(24, f"{name} was approved as one more than {open_orders}, the limit is {risk.max_open_orders}")
        limit = risk.max_position_per_instrument.get(ANY)
        low, high = self._held(order)
        side = order.intent.side
        assert side is not None
        worst = (high if side.sign > 0 else -low) + working + order.quantity
        if limit is not None and worst > limit:
            add(24, f"{name} was approved, {order.instrument_id} could reach {worst}, the limit is {limit}")

    def _refused(self, order: Order, refusal: ev.RiskRefused) -> None:
        add, name = self.violations.add, order.order_id
        scopes = _scopes(order, by_key=True)
        for each in refusal.refusals:
            if each.code == "TRADING_STATE" and all(
                self.ledger.state_of(scope) is TradingState.ACTIVE for scope in scopes
            ):
                add(24, f"{name} was refused ({each.message}), and nothing is stopped")
            elif each.code == "LATCHED" and not any(scope in scopes for scope, _ in self.ledger.latches):
                add(24, f"{name} was refused ({each.message}), and nothing is latched")
            elif each.code == RULE_FAILED and order.quantity != UNLUCKY:
                add(24, f"{name} was refused ({each.message}), and no rule had to fail")
            elif _TOO_LARGE in each.message and order.quantity <= LOT * MOST_LOTS:
                add(24, f"{name} was refused ({each.message}) with {order.quantity}")

    def _reduces(self, order: Order) -> bool:
        low, high = self._held(order)
        side = order.intent.side
        assert side is not None
        held = -high if side.sign > 0 else low
        return self._working(order) + order.quantity <= held

    def _held(self, order: Order) -> tuple[Decimal, Decimal]:
        """The lowest and the highest that the account may hold of the instrument."""
        assert order.account_id is not None
        assert order.instrument_id is not None
        net = self.ledger.net_quantity(order.account_id, order.instrument_id)
        drift = self.ledger.drifts.get((order.account_id, f"position:{order.instrument_id}"))
        other = net + drift.theirs - drift.ours if drift is not None else net
        return min(net, other), max(net, other)

    def _working(self, order: Order) -> Decimal:
        """What works already on the order's side, at its worst."""
        return sum(
            (
                max(each.quantity, each.replace.quantity if each.replace is not None else ZERO) - each.filled_quantity
                for each in self.ledger.orders.values()
                if each is not order
                and _is_live_leaf(each)
                and (each.account_id, each.instrument_id) == (order.account_id, order.instrument_id)
                and each.intent.side is order.intent.side
            ),
            ZERO,
        )

    def _executed(self, order: Order, at_ns: int) -> None:
        """An order of a caller's counts once, with its first fill."""
        if (epoch := self.epoch()) != self._counted_in:
            # What a process counted is forgotten with it.
            self._counted_in = epoch
            self._executions.clear()
        asked = self.ledger.orders.get(order.parent_id) if order.parent_id is not None else order
        count, window_ns = self.risk.repeated_execution_count, self.risk.repeated_execution_window_ns
        if count is None or window_ns is None or asked is None or asked.filled_quantity:
            return
        key = (asked.strategy_id, asked.intent.instrument_key, asked.intent.side)
        times = self._executions.setdefault(key, deque(maxlen=count))
        times.append(at_ns)
        if len(times) == count and at_ns - times[0] < window_ns:
            del self._executions[key]
            self._expected.append(ControlScope(ScopeKind.STRATEGY, asked.strategy_id))


def _is_live_leaf(order: Order) -> bool:
    return order.is_open and order.approved and not order.is_parent


def _scopes(order: Order, *, by_key: bool) -> list[ControlScope]:
    """The scopes that an order lies in, as far as it is known where it goes; wider ones first."""
    account_id, instrument_id = order.account_id, order.instrument_id
    key = order.intent.instrument_key
    if by_key and instrument_id is None and key is not None and is_instrument_id(key):
        instrument_id = InstrumentId(key)
        account_id = account_at(venue_of(instrument_id))
    scopes = [ControlScope(ScopeKind.GLOBAL)]
    if account_id is not None:
        scopes.append(ControlScope(ScopeKind.ACCOUNT, AccountId(account_id)))
    scopes.append(ControlScope(ScopeKind.STRATEGY, order.strategy_id))
    if instrument_id is not None:
        scopes.append(ControlScope(ScopeKind.VENUE, venue_of(instrument_id)))
        scopes.append(ControlScope(ScopeKind.INSTRUMENT, instrument_id))
    return scopes
