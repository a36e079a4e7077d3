"""Starting, finding and ending a paper venue's server from another process."""

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from attrs import define

from liveexec.errors import AdapterError, ConfigurationError, Fault
from liveexec.venues.paper import protocol
from liveexec.venues.paper.clock import PaperClock
from liveexec.venues.paper.protocol import Hello, Role, ServerInfo
from liveexec.venues.paper.transport import MAX_SOCKET_PATH_BYTES, private_folder
from liveexec.venues.paper.wire import Wire
from liveexec.venues.paper.world_config import PaperWorldConfig

__all__ = [
    "ServerHandle",
    "clock_of",
    "end_server",
    "ensure_server",
    "served_world",
    "server_info",
    "socket_path",
    "spawn_server",
]

#: How often a starting or ending server is looked at, in seconds.
_POLL_S: Final = 0.02
#: How many of a dead server's last lines its error repeats.
_TAIL_LINES: Final = 20


@define(eq=False)
class ServerHandle:
    """A server that answers, and its process when it was started here."""

    socket: Path
    info: ServerInfo
    process: subprocess.Popen[bytes] | None = None

    def clock(self) -> PaperClock:
        """The server's market time in this process."""
        return clock_of(self.info)


def socket_path(folder: Path, name: str = "paper.sock") -> Path:
    """Where a server of this folder listens: in it, or, if that is too long for a socket, in a private folder of the
    system's temporary one that is named after it."""
    path = folder.absolute() / name
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    owner = os.getuid() if sys.platform != "win32" else 0
    digest = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"lx-paper-{owner}-{digest}" / name


def clock_of(info: ServerInfo) -> PaperClock:
    """The server's market time in this process; a process that starts later gets the same."""
    return PaperClock.from_anchor(info.anchor, shares_monotonic=sys.platform == "linux")


async def server_info(socket: Path, *, timeout_s: float = 5.0) -> ServerInfo:
    """Who answers at this path.

    Raises:
        AdapterError: nobody does.
    """
    wire, info = await _control(socket, timeout_s)
    wire.close()
    await wire.wait_closed()
    return info


async def end_server(socket: Path, *, timeout_s: float = 5.0) -> None:
    """Ask the server at this path to end, and wait until it does not listen any more.

    Raises:
        AdapterError: nobody answers there, or it has not ended in time.
    """
    wire, _ = await _control(socket, timeout_s)
    try:
        await wire.call("end", None, timeout_s=timeout_s)
    finally:
        wire.close()
        await wire.wait_closed()
    deadline_s = time.monotonic() + timeout_s
    while await asyncio.to_thread(socket.exists):
        if time.monotonic() > deadline_s:
            raise AdapterError(f"the paper venue server at {socket} has not ended within {timeout_s:g} s")
        await asyncio.sleep(_POLL_S)


async def spawn_server(
    world: PaperWorldConfig,
    socket: Path,
    *,
    idle_exit_s: float = 300.0,
    ready_timeout_s: float = 30.0,
    use_tcp: bool = False,
) -> ServerHandle:
    """Start a server that outlives this process, in a session of its own, and wait until it answers.

    Its configuration and its log stand beside the socket (``NAME.json``, ``NAME.log``).

    Raises:
        AdapterError: it died (the error repeats its last lines) or was not ready in time (it is ended then).
    """
    private_folder(socket.parent)
    config_file, log_file = _config_file(socket), socket.with_name(socket.name + ".log")
    _write_private(config_file, world.to_json())
    command = [sys.executable, "-m", "liveexec.venues.paper.server"]
    command += ["--config", str(config_file), "--socket", str(socket), "--idle-exit-s", f"{idle_exit_s:g}"]
    if use_tcp:
        command.append("--tcp")
    process = await asyncio.to_thread(_start, command, log_file)
    deadline_s = time.monotonic() + ready_timeout_s
    while True:
        with contextlib.suppress(AdapterError):
            info = await server_info(socket, timeout_s=ready_timeout_s)
            if info.pid == process.pid:
                return ServerHandle(socket, info, process)
        if process.poll() is not None:
            raise AdapterError(f"the paper venue server ended with {process.returncode}: {_tail(log_file)}")
        if time.monotonic() > deadline_s:
            process.kill()
            process.wait()
            raise AdapterError(f"the paper venue server was not ready within {ready_timeout_s:g} s: {_tail(log_file)}")
        await asyncio.sleep(_POLL_S)


async def ensure_server(
    world: PaperWorldConfig, socket: Path, *, idle_exit_s: float = 300.0, ready_timeout_s: float = 30.0
) -> ServerHandle:
    """The server of this world at this path: the one that runs there, or a new one.

    Raises:
        AdapterError: one with another configuration runs there, or a new one did not start.
    """
    try:
        info = await server_info(socket)
    except AdapterError:
        return await spawn_server(world, socket, idle_exit_s=idle_exit_s, ready_timeout_s=ready_timeout_s)
    if info.digest != world.digest:
        raise AdapterError(
            f"the paper venue server at {socket} (pid {info.pid}) runs a world of another configuration: end it first"
        )
    return ServerHandle(socket, info)


def served_world(socket: Path) -> PaperWorldConfig:
    """The configuration that the server at this path was last started with: what its clients need after a restart.

    Raises:
        ConfigurationError: it can't be read; every fault is named.
    """
    config_file = _config_file(socket)
    try:
        text = config_file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"paper world {config_file}", [Fault("", str(error))]) from error
    return PaperWorldConfig.from_json(text)


async def _control(socket: Path, timeout_s: float) -> tuple[Wire, ServerInfo]:
    hello = Hello(protocol.PROTOCOL_VERSION, Role.CONTROL)
    return await Wire.open(socket, hello, lambda _: None, lambda _: None, timeout_s=timeout_s)


def _config_file(socket: Path) -> Path:
    return socket.with_name(socket.name + ".json")


def _start(command: list[str], log_file: Path) -> subprocess.Popen[bytes]:
    with log_file.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own module, by this interpreter
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    # Somebody has to take note of its end, or it stays a zombie as long as this process lives.
    threading.Thread(target=process.wait, name=f"paper-server-{process.pid}", daemon=True).start()
    return process


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _tail(log_file: Path) -> str:
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(lines[-_TAIL_LINES:]) or "it said nothing"
