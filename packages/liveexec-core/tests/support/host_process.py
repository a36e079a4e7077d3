"""A host as a process of its own: orders without end at paper venues in another process, every answer on a line.

``python -m support.host_process URL SOCKET OWNER LEASE_S PREFIX`` prints ``active``, then, for each operation, JSON
with its id, order, status and filled quantity once the library has told it, and last the error that ended it.
"""

import asyncio
import json
import sys
from itertools import count
from pathlib import Path

from attrs import evolve

from liveexec import EngineConfig, LiveExecutionOrchestrator, OrderIntent, PostgresStore
from liveexec.composition import build
from liveexec.domain.ids import OperationId
from liveexec.domain.operation import Side
from liveexec.errors import LiveExecError
from liveexec.runtime.clock import ScaledClock
from liveexec.runtime.logs import configure_logging
from liveexec.storage.dsn import Dsn
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.hosting import served_world, server_info
from support.hosting import FAST, OWNERS, PRODUCT, limit, market

_WORKERS = 6


def intents() -> tuple[OrderIntent, ...]:
    """What is sent over and over: filled at once, resting, routed, sliced."""
    return (
        market(quantity="0.02"),
        limit(price="58000", quantity="0.03"),
        market(Side.SELL, "0.01", instrument_key=PRODUCT),
        market(
            quantity="0.04", exec_algorithm="TWAP", exec_algorithm_params={"horizon_secs": 1, "interval_secs": 0.25}
        ),
        limit(Side.SELL, "60005", "0.02"),
    )


async def work(live: LiveExecutionOrchestrator, prefix: str, numbers: "count[int]") -> None:
    kinds = intents()
    while True:
        number = next(numbers)
        operation_id = OperationId(f"{prefix}-{number}")
        intent = evolve(kinds[number % len(kinds)], operation_id=operation_id)
        result = await live.submit(intent, wait="ack" if number % 2 else "durable", timeout_s=5)
        if number % 3 == 0:
            result = await live.cancel(result.order_id)
        told = {
            "operation": operation_id,
            "order": result.order_id,
            "status": str(result.status),
            "filled": str(result.filled_quantity),
        }
        print(json.dumps(told), flush=True)


async def main(url: str, socket: Path, owner: str, lease_s: float, prefix: str) -> None:
    configure_logging("CRITICAL")
    world, anchor = served_world(socket), (await server_info(socket)).anchor
    adapters = [RemotePaperAdapter(socket, world, venue.venue, (OWNERS[venue.venue],)) for venue in world.venues]
    clock = ScaledClock(anchor.market_ns, anchor.monotonic_ns, 1.0)
    async with PostgresStore(Dsn(url)) as store:
        config = EngineConfig(timing=FAST)
        async with build(config, store, adapters, clock=clock, owner=owner, lease_s=lease_s) as live:
            await live.active(20)
            print("active", flush=True)
            numbers = count(1)
            await asyncio.gather(*(work(live, prefix, numbers) for _ in range(_WORKERS)))


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]), sys.argv[5]))
    except LiveExecError as error:
        print(f"ended: {type(error).__name__}", flush=True)
        sys.exit(3)
