"""What liveexec calls: hooks that register, and one that is shown every durable event.

Nothing here imports a vendor's library; factories do, when they are called.
"""

from collections.abc import Callable
from typing import Any

from liveexec.domain.order import Order
from liveexec.domain.record import Event
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import Registry
from liveexec_acme.curfew import make_curfew
from liveexec_acme.deepest import Deepest
from liveexec_acme.ladder import Ladder
from liveexec_acme.tape import write

#: The version of the plugin API that this was written for.
LIVEEXEC_API = (1, 0)


@hookimpl
def liveexec_register_risk_rules(registry: Registry[Callable[..., Any]]) -> None:
    """A factory: it is given the risk configuration, and gives a rule or None."""
    registry.add("curfew", make_curfew)


@hookimpl
def liveexec_register_routing_policies(registry: Registry[Callable[..., Any]]) -> None:
    """A factory without arguments."""
    registry.add("deepest", Deepest)


@hookimpl
def liveexec_register_execution_algorithms(registry: Registry[Callable[[], Any]]) -> None:
    """A factory without arguments."""
    registry.add("LADDER", Ladder)


@hookimpl
def liveexec_observe(event: Event, order: Order | None) -> None:
    """Called in a thread of its own, after the event is durable."""
    write(event, order)
