"""One child serves several venues: each hears of its own, and its death is a gap for all of them and nothing more."""

import asyncio
import os
import signal
from decimal import Decimal

import pytest

from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import FillReport, Gap, SendPlan, Sent
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.clock import WallClock
from liveexec.runtime.order_ids import new_order_id
from liveexec.structuring import strict_converter, structured
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_nautilus.live.config import TradingNodeSection
from liveexec_nautilus.live.factory import adapters_of
from liveexec_testkit.conformance.harness import TradedInstrument
from nautilus_support.flavors import BINANCE_FUTURES, OKX
from nautilus_support.harness import NodeHarness

pytestmark = pytest.mark.anyio


async def _filled(adapter: NautilusAdapter, venue: NodeHarness, traded: TradedInstrument) -> FillReport:
    """Rest an order there, have somebody take it, and hear of that."""
    clock = WallClock()
    order = VenueOrder(
        new_order_id(clock),
        adapter.accounts[0],
        traded.instrument_id,
        Operation.TRADE,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        traded.quantity,
        traded.price - 10,
    )
    rule = adapter.manifest.client_id
    assert rule is not None
    plan = SendPlan(rule.client_order_id(order.order_id, 1), clock.now_ns() + 10**10)
    assert isinstance(await adapter.submit(order, plan), Sent)
    await venue.take(traded.instrument_id, Side.SELL, traded.price - Decimal(10), traded.quantity)
    async with asyncio.timeout(10):
        async for report in adapter.reports():
            if isinstance(report, FillReport):
                return report
    raise AssertionError("the stream ended")


async def test_two_venues_in_one_process() -> None:
    async with NodeHarness(BINANCE_FUTURES) as binance, NodeHarness(OKX) as okx:
        clients = [{**venue.client(), "account_id": name} for venue, name in ((binance, "one"), (okx, "two"))]
        document = {"exec_clients": clients, "trader_id": "LOOPBACK-001"}
        section = structured(strict_converter(texts=True), document, TradingNodeSection, "trading_node")
        adapters = [each for each in adapters_of(section) if isinstance(each, NautilusAdapter)]
        venues = (binance, okx)
        try:
            async with asyncio.TaskGroup() as group:
                for each in adapters:
                    group.create_task(each.connect())
            node = adapters[0]._node
            pid = node.pid
            assert pid is not None
            assert node is adapters[1]._node
            assert node.starts == 1
            for adapter, venue in zip(adapters, venues, strict=True):
                assert {each.venue for each in await adapter.listings()} == {adapter.manifest.venue}
                fill = await _filled(adapter, venue, venue.instruments[0])
                assert fill.account_id == adapter.accounts[0]
                assert fill.fill.instrument_id == venue.instruments[0].instrument_id
            streams = [each.reports() for each in adapters]
            os.kill(pid, signal.SIGKILL)
            for stream in streams:
                with pytest.raises(AdapterError, match="the node's process is gone"):
                    async with asyncio.timeout(10):
                        await anext(stream)
            for adapter in adapters:
                await adapter.connect()
                assert isinstance(await anext(adapter.reports()), Gap)
            assert node.starts == 2
            # One venue leaves: the other's session goes on.
            await adapters[0].disconnect()
            assert node.pid is not None
            await _filled(adapters[1], okx, okx.instruments[0])
        finally:
            for adapter in adapters:
                await adapter.disconnect()
        assert node.pid is None
