"""From a URL to the store behind it: built in, or offered by a plugin under a scheme of its own."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from liveexec.domain.object_store import ObjectStore
from liveexec.errors import Fault, InvalidInput
from liveexec.storage.objects.locations import location_of
from liveexec.storage.objects.obstore_store import NO_OPTIONS, RETRIES, ObstoreStore, Options

__all__ = ["BUILT_IN_SCHEMES", "StoreFactory", "open_store", "unknown_scheme"]

#: Makes a store of the URL of its root and its options.
StoreFactory = Callable[[str, Mapping[str, Any]], ObjectStore]

BUILT_IN_SCHEMES: Final = ("gs", "s3", "file", "memory")
_NO_FACTORIES: Final[Mapping[str, StoreFactory]] = MappingProxyType({})


def open_store(
    url: str,
    options: Options = NO_OPTIONS,
    factories: Mapping[str, StoreFactory] = _NO_FACTORIES,
    retries: int = RETRIES,
) -> ObjectStore:
    """The store whose root a URL names; ``factories`` are what plugins registered, by scheme.

    ``retries`` is how often a built-in store asks again before it gives up.

    Nothing is connected: whether the bucket is there shows with the first request.

    Raises:
        InvalidInput: the URL can't be used, or nobody has its scheme.
        ConfigurationError: the options can't be used.
        ObjectStoreError: the extra ``replay`` is not installed.
    """
    location = location_of(url)
    if location.scheme in factories:
        return factories[location.scheme](location.url, options)
    if location.scheme not in BUILT_IN_SCHEMES:
        raise InvalidInput("object store", [Fault("url", unknown_scheme(location.scheme, factories))])
    return ObstoreStore(location, options, retries)


def unknown_scheme(scheme: str, factories: Mapping[str, StoreFactory] = _NO_FACTORIES) -> str:
    """What to say of a scheme that nobody has."""
    known = ", ".join(f"{each}://" for each in dict.fromkeys((*BUILT_IN_SCHEMES, *factories)))
    return f"nobody has {scheme}://, there are {known}"
