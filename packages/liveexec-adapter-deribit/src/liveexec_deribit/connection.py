"""One WebSocket: requests by id and their answers, notifications, and the heartbeat that shows that it lives.

Errors of the venue that end its side of the session (no credits left, no valid token) end the connection here too.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
import structlog
from attrs import define, field
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from liveexec.errors import AdapterError
from liveexec_deribit.error_table import OUT_OF_CREDITS, ends_session
from liveexec_deribit.rpc import Frame, MalformedMessage, Refusal, decoded, encode_request, read_frame

__all__ = ["Connection", "Listener"]

_log = structlog.get_logger(__name__)
#: The transport's own: at DEBUG it would write parts of every message down, and a login holds the secret.
_transport_log = logging.getLogger(f"{__name__}.transport")
_transport_log.setLevel(logging.INFO)

#: Longer than any answer: a full list of instruments has several megabytes.
_LONGEST_MESSAGE: Final = 64 * 1024 * 1024
#: After so many heartbeats without a sign of life the connection counts as dead.
_MISSED_HEARTBEATS: Final = 2.5
_CLOSE_TIMEOUT_S: Final = 1.0


class Listener(Protocol):
    """Who is told what comes without being asked for. Nothing here may wait, or raise."""

    def notified(self, channel: str, data: msgspec.Raw) -> None:
        """A channel that was subscribed to has news."""

    def unreadable(self, error: MalformedMessage) -> None:
        """A message can't be read: something is missing from now on."""

    def answered_late(self, method: str, frame: Frame) -> None:
        """The answer to a request came after whoever sent it had given up."""

    def lost(self, error: AdapterError) -> None:
        """The connection is gone; told once."""


@define(eq=False)
class _Waiting:
    method: str
    answer: "asyncio.Future[Frame]" = field(factory=lambda: asyncio.get_running_loop().create_future())


class Connection:
    """An open WebSocket; made by :meth:`open`."""

    def __init__(self, websocket: ClientConnection, listener: Listener, *, timeout_s: float) -> None:
        self._websocket, self._listener, self._timeout_s = websocket, listener, timeout_s
        self._waiting: dict[int | str, _Waiting] = {}
        self._last_id = 0
        self._error: AdapterError | None = None
        #: How many messages have come.
        self.messages_read = 0
        self._heard_s = asyncio.get_running_loop().time()
        self._reader = asyncio.create_task(self._read(), name="deribit-reader")
        self._reader.add_done_callback(_ended)
        self._watcher: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, listener: Listener, *, timeout_s: float) -> "Connection":
        """Connect.

        Raises:
            AdapterError: the venue can't be reached.
        """
        try:
            # No compression: it costs more than loopback or a leased line gains. The heartbeat below is the venue's.
            websocket = await connect(
                url,
                compression=None,
                max_size=_LONGEST_MESSAGE,
                open_timeout=timeout_s,
                close_timeout=_CLOSE_TIMEOUT_S,
                ping_interval=None,
                logger=_transport_log,
            )
        except (OSError, TimeoutError, WebSocketException, EOFError) as error:
            raise AdapterError(f"{url} can't be reached: {type(error).__name__}: {error}") from None
        return cls(websocket, listener, timeout_s=timeout_s)

    @property
    def is_open(self) -> bool:
        return self._error is None

    async def keep_alive(self, heartbeat_s: int) -> None:
        """Have the venue send heartbeats, and give the connection up when they stay away (public/set_heartbeat).

        Raises:
            AdapterError: the venue refuses, or does not answer.
        """
        await self.call("public/set_heartbeat", {"interval": heartbeat_s}, str)
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(heartbeat_s * _MISSED_HEARTBEATS), name="deribit-heartbeat")

    async def send(self, method: str, params: Mapping[str, Any]) -> Frame:
        """Send a request and wait for its answer, however long that takes; an error is an answer too.

        Raises:
            AdapterError: the connection is gone, which says nothing of what became of the request.
        """
        if self._error is not None:
            raise AdapterError(str(self._error))
        self._last_id += 1
        request_id = self._last_id
        waiting = self._waiting[request_id] = _Waiting(method)
        try:
            # Straight onto the wire, without a task switch: one frame a request, and few requests under way at a time.
            self._websocket.protocol.send_text(encode_request(request_id, method, params))
            self._websocket.send_data()
        except WebSocketException as error:
            self._waiting.pop(request_id, None)
            waiting.answer.cancel()
            raise AdapterError(f"the connection closed while {method} was sent: {type(error).__name__}") from None
        return await waiting.answer

    async def ask(self, method: str, params: Mapping[str, Any]) -> Frame:
        """Ask a question and wait for the answer as long as one may take.

        Raises:
            Refusal: the venue answers with an error.
            AdapterError: no answer came.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                frame = await self.send(method, params)
        except TimeoutError:
            raise AdapterError(f"{method} was not answered within {self._timeout_s:g} s") from None
        if frame.error is not None:
            raise Refusal(method, frame.error)
        return frame

    async def call[T](self, method: str, params: Mapping[str, Any], kind: type[T]) -> T:
        """Ask a question and read its answer; raises what :meth:`ask` does, and MalformedMessage."""
        frame = await self.ask(method, params)
        return decoded(kind, frame.result, f"the answer to {method}")

    def lose(self, error: AdapterError) -> None:
        """Give the connection up; whoever waits for an answer is told."""
        if self._error is not None:
            return
        self._error = error
        self._give_up(str(error))
        if self._watcher is not None:
            self._watcher.cancel()
        # Cut, not closed: nobody waits for the other side's farewell.
        self._websocket.transport.abort()
        self._listener.lost(error)

    async def close(self) -> None:
        """Hang up on purpose."""
        self._error = self._error or AdapterError("the session was closed")
        if self._watcher is not None:
            self._watcher.cancel()
        try:
            await self._websocket.close()
        finally:
            # Whoever is cancelled here leaves no connection behind that lives on by itself.
            self._websocket.transport.abort()
            self._reader.cancel()
            self._give_up("the session was closed")
        await asyncio.wait((self._reader,))

    def _give_up(self, reason: str) -> None:
        """Tell whoever waits for an answer that none will come."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            if not each.answer.done():
                each.answer.set_exception(
                    AdapterError(f"{each.method} was under way as the connection ended: {reason}")
                )
                # Whoever is being cancelled at this very moment never looks at it.
                each.answer.exception()

    async def _read(self) -> None:
        try:
            while True:
                message = await self._websocket.recv(decode=False)
                self._heard_s = asyncio.get_running_loop().time()
                self.messages_read += 1
                try:
                    self._take(read_frame(message))
                except MalformedMessage as error:
                    self._listener.unreadable(error)
        except ConnectionClosed as error:
            self.lose(AdapterError(f"the venue closed the connection: {error}"))
        except Exception as error:
            # A defect of ours must not leave a session that hears nothing and looks alive.
            self.lose(AdapterError(f"reading failed: {type(error).__name__}"))
            raise

    def _take(self, frame: Frame) -> None:
        if frame.id is not None:
            self._answered(frame.id, frame)
        elif frame.method == "subscription" and frame.params is not None and frame.params.channel is not None:
            self._listener.notified(frame.params.channel, frame.params.data)
        elif frame.method == "heartbeat":
            if frame.params is not None and frame.params.type == "test_request":
                self._post("public/test", {})
        else:
            self._listener.unreadable(
                MalformedMessage(f"a message is no answer, and {frame.method!r:.60} is not known")
            )

    def _answered(self, request_id: int | str, frame: Frame) -> None:
        waiting = self._waiting.pop(request_id, None)
        # A login that is refused is told to whoever asked for it, who may know another way in.
        is_login = waiting is not None and waiting.method == "public/auth"
        if (
            frame.error is not None
            and ends_session(frame.error)
            and (not is_login or frame.error.code == OUT_OF_CREDITS)
        ):
            # First, so that whoever gets the answer finds the session as it is.
            self.lose(AdapterError(f"the venue ends the session: {frame.error.code} {frame.error.message}"))
        if waiting is None:
            self._listener.unreadable(MalformedMessage(f"an answer is to no request of ours (id {request_id!r:.60})"))
        elif waiting.answer.done():
            self._listener.answered_late(waiting.method, frame)
        else:
            waiting.answer.set_result(frame)

    def _post(self, method: str, params: Mapping[str, Any]) -> None:
        """Send what nobody waits for."""
        task = asyncio.create_task(self._posted(method, params), name=f"deribit-{method}")
        task.add_done_callback(_ended)

    async def _posted(self, method: str, params: Mapping[str, Any]) -> None:
        try:
            await self.ask(method, params)
        except AdapterError as error:
            self.lose(AdapterError(f"the heartbeat failed: {error}"))

    async def _watch(self, patience_s: float) -> None:
        loop = asyncio.get_running_loop()
        while (left_s := self._heard_s + patience_s - loop.time()) > 0:  # noqa: ASYNC110  (silence has no event)
            await asyncio.sleep(left_s)
        self.lose(AdapterError(f"nothing was heard for {patience_s:g} s"))


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("deribit_task_failed", task=task.get_name(), error=type(error).__name__)
