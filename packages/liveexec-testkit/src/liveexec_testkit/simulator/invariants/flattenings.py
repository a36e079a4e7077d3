"""Checked with flattenings: one ends when its account is trusted and nothing is open in its scope, or because an
operator says something else of it; and whoever lets a scope trade again wants nothing in it flattened."""

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field

from liveexec.domain.account_event import ControlScope, FlattenEnded, FlattenRequested, StateChanged
from liveexec.domain.ids import AccountId
from liveexec.domain.ledger import Ledger
from liveexec.domain.order import Order
from liveexec.domain.record import Record
from liveexec.engine.scopes import in_scope
from liveexec.engine.turn import Decision
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["FlattenChecks"]

#: By then an engine has heard of what its session has.
_TOLD_NS: Final = 20_000_000


@define(eq=False)
class FlattenChecks:
    """``decided`` is told of each decision, with how long an account's session has been in doubt; ``before`` of each
    event before ``ledger`` folds it."""

    violations: Violations
    ledger: Ledger
    _waiting: dict[tuple[ControlScope, AccountId], None] = field(factory=dict)
    _ended: list[tuple[ControlScope, AccountId, int]] = field(factory=list)

    def decided(self, decision: Decision, in_doubt_ns: Callable[[AccountId], int]) -> None:
        """An engine decided something."""
        for event in (each for record in decision.records for each in record.events):
            if isinstance(event, FlattenEnded) and not _is_withdrawn(event):
                doubted_ns = in_doubt_ns(event.account_id)
                if doubted_ns > _TOLD_NS:
                    told = f"{event.scope} is flattened on {event.account_id}, in doubt for {doubted_ns} ns"
                    self.violations.add(24, told)

    def before(self, record: Record, _: Order | None, event: Any) -> None:
        """An event is durable, and about to be folded."""
        match event:
            case FlattenRequested(scope=scope, account_id=account_id):
                self._waiting[scope, account_id] = None
            case FlattenEnded(scope=scope, account_id=account_id):
                self._waiting.pop((scope, account_id), None)
                if not _is_withdrawn(event):
                    self._ended.append((scope, account_id, record.at_ns))
            case StateChanged(scope=scope, principal="operator"):
                if any(waiting == scope for waiting, _ in self._waiting):
                    self.violations.add(17, f"an operator set the state of {scope}, and it is still to be flattened")
            case _:
                pass

    def after_batch(self, _: int) -> None:
        """A batch is folded: with what was flattened in it nothing older is open."""
        for ended in self._ended:
            self._check_clear(*ended)
        self._ended.clear()

    def _check_clear(self, scope: ControlScope, account_id: AccountId, at_ns: int) -> None:
        for order in self.ledger.orders.values():
            is_its = order.is_parent or order.account_id == account_id
            # What flattens is asked for in the same decision.
            if order.is_open and is_its and order.created_at_ns < at_ns and in_scope(order, scope):
                self.violations.add(17, f"{scope} is flattened on {account_id}, and {order.order_id} is open")


def _is_withdrawn(event: FlattenEnded) -> bool:
    return "operator" in event.reason
