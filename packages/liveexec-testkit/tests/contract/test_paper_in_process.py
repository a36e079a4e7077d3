"""The paper venue in this process passes the conformance kit."""

from collections.abc import AsyncIterator

import pytest

from liveexec_testkit import AdapterConformance, VenueHarness
from liveexec_testkit.conformance.paper import PaperHarness


class TestPaperInProcess(AdapterConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with PaperHarness() as venue:
            yield venue
