"""Bugs in controls, risk rules, reservations and routing."""

from typing import Final

from mutants.mutant import Mutant

__all__ = ["RISK_BUGS"]

_CONTROL: Final = ("unit/engine/test_engine_control.py",)
_EXPOSURE: Final = ("unit/engine/test_exposure.py", "unit/engine/test_exposure_properties.py")

RISK_BUGS: Final = (
    Mutant(
        "a kill cancels nothing",
        "engine/control.py",
        "if order.is_open and in_scope(order, request.scope):",
        "if False:",
        _CONTROL,
        incident=22,
    ),
    Mutant(
        "a kill cancels what lies outside of its scope",
        "engine/control.py",
        "if order.is_open and in_scope(order, request.scope):",
        "if order.is_open:",
        _CONTROL,
        incident=22,
    ),
    Mutant(
        "a kill leaves its scope open for new orders",
        "engine/control.py",
        "state = TradingState.REDUCING if request.kind is ControlKind.FLATTEN else TradingState.HALTED",
        "state = TradingState.REDUCING if request.kind is ControlKind.FLATTEN else TradingState.ACTIVE",
        _CONTROL,
    ),
    Mutant(
        "a halted scope takes orders",
        "engine/rules/trading_state.py",
        "if trading is TradingState.HALTED:",
        "if False:",
        ("unit/engine/rules/test_rule_trading_state.py",),
    ),
    Mutant(
        "a latch stops nothing",
        "engine/rules/latched.py",
        "if latch_covers(scope, check):",
        "if False:",
        ("unit/engine/rules/test_rule_latches.py",),
    ),
    Mutant(
        "a rule that raises lets the order pass",
        "engine/risk.py",
        "                refusals.append(self._failed(rule, check, error))",
        "                self._failed(rule, check, error)",
        ("unit/engine/test_risk.py",),
    ),
    Mutant(
        "a window counts what lies a whole window back",
        "engine/activity.py",
        "now_ns - times[-limit] < window_ns",
        "now_ns - times[-limit] <= window_ns",
        ("unit/engine/test_activity.py",),
        unseen="takes two decisions that lie a window apart to the nanosecond",
    ),
    Mutant(
        "the position limit leaves out what works already",
        "engine/rules/position_limit.py",
        "worst += high + working.buys if sign > 0 else working.sells - low",
        "worst += high if sign > 0 else -low",
        ("unit/engine/rules/test_rule_position_limit.py",),
    ),
    Mutant(
        "the position limit has its signs crossed",
        "engine/rules/position_limit.py",
        "worst += high + working.buys if sign > 0 else working.sells - low",
        "worst += high + working.buys if sign > 0 else working.sells + low",
        ("unit/engine/rules/test_rule_position_limit.py",),
    ),
    Mutant(
        "a pending change reserves the lower price",
        "engine/exposure.py",
        "replace.price > price):",
        "replace.price < price):",
        _EXPOSURE,
    ),
    Mutant(
        "a pending change reserves the old quantity",
        "domain/order.py",
        "        left = self.whole_quantity - self.filled_quantity",
        "        left = self.quantity - self.filled_quantity",
        ("unit/domain/test_order.py", "unit/engine/test_engine_replace.py"),
    ),
    Mutant(
        "a parent's reservation does not shrink as its children fill",
        "engine/turn.py",
        """            if parent is not None and parent.approved:
                state.exposure.reserve(parent)""",
        "",
        (*_EXPOSURE, "unit/engine/test_engine_parents.py"),
    ),
    Mutant(
        "a child may grow beyond what its parent gave it",
        "engine/intake.py",
        "if parent is not None and quantity > order.quantity:",
        "if False:",
        ("unit/engine/test_engine_replace.py", "unit/engine/test_engine_parents.py"),
    ),
)
