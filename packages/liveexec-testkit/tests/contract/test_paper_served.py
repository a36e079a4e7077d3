"""The paper venue in a process of its own passes the conformance kit over its socket, through a hostile wire."""

from collections.abc import AsyncIterator, Iterator

import pytest

from liveexec_testkit import AdapterConformance, VenueHarness
from liveexec_testkit.conformance.paper import PaperServers, RemotePaperHarness


@pytest.fixture(scope="module")
def servers() -> Iterator[PaperServers]:
    """One server process for all cases; each has accounts of its own."""
    with PaperServers() as served:
        yield served


class TestPaperServed(AdapterConformance):
    @pytest.fixture
    async def venue(self, servers: PaperServers) -> AsyncIterator[VenueHarness]:
        async with RemotePaperHarness(servers) as venue:
            yield venue
