"""Binance USD-M through the node passes the conformance kit over its loopback venue."""

from collections.abc import AsyncIterator

import pytest

from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.suite import AdapterConformance
from nautilus_support.flavors import BINANCE_FUTURES
from nautilus_support.harness import NodeHarness


class TestBinanceFutures(AdapterConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with NodeHarness(BINANCE_FUTURES) as venue:
            yield venue
