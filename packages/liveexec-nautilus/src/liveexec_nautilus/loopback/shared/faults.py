"""What goes wrong on purpose: scripted faults of answers, stream messages and sessions."""

import math
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

import msgspec
from attrs import define, field

from liveexec.errors import ConfigurationError, Fault

__all__ = [
    "FaultScript",
    "RequestFault",
    "RequestFaultKind",
    "StreamFault",
    "StreamFaultKind",
    "broken",
    "patched_json",
]

RequestFaultKind = Literal["drop", "cut", "delay", "error", "status", "malformed", "patch"]
StreamFaultKind = Literal["drop", "duplicate", "swap", "delay", "malformed", "patch"]

_HTTP_STATUSES: Final = range(400, 600)
#: What each field of a fault is, in words.
_TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "operation": ((str,), "text"),
    "topic": ((str,), "text"),
    "times": ((int, type(None)), "a whole number, or null for always"),
    "skip": ((int,), "a whole number"),
    "delay_s": ((int, float), "a number of seconds"),
    "code": ((str,), "text"),
    "message": ((str,), "text"),
    "status": ((int,), "a whole number"),
    "fields": ((Mapping,), "values by the names of fields"),
    "headers": ((Mapping,), "texts by name"),
}


@define(kw_only=True)
class RequestFault:
    """Something that befalls the next ``times`` requests whose operation fits ``operation`` (a glob); None: all.

    An operation is ``POST /fapi/v1/order`` over HTTP and ``order.place`` over WebSocket. ``skip`` lets so many pass.

    - ``drop``: no answer comes, the connection stays; ``carried_out`` says whether the request took effect.
    - ``cut``: the connection is dropped instead of an answer, before or (``carried_out``) after taking effect.
    - ``delay``: the request takes effect at once, its answer comes ``delay_s`` later.
    - ``error``: the venue's own error ``code`` with ``message`` is answered; not carried out unless ``carried_out``.
    - ``status``: HTTP ``status`` (503, 429, 418) with ``headers`` and a body that is no JSON; over WebSocket, where
      there is none, it is an ``error`` with that code.
    - ``malformed``: carried out, and the answer breaks off in the middle.
    - ``patch``: carried out, and every field of the answer that ``fields`` names has that value instead.

    Raises:
        ConfigurationError: with every fault of it.
    """

    kind: RequestFaultKind
    operation: str = "*"
    times: int | None = 1
    skip: int = 0
    carried_out: bool = False
    delay_s: float = 0.0
    code: str = ""
    message: str = "scripted"
    status: int = 503
    headers: Mapping[str, str] = field(factory=dict)
    fields: Mapping[str, object] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        _check_types("fault of requests", self)
        found = _counted_faults(self.kind, get_args(RequestFaultKind), self.times, self.skip, self.delay_s)
        if not all(isinstance(each, str) for pair in self.headers.items() for each in pair):
            found.append(Fault("headers", "must be texts by name"))
        if self.kind == "error" and not self.code:
            found.append(Fault("code", "an error needs the venue's code"))
        if self.kind == "status" and self.status not in _HTTP_STATUSES:
            found.append(Fault("status", f"must be an HTTP error, not {self.status}"))
        if self.kind == "patch" and not self.fields:
            found.append(Fault("fields", "name at least one field to change"))
        if found:
            raise ConfigurationError("fault of requests", found)

    @property
    def takes_effect(self) -> bool:
        """Whether the request is carried out."""
        return self.carried_out or self.kind in {"delay", "malformed", "patch"}


@define(kw_only=True)
class StreamFault:
    """Something that befalls the next ``times`` stream messages whose topic fits ``topic`` (a glob).

    A topic is the venue's own name of what is told: ``ORDER_TRADE_UPDATE``, ``btcusdt@bookTicker``. ``swap`` lets the
    next message of that session overtake this one. ``patch`` changes fields as it does in answers.

    Raises:
        ConfigurationError: with every fault of it.
    """

    kind: StreamFaultKind
    topic: str = "*"
    times: int | None = 1
    skip: int = 0
    delay_s: float = 0.0
    fields: Mapping[str, object] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        _check_types("fault of streams", self)
        found = _counted_faults(self.kind, get_args(StreamFaultKind), self.times, self.skip, self.delay_s)
        if self.kind == "patch" and not self.fields:
            found.append(Fault("fields", "name at least one field to change"))
        if found:
            raise ConfigurationError("fault of streams", found)


class FaultScript:
    """The faults that are due, oldest first."""

    def __init__(self) -> None:
        self.requests: list[RequestFault] = []
        self.streams: list[StreamFault] = []
        #: So many new WebSocket sessions are refused; ``None`` for all of them.
        self.refused_sessions: int | None = 0

    def add(self, fault: RequestFault | StreamFault) -> None:
        """Script a fault."""
        if isinstance(fault, RequestFault):
            self.requests.append(fault)
        else:
            self.streams.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        self.requests.clear()
        self.streams.clear()
        self.refused_sessions = 0

    def of_request(self, operation: str) -> RequestFault | None:
        """What befalls this request, if anything."""
        return _due(self.requests, lambda fault: fnmatchcase(operation, fault.operation))

    def of_message(self, topic: str) -> StreamFault | None:
        """What befalls this stream message, if anything."""
        return _due(self.streams, lambda fault: fnmatchcase(topic, fault.topic))

    def refuses_session(self) -> bool:
        """Whether a session that opens now is refused."""
        if self.refused_sessions is None:
            return True
        if self.refused_sessions > 0:
            self.refused_sessions -= 1
            return True
        return False


def _due[F: (RequestFault, StreamFault)](faults: list[F], fits: Callable[[F], bool]) -> F | None:
    """The first fault that fits, counted; one with all its times used is gone."""
    for fault in faults:
        if not fits(fault):
            continue
        if fault.skip:
            fault.skip -= 1
            continue
        if fault.times is not None:
            fault.times -= 1
            if not fault.times:
                faults.remove(fault)
        return fault
    return None


def broken(message: bytes) -> bytes:
    """A message that breaks off two thirds through."""
    return message[: len(message) * 2 // 3]


def patched_json(body: bytes, fields: Mapping[str, object]) -> bytes:
    """The message with other values in the fields of these names, at every depth; fields that it lacks stay out.

    What is no JSON (a binary answer) stays as it is.
    """
    try:
        content: object = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    return msgspec.json.encode(_patched(content, fields))


def _check_types(what: str, fault: "RequestFault | StreamFault") -> None:
    """Refuse fields of another type, which the rest could not even be compared with."""
    found = []
    for name, (types, words) in _TYPES.items():
        if not hasattr(fault, name):
            continue
        value = getattr(fault, name)
        if not isinstance(value, types) or isinstance(value, bool):
            found.append(Fault(name, f"must be {words}, not {value!r}"))
    if not isinstance(getattr(fault, "carried_out", False), bool):
        found.append(Fault("carried_out", "must be true or false"))
    if found:
        raise ConfigurationError(what, found)


def _counted_faults(kind: str, kinds: tuple[str, ...], times: int | None, skip: int, delay_s: float) -> list[Fault]:
    found = []
    if kind not in kinds:
        found.append(Fault("kind", f"must be one of {', '.join(kinds)}, not {kind!r}"))
    if times is not None and times < 1:
        found.append(Fault("times", "must be at least 1, or null for always"))
    if skip < 0:
        found.append(Fault("skip", "must not be negative"))
    if not math.isfinite(delay_s) or delay_s < 0 or (kind == "delay" and not delay_s):
        found.append(Fault("delay_s", "must be above zero for a delay, never below, and finite"))
    return found


def _patched(content: object, fields: Mapping[str, object]) -> object:
    if isinstance(content, dict):
        return {name: fields[name] if name in fields else _patched(value, fields) for name, value in content.items()}
    if isinstance(content, list):
        return [_patched(value, fields) for value in content]
    return content
