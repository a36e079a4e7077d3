"""The paper venue as a process of its own: killed clients, signals, left-over sockets, bad configurations."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueName
from liveexec.domain.outcome import OrderRef, OrderReport
from liveexec.errors import AdapterError
from liveexec.venues.paper.client import RemotePaperAdapter
from liveexec.venues.paper.hosting import (
    ServerHandle,
    clock_of,
    end_server,
    ensure_server,
    served_world,
    server_info,
    socket_path,
    spawn_server,
)
from liveexec.venues.paper.presets import btc_world
from liveexec.venues.paper.server import EXIT_BAD_CONFIG, EXIT_CANNOT_LISTEN
from liveexec.venues.paper.world_config import PaperWorldConfig, RecordedMarketConfig

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and unix sockets are POSIX"),
]

VENUE, ACCOUNT = VenueName("PAPER-A"), AccountId("PAPER-A")
SPOT = InstrumentId("PAPER-A:SPOT_PAIR:BTC-USDT")
WAIT_S = 30.0

#: A client that trades without pause and says what the venue took; it is there to be killed.
CLIENT = textwrap.dedent(
    """
    import asyncio, sys
    from decimal import Decimal
    from pathlib import Path
    from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, OrderId, VenueName
    from liveexec.domain.operation import Operation, OrderType, Side, TimeInForce
    from liveexec.domain.outcome import Accepted, SendPlan
    from liveexec.plugins.adapter import VenueOrder
    from liveexec.venues.paper.client import RemotePaperAdapter
    from liveexec.venues.paper.hosting import served_world

    async def main() -> None:
        socket = Path(sys.argv[1])
        adapter = RemotePaperAdapter(socket, served_world(socket), VenueName("PAPER-A"))
        await adapter.connect()
        number = 0
        while True:
            number += 1
            price = None if number % 2 else Decimal("50000.00")
            order = VenueOrder(
                OrderId("ORD-00000000000000000000000000"), AccountId("PAPER-A"),
                InstrumentId("PAPER-A:SPOT_PAIR:BTC-USDT"), Operation.TRADE, Side.BUY,
                OrderType.LIMIT if price else OrderType.MARKET, TimeInForce.GTC, Decimal("0.00100"), price,
            )
            outcome = await adapter.submit(order, SendPlan(ClientOrderId(f"k{number}"), 1 << 62))
            assert isinstance(outcome, Accepted), outcome
            print(number, flush=True)

    asyncio.run(main())
    """
)


@pytest.fixture
def world() -> PaperWorldConfig:
    return evolve(btc_world(market=None, start_ns=1_000_000_000_000, seed=5), warmup_s=2)


@pytest.fixture
def spawned() -> Iterator[list[ServerHandle]]:
    """Servers that a test started; whatever is left of them is ended."""
    handles: list[ServerHandle] = []
    yield handles
    for handle in handles:
        assert handle.process is not None
        if handle.process.poll() is None:
            handle.process.kill()
        handle.process.wait()


async def _spawn(spawned: list[ServerHandle], world: PaperWorldConfig, folder: Path, **options: Any) -> ServerHandle:
    handle = await spawn_server(world, socket_path(folder), **options)
    spawned.append(handle)
    return handle


async def _ended(handle: ServerHandle) -> int:
    assert handle.process is not None
    return await asyncio.to_thread(handle.process.wait, WAIT_S)


def _log(handle: ServerHandle) -> str:
    return handle.socket.with_name(handle.socket.name + ".log").read_text()


async def test_a_killed_clients_orders_and_fills_are_found_again(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path)
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, str(handle.socket), stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    acknowledged = 0
    while acknowledged < 40:
        acknowledged = int(await asyncio.wait_for(client.stdout.readline(), WAIT_S))
    client.kill()
    rest = await client.stdout.read()
    await client.wait()
    acknowledged = max([acknowledged, *(int(line) for line in rest.split())])

    info = await server_info(handle.socket)
    assert info.pid == handle.info.pid
    adapter = RemotePaperAdapter(handle.socket, served_world(handle.socket), VENUE)
    await adapter.connect()
    try:
        fills = {report.client_order_id for report in (await adapter.fills(ACCOUNT, 0)).items}
        open_ids = {report.client_order_id for report in (await adapter.open_orders(ACCOUNT)).items}
        for number in range(1, acknowledged + 1):
            assert f"k{number}" in (fills if number % 2 else open_ids)
        # The one that was under way may have arrived; nothing else has.
        assert len(fills | open_ids) <= acknowledged + 1
        last = await adapter.order(OrderRef(ACCOUNT, SPOT, ClientOrderId(f"k{acknowledged}"), None))
        assert isinstance(last, OrderReport)
        filled = sum((r.fill.quantity for r in (await adapter.fills(ACCOUNT, 0)).items), Decimal(0))
        (position,) = (await adapter.positions(ACCOUNT)).items
        assert position.quantity == filled
    finally:
        await adapter.disconnect()


async def test_market_time_goes_on_for_whoever_comes_back(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path)
    before = handle.clock().now_ns()
    found = await ensure_server(world, handle.socket)
    assert found.process is None
    ours, theirs = handle.info.anchor, found.info.anchor
    assert (ours.market_ns, ours.monotonic_ns) == (theirs.market_ns, theirs.monotonic_ns)
    after = clock_of(found.info).now_ns()
    assert before < after < before + 60 * 1_000_000_000
    with pytest.raises(AdapterError, match="another configuration"):
        await ensure_server(evolve(world, speed=Decimal(2)), handle.socket)
    wrong = RemotePaperAdapter(handle.socket, evolve(world, speed=Decimal(2)), VENUE)
    with pytest.raises(AdapterError, match="another configuration"):
        await wrong.connect()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server_cleanly(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path, number: signal.Signals
) -> None:
    handle = await _spawn(spawned, world, tmp_path)
    adapter = RemotePaperAdapter(handle.socket, world, VENUE)
    await adapter.connect()
    reports, market = adapter.reports(), adapter.market([SPOT])
    await asyncio.wait_for(anext(market), WAIT_S)
    os.kill(handle.info.pid, number)
    assert await _ended(handle) == 0
    assert not handle.socket.exists()
    for stream in (reports, market):
        with pytest.raises(AdapterError):
            await asyncio.wait_for(_drain(stream), WAIT_S)
    with pytest.raises(AdapterError):
        await adapter.open_orders(ACCOUNT)
    with pytest.raises(AdapterError, match="reachable"):
        await adapter.connect()
    await adapter.disconnect()
    # One line of readiness, and not a word of complaint.
    assert len(_log(handle).splitlines()) == 1


async def test_what_a_killed_server_left_behind_is_replaced(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    first = await _spawn(spawned, world, tmp_path)
    os.kill(first.info.pid, signal.SIGKILL)
    await _ended(first)
    assert first.socket.exists()
    with pytest.raises(AdapterError, match="reachable"):
        await server_info(first.socket)
    second = await _spawn(spawned, world, tmp_path)
    assert second.info.pid != first.info.pid
    assert second.info.id_prefix != first.info.id_prefix


async def test_a_second_server_at_a_live_socket_refuses_in_one_line(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path)
    config = tmp_path / "world.json"
    config.write_text(world.to_json())
    code, errors = await _run("--config", str(config), "--socket", str(handle.socket))
    assert code == EXIT_CANNOT_LISTEN
    assert errors == f"liveexec paper server: a paper venue server is running at {handle.socket} already\n"
    assert (await server_info(handle.socket)).pid == handle.info.pid
    with pytest.raises(AdapterError, match="is running"):
        await spawn_server(world, handle.socket)


async def test_the_server_ends_when_nobody_comes(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path, idle_exit_s=0.2)
    assert await _ended(handle) == 0
    assert not handle.socket.exists()


async def test_the_server_stays_while_somebody_is_there(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path, idle_exit_s=1.0)
    adapter = RemotePaperAdapter(handle.socket, world, VENUE)
    await adapter.connect()
    market = adapter.market([SPOT])
    start = handle.clock().now_ns()
    while handle.clock().now_ns() < start + 2_000_000_000:
        await asyncio.wait_for(anext(market), WAIT_S)
    assert isinstance((await adapter.open_orders(ACCOUNT)).items, tuple)
    await adapter.disconnect()
    assert await _ended(handle) == 0


async def test_a_server_ends_when_it_is_asked_to(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path)
    await end_server(handle.socket)
    assert await _ended(handle) == 0


async def test_a_server_can_listen_on_loopback_tcp(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path, use_tcp=True)
    assert handle.socket.is_file()
    assert handle.socket.stat().st_mode & 0o777 == 0o600
    token = handle.socket.read_text()
    handle.socket.write_text(token.replace('"token": "', '"token": "x'))
    with pytest.raises(AdapterError, match="token"):
        await server_info(handle.socket)
    handle.socket.write_text(token)
    await end_server(handle.socket)
    assert await _ended(handle) == 0


async def test_a_server_that_dies_at_once_is_reported_with_its_last_words(
    world: PaperWorldConfig, tmp_path: Path
) -> None:
    broken = evolve(world, market=RecordedMarketConfig(str(tmp_path / "nowhere")))
    with pytest.raises(AdapterError, match=r"ended with 2: .*nowhere"):
        await spawn_server(broken, socket_path(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not JSON"), ('{"venues": [], "speed": "0"}', "venues: must name at least one; speed: ")],
)
async def test_a_bad_configuration_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "world.json"
    config.write_text(text)
    code, errors = await _run("--config", str(config), "--socket", str(tmp_path / "s"))
    assert code == EXIT_BAD_CONFIG
    assert words in errors
    assert errors.count("\n") == 1


async def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    code, errors = await _run("--config", str(tmp_path / "none.json"), "--socket", str(tmp_path / "s"))
    assert code == EXIT_BAD_CONFIG
    assert errors.count("\n") == 1


async def test_a_folder_that_others_can_enter_is_refused(world: PaperWorldConfig, tmp_path: Path) -> None:
    config = tmp_path / "world.json"
    config.write_text(world.to_json())
    public = tmp_path / "public"
    public.mkdir(mode=0o755)
    public.chmod(0o755)
    code, errors = await _run("--config", str(config), "--socket", str(public / "s"))
    assert code == EXIT_CANNOT_LISTEN
    assert "make it private" in errors
    assert public.stat().st_mode & 0o777 == 0o755


async def test_a_path_that_is_too_long_is_refused_and_the_helper_finds_a_shorter_one(
    world: PaperWorldConfig, tmp_path: Path
) -> None:
    config = tmp_path / "world.json"
    config.write_text(world.to_json())
    deep = tmp_path / ("x" * 120)
    code, errors = await _run("--config", str(config), "--socket", str(deep / "s"))
    assert code == EXIT_CANNOT_LISTEN
    assert "too long" in errors
    short = socket_path(deep)
    assert len(os.fsencode(short)) < 100
    assert short == socket_path(deep)
    assert short != socket_path(tmp_path / ("y" * 120))
    assert socket_path(tmp_path) == tmp_path / "paper.sock"


async def test_whoever_says_nothing_or_nonsense_is_hung_up_on_and_harms_nobody(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path)
    send: Callable[[bytes], Any] = lambda data: _exchange(handle.socket, data)  # noqa: E731 -- one word for one call
    assert await send(b"\xff\xff\xff\xff") == b""
    assert await send(b"\0\0\0\x04nope") == b""
    assert b"begins with hello" in await send(b'\0\0\0\x0f[1,"submit",{}] ')
    assert (await server_info(handle.socket)).pid == handle.info.pid


async def _drain(stream: AsyncIterator[Any]) -> None:
    async for _ in stream:
        pass


async def _exchange(socket: Path, data: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(data)
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), WAIT_S)
    writer.close()
    return answer


async def _run(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "liveexec.venues.paper.server", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


async def test_a_silent_server_is_noticed_where_signs_of_life_are_asked_for(
    spawned: list[ServerHandle], world: PaperWorldConfig, tmp_path: Path
) -> None:
    handle = await _spawn(spawned, world, tmp_path)
    adapter = RemotePaperAdapter(handle.socket, world, VENUE, request_timeout_s=0.5, keep_alive_s=0.1)
    await adapter.connect()
    reports = adapter.reports()
    os.kill(handle.info.pid, signal.SIGSTOP)
    try:
        with pytest.raises(AdapterError, match="did not answer within"):
            await asyncio.wait_for(_drain(reports), WAIT_S)
    finally:
        os.kill(handle.info.pid, signal.SIGCONT)
    await adapter.connect()
    await asyncio.wait_for(anext(adapter.market([SPOT])), WAIT_S)
    await adapter.disconnect()
