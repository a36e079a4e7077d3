"""The metrics, from :class:`liveexec.runtime.metrics.Metrics`."""

from prometheus_client.metrics import MetricWrapperBase

from generators.markdown import code, table
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.tallies import Distribution, Tally

__all__ = ["metric_table"]


def metric_table() -> str:
    """Every metric: the name that a scrape shows, its kind, its labels and what it counts."""
    rows = []
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase | Tally | Distribution):
            (described,) = metric.describe()
            name = f"{described.name}_total" if described.type == "counter" else described.name
            labels = _labels(metric)
            rows.append(
                (
                    code(name),
                    described.type,
                    ", ".join(code(each) for each in labels) or "none",
                    described.documentation,
                )
            )
    return table(("metric", "kind", "labels", "what"), rows)


def _labels(metric: MetricWrapperBase | Tally | Distribution) -> tuple[str, ...]:
    if isinstance(metric, MetricWrapperBase):
        return tuple(metric._labelnames)  # noqa: SLF001  (the library has no public name for them)
    return metric.labels if isinstance(metric, Tally) else ()
