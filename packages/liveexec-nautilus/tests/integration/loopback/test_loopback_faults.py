"""What goes wrong on purpose at a loopback venue, over real connections, and what the control does."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx2
import msgspec
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from liveexec.domain.operation import Side
from liveexec_nautilus.loopback.binance.futures.venue import FuturesVenue
from liveexec_nautilus.loopback.shared.faults import RequestFault, StreamFault
from liveexec_nautilus.loopback.shared.server import Server, serve
from liveexec_nautilus.loopback.shared.signing import hmac_hex

pytestmark = pytest.mark.anyio

ORDER = "POST /fapi/v1/order"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "49000"}
USER = 1001
#: Later than anything else that a test waits for meanwhile, on a busy machine too.
_LATE_S = 1.0


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A venue of its own for each test."""
    async with serve(FuturesVenue()) as running:
        yield running


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the venue."""
    async with httpx2.AsyncClient(base_url=server.http_url, timeout=5) as client:
        yield client


def signed(**parameters: object) -> str:
    """A signed request for a new order, or what is given instead."""
    query = urlencode(LIMIT | {"timestamp": str(time.time_ns() // 1_000_000)} | parameters)
    return f"/fapi/v1/order?{query}&signature={hmac_hex('secret-of-loopback1', query)}"


async def place(http: httpx2.AsyncClient, **parameters: object) -> httpx2.Response:
    return await http.post(signed(**parameters), headers={"X-MBX-APIKEY": "loopback1"})


@contextlib.asynccontextmanager
async def user_stream(server: Server, http: httpx2.AsyncClient) -> AsyncIterator[ClientConnection]:
    answer = await http.post("/fapi/v1/listenKey", headers={"X-MBX-APIKEY": "loopback1"})
    async with connect(f"{server.websocket_url}/ws/{answer.json()['listenKey']}") as socket:
        yield socket


async def heard(socket: ClientConnection) -> Any:
    with anyio.fail_after(5):
        return msgspec.json.decode(await socket.recv())


def is_placed(server: Server) -> bool:
    return bool(server.control.orders(USER))


# Answers


@pytest.mark.parametrize("carried_out", [False, True])
async def test_a_lost_answer_leaves_the_outcome_open(
    server: Server, http: httpx2.AsyncClient, *, carried_out: bool
) -> None:
    server.control.fault(RequestFault(kind="drop", operation=ORDER, carried_out=carried_out))
    with pytest.raises(httpx2.ReadTimeout):
        await http.post(signed(), headers={"X-MBX-APIKEY": "loopback1"}, timeout=0.2)
    assert is_placed(server) is carried_out
    assert (await place(http, newClientOrderId="next")).status_code == 200


@pytest.mark.parametrize("carried_out", [False, True])
async def test_a_connection_is_cut_instead_of_an_answer(
    server: Server, http: httpx2.AsyncClient, *, carried_out: bool
) -> None:
    server.control.fault(RequestFault(kind="cut", operation=ORDER, carried_out=carried_out))
    with pytest.raises(httpx2.TransportError):
        await place(http)
    assert is_placed(server) is carried_out


async def test_a_late_answer_comes_after_what_it_did(server: Server, http: httpx2.AsyncClient) -> None:
    server.control.fault(RequestFault(kind="delay", operation=ORDER, delay_s=_LATE_S))
    async with user_stream(server, http) as socket:
        placing = asyncio.create_task(place(http))
        told = await heard(socket)
        assert not placing.done()
        assert told["o"]["i"] == (await placing).json()["orderId"]


async def test_errors_of_the_venue_and_of_what_stands_before_it(server: Server, http: httpx2.AsyncClient) -> None:
    server.control.fault(RequestFault(kind="error", operation=ORDER, code="-1007", message="Timeout", carried_out=True))
    refused = await place(http)
    assert (refused.status_code, refused.json()) == (400, {"code": -1007, "msg": "Timeout"})
    assert is_placed(server)
    for status in (503, 429, 418):
        server.control.fault(RequestFault(kind="status", operation=ORDER, status=status, headers={"retry-after": "7"}))
        failed = await place(http, newClientOrderId=f"c{status}")
        assert (failed.status_code, failed.headers["retry-after"]) == (status, "7")
        with pytest.raises(ValueError, match=r"JSON|Expecting"):
            failed.json()
    assert len(server.control.orders(USER)) == 1


async def test_a_broken_answer_and_one_with_another_value_are_carried_out(
    server: Server, http: httpx2.AsyncClient
) -> None:
    server.control.fault(RequestFault(kind="malformed", operation=ORDER))
    broken = await place(http)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(broken.content)
    server.control.fault(RequestFault(kind="patch", operation=ORDER, fields={"clientOrderId": ""}))
    assert (await place(http, newClientOrderId="mine")).json()["clientOrderId"] == ""
    assert len(server.control.orders(USER)) == 2


async def test_faults_of_requests_over_a_session(server: Server) -> None:
    async with connect(f"{server.websocket_url}/ws-fapi/v1") as socket:

        async def ask(number: int) -> None:
            await socket.send(msgspec.json.encode({"id": number, "method": "time"}).decode())

        server.control.fault(RequestFault(kind="drop", operation="time"))
        server.control.fault(RequestFault(kind="error", operation="time", code="-1000"))
        server.control.fault(RequestFault(kind="status", operation="time", status=503))
        server.control.fault(RequestFault(kind="patch", operation="time", fields={"serverTime": None}))
        server.control.fault(RequestFault(kind="delay", operation="time", delay_s=_LATE_S))
        for number in range(6):
            await ask(number)
        answers = [await heard(socket) for _ in range(5)]
        assert [answer["id"] for answer in answers] == [1, 2, 3, 5, 4]
        assert [answer.get("error", {}).get("code") for answer in answers[:2]] == [-1000, 503]
        assert answers[2]["result"] == {"serverTime": None}
        server.control.fault(RequestFault(kind="malformed", operation="time"))
        await ask(6)
        with pytest.raises(msgspec.DecodeError):
            await heard(socket)
        server.control.fault(RequestFault(kind="cut", operation="time"))
        await ask(7)
        with pytest.raises(websockets.ConnectionClosedError):
            await heard(socket)


# Streams and sessions


async def test_stream_messages_are_lost_doubled_overtaken_late_and_broken(
    server: Server, http: httpx2.AsyncClient
) -> None:
    async with user_stream(server, http) as socket:
        topic = "ORDER_TRADE_UPDATE"
        server.control.fault(StreamFault(kind="drop", topic=topic))
        await place(http, newClientOrderId="lost")
        server.control.fault(StreamFault(kind="duplicate", topic=topic))
        await place(http, newClientOrderId="twice")
        assert [(await heard(socket))["o"]["c"] for _ in range(2)] == ["twice", "twice"]
        server.control.fault(StreamFault(kind="swap", topic=topic))
        await place(http, newClientOrderId="overtaken")
        await place(http, newClientOrderId="first")
        assert [(await heard(socket))["o"]["c"] for _ in range(2)] == ["first", "overtaken"]
        server.control.fault(StreamFault(kind="delay", topic=topic, delay_s=_LATE_S))
        await place(http, newClientOrderId="late")
        await place(http, newClientOrderId="early")
        assert [(await heard(socket))["o"]["c"] for _ in range(2)] == ["early", "late"]
        server.control.fault(StreamFault(kind="patch", topic=topic, fields={"N": ""}))
        await place(http, newClientOrderId="empty")
        assert (await heard(socket))["o"]["N"] == ""
        server.control.fault(StreamFault(kind="malformed", topic=topic))
        await place(http, newClientOrderId="broken")
        with pytest.raises(msgspec.DecodeError):
            await heard(socket)
    assert len(server.control.orders(USER)) == 8


async def test_faults_wait_for_their_turn_and_can_be_taken_back(server: Server, http: httpx2.AsyncClient) -> None:
    server.control.fault(RequestFault(kind="status", operation=ORDER, skip=1, times=None))
    statuses = [(await place(http, newClientOrderId=f"c{number}")).status_code for number in range(3)]
    assert statuses == [200, 503, 503]
    server.control.clear_faults()
    assert (await place(http, newClientOrderId="after")).status_code == 200


async def test_sessions_are_cut_refused_and_silenced(server: Server, http: httpx2.AsyncClient) -> None:
    async with user_stream(server, http) as socket:
        assert server.control.cut(path="/ws/") == 1
        with pytest.raises(websockets.ConnectionClosedError):
            await heard(socket)
    server.control.refuse_sessions(1)
    with pytest.raises(websockets.InvalidStatus):
        async with user_stream(server, http):
            pass
    async with user_stream(server, http) as socket:
        assert server.control.silence(path="/ws/") == 1
        await place(http, newClientOrderId="unheard")
        server.control.silence(path="/ws/", silent=False)
        await place(http, newClientOrderId="heard")
        assert (await heard(socket))["o"]["c"] == "heard"


# The control over HTTP, and the venue as a process


async def test_the_control_over_http_does_what_the_control_does(server: Server, http: httpx2.AsyncClient) -> None:
    async def act(name: str, **fields: object) -> Any:
        answer = await http.post(f"/loopback/{name}", json=fields)
        told = answer.json()
        return told["result"] if "result" in told else (answer.status_code, told["error"])

    level = {"symbol": "BTCUSDT", "side": "SELL", "price": "49000", "quantity": "1"}
    assert (await act("rest", **level))["status"] == "WORKING"
    assert await act("fault", kind="status", operation=ORDER, status=418) is None
    assert (await place(http)).status_code == 418
    assert (await place(http)).status_code == 200
    (filled,) = (await act("truth"))["1001"]["orders"]
    assert (filled["status"], filled["filled"]) == ("FILLED", "0.1")
    assert await act("clear_book", symbol="BTCUSDT") == 1
    assert await act("mark", symbol="BTCUSDT", price="51000") is None
    assert server.venue.floor.market.mark("BTCUSDT") == 51_000
    assert await act("move_asset", user_id=USER, asset="USDT", amount="5") is None
    assert await act("clock", offset_ms=-60_000) is None
    assert (await place(http, newClientOrderId="early")).json()["code"] == -1021
    assert [each["operation"] for each in await act("requests")] == [ORDER] * 3
    assert (await act("fault", kind="nonsense"))[0] == 400
    assert (await act("rest", symbol="BTCUSDT"))[0] == 400
    assert (await act("nothing"))[0] == 404


async def test_the_venue_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "liveexec_nautilus.loopback", "binance-futures", "--accounts", "1"]
    async with await anyio.open_process(command) as process:
        assert process.stdout is not None
        lines = ""
        with anyio.fail_after(30):
            while "account" not in lines:
                lines += (await process.stdout.receive()).decode()
        url = lines.split()[1]
        assert lines.splitlines()[2] == "account 1001 keys loopback1 loopback1-ed25519"
        async with httpx2.AsyncClient(base_url=url) as client:
            info = (await client.get("/fapi/v1/exchangeInfo")).json()
        assert {symbol["symbol"] for symbol in info["symbols"]} == {"BTCUSDT", "ETHUSDT", "BTCUSDT_270326"}
        process.terminate()


async def test_others_trade_and_the_truth_tells_fills(server: Server, http: httpx2.AsyncClient) -> None:
    await place(http)
    taken = server.control.take("BTCUSDT", Side.SELL, Decimal("0.04"))
    assert taken.filled == Decimal("0.04")
    server.control.print_trade("BTCUSDT", Side.BUY, Decimal(49_500), Decimal(1))
    (fill,) = server.control.executions(USER)
    assert (fill.quantity, fill.is_maker, fill.position) == (Decimal("0.04"), True, Decimal("0.04"))
    with pytest.raises(ValueError, match="INVALID_PRICE"):
        server.control.rest("BTCUSDT", Side.BUY, Decimal("0.00001"), Decimal(1))


# Control


@pytest.mark.parametrize(
    ("act", "asked", "said"),
    [
        ("rest", {"symbol": "BTCUSDT", "side": "BUY", "price": "NaN", "quantity": "1"}, "price"),
        ("rest", {"symbol": "BTCUSDT", "side": "BUY", "price": "50000", "quantity": "-1"}, "quantity"),
        ("take", {"symbol": "BTCUSDT", "side": "BUY", "quantity": "Infinity"}, "quantity"),
        ("print_trade", {"symbol": "BTCUSDT", "side": "BUY", "price": "0", "quantity": "1"}, "price"),
        ("mark", {"symbol": "BTCUSDT", "price": "-1"}, "price"),
        ("move_asset", {"user_id": USER, "asset": "USDT", "amount": "sNaN"}, "amount"),
        ("refuse_sessions", {"times": -1}, "times"),
        ("refuse_sessions", {"times": "2"}, "times"),
        ("fault", {"operation": ORDER, "kind": "error", "code": "not a number"}, "code"),
        ("fault", {"operation": ORDER, "kind": "drop", "times": "1"}, "times"),
        ("fault", {"operation": ORDER, "kind": "status", "status": "503"}, "status"),
        ("fault", {"operation": ORDER, "kind": "malformed", "headers": {"x": 1}}, "headers"),
        ("stream_fault", {"topic": 1, "kind": "drop"}, "topic"),
        ("stream_fault", {"topic": "*", "kind": "delay", "delay_s": "inf"}, "delay_s"),
    ],
)
async def test_an_act_with_a_value_that_is_none_is_refused_and_changes_nothing(
    server: Server, http: httpx2.AsyncClient, act: str, asked: dict[str, Any], said: str
) -> None:
    refused = await http.post(f"/loopback/{act}", content=msgspec.json.encode(asked))
    assert refused.status_code == 400
    assert said in refused.json()["error"]
    assert (await place(http)).status_code == 200, "the venue works as before"
