"""How clients reach a paper venue's server: a unix socket in a private folder, or loopback TCP where there are none.

With TCP the path holds a file with the port and a token; whoever can read the file (it is private, like its folder)
may connect, as with a socket. A lock beside the path tells whether its server is alive: the kernel drops it even on
kill -9, so a path that a dead server left behind is replaced and one of a live server never is.
"""

import asyncio
import hmac
import json
import os
import secrets
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from liveexec.errors import AdapterError

if sys.platform != "win32":
    import fcntl

__all__ = ["Connection", "Handler", "Listener", "ServerAlive", "open_connection", "private_folder"]

HAS_UNIX_SOCKETS: Final = hasattr(socket, "AF_UNIX") and sys.platform != "win32"
#: What fits into a unix socket's address everywhere (macOS has the shortest).
MAX_SOCKET_PATH_BYTES: Final = 103

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ServerAlive(AdapterError):
    """A live server holds this path."""


def private_folder(folder: Path) -> None:
    """Make the folder for this user alone; an existing one must be so already.

    Raises:
        AdapterError: it is somebody else's, or others can enter it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return
    status = folder.stat()
    if status.st_uid != os.getuid():
        raise AdapterError(f"the folder {folder} belongs to another user: choose one of your own for the socket")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise AdapterError(f"others can enter the folder {folder}: make it private (chmod 700) or choose another one")


class Listener:
    """The server's end. ``token`` is what a client must show; empty for a unix socket."""

    def __init__(self, path: Path, *, use_tcp: bool = False) -> None:
        self._path = path
        self._use_tcp = use_tcp or not HAS_UNIX_SOCKETS
        self._lock: int | None = None
        self._server: asyncio.Server | None = None
        self.token = ""

    async def open(self, handler: Handler) -> None:
        """Listen at the path.

        Raises:
            ServerAlive: a live server holds the path.
            AdapterError: the folder is not private or the path is too long.
        """
        private_folder(self._path.parent)
        if not self._use_tcp and len(os.fsencode(self._path)) > MAX_SOCKET_PATH_BYTES:
            raise AdapterError(f"{self._path} is too long for a unix socket: at most {MAX_SOCKET_PATH_BYTES} bytes")
        await self._take_lock()
        self._path.unlink(missing_ok=True)
        if self._use_tcp:
            await self._open_tcp(handler)
        else:
            self._server = await asyncio.start_unix_server(handler, self._path)
            self._path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening and take the path away."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def admits(self, token: str) -> bool:
        """Whether a client that shows this token may connect."""
        return hmac.compare_digest(token, self.token)

    async def _open_tcp(self, handler: Handler) -> None:
        self.token = secrets.token_urlsafe(32)
        self._server = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        # Written aside and moved, so that nobody reads half of it.
        draft = self._path.with_name(self._path.name + ".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"port": port, "token": self.token}, file)
        draft.replace(self._path)

    async def _take_lock(self) -> None:
        if sys.platform == "win32":
            await self._refuse_if_answered()
            return
        lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ServerAlive(f"a paper venue server is running at {self._path} already") from None
        self._lock = lock

    async def _refuse_if_answered(self) -> None:
        try:
            (_, writer), _ = await open_connection(self._path, timeout_s=1)
        except AdapterError:
            return
        writer.close()
        raise ServerAlive(f"a paper venue server is running at {self._path} already")


async def open_connection(path: Path, *, timeout_s: float) -> tuple[Connection, str]:
    """Connect to the server of a path; gives the connection and the token to show.

    Raises:
        AdapterError: nobody listens there.
    """
    try:
        async with asyncio.timeout(timeout_s):
            address = _tcp_address(path)
            if address is None:
                return await asyncio.open_unix_connection(path), ""
            port, token = address
            return await asyncio.open_connection("127.0.0.1", port), token
    except TimeoutError as error:
        raise AdapterError(f"the paper venue server at {path} did not answer within {timeout_s:g} s") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdapterError(f"no paper venue server is reachable at {path}: {error}") from error


def _tcp_address(path: Path) -> tuple[int, str] | None:
    """(port, token) where the path holds them; ``None`` when it is a socket."""
    if HAS_UNIX_SOCKETS and stat.S_ISSOCK(path.stat().st_mode):
        return None
    address = json.loads(path.read_text(encoding="utf-8"))
    return int(address["port"]), str(address["token"])
