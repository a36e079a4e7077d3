"""Larkspur's adapter passes the conformance kit."""

from collections.abc import AsyncIterator

import pytest

from larkspur_loopback.harness import LarkspurHarness
from liveexec_testkit import AdapterConformance, VenueHarness


class TestLarkspur(AdapterConformance):
    """``pytest --liveexec-report conformance.json`` writes what passed and what was skipped, and why."""

    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with LarkspurHarness() as venue:
            yield venue
