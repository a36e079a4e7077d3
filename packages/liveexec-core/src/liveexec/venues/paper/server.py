"""A paper world as a process of its own: ``python -m liveexec.venues.paper.server --config FILE --socket PATH``.

It outlives its clients: one that is killed finds its orders, fills and positions again when it comes back, and market
time has gone on. Without any client for ``--idle-exit-s`` seconds the server ends by itself, as it does on SIGTERM
and SIGINT; its state is in memory and ends with it.

When it is ready it prints one line of JSON (see :class:`~liveexec.venues.paper.protocol.ServerInfo`). Faults are one
line on stderr. Exit codes: 0 ended as asked or idle, 2 the configuration can't be used, 3 it can't listen there.
"""

import argparse
import asyncio
import contextlib
import functools
import os
import signal
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import msgspec
from attrs import evolve

from liveexec.errors import AdapterError, ConfigurationError
from liveexec.venues.paper import protocol
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec.venues.paper.clock import PaperClock
from liveexec.venues.paper.connection import send_error, send_value, serve_market, serve_session
from liveexec.venues.paper.driver import WorldDriver
from liveexec.venues.paper.protocol import PROTOCOL_VERSION, Call, Hello, Role, ServerInfo
from liveexec.venues.paper.sessions import MarketStream
from liveexec.venues.paper.transport import Handler, Listener
from liveexec.venues.paper.world import PaperWorld
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = ["EXIT_BAD_CONFIG", "EXIT_CANNOT_LISTEN", "PaperServer", "main"]

EXIT_BAD_CONFIG: Final = 2
EXIT_CANNOT_LISTEN: Final = 3
#: How long a client may take to say what it wants.
HELLO_TIMEOUT_S: Final = 5.0
MOST_CONNECTIONS: Final = 64


class PaperServer:
    """One world, its clock, and everybody who is connected.

    Raises:
        ConfigurationError: the market can't be opened; every fault is named.
    """

    def __init__(self, config: PaperWorldConfig, socket: Path, *, idle_exit_s: float, use_tcp: bool = False) -> None:
        self._config = config
        self._world = PaperWorld(config, start_ns=time.time_ns())
        self._clock = PaperClock.starting_at(self._world.start_ns, Fraction(config.speed))
        self._driver = WorldDriver(self._world, self._clock)
        self._listener = Listener(socket, use_tcp=use_tcp)
        self._idle_exit_s = idle_exit_s
        self._connections: set[asyncio.StreamWriter] = set()
        self._idle_since_s = time.monotonic()
        self._ended = asyncio.Event()

    @property
    def info(self) -> ServerInfo:
        """Who answers here."""
        return ServerInfo(
            version=PROTOCOL_VERSION,
            pid=os.getpid(),
            digest=self._config.digest,
            id_prefix=self._config.id_prefix,
            venues=tuple(venue.venue for venue in self._config.venues),
            anchor=self._clock.anchor(),
        )

    def end(self) -> None:
        """End as soon as possible."""
        self._ended.set()

    async def run(self) -> None:
        """Serve until it is ended, or idle for too long.

        Raises:
            AdapterError: it can't listen there.
        """
        await self._listener.open(self._on_connection)
        try:
            # Held by the server itself, so that market time goes on while nobody is connected.
            self._driver.hold()
            sys.stdout.write(msgspec.json.encode(self.info).decode() + "\n")
            sys.stdout.flush()
            await self._until_ended()
        finally:
            await self._listener.close()
            for writer in self._connections:
                writer.close()
            await self._driver.release()

    async def _until_ended(self) -> None:
        while not self._ended.is_set():
            idle_s = time.monotonic() - self._idle_since_s if not self._connections else 0.0
            if idle_s >= self._idle_exit_s:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._idle_exit_s - idle_s)

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                frame = await protocol.read_frame(reader)
            if frame is not None:
                await self._serve(protocol.decode(frame, Call), reader, writer)
        except (AdapterError, TimeoutError, ConnectionError) as error:
            sys.stderr.write(f"liveexec paper server: a connection ended: {error or 'it said nothing'}\n")
        finally:
            self._connections.discard(writer)
            self._idle_since_s = time.monotonic()
            writer.close()

    async def _serve(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with contextlib.AsyncExitStack() as stack:
            try:
                serve = await self._open(self._read_hello(call), stack)
            except AdapterError as error:
                send_error(writer, call, str(error))
                await writer.drain()
                return
            send_value(writer, call, self.info)
            await serve(reader, writer)

    def _read_hello(self, call: Call) -> Hello:
        if call.method != "hello":
            raise AdapterError("a connection begins with hello")
        hello: Hello = protocol.decode(call.arguments, Hello)
        if not self._listener.admits(hello.token):
            raise AdapterError("the token is not this server's")
        if hello.version != PROTOCOL_VERSION:
            raise AdapterError(f"this server speaks version {PROTOCOL_VERSION}, not {hello.version}")
        if hello.digest and hello.digest != self._config.digest:
            raise AdapterError("this server runs a world of another configuration")
        if len(self._connections) > MOST_CONNECTIONS:
            raise AdapterError(f"{MOST_CONNECTIONS} clients are connected already")
        return hello

    async def _open(self, hello: Hello, stack: contextlib.AsyncExitStack) -> Handler:
        """What serves this connection from now on; whatever it needs is given back by the stack."""
        if hello.role is Role.CONTROL:
            return self._serve_control
        if hello.venue is None:
            raise AdapterError(f"a {hello.role} connection needs a venue")
        if hello.role is Role.SESSION:
            adapter = PaperAdapter(self._driver, hello.venue, hello.accounts or None)
            await adapter.connect()
            stack.push_async_callback(adapter.disconnect)
            return functools.partial(serve_session, adapter)
        stream = MarketStream(self._clock, self._world.desk(hello.venue).exchange, hello.instruments)
        self._world.watch(stream)
        stack.callback(self._world.unwatch, stream)
        return functools.partial(serve_market, stream)

    async def _serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (frame := await protocol.read_frame(reader)) is not None:
            call: Call = protocol.decode(frame, Call)
            match call.method:
                case "info":
                    send_value(writer, call, self.info)
                case "end":
                    send_value(writer, call, None)
                    self.end()
                case _:
                    send_error(writer, call, f"there is no method {call.method[:60]!r}")
            await writer.drain()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server; the exit code is for the shell."""
    asked = _parser().parse_args(arguments)
    try:
        config = PaperWorldConfig.from_json(asked.config.read_text(encoding="utf-8"))
    except (ConfigurationError, OSError, UnicodeDecodeError) as error:
        return _fail(EXIT_BAD_CONFIG, error)
    if not config.id_prefix:
        # Another prefix in each run, since the state of the last one is gone while its ids are not.
        config = evolve(config, id_prefix=f"{time.time_ns() // 1_000_000:x}-")
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(config, asked.socket, asked.idle_exit_s, use_tcp=asked.tcp))
    except ConfigurationError as error:
        return _fail(EXIT_BAD_CONFIG, error)
    except (AdapterError, OSError) as error:
        return _fail(EXIT_CANNOT_LISTEN, error)
    return 0


async def _serve(config: PaperWorldConfig, socket: Path, idle_exit_s: float, *, use_tcp: bool) -> None:
    server = PaperServer(config, socket, idle_exit_s=idle_exit_s, use_tcp=use_tcp)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(server.end))
        else:
            loop.add_signal_handler(number, server.end)
    await server.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="liveexec.venues.paper.server", description="Serve paper venues.")
    parser.add_argument("--config", type=Path, required=True, help="the world as JSON")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen, in a folder of your own")
    parser.add_argument("--idle-exit-s", type=float, default=300.0, help="end after this long without a client")
    parser.add_argument("--tcp", action="store_true", help="listen on loopback TCP; the socket's path says where")
    return parser


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 -- not there on Windows
    except ModuleNotFoundError:
        return None
    return uvloop.Loop


def _fail(code: int, error: Exception) -> int:
    sys.stderr.write(f"liveexec paper server: {error}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
