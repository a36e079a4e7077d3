"""What operators do in a run beside stopping things (``kill_switch.py``): resolve orders, accept drifts, stop what is
not there.

Their requests are refused when they are wrong; one that is not is a finding.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from attrs import define, field

from liveexec.domain.account_event import ControlScope, ScopeKind
from liveexec.domain.ids import EXTERNAL, OrderId
from liveexec.domain.order_event import Resolution
from liveexec.domain.order_state import OrderStatus
from liveexec.engine.inputs import ControlKind
from liveexec.errors import InvalidInput, NotFound
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec_testkit.simulator.trace import Trace

__all__ = ["Operators"]

_WHO: Final = "operator"
_WHY: Final = "simulated"
#: What no host of a run has.
_STRAY: Final = (
    ControlScope(ScopeKind.ACCOUNT, "omega-1"),
    ControlScope(ScopeKind.VENUE, "OMEGA"),
    ControlScope(ScopeKind.INSTRUMENT, "OMEGA:SPOT_PAIR:ETH-USDT"),
)


@define(eq=False)
class Operators:
    """``violate`` takes what should have been refused and was not."""

    trace: Trace
    violate: Callable[[int, str], None]
    #: Orders that they ended, or are about to.
    resolving: dict[OrderId, None] = field(factory=dict)

    async def resolve(self, random: Random, live: LiveExecutionOrchestrator) -> None:
        """Say how an order ended of which nobody can tell; now and then what only fills may say."""
        candidates = [order for order in live.open_orders() if not order.is_parent and order.strategy_id != EXTERNAL]
        doubtful = [order for order in candidates if order.status is OrderStatus.UNKNOWN]
        order = _one_of(random, doubtful if doubtful and random.random() < 0.8 else candidates)
        resolution = random.choice(list(Resolution))
        if order is None:
            return
        self.trace.add("host", f"resolve {order.order_id} as {resolution}")
        self.resolving[order.order_id] = None
        try:
            await live.resolve(order.order_id, resolution, principal=_WHO, reason=_WHY)
        except InvalidInput:
            # It ended meanwhile, or only fills may say that.
            return
        if resolution is Resolution.FILLED:
            self.violate(26, f"{order.order_id} is filled because an operator says so")

    async def accept_drift(self, random: Random, live: LiveExecutionOrchestrator) -> None:
        """Take a venue's word for what an account holds."""
        drift = _one_of(random, list(live.shard.view.ledger.drifts.values()))
        if drift is None:
            return
        self.trace.add("host", f"accept {drift.theirs} as the {drift.subject} of {drift.account_id}")
        await live.accept_drift(drift.account_id, drift.subject, principal=_WHO, reason=_WHY)

    async def stop_a_stranger(self, random: Random, live: LiveExecutionOrchestrator) -> None:
        """Stop what is not here: who is told that it is stopped believes so."""
        scope, kind = random.choice(_STRAY), random.choice(list(ControlKind))
        self.trace.add("host", f"kill {scope} ({kind}), which is not here")
        try:
            await live.kill(scope, kind, principal=_WHO, reason=_WHY)
        except NotFound:
            return
        self.violate(26, f"{scope} is not here, and was told to be stopped")


def _one_of[T](random: Random, found: Sequence[T]) -> T | None:
    return random.choice(found) if found else None
