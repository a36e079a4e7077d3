"""Larkspur's stream of reports: a login, numbered messages, a heartbeat once a second."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Self

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from liveexec.domain.ids import AccountId
from liveexec.domain.outcome import Gap, VenueReport
from liveexec.errors import AdapterError
from liveexec_larkspur import wire
from liveexec_larkspur.config import LarkspurAccount, LarkspurSection
from liveexec_larkspur.mapping import Mapper
from liveexec_larkspur.signing import signature

__all__ = ["ReportSession", "Reports", "opened"]

_log = structlog.get_logger(__name__)

#: Reports that wait to be read; more means that nobody reads, and the session is given up rather than its reports.
_CAPACITY: Final = 100_000
_LOST: Final = (WebSocketException, OSError, TimeoutError, EOFError)
#: Frames are not logged, whatever a host logs: one of them holds the key.
_quiet = logging.getLogger("liveexec_larkspur.frames")
_quiet.setLevel(logging.WARNING)


async def opened(url: str, timeout_s: float) -> ClientConnection:
    """A connection.

    Raises:
        AdapterError: there is none to be had.
    """
    try:
        return await connect(url, open_timeout=timeout_s, close_timeout=timeout_s, proxy=None, logger=_quiet)
    except _LOST as error:
        raise AdapterError(f"{url} can't be reached: {type(error).__name__}: {error}") from error


class Reports:
    """What a session heard, in order, until it ends; raises its error when that is what ended it."""

    def __init__(self) -> None:
        self._items: deque[VenueReport] = deque()
        self._changed = asyncio.Event()
        self._error: AdapterError | None = None
        self.is_over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> VenueReport:
        while not self._items:
            if self._error is not None:
                raise self._error
            if self.is_over:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()

    def add(self, report: VenueReport) -> None:
        """Something was heard."""
        if len(self._items) >= _CAPACITY:
            self.end(AdapterError("nobody reads the reports, so the session is given up"))
        elif not self.is_over:
            self._items.append(report)
            self._changed.set()

    def end(self, error: AdapterError | None = None) -> None:
        """Nothing more will be heard; the first word on why counts."""
        if not self.is_over:
            self.is_over, self._error = True, error
            self._changed.set()


class ReportSession:
    """One login. Everything from the login on is kept for whoever reads ``reports``."""

    def __init__(self, section: LarkspurSection, account: LarkspurAccount, offset_ns: Callable[[], int]) -> None:
        self.reports = Reports()
        self._section, self._account, self._offset_ns = section, account, offset_ns
        self._account_id = AccountId(account.account_id)
        self._mapper = Mapper(self._account_id)
        #: The number of the last message; ``None`` before the login.
        self._last: int | None = None
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, log in and begin to listen.

        Raises:
            AdapterError: the stream can't be reached, or refuses the login.
        """
        timeout_s = self._section.answer_timeout_s
        self._socket = await opened(f"{self._section.stream_url}/v1/reports", timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                await self._socket.send(self._login())
                head = msgspec.json.decode(await self._socket.recv(), type=wire.Head)
            _must_be_login(head)
        except (*_LOST, ValueError) as error:
            self._socket.transport.abort()
            raise AdapterError(f"the login was not answered: {type(error).__name__}: {error}") from error
        except BaseException:
            # Refused, or given up by whoever waits for it.
            self._socket.transport.abort()
            raise
        self._last = head.seq
        self._task = asyncio.create_task(self._listen(self._socket), name=f"larkspur-{self._account_id}")

    async def close(self) -> None:
        """Hang up; the reports end without an error."""
        self.reports.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._socket is not None:
            with contextlib.suppress(*_LOST):
                await self._socket.close()

    def _login(self) -> str:
        time_us = (time.time_ns() + self._offset_ns()) // 1_000
        signed = signature(self._account.secret, time_us, "LOGIN", "/v1/reports")
        login = {"op": "login", "key": self._account.key.reveal(), "time_us": time_us, "signature": signed}
        return msgspec.json.encode(login).decode()

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            while not self.reports.is_over:
                # The venue's heartbeat comes once a second, so that silence is a loss and no lull.
                async with asyncio.timeout(self._section.silence_s):
                    text = await socket.recv()
                self._hear(text)
        except TimeoutError:
            self._lose(f"the stream was silent for {self._section.silence_s:g} s")
        except _LOST as error:
            self._lose(f"the stream was lost: {type(error).__name__}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and ends the stream
            # A defect of ours must not leave a session that hears nothing and looks alive.
            _log.exception("reading_failed", venue="LARKSPUR")
            self._lose(f"reading failed: {type(error).__name__}")

    def _lose(self, reason: str) -> None:
        self.reports.end(AdapterError(reason))
        if self._socket is not None:
            # Without a closing handshake: the other side may be one that no longer answers.
            self._socket.transport.abort()

    def _hear(self, text: str | bytes) -> None:
        """Read one message. What can't be read may have been a fill, so it is a gap like one that never came."""
        try:
            head = msgspec.json.decode(text, type=wire.Head)
        except ValueError as error:
            if self._last is not None:
                self._last += 1  # it had a number that can't be read: the one that was due
            self._not_readable(error)
            return
        self._count(head)
        try:
            report = self._report(head.type, text)
        except ValueError as error:
            self._not_readable(error)
            return
        if report is not None:
            self.reports.add(report)

    def _not_readable(self, error: ValueError) -> None:
        _log.warning("message_not_readable", venue="LARKSPUR", error=str(error))
        self.reports.add(Gap(self._account_id, "a message could not be read"))

    def _count(self, head: wire.Head) -> None:
        """Messages are numbered without a hole; a heartbeat repeats the last number. One that comes again has a number
        that was there, and is handed on: what counts once is for the engine to say."""
        if head.seq is None:
            return
        is_next = head.type != "heartbeat"
        if self._last is not None and head.seq > self._last + is_next:
            missed = head.seq - self._last - is_next
            self.reports.add(Gap(self._account_id, f"{missed} messages after number {self._last} did not arrive"))
        self._last = max(head.seq, self._last or 0)

    def _report(self, kind: str, text: str | bytes) -> VenueReport | None:
        match kind:
            case "order":
                return self._mapper.order(_decoded(text, wire.OrderMessage).order)
            case "fill":
                return self._mapper.fill(_decoded(text, wire.FillMessage).fill)
            case "transfer":
                return self._mapper.transfer(_decoded(text, wire.TransferMessage).transfer)
            case "heartbeat":
                return None
            case _:
                # A kind that the venue added since this was written. Its number was counted, so that nothing seems
                # missing; it is said, so that somebody reads the venue's news.
                _log.warning("message_of_unknown_kind", venue="LARKSPUR", kind=kind[:40])
                return None


def _must_be_login(head: wire.Head) -> None:
    if head.type != "login":
        raise AdapterError(f"the login was refused with {head.code}: {head.message}")


def _decoded[T](text: str | bytes, kind: type[T]) -> T:
    return msgspec.json.decode(text, type=kind)
