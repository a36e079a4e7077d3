"""What every loopback venue is: a floor, a clock, keys, sessions, faults and a request log, without a transport."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from attrs import define

from liveexec_nautilus.loopback.shared.accounts import Keyring
from liveexec_nautilus.loopback.shared.events import FloorEvent
from liveexec_nautilus.loopback.shared.faults import FaultScript, broken, patched_json
from liveexec_nautilus.loopback.shared.floor import Floor
from liveexec_nautilus.loopback.shared.sessions import Session
from liveexec_nautilus.loopback.shared.traffic import HttpAnswer, HttpRequest, LoggedRequest

__all__ = ["Due", "LoopbackVenue"]

#: How many requests the control can still see.
_REMEMBERED: Final = 100_000
#: What nobody wants to read again: it is left out of the request log.
_SECRET_PARAMETERS: Final = frozenset({"signature", "sign", "apiKey", "api_key", "passphrase"})


@define
class Due:
    """What an HTTP request gets: an answer after ``delay_s``; without one nothing, or a cut connection."""

    answer: HttpAnswer | None
    delay_s: float = 0.0
    cut: bool = False


class LoopbackVenue(ABC):
    """One venue. Everything runs in one event loop and nothing here awaits: a request is done before the next.

    A subclass says which paths it takes, answers requests in its own words and tells its sessions what happened on
    the floor (:meth:`on_event`).
    """

    #: WebSocket paths, as starlette's routes write them.
    websocket_paths: Sequence[str]

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.clock = floor.clock
        self.keys = Keyring(floor.accounts.values())
        self.faults = FaultScript()
        self.sessions: dict[int, Session] = {}
        self.requests: deque[LoggedRequest] = deque(maxlen=_REMEMBERED)
        floor.listeners.append(self.on_event)

    # What a venue of its own says

    @abstractmethod
    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Carry out an HTTP request; whatever is wrong with it is the venue's own error."""

    @abstractmethod
    def error(self, code: str, message: str) -> HttpAnswer:
        """The venue's own error with this code, over HTTP."""

    @abstractmethod
    def greet(self, session: Session) -> bool:
        """A session wants to open; ``False`` turns it away (an unknown listen key). Sending to it is allowed."""

    @abstractmethod
    def receive(self, session: Session, text: str) -> None:
        """Carry out a message of a WebSocket client."""

    @abstractmethod
    def on_event(self, event: FloorEvent) -> None:
        """Something happened on the floor: tell whoever subscribed to it."""

    @abstractmethod
    def expire_credentials(self) -> int:
        """Let what sessions live by (listen keys, log-ins) expire now; returns how many."""

    def tick(self) -> None:
        """Time has passed: what is over ends."""
        self.floor.advance()

    # What all have in common

    def open(self, session: Session) -> bool:
        """A client has connected; ``False`` where it is turned away."""
        self.sessions[session.session_id] = session
        if self.greet(session):
            return True
        del self.sessions[session.session_id]
        return False

    def leave(self, session: Session) -> None:
        """A connection is over."""
        session.is_closed = True
        self.sessions.pop(session.session_id, None)

    def take_message(self, session: Session, text: str) -> None:
        """A message of a client arrives; what it brings to this session's streams follows its answer."""
        if session.is_silent or session.is_closed:
            return
        session.received += 1
        session.answering = []
        try:
            self.receive(session, text)
        finally:
            waiting, session.answering = session.answering, None
        for message in waiting:
            session.send(message)

    def take_request(self, request: HttpRequest) -> Due:
        """An HTTP request arrives: log it, carry it out with whatever fault is due."""
        parameters: dict[str, object] = dict(request.parameters() if _is_form(request) else _json_object(request.text))
        self.log(0, request.operation, parameters)
        fault = self.faults.of_request(request.operation)
        if fault is None:
            return Due(self.answer(request))
        answer = self.answer(request) if fault.takes_effect else None
        match fault.kind:
            case "drop" | "cut":
                return Due(None, cut=fault.kind == "cut")
            case "error":
                return Due(self.error(fault.code, fault.message))
            case "status":
                return Due(HttpAnswer(fault.status, b"<html>scripted</html>", dict(fault.headers), "text/html"))
        assert answer is not None
        if fault.kind == "malformed":
            answer.body = broken(answer.body)
        elif fault.kind == "patch":
            answer.body = patched_json(answer.body, fault.fields)
        return Due(answer, fault.delay_s)

    def carry_out(
        self,
        session: Session,
        operation: str,
        parameters: Mapping[str, object],
        act: Callable[[], object],
        refuse: Callable[[str, str], object],
    ) -> None:
        """Answer a request that came over WebSocket, with whatever fault is due.

        ``act`` carries it out and returns the answer (bytes are sent as they are, anything else as JSON);
        ``refuse(code, message)`` is the venue's own error as an answer.
        """
        self.log(session.session_id, operation, parameters)
        fault = self.faults.of_request(operation)
        if fault is None:
            session.send(_written(act()))
            return
        answer = act() if fault.takes_effect else None
        match fault.kind:
            case "drop":
                return
            case "cut":
                session.close(abruptly=True)
                return
            case "error" | "status":
                code = fault.code if fault.kind == "error" else str(fault.status)
                session.send(_written(refuse(code, fault.message)))
                return
        body = _written(answer)
        if fault.kind == "malformed":
            session.send(_broken(body))
        elif fault.kind == "patch":
            session.send(_patched(body, fault.fields))
        else:
            asyncio.get_running_loop().call_later(fault.delay_s, session.send, body)

    def publish(self, session: Session, topic: str, message: object) -> None:
        """Tell a session of something, with whatever fault is due; bytes go out as they are, anything else as JSON."""
        fault = self.faults.of_message(topic)
        overtaken, session.held = session.held, None
        body = _written(message)
        if fault is None:
            session.notify(body)
        elif fault.kind == "duplicate":
            session.notify(body)
            session.notify(body)
        elif fault.kind == "swap":
            session.held = body
        elif fault.kind == "delay":
            asyncio.get_running_loop().call_later(fault.delay_s, session.notify, body)
        elif fault.kind == "malformed":
            session.notify(_broken(body))
        elif fault.kind == "patch":
            session.notify(_patched(body, fault.fields))
        if overtaken is not None:
            session.notify(overtaken)

    def log(self, session_id: int, operation: str, parameters: Mapping[str, object]) -> None:
        """Remember a request, without its credentials."""
        kept = {name: value for name, value in parameters.items() if name not in _SECRET_PARAMETERS}
        self.requests.append(LoggedRequest(session_id, operation, kept, self.clock.now_ms()))


def _written(message: object) -> str | bytes:
    if isinstance(message, bytes):
        return message
    return msgspec.json.encode(message).decode()


def _broken(body: str | bytes) -> str | bytes:
    return body[: len(body) * 2 // 3]


def _patched(body: str | bytes, fields: Mapping[str, object]) -> str | bytes:
    return body if isinstance(body, bytes) else patched_json(body.encode(), fields).decode()


def _is_form(request: HttpRequest) -> bool:
    return not request.body.lstrip().startswith((b"{", b"["))


def _json_object(body: str) -> dict[str, object]:
    try:
        content: object = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return content if isinstance(content, dict) else {"items": content}
