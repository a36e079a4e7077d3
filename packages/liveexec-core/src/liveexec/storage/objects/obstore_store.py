"""The port through obstore: Google Cloud Storage, S3, folders and memory.

Credentials come from where each cloud's own tools look for them (GOOGLE_APPLICATION_CREDENTIALS, AWS_ACCESS_KEY_ID and
so on) or as options of obstore's names. obstore's errors go on for pages and quote requests, so that of each only its
first line is passed on, with every secret that is known of taken out.
"""

import os
import re
from collections.abc import Buffer, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from liveexec.domain.object_store import ByteRange, ObjectInfo
from liveexec.domain.secret import Secret, is_secret_name, masked
from liveexec.errors import (
    ConfigurationError,
    Fault,
    ObjectAccessDenied,
    ObjectExists,
    ObjectNotFound,
    ObjectStoreError,
)
from liveexec.storage.objects.extra import needed
from liveexec.storage.objects.locations import Location, checked_path

__all__ = ["NO_OPTIONS", "RETRIES", "ObstoreStore", "Options", "option_faults"]

#: What a store is told beside its location, by obstore's names.
Options = Mapping[str, str | Secret]

NO_OPTIONS: Final[Options] = MappingProxyType({})

_CLOUDS: Final = ("AWS_", "GOOGLE_", "GCS_")
#: What an endpoint is called among S3's options.
_ENDPOINTS: Final = ("endpoint", "endpoint_url", "aws_endpoint", "aws_endpoint_url")
_LOOPBACK: Final = re.compile(r"http://(127\.[\d.]+|localhost|\[::1\])(:\d+)?(/|$)")
#: How often a request is made again, within a minute, before a store that does not answer is given up.
RETRIES: Final = 5
_RETRY_TIMEOUT: Final = timedelta(seconds=60)
_LONGEST_LINE: Final = 400
#: What obstore says of a file that may not be opened, for which it has no error of its own.
_EACCES: Final = "Permission denied (os error 13)"


class ObstoreStore:
    """A store below a location.

    Raises:
        ConfigurationError: obstore does not know an option, or can't make a store of them.
        ObjectStoreError: the extra ``replay`` is not installed.
    """

    def __init__(self, location: Location, options: Options = NO_OPTIONS, retries: int = RETRIES) -> None:
        self._location = location
        self._retry = {"max_retries": retries, "retry_timeout": _RETRY_TIMEOUT}
        self._obs: Any = needed("obstore", f"a store at {location.scheme}://")
        self._exceptions: Any = needed("obstore.exceptions", f"a store at {location.scheme}://")
        _note_secrets(options)
        self._store = self._made({name: _revealed(each) for name, each in options.items()})

    @property
    def url(self) -> str:
        return self._location.url

    def __repr__(self) -> str:
        return f"ObstoreStore({self.url!r})"

    def head(self, path: str) -> ObjectInfo:
        with self._naming("looking at", path):
            return _info(self._obs.head(self._store, self._within(path)), path)

    def get(self, path: str) -> bytes:
        with self._naming("reading", path):
            return bytes(self._obs.get(self._store, self._within(path)).bytes())

    def get_ranges(self, path: str, ranges: Sequence[ByteRange]) -> Sequence[memoryview]:
        starts, ends = [start for start, _ in ranges], [end for _, end in ranges]
        with self._naming("reading parts of", path):
            # The planner has merged what is worth merging; what is read is then what was counted.
            parts = self._obs.get_ranges(self._store, self._within(path), starts=starts, ends=ends, coalesce=0)
        return [memoryview(part) for part in parts]

    def put(self, path: str, data: Buffer, *, replace: bool = False) -> None:
        mode = "overwrite" if replace else "create"
        with self._naming("writing", path):
            # Bytes of its own, which nobody can change; and one request, since parts that are sent one by one can't
            # be made conditional on there being nothing yet.
            self._obs.put(self._store, self._within(path), bytes(data), mode=mode, use_multipart=False)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        folder = prefix.strip("/")
        cut = len(self._location.prefix) + 1 if self._location.prefix else 0
        with self._naming("listing", folder):
            below = self._within(folder) if folder else self._below("")
            for chunk in self._obs.list(self._store, below or None):
                for each in chunk:
                    yield _info(each, each["path"][cut:])

    def _within(self, path: str) -> str:
        return self._below(checked_path(path))

    def _below(self, path: str) -> str:
        return "/".join(part for part in (self._location.prefix, path) if part)

    def _made(self, options: Mapping[str, str]) -> Any:
        stores: Any = needed("obstore.store", f"a store at {self._location.scheme}://")
        where = self._location
        if options and where.scheme in ("file", "memory"):
            faults = [Fault(name, "is no option of such a store, which takes none") for name in options]
            raise ConfigurationError(f"object store {self.url}", faults)
        try:
            match where.scheme:
                case "gs":
                    return stores.GCSStore(where.bucket, config=options, retry_config=self._retry)
                case "s3":
                    endpoints = (value for name, value in options.items() if name.lower() in _ENDPOINTS)
                    is_local = any(_LOOPBACK.match(endpoint) for endpoint in endpoints)
                    client = {"allow_http": True} if is_local else None
                    return stores.S3Store(where.bucket, config=options, client_options=client, retry_config=self._retry)
                case "file":
                    # From the root of the file system on: a folder that is not there yet is made by what is put in it.
                    return stores.LocalStore()
                case _:
                    return _MEMORY.setdefault(where.bucket, stores.MemoryStore())
        except (self._exceptions.BaseError, ValueError, OSError) as error:
            raise ConfigurationError(f"object store {self.url}", [Fault("options", _said(error))]) from None

    @contextmanager
    def _naming(self, doing: str, path: str) -> Iterator[None]:
        """obstore's errors as ours, with the object's name."""
        what = f"{doing} {self.url}" + (f"/{path}" if path else "")
        exceptions = self._exceptions
        try:
            yield
        except FileNotFoundError:
            raise ObjectNotFound(f"{what}: there is no such object") from None
        except exceptions.AlreadyExistsError:
            raise ObjectExists(f"{what}: it is there already; nothing was written") from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError):
            raise ObjectAccessDenied(f"{what}: access was denied; check the credentials and what they may do") from None
        except (exceptions.BaseError, OSError) as error:
            said = _said(error)
            if _EACCES in said:
                raise ObjectAccessDenied(f"{what}: access was denied; check who may read and write there") from None
            raise ObjectStoreError(f"{what}: {said}") from None


#: Stores in memory by their names: each is one for everything in this process that asks for it.
_MEMORY: Final[dict[str, Any]] = {}


def option_faults(location: Location, options: Options) -> list[Fault]:
    """What obstore finds wrong with each option of a store; a fault without a path is of all of them together. Nothing
    is connected.

    Raises:
        ObjectStoreError: the extra ``replay`` is not installed.
    """
    left = dict(options)
    found: list[Fault] = []
    while refused := _refusal(location, left):
        # obstore names one fault and seldom its option: that is whichever is refused in the same words alone.
        wrong = [name for name, value in left.items() if _refusal(location, {name: value}) == refused]
        if not wrong:
            return found + [Fault(fault.path if fault.path in options else "", fault.message) for fault in refused]
        for name in wrong:
            found += [Fault(name, fault.message) for fault in refused]
            del left[name]
    return found


def _refusal(location: Location, options: Options) -> tuple[Fault, ...]:
    try:
        ObstoreStore(location, options)
    except ConfigurationError as error:
        return tuple(error.faults)
    return ()


def _info(meta: Mapping[str, Any], path: str) -> ObjectInfo:
    return ObjectInfo(path, meta["size"], meta["e_tag"])


def _said(error: Exception) -> str:
    """The first line of an error, without secrets."""
    line = str(error).strip().partition("\n")[0]
    # A query may hold a signature.
    return masked(re.sub(r"\?[^\s)]+", "?…", line))[:_LONGEST_LINE]


def _note_secrets(options: Options) -> None:
    """Make what is secret known as such to everything that writes: options, and what the environment holds."""
    found = [(name, each) for name, each in options.items() if isinstance(each, str)]
    found += [(name, value) for name, value in os.environ.items() if name.startswith(_CLOUDS)]
    for name, value in found:
        if value and is_secret_name(name):
            Secret(value)


def _revealed(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
