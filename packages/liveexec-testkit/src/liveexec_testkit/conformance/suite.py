"""What an adapter's author subclasses: every numbered case."""

from collections.abc import Iterator
from typing import Final

import pytest

from liveexec_testkit.conformance.case import Case, case_of
from liveexec_testkit.conformance.cases.life_cycle import LifeCycleCases

__all__ = ["GROUPS", "AdapterConformance", "all_cases"]

#: The groups in the order of the report.
GROUPS: Final = (LifeCycleCases,)


class AdapterConformance(LifeCycleCases):
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
