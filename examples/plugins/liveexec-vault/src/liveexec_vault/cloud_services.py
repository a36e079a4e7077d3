"""Stands for a firm's storage layer: three functions over buckets, which here are folders below ``VAULT_ROOT``.

A real one talks to Google Cloud Storage with credentials of its own; what is called around it stays the same.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = [
    "AlreadyThere",
    "download_from_gcs",
    "download_from_gcs_streaming",
    "list_gcs",
    "size_in_gcs",
    "upload_to_gcs",
]


class AlreadyThere(Exception):
    """The blob exists, and ``if_generation_match=0`` asked that it should not."""


def upload_to_gcs(data: bytes, bucket: str, blob: str, *, if_generation_match: int | None = None) -> None:
    """Write a blob; with ``if_generation_match=0`` only where there is none."""
    path = _path(bucket, blob)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb" if if_generation_match == 0 else "wb") as file:
            file.write(data)
    except FileExistsError:
        raise AlreadyThere(blob) from None


def download_from_gcs(bucket: str, blob: str) -> bytes:
    """A whole blob. Raises ``FileNotFoundError``."""
    return _path(bucket, blob).read_bytes()


def download_from_gcs_streaming(
    bucket: str, blob: str, *, columns: Sequence[str], timestamp_range: tuple[int, int]
) -> Iterator[pa.Table]:
    """Rows of a parquet blob whose ``timestamp`` (microseconds) is in the range, its end excluded, part by part."""
    start_us, end_us = timestamp_range
    with pq.ParquetFile(_path(bucket, blob)) as file:
        for batch in file.iter_batches(columns=list(columns)):
            times = batch.column("timestamp")
            within = pc.and_(pc.greater_equal(times, pa.scalar(start_us)), pc.less(times, pa.scalar(end_us)))
            yield pa.Table.from_batches([batch]).filter(within)


def size_in_gcs(bucket: str, blob: str) -> int:
    """A blob's size in bytes. Raises ``FileNotFoundError``."""
    return _path(bucket, blob).stat().st_size


def list_gcs(bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    """Names and sizes of the blobs below a folder."""
    root = _path(bucket, "")
    for path in sorted((root / prefix).rglob("*")):
        if path.is_file():
            yield path.relative_to(root).as_posix(), path.stat().st_size


def _path(bucket: str, blob: str) -> Path:
    return Path(os.environ["VAULT_ROOT"]) / bucket / blob
