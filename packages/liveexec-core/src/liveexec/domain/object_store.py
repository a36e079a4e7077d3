"""Object stores as everything here sees them: a port that is small enough for any storage layer to fill.

It is here since storage calls it and plugins fill it, and neither of the two knows the other. A path is relative to
the store's root: segments between slashes, none of them empty, ``.`` or ``..``.
"""

from collections.abc import Buffer, Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

__all__ = ["ByteRange", "ObjectInfo", "ObjectStore", "StreamsTimeRanges"]

#: First byte and the byte after the last one.
ByteRange = tuple[int, int]


@frozen
class ObjectInfo:
    """An object: its path, its size in bytes, and what changes whenever its content does, where the store tells."""

    path: str
    size: int
    etag: str | None = None


class ObjectStore(Protocol):
    """Reads and writes whole objects and parts of them. Calls block; any thread may make them.

    Every method raises :class:`~liveexec.errors.ObjectNotFound`, :class:`~liveexec.errors.ObjectAccessDenied` or
    :class:`~liveexec.errors.ObjectStoreError`, none of them with a credential in its text.
    """

    @property
    def url(self) -> str:
        """The store's root as people write it, without credentials: ``gs://bucket/prefix``."""
        ...

    def head(self, path: str) -> ObjectInfo:
        """What is known of an object without reading it."""
        ...

    def get(self, path: str) -> bytes:
        """A whole object."""
        ...

    def get_ranges(self, path: str, ranges: Sequence[ByteRange]) -> Sequence[bytes | memoryview]:
        """Parts of an object, as they were asked for: what to merge is the caller's business."""
        ...

    def put(self, path: str, data: Buffer, *, replace: bool = False) -> None:
        """Write an object: all of it or nothing.

        Raises:
            ObjectExists: there is one of that path, and ``replace`` was not asked for.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object below a folder, in no particular order; of a folder that is not there, none."""
        ...


@runtime_checkable
class StreamsTimeRanges(Protocol):
    """A store that cuts rows out of a parquet file itself, by their ``timestamp``.

    A reader of ticks then asks it for windows and plans no ranges of bytes.
    """

    def rows_between(self, path: str, columns: Sequence[str], start_us: int, end_us: int) -> Iterable[Any]:
        """Rows of a file whose ``timestamp`` (UTC microseconds) is in ``[start_us, end_us)``, in the file's order.

        Tables with those columns, each of them anything with the Arrow PyCapsule interface (a pyarrow table or record
        batch, a data frame of pandas or polars).
        """
        ...
