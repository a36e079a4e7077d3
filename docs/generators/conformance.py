"""The conformance cases and the scripts that they need, from :mod:`liveexec_testkit.conformance`."""

import inspect
from collections.abc import Iterator
from itertools import groupby

from generators.markdown import code, prose, summary, table
from liveexec_testkit.conformance import scripts
from liveexec_testkit.conformance.case import Case, Level
from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.needs import described
from liveexec_testkit.conformance.scripts import Happening, LastingFault, RequestFault, VenueScript
from liveexec_testkit.conformance.suite import GROUPS, all_cases

__all__ = ["case_counts", "case_sections", "harness_table", "script_table"]

_SORTS: tuple[tuple[type[VenueScript], str], ...] = (
    (RequestFault, "the next request of a verb"),
    (LastingFault, "until it is healed"),
    (Happening, "once, now"),
)


def case_counts() -> str:
    """How many cases there are, in a sentence."""
    cases = [told for _, told in all_cases()]
    alone = sum(1 for told in cases if told.level is Level.ADAPTER)
    hosted = len(cases) - alone
    return f"There are {len(cases)} cases: {alone} drive the adapter alone, {hosted} run it under the orchestrator."


def case_sections() -> str:
    """A section for each subject with the table of its cases."""
    return "\n\n".join(
        f"### {subject}\n\n{_about(subject)}\n\n{_cases(told for _, told in cases)}"
        for subject, cases in groupby(all_cases(), key=lambda each: each[0])
    )


def script_table() -> str:
    """Every script: how long it lasts and what it does."""
    rows = [
        (code(name), sort, summary(kind.__doc__))
        for sort_of, sort in _SORTS
        for name, kind in inspect.getmembers(scripts, inspect.isclass)
        if issubclass(kind, sort_of) and kind is not sort_of
    ]
    return table(("script", "strikes, lasts", "what the venue does"), rows)


def harness_table() -> str:
    """Every method and property of a harness that an author writes or may write."""
    rows = []
    for name, member in vars(VenueHarness).items():
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        must = "yes" if getattr(function, "__isabstractmethod__", False) else ""
        rows.append((code(name), must, prose(function.__doc__).replace("\n\n", " ")))
    return table(("member", "has to be written", "what it does"), rows)


def _about(subject: str) -> str:
    return next(summary(group.__doc__) for group in GROUPS if group.subject == subject)


def _cases(cases: Iterator[Case]) -> str:
    rows = [
        (told.id, told.title, told.proves, "; ".join(described(need) for need in told.needs) or "nothing")
        for told in cases
    ]
    return table(("case", "title", "what it proves", "needs"), rows)
