"""Tallies: what Prometheus is shown is what its own counters and histograms would show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from liveexec.runtime.tallies import Distribution, Tally

_BOUNDS = (0.0001, 0.25, 1.0, 2.5)


def shown(registry: CollectorRegistry) -> list[str]:
    """The registry's text, without when its metrics were made."""
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


@given(st.lists(st.one_of(st.sampled_from(_BOUNDS), st.floats(0, 10))))
def test_a_distribution_shows_what_a_histogram_does(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    distribution = Distribution("took_seconds", "How long it took.", _BOUNDS, ours)
    histogram = Histogram("took_seconds", "How long it took.", buckets=_BOUNDS, registry=theirs)
    for value in values:
        distribution.observe(value)
        histogram.observe(value)
    assert shown(ours) == shown(theirs)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"))))
def test_a_tally_shows_what_a_counter_does(counted: list[tuple[str, str]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally("sends", "Requests.", ["verb", "outcome"], ours)
    counter = Counter("sends_total", "Requests.", ["verb", "outcome"], registry=theirs)
    for labels in counted:
        tally.add(*labels)
        counter.labels(*labels).inc()
    assert shown(ours) == shown(theirs)


def test_a_name_is_taken_once() -> None:
    registry = CollectorRegistry()
    Tally("sends", "Requests.", ["verb"], registry)
    Distribution("took_seconds", "How long it took.", _BOUNDS, registry)
    with pytest.raises(ValueError, match="sends"):
        Tally("sends", "Requests.", ["verb"], registry)
    with pytest.raises(ValueError, match="took_seconds"):
        Distribution("took_seconds", "How long it took.", _BOUNDS, registry)
