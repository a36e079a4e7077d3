"""A script that trades: everything it needs is in paper.json beside it."""

import asyncio
from decimal import Decimal
from pathlib import Path

from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, Side


async def main() -> None:
    async with LiveExecutionOrchestrator.from_config(Path(__file__).with_name("paper.json")) as live:
        result = await live.submit(
            OrderIntent(
                operation=Operation.TRADE,
                instrument_key="SPOT_PAIR:BTC-USDT",  # a product: the router picks the venue
                side=Side.BUY,
                quantity=Decimal("0.5"),
                strategy_id="script",
            ),
            wait="terminal",
        )
        print(result.status, result.average_price)


asyncio.run(main())
