"""Invariant 22: a run in which the venue's credential is logged or traced has broken it."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import structlog

from liveexec_testkit.simulator.adapter import CREDENTIAL, SimAdapter
from liveexec_testkit.simulator.invariants.violation import Violation
from liveexec_testkit.simulator.plan import plan_of
from liveexec_testkit.simulator.run import run


def found_with(before_submit: Callable[[SimAdapter], None]) -> Violation | None:
    """What a run without faults finds when the adapter does something more each time that it submits."""
    original = SimAdapter.submit

    async def submit(adapter: SimAdapter, *arguments: Any) -> Any:
        before_submit(adapter)
        return await original(adapter, *arguments)

    with patch.object(SimAdapter, "submit", submit):
        return run(plan_of(1, orders=3, faults=frozenset())).violation


def test_an_adapter_that_keeps_it_to_itself_breaks_nothing() -> None:
    submitted: list[SimAdapter] = []
    assert found_with(submitted.append) is None
    assert submitted, "the others would find nothing whatever they look for"


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_a_log_line_that_holds_it_is_found_whatever_its_level(level: str) -> None:
    def leak(adapter: SimAdapter) -> None:
        getattr(structlog.get_logger(), level)("connecting", headers={"authorization": f"Bearer {adapter._credential}"})

    violation = found_with(leak)
    assert violation is not None
    assert (violation.number, violation.message) == (22, "a log line holds the venue's credential")


def test_a_trace_that_holds_it_is_found() -> None:
    violation = found_with(lambda adapter: adapter.venue.trace.add("venue", f"signed with {adapter._credential}"))
    assert violation is not None
    assert (violation.number, violation.message) == (22, "the trace holds the venue's credential")
    assert CREDENTIAL not in str(violation)
