"""Binance Spot through the node passes the conformance kit over its loopback venue."""

from collections.abc import AsyncIterator

import pytest

from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.suite import AdapterConformance
from nautilus_support.flavors import BINANCE_SPOT
from nautilus_support.harness import NodeHarness


class TestBinanceSpot(AdapterConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with NodeHarness(BINANCE_SPOT) as venue:
            yield venue
