"""Checked every few steps: a report that waits for its order counts as its account's meanwhile, at worst."""

from decimal import Decimal

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.outcome import FillReport, OrderReport
from liveexec.engine.engine import ExecutionEngine
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["check_unclaimed"]


def check_unclaimed(engine: ExecutionEngine, violations: Violations) -> None:
    """Of each order that nobody knows the most that a report tells of it counts, bought and sold apart."""
    core = engine._core  # noqa: SLF001  (what waits is nobody else's business)
    expected: dict[tuple[AccountId, InstrumentId], dict[Side, Decimal]] = {}
    for waiting in core.parked.values():
        worst: dict[tuple[AccountId, InstrumentId, Side], Decimal] = {}
        for delivered in waiting:
            said = delivered.report
            if isinstance(said, FillReport):
                leaf, quantity = (said.account_id, said.fill.instrument_id, said.fill.side), said.fill.quantity
            elif isinstance(said, OrderReport) and said.status.is_open:
                leaf = (said.account_id, said.instrument_id, said.side)
                quantity = said.quantity - said.filled_quantity
            else:
                continue
            worst[leaf] = max(worst.get(leaf, ZERO), quantity)
        for (account_id, instrument_id, side), quantity in worst.items():
            sides = expected.setdefault((account_id, instrument_id), {})
            sides[side] = sides.get(side, ZERO) + quantity
    for place, sides in expected.items():
        counted = dict(zip((Side.BUY, Side.SELL), engine.state.unclaimed.get(place, (ZERO, ZERO)), strict=True))
        for side, quantity in sides.items():
            if counted[side] < quantity:
                violations.add(13, f"{place}: reports of {side} {quantity} wait, and {counted[side]} count")
