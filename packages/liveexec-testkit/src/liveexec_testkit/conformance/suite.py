"""What an adapter's author subclasses: every numbered case."""

from collections.abc import Iterator
from typing import Final

import pytest

from liveexec_testkit.conformance.case import Case, case_of
from liveexec_testkit.conformance.cases.assets import AssetCases
from liveexec_testkit.conformance.cases.cancels import CancelCases
from liveexec_testkit.conformance.cases.client_ids import ClientIdCases
from liveexec_testkit.conformance.cases.declarations import DeclarationCases
from liveexec_testkit.conformance.cases.event_loop import EventLoopCases
from liveexec_testkit.conformance.cases.fills import FillCases
from liveexec_testkit.conformance.cases.hosted_orders import HostedOrderCases
from liveexec_testkit.conformance.cases.hosted_sessions import HostedSessionCases
from liveexec_testkit.conformance.cases.life_cycle import LifeCycleCases
from liveexec_testkit.conformance.cases.listings import ListingCases
from liveexec_testkit.conformance.cases.market_data import MarketDataCases
from liveexec_testkit.conformance.cases.orders import OrderCases
from liveexec_testkit.conformance.cases.rejections import RejectionCases
from liveexec_testkit.conformance.cases.replaces import ReplaceCases
from liveexec_testkit.conformance.cases.secrets import SecretCases
from liveexec_testkit.conformance.cases.sessions import SessionCases
from liveexec_testkit.conformance.cases.silence import SilenceCases
from liveexec_testkit.conformance.cases.snapshots import SnapshotCases
from liveexec_testkit.conformance.cases.special import SpecialCases
from liveexec_testkit.conformance.cases.streams import StreamCases

__all__ = ["GROUPS", "AdapterConformance", "all_cases"]

#: The groups in the order of the report.
GROUPS: Final = (
    LifeCycleCases,
    DeclarationCases,
    ListingCases,
    OrderCases,
    CancelCases,
    ReplaceCases,
    FillCases,
    RejectionCases,
    SilenceCases,
    StreamCases,
    SnapshotCases,
    SessionCases,
    ClientIdCases,
    EventLoopCases,
    SecretCases,
    MarketDataCases,
    AssetCases,
    SpecialCases,
    HostedOrderCases,
    HostedSessionCases,
)


# pytest runs the cases of the last base first: in the order of their numbers, the simplest before the others.
class AdapterConformance(
    HostedSessionCases,
    HostedOrderCases,
    SpecialCases,
    AssetCases,
    MarketDataCases,
    SecretCases,
    EventLoopCases,
    ClientIdCases,
    SessionCases,
    SnapshotCases,
    StreamCases,
    SilenceCases,
    RejectionCases,
    FillCases,
    ReplaceCases,
    CancelCases,
    OrderCases,
    ListingCases,
    DeclarationCases,
    LifeCycleCases,
):
    """Every case for one adapter. A subclass gives the fixture ``venue``: a harness that was started.

    ::

        class TestMyVenue(AdapterConformance):
            @pytest.fixture
            async def venue(self) -> AsyncIterator[VenueHarness]:
                async with MyHarness() as venue:
                    yield venue

    ``pytest --liveexec-report conformance.json`` writes what passed, failed and was skipped, with every reason.
    The cases run on asyncio through anyio's pytest plugin, whatever the project's own mode is.
    """

    pytestmark = pytest.mark.anyio

    @pytest.fixture(scope="session")
    @staticmethod
    def anyio_backend() -> str:
        """The loop that liveexec runs on."""
        return "asyncio"


def all_cases() -> Iterator[tuple[str, Case]]:
    """Every case with its subject, in the order of the report."""
    for group in GROUPS:
        found = [told for each in vars(group).values() if (told := case_of(each)) is not None]
        for told in sorted(found, key=lambda one: one.number):
            yield group.subject, told
