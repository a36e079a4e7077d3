"""What liveexec asks of a store, in the words of the firm's layer. Its errors become liveexec's."""

from collections.abc import Buffer, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from liveexec.domain.object_store import ByteRange, ObjectInfo
from liveexec.errors import ObjectAccessDenied, ObjectExists, ObjectNotFound, ObjectStoreError
from liveexec_vault import cloud_services

__all__ = ["VaultStore"]


class VaultStore:
    """The blobs of a bucket below a prefix: ``vault://bucket/prefix``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._url = url
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")

    @property
    def url(self) -> str:
        return self._url

    def head(self, path: str) -> ObjectInfo:
        with self._errors(path):
            return ObjectInfo(path, cloud_services.size_in_gcs(self._bucket, self._blob(path)))

    def get(self, path: str) -> bytes:
        with self._errors(path):
            return cloud_services.download_from_gcs(self._bucket, self._blob(path))

    def get_ranges(self, path: str, ranges: Sequence[ByteRange]) -> Sequence[bytes]:
        """The layer knows whole blobs only; ticks are read by time instead (``rows_between``)."""
        data = self.get(path)
        return [data[start:end] for start, end in ranges]

    def put(self, path: str, data: Buffer, *, replace: bool = False) -> None:
        with self._errors(path):
            blob = self._blob(path)
            cloud_services.upload_to_gcs(bytes(data), self._bucket, blob, if_generation_match=None if replace else 0)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        cut = len(self._prefix) + 1 if self._prefix else 0
        for name, size in cloud_services.list_gcs(self._bucket, self._blob(prefix)):
            yield ObjectInfo(name[cut:], size)

    def rows_between(self, path: str, columns: Sequence[str], start_us: int, end_us: int) -> Iterable[Any]:
        with self._errors(path):
            yield from cloud_services.download_from_gcs_streaming(
                self._bucket, self._blob(path), columns=columns, timestamp_range=(start_us, end_us)
            )

    def _blob(self, path: str) -> str:
        return "/".join(part for part in (self._prefix, path.strip("/")) if part)

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        what = f"{self._url}/{path}"
        try:
            yield
        except FileNotFoundError:
            raise ObjectNotFound(f"{what}: there is no such object") from None
        except cloud_services.AlreadyThere:
            raise ObjectExists(f"{what}: it is there already; nothing was written") from None
        except PermissionError:
            raise ObjectAccessDenied(f"{what}: access was denied") from None
        except OSError as error:
            raise ObjectStoreError(f"{what}: {error.strerror or type(error).__name__}") from None
