"""LATCHED: whether a control that tripped still holds where the order lies."""

from typing import ClassVar

from attrs import define

from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import BOTH_STAGES, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["LatchedRule", "latch_covers", "make_latched"]


@define(eq=False)
class LatchedRule:
    """Refuses every order in the scope of a latch, until an operator clears it. Meets MiFID II RTS 6 Art. 15(3)
    (disabled until re-enabled by a designated person) and Art. 17 (action after a post-trade control)."""

    name: ClassVar[str] = "latched"
    code: ClassVar[str] = "LATCHED"
    stages: ClassVar[frozenset[RiskStage]] = BOTH_STAGES

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        latches = state.ledger.latches
        if not latches:
            return None
        for (scope, code), latch in latches.items():
            if latch_covers(scope, check):
                return f"{code} holds on {scope} until it is cleared: {latch.reason}"
        return None


def latch_covers(scope: ControlScope, check: RiskCheck) -> bool:
    """Whether the order lies in the scope, as far as it is known where it goes."""
    listing = check.listing
    match scope.kind:
        case ScopeKind.GLOBAL:
            return True
        case ScopeKind.ACCOUNT:
            return check.account_id == scope.name
        case ScopeKind.STRATEGY:
            return check.order.strategy_id == scope.name
        case ScopeKind.VENUE:
            return listing is not None and listing.venue == scope.name
        case ScopeKind.INSTRUMENT:
            return listing is not None and listing.instrument_id == scope.name


def make_latched(_: RiskConfig) -> LatchedRule:
    """Always there: a latch outlives the configuration that set it."""
    return LatchedRule()
