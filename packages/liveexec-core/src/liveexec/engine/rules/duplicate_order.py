"""DUPLICATE_ORDER: whether the same order came a moment ago."""

from typing import ClassVar

from attrs import define

from liveexec.domain.order_event import RiskStage
from liveexec.engine.risk import PARENT_STAGE, RiskCheck
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.state import EngineState

__all__ = ["DuplicateOrderRule", "make_duplicate_order"]


@define(eq=False)
class DuplicateOrderRule:
    """Compares strategy, instrument key, side, quantity and price with the orders let through within
    ``duplicate_window_ns``: two that agree in all of them, under different operation ids, are taken for a mistake.
    The control of duplicative orders of SEC 15c3-5(c)(1)(ii)."""

    window_ns: int

    name: ClassVar[str] = "duplicate_order"
    code: ClassVar[str] = "DUPLICATE_ORDER"
    stages: ClassVar[frozenset[RiskStage]] = PARENT_STAGE

    def __call__(self, check: RiskCheck, state: EngineState) -> str | None:
        if check.replaces is not None:
            return None
        last_ns = state.activity.last_equal(check.order)
        if last_ns is None or state.now_ns - last_ns >= self.window_ns:
            return None
        return f"an equal order came {state.now_ns - last_ns} ns before, within the window of {self.window_ns} ns"


def make_duplicate_order(config: RiskConfig) -> DuplicateOrderRule | None:
    """The rule, if there is a window."""
    return DuplicateOrderRule(config.duplicate_window_ns) if config.duplicate_window_ns is not None else None
