"""The same for code without an event loop: a strategy that is an ordinary loop."""

from decimal import Decimal
from pathlib import Path

from liveexec import BlockingOrchestrator, Operation, OrderIntent, Side

with BlockingOrchestrator(Path(__file__).with_name("paper.json")) as live:
    for side in (Side.BUY, Side.SELL):
        result = live.submit(
            OrderIntent(
                operation=Operation.TRADE,
                instrument_key="PERPETUAL:BTC-USDT@LIN",
                side=side,
                quantity=Decimal("0.010"),
                strategy_id="synchronous",
            ),
            wait="terminal",
        )
        print(side, result.status, result.average_price)
    print({str(key): str(position.quantity) for key, position in live.positions.items()})
