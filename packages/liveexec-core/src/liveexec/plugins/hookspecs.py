"""Every hook. But for ``liveexec_observe`` they only register, run once at start-up, and what they registered is then
fixed: none is called per order. A hook may get further arguments in a later version; the meaning of one never changes.
"""

from collections.abc import Callable
from typing import Any

import pluggy

from liveexec.domain.order import Order
from liveexec.domain.record import Event
from liveexec.plugins.registrars import AdapterRegistration, ObjectStoreFactory, Registry

__all__ = [
    "hookimpl",
    "liveexec_observe",
    "liveexec_register_adapters",
    "liveexec_register_execution_algorithms",
    "liveexec_register_object_stores",
    "liveexec_register_replay_hosts",
    "liveexec_register_risk_rules",
    "liveexec_register_routing_policies",
]

hookspec = pluggy.HookspecMarker("liveexec")
#: Marks an implementation of a hook in a plugin module.
hookimpl = pluggy.HookimplMarker("liveexec")


@hookspec
def liveexec_register_adapters(registry: Registry[AdapterRegistration]) -> None:
    """Register kinds of venues: a name, as configurations say it, and the factory of their adapters.

    .. versionadded:: 1.0
    """


@hookspec
def liveexec_register_risk_rules(registry: Registry[Callable[..., Any]]) -> None:
    """Register risk rules: a name and a factory that takes the risk configuration and gives a rule, or ``None``
    when the configuration does not limit what the rule checks. Rules run in the order in which they register.

    .. versionadded:: 1.0
    """


@hookspec
def liveexec_register_routing_policies(registry: Registry[Callable[..., Any]]) -> None:
    """Register routing policies: a name, as configurations say it, and a factory without arguments.

    .. versionadded:: 1.0
    """


@hookspec
def liveexec_register_execution_algorithms(registry: Registry[Callable[[], Any]]) -> None:
    """Register execution algorithms: a name, as intents say it, and a factory without arguments.

    .. versionadded:: 1.0
    """


@hookspec
def liveexec_register_replay_hosts(registry: Registry[Callable[[], Any]]) -> None:
    """Register what simulates venues for replays: a name, as a replay's ``host`` says it, and a factory without
    arguments that makes a ``liveexec.replay.ports.ReplayHost``.

    .. versionadded:: 1.1
    """


@hookspec
def liveexec_register_object_stores(registry: Registry[ObjectStoreFactory]) -> None:
    """Register object stores: a URL scheme, as it stands before ``://``, and a factory of the stores whose roots such
    URLs name. It is given the URL and the options of the configuration, and gives what keeps
    :class:`liveexec.domain.object_store.ObjectStore`.

    .. versionadded:: 1.1
    """


@hookspec
def liveexec_observe(event: Event, order: Order | None) -> None:
    """See every event once it is durable, in the journal's order, in a thread of the observer's own.

    ``order`` is a copy of the event's order as it stood when the event was handed on; ``None`` for events of accounts.
    What an observer raises is logged; one that is slow loses events, which is logged too. Neither holds anything up.

    .. versionadded:: 1.0
    """
