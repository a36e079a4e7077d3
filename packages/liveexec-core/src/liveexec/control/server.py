"""The owner's end of the socket: answers operators of the same user, whatever the database does."""

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from liveexec.control import snapshot
from liveexec.control.paths import socket_path
from liveexec.control.protocol import LONGEST, decode, encode, error_of, read_scope
from liveexec.domain.account_event import TradingState
from liveexec.domain.ids import AccountId, OrderId, StrategyId
from liveexec.domain.order_event import Resolution
from liveexec.engine.inputs import ControlKind
from liveexec.errors import Fault, InvalidInput, LiveExecError
from liveexec.runtime.logs import traceback_of
from liveexec.runtime.orchestrator import LiveExecutionOrchestrator

__all__ = ["ControlServer"]

_log = structlog.get_logger(__name__)

#: Operators at once: a command is one connection.
_MOST: Final = 32
_IDLE_S: Final = 30.0
#: How long an operator waits for a kill to be recorded, which stops things at once whether or not it is.
_RECORDED_S: Final = 5.0

_Request = Mapping[str, Any]


class ControlServer:
    """Listens as long as its host runs. On Windows, where loops have no local sockets, it does not listen."""

    def __init__(self, live: LiveExecutionOrchestrator, shard: str, path: Path | None = None) -> None:
        self._live, self._shard, self._path = live, shard, path
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._verbs: dict[str, Callable[[_Request], Awaitable[Any]]] = {
            "who": self._who,
            "status": self._status,
            "venues": self._venues,
            "risk": self._risk,
            "kill": self._kill,
            "resume": self._resume,
            "accept": self._accept,
            "resolve": self._resolve,
            "attribute": self._attribute,
        }

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            LiveExecError: the folder of the socket is not this user's alone.
        """
        if sys.platform == "win32":
            _log.info("control_socket_unavailable", reason="no local sockets on Windows")
            return
        path = self._path = self._path if self._path is not None else socket_path(self._shard)
        with contextlib.suppress(FileNotFoundError):
            # Named after this process, so what is there is left of another one that had its id.
            path.unlink()
        # Its folder lets nobody else in meanwhile; a process-wide umask would change what others create.
        self._server = await asyncio.start_unix_server(self._connected, path, limit=LONGEST)
        path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening, and leave nothing behind."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= _MOST or not _is_ours(writer.get_extra_info("socket")):
            writer.close()
            return
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, TimeoutError, ValueError):
                while line := await asyncio.wait_for(reader.readline(), _IDLE_S):
                    writer.write(encode(await self._answer(line)))
                    await writer.drain()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = decode(line)
            verb = self._verbs.get(str(request.get("do")))
            if verb is None:
                raise InvalidInput("control request", [Fault("do", f"must be one of {', '.join(self._verbs)}")])  # noqa: TRY301
            return {"answer": await verb(request)}
        except LiveExecError as error:
            return error_of(error)
        except Exception as error:  # noqa: BLE001 - one request's defect must not end the operators' way in
            _log.error("control_failed", traceback=traceback_of(error))
            return error_of(LiveExecError(f"internal error: {type(error).__name__}: {error}"))

    async def _who(self, _: _Request) -> Any:
        # Asked before everything else, so it has to hold while the shard is recovered or lost as well.
        return {"shard": self._shard, "pid": os.getpid()}

    async def _status(self, request: _Request) -> Any:
        return {**await self._who(request), **snapshot.status_of(self._live)}

    async def _venues(self, _: _Request) -> Any:
        return snapshot.venues_of(self._live)

    async def _risk(self, _: _Request) -> Any:
        return snapshot.risk_of(self._live)

    async def _kill(self, request: _Request) -> Any:
        scope, kind = read_scope(str(request.get("scope", ""))), str(request.get("kind", ""))
        if kind not in list(ControlKind):
            raise InvalidInput("control request", [Fault("kind", f"must be one of {', '.join(ControlKind)}")])
        asked = self._live.kill(scope, ControlKind(kind), principal=_principal(request), reason=_reason(request))
        # What the kill stops is stopped at once; that it is recorded may have to wait for the database.
        task = asyncio.ensure_future(asked)
        await asyncio.wait((task,), timeout=_RECORDED_S)
        if task.done():
            await task
            return {"scope": str(scope), "recorded": True}
        # The orchestrator logs how it ends; asked for here, so that the loop does not complain that nobody did.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return {"scope": str(scope), "recorded": False}

    async def _resume(self, request: _Request) -> Any:
        scope = read_scope(str(request.get("scope", "")))
        principal, reason = _principal(request), _reason(request)
        if (latch := request.get("latch")) is not None:
            await self._live.clear_latch(scope, str(latch), principal=principal, reason=reason)
        else:
            await self._live.set_trading_state(scope, TradingState.ACTIVE, principal=principal, reason=reason)
        return {"scope": str(scope)}

    async def _accept(self, request: _Request) -> Any:
        account_id, subject = AccountId(_text(request, "account")), _text(request, "subject")
        await self._live.accept_drift(account_id, subject, principal=_principal(request), reason=_reason(request))
        return {"account": account_id, "subject": subject}

    async def _resolve(self, request: _Request) -> Any:
        order_id, resolution = OrderId(_text(request, "order")), _text(request, "as")
        if resolution not in list(Resolution):
            raise InvalidInput("control request", [Fault("as", f"must be one of {', '.join(Resolution)}")])
        principal, reason = _principal(request), _reason(request)
        await self._live.resolve(order_id, Resolution(resolution), principal=principal, reason=reason)
        return {"order": order_id}

    async def _attribute(self, request: _Request) -> Any:
        order_id, strategy_id = OrderId(_text(request, "order")), StrategyId(_text(request, "strategy"))
        await self._live.reattribute(order_id, strategy_id, principal=_principal(request), reason=_reason(request))
        return {"order": order_id, "strategy": strategy_id}


def _is_ours(connection: socket.socket) -> bool:
    """Whether who connected is this process's user, or root, where the system can tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        # The folder lets nobody else in.
        return True
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return user in (os.getuid(), 0)


def _principal(request: _Request) -> str:
    return str(request.get("principal") or "local operator")[:120]


def _text(request: _Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput("control request", [Fault(name, "is required")])
    return value[:500]


def _reason(request: _Request) -> str:
    reason = str(request.get("reason") or "")
    if not reason:
        raise InvalidInput("control request", [Fault("reason", "is required: it is recorded with what is done")])
    return reason[:500]
