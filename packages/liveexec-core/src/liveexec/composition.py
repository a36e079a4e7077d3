"""The composition root: the one place where the parts are put together. Hosts and the command line start here."""

import hashlib
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from attrs import evolve

from liveexec.assembly import Assembly, assembled, instruments_of, opened_store, with_algorithms
from liveexec.config.display import differences, shown
from liveexec.config.loading import load_config, section_of, sound_part
from liveexec.config.sections import LiveConfig
from liveexec.control.server import ControlServer
from liveexec.domain.ids import InstrumentId
from liveexec.engine.config import EngineConfig
from liveexec.errors import ConfigurationError, Fault, LiveExecError
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.manager import Observer, Plugins, load_plugins
from liveexec.presentation.formatting import Precision
from liveexec.presentation.renderers.html import table_html
from liveexec.presentation.table_view import TableView
from liveexec.presentation.views.positions import PositionsBy
from liveexec.runtime.clock import Clock, WallClock
from liveexec.runtime.logs import set_log_level, set_up_logging
from liveexec.runtime.metrics import Metrics
from liveexec.runtime.observers import Observers
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator as RuntimeOrchestrator
from liveexec.runtime.ports import JournalStore
from liveexec.runtime.reconciling import Reconciliation, reconcile
from liveexec.runtime.sessions import RECONCILE_EVERY_S
from liveexec.runtime.shard_parts import ShardParts
from liveexec.tables import install_in_notebook, orders_table, positions_table, precision_of

__all__ = ["LiveExecutionOrchestrator", "assembled_from", "build", "plugins_of", "reconciled"]

#: What may change while running; everything else needs a restart.
_HOT: Final = ("risk_engine.", "router.", "logging.level")
#: Events that may wait to be handed to observers.
_OBSERVED: Final = 100_000
#: How long observers may still work when the host ends.
_OBSERVERS_END_S: Final = 2.0
#: What is recorded of a changed configuration at most: the whole is in the operator's file.
_LONGEST_SUMMARY: Final = 1_000


class LiveExecutionOrchestrator(RuntimeOrchestrator):
    """What a host holds: made from a configuration by :meth:`from_config`, or from parts by :func:`build`.

    What it does is described at its base, :class:`liveexec.runtime.orchestrator.LiveExecutionOrchestrator`.
    """

    def __init__(
        self,
        parts: ShardParts,
        *,
        observers: Sequence[Observer] = (),
        assembly: Assembly | None = None,
        takeover_timeout_s: float = 30.0,
    ) -> None:
        super().__init__(parts, takeover_timeout_s=takeover_timeout_s)
        self._observers = Observers(observers, lambda: self.stream(_OBSERVED))
        self._assembly = assembly

    async def start(self) -> None:
        """Own the shard, recover it, connect its venues; see the base. Observers see everything from here on."""
        self._observers.start()
        try:
            await super().start()
        except BaseException:
            await self.close()
            raise

    async def close(self, timeout_s: float = 10.0) -> None:
        """Stop taking risk and give the shard up; see the base. Observers are shown what is left."""
        with anyio.CancelScope(shield=True):
            await super().close(timeout_s)
            await self._observers.close(_OBSERVERS_END_S)

    @classmethod
    @asynccontextmanager
    async def from_config(
        cls,
        source: str | os.PathLike[str] | Mapping[str, Any] | LiveConfig,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
        metrics: Metrics | None = None,
        timeout_s: float = 60.0,
    ) -> AsyncIterator["LiveExecutionOrchestrator"]:
        """An orchestrator as a configuration describes it, started, its accounts reconciled and active.

        ``source`` is a file, its JSON text, a document, or a configuration that was loaded. The block's end gives
        everything back: the shard, the venues' sessions, the store, the embedded server. Logging is set up as the
        configuration says, unless the host did so before.

        Raises:
            ConfigurationError: with every fault; nothing was started.
            PluginError: an installed plugin can't be used.
            StorageError: the database can't be used.
            TimeoutError: an account was not active within ``timeout_s``.
        """
        assembly = assembled_from(source, environ)
        set_up_logging(assembly.config.logging.level)
        install_in_notebook()
        async with (
            _opened(assembly, clock, metrics) as parts,
            cls(parts, observers=assembly.plugins.observers, assembly=assembly) as live,
        ):
            control = ControlServer(live, assembly.config.shard)
            await control.start()
            try:
                await live.active(timeout_s)
                yield live
            finally:
                await control.close()

    def orders_table(self) -> TableView:
        """The orders in memory, newest first, with the places of their listings."""
        return orders_table(self.orders.values(), self._precision())

    def positions_table(self, by: PositionsBy = PositionsBy.STRATEGY) -> TableView:
        """The positions, by strategy, account or venue, with the places of their listings."""
        return positions_table(self.positions, self._precision(), by)

    def _repr_html_(self) -> str:
        return "\n".join(table_html(view) for view in (self.orders_table(), self.positions_table()))

    def _precision(self) -> Precision:
        return precision_of(self.shard.engine.state.listings.values())

    @property
    def config(self) -> LiveConfig | None:
        """The configuration that holds now; ``None`` for an orchestrator that was built from parts."""
        return self._assembly.config if self._assembly is not None else None

    async def apply_config(
        self,
        source: str | os.PathLike[str] | Mapping[str, Any] | LiveConfig,
        *,
        principal: str,
        environ: Mapping[str, str] = os.environ,
    ) -> tuple[str, ...]:
        """Take another configuration while running: limits, router settings and the log level may differ.

        Returns the paths that changed. What is recorded is a ConfigApplied event with them, the new values and a hash.

        Raises:
            ConfigurationError: with every fault, changes that need a restart among them; nothing was changed.
            LiveExecError: the orchestrator was built from parts, which can't be compared with a configuration.
        """
        if self._assembly is None:
            raise LiveExecError("this orchestrator was not made from a configuration; use configure()")
        config = source if isinstance(source, LiveConfig) else load_config(source, environ)
        changed = differences(self._assembly.config, config)
        cold = [path for path, _, _ in changed if not path.startswith(_HOT)]
        if cold:
            raise ConfigurationError(
                "configuration", [Fault(path, "can't change while running; restart with it") for path in cold]
            )
        assembly = assembled(config, self._assembly.plugins)
        if not changed:
            return ()
        summary = "; ".join(f"{path}: {before} -> {after}" for path, before, after in changed)
        await self.configure(
            assembly.engine, config_hash=_hash_of(config), principal=principal, summary=summary[:_LONGEST_SUMMARY]
        )
        set_log_level(config.logging.level)
        self._assembly = evolve(self._assembly, config=config, engine=assembly.engine)
        return tuple(path for path, _, _ in changed)


async def reconciled(
    source: str | os.PathLike[str] | Mapping[str, Any] | LiveConfig,
    *,
    dry_run: bool,
    environ: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
    timeout_s: float = 60.0,
) -> Reconciliation:
    """Reconcile the accounts of a configuration with their venues, and trade nothing; see
    :func:`liveexec.runtime.reconciling.reconcile`.

    Raises:
        ConfigurationError: with every fault; nothing was connected.
        PluginError: an installed plugin can't be used.
        Fenced: another process owns the shard.
        StorageError: the database can't be used.
        AdapterError: a venue could not be compared with in time.
    """
    async with _opened(assembled_from(source, environ), clock) as parts:
        return await reconcile(parts, dry_run=dry_run, timeout_s=timeout_s)


def assembled_from(
    source: str | os.PathLike[str] | Mapping[str, Any] | LiveConfig, environ: Mapping[str, str] = os.environ
) -> Assembly:
    """The parts that a configuration describes; nothing is connected.

    Raises:
        ConfigurationError: with every fault, of whatever can be looked at beside it.
        PluginError: an installed plugin can't be used.
    """
    if isinstance(source, LiveConfig):
        return assembled(source, plugins_of(source))
    try:
        config = load_config(source, environ)
    except ConfigurationError as error:
        faults = list(error.faults)
        if (rest := sound_part(source, environ, faults)) is not None:
            faulty = {section_of(fault.path) for fault in faults}
            try:
                assembled(rest, plugins_of(rest))
            except ConfigurationError as more:
                faults += [fault for fault in more.faults if section_of(fault.path) not in faulty]
        raise ConfigurationError(error.what, faults) from None
    return assembled(config, plugins_of(config))


def plugins_of(config: LiveConfig) -> Plugins:
    """The plugins that a configuration lets in: in live mode those that it lists, in paper mode all unless it lists.

    Raises:
        PluginError: one of them can't be used.
    """
    enabled = config.plugins.enabled
    # Live mode without a list is a fault, and nothing is imported until it is mended.
    return load_plugins(() if enabled is None and config.mode == "live" else enabled)


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
    reconcile_every_s: float = RECONCILE_EVERY_S,
) -> LiveExecutionOrchestrator:
    """An orchestrator of these parts, not started yet.

    ``plugins`` are those that are installed unless others are handed in; ``clock`` is the wall's; ``instruments``
    bounds the market data that is subscribed to (everything that the venues list). ``owner`` names this process in
    the shard's lease: the same owner may come back at any time, another one waits until the lease ended. While all is
    well, accounts are compared with their venues every ``reconcile_every_s`` real seconds.

    Raises:
        PluginError: an installed plugin can't be used.
    """
    registered = plugins if plugins is not None else load_plugins()
    return LiveExecutionOrchestrator(
        _parts(
            config,
            store,
            adapters,
            registered,
            clock=clock,
            metrics=metrics,
            instruments=instruments,
            owner=owner,
            lease_s=lease_s,
            reconcile_every_s=reconcile_every_s,
        ),
        observers=registered.observers,
    )


def _parts(
    config: EngineConfig,
    store: JournalStore,
    adapters: Sequence[ExternalAdapter],
    plugins: Plugins,
    *,
    clock: Clock | None,
    metrics: Metrics | None,
    instruments: Sequence[InstrumentId] | None,
    owner: str | None,
    lease_s: float,
    reconcile_every_s: float = RECONCILE_EVERY_S,
) -> ShardParts:
    return ShardParts(
        config=config,
        store=store,
        adapters=tuple(adapters),
        rules=plugins.risk_rules,
        policies={name: make() for name, make in plugins.routing_policies.items()},
        algorithms={name: make() for name, make in plugins.execution_algorithms.items()},
        clock=clock if clock is not None else WallClock(),
        metrics=metrics if metrics is not None else Metrics(),
        owner=owner if owner is not None else f"{socket.gethostname()}:{os.getpid()}",
        lease_s=lease_s,
        instruments=instruments,
        reconcile_every_s=reconcile_every_s,
    )


@asynccontextmanager
async def _opened(assembly: Assembly, clock: Clock | None, metrics: Metrics | None = None) -> AsyncIterator[ShardParts]:
    """The parts that an assembly describes, its store open as long as the block lasts."""
    config, adapters = assembly.config, assembly.adapters()
    classes = {adapter.manifest.venue: adapter.manifest.venue_class for adapter in adapters}
    async with opened_store(config, classes) as store:
        yield _parts(
            assembly.engine,
            store,
            adapters,
            with_algorithms(assembly.plugins, config.algorithms.enabled),
            clock=clock,
            metrics=metrics,
            instruments=instruments_of(config),
            owner=config.owner,
            lease_s=float(config.database.lease_s),
            reconcile_every_s=float(config.engine.reconcile_every_s),
        )


def _hash_of(config: LiveConfig) -> str:
    """What tells two configurations apart, without their secrets."""
    document = json.dumps(shown(config), sort_keys=True, default=str)
    return hashlib.sha256(document.encode()).hexdigest()
