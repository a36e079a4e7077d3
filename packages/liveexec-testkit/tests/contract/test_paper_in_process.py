"""The paper venue in this process passes the conformance kit: as plain as it can be, and as awkward as it can be."""

from collections.abc import AsyncIterator

import pytest

from liveexec.domain.venue import ReplaceMode
from liveexec.venues.paper.config import FeeIn, Latency
from liveexec_testkit import AdapterConformance, VenueHarness
from liveexec_testkit.conformance.paper import PaperHarness

_MS = 1_000_000


class TestPaperInProcess(AdapterConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with PaperHarness() as venue:
            yield venue


class TestAwkwardPaper(AdapterConformance):
    """Answers by reports, shows orders late, changes none, takes fees from what a fill brings, and is far away."""

    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        awkward = PaperHarness(
            replace=ReplaceMode.NONE,
            fee_in=FeeIn.RECEIVED,
            ack_by_report=True,
            visibility_lag_ns=15 * _MS,
            latency=Latency(order_ns=_MS, report_ns=_MS, jitter_ns=_MS),
        )
        async with awkward as venue:
            yield venue
