"""Hosts that are killed at fail points, their database as well: a small part of what ``nox -s kills`` runs."""

import os
import random

from kills.campaign import Campaign
from liveexec.runtime.failpoints import FailPoint

#: Where a kill has left something half done: most of the others are passed by the long runs only.
_POINTS = (
    FailPoint.RECOVERED,
    FailPoint.FILLS_FETCHED,
    FailPoint.BEFORE_APPEND,
    FailPoint.AFTER_APPEND,
    FailPoint.BEFORE_EFFECTS,
    FailPoint.BEFORE_SUBMIT,
    FailPoint.AFTER_SUBMIT,
    FailPoint.IN_FLIGHT,
    FailPoint.AFTER_CANCEL,
    FailPoint.AFTER_REPLACE,
    FailPoint.AFTER_PROJECT,
    FailPoint.BROUGHT_IN,
    FailPoint.DRAINED,
)


async def test_hosts_and_databases_that_are_killed_lose_and_double_nothing() -> None:
    seed = int(os.environ.get("LIVEEXEC_CRASH_SEED", random.SystemRandom().randrange(1_000_000)))
    print(f"LIVEEXEC_CRASH_SEED={seed}")
    report = await Campaign(kills=16, postmaster_kills=1, seed=seed, points=_POINTS).run()
    assert report.faults == []
    assert (report.kills, report.postmaster_kills) == (16, 1)
    # A life may be too short for a rare moment; which are passed by and by is for the long runs to show.
    assert sum(1 for point in _POINTS if report.reached[point]) >= len(_POINTS) - 2
