"""What liveexec calls: the hook that registers the scheme. The firm's layer is imported by the factory."""

from collections.abc import Mapping
from typing import Any

from liveexec.domain.object_store import ObjectStore
from liveexec.errors import ConfigurationError, Fault
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import ObjectStoreFactory, Registry

#: The version of the plugin API that this was written for: object stores came with 1.1.
LIVEEXEC_API = (1, 1)


@hookimpl
def liveexec_register_object_stores(registry: Registry[ObjectStoreFactory]) -> None:
    """URLs that begin with vault://."""
    registry.add("vault", vault)


def vault(url: str, options: Mapping[str, Any]) -> ObjectStore:
    """The store whose root a URL names."""
    from liveexec_vault.store import VaultStore  # noqa: PLC0415  (a plugin module imports no vendor's library)

    if options:
        raise ConfigurationError(f"object store {url}", [Fault(name, "is no option of the vault") for name in options])
    return VaultStore(url)
