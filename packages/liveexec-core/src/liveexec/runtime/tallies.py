"""Counts and distributions of what happens to every order: plain numbers, which Prometheus is shown when it asks.

The client's own counters and histograms take a lock, or one for each bucket, whenever something is counted. These are
written by the event loop's thread alone; whoever reads them from another one sees each number as it is just then.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

__all__ = ["Distribution", "Tally"]


class Tally(Collector):
    """A counter with labels. ``name`` is without the ``_total`` that it is shown with."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._documentation, self.labels = name, documentation, tuple(labels)
        self._counts: dict[tuple[str, ...], int] = {}
        registry.register(self)

    def add(self, *labels: str) -> None:
        """Count one more with these labels."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counts, as Prometheus reads them."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self.labels)
        for labels, count in list(self._counts.items()):
            family.add_metric(labels, count)
        yield family

    def describe(self) -> Iterator[CounterMetricFamily]:
        """What it is, whatever was counted."""
        yield CounterMetricFamily(self._name, self._documentation, labels=self.labels)


class Distribution(Collector):
    """A histogram. ``bounds`` are the buckets' upper ones, rising; one more takes what is beyond the last."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._documentation, self._bounds = name, documentation, tuple(map(float, bounds))
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        """Count a value in its bucket."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The buckets, each with all below it, as Prometheus reads them."""
        names = (*map(str, self._bounds), "+Inf")
        buckets = list(zip(names, map(float, accumulate(list(self._counts))), strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """What it is, whatever was observed."""
        yield HistogramMetricFamily(self._name, self._documentation)
