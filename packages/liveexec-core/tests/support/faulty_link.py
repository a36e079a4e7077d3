"""A Unix socket between a client and a PostgreSQL server that loses answers, or holds requests back, when told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from liveexec.storage.dsn import Dsn

__all__ = ["FaultyLink", "faulty_link"]

_SOCKET = ".s.PGSQL.5432"


class FaultyLink:
    """Faults strike the next request of connections whose application name holds ``victim``."""

    def __init__(self, dsn: Dsn, victim: str) -> None:
        self.dsn = dsn
        self._victim = victim.encode()
        self._lose_next_answer = False
        self._hold_next_request = False
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []

    def lose_next_answer(self) -> None:
        """The next request reaches the server; the connection breaks before its answer comes back."""
        self._lose_next_answer = True

    def hold_next_request(self) -> None:
        """The connection breaks at the next request, which stays on its way to the server."""
        self._hold_next_request = True

    async def deliver_held_requests(self) -> None:
        """What was held back arrives at the server now, if anybody is still there to read it."""
        for server, request in self._held:
            with suppress(ConnectionError):
                server.write(request)
                await server.drain()
        self._held.clear()

    async def serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter, target: Path) -> None:
        server_in, server_out = await asyncio.open_unix_connection(str(target))
        hello = await client_in.read(65_536)
        is_victim = self._victim in hello
        server_out.write(hello)
        answers = asyncio.ensure_future(self._answers(server_in, client_out, is_victim))
        try:
            while request := await client_in.read(65_536):
                if is_victim and self._hold_next_request:
                    self._hold_next_request = False
                    self._held.append((server_out, request))
                    client_out.close()
                    return
                server_out.write(request)
        except ConnectionError:
            pass  # the client is gone, as it may be
        finally:
            if not any(writer is server_out for writer, _ in self._held):
                server_out.close()
            await answers
            client_out.close()

    async def _answers(self, server_in: asyncio.StreamReader, client: asyncio.StreamWriter, is_victim: bool) -> None:
        with suppress(ConnectionError):
            while answer := await server_in.read(65_536):
                if is_victim and self._lose_next_answer:
                    self._lose_next_answer = False
                    client.close()
                    return
                if not client.is_closing():
                    client.write(answer)
        client.close()


@asynccontextmanager
async def faulty_link(dsn: Dsn, folder: Path, victim: str) -> AsyncIterator[FaultyLink]:
    """A link to the server of ``dsn``, which has to be reached by a Unix socket."""
    parts = urlsplit(dsn.url)
    parameters = dict(parse_qsl(parts.query))
    target = Path(parameters["host"]) / _SOCKET
    query = urlencode(parameters | {"host": str(folder)}, quote_via=quote)
    link = FaultyLink(Dsn(parts._replace(query=query).geturl()), victim)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await link.serve(reader, writer, target)

    server = await asyncio.start_unix_server(accept, str(folder / _SOCKET))
    try:
        yield link
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
