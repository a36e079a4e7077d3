"""The paper venue in this process as a harness: what is proved of it must not depend on how busy the machine is."""

import time
from types import SimpleNamespace

import pytest

from liveexec.venues.paper.adapter import PaperAdapter
from liveexec_testkit.conformance.paper import PaperHarness, in_process


async def test_cases_live_in_the_venues_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the machine had done something else between two looks at its clocks.
    late = SimpleNamespace(time_ns=lambda: time.time_ns() - 10_000_000)
    monkeypatch.setattr(in_process, "time", late)
    async with PaperHarness() as venue:
        adapter = venue.adapter()
        assert isinstance(adapter, PaperAdapter)
        before_ns, now_ns, after_ns = adapter.clock.now_ns(), venue.clock.now_ns(), adapter.clock.now_ns()
        assert before_ns <= now_ns <= after_ns
