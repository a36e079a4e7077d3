"""Parts of a file, as a file: what pyarrow reads from when only some bytes are here."""

import io
from bisect import bisect_right
from collections.abc import Buffer, Sequence
from typing import override

from liveexec.domain.object_store import ByteRange

__all__ = ["RangedFile"]


class RangedFile(io.RawIOBase):
    """A file of which only ``ranges`` were fetched. Reading anything else is an error in the plan, and raises."""

    def __init__(self, size: int, ranges: Sequence[ByteRange], parts: Sequence[bytes | memoryview]) -> None:
        super().__init__()
        for (start, end), part in zip(ranges, parts, strict=True):
            if len(part) != end - start:
                raise EOFError(f"{len(part)} bytes came where {end - start} were asked for: the file has changed")
        pairs = sorted(zip(ranges, parts, strict=True), key=lambda pair: pair[0])
        self._size = size
        self._starts = [start for (start, _), _ in pairs]
        self._parts = [memoryview(part) for _, part in pairs]
        self._position = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    @override
    def readinto(self, buffer: Buffer) -> int:
        into = memoryview(buffer)
        count = min(len(into), max(0, self._size - self._position))
        into[:count] = self._bytes_at(self._position, count)
        self._position += count
        return count

    def _bytes_at(self, start: int, count: int) -> memoryview:
        number = bisect_right(self._starts, start) - 1
        part = self._parts[number] if number >= 0 else memoryview(b"")
        offset = start - self._starts[number] if number >= 0 else 0
        if offset + count > len(part):
            raise EOFError(f"bytes {start} to {start + count} were not fetched")
        return part[offset : offset + count]
