"""From a configuration to a fill: the section trading_node, under the real orchestrator, at a loopback venue."""

from decimal import Decimal

import pytest

from liveexec import LiveExecutionOrchestrator, Operation, OrderIntent, OrderType, Side
from nautilus_support.flavors import OKX
from nautilus_support.harness import NodeHarness

pytestmark = pytest.mark.anyio


async def test_an_order_through_the_node_of_a_configuration() -> None:
    async with NodeHarness(OKX) as venue:
        traded = venue.instruments[0]
        await venue.rest(traded.instrument_id, Side.SELL, traded.price, traded.quantity)
        config = {
            "mode": "paper",
            "trading_node": {"exec_clients": [venue.client()]},
            "instruments": [traded.instrument_id],
            "database": {"url": "memory:"},
            "logging": {"level": "ERROR"},
        }
        async with LiveExecutionOrchestrator.from_config(config) as live:
            await live.active(30)
            result = await live.submit(
                OrderIntent(
                    operation=Operation.TRADE,
                    instrument_key=traded.instrument_id,
                    side=Side.BUY,
                    quantity=traded.quantity,
                    order_type=OrderType.LIMIT,
                    price=traded.price,
                    strategy_id="configured",
                ),
                wait="terminal",
            )
        assert result.status == "FILLED"
        (fill,) = await venue.fills()
        assert [(each.quantity, each.price, each.fee) for each in result.fills] == [
            (traded.quantity, traded.price, fill.fill.fee)
        ]
        assert (await venue.positions())[0].quantity == traded.quantity
        assert isinstance(fill.fill.fee, Decimal)
