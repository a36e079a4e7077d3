"""A service: it trades until SIGTERM comes (or Ctrl-C), and then gives everything back before it ends."""

import asyncio
import signal
from decimal import Decimal
from pathlib import Path

from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, OrderType, Side


async def trade(live: LiveExecutionOrchestrator) -> None:
    """Rest an order far from the market, and watch what happens."""
    events = live.stream()
    await live.submit(
        OrderIntent(
            operation=Operation.TRADE,
            instrument_key="PAPER-A:SPOT_PAIR:BTC-USDT",
            side=Side.BUY,
            quantity=Decimal("0.5"),
            order_type=OrderType.LIMIT,
            price=Decimal(10_000),
            strategy_id="service",
        )
    )
    async for item in events:
        print(type(item.event).__name__, flush=True)


async def main() -> None:
    task = asyncio.current_task()
    assert task is not None
    # The library installs no signal handlers: what ends the process is the process's own business. Cancelled here,
    # the block is left wherever it stands, at the start as well.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with LiveExecutionOrchestrator.from_config(Path(__file__).with_name("paper.json")) as live:
        await trade(live)


try:
    asyncio.run(main())
except asyncio.CancelledError:
    print("terminated: the shard, the venues and the database are given back", flush=True)
