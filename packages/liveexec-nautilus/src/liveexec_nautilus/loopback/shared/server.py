"""A venue on a port of this machine: HTTP, WebSocket and the control under one address."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

import anyio
import uvicorn
from attrs import frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from liveexec_nautilus.loopback.shared.control import Control
from liveexec_nautilus.loopback.shared.control_http import answer_control
from liveexec_nautilus.loopback.shared.traffic import HttpRequest
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue
from liveexec_nautilus.loopback.shared.websocket import serve_websocket

__all__ = ["Server", "serve"]

#: The only address that a loopback venue listens at.
HOST: Final = "127.0.0.1"
#: How often time passes for a venue.
_TICK_S: Final = 0.05
_METHODS: Final = ["GET", "POST", "PUT", "DELETE"]


@frozen
class Server:
    """A venue that listens."""

    venue: LoopbackVenue
    control: Control
    port: int

    @property
    def http_url(self) -> str:
        """Where HTTP is taken, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where WebSocket is taken, without a slash at its end."""
        return f"ws://{HOST}:{self.port}"


@contextlib.asynccontextmanager
async def serve(venue: LoopbackVenue, *, port: int = 0) -> AsyncIterator[Server]:
    """Run a venue in this event loop for as long as the block lasts; port 0 takes one that is free."""
    # With the protocol named, asyncio turns Nagle's algorithm off on what it accepts: small messages do not wait.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    served = Server(venue, Control(venue), listener.getsockname()[1])
    carrier = _Carrier(served)
    # Plain tasks rather than a task group: what fails in the block reaches the caller as it is.
    running = [asyncio.create_task(carrier.run(listener)), asyncio.create_task(_tick(venue))]
    try:
        await carrier.started.wait()
        yield served
    finally:
        carrier.stop()
        with anyio.CancelScope(shield=True):
            await carrier.stopped.wait()
            for task in running:
                task.cancel()
            ended = await asyncio.gather(*running, return_exceptions=True)
        listener.close()
        failed = [each for each in ended if isinstance(each, Exception)]
        if failed:
            raise failed[0]


class _Uvicorn(uvicorn.Server):
    """A server inside somebody else's process: it takes no signals, and tells when it listens."""

    def __init__(self, config: uvicorn.Config, started: anyio.Event) -> None:
        super().__init__(config)
        self._started = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started.set()


class _Carrier:
    """The routes, and the TCP connections that faults drop."""

    def __init__(self, served: Server) -> None:
        self.started = anyio.Event()
        self.stopped = anyio.Event()
        self._served = served
        self._serving: set[asyncio.Task[object]] = set()
        paths = served.venue.websocket_paths
        app = Starlette(
            routes=[
                Route("/loopback/{act}", self._control, methods=["GET", "POST"]),
                *(WebSocketRoute(path, self._websocket) for path in paths),
                Route("/{path:path}", self._http, methods=_METHODS),
            ]
        )
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio", ws_ping_interval=None
        )
        self._uvicorn = _Uvicorn(config, self.started)

    async def run(self, listener: socket.socket) -> None:
        """Serve until stopped."""
        try:
            await self._uvicorn.serve([listener])
            # Requests that were still waiting, for a late answer say.
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
        finally:
            self.started.set()
            self.stopped.set()

    def stop(self) -> None:
        """Drop every connection and stop listening."""
        self._uvicorn.should_exit = True
        self._uvicorn.force_exit = True
        for session in list(self._served.venue.sessions.values()):
            session.close(abruptly=True)

    def drop(self, client: tuple[str, int] | None) -> None:
        """Cut a client's TCP connection without a word."""
        for protocol in list(self._uvicorn.server_state.connections):
            if getattr(protocol, "client", None) == client and (transport := getattr(protocol, "transport", None)):
                transport.abort()

    async def _http(self, http: Request) -> Response:
        request = HttpRequest(
            method=http.method,
            path=http.url.path,
            query=http.url.query,
            headers={name.lower(): value for name, value in http.headers.items()},
            body=await http.body(),
        )
        with self._tracked():
            due = self._served.venue.take_request(request)
            answer = due.answer
            if due.cut:
                self.drop(None if http.client is None else (http.client.host, http.client.port))
            elif answer is None:
                await anyio.sleep_forever()  # until the client gives up, or the venue stops
            if due.delay_s:
                await anyio.sleep(due.delay_s)
            if answer is None:
                return Response(status_code=500)  # nobody is there to read it
            return Response(answer.body, answer.status, answer.headers, answer.media_type)

    async def _control(self, request: Request) -> Response:
        return await answer_control(self._served.control, request)

    async def _websocket(self, websocket: WebSocket) -> None:
        client = websocket.client
        address = None if client is None else (client.host, client.port)
        with self._tracked():
            await serve_websocket(self._served.venue, websocket, lambda: self.drop(address))

    @contextlib.contextmanager
    def _tracked(self) -> Iterator[None]:
        """Know of this request while it lasts."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            yield
        finally:
            self._serving.discard(task)


async def _tick(venue: LoopbackVenue) -> None:
    while True:
        await anyio.sleep(_TICK_S)
        venue.tick()
