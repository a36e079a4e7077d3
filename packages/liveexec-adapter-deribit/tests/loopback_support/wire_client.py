"""A plain JSON-RPC client over WebSocket, which keeps every message that it sent and got."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import websockets

from liveexec_deribit.loopback.server import Server

#: How long a test waits for a message before it fails.
PATIENCE_S = 10


class RequestRefused(Exception):
    """The venue answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']} {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: Any = error.get("data")


class WireClient:
    """Sends requests and sorts what comes: answers by id, notifications by channel, heartbeats apart."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection
        self.traffic: list[tuple[str, dict[str, Any]]] = []
        self.order: list[str] = []
        self.heartbeats: list[str] = []
        self._waiting: dict[str, list[Any]] = {}
        self._numbers = itertools.count(1)
        self._methods: dict[int, str] = {}

    async def call(self, method: str, **params: Any) -> Any:
        """The result of a request; raises :class:`RequestRefused`."""
        return await self.answer(await self.send(method, **params))

    async def send(self, method: str, **params: Any) -> int:
        """Send a request without waiting; returns its id."""
        number = next(self._numbers)
        self._methods[number] = method
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.connection.send(json.dumps(request))
        return number

    async def answer(self, number: int) -> Any:
        """Wait for the answer to a request."""
        with anyio.fail_after(PATIENCE_S):
            while not self._waiting.get(str(number)):
                await self._read()
        answer = self._waiting[str(number)].pop(0)
        if "error" in answer:
            raise RequestRefused(answer["error"])
        return answer["result"]

    async def notified(self, channel: str) -> Any:
        """The data of the next notification of a channel."""
        with anyio.fail_after(PATIENCE_S):
            while not self._waiting.get(channel):
                await self._read()
        return self._waiting[channel].pop(0)

    def pending(self, channel: str) -> list[Any]:
        """Notifications of a channel that have come and were not asked for yet."""
        return self._waiting.get(channel, [])

    async def test_request(self) -> None:
        """Wait for the venue's next test request."""
        before = self.heartbeats.count("test_request")
        with anyio.fail_after(PATIENCE_S):
            while self.heartbeats.count("test_request") == before:
                await self._read()

    async def closed(self) -> websockets.ConnectionClosed:
        """Wait for the end of the connection."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                try:
                    await self._read()
                except websockets.ConnectionClosed as closed:
                    return closed

    async def login(self, number: int = 1, **params: Any) -> Any:
        """Authenticate as an account of :func:`~liveexec_deribit.loopback.config.default_accounts`."""
        return await self.call(
            "public/auth",
            grant_type="client_credentials",
            client_id=f"loopback{number}",
            client_secret=f"secret-of-loopback{number}",
            **params,
        )

    async def _read(self) -> None:
        message = json.loads(await self.connection.recv())
        if "id" in message:
            self.traffic.append((self._methods[message["id"]], message))
            self.order.append(self._methods[message["id"]])
            self._waiting.setdefault(str(message["id"]), []).append(message)
        elif message["method"] == "heartbeat":
            self.traffic.append(("heartbeat", message))
            self.heartbeats.append(message["params"]["type"])
        else:
            channel = message["params"]["channel"]
            self.traffic.append((channel, message))
            self.order.append(channel)
            self._waiting.setdefault(channel, []).append(message["params"]["data"])


@asynccontextmanager
async def connected(server: Server, *, account: int | None = None) -> AsyncIterator[WireClient]:
    """A client of a venue, logged in if an account is named."""
    async with websockets.connect(server.websocket_url, ping_interval=None) as connection:
        client = WireClient(connection)
        if account is not None:
            await client.login(account)
        yield client
