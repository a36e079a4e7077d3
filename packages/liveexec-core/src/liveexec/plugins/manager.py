"""Finds plugins by their entry points, loads those that may be loaded, and closes the registries.

A plugin is code that holds your keys: in live mode only distributions on the allow-list are imported at all. Whatever
is wrong with one refuses to start, with the distribution, its version and the reason; nothing is skipped silently.
"""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final

import importlib_metadata
import pluggy
from attrs import evolve, field, frozen

from liveexec.domain.order import Order
from liveexec.domain.record import Event
from liveexec.errors import PluginError
from liveexec.plugins import hookspecs
from liveexec.plugins.adapter import API_VERSION
from liveexec.plugins.registrars import AdapterRegistration, ObjectStoreFactory, Registrars

__all__ = ["LoadedPlugin", "Observer", "Plugins", "load_plugins", "survey_plugins"]

_GROUP: Final = "liveexec"
#: The distribution whose plugin module registers what is built in; it is always loaded.
_OWN: Final = "liveexec-core"


@frozen
class LoadedPlugin:
    """A distribution's plugin module that was found: loaded, or why not.

    ``api`` is the version of the plugin API that it was written for, where it was imported; ``registered`` what it
    added, by kind.
    """

    distribution: str
    version: str
    module: str
    refused: str | None = None
    api: tuple[int, int] | None = None
    registered: Mapping[str, tuple[str, ...]] = field(factory=lambda: MappingProxyType({}))


@frozen
class Observer:
    """Whom a distribution wants every durable event shown to."""

    distribution: str
    observe: Callable[[Event, Order | None], None]


@frozen
class Plugins:
    """Everything that was registered, for good, and by whom."""

    loaded: tuple[LoadedPlugin, ...]
    adapters: Mapping[str, AdapterRegistration]
    risk_rules: Mapping[str, Callable[..., Any]]
    routing_policies: Mapping[str, Callable[..., Any]]
    execution_algorithms: Mapping[str, Callable[[], Any]]
    observers: tuple[Observer, ...] = ()
    object_stores: Mapping[str, ObjectStoreFactory] = field(factory=lambda: MappingProxyType({}))
    replay_hosts: Mapping[str, Callable[[], Any]] = field(factory=lambda: MappingProxyType({}))


def load_plugins(enabled: Collection[str] | None = None) -> Plugins:
    """Load the built-in plugin and those installed beside it; only ``enabled`` distributions if that is given.

    Raises:
        PluginError: a plugin can't be imported, speaks another API version, has an unknown hook, or claims a name
            that another one has.
    """
    loading = _Loading(enabled)
    for plugin in _found(enabled):
        if plugin.refused is None:
            loading.load(plugin)
        else:
            loading.loaded.append(plugin)
    if enabled is not None and (missing := _not_installed(enabled, loading.loaded)):
        raise PluginError(f"{', '.join(missing)}: listed under plugins.enabled, but no such plugin is installed")
    return loading.done()


def survey_plugins(enabled: Collection[str] | None = None) -> tuple[LoadedPlugin, ...]:
    """The same for a look at what there is: what refuses to load is among them, with the reason."""
    loading = _Loading(enabled)
    for plugin in _found(enabled):
        if plugin.refused is None:
            try:
                loading.load(plugin)
            except PluginError as error:
                loading.loaded.append(evolve(plugin, refused=str(error)))
        else:
            loading.loaded.append(plugin)
    missing = _not_installed(enabled or (), loading.loaded)
    loading.loaded += [LoadedPlugin(name, "", "", "listed under plugins.enabled, not installed") for name in missing]
    return tuple(loading.loaded)


class _Loading:
    """One pass over the plugins, and what they registered so far."""

    def __init__(self, enabled: Collection[str] | None) -> None:
        self.loaded: list[LoadedPlugin] = []
        self._enabled = enabled
        self._manager = pluggy.PluginManager("liveexec")
        self._manager.add_hookspecs(hookspecs)
        self._registrars = Registrars()
        self._observers: list[Observer] = []

    def load(self, plugin: LoadedPlugin) -> None:
        """Import one and have it register.

        Raises:
            PluginError: something is wrong with it.
        """
        name, version = plugin.distribution, plugin.version
        if any(each.distribution == name and each.refused is None for each in self.loaded):
            raise PluginError(f"{name} {version}: it has several entry points {_GROUP}; a plugin registers once")
        module = _import(plugin)
        registered = self._register(module, name, version)
        self.loaded.append(evolve(plugin, api=module.LIVEEXEC_API, registered=MappingProxyType(registered)))

    def done(self) -> Plugins:
        """Everything that was registered; nothing can be added any more.

        Raises:
            PluginError: two kinds of venue read the same section.
        """
        registrars = self._registrars
        adapters = registrars.adapters.close()
        claims: dict[str, str] = {}
        for name, registration in adapters.items():
            if not isinstance(registration, AdapterRegistration):
                raise PluginError(
                    f"venue {name!r} of {registrars.adapters.owner(name)} is registered with a "
                    f"{type(registration).__name__}, not with an AdapterRegistration"
                )
            if registration.section is None:
                continue
            if (other := claims.setdefault(registration.section, name)) != name:
                owners = " and by ".join(registrars.adapters.owner(each) for each in (other, name))
                raise PluginError(f"section {registration.section!r} is claimed by {owners}")
        return Plugins(
            tuple(self.loaded),
            adapters,
            registrars.risk_rules.close(),
            registrars.routing_policies.close(),
            registrars.execution_algorithms.close(),
            tuple(self._observers),
            registrars.object_stores.close(),
            replay_hosts=registrars.replay_hosts.close(),
        )

    def _register(self, module: ModuleType, name: str, version: str) -> dict[str, tuple[str, ...]]:
        """Call one module's hooks only, so that what it registers is known to be its own."""
        manager, registrars = self._manager, self._registrars
        try:
            manager.register(module, name=name)
            manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            if manager.is_registered(module):
                manager.unregister(module)
            raise PluginError(f"{name} {version}: {error}") from error
        owner = f"{name} {version}"
        registrars.loading(owner)
        others = [plugin for plugin in manager.get_plugins() if plugin is not module]
        registered = {}
        for hook, kind, registry in (
            ("liveexec_register_adapters", "venues", registrars.adapters),
            ("liveexec_register_risk_rules", "risk rules", registrars.risk_rules),
            ("liveexec_register_routing_policies", "routing policies", registrars.routing_policies),
            ("liveexec_register_execution_algorithms", "algorithms", registrars.execution_algorithms),
            ("liveexec_register_object_stores", "object stores", registrars.object_stores),
            ("liveexec_register_replay_hosts", "replay hosts", registrars.replay_hosts),
        ):
            try:
                manager.subset_hook_caller(hook, others)(registry=registry)
            except PluginError:
                raise
            except Exception as error:
                raise PluginError(f"{name} {version}: {hook} failed: {error}") from error
            if names := registry.names_of(owner):
                registered[kind] = names
        found = [each for each in manager.hook.liveexec_observe.get_hookimpls() if each.plugin is module]
        if found:
            self._observers += [Observer(owner, _observer(each)) for each in found]
            registered["observers"] = tuple(each.function.__name__ for each in found)
        return registered


def _found(enabled: Collection[str] | None) -> list[LoadedPlugin]:
    """The plugins that are installed, ours first; those that may not be loaded say why. Nothing is imported."""
    allowed = {_canonical(name) for name in enabled} if enabled is not None else None
    found = []
    for point in sorted(importlib_metadata.entry_points(group=_GROUP), key=_own_first):
        distribution = point.dist
        name = distribution.metadata["Name"] if distribution is not None else point.value
        version = distribution.version if distribution is not None else "?"
        is_refused = allowed is not None and name != _OWN and _canonical(name) not in allowed
        found.append(
            LoadedPlugin(name, version, point.value, "not listed under plugins.enabled" if is_refused else None)
        )
    return found


def _own_first(point: importlib_metadata.EntryPoint) -> tuple[bool, str]:
    return (point.dist is None or point.dist.metadata["Name"] != _OWN, point.value)


def _not_installed(enabled: Collection[str], loaded: Collection[LoadedPlugin]) -> list[str]:
    there = {_canonical(each.distribution) for each in loaded}
    return [name for name in enabled if _canonical(name) not in there]


def _canonical(name: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _import(plugin: LoadedPlugin) -> ModuleType:
    name, version = plugin.distribution, plugin.version
    try:
        module = importlib_metadata.EntryPoint(name="", value=plugin.module, group=_GROUP).load()
    except Exception as error:
        raise PluginError(f"{name} {version}: {plugin.module} can't be imported: {error}") from error
    if not isinstance(module, ModuleType):
        raise PluginError(f"{name} {version}: {plugin.module} must name a module, not something in one")
    api = getattr(module, "LIVEEXEC_API", None)
    if not isinstance(api, tuple) or len(api) != 2 or not all(type(number) is int for number in api):
        raise PluginError(f"{name} {version}: {plugin.module} declares no LIVEEXEC_API = (major, minor)")
    if api[0] != API_VERSION[0] or api[1] > API_VERSION[1]:
        raise PluginError(
            f"{name} {version}: written for plugin API {api[0]}.{api[1]}, this is {API_VERSION[0]}.{API_VERSION[1]}"
        )
    return module


def _observer(implementation: Any) -> Callable[[Event, Order | None], None]:
    """The hook's function with as many of its arguments as it takes."""
    function, names = implementation.function, implementation.argnames

    def observe(event: Event, order: Order | None) -> None:
        given = {"event": event, "order": order}
        function(*(given[name] for name in names))

    return observe
