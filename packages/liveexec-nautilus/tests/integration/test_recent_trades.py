"""What a venue traded lately, from which VWAP takes its profile: as the venue lists it, beyond a page of it."""

import time
from decimal import Decimal

import pytest

from liveexec.domain.ids import InstrumentId
from liveexec.domain.operation import Side
from liveexec.errors import AdapterError
from liveexec.plugins.adapter import StreamsMarket
from nautilus_support.flavors import BINANCE_FUTURES, BINANCE_SPOT, BYBIT, OKX, Flavor
from nautilus_support.harness import NodeHarness

pytestmark = pytest.mark.anyio

#: OKX lists a hundred a page.
COUNT = 250


@pytest.mark.parametrize("flavor", [BINANCE_FUTURES, BINANCE_SPOT, BYBIT, OKX], ids=lambda flavor: flavor.client)
async def test_recent_trades_are_those_of_the_venue_and_of_the_instrument(flavor: Flavor) -> None:
    async with NodeHarness(flavor) as venue:
        traded, other = venue.instruments[:2]
        began_ns = time.time_ns()
        for number in range(COUNT):
            price = traded.price + number % 3
            await venue.rest(traded.instrument_id, Side.SELL, price, traded.quantity)
            await venue.take(traded.instrument_id, Side.BUY, price, traded.quantity)
        await venue.rest(other.instrument_id, Side.SELL, other.price, other.quantity)
        await venue.take(other.instrument_id, Side.BUY, other.price, other.quantity)
        adapter = venue.adapter()
        assert isinstance(adapter, StreamsMarket)
        await adapter.connect()
        try:
            bars = await adapter.recent_trades(traded.instrument_id)
            assert {each.instrument_id for each in bars} == {traded.instrument_id}
            starts = [each.start_ns for each in bars]
            assert starts == sorted(set(starts))
            # The venues tell milliseconds.
            assert bars[0].end_ns > began_ns - 1_000_000
            assert bars[-1].start_ns <= time.time_ns()
            assert sum(each.count for each in bars) == COUNT
            assert sum(each.quantity for each in bars) == traded.quantity * COUNT
            cost = sum((traded.price + number % 3) * traded.quantity for number in range(COUNT))
            assert sum((each.cost for each in bars), Decimal(0)) == cost
            assert bars[-1].last_price == traded.price + (COUNT - 1) % 3
            with pytest.raises(AdapterError, match="the node has no"):
                await adapter.recent_trades(InstrumentId(f"{flavor.client.venue}:SPOT_PAIR:NONE-USDT"))
        finally:
            await adapter.disconnect()
