"""One end of the socket pair between the parent and the node's process: whole messages, in order."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import msgspec

from liveexec_nautilus.live.protocol import MAX_FRAME, FromChild, ToChild, encode

__all__ = ["Channel"]

_LENGTH_BYTES: Final = 4


class Channel[T](asyncio.Protocol):
    """Reads frames as they come and hands each message on at once, on the loop's own thread.

    ``take`` is given every message. ``lost`` is called once when the other end is gone, or speaks what can't be read,
    with the reason.
    """

    def __init__(
        self, decode: Callable[[bytes | memoryview], T], take: Callable[[T], None], lost: Callable[[str], None]
    ) -> None:
        self._decode, self._take, self._lost = decode, take, lost
        self._waiting = bytearray()
        self._transport: asyncio.Transport | None = None
        self._is_over = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._is_over

    def send(self, message: ToChild | FromChild, room: int | None = None) -> bool:
        """Write a message; false when it was not: the other end is gone, or more than ``room`` bytes wait already."""
        if self._transport is None or self._is_over:
            return False
        if room is not None and self._transport.get_write_buffer_size() > room:
            return False
        self._transport.write(encode(message))
        return True

    def close(self) -> None:
        """Nothing more is sent, and nothing more is handed on."""
        self._is_over = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting
        waiting += data
        start = 0
        while len(waiting) - start >= _LENGTH_BYTES and not self._is_over:
            length = int.from_bytes(waiting[start : start + _LENGTH_BYTES])
            if length > MAX_FRAME:
                self._end(f"a frame of {length} bytes is longer than {MAX_FRAME}")
                return
            end = start + _LENGTH_BYTES + length
            if len(waiting) < end:
                break
            body = bytes(waiting[start + _LENGTH_BYTES : end])
            start = end
            try:
                message = self._decode(body)
            except msgspec.DecodeError as error:
                self._end(f"a message can't be read: {error}")
                return
            self._take(message)
        del waiting[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"the connection ended: {exc}" if exc is not None else "the connection ended")

    def _end(self, reason: str) -> None:
        if not self._is_over:
            self.close()
            self._lost(reason)
