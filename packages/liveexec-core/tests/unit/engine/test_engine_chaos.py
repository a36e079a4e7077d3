"""Whatever callers and venues do, in whatever order: the engine goes on, and everything that must hold holds."""

import pytest

from support.engine_chaos import Chaos


@pytest.mark.parametrize("seed", range(10))
def test_nothing_that_anybody_does_stops_the_engine_or_breaks_an_invariant(seed: int) -> None:
    assert Chaos(seed).run(160).harness.records


def test_such_runs_make_everything_happen_that_can() -> None:
    happened: dict[str, None] = {}
    for seed in range(10):
        for record in Chaos(seed, is_checked=False).run(160).harness.records:
            happened |= dict.fromkeys(type(event).__name__ for event in record.events)
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
