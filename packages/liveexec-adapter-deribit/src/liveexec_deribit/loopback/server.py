"""The venue on a port of this machine: HTTP, WebSocket and the control, under one address."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import anyio
import attrs
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from liveexec_deribit.loopback.control import Control
from liveexec_deribit.loopback.control_http import answer_control
from liveexec_deribit.loopback.http import answer_http
from liveexec_deribit.loopback.venue import Venue
from liveexec_deribit.loopback.websocket import serve_websocket


@attrs.frozen
class Server:
    """A venue that listens. ``http_url`` is what a client appends ``/api/v2`` to."""

    venue: Venue
    control: Control
    host: str
    port: int

    @property
    def http_url(self) -> str:
        """Where HTTP is taken: ``/api/v2/METHOD`` below it."""
        return f"http://{self.host}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where WebSocket is taken."""
        return f"ws://{self.host}:{self.port}/ws/api/v2"


@contextlib.asynccontextmanager
async def serve(venue: Venue | None = None, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Server]:
    """Run a venue in this event loop for as long as the block lasts; port 0 takes one that is free."""
    venue = Venue() if venue is None else venue
    # With the protocol named, asyncio turns Nagle's algorithm off on what it accepts: small messages do not wait.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    served = Server(venue, Control(venue), host, listener.getsockname()[1])
    carrier = _Carrier(served)
    # Plain tasks rather than a task group: what fails in the block reaches the caller as it is.
    running = [
        asyncio.create_task(carrier.run(listener)),
        asyncio.create_task(_flush(venue, "100ms", venue.config.interval_s)),
        asyncio.create_task(_flush(venue, "agg2", venue.config.agg2_s)),
    ]
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
        app = Starlette(
            routes=[
                Route("/api/v2", self._http, methods=["POST"]),
                Route("/api/v2/{method:path}", self._http, methods=["GET", "POST"]),
                Route("/loopback/{act}", self._control, methods=["GET", "POST"]),
                WebSocketRoute("/ws/api/v2", self._websocket),
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

    async def _http(self, request: Request) -> Response:
        with self._tracked():
            response, delay_s = await answer_http(self._served.venue, request, self.drop)
            if delay_s:
                await anyio.sleep(delay_s)
            return Response(status_code=500) if response is None else response

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


async def _flush(venue: Venue, interval: str, interval_s: float) -> None:
    """End an interval again and again: channels that gather tell what they have."""
    while True:
        await anyio.sleep(interval_s)
        venue.tick(interval)
