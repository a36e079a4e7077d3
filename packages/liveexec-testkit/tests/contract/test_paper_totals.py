"""The paper venue as one that tells totals in place of fills."""

from collections.abc import AsyncIterator

import pytest

from liveexec_testkit import AdapterConformance, VenueHarness
from liveexec_testkit.conformance.paper import TotalsHarness


class TestTotalsPaper(AdapterConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with TotalsHarness() as venue:
            yield venue
