"""Whatever callers and venues do, in whatever order: the engine goes on, and everything that must hold holds."""

import pytest

from support.engine_chaos import Chaos


@pytest.fixture(scope="module")
def happened() -> dict[str, None]:
    """The names of the events of all runs."""
    return {}


@pytest.mark.parametrize("seed", range(10))
def test_nothing_that_anybody_does_stops_the_engine_or_breaks_an_invariant(
    seed: int, happened: dict[str, None]
) -> None:
    for record in Chaos(seed).run(160).harness.records:
        happened |= dict.fromkeys(type(event).__name__ for event in record.events)
    assert happened


def test_between_them_the_runs_make_everything_happen_that_can(happened: dict[str, None]) -> None:
    missing = {
        "RiskRefused",
        "Routed",
        "ScheduleFixed",
        "ChildSpawned",
        "SubmitRequested",
        "NotSent",
        "SubmitUnknown",
        "Accepted",
        "VenueRejected",
        "FillApplied",
        "FillBusted",
        "FillCorrected",
        "CancelRequested",
        "CancelUnknown",
        "CancelRejected",
        "Canceled",
        "ReplaceRequested",
        "ReplaceUnknown",
        "Replaced",
        "ReplaceRejected",
        "Expired",
        "Adopted",
        "ParentFinished",
        "AssetMoved",
        "StateChanged",
        "LatchSet",
        "LatchCleared",
        "ConfigApplied",
    } - set(happened)
    assert missing == set()
