"""The paper venue as one that streams nothing passes what can be asked of it; the rest is skipped with the reason."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import Accepted, OrderRef, SendOutcome, SendPlan, Sent
from liveexec.plugins.adapter import ExternalAdapter, Polls, VenueOrder
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec_testkit import AdapterConformance, VenueHarness
from liveexec_testkit.conformance.needs import STREAM
from liveexec_testkit.conformance.paper import PaperHarness
from liveexec_testkit.conformance.paper.in_process import VENUE
from liveexec_testkit.conformance.suite import all_cases


class PolledPaper(Polls, PaperAdapter):
    """Tells nothing by itself, and takes requests without a word: even an order's name has to be asked for."""

    poll_every_s = 0.02

    async def submit(self, order: VenueOrder, plan: SendPlan) -> SendOutcome:
        return _wordless(await super().submit(order, plan))

    async def cancel(self, ref: OrderRef) -> SendOutcome:
        return _wordless(await super().cancel(ref))

    async def cancel_all(self, account_id: AccountId) -> SendOutcome:
        return _wordless(await super().cancel_all(account_id))

    async def replace(self, ref: OrderRef, order: VenueOrder, plan: SendPlan, filled_quantity: Decimal) -> SendOutcome:
        return _wordless(await super().replace(ref, order, plan, filled_quantity))


class PolledHarness(PaperHarness):
    title = "paper venue, polled"

    def adapter(self) -> ExternalAdapter:
        return PolledPaper(self.driver, VENUE, (self.account_id,))


class TestPolledPaper(AdapterConformance):
    @pytest.fixture
    async def venue(self) -> AsyncIterator[VenueHarness]:
        async with PolledHarness() as venue:
            yield venue


def test_what_needs_a_stream_says_so() -> None:
    need_it = {told.id for _, told in all_cases() if STREAM in told.needs}
    assert {"LX-068", "LX-071", "LX-076", "LX-122"} <= need_it
    # Everything that proves an order's or a fill's truth can be asked for.
    assert not need_it & {"LX-006", "LX-046", "LX-047", "LX-060", "LX-072", "LX-088", "LX-107", "LX-119", "LX-131"}


def _wordless(outcome: SendOutcome) -> SendOutcome:
    return Sent() if isinstance(outcome, Accepted) else outcome
