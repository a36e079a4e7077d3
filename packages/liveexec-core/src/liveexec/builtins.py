"""What comes with the library, registered through the same hooks as anybody's plugin."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from liveexec.engine.algorithms import BUILTIN_ALGORITHMS
from liveexec.engine.policies import BUILTIN_POLICIES
from liveexec.engine.rules import BUILT_IN_RULES
from liveexec.plugins.adapter import API_VERSION, ExternalAdapter
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import AdapterRegistration, ObjectStoreFactory, Registry
from liveexec.storage.objects.opening import BUILT_IN_SCHEMES, open_store
from liveexec.venues.paper.section import PaperSection

__all__ = ["LIVEEXEC_API"]

LIVEEXEC_API: Final = API_VERSION


@hookimpl
def liveexec_register_adapters(registry: Registry[AdapterRegistration]) -> None:
    """The paper venues."""
    registry.add("PAPER", AdapterRegistration(_paper_adapters, PaperSection))


@hookimpl
def liveexec_register_risk_rules(registry: Registry[Callable[..., Any]]) -> None:
    """The built-in rules, in their precedence."""
    for name, factory in BUILT_IN_RULES.items():
        registry.add(name, factory)


@hookimpl
def liveexec_register_routing_policies(registry: Registry[Callable[..., Any]]) -> None:
    """The built-in policies."""
    for name, policy in BUILTIN_POLICIES.items():
        registry.add(name, partial(_given, policy))


@hookimpl
def liveexec_register_execution_algorithms(registry: Registry[Callable[[], Any]]) -> None:
    """The built-in algorithms."""
    for name, algorithm in BUILTIN_ALGORITHMS.items():
        registry.add(name, partial(_given, algorithm))


@hookimpl
def liveexec_register_replay_hosts(registry: Registry[Callable[[], Any]]) -> None:
    """The light host: paper venues on virtual time."""
    registry.add("paper", _paper_host)


def _paper_host() -> Any:
    from liveexec.replay.paper_host import PaperHost  # noqa: PLC0415  (factories import what they need)

    return PaperHost()


@hookimpl
def liveexec_register_object_stores(registry: Registry[ObjectStoreFactory]) -> None:
    """The stores that obstore knows."""
    for scheme in BUILT_IN_SCHEMES:
        registry.add(scheme, open_store)


def _paper_adapters(section: PaperSection) -> Sequence[ExternalAdapter]:
    from liveexec.venues.paper.adapter import paper_adapters  # noqa: PLC0415  (factories import what they need)

    return tuple(paper_adapters(section.world_from(time.time_ns())).values())


def _given[T](value: T) -> T:
    """What is stateless needs no factory; one instance serves everybody."""
    return value
