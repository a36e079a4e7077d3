"""The client's side of one connection to a paper venue's server: calls and their answers, and what is pushed."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from liveexec.errors import AdapterError
from liveexec.venues.paper import protocol
from liveexec.venues.paper.protocol import Call, Form, Frame, Hello, ServerInfo
from liveexec.venues.paper.transport import open_connection

__all__ = ["NoAnswer", "Wire"]

#: Calls that may wait for their answers at the same time.
MOST_CALLS: Final = 4_096

#: How long a closing connection may take to say goodbye.
CLOSE_TIMEOUT_S: Final = 1.0

#: Takes what is pushed.
OnPush = Callable[[Any], None]
#: Learns that the connection is gone.
OnLost = Callable[[AdapterError], None]


class NoAnswer(AdapterError):
    """The request left, but no answer came in time."""


class _Answer:
    """An answer as it comes in."""

    __slots__ = ("future", "parts")

    def __init__(self) -> None:
        self.future: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self.parts: list[msgspec.Raw] = []


class Wire:
    """A connection after its hello. Whatever goes wrong with it is an AdapterError to everybody who waits."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_push: OnPush, on_lost: OnLost
    ) -> None:
        self._reader, self._writer = reader, writer
        self._on_push, self._on_lost = on_push, on_lost
        self._waiting: dict[int, _Answer] = {}
        self._last_id = 0
        self._error: AdapterError | None = None
        self._reading = asyncio.create_task(self._read_all(), name="paper-wire")

    @classmethod
    async def open(
        cls, path: Path, hello: Hello, on_push: OnPush, on_lost: OnLost, *, timeout_s: float
    ) -> tuple["Wire", ServerInfo]:
        """Connect and say hello.

        Raises:
            AdapterError: nobody listens there, or the server refused.
        """
        (reader, writer), token = await open_connection(path, timeout_s=timeout_s)
        hello.token = token
        wire = cls(reader, writer, on_push, on_lost)
        try:
            info: ServerInfo = protocol.decode(await wire.call("hello", hello, timeout_s=timeout_s), ServerInfo)
        except BaseException:
            wire.close()
            raise
        return wire, info

    async def call(self, method: str, arguments: object, *, timeout_s: float) -> msgspec.Raw:
        """Ask, and wait for the answer.

        Raises:
            NoAnswer: none came in time.
            AdapterError: the server refused, or the connection is gone.
        """
        _, body = await self.call_parts(method, arguments, timeout_s=timeout_s)
        return body

    async def call_parts(
        self, method: str, arguments: object, *, timeout_s: float
    ) -> tuple[list[msgspec.Raw], msgspec.Raw]:
        """The same for an answer that comes in parts: the parts, and what ended them."""
        if self._error is not None:
            raise self._error
        if len(self._waiting) >= MOST_CALLS:
            raise AdapterError(f"{MOST_CALLS} requests wait for an answer already")
        self._last_id += 1
        number, answer = self._last_id, _Answer()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(timeout_s):
                protocol.write_frame(self._writer, Call(number, method, protocol.encode(arguments)))
                await self._writer.drain()
                return answer.parts, await answer.future
        except TimeoutError as error:
            raise NoAnswer(f"the paper venue did not answer within {timeout_s:g} s") from error
        except ConnectionError as error:
            raise AdapterError(f"the connection to the paper venue broke: {error}") from error
        finally:
            del self._waiting[number]

    def close(self) -> None:
        """Hang up."""
        self._fail(AdapterError("the connection was closed"))
        self._reading.cancel()
        self._writer.close()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone; after a moment it is left to the event loop."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.wait([self._reading])
                await self._writer.wait_closed()

    async def _read_all(self) -> None:
        error = AdapterError("the paper venue hung up")
        try:
            while (frame := await protocol.read_frame(self._reader)) is not None:
                self._take(protocol.decode(frame, Frame))
        except AdapterError as failure:
            error = failure
        finally:
            self._fail(error)

    def _take(self, frame: Frame) -> None:
        if frame.kind == "push":
            self._on_push(protocol.decode_named(frame.body))
            return
        answer = self._waiting.get(frame.id)
        if answer is None or answer.future.done():
            # Whoever asked has given up waiting.
            return
        if frame.form == Form.PART:
            answer.parts.append(frame.body)
        elif frame.form == Form.ERROR:
            answer.future.set_exception(AdapterError(protocol.decode(frame.body, str)))
        else:
            answer.future.set_result(frame.body)

    def _fail(self, error: AdapterError) -> None:
        if self._error is not None:
            return
        self._error = error
        for answer in self._waiting.values():
            if not answer.future.done():
                answer.future.set_exception(error)
        self._on_lost(error)
