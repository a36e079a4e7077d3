"""Finds plugins by their entry points, loads those that may be loaded, and closes the registries.

A plugin is code that holds your keys: in live mode only distributions on the allow-list are imported at all. Whatever
is wrong with one refuses to start, with the distribution, its version and the reason; nothing is skipped silently.
"""

import re
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any, Final

import importlib_metadata
import pluggy
from attrs import frozen

from liveexec.errors import PluginError
from liveexec.plugins import hookspecs
from liveexec.plugins.adapter import API_VERSION
from liveexec.plugins.registrars import AdapterRegistration, Registrars

__all__ = ["LoadedPlugin", "Plugins", "load_plugins"]

_GROUP: Final = "liveexec"
#: The distribution whose plugin module registers what is built in; it is always loaded.
_OWN: Final = "liveexec-core"


@frozen
class LoadedPlugin:
    """A distribution's plugin module that was found: loaded, or why not."""

    distribution: str
    version: str
    module: str
    refused: str | None = None


@frozen
class Plugins:
    """Everything that was registered, for good, and by whom."""

    loaded: tuple[LoadedPlugin, ...]
    adapters: Mapping[str, AdapterRegistration]
    risk_rules: Mapping[str, Callable[..., Any]]
    routing_policies: Mapping[str, Callable[..., Any]]
    execution_algorithms: Mapping[str, Callable[[], Any]]


def load_plugins(enabled: Collection[str] | None = None) -> Plugins:
    """Load the built-in plugin and those installed beside it; only ``enabled`` distributions if that is given.

    Raises:
        PluginError: a plugin can't be imported, speaks another API version, has an unknown hook, or claims a name
            that another one has.
    """
    manager = pluggy.PluginManager("liveexec")
    manager.add_hookspecs(hookspecs)
    registrars = Registrars()
    found: list[LoadedPlugin] = []
    allowed = {_canonical(name): name for name in enabled} if enabled is not None else None
    for point in sorted(importlib_metadata.entry_points(group=_GROUP), key=_own_first):
        distribution = point.dist
        name = distribution.metadata["Name"] if distribution is not None else point.value
        version = distribution.version if distribution is not None else "?"
        if allowed is not None and name != _OWN and _canonical(name) not in allowed:
            found.append(LoadedPlugin(name, version, point.value, "not listed under plugins.enabled"))
            continue
        if any(each.distribution == name for each in found):
            raise PluginError(f"{name} {version}: it has several entry points {_GROUP}; a plugin registers once")
        module = _import(point, name, version)
        _register(manager, module, registrars, name, version)
        found.append(LoadedPlugin(name, version, point.value))
    if allowed is not None:
        there = {_canonical(each.distribution) for each in found}
        if missing := [name for canonical, name in allowed.items() if canonical not in there]:
            raise PluginError(f"{', '.join(missing)}: listed under plugins.enabled, but no such plugin is installed")
    return Plugins(
        tuple(found),
        registrars.adapters.close(),
        registrars.risk_rules.close(),
        registrars.routing_policies.close(),
        registrars.execution_algorithms.close(),
    )


def _own_first(point: importlib_metadata.EntryPoint) -> tuple[bool, str]:
    return (point.dist is None or point.dist.metadata["Name"] != _OWN, point.value)


def _canonical(name: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _import(point: importlib_metadata.EntryPoint, name: str, version: str) -> ModuleType:
    try:
        module = point.load()
    except Exception as error:
        raise PluginError(f"{name} {version}: {point.value} can't be imported: {error}") from error
    if not isinstance(module, ModuleType):
        raise PluginError(f"{name} {version}: {point.value} must name a module, not something in one")
    api = getattr(module, "LIVEEXEC_API", None)
    if not isinstance(api, tuple) or len(api) != 2 or not all(type(number) is int for number in api):
        raise PluginError(f"{name} {version}: {point.value} declares no LIVEEXEC_API = (major, minor)")
    if api[0] != API_VERSION[0] or api[1] > API_VERSION[1]:
        raise PluginError(
            f"{name} {version}: written for plugin API {api[0]}.{api[1]}, this is {API_VERSION[0]}.{API_VERSION[1]}"
        )
    return module


def _register(
    manager: pluggy.PluginManager, module: ModuleType, registrars: Registrars, name: str, version: str
) -> None:
    """Call one module's hooks only, so that what it registers is known to be its own."""
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(f"{name} {version}: {error}") from error
    registrars.loading(f"{name} {version}")
    others = [plugin for plugin in manager.get_plugins() if plugin is not module]
    for hook, registry in (
        ("liveexec_register_adapters", registrars.adapters),
        ("liveexec_register_risk_rules", registrars.risk_rules),
        ("liveexec_register_routing_policies", registrars.routing_policies),
        ("liveexec_register_execution_algorithms", registrars.execution_algorithms),
    ):
        try:
            manager.subset_hook_caller(hook, others)(registry=registry)
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(f"{name} {version}: {hook} failed: {error}") from error
