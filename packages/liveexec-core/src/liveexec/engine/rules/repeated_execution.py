"""REPEATED_EXECUTION: whether a strategy was stopped because it did the same thing too often."""

from typing import ClassVar, Final

from attrs import define

from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["REPEATED_EXECUTION", "RepeatedExecutionRule", "make_repeated_execution"]

#: The code of the rule, and of the latch that is set on the strategy when ``Activity.note_execution`` says so.
REPEATED_EXECUTION: Final = "REPEATED_EXECUTION"


@define(eq=False)
class RepeatedExecutionRule:
    """Refuses while the strategy's latch of this code is set: ``repeated_execution_count`` of its orders in one
    instrument and side were executed within ``repeated_execution_window_ns``. The throttle of repeated automated
    execution of MiFID II RTS 6 Art. 15(3)."""

    name: ClassVar[str] = "repeated_execution"
    code: ClassVar[str] = REPEATED_EXECUTION
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if not state.ledger.latches:
            return None
        scope = ControlScope(ScopeKind.STRATEGY, check.order.strategy_id)
        latch = state.ledger.latches.get((scope, REPEATED_EXECUTION))
        return f"{scope} is stopped until an operator clears it: {latch.reason}" if latch is not None else None


def make_repeated_execution(config: RiskConfig) -> RepeatedExecutionRule | None:
    """The rule, if repeated executions are counted."""
    return RepeatedExecutionRule() if config.repeated_execution_count is not None else None
