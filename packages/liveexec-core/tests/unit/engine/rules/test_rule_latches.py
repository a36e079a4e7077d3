"""LATCHED and REPEATED_EXECUTION: a control that tripped holds until an operator clears it."""

import pytest

from liveexec.domain.account_event import ControlScope, LatchCleared, ScopeKind
from liveexec.domain.ids import StrategyId
from liveexec.engine.risk_config import RiskConfig
from support.builders import ALPHA, ALPHA_ACCOUNT, BETA, NOW_NS, SPOT, SPOT_AT_BETA, STRATEGY, make_intent
from support.risk_world import RiskWorld, codes_of

OTHER = StrategyId("other")


@pytest.mark.parametrize(
    ("kind", "name", "codes"),
    [
        (ScopeKind.GLOBAL, "", ["LATCHED"]),
        (ScopeKind.STRATEGY, STRATEGY, ["LATCHED"]),
        (ScopeKind.ACCOUNT, ALPHA_ACCOUNT, ["LATCHED"]),
        (ScopeKind.VENUE, ALPHA, ["LATCHED"]),
        (ScopeKind.INSTRUMENT, SPOT, ["LATCHED"]),
        (ScopeKind.STRATEGY, OTHER, []),
        (ScopeKind.ACCOUNT, "BETA-1", []),
        (ScopeKind.VENUE, BETA, []),
        (ScopeKind.INSTRUMENT, SPOT_AT_BETA, []),
    ],
)
def test_a_latch_holds_in_its_scope_until_it_is_cleared(kind: ScopeKind, name: str, codes: list[str]) -> None:
    world = RiskWorld()
    world.latches("OVERFILL", kind, name)
    assert codes_of(world.leg(make_intent())) == codes
    cleared = LatchCleared(ControlScope(kind, name), "OVERFILL", "operator", "looked at")
    world.state.ledger.apply_account_event("control:main", cleared, NOW_NS)
    assert codes_of(world.leg(make_intent())) == []


def test_the_slices_of_a_running_parent_stop_too() -> None:
    world = RiskWorld()
    parent = world.runs()
    world.latches("OVERFILL", ScopeKind.STRATEGY, STRATEGY)
    assert codes_of(world.leg(make_intent(), parent=parent)) == ["LATCHED"]


def test_a_latch_of_repeated_execution_has_its_own_code_and_stays_a_latch() -> None:
    world = RiskWorld(RiskConfig(repeated_execution_count=3, repeated_execution_window_ns=1_000))
    assert world.codes(make_intent()) == []
    world.latches("REPEATED_EXECUTION", ScopeKind.STRATEGY, STRATEGY)
    assert world.codes(make_intent()) == ["REPEATED_EXECUTION", "LATCHED"]
    assert world.codes(make_intent(strategy_id=OTHER)) == []


def test_a_latch_outlives_the_limit_that_set_it() -> None:
    world = RiskWorld()
    world.latches("REPEATED_EXECUTION", ScopeKind.STRATEGY, STRATEGY)
    assert world.codes(make_intent()) == ["LATCHED"]
