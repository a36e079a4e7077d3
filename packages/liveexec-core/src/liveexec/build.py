"""The composition root: the one place where the parts are put together. Hosts and the command line start here."""

import os
import socket
from collections.abc import Sequence

from liveexec.domain.ids import InstrumentId
from liveexec.engine.config import EngineConfig
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.manager import Plugins, load_plugins
from liveexec.runtime.clock import Clock, WallClock
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.shard import ShardParts

__all__ = ["build"]


def build(
    config: EngineConfig,
    store: JournalStore,
    adapters: Sequence[ExternalAdapter],
    *,
    plugins: Plugins | None = None,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    instruments: Sequence[InstrumentId] | None = None,
    owner: str | None = None,
    lease_s: float = 10.0,
) -> LiveExecutionOrchestrator:
    """An orchestrator of these parts, not started yet.

    ``plugins`` are those that are installed unless others are handed in; ``clock`` is the wall's; ``instruments``
    bounds the market data that is subscribed to (everything that the venues list). ``owner`` names this process in
    the shard's lease: the same owner may come back at any time, another one waits until the lease ended.

    Raises:
        PluginError: an installed plugin can't be used.
    """
    registered = plugins if plugins is not None else load_plugins()
    return LiveExecutionOrchestrator(
        ShardParts(
            config=config,
            store=store,
            adapters=tuple(adapters),
            rules=registered.risk_rules,
            policies={name: make() for name, make in registered.routing_policies.items()},
            algorithms={name: make() for name, make in registered.execution_algorithms.items()},
            clock=clock if clock is not None else WallClock(),
            metrics=metrics if metrics is not None else Metrics(),
            owner=owner if owner is not None else f"{socket.gethostname()}:{os.getpid()}",
            lease_s=lease_s,
            instruments=instruments,
        )
    )
