"""Footers of parquet files: what a file holds and where, read without the file, and kept for the next time.

A footer is read with one request for the end of the file, or two where it is longer than was guessed. It is kept in
memory, and in a folder where one is given, under the etag of its file: a file that changed has another one.
"""

import hashlib
import os
import struct
import tempfile
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from liveexec.domain.object_store import ObjectInfo, ObjectStore
from liveexec.errors import Fault, InvalidInput
from liveexec.storage.objects.extra import needed

__all__ = ["Footer", "FooterCache"]

#: What is read of a file's end at first: the footer of a file with a few row groups.
_GUESS: Final = 16 * 1024
_MAGIC: Final = b"PAR1"
#: Length of the footer and the magic, at the very end.
_TAIL: Final = 8
#: More than any footer that could be read into memory in good faith.
_LARGEST: Final = 256 * 1024 * 1024


@frozen(eq=False)
class Footer:
    """A file's footer: ``metadata`` is pyarrow's ``FileMetaData``; ``bytes_read`` and ``requests`` what getting it here
    cost."""

    info: ObjectInfo
    metadata: Any
    bytes_read: int = 0
    requests: int = 0


class FooterCache:
    """Footers by store and path. One that is used again costs a look at the object's etag and no bytes of it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[tuple[str, str], Footer] = {}

    def footer(self, store: ObjectStore, path: str) -> Footer:
        """The footer of a file as it is now.

        Raises:
            ObjectNotFound: there is no such file.
            InvalidInput: it is no parquet file.
        """
        info = store.head(path)
        key = (store.url, path)
        kept = self._kept.get(key)
        if kept is not None and info.etag is not None and kept.info == info:
            return Footer(info, kept.metadata)
        footer = self._from_folder(store, info) or self._from_store(store, info)
        self._kept[key] = footer
        return footer

    def _from_store(self, store: ObjectStore, info: ObjectInfo) -> Footer:
        what = f"{store.url}/{info.path}"
        if info.size < _TAIL + len(_MAGIC):
            raise _not_parquet(what)
        start = max(0, info.size - _GUESS)
        (end,) = store.get_ranges(info.path, [(start, info.size)])
        data, count, requests = bytes(end), info.size - start, 1
        if data[-4:] != _MAGIC:
            raise _not_parquet(what)
        (length,) = struct.unpack("<I", data[-_TAIL:-4])
        missing = length + _TAIL - len(data)
        if length > min(_LARGEST, info.size - _TAIL - len(_MAGIC)):
            raise _not_parquet(what)
        if missing > 0:
            (rest,) = store.get_ranges(info.path, [(start - missing, start)])
            data = bytes(rest) + data
            count, requests = count + missing, 2
        raw = data[-(length + _TAIL) :]
        metadata = _parsed(raw, what)
        self._keep(store, info, raw)
        return Footer(info, metadata, count, requests)

    def _from_folder(self, store: ObjectStore, info: ObjectInfo) -> Footer | None:
        place = self._place(store, info)
        if place is None or not place.is_file():
            return None
        try:
            digest, _, raw = place.read_bytes().partition(b"\n")
            if digest.decode() != hashlib.sha256(raw).hexdigest():
                return None
            return Footer(info, _parsed(raw, str(place)))
        except (InvalidInput, OSError, UnicodeDecodeError):
            # What was kept can't be used: the file itself is asked, and what it says is kept in its place.
            return None

    def _keep(self, store: ObjectStore, info: ObjectInfo, raw: bytes) -> None:
        place = self._place(store, info)
        if place is None:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        # Under its own name only once it is whole, so that nobody reads half of it.
        descriptor, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(raw).hexdigest().encode() + b"\n" + raw)
        Path(name).replace(place)

    def _place(self, store: ObjectStore, info: ObjectInfo) -> Path | None:
        if self._folder is None or info.etag is None:
            return None
        key = "\n".join((store.url, info.path, info.etag, str(info.size)))
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.footer"


def _parsed(raw: bytes, what: str) -> Any:
    pa = needed("pyarrow", "reading parquet files")
    pq = needed("pyarrow.parquet", "reading parquet files")
    try:
        # A file of nothing but its two ends is enough to read a footer from.
        return pq.read_metadata(pa.BufferReader(_MAGIC + raw))
    except (pa.ArrowException, OSError):
        raise _not_parquet(what) from None


def _not_parquet(what: str) -> InvalidInput:
    return InvalidInput(what, [Fault("", "is no parquet file, or a broken one")])
