"""Prometheus metrics. Children are made once and cached, ids are never labels."""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from prometheus_client import CollectorRegistry, Counter, Gauge

from liveexec.domain import order_event as ev
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderReceived, RiskRefused
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.record import Event
from liveexec.runtime.tallies import Distribution, Tally

__all__ = ["Metrics"]

#: What is counted of an order's events, and as what.
_COUNTED: Final[dict[type[Any], str]] = {
    ev.RiskRefused: "REFUSED",
    ev.VenueRejected: "REJECTED",
    ev.NotSent: "NOT_SENT",
    ev.Canceled: "CANCELED",
    ev.Expired: "EXPIRED",
    ev.FillApplied: "FILL",
    ev.ParentFinished: "FINISHED",
    ev.SubmitUnknown: "UNKNOWN",
}

_LATENCY = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One orchestrator's metrics, in a registry of its own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        own = self.registry
        self._submitted = Tally("liveexec_orders", "Orders received.", ["kind"], own)
        self._refused = Counter("liveexec_refusals_total", "Orders refused, by code.", ["code"], registry=own)
        self._outcomes = Tally("liveexec_order_events", "What happened to orders.", ["status"], own)
        self._sends = Tally("liveexec_sends", "Requests by outcome.", ["verb", "outcome"], own)
        self._stops = Counter("liveexec_gate_stops_total", "Requests stopped at the gate.", ["verb"], registry=own)
        self._phase = Gauge("liveexec_account_phase", "0 down, 1 reconciling, 2 active.", ["account"], registry=own)
        self._clock_offset = Gauge(
            "liveexec_venue_clock_offset_seconds", "How far a venue's clock is ahead of ours.", ["venue"], registry=own
        )
        self.journal_retries = Counter("liveexec_journal_retries_total", "Journal writes repeated.", registry=own)
        self.gaps = Counter("liveexec_gaps_total", "Gaps in venues' streams.", registry=own)
        self.unknown = Gauge("liveexec_unknown_orders", "Orders whose fate is unknown.", registry=own)
        self.open_orders = Gauge("liveexec_open_orders", "Open orders.", registry=own)
        self.journal_batch = Distribution(
            "liveexec_journal_batch_records", "Records per journal batch.", (1, 2, 4, 8, 16, 32, 64, 128), own
        )
        self.decided_to_durable = Distribution(
            "liveexec_decided_to_durable_seconds", "From decision to durable.", _LATENCY, own
        )
        self.sent_to_answered = Distribution(
            "liveexec_sent_to_answered_seconds", "From request to answer.", _LATENCY, own
        )
        self.projection_lag = Distribution(
            "liveexec_projection_lag_seconds", "From durable to projected, oldest record of a batch.", _LATENCY, own
        )
        self._children: dict[tuple[str, ...], Counter | Gauge] = {}

    def observe(self, *events: Event) -> None:
        """Count events that became durable."""
        for event in events:
            kind = type(event)
            if kind is OrderReceived:
                self._submitted.add(_kind_of(cast(OrderReceived, event)))
            elif (counted := _COUNTED.get(kind)) is not None:
                self._outcomes.add(counted)
                if kind is RiskRefused:
                    self.refused(cast(RiskRefused, event).code).inc()

    def watch(self, orders: Callable[[], Iterable[Order]]) -> None:
        """Have the gauges of open and unknown orders count these orders whenever they are read."""
        self.open_orders.set_function(lambda: sum(1 for order in orders() if order.is_open))
        self.unknown.set_function(lambda: sum(1 for order in orders() if order.status is OrderStatus.UNKNOWN))

    def refused(self, code: str) -> Counter:
        """The counter of refusals with a code."""
        return self._cached(self._refused, code)

    def sent(self, verb: str, outcome: str) -> None:
        """Count a request of a verb that had an outcome."""
        self._sends.add(verb, outcome)

    def stopped(self, verb: str) -> Counter:
        """The counter of requests of a verb that the send gate stopped; the reason is in the order's events."""
        return self._cached(self._stops, verb)

    def phase(self, account: str) -> Gauge:
        """The gauge of an account's phase. Accounts are configured, so they are few."""
        key = ("phase", account)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._phase.labels(account)
        assert isinstance(child, Gauge)
        return child

    def clock_offset(self, venue: str) -> Gauge:
        """The gauge of a venue's clock. Asked for once for each session."""
        return self._clock_offset.labels(venue)

    def _cached(self, metric: Counter, *labels: str) -> Counter:
        key = (metric._name, *labels)  # noqa: SLF001  (the library has no public name; labels() costs 3.7 us each time)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        assert isinstance(child, Counter)
        return child


def _kind_of(event: OrderReceived) -> str:
    if event.parent_order_id is not None:
        return "child"
    return "plain" if event.intent.exec_algorithm == "NORMAL" else "parent"
