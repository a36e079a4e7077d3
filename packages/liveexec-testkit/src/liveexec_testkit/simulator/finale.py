"""After everything has come to rest: four more questions that only a world at rest can answer.

Does a healthy stream that leaves something out go unnoticed? Does an order that nothing stops go through? Is what
drifts ours once an operator accepts it? Are tables that contradict the journal trusted?
"""

import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any, Final

from liveexec.domain.account_event import ControlScope, DriftSeen, ScopeKind, TradingState
from liveexec.domain.ids import InstrumentId, OrderId, StrategyId
from liveexec.domain.intent import CancelIntent, OrderIntent
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.domain.order_state import OrderStatus
from liveexec.errors import InvariantViolation, NotFound
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.runtime.recovery import recover
from liveexec_testkit.simulator.market import LOT, TICK
from liveexec_testkit.simulator.settings import SHARD
from liveexec_testkit.simulator.store import at_once
from liveexec_testkit.simulator.venue import SimVenue
from liveexec_testkit.simulator.world import World

__all__ = ["accept_drifts", "check_damaged_tables", "probe", "trade_in_silence"]

_PROBE: Final = StrategyId("probe")
#: How long a probe may take: no fault is left, and a venue answers within milliseconds.
_PROBE_S: Final = 2.0


def trade_in_silence(world: World) -> bool:
    """Have others trade at the venues, and nobody told of it; some runs only, since it is found after seconds."""
    if world.plan.seed % 4:
        return False
    for venue in world.venues:
        venue.sessions.is_muted = True
        venue.activity.trade_foreign()
        venue.sessions.is_muted = False
    return True


def probe(world: World) -> list[Coroutine[Any, Any, None]]:
    """An order for each venue that nothing stops: it has to be worked, and to go when it is cancelled."""
    if world.plan.settings.risk.max_position_per_instrument:
        return []
    live = world.supervisor.process.orchestrator
    found = ((venue, next(_open_instruments(world, venue), None)) for venue in world.venues)
    return [_probe(world, live, venue, instrument_id) for venue, instrument_id in found if instrument_id is not None]


def accept_drifts(world: World) -> list[Coroutine[Any, Any, None]]:
    """Accept the venues' word for everything that drifts, in some runs."""
    if world.plan.seed % 3 == 0:
        return []
    return [_accept(world, drift) for drift in world.journal.ledger.drifts.values()]


def check_damaged_tables(world: World) -> None:
    """A recovery from tables that were changed by hand has to be refused."""
    memory = world.server.memory
    open_orders = [order for order in world.journal.ledger.orders.values() if order.is_open]
    if not open_orders:
        return
    row = memory._tables.row("orders", open_orders[0].order_id)  # noqa: SLF001  (damage is done behind the store's back)
    assert row is not None
    sound, row["filled_quantity"] = row["filled_quantity"], LOT * 1_000
    try:
        at_once(recover(memory, SHARD))
    except InvariantViolation:
        return
    finally:
        row["filled_quantity"] = sound
    world.violations.add(18, f"the row of {open_orders[0].order_id} contradicts the journal, and is recovered from")


async def _accept(world: World, drift: DriftSeen) -> None:
    live = world.supervisor.process.orchestrator
    # Its difference may have ended, or be another by now.
    with contextlib.suppress(NotFound):
        await live.accept_drift(drift.account_id, drift.subject, principal="operator", reason="the venue is right")


async def _probe(world: World, live: LiveExecutionOrchestrator, venue: SimVenue, instrument_id: InstrumentId) -> None:
    intent = OrderIntent(
        operation=Operation.TRADE,
        quantity=LOT,
        strategy_id=_PROBE,
        instrument_key=instrument_id,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=venue.truth.prices[instrument_id] - TICK * 20,
    )
    taken = await live.submit(intent, wait="ack", timeout_s=_PROBE_S)
    if taken.status is not OrderStatus.ACCEPTED:
        world.violations.add(24, f"{taken.order_id} is {taken.status} ({taken.message}), and nothing stops it")
        return
    world.workload.cancelled[OrderId(taken.order_id)] = None
    gone = await live.cancel(CancelIntent(taken.order_id), wait="terminal", timeout_s=_PROBE_S)
    if gone.status is not OrderStatus.CANCELED:
        world.violations.add(14, f"{taken.order_id} is {gone.status}, {_PROBE_S} s after its cancel")


def _open_instruments(world: World, venue: SimVenue) -> Iterator[InstrumentId]:
    """The instruments of a venue in which nothing is stopped."""
    ledger = world.journal.ledger
    scopes = [
        ControlScope(ScopeKind.GLOBAL),
        ControlScope(ScopeKind.ACCOUNT, venue.account_id),
        ControlScope(ScopeKind.VENUE, venue.kind.name),
    ]
    latched = [scope for scope, _ in ledger.latches]
    for instrument_id in venue.truth.listings:
        lies_in = [*scopes, ControlScope(ScopeKind.INSTRUMENT, instrument_id)]
        if all(ledger.state_of(scope) is TradingState.ACTIVE and scope not in latched for scope in lies_in):
            yield instrument_id
