"""Object stores as commands name them: by a URL, or by a folder or file of this machine."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from liveexec.assembly import stores_of
from liveexec.config.loading import load_store_sections
from liveexec.domain.object_store import ObjectStore
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec.plugins.manager import load_plugins
from liveexec.storage.objects.configured import ConfiguredStores
from liveexec.storage.objects.locations import location_of
from liveexec.storage.objects.opening import BUILT_IN_SCHEMES

__all__ = ["ConfigOption", "StoreArgument", "object_named", "store_named"]

StoreArgument = Annotated[
    str,
    Parameter(metavar="STORE", help="Its root: gs://BUCKET/PREFIX, s3://BUCKET/PREFIX, file:///FOLDER or a folder."),
]
ConfigOption = Annotated[
    Path | None,
    Parameter(
        name="--config",
        metavar="FILE",
        help="A configuration, or a replay's specification, whose section objects says how stores are reached.",
    ),
]
_MARK: Final = "://"


def store_named(text: str, config: Path | None = None) -> ObjectStore:
    """The store whose root a command names, reached as a configuration says; plugins are loaded for a scheme that is
    not built in.

    Raises:
        InvalidInput: the URL can't be used, or nobody has its scheme.
        ConfigurationError: the configuration can't be used; every fault of what it says of stores is named.
        ObjectStoreError: the extra ``replay`` is not installed.
    """
    url = text if _MARK in text else Path(text).absolute().as_uri()
    is_built_in = location_of(url).scheme in BUILT_IN_SCHEMES
    if config is None:
        return ConfiguredStores(factories={} if is_built_in else load_plugins().object_stores).open(url)
    said = load_store_sections(config)
    stores = stores_of(said.objects, load_plugins(said.plugins.enabled))
    if faults := stores.faults():
        raise ConfigurationError(str(config), [Fault(f"objects.{fault.path}", fault.message) for fault in faults])
    return stores.open(url)


def object_named(text: str, config: Path | None = None) -> tuple[ObjectStore, str]:
    """The object that a command names, and the store that it is in.

    Raises:
        InvalidInput: the URL names a store, but nothing in it.
    """
    root, _, name = text.rpartition("/")
    if _MARK not in text:
        path = Path(text).absolute()
        return store_named(str(path.parent), config), path.name
    if not name or root.endswith(":/"):
        raise InvalidInput("object", [Fault("", "must name an object: s3://BUCKET/FOLDER/NAME")])
    return store_named(root, config), name
