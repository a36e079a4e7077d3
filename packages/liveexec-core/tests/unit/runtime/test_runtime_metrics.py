"""Metrics: what happened to orders is counted once, and gauges tell how things stand when they are read."""

from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from liveexec.domain import order_event as ev
from liveexec.domain.ids import OrderId
from liveexec.domain.order import Order
from liveexec.domain.order_event import OrderEvent
from liveexec.domain.order_state import OrderStatus
from liveexec.runtime.metrics import Metrics
from support.builders import (
    NOW_NS,
    make_asset_moved,
    make_fill,
    make_intent,
    make_order_id,
    make_order_in,
    make_received,
)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"liveexec_{name}", labels)


@pytest.mark.parametrize(
    ("received", "kind"),
    [
        (make_received(), "plain"),
        (make_received(make_intent(exec_algorithm="TWAP", exec_algorithm_params={"horizon_s": 9})), "parent"),
        (make_received(parent_order_id=make_order_id(9), ordinal=1), "child"),
    ],
)
def test_orders_are_counted_by_kind(received: ev.OrderReceived, kind: str) -> None:
    metrics = Metrics()
    metrics.observe(received)
    metrics.observe(received)
    assert sample(metrics, "orders_total", kind=kind) == 2


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (ev.RiskRefused(ev.RiskStage.LEG, "MAX_ORDER", "", ()), "REFUSED"),
        (ev.VenueRejected("1", ""), "REJECTED"),
        (ev.NotSent(1, ""), "NOT_SENT"),
        (ev.Canceled("", NOW_NS), "CANCELED"),
        (ev.Expired("", NOW_NS), "EXPIRED"),
        (ev.FillApplied(make_fill()), "FILL"),
        (ev.ParentFinished(ev.Resolution.FILLED, None, ""), "FINISHED"),
        (ev.SubmitUnknown(1, ""), "UNKNOWN"),
    ],
)
def test_what_happened_to_orders_is_counted(event: OrderEvent, status: str) -> None:
    metrics = Metrics()
    metrics.observe(event)
    assert sample(metrics, "order_events_total", status=status) == 1


def test_refusals_are_counted_by_their_code() -> None:
    metrics = Metrics()
    metrics.observe(ev.RiskRefused(ev.RiskStage.PARENT, "MAX_ORDER", "too much", ()))
    assert sample(metrics, "refusals_total", code="MAX_ORDER") == 1


def test_other_events_are_not_counted() -> None:
    metrics = Metrics()
    for event in (make_asset_moved(), ev.Accepted(None, None), ev.RiskApproved(ev.RiskStage.LEG, Decimal(1))):
        metrics.observe(event)
    assert not any(sampled.value for family in metrics.registry.collect() for sampled in family.samples
                   if sampled.name.endswith("_total"))  # fmt: skip


def test_the_gauges_of_open_and_unknown_orders_tell_what_is_so_when_they_are_read() -> None:
    metrics = Metrics()
    orders: dict[OrderId, Order] = {}
    metrics.watch(lambda: list(orders.values()))
    assert (sample(metrics, "open_orders"), sample(metrics, "unknown_orders")) == (0, 0)
    for number, status in enumerate((OrderStatus.UNKNOWN, OrderStatus.ACCEPTED, OrderStatus.FILLED)):
        orders[make_order_id(number)] = make_order_in(status)
    assert (sample(metrics, "open_orders"), sample(metrics, "unknown_orders")) == (2, 1)


def test_a_hosts_own_registry_is_used_where_one_is_given() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.phase("A").set(2)
    metrics.phase("A").set(1)
    assert metrics.registry is registry
    assert registry.get_sample_value("liveexec_account_phase", {"account": "A"}) == 1
    assert Metrics().registry is not Metrics().registry
