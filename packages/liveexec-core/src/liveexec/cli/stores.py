"""Object stores as commands name them: by a URL, or by a folder or file of this machine."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from liveexec.domain.object_store import ObjectStore
from liveexec.errors import Fault, InvalidInput
from liveexec.plugins.manager import load_plugins
from liveexec.storage.objects.locations import location_of
from liveexec.storage.objects.opening import BUILT_IN_SCHEMES, open_store

__all__ = ["StoreArgument", "object_named", "store_named"]

StoreArgument = Annotated[
    str,
    Parameter(metavar="STORE", help="Its root: gs://BUCKET/PREFIX, s3://BUCKET/PREFIX, file:///FOLDER or a folder."),
]
_MARK: Final = "://"


def store_named(text: str) -> ObjectStore:
    """The store whose root a command names; plugins are loaded for a scheme that is not built in.

    Raises:
        InvalidInput: the URL can't be used, or nobody has its scheme.
        ObjectStoreError: the extra ``replay`` is not installed.
    """
    url = text if _MARK in text else Path(text).absolute().as_uri()
    if location_of(url).scheme in BUILT_IN_SCHEMES:
        return open_store(url)
    return open_store(url, factories=load_plugins().object_stores)


def object_named(text: str) -> tuple[ObjectStore, str]:
    """The object that a command names, and the store that it is in.

    Raises:
        InvalidInput: the URL names a store, but nothing in it.
    """
    root, _, name = text.rpartition("/")
    if _MARK not in text:
        path = Path(text).absolute()
        return store_named(str(path.parent)), path.name
    if not name or root.endswith(":/"):
        raise InvalidInput("object", [Fault("", "must name an object: s3://BUCKET/FOLDER/NAME")])
    return store_named(root), name
