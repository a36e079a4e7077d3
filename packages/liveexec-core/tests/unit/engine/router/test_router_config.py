"""The router's settings are checked in full, and every fault is named at once."""

from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.ids import VenueName
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.router import SmartOrderRouter
from liveexec.engine.router_config import RouterConfig
from liveexec.errors import ConfigurationError
from support.routing import RoutingWorld, make_route_request

SLOW, FAST, UNNAMED = VenueName("SLOW"), VenueName("FAST"), VenueName("UNNAMED")


def test_defaults_are_valid_and_route_by_best_price() -> None:
    config = RouterConfig()
    assert config.policy == "best_price"
    assert config.smart_execution_enabled


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"policy": ""}, "policy", "must name a routing policy"),
        ({"policy": "pinned"}, "policy", "it can't choose a venue"),
        ({"latency_ns": {SLOW: -1}}, "latency_ns.SLOW", "between 0 and 600 seconds"),
        ({"latency_ns": {SLOW: 600_000_000_001}}, "latency_ns.SLOW", "between 0 and 600 seconds"),
        ({"latency_penalty_per_ms": Decimal("-0.1")}, "latency_penalty_per_ms", "fraction between 0 and 1"),
        ({"latency_penalty_per_ms": Decimal("NaN")}, "latency_penalty_per_ms", "fraction between 0 and 1"),
        ({"latency_penalty_per_ms": Decimal("1E-19")}, "latency_penalty_per_ms", "at most 18 places"),
        ({"min_slice": Decimal("1.1")}, "min_slice", "fraction between 0 and 1"),
        ({"min_slice": Decimal("Infinity")}, "min_slice", "fraction between 0 and 1"),
        ({"max_book_age_ns": 0}, "max_book_age_ns", "at most 3600 seconds"),
        ({"max_book_age_ns": 3_600_000_000_001}, "max_book_age_ns", "at most 3600 seconds"),
        ({"max_legs": 0}, "max_legs", "between 1 and 64"),
        ({"max_legs": 65}, "max_legs", "between 1 and 64"),
    ],
)
def test_a_bad_setting_is_named_with_its_path(changes: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RouterConfig(**changes)
    (fault,) = caught.value.faults
    assert fault.path == path
    assert message in fault.message


def test_all_faults_are_listed_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RouterConfig(policy="pinned", latency_ns={SLOW: -1, FAST: -2}, min_slice=Decimal(2), max_legs=0)
    assert [fault.path for fault in caught.value.faults] == [
        "policy",
        "latency_ns.SLOW",
        "latency_ns.FAST",
        "min_slice",
        "max_legs",
    ]


def test_a_venue_without_a_latency_counts_as_the_slowest() -> None:
    config = RouterConfig(latency_ns={FAST: 1_000_000, SLOW: 30_000_000})
    assert config.latency_of(FAST) == 1_000_000
    assert config.latency_of(UNNAMED) == 30_000_000
    assert RouterConfig().latency_of(UNNAMED) == 0


def test_an_unregistered_policy_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match="cheapest is not registered; there are best_price, lowest_fee"):
        SmartOrderRouter(RouterConfig(policy="cheapest"), BUILTIN_POLICIES)


def test_pinned_must_be_registered_whatever_the_policy() -> None:
    policies = {name: policy for name, policy in BUILTIN_POLICIES.items() if name != "pinned"}
    with pytest.raises(ConfigurationError, match="pinned is not registered"):
        SmartOrderRouter(RouterConfig(), policies)


def test_the_latency_penalty_is_a_fraction_of_the_price_per_millisecond() -> None:
    config = RouterConfig(latency_ns={FAST: 1_500_000}, latency_penalty_per_ms=Decimal("0.0001"))
    world = RoutingWorld(config)
    world.add("FAST", taker_fee=Decimal(0))
    world.book("FAST", bids=[("9000", "5")], asks=[("10000", "5")])
    assert world.candidate(make_route_request(), "FAST").latency_penalty == Decimal("1.5")
