"""From a configuration to the parts that it describes: engine settings, adapters and the store.

Every fault of every part is named at once, by the path of the section that its author wrote.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import anyio
from attrs import asdict, evolve, frozen

from liveexec.config.consistency import contradictions
from liveexec.config.sections import EngineSection, LiveConfig, ObjectsSection, RiskSection, RouterSection
from liveexec.domain.ids import AccountId, InstrumentId, StrategyId, VenueName, is_instrument_id
from liveexec.engine.config import EngineConfig, JournalLoss, Timing
from liveexec.engine.risk_config import RiskConfig
from liveexec.engine.router_config import RouterConfig
from liveexec.errors import ConfigurationError, Fault, InvalidInput, StorageError
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.manager import Plugins
from liveexec.plugins.registrars import AdapterRegistration
from liveexec.runtime.ports import JournalStore
from liveexec.storage.dsn import Dsn
from liveexec.storage.journal_store import PostgresStore
from liveexec.storage.memory import MemoryStore
from liveexec.storage.objects.configured import ConfiguredStores
from liveexec.structuring import strict_converter, structured

__all__ = ["Assembly", "assembled", "instruments_of", "opened_store", "stores_of", "with_algorithms"]

_MS: Final = 1_000_000
_US: Final = 1_000
_MEMORY: Final = "memory:"
#: Sections that packages beside this one read, and which.
_READ_ELSEWHERE: Final = (
    ("trading_node", "liveexec-nautilus"),
    ("server", "liveexec-server"),
)
_CONVERTER: Final = strict_converter(texts=True)
#: Limits that an author gives in milliseconds, and the engine has in nanoseconds.
_DURATIONS: Final = (
    "max_market_age",
    "max_mark_age",
    "max_rate_age",
    "duplicate_window",
    "repeated_execution_window",
)


@frozen
class Assembly:
    """What a configuration comes to: settings of the engine, and what makes the adapters of each section.

    Making adapters may read keys and import vendors' libraries, so it waits until they are needed.
    """

    config: LiveConfig
    engine: EngineConfig
    plugins: Plugins
    sections: Mapping[str, object]

    def adapters(self) -> tuple[ExternalAdapter, ...]:
        """The adapters of every section, made anew.

        Raises:
            ConfigurationError: a section asks for what there is not.
        """
        made: list[ExternalAdapter] = []
        faults: list[Fault] = []
        for name, section in self.sections.items():
            try:
                made += self.plugins.adapters[name].factory(section)
            except InvalidInput as error:
                faults += [_below(self.plugins.adapters[name].path(name), fault) for fault in error.faults]
        faults += _venue_faults(made, self.config)
        if faults:
            raise ConfigurationError("configuration", faults)
        return tuple(made)


def assembled(config: LiveConfig, plugins: Plugins) -> Assembly:
    """The parts of a configuration, checked against what is installed.

    Raises:
        ConfigurationError: with every fault.
    """
    faults = contradictions(config)
    risk = _collected(faults, lambda: _risk(config))
    router = _collected(faults, lambda: _router(config.router))
    sections = _sections(config, plugins, faults)
    faults += _name_faults(config, plugins)
    if risk is not None:
        faults += _rule_faults(risk, plugins)
    faults += [_below("objects", fault) for fault in stores_of(config.objects, plugins).faults()]
    if faults or risk is None or router is None:
        raise ConfigurationError("configuration", faults)
    return Assembly(config, _engine(config, risk, router), plugins, sections)


def _sections(config: LiveConfig, plugins: Plugins, faults: list[Fault]) -> dict[str, object]:
    """The section of each kind of venue that is configured, as its registration asks for it; what is wrong with them
    goes to ``faults``."""
    found: dict[str, object] = {}
    claimed = {one.section: name for name, one in plugins.adapters.items() if one.section is not None}
    for name, document in config.external_adapters.items():
        registration = plugins.adapters.get(name)
        if registration is None:
            known = ", ".join(each for each in plugins.adapters if each not in claimed.values()) or "none"
            faults.append(
                Fault(f"external_adapters.{name}", f"no plugin registers this kind of venue; there are {known}")
            )
        elif registration.section is not None:
            faults.append(Fault(f"external_adapters.{name}", f"is configured in the section {registration.section}"))
        else:
            found[name] = _read_section(name, registration, document, config.mode, faults)
    for section_name, package in _READ_ELSEWHERE:
        document = getattr(config, section_name)
        if document is None:
            continue
        if section_name in claimed:
            name = claimed[section_name]
            found[name] = _read_section(name, plugins.adapters[name], document, config.mode, faults)
        else:
            faults.append(Fault(section_name, f"is read by {package}, which is not installed"))
    return found


def _read_section(
    name: str, registration: AdapterRegistration, document: Mapping[str, Any], mode: str, faults: list[Fault]
) -> object:
    """A section as its registration asks for it; ``None`` where something is wrong with it."""
    path = registration.path(name)
    section: object = document
    if registration.config is not None:
        read = partial(structured, _CONVERTER, dict(document), registration.config, "", path)
        section = _collected(faults, read)
    if section is not None and mode == "live" and registration.live_faults is not None:
        faults += [_below(path, fault) for fault in registration.live_faults(section)]
    return section


@asynccontextmanager
async def opened_store(config: LiveConfig, venue_classes: Mapping[VenueName, Any]) -> AsyncIterator[JournalStore]:
    """The configured store, migrated and open; the embedded server runs as long as anybody holds it.

    Raises:
        StorageError: it can't be used; the message says what to do.
    """
    database = config.database
    url = database.url.reveal() if database.url is not None else None
    if url is not None and url.startswith(_MEMORY):
        yield MemoryStore(venue_classes=venue_classes)
        return
    # Whoever keeps nothing needs neither the schema's tools nor the server's binaries.
    from liveexec.storage import migrate  # noqa: PLC0415
    from liveexec.storage.embedded import EmbeddedPostgres  # noqa: PLC0415

    if url is not None:
        dsn = Dsn(url)
        if database.migrate:
            await anyio.to_thread.run_sync(migrate.upgrade, dsn)
        async with PostgresStore(dsn, venue_classes=venue_classes) as store:
            yield store
        return
    server = await anyio.to_thread.run_sync(EmbeddedPostgres.start)
    try:
        await anyio.to_thread.run_sync(server.ensure_database, database.name)
        dsn = Dsn(server.dsn(database.name))
        if database.migrate:
            await anyio.to_thread.run_sync(migrate.upgrade, dsn)
        async with PostgresStore(dsn, venue_classes=venue_classes) as store:
            yield store
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(server.release)


def _collected[T](faults: list[Fault], make: Callable[[], T]) -> T | None:
    try:
        return make()
    except InvalidInput as error:
        faults += error.faults
        return None


def _below(path: str, fault: Fault) -> Fault:
    return Fault(f"{path}.{fault.path}" if fault.path else path, fault.message)


def _risk(config: LiveConfig) -> RiskConfig:
    section: RiskSection = config.risk_engine
    values = {
        name: value for name, value in asdict(section, recurse=False).items() if not name.endswith(("_ms", "_us"))
    }
    allowed = section.allowed_instruments
    values["allowed_instruments"] = frozenset(allowed) if allowed is not None else None
    for name in _DURATIONS:
        value = getattr(section, f"{name}_ms")
        values[f"{name}_ns"] = value * _MS if value is not None else None
    try:
        return RiskConfig(live=config.mode == "live", rule_budget_ns=section.rule_budget_us * _US, **values)
    except ConfigurationError as error:
        raise ConfigurationError("risk_engine", [_renamed("risk_engine", fault) for fault in error.faults]) from None


def _router(section: RouterSection) -> RouterConfig:
    try:
        return RouterConfig(
            smart_execution_enabled=section.smart_execution_enabled,
            policy=section.policy,
            latency_ns={VenueName(venue): latency * _US for venue, latency in section.latency_us.items()},
            latency_penalty_per_ms=section.latency_penalty_per_ms,
            max_book_age_ns=section.max_book_age_ms * _MS,
            min_slice=section.min_slice,
            max_legs=section.max_legs,
        )
    except ConfigurationError as error:
        raise ConfigurationError("router", [_renamed("router", fault) for fault in error.faults]) from None


def _renamed(section: str, fault: Fault) -> Fault:
    """The fault by the name that its author wrote: durations are given in other units than the engine's."""
    head, dot, rest = fault.path.partition(".")
    unit = "_us" if head in ("rule_budget_ns", "latency_ns") else "_ms"
    name = head.removesuffix("_ns") + unit if head.endswith("_ns") else head
    return _below(section, Fault(f"{name}{dot}{rest}", fault.message))


def _engine(config: LiveConfig, risk: RiskConfig, router: RouterConfig) -> EngineConfig:
    section: EngineSection = config.engine
    return EngineConfig(
        shard=config.shard,
        risk=risk,
        router=router,
        timing=Timing(
            send_deadline_ns=section.send_deadline_ms * _MS,
            answer_ns=section.answer_ms * _MS,
            retry_ns=section.retry_ms * _MS,
            clock_skew_ns=section.clock_skew_ms * _MS,
            late_arrival_ns=section.late_arrival_ms * _MS,
            adoption_ns=section.adoption_ms * _MS,
        ),
        accounts={
            (StrategyId(each.strategy_id), VenueName(each.venue)): AccountId(each.account_id)
            for each in config.accounts
        },
        reporting_asset=section.reporting_asset,
        on_journal_loss={account: JournalLoss(what) for account, what in section.on_journal_loss.items()},
        balance_tolerance=section.balance_tolerance,
        pegged_assets=frozenset(section.pegged_assets),
        finished_orders_kept=section.finished_orders_kept,
    )


def stores_of(section: ObjectsSection, plugins: Plugins) -> ConfiguredStores:
    """What opens object stores as they are configured; whether their options can be used is not looked at."""
    return ConfiguredStores(section.stores, section.retries, plugins.object_stores)


def with_algorithms(plugins: Plugins, enabled: Sequence[str] | None) -> Plugins:
    """The plugins with those algorithms only that orders may ask for."""
    if enabled is None:
        return plugins
    kept = {name: make for name, make in plugins.execution_algorithms.items() if name == "NORMAL" or name in enabled}
    return evolve(plugins, execution_algorithms=kept)


def _name_faults(config: LiveConfig, plugins: Plugins) -> list[Fault]:
    """Names of things that nothing registers."""
    faults = []
    if config.router.policy not in plugins.routing_policies:
        known = ", ".join(name for name in plugins.routing_policies if name != "pinned")
        faults.append(Fault("router.policy", f"{config.router.policy} is not registered; there are {known}"))
    for index, name in enumerate(config.algorithms.enabled or ()):
        if name not in plugins.execution_algorithms:
            known = ", ".join(plugins.execution_algorithms)
            faults.append(Fault(f"algorithms.enabled[{index}]", f"{name} is not registered; there are {known}"))
    faults += [
        Fault(f"risk_engine.custom.{name}", "no such rule is registered")
        for name in config.risk_engine.custom
        if name not in plugins.risk_rules
    ]
    for index, name in enumerate(config.instruments or ()):
        if not is_instrument_id(name):
            faults.append(Fault(f"instruments[{index}]", f"{name[:120]} is no instrument id"))
    if config.database.url is not None and not config.database.url.reveal().startswith(_MEMORY):
        try:
            Dsn(config.database.url.reveal())
        except StorageError as error:
            faults.append(Fault("database.url", str(error)))
    return faults


def _rule_faults(risk: RiskConfig, plugins: Plugins) -> list[Fault]:
    """What rules find wrong with their own limits."""
    faults = []
    for name, factory in plugins.risk_rules.items():
        try:
            factory(risk)
        except InvalidInput as error:
            faults += [_below("risk_engine", fault) for fault in error.faults]
        except Exception as error:  # noqa: BLE001 - foreign code; a rule that can't be made is a fault like any other
            faults.append(
                Fault(f"risk_engine.custom.{name}", f"the rule can't be made: {type(error).__name__}: {error}")
            )
    return faults


def _venue_faults(adapters: Sequence[ExternalAdapter], config: LiveConfig) -> list[Fault]:
    """What can be told only once the adapters are there: which venues and accounts they have."""
    accounts: dict[str, list[str]] = {}
    for adapter in adapters:
        accounts.setdefault(adapter.manifest.venue, []).extend(adapter.accounts)
    faults = [
        Fault("external_adapters", f"account {account_id} is configured twice")
        for here in accounts.values()
        for account_id in dict.fromkeys(here)
        if here.count(account_id) > 1
    ]
    for index, each in enumerate(config.accounts):
        if each.venue not in accounts:
            known = ", ".join(accounts) or "none"
            faults.append(Fault(f"accounts[{index}].venue", f"{each.venue} is not configured; there are {known}"))
        elif each.account_id not in accounts[each.venue]:
            known = ", ".join(accounts[each.venue])
            faults.append(Fault(f"accounts[{index}].account_id", f"{each.account_id} is not there, only {known}"))
    there = {account_id for here in accounts.values() for account_id in here}
    faults += [
        Fault(f"engine.on_journal_loss.{name}", f"is no account here; there are {', '.join(sorted(there))} and *")
        for name in config.engine.on_journal_loss
        if name not in there and name != "*"
    ]
    return faults


def instruments_of(config: LiveConfig) -> tuple[InstrumentId, ...] | None:
    """Whose market data is subscribed to; ``None`` for all."""
    return tuple(InstrumentId(name) for name in config.instruments) if config.instruments is not None else None
