"""A proxy between an adapter and a paper venue's server, that does to what travels whatever a script says."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from attrs import define, field

from liveexec.domain.ids import ClientOrderId
from liveexec.domain.outcome import Rejected
from liveexec.venues.paper import protocol
from liveexec.venues.paper.protocol import Call, Form, Frame
from liveexec.venues.paper.transport import Connection, Listener, open_connection
from liveexec_testkit.conformance.scripts import (
    CutDuring,
    CutPages,
    DelayAnswer,
    DuplicateReports,
    FailInside,
    HalfOpen,
    LastingFault,
    LimitRate,
    LoseAnswer,
    LoseReports,
    MalformedAnswer,
    Refuse,
    RefuseLogin,
    ReorderReports,
    RequestFault,
    UnknownFields,
    Verb,
)

__all__ = ["WireProxy"]

_VERBS: Final = {
    "submit": Verb.SUBMIT,
    "cancel": Verb.CANCEL,
    "replace": Verb.REPLACE,
    "order": Verb.QUERY,
    "open_orders": Verb.SNAPSHOT,
    "fills": Verb.SNAPSHOT,
}
#: Reports that come within this time of each other are told in reverse. Seconds.
_BURST_S: Final = 0.02
#: A body that is JSON, and none of what was asked for.
_NONSENSE: Final = msgspec.Raw(b'["Accepted",{"venue_order_id":[[]]}]')


@define(eq=False)
class _Line:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    #: What is done to the answers to these calls.
    struck: dict[int, RequestFault] = field(factory=dict)
    is_dead: bool = False
    held: list[Frame] = field(factory=list)
    flush: asyncio.TimerHandle | None = None

    def tell(self, frame: Frame) -> None:
        """Hand a frame to the client, unless it hung up."""
        if not self.is_dead and not self.client.is_closing():
            protocol.write_frame(self.client, frame)

    def cut(self) -> None:
        """Break it, on both sides."""
        self.client.close()
        self.server.close()


class WireProxy:
    """Listens on loopback TCP with a token of its own, and passes frames on to the server at ``upstream``.

    ``path`` is where clients find its port and its token.
    """

    def __init__(self, path: Path, upstream: Path) -> None:
        self._path, self._upstream = path, upstream
        self._listener = Listener(path, use_tcp=True)
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[RequestFault] = []
        self._lasting: list[LastingFault] = []
        self._refused_until_s = 0.0
        #: Every token that clients were ever given.
        self.tokens: list[str] = []
        self.received = dict.fromkeys(Verb, 0)
        #: The client ids of everything that was ever sent, those that never arrived among them.
        self.client_ids: dict[ClientOrderId, None] = {}

    async def open(self) -> None:
        """Take connections."""
        await self._listener.open(self._serve)
        self.tokens.append(self._listener.token)

    async def close(self) -> None:
        """Take none any more, and break those that there are."""
        self.cut(0.0)
        await self._listener.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self, refuse_for_s: float) -> None:
        """Break every connection; new ones are hung up on for so long."""
        self._refused_until_s = asyncio.get_running_loop().time() + refuse_for_s
        for line in tuple(self._lines):
            line.cut()

    async def expire_token(self) -> None:
        """Give the token up: who has it is hung up on, and finds another one where it found this."""
        self.cut(0.0)
        await self._listener.close()
        self._listener = Listener(self._path, use_tcp=True)
        await self.open()

    def garble(self) -> None:
        """Push something that can't be read, on every connection."""
        for line in self._lines:
            line.tell(Frame("push", 0, "FillReport", msgspec.Raw(b'["FillReport",{"account_id":5,"fill":null}]')))

    def strike(self, fault: RequestFault) -> None:
        """Have the next request of its verb be struck."""
        self._waiting.append(fault)

    def hold(self, fault: LastingFault) -> None:
        """Have a fault hold from now on."""
        self._lasting.append(fault)
        if isinstance(fault, HalfOpen):
            for line in self._lines:
                line.is_dead = True

    def heal(self) -> None:
        """Nothing holds any more, and nothing is going to strike."""
        self._waiting.clear()
        self._lasting.clear()

    def _holds(self, kind: type[LastingFault]) -> bool:
        return any(isinstance(each, kind) for each in self._lasting)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asyncio.get_running_loop().time() < self._refused_until_s:
            writer.close()
            return
        upstream: Connection
        upstream, token = await open_connection(self._upstream, timeout_s=5)
        line = _Line(writer, upstream[1])
        self._lines.add(line)
        back = asyncio.create_task(self._answers(line, upstream[0]), name="proxy-answers")
        try:
            while (body := await protocol.read_frame(reader)) is not None:
                self._ask(line, protocol.decode(body, Call), token)
        finally:
            self._lines.discard(line)
            line.cut()
            back.cancel()
            await asyncio.wait([back])

    def _ask(self, line: _Line, call: Call, token: str) -> None:
        if line.is_dead:
            return
        if call.method == "hello":
            self._greet(line, call, token)
            return
        verb = _VERBS.get(call.method)
        if verb is None:
            protocol.write_frame(line.server, call)
            return
        self.received[verb] += 1
        self._note_names(call)
        fault = next((each for each in self._waiting if each.verb is verb), None)
        if fault is None:
            if verb is Verb.SNAPSHOT:
                line.struck[call.id] = RequestFault(verb)  # so that its parts are known when they come
            protocol.write_frame(line.server, call)
            return
        self._waiting.remove(fault)
        match fault:
            case LimitRate() | Refuse() if verb in (Verb.QUERY, Verb.SNAPSHOT):
                self._fail(line, call.id, "too many requests" if isinstance(fault, LimitRate) else "refused")
            case LimitRate():
                self._reply(line, call, Rejected("RATE_LIMITED", "too many requests"))
            case Refuse():
                self._reply(line, call, Rejected("REFUSED", "refused, as the script says"))
            case LoseAnswer(placed=False):
                pass
            case FailInside(placed=False):
                self._fail(line, call.id, "internal error")
            case CutDuring(placed=False):
                line.cut()
            case _:
                line.struck[call.id] = fault
                protocol.write_frame(line.server, call)

    def _greet(self, line: _Line, call: Call, token: str) -> None:
        hello: protocol.Hello = protocol.decode(call.arguments, protocol.Hello)
        if self._holds(RefuseLogin) or not self._listener.admits(hello.token):
            self._fail(line, call.id, "the token is not this server's")
            return
        hello.token = token
        protocol.write_frame(line.server, Call(call.id, call.method, protocol.encode(hello)))

    def _note_names(self, call: Call) -> None:
        if call.method in ("submit", "replace"):
            arguments = msgspec.json.decode(call.arguments)
            self.client_ids[ClientOrderId(arguments["plan"]["client_order_id"])] = None

    @staticmethod
    def _reply(line: _Line, call: Call, value: object) -> None:
        line.tell(Frame("reply", call.id, Form.VALUE, protocol.encode_named(value)))

    @staticmethod
    def _fail(line: _Line, number: int, message: str) -> None:
        line.tell(Frame("reply", number, Form.ERROR, protocol.encode(message)))

    async def _answers(self, line: _Line, reader: asyncio.StreamReader) -> None:
        while (body := await protocol.read_frame(reader)) is not None:
            frame: Frame = protocol.decode(body, Frame)
            if self._holds(UnknownFields):
                frame.body = _with_more(frame.body)
            if frame.kind == "push":
                self._push(line, frame)
            else:
                self._answer(line, frame)
        line.cut()

    def _push(self, line: _Line, frame: Frame) -> None:
        if self._holds(LoseReports) and frame.form in ("OrderReport", "FillReport"):
            return
        frames = [frame, frame] if self._holds(DuplicateReports) else [frame]
        if not self._holds(ReorderReports):
            for each in frames:
                line.tell(each)
            return
        line.held += frames
        if line.flush is not None:
            line.flush.cancel()
        line.flush = asyncio.get_running_loop().call_later(_BURST_S, self._flush, line)

    @staticmethod
    def _flush(line: _Line) -> None:
        held, line.held = line.held, []
        for frame in reversed(held):
            line.tell(frame)

    def _answer(self, line: _Line, frame: Frame) -> None:
        fault = line.struck.get(frame.id)
        if frame.form == Form.PART and type(fault) is RequestFault:
            for part in self._pages(frame):
                line.tell(part)
            return
        if frame.form != Form.PART:
            line.struck.pop(frame.id, None)
        match fault:
            case LoseAnswer():
                pass
            case CutDuring():
                line.cut()
            case FailInside() if frame.form != Form.PART:
                self._fail(line, frame.id, "internal error")
            case MalformedAnswer() if frame.form != Form.PART:
                line.tell(Frame("reply", frame.id, Form.VALUE, _NONSENSE))
            case DelayAnswer(delay_s=delay_s):
                self._later(delay_s, lambda: line.tell(frame))
            case FailInside() | MalformedAnswer():
                pass
            case _:
                line.tell(frame)

    def _pages(self, frame: Frame) -> list[Frame]:
        """A part of a long answer in smaller ones, as the script says."""
        size = next((each.size for each in self._lasting if isinstance(each, CutPages)), None)
        if size is None:
            return [frame]
        items: list[msgspec.Raw] = protocol.decode(frame.body, list[msgspec.Raw])
        pages = [items[start : start + size] for start in range(0, len(items), size)]
        return [Frame("reply", frame.id, Form.PART, protocol.encode(page)) for page in pages]

    def _later(self, delay_s: float, do: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(delay_s)
            do()

        task = asyncio.create_task(wait(), name="proxy-delay")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _with_more(body: msgspec.Raw) -> msgspec.Raw:
    """The same with a field more in every object."""
    return protocol.encode(_grown(msgspec.json.decode(body)))


def _grown(value: Any) -> Any:
    match value:
        case dict():
            return {"new_since_today": {"list": [1, None, "x"]}, **{name: _grown(each) for name, each in value.items()}}
        case list():
            return [_grown(each) for each in value]
        case _:
            return value
