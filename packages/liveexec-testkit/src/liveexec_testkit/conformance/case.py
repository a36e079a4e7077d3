"""A numbered case: what it is called, what it proves and what it needs; and how pytest runs it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, ClassVar, Final

import anyio
import pytest
from attrs import frozen

from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.needs import Need, missing
from liveexec_testkit.conformance.record import SUBJECT_PROPERTY, subject_of
from liveexec_testkit.conformance.trial import Trial

__all__ = ["Case", "CaseGroup", "Level", "case", "case_of"]

#: A case that hangs is a case that failed. Real seconds, far above what any needs.
_LONGEST_S: Final = 60.0
_MARK: Final = "liveexec_case"

#: A case's body: a method of a group that is given its trial.
Body = Callable[[Any, Trial], Awaitable[None]]


class Level(StrEnum):
    """What a case drives."""

    #: The adapter alone, through the contract of :mod:`liveexec.plugins.adapter`.
    ADAPTER = "adapter"
    #: The adapter under the real orchestrator on the store in memory.
    ORCHESTRATOR = "orchestrator"


@frozen
class Case:
    """One case. Its number is never used for another, also when it is taken out."""

    number: int
    title: str
    proves: str
    level: Level
    needs: tuple[Need, ...] = ()

    @property
    def id(self) -> str:
        return f"LX-{self.number:03d}"


class CaseGroup:
    """The cases of one subject; what an author subclasses is all groups together."""

    #: The heading that the cases stand under in the report and in the documentation.
    subject: ClassVar[str]


def case(
    number: int, title: str, *, proves: str, needs: tuple[Need, ...] = (), level: Level = Level.ADAPTER
) -> Callable[[Body], Callable[..., Awaitable[None]]]:
    """Make a method a numbered case: pytest runs it with the fixture ``venue``, skips it with the reason when one of
    its needs is not met, and fails it when it hangs."""
    told = Case(number, title, proves, level, needs)

    def wrap(body: Body) -> Callable[..., Awaitable[None]]:
        # No functools.wraps: pytest would ask the wrapped function for its fixtures.
        async def run(self: Any, venue: VenueHarness, request: pytest.FixtureRequest) -> None:
            adapter = venue.adapter()
            request.node.user_properties.append((SUBJECT_PROPERTY, subject_of(venue, adapter)))
            for need in needs:
                if (reason := missing(need, adapter, venue)) is not None:
                    pytest.skip(f"{told.id}: {reason}")
            with anyio.fail_after(_LONGEST_S):
                async with Trial(venue) as trial:
                    await body(self, trial)

        run.__name__ = body.__name__
        run.__qualname__ = getattr(body, "__qualname__", body.__name__)
        run.__module__ = body.__module__
        run.__doc__ = f"{told.id} {title}.\n\n{proves}"
        setattr(run, _MARK, told)
        return run

    return wrap


def case_of(function: object) -> Case | None:
    """The case that a test function is; ``None`` for any other test."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Case) else None
