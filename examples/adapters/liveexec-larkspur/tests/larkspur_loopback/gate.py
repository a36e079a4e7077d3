"""The way to the venue: a relay that can cut connections, refuse new ones, and let them hang half open."""

import asyncio
import contextlib
from typing import Final

from attrs import define

__all__ = ["Gate"]

_PIECE: Final = 65_536


@define(eq=False)
class _Link:
    """One connection and its continuation."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    is_frozen: bool = False

    def abort(self) -> None:
        for writer in (self.near, self.far):
            writer.transport.abort()


class Gate:
    """Relays 127.0.0.1 to the venue's port. Everything that it does is done when the call returns."""

    def __init__(self) -> None:
        self.port = 0
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused_until_s = 0.0
        self._cuts = 0
        self._server: asyncio.Server | None = None

    async def open(self, target: int) -> None:
        """Begin to relay."""
        self._target = target
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut everything, for good."""
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def cut(self, refuse_for_s: float = 0.0) -> None:
        """Reset every connection; new ones are reset too until the time is over."""
        self._refused_until_s = asyncio.get_running_loop().time() + refuse_for_s
        self._cuts += 1
        for link in self._links:
            link.abort()

    def freeze(self) -> None:
        """Nothing passes on the connections there are, in either direction; they stay open."""
        for link in self._links:
            link.is_frozen = True

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._relay(reader, writer), name="larkspur-gate")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asyncio.get_running_loop().time() < self._refused_until_s:
            writer.transport.abort()
            return
        cuts = self._cuts
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, far)
        if cuts != self._cuts:
            link.abort()  # cut while it was being made
            return
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(link, reader, far))
                group.create_task(_pump(link, far_reader, writer))
        finally:
            self._links.discard(link)
            link.abort()


async def _pump(link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            if not link.is_frozen:
                writer.write(piece)
                await writer.drain()
        if not link.is_frozen and writer.can_write_eof():
            writer.write_eof()
