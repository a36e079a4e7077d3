"""The adapter passes the conformance kit over the loopback venue."""

from collections.abc import AsyncIterator

import pytest

from deribit_support.harness import DeribitHarness
from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.suite import AdapterConformance


class TestDeribit(AdapterConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with DeribitHarness() as venue:
            yield venue
