"""Connections with servers that are not what they should be."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from deribit_support import payloads
from deribit_support.payloads import CLIENT_SECRET
from deribit_support.waiting import eventually
from liveexec.errors import AdapterError
from liveexec_deribit.connection import Connection
from liveexec_deribit.http import HttpClient
from liveexec_deribit.pace import Pace
from liveexec_deribit.rpc import Frame, MalformedMessage, Refusal

Handler = Callable[[ServerConnection], Awaitable[None]]


class Ear:
    """Hears what a connection tells of."""

    def __init__(self) -> None:
        self.channels: list[str] = []
        self.bad: list[str] = []
        self.late: list[str] = []
        self.errors: list[AdapterError] = []

    def notified(self, channel: str, data: msgspec.Raw) -> None:
        self.channels.append(channel)

    def unreadable(self, error: MalformedMessage) -> None:
        self.bad.append(str(error))

    def answered_late(self, method: str, frame: Frame) -> None:
        self.late.append(method)

    def lost(self, error: AdapterError) -> None:
        self.errors.append(error)


@asynccontextmanager
async def connected(handler: Handler) -> AsyncIterator[tuple[Connection, Ear]]:
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        ear = Ear()
        connection = await Connection.open(f"ws://127.0.0.1:{port}", ear, timeout_s=0.5)
        yield connection, ear
        await connection.close()


async def silent(socket: ServerConnection) -> None:
    async for _ in socket:
        pass


async def test_a_question_without_an_answer_is_an_error_and_its_answer_is_late() -> None:
    asked = asyncio.Event()

    async def slow(socket: ServerConnection) -> None:
        request = msgspec.json.decode(await socket.recv())
        await asked.wait()
        await socket.send(msgspec.json.encode({"id": request["id"], "result": 1}).decode())
        await socket.wait_closed()

    async with connected(slow) as (connection, ear):
        with pytest.raises(AdapterError, match=r"was not answered within 0.5 s"):
            await connection.ask("public/get_time", {})
        asked.set()
        await eventually("the late answer", lambda: ear.late == ["public/get_time"])


async def test_what_is_under_way_is_told_when_the_connection_ends() -> None:
    async with connected(silent) as (connection, ear):
        asking = asyncio.create_task(connection.ask("public/get_time", {}))
        await asyncio.sleep(0)
        connection.lose(AdapterError("the test says so"))
        connection.lose(AdapterError("again"))
        with pytest.raises(AdapterError, match="under way"):
            await asking
        assert [str(each) for each in ear.errors] == ["the test says so"]
        assert not connection.is_open
        with pytest.raises(AdapterError, match="the test says so"):
            await connection.send("public/test", {})


async def test_a_request_into_a_closed_connection_never_leaves() -> None:
    async def leaving(socket: ServerConnection) -> None:
        await socket.close()

    async with connected(leaving) as (connection, ear):
        await eventually("its end", lambda: ear.errors)
        with pytest.raises(AdapterError):
            await connection.ask("public/test", {})


async def test_what_is_sent_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with connected(silent) as (connection, _):
            with pytest.raises(AdapterError):
                await connection.ask("public/auth", {"client_secret": CLIENT_SECRET})
    # Of a long message the transport shows the first part and the last, and the secret stands there.
    told = [each.getMessage() for each in caplog.records if not each.name.startswith("websockets.server")]
    assert not [each for each in told if CLIENT_SECRET[-8:] in each]


async def test_a_heartbeat_whose_answer_is_refused_ends_the_connection() -> None:
    async def strict(socket: ServerConnection) -> None:
        await socket.send('{"method": "heartbeat", "params": {"type": "test_request"}}')
        request = msgspec.json.decode(await socket.recv())
        error = {"code": 10001, "message": "error"}
        await socket.send(msgspec.json.encode({"id": request["id"], "error": error}).decode())
        await socket.wait_closed()

    async with connected(strict) as (_, ear):
        await eventually("the end", lambda: ear.errors)
        assert "the heartbeat failed" in str(ear.errors[0])


@asynccontextmanager
async def answering(body: bytes, status: str = "200 OK") -> AsyncIterator[HttpClient]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    section = payloads.section(websocket_url="ws://127.0.0.1:9", http_url=f"http://127.0.0.1:{port}/api/v2")
    client = HttpClient(section, section.accounts[0], Pace(1e6, 100))
    yield client
    await client.close()
    server.close()
    await server.wait_closed()


async def test_an_error_page_is_no_answer() -> None:
    async with answering(b"<html>Bad Gateway</html>", "502 Bad Gateway") as client:
        with pytest.raises(MalformedMessage):
            await client.public("public/get_time", {}, int)


async def test_an_error_of_the_protocol_is_a_refusal() -> None:
    async with answering(b'{"error": {"code": 10028, "message": "too_many_requests"}}', "429 Too Many") as client:
        with pytest.raises(Refusal, match="10028"):
            await client.public("public/get_time", {}, int)


async def test_a_login_that_is_refused_is_not_tried_for_ever() -> None:
    async with answering(b'{"error": {"code": 13009, "message": "unauthorized"}}', "400 Bad Request") as client:
        with pytest.raises(Refusal, match="13009"):
            await client.private("private/get_positions", {})


async def test_nobody_there() -> None:
    section = payloads.section(websocket_url="ws://127.0.0.1:9", http_url="http://127.0.0.1:9/api/v2")
    client = HttpClient(section, section.accounts[0], Pace(1e6, 100))
    with pytest.raises(AdapterError, match="over HTTP failed"):
        await client.public("public/get_time", {}, int)
    await client.close()
