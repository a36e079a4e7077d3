"""What hooks fill in: one registry per kind of thing, names unique, closed after loading."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import frozen

from liveexec.domain.object_store import ObjectStore
from liveexec.errors import PluginError
from liveexec.plugins.adapter import ExternalAdapter

__all__ = ["AdapterFactory", "AdapterRegistration", "ObjectStoreFactory", "Registrars", "Registry"]

#: Makes the adapters of a configuration section. It imports the vendor's library, if there is one.
AdapterFactory = Callable[[Any], Sequence[ExternalAdapter]]

#: Makes a store of the URL of its root and its options, whose secrets are of type ``Secret`` or plain text.
ObjectStoreFactory = Callable[[str, Mapping[str, Any]], ObjectStore]


@frozen
class AdapterRegistration:
    """A kind of venue that can be configured, and how its adapters are made. Their manifests say what they can do.

    ``config`` is the attrs class of its configuration section, which the factory is then given an instance of; fields
    that hold keys are of type :class:`~liveexec.domain.secret.Secret`. Without one it is given the section as it is
    written.
    """

    factory: AdapterFactory
    config: type[Any] | None = None


class Registry[T]:
    """Names and what they stand for. While a plugin is loading, what it adds is noted as its own."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, T] = {}
        self._owners: dict[str, str] = {}
        self._owner = "?"
        self._closed = False

    def add(self, name: str, entry: T) -> None:
        """Register something under a name.

        Raises:
            PluginError: the name is taken, or loading is over.
        """
        if self._closed:
            raise PluginError(f"{self._kind} {name!r}: plugins register while they are loaded, not later")
        if name in self._entries:
            raise PluginError(f"{self._kind} {name!r} is claimed by {self._owners[name]} and by {self._owner}")
        self._entries[name] = entry
        self._owners[name] = self._owner

    def owner(self, name: str) -> str:
        """The distribution that registered a name."""
        return self._owners[name]

    def names_of(self, owner: str) -> tuple[str, ...]:
        """What a distribution registered."""
        return tuple(name for name, by in self._owners.items() if by == owner)

    def loading(self, owner: str) -> None:
        """Whose registrations follow. Called by the plugin manager."""
        self._owner = owner

    def close(self) -> Mapping[str, T]:
        """End loading, and give what was registered, for good."""
        self._closed = True
        return MappingProxyType(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)


class Registrars:
    """All registries, handed to the hooks one by one."""

    def __init__(self) -> None:
        self.adapters: Registry[AdapterRegistration] = Registry("venue")
        self.risk_rules: Registry[Callable[..., Any]] = Registry("risk rule")
        self.routing_policies: Registry[Callable[..., Any]] = Registry("routing policy")
        self.execution_algorithms: Registry[Callable[[], Any]] = Registry("execution algorithm")
        self.replay_hosts: Registry[Callable[[], Any]] = Registry("replay host")
        self.object_stores: Registry[ObjectStoreFactory] = Registry("object store")

    def loading(self, owner: str) -> None:
        """Whose registrations follow."""
        for registry in (
            self.adapters,
            self.risk_rules,
            self.routing_policies,
            self.execution_algorithms,
            self.replay_hosts,
            self.object_stores,
        ):
            registry.loading(owner)
