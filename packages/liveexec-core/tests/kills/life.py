"""One life of a host: it trades without end at venues in another process, until a fail point or the runner ends it.

What the library told it stands on a line each (JSON), so that whoever comes after can hold the library to it. It does
a little of everything, so that every fail point is passed soon: orders that fill, rest, are sliced, changed, cancelled;
answers that are lost; orders that left memory; a strategy that is killed and armed again.
"""

import asyncio
import json
import os
import sys
from itertools import count
from pathlib import Path
from typing import Final

from attrs import asdict, define, evolve, frozen

from liveexec import EngineConfig, ExecutionResult, LiveExecutionOrchestrator, OrderIntent, PostgresStore
from liveexec.composition import build
from liveexec.domain.account_event import ControlScope, ScopeKind, TradingState
from liveexec.domain.ids import OperationId, OrderId, StrategyId
from liveexec.domain.intent import ReplaceIntent
from liveexec.domain.operation import Side
from liveexec.engine.inputs import ControlKind
from liveexec.errors import Busy, Fenced, Halted, InvalidInput, NotFound, OutcomeUnknown
from liveexec.runtime.clock import ScaledClock
from liveexec.runtime.failpoints import Action, FailPoint, arm, kill, kill_after, stop
from liveexec.runtime.logs import configure_logging
from liveexec.storage.dsn import Dsn
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.hosting import served_world, server_info
from support.hosting import FAST, OWNERS, PRODUCT, limit, market

__all__ = ["ACTIVE", "CLOSED", "FENCED", "INSIDE", "Death", "Life", "live"]

ACTIVE: Final = "active"
CLOSED: Final = "closed"
FENCED: Final = "fenced"
#: A price between the quotes: what rests there is the first to be taken by others.
INSIDE: Final = "60005"
_WORKERS: Final = 4
_DOOMED: Final = StrategyId("doomed")
#: Nothing is known then, or nothing was done: the next operation is tried.
_PASSING: Final = (Busy, Halted, OutcomeUnknown, NotFound, InvalidInput)


@frozen
class Death:
    """Where a life ends: the ``hit``-th time it reaches a moment, or so much later. ``stops`` only freezes it."""

    point: FailPoint
    hit: int = 1
    delay_s: float = 0.0
    stops: bool = False

    def arm(self) -> None:
        action: Action = stop if self.stops else kill_after(self.delay_s) if self.delay_s else kill
        arm(self.point, hit=self.hit, action=action)

    def __str__(self) -> str:
        late = f" + {self.delay_s * 1000:.2f} ms" if self.delay_s else ""
        return f"{self.point} #{self.hit}{late}"


@frozen
class Life:
    """What a host is started with. After ``operations`` it closes as it should."""

    database: str
    socket: str
    output: str
    prefix: str
    operations: int
    owner: str = "host"
    lease_s: float = 0.6
    death: Death | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Life":
        values = json.loads(text)
        death = values.pop("death")
        return cls(**values, death=Death(**(death | {"point": FailPoint(death["point"])})) if death else None)


@define(eq=False)
class _Trader:
    live: LiveExecutionOrchestrator
    life: Life
    numbers: "count[int]"

    async def work(self) -> None:
        """One operation after the other."""
        recent: list[OrderId] = []
        while (number := next(self.numbers)) <= self.life.operations:
            try:
                result = await self._place(number)
                recent.append(result.order_id)
                await self._disturb(number, result.order_id, recent)
            except _PASSING:
                # The database may be down for a while; what became of it is asked after this life.
                await asyncio.sleep(0.02)

    async def _place(self, number: int) -> ExecutionResult:
        kinds = _intents()
        operation_id = OperationId(f"{self.life.prefix}-{number}")
        intent = evolve(kinds[number % len(kinds)], operation_id=operation_id)
        result = await self.live.submit(intent, wait="ack" if number % 2 else "durable", timeout_s=2)
        _tell(operation_id, result)
        return result

    async def _disturb(self, number: int, order_id: OrderId, recent: list[OrderId]) -> None:
        if number % 3 == 0:
            _tell(f"{self.life.prefix}-{number}", await self.live.cancel(order_id))
        if number % 7 == 1:
            await self.live.replace(ReplaceIntent(order_id, limit().quantity * 2))
        if number % 11 == 0:
            # It has ended by now, or left memory: nothing is to be done, but it has to be looked up.
            await self.live.cancel(recent[0], wait="terminal", timeout_s=0.5)
        if number % 13 == 0:
            scope = ControlScope(ScopeKind.STRATEGY, _DOOMED)
            await self.live.kill(scope, ControlKind.CANCEL_ALL, principal="test", reason="now and then")
            await self.live.set_trading_state(scope, TradingState.ACTIVE, principal="test", reason="it goes on")


def live(life: Life) -> int:
    """Live it in this process, whose output goes to a file from now on; the exit code."""
    descriptor = os.open(life.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, sys.stdout.fileno())
    os.dup2(descriptor, sys.stderr.fileno())
    configure_logging("CRITICAL")
    if life.death is not None:
        life.death.arm()
    try:
        asyncio.run(_run(life))
    except Fenced:
        print(FENCED, flush=True)
        return 3
    print(CLOSED, flush=True)
    return 0


async def _run(life: Life) -> None:
    socket = Path(life.socket)
    world, anchor = served_world(socket), (await server_info(socket)).anchor
    adapters = [RemotePaperAdapter(socket, world, venue.venue, (OWNERS[venue.venue],)) for venue in world.venues]
    clock = ScaledClock(anchor.market_ns, anchor.monotonic_ns, 1.0)
    config = EngineConfig(timing=FAST, finished_orders_kept=4)
    async with PostgresStore(Dsn(life.database)) as store:
        host = build(config, store, adapters, clock=clock, owner=life.owner, lease_s=life.lease_s)
        async with host as orchestrator:
            await orchestrator.active(20)
            print(ACTIVE, flush=True)
            trader = _Trader(orchestrator, life, count(1))
            await asyncio.gather(*(trader.work() for _ in range(_WORKERS)))


def _intents() -> tuple[OrderIntent, ...]:
    return (
        market(quantity="0.02"),
        limit(price="58000", quantity="0.03"),
        market(Side.SELL, "0.01", instrument_key=PRODUCT),
        market(
            quantity="0.04", exec_algorithm="TWAP", exec_algorithm_params={"horizon_secs": 0.4, "interval_secs": 0.1}
        ),
        limit(Side.SELL, INSIDE, "0.02"),
        limit(price="57000", quantity="0.01", strategy_id=_DOOMED),
    )


def _tell(operation_id: str, result: ExecutionResult) -> None:
    told = {
        "operation": operation_id,
        "order": result.order_id,
        "status": str(result.status),
        "filled": str(result.filled_quantity),
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    sys.exit(live(Life.from_json(sys.argv[1])))
