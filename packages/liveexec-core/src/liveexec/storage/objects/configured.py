"""Object stores as they are configured: options by the root of the stores that they hold for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from liveexec.domain.object_store import ObjectStore
from liveexec.domain.secret import HIDDEN, Secret
from liveexec.errors import Fault, InvalidInput, ObjectStoreError
from liveexec.storage.objects.locations import Location, location_of
from liveexec.storage.objects.obstore_store import NO_OPTIONS, RETRIES, option_faults
from liveexec.storage.objects.opening import BUILT_IN_SCHEMES, StoreFactory, open_store, unknown_scheme

__all__ = ["ConfiguredStores"]

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_MARK: Final = "://"
_MOST_RETRIES: Final = 100


@frozen
class ConfiguredStores:
    """Opens stores with the options that are configured for them.

    ``options`` are by root: ``s3://`` for every store of that kind, ``s3://BUCKET`` or ``s3://BUCKET/FOLDER`` for those
    below it. Of several that a store lies below, the longest counts alone: nothing of the others is mixed in.
    ``retries`` is how often a built-in store asks again before it gives up; ``factories`` are what plugins registered,
    by scheme.
    """

    options: Mapping[str, Mapping[str, Any]] = field(default=_NONE)
    retries: int = RETRIES
    factories: Mapping[str, StoreFactory] = field(default=_NONE)

    def open(self, url: str) -> ObjectStore:
        """The store whose root a URL names; it raises what
        :func:`~liveexec.storage.objects.opening.open_store` does."""
        location = location_of(url)
        options = self._options_of(location)
        if location.scheme in BUILT_IN_SCHEMES:
            return open_store(url, _texts(options), retries=self.retries)
        return open_store(url, options, self.factories)

    def faults(self) -> list[Fault]:
        """Everything that is wrong with the options, by their paths in the section ``objects``. Nothing is connected;
        what a plugin's store makes of its options shows when it is opened."""
        found = []
        if not 0 <= self.retries <= _MOST_RETRIES:
            found.append(Fault("retries", f"must lie between 0 and {_MOST_RETRIES}"))
        seen: dict[Location, str] = {}
        for text, options in self.options.items():
            # What stands before an @ may be a secret.
            path = f"stores.{HIDDEN if '@' in text else text[:120]}"
            try:
                root = _root_of(text)
            except InvalidInput as error:
                found += [Fault(path, fault.message) for fault in error.faults]
                continue
            if (other := seen.setdefault(root, text)) != text:
                found.append(Fault(path, f"is the same root as {other[:120]}"))
            found += [
                Fault(f"{path}.{fault.path}" if fault.path else path, fault.message)
                for fault in self._option_faults(root, options)
            ]
        return found

    def _option_faults(self, root: Location, options: Mapping[str, Any]) -> list[Fault]:
        if root.scheme not in BUILT_IN_SCHEMES:
            return [] if root.scheme in self.factories else [Fault("", unknown_scheme(root.scheme, self.factories))]
        found = [
            Fault(name, "must be text, true or false, or a secret")
            for name, value in options.items()
            if not isinstance(value, str | bool | Secret)
        ]
        sound = {name: value for name, value in options.items() if isinstance(value, str | bool | Secret)}
        try:
            found += option_faults(root, _texts(sound))
        except ObjectStoreError as error:
            # The extra is missing.
            found.append(Fault("", str(error)))
        places = {name: place for place, name in enumerate(options)}
        return sorted(found, key=lambda fault: places.get(fault.path, len(places)))

    def _options_of(self, location: Location) -> Mapping[str, Any]:
        """What is configured for the longest root that a store lies below."""
        roots = ((_root_of(text), options) for text, options in self.options.items())
        around = [(root, options) for root, options in roots if _is_below(location, root)]
        if not around:
            return NO_OPTIONS
        return max(around, key=lambda each: (len(each[0].bucket), len(each[0].prefix)))[1]


def _root_of(text: str) -> Location:
    """A root, or all stores of a scheme.

    Raises:
        InvalidInput: it is neither.
    """
    if not text.endswith(_MARK):
        return location_of(text)
    # The rest is there for the check alone.
    return Location(location_of(f"{text}localhost/all").scheme, "", "")


def _is_below(location: Location, root: Location) -> bool:
    if location.scheme != root.scheme:
        return False
    if not root.bucket and not root.prefix:
        return True
    return location.bucket == root.bucket and f"{location.prefix}/".startswith(f"{root.prefix}/" if root.prefix else "")


def _texts(options: Mapping[str, Any]) -> dict[str, str | Secret]:
    """Options as obstore takes them: switches as text, and without those that an empty variable left empty."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items() if value != ""
    }
