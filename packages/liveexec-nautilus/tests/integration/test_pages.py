"""Answers of more than a page: more open orders, fills and orders that are over than a venue gives at once."""

import time

import pytest

from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
from liveexec.domain.outcome import Absent, OrderRef, OrderReport, SendPlan, Sent
from liveexec.plugins.adapter import VenueOrder
from liveexec.runtime.clock import WallClock
from liveexec.runtime.order_ids import new_order_id
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_testkit.conformance.harness import TradedInstrument
from nautilus_support.flavors import BYBIT, OKX, Flavor
from nautilus_support.harness import ACCOUNT, NodeHarness

pytestmark = pytest.mark.anyio

CLOCK = WallClock()
#: A page of orders or fills is a hundred at most.
COUNT = 120


def ref_of(adapter: NautilusAdapter, order: VenueOrder) -> OrderRef:
    rule = adapter.manifest.client_id
    assert rule is not None
    return OrderRef(ACCOUNT, order.instrument_id, rule.client_order_id(order.order_id, 1), None)


def bid_of(traded: TradedInstrument) -> VenueOrder:
    return VenueOrder(
        new_order_id(CLOCK),
        ACCOUNT,
        traded.instrument_id,
        Operation.TRADE,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        traded.quantity,
        traded.price - 10,
    )


@pytest.mark.parametrize("flavor", [BYBIT, OKX], ids=lambda flavor: flavor.client)
async def test_nothing_is_missing_from_what_takes_several_pages(flavor: Flavor) -> None:
    async with NodeHarness(flavor) as venue:
        adapter = venue.adapter()
        assert isinstance(adapter, NautilusAdapter)
        await adapter.connect()
        try:
            traded = venue.instruments[0]
            since_ns = time.time_ns()
            orders = [bid_of(traded) for _ in range(COUNT)]
            refs = [ref_of(adapter, each) for each in orders]
            for order, ref in zip(orders, refs, strict=True):
                assert ref.client_order_id is not None
                plan = SendPlan(ref.client_order_id, CLOCK.now_ns() + 10**10)
                assert isinstance(await adapter.submit(order, plan), Sent)
            resting = await adapter.open_orders(ACCOUNT)
            assert {each.client_order_id for each in resting.items} == {each.client_order_id for each in refs}
            assert resting.complete
            # All of them at once: the fills have the same millisecond.
            await venue.take(traded.instrument_id, Side.SELL, traded.price - 10, traded.quantity * COUNT)
            filled = await adapter.fills(ACCOUNT, since_ns)
            assert sorted(str(each.client_order_id) for each in filled.items) == sorted(
                str(each.client_order_id) for each in refs
            )
            assert filled.complete
            # The oldest of those that are over is on the last page, and one that never was is on none.
            assert isinstance(await adapter.order(refs[0]), OrderReport)
            assert isinstance(await adapter.order(ref_of(adapter, bid_of(traded))), Absent)
        finally:
            await adapter.disconnect()
